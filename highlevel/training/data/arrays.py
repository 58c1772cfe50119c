"""Data in memory: arrays, tables and numbers in lists, as arrays in rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from highlevel_backend import current_backend, tree

from highlevel import config

__all__ = ["ArraySource", "as_arrays", "as_host_array", "holds_arrays"]


def as_host_array(value: Any, what: str) -> Any:
    """One leaf of the data as an array: floats in `floatx`, tables as matrices.

    Raises:
        ValueError: not an array of numbers; names which.
    """
    backend = current_backend()
    if backend.is_array(value) and not isinstance(value, np.ndarray):
        return value
    if not isinstance(value, np.ndarray):
        kind = type(value).__module__.partition(".")[0]
        if kind in ("pandas", "polars"):
            array = value.to_numpy()
            value = array[:, None] if array.ndim == 1 else array
        elif hasattr(value, "detach"):  # a torch tensor, perhaps on a device
            value = value.detach().cpu()
            value = (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
        elif hasattr(value, "toarray") and hasattr(value, "tocsr"):
            value = value.toarray()
        else:
            try:
                # Strings as objects: an array of `<U` gives each the room of the longest.
                value = np.asarray(value, object if _is_text(value) else None)
            except Exception as error:
                raise ValueError(
                    f"`{what}` cannot be made an array: {type(value).__name__}. Its rows may "
                    "differ in length; pad them with `utils.pad_sequences`."
                ) from error
    if value.dtype.kind == "f" and value.dtype.itemsize == 8:
        return value.astype(config.floatx())
    if value.dtype == object:
        if value.size and all(isinstance(item, (str, bytes)) for item in value.flat[:100]):
            return value
        try:
            return value.astype(config.floatx())
        except (TypeError, ValueError):
            if all(isinstance(item, str) for item in value.reshape(-1)[:100]):
                return value
            raise ValueError(
                f"`{what}` holds Python objects ({type(value.reshape(-1)[0]).__name__}), not "
                "numbers. Rows of different lengths? Pad them with `utils.pad_sequences`; "
                "categories? Turn them into integers first."
            ) from None
    return value


def _is_text(value: Any) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, str)


def _is_table(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] in ("pandas", "polars")


def _is_array_like(value: Any) -> bool:
    if isinstance(value, np.ndarray) or current_backend().is_array(value) or _is_table(value):
        return True
    return hasattr(value, "__array__") and hasattr(value, "shape") and hasattr(value, "dtype")


def holds_arrays(value: Any) -> bool:
    """Whether it is data in memory: an array, numbers in lists, or a tree of arrays."""
    if _is_array_like(value):
        return True
    if isinstance(value, dict):
        return all(holds_arrays(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return bool(value) and all(
            isinstance(item, (int, float, bool, str, np.generic)) or holds_arrays(item)
            for item in itertools.islice(value, 100)
        )
    return False


def _leaf(value: Any) -> bool:
    """Where the walk through the data stops: arrays, tables, and lists of numbers."""
    if _is_array_like(value):
        return True
    if isinstance(value, (list, tuple)) and value and not isinstance(value[0], dict):
        first = value[0]
        while isinstance(first, (list, tuple)) and first:
            first = first[0]
        return isinstance(first, (int, float, bool, str, np.generic))
    return False


def as_arrays(data: Any, what: str) -> Any:
    """A tree of data as a tree of arrays."""
    return tree.map_leaves(lambda leaf: as_host_array(leaf, what), data, is_leaf=_leaf)


class ArraySource:
    """Data in memory.

    Args:
        x, y, sample_weight: trees of arrays with equal first axes; `y` and
            `sample_weight` may be None.
        batch_size: rows per batch.
        shuffle: whether each epoch takes the rows in a new order.

    Attributes:
        data: `(x, y, sample_weight)` as arrays.
        rows: number of rows.
        steps: how many batches an epoch takes, None for all. Where it is given, an epoch goes on
            where the last one stopped.

    Raises:
        ValueError: different numbers of rows; names which.
    """

    name = "the arrays"
    faster: str | None = None
    restarts = True
    endless = False

    def __init__(
        self, x: Any, y: Any = None, sample_weight: Any = None, batch_size: int | None = None,
        shuffle: bool = False,
    ) -> None:
        x = as_arrays(x, "x")
        y = as_arrays(y, "y") if y is not None else None
        sample_weight = (
            as_arrays(sample_weight, "sample_weight") if sample_weight is not None else None
        )
        self.data = (x, y, sample_weight)
        lengths = {
            name: sorted({len(leaf) for leaf in tree.leaves(part)})
            for name, part in zip(("x", "y", "sample_weight"), self.data) if part is not None
        }
        distinct = {n for found in lengths.values() for n in found}
        if not distinct:
            raise ValueError("`x` holds no arrays.")
        if len(distinct) > 1:
            shown = ", ".join(f"{name}: {found}" for name, found in lengths.items())
            raise ValueError(
                f"All arrays must have the same number of rows; got {shown}. Check that "
                "inputs and targets belong together."
            )
        self.rows = distinct.pop()
        if self.rows == 0:
            raise ValueError("The data has no rows.")
        if batch_size is not None and (not isinstance(batch_size, (int, np.integer))
                                       or batch_size < 1):
            raise ValueError(f"`batch_size` must be a positive integer; got {batch_size!r}.")
        self.batch_size = int(batch_size or 32)
        self.shuffle = shuffle
        #: applied to each `(x, y, sample_weight)` that is taken
        self.prepare: Callable | None = None
        self.steps: int | None = None
        self.seen = False
        #: whether `evaluate` fills the partial batch up
        self.by_rows = False

    @property
    def length(self) -> int:
        """Number of batches of a pass over all rows, a partial one included."""
        return -(-self.rows // self.batch_size)

    @property
    def num_batches(self) -> int:
        """Number of batches of an epoch."""
        return self.length if self.steps is None else self.steps

    def place(self, epoch: int) -> tuple[int, int]:
        """The pass, and the batch of it, that an epoch begins with."""
        if self.steps is None or self.steps >= self.length:
            return epoch, 0
        epochs = -(-self.length // self.steps)
        return epoch // epochs, epoch % epochs * self.steps

    def order(self, generator: np.random.Generator | None) -> np.ndarray:
        """The rows' order in an epoch, int32."""
        order = np.arange(self.rows, dtype=np.int32)
        if self.shuffle == "batch" and generator is not None:
            full = self.rows // self.batch_size
            blocks = generator.permutation(full)
            head = order[: full * self.batch_size].reshape(full, self.batch_size)[blocks]
            return np.concatenate([head.reshape(-1), order[full * self.batch_size:]])
        if self.shuffle and generator is not None:
            generator.shuffle(order)
        return order

    def take(self, rows: Any) -> Any:
        """`(x, y, sample_weight)` of some rows, on the host."""
        taken = tree.map_leaves(lambda leaf: leaf[rows], self.data)
        return taken if self.prepare is None else self.prepare(*taken)

    def batches(
        self, generator: np.random.Generator | None = None, skip: int = 0
    ) -> Iterator[Any]:
        """The batches of one pass from the one numbered `skip`, on the host."""
        order = self.order(generator)
        in_place = not self.shuffle
        for start in range(skip * self.batch_size, self.rows, self.batch_size):
            stop = start + self.batch_size
            yield self.take(slice(start, stop) if in_place else order[start:stop])

    def first(self) -> Any:
        """A first batch, to learn shapes and dtypes from."""
        self.seen = True
        return self.take(slice(0, self.batch_size))

    def more(self) -> bool:
        """Whether there is a batch for the next epoch."""
        return True

    def on_epoch_end(self) -> None:
        """Nothing to do for arrays."""

    def close(self) -> None:
        """Nothing to do for arrays."""

    def resume(self, epoch: int, batch: int, order_seed: int | None) -> None:
        """Nothing to do for arrays: an epoch's order does not depend on those before."""
