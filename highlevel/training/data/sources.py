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

from highlevel.training.data.arrays import ArraySource, holds_arrays
from highlevel.training.data.batches import pack_x_y_sample_weight, unpack_x_y_sample_weight
from highlevel.training.data.class_weights import weighing
from highlevel.training.data.libraries import (
    is_columns,
    is_loader,
    is_tf,
    of_columns,
    of_loader,
    of_tf,
)
from highlevel.training.data.streams import StreamSource
from highlevel.training.data.workers import Crew, in_line, wants_workers

__all__ = [
    "ArraySource",
    "StreamSource",
    "make_source",
    "pack_x_y_sample_weight",
    "split_off_validation",
    "unpack_x_y_sample_weight",
]

#: a dataset that says it has this many batches was repeated without end
_ENDLESS = 2**31 - 1


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
        x: arrays, a table, a tree of arrays, a generator, a `PyDataset`, a Hugging Face dataset,
            or any iterable of batches (a torch `DataLoader`, a `tf.data.Dataset`, Grain).
        y, sample_weight: with arrays only; with a Hugging Face dataset, names of columns.
        batch_size: rows per batch, with arrays and Hugging Face datasets.
        steps: number of batches per epoch.
        shuffle: new order in each epoch, with arrays and datasets that are read by index.
        class_weight: class → weight.
        what: the caller's name, for errors.
        order_seed: what a dataset's orders are drawn from; chosen at random where None.

    Raises:
        ValueError: nothing given, targets beside an iterable, rows that do not match, a dataset
            without end and no `steps`.
        TypeError: something that is no data.
    """
    if x is None:
        raise ValueError(f"`{what}` needs data: give `x`.")
    if steps is not None and (
        isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 1
    ):
        name = {"fit": "steps_per_epoch", "validation": "validation_steps"}.get(what, "steps")
        raise ValueError(f"`{name}` must be a positive integer or None; got {steps!r}.")
    transform = None if class_weight is None else weighing(class_weight)
    if holds_arrays(x):
        source = ArraySource(x, y, sample_weight, batch_size, shuffle)
        if transform is not None:
            if source.data[1] is None:
                raise ValueError("`class_weight` needs targets: give `y`.")
            source.data = transform(*source.data)
        return source
    if isinstance(x, dict) and any(is_columns(part) for part in x.values()):
        raise ValueError(
            f"A {type(x).__name__} holds several datasets: give one of them, {list(x)}."
        )
    if is_columns(x):
        return of_columns(
            x, y, sample_weight, batch_size, shuffle, transform, _seed(order_seed),
            targets=what != "predict",
        )
    if y is not None or sample_weight is not None:
        raise ValueError(
            f"With a {type(x).__name__} as `x`, targets and sample weights come from it: let it "
            "yield `(x, y)` or `(x, y, sample_weight)` and leave `y` and `sample_weight` out."
        )
    stream = _stream(x, shuffle, transform, order_seed)
    if stream is None:
        raise TypeError(
            f"`{what}` cannot take data of type {type(x).__name__}. Give arrays, a table, a dict "
            "or list of arrays, a generator, a `PyDataset` or another iterable of batches"
            + (": of single samples, make a `torch.utils.data.DataLoader`."
               if hasattr(x, "__getitem__") else ".")
        )
    if stream.endless and steps is None:
        name = {"fit": "steps_per_epoch", "validation": "validation_steps"}.get(what, "steps")
        raise ValueError(
            f"{type(x).__name__} has no end: say with `{name}` how many batches to take."
        )
    return stream


def _seed(order_seed: int | None) -> int:
    return int(np.random.default_rng().integers(2**31)) if order_seed is None else order_seed


def _stream(
    x: Any, shuffle: Any, transform: Callable | None, order_seed: int | None
) -> StreamSource | None:
    if hasattr(x, "__getitem__") and hasattr(x, "on_epoch_end") and (
        hasattr(x, "__len__") or hasattr(x, "num_batches")
    ):
        return _dataset_source(x, shuffle, transform, _seed(order_seed))
    if is_tf(x):
        return of_tf(x, transform)
    if is_loader(x):
        return of_loader(x, transform)
    name = type(x).__name__
    if hasattr(x, "__next__"):
        return StreamSource(
            lambda _: iter(x), restart=False, transform=transform, name=f"the {name}",
            faster="make the batches in a `utils.PyDataset(workers=4)`, or prepare the arrays once "
            "and pass them whole",
        )
    if hasattr(x, "__iter__") and not isinstance(x, (str, bytes)):
        length = _length(x)
        return StreamSource(
            lambda _: iter(x), length, transform=transform, name=name,
            endless=length is None and _says_endless(x),
            faster="make the batches in a `utils.PyDataset(workers=4)`, or let this one work ahead"
            if not hasattr(x, "mp_prefetch")
            else "`.mp_prefetch(grain.MultiprocessingOptions(num_workers=4))`",
        )
    return None


def _length(x: Any) -> int | None:
    """Number of batches of an iterable, None where it does not know."""
    try:
        length = len(x)
    except (TypeError, NotImplementedError, AttributeError):
        return None
    return length if length < _ENDLESS else None


def _says_endless(x: Any) -> bool:
    try:
        return len(x) >= _ENDLESS
    except (TypeError, NotImplementedError, AttributeError, OverflowError):
        return False


def _dataset_source(
    dataset: Any, shuffle: Any, transform: Callable | None, order_seed: int
) -> StreamSource:
    """A `PyDataset` or `Sequence`: batches by index, through its workers."""
    try:
        count = dataset.num_batches
    except AttributeError:
        count = len(dataset)
    crew: list[Crew] = []

    def start(seed: tuple[int, int]) -> Iterator[Any]:
        indices: Any = itertools.count() if count is None else range(count)
        if shuffle and count is not None:
            indices = np.random.default_rng(seed).permutation(count).tolist()
        if not wants_workers(dataset):
            return in_line(dataset, indices)
        if not crew or crew[0].closed:
            crew[:] = [Crew(dataset)]
        return crew[0].run(indices)

    def close() -> None:
        while crew:
            crew.pop().close()

    workers = getattr(dataset, "workers", 1)
    processes = getattr(dataset, "use_multiprocessing", False)
    if not wants_workers(dataset):
        faster = "let workers make the batches ahead: `workers=4`, in processes if the work is " \
            "Python's own: `use_multiprocessing=True`"
    elif not processes:
        faster = f"use processes: `use_multiprocessing=True` (now {workers} threads)"
    else:
        faster = f"use more processes: `workers={2 * workers}` (now {workers})"
    return StreamSource(
        start, count, name=type(dataset).__name__,
        on_epoch_begin=getattr(dataset, "on_epoch_begin", None),
        on_epoch_end=dataset.on_epoch_end, close=close, transform=transform,
        order_seed=order_seed, faster=faster, endless=count is None,
    )


def split_off_validation(
    x: Any, y: Any, sample_weight: Any, fraction: float
) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """The first rows for training and the last `fraction` of them for validation.

    Raises:
        ValueError: not arrays, or a fraction that leaves one side empty.
    """
    if not holds_arrays(x):
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
