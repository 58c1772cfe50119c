"""Where batches come from: arrays in memory, or a stream of batches.

Everything that `fit`, `evaluate` and `predict` take becomes one of two things: an
`ArraySource` (all data at hand, gathered by index inside the compiled step) or a
`StreamSource` (an iterable of batches).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from highlevel_backend import current_backend, tree

from highlevel import config
from highlevel.errors import describe

__all__ = [
    "ArraySource",
    "StreamSource",
    "make_source",
    "pack_x_y_sample_weight",
    "split_off_validation",
    "unpack_x_y_sample_weight",
]


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """`(x, y, sample_weight)` of what a dataset yields, `None` for what it lacks.

    >>> unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if len(data) == 1:
        return data[0], None, None
    if len(data) == 2:
        return data[0], data[1], None
    if len(data) == 3:
        return data
    raise ValueError(
        "A batch must be `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`; got a tuple of "
        f"{len(data)} entries: {describe(data)}."
    )


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """What a dataset yields for `x`, `y` and weights: the tuple without what is None.

    >>> pack_x_y_sample_weight(1, 2)
    (1, 2)
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


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
            value = value.detach().cpu().numpy()
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


def _holds_arrays(value: Any) -> bool:
    """Whether it is data in memory: an array, numbers in lists, or a tree of arrays."""
    if _is_array_like(value):
        return True
    if isinstance(value, dict):
        return all(_holds_arrays(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return bool(value) and all(
            isinstance(item, (int, float, bool, str, np.generic)) or _holds_arrays(item)
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

    Raises:
        ValueError: different numbers of rows; names which.
    """

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

    @property
    def num_batches(self) -> int:
        """Number of batches of an epoch, a partial one included."""
        return -(-self.rows // self.batch_size)

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

    def batches(self, generator: np.random.Generator | None = None) -> Iterator[Any]:
        """The batches of one epoch, on the host."""
        order = self.order(generator)
        in_place = not self.shuffle
        for start in range(0, self.rows, self.batch_size):
            stop = start + self.batch_size
            yield self.take(slice(start, stop) if in_place else order[start:stop])

    def first(self) -> Any:
        """A first batch, to learn shapes and dtypes from."""
        return self.take(slice(0, self.batch_size))

    def on_epoch_end(self) -> None:
        """Nothing to do for arrays."""

    def resume(self, epoch: int, batch: int, order_seed: int | None) -> None:
        """Nothing to do for arrays: an epoch's order does not depend on those before."""


class StreamSource:
    """Batches from an iterable.

    Args:
        start: called with `(order_seed, number of passes before)` for an iterator of batches.
        num_batches: how many a pass has, None where unknown.
        restart: whether every epoch begins a new pass; otherwise one iterator goes on.
        on_epoch_end: called after each epoch.
        transform: applied to each `(x, y, sample_weight)`.
        order_seed: what the passes' orders are drawn from.
    """

    shuffle = False

    def __init__(
        self,
        start: Callable[[tuple[int, int]], Iterator[Any]],
        num_batches: int | None = None,
        restart: bool = True,
        on_epoch_end: Callable[[], None] | None = None,
        transform: Callable | None = None,
        order_seed: int | None = None,
    ) -> None:
        self.order_seed = order_seed
        self._start = start
        self.num_batches = num_batches
        self._restart = restart
        self._on_epoch_end = on_epoch_end
        self._transform = transform
        self._iterator: Iterator[Any] | None = None
        self._peeked: list[Any] = []
        self._passes = 0  # begun before the present one
        self._resumed = False

    def first(self) -> Any:
        """The first batch; it is kept for the first pass.

        Raises:
            ValueError: there is none.
        """
        if not self._peeked:
            try:
                self._peeked.append(self._next(self._running()))
            except StopIteration:
                raise ValueError("The dataset yields no batch.") from None
        return self._peeked[0]

    def _running(self) -> Iterator[Any]:
        if self._iterator is None:
            self._iterator = self._start((self.order_seed or 0, self._passes))
            self._passes += 1
        return self._iterator

    def _next(self, iterator: Iterator[Any]) -> Any:
        x, y, weight = unpack_x_y_sample_weight(next(iterator))
        batch = (
            as_arrays(x, "x"),
            as_arrays(y, "y") if y is not None else None,
            as_arrays(weight, "sample_weight") if weight is not None else None,
        )
        return self._transform(*batch) if self._transform is not None else batch

    def batches(self, generator: np.random.Generator | None = None) -> Iterator[Any]:
        """The batches of one pass; goes on where the last one stopped unless it restarts."""
        if self._restart and not self._peeked and not self._resumed:
            self._iterator = None
        self._resumed = False
        iterator = self._running()
        while True:
            if self._peeked:
                yield self._peeked.pop()
                continue
            try:
                batch = self._next(iterator)
            except StopIteration:
                self._iterator = None
                return
            yield batch

    def on_epoch_end(self) -> None:
        """Tell the dataset that an epoch is over."""
        if self._on_epoch_end is not None:
            self._on_epoch_end()

    def resume(self, epoch: int, batch: int, order_seed: int | None) -> None:
        """Go to where a training was interrupted.

        Epochs that were done are passed through as the dataset sees them: one that begins
        anew is told of their ends; an iterator that goes on gives up its batches.

        Args:
            epoch: number of epochs done.
            batch: number of batches done in the epoch after them.
            order_seed: what the epochs' orders are drawn from.
        """
        if self._restart:
            if epoch or order_seed != self.order_seed:
                self._peeked.clear()
                self._iterator = None
                self._passes = epoch
                self.order_seed = order_seed
            for _ in range(epoch):
                self.on_epoch_end()
        else:
            batch += epoch * (self.num_batches or 0)
        for _ in range(batch):
            if self._peeked:
                self._peeked.pop()
            else:
                self._next(self._running())
        self._resumed = batch > 0


def _class_weights(y: Any, sample_weight: Any, class_weight: dict[int, float]) -> np.ndarray:
    """Sample weights that hold a weight per class.

    Raises:
        ValueError: several outputs, or a class without weight.
    """
    if not isinstance(y, np.ndarray) and not hasattr(y, "shape"):
        raise ValueError("`class_weight` is only possible with a single output.")
    labels = np.asarray(y)
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[..., 0]
    labels = labels.astype("int64")
    table = np.ones(max(int(labels.max(initial=0)), *map(int, class_weight)) + 1, "float32")
    for label, weight in class_weight.items():
        table[int(label)] = weight
    weights = table[labels]
    return weights if sample_weight is None else weights * np.asarray(sample_weight)


def _weighing(class_weight: dict[int, float]) -> Callable[[Any, Any, Any], tuple]:
    """What gives each sample of a batch the weight of its class."""

    def transform(x: Any, y: Any, weight: Any) -> tuple:
        return x, y, _class_weights(y, weight, class_weight)

    return transform


def make_source(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: Any = False,
    class_weight: dict[int, float] | None = None,
    what: str = "fit",
    order_seed: int | None = None,
) -> ArraySource | StreamSource:
    """The source of what a user passes as data.

    Args:
        x: arrays, a table, a tree of arrays, a generator, a `PyDataset`, or any iterable
            of batches (a torch `DataLoader`, a `tf.data.Dataset`).
        y, sample_weight: with arrays only.
        batch_size: rows per batch, with arrays only.
        steps: number of batches per epoch where the iterable does not tell.
        shuffle: new order in each epoch, with arrays only.
        class_weight: class → weight.
        what: the caller's name, for errors.
        order_seed: what a dataset's orders are drawn from; chosen at random where None.

    Raises:
        ValueError: nothing given, targets beside an iterable, rows that do not match.
        TypeError: something that is no data.
    """
    if x is None:
        raise ValueError(f"`{what}` needs data: give `x`.")
    transform = None if class_weight is None else _weighing(class_weight)
    if _holds_arrays(x):
        source = ArraySource(x, y, sample_weight, batch_size, shuffle)
        if transform is not None:
            if source.data[1] is None:
                raise ValueError("`class_weight` needs targets: give `y`.")
            source.data = transform(*source.data)
        return source
    if y is not None or sample_weight is not None:
        raise ValueError(
            f"With a {type(x).__name__} as `x`, targets and sample weights come from it: let it "
            "yield `(x, y)` or `(x, y, sample_weight)` and leave `y` and `sample_weight` out."
        )
    if hasattr(x, "__getitem__") and hasattr(x, "__len__") and hasattr(x, "on_epoch_end"):
        return _dataset_source(x, shuffle, transform, order_seed)
    if hasattr(x, "as_numpy_iterator"):
        cardinality = getattr(x, "cardinality", lambda: None)()
        count = None if cardinality is None or int(cardinality) < 0 else int(cardinality)
        return StreamSource(lambda _: x.as_numpy_iterator(), steps or count, transform=transform)
    if hasattr(x, "__next__"):
        return StreamSource(lambda _: iter(x), steps, restart=False, transform=transform)
    if hasattr(x, "__iter__") and not isinstance(x, (str, bytes)):
        count = len(x) if hasattr(x, "__len__") else None
        return StreamSource(lambda _: iter(x), steps or count, transform=transform)
    raise TypeError(
        f"`{what}` cannot take data of type {type(x).__name__}. Give arrays, a table, a dict or "
        "list of arrays, a generator, a `PyDataset` or another iterable of batches."
    )


def _dataset_source(
    dataset: Any, shuffle: Any, transform: Callable | None, order_seed: int | None
) -> StreamSource:
    """A `PyDataset` or `Sequence`: batches by index, through its workers."""
    count = getattr(dataset, "num_batches", None)
    if count is None:
        count = len(dataset)
    begin = getattr(dataset, "on_epoch_begin", None)
    if order_seed is None:
        order_seed = int(np.random.default_rng().integers(2**31))

    def start(seed: tuple[int, int]) -> Iterator[Any]:
        if begin is not None:
            begin()
        indices = range(count)
        if shuffle:
            indices = np.random.default_rng(seed).permutation(count).tolist()
        iterate = getattr(dataset, "iterate_batches", None)
        return iterate(indices) if iterate is not None else (dataset[i] for i in indices)

    return StreamSource(
        start, count, on_epoch_end=dataset.on_epoch_end, transform=transform,
        order_seed=order_seed,
    )


def split_off_validation(
    x: Any, y: Any, sample_weight: Any, fraction: float
) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """The first rows for training and the last `fraction` of them for validation.

    Raises:
        ValueError: not arrays, or a fraction that leaves one side empty.
    """
    if not _holds_arrays(x):
        raise ValueError(
            f"`validation_split` needs arrays; with a {type(x).__name__} give `validation_data`."
        )
    if not 0 < fraction < 1:
        raise ValueError(f"`validation_split` must lie between 0 and 1; got {fraction}.")
    whole = ArraySource(x, y, sample_weight)
    cut = int(whole.rows * (1.0 - fraction))
    if cut == 0 or cut == whole.rows:
        raise ValueError(
            f"`validation_split={fraction}` of {whole.rows} rows leaves no row for "
            f"{'training' if cut == 0 else 'validation'}."
        )
    return whole.take(slice(0, cut)), whole.take(slice(cut, None))
