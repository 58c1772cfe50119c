"""Datasets of other libraries, known by what they offer; none of the libraries is imported.

- `tf.data.Dataset`: `as_numpy_iterator` and `cardinality`;
- torch's `DataLoader`: `dataset`, `num_workers` and `collate_fn`;
- Hugging Face `datasets`: `column_names`, `features`, `with_format` and `iter`.

Grain's datasets and loaders are iterables of batches and need nothing of their own.
"""

from __future__ import annotations

import multiprocessing
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from highlevel.errors import suggest
from highlevel.training.data.streams import StreamSource

__all__ = ["is_columns", "is_loader", "is_tf", "of_columns", "of_loader", "of_tf"]


# ---------------------------------------------------------------------- tf.data


def is_tf(x: Any) -> bool:
    """Whether it is a `tf.data.Dataset`."""
    return hasattr(x, "as_numpy_iterator")


def of_tf(dataset: Any, transform: Callable | None) -> StreamSource:
    """The batches of a `tf.data.Dataset`."""
    cardinality = getattr(dataset, "cardinality", lambda: -2)()
    count = -2 if cardinality is None else int(cardinality)  # -1: no end, -2: unknown
    return StreamSource(
        lambda _: dataset.as_numpy_iterator(), count if count >= 0 else None,
        transform=transform, name=type(dataset).__name__, endless=count == -1,
        faster="`.map(..., num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)`",
    )


# ------------------------------------------------------------------------ torch


def is_loader(x: Any) -> bool:
    """Whether it is a `torch.utils.data.DataLoader`, or works as one."""
    return all(hasattr(x, name) for name in ("dataset", "num_workers", "collate_fn", "__iter__"))


def of_loader(loader: Any, transform: Callable | None) -> StreamSource:
    """The batches of a torch `DataLoader`.

    Its worker processes, where it has not been told how to start them, are started anew
    ("forkserver") instead of forked: a fork of a process in which an array library runs threads
    may hang.
    """
    try:
        length = len(loader)
    except TypeError:  # of a dataset without length
        length = None

    def start(_: Any) -> Iterator[Any]:
        if not loader.num_workers or not _would_fork(loader):
            return iter(loader)
        if getattr(type(loader.dataset), "__module__", "") == "__main__" and not hasattr(
            sys.modules["__main__"], "__file__"
        ):
            warnings.warn(
                "The DataLoader's workers are forked, since its dataset is defined in a notebook "
                "or a console, where no other process can find it. A fork may hang: put the "
                "dataset into a module, or use `num_workers=0`.", stacklevel=2,
            )
            return iter(loader)
        loader.multiprocessing_context = _server(loader)
        try:
            return _Loading(iter(loader))
        except (AttributeError, TypeError, ValueError) as error:
            error.add_note(
                "The DataLoader's workers are started by 'forkserver', which pickles its dataset. "
                "Give it `multiprocessing_context=...` to have them started otherwise."
            )
            raise
        finally:
            loader.multiprocessing_context = None

    workers = loader.num_workers
    return StreamSource(
        start, length, transform=transform, name="the DataLoader",
        faster=f"`DataLoader(..., num_workers={max(4, 2 * workers)}, persistent_workers=True)` "
        f"(now {workers} workers)",
    )


class _Loading:
    """A loader's iterator; says what may be wrong when a worker dies at its start."""

    def __init__(self, iterator: Iterator[Any]) -> None:
        self._iterator = iterator
        self._begun = False

    def __iter__(self) -> _Loading:
        return self

    def __next__(self) -> Any:
        try:
            batch = next(self._iterator)
        except RuntimeError as error:
            if not self._begun and "exited unexpectedly" in str(error):
                error.add_note(
                    "The DataLoader's workers import the program that they were started from: let "
                    "it train only `if __name__ == \"__main__\":`."
                )
            raise
        self._begun = True
        return batch


def _server(loader: Any) -> Any:
    """The context "forkserver", its server with the loader's library already imported.

    Else each process would import it anew, in every epoch.
    """
    import multiprocessing.forkserver as servers  # not everywhere

    server = getattr(servers, "_forkserver", None)
    library = type(loader).__module__.partition(".")[0] + ".utils.data"
    if library in sys.modules and getattr(server, "_preload_modules", None) == ["__main__"]:
        multiprocessing.get_context("forkserver").set_forkserver_preload(["__main__", library])
    return "forkserver"


def _would_fork(loader: Any) -> bool:
    if getattr(loader, "multiprocessing_context", None) is not None:
        return False
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return False
    method = multiprocessing.get_start_method(allow_none=True)
    return (method or multiprocessing.get_all_start_methods()[0]) == "fork"


# ----------------------------------------------------------------- Hugging Face


def is_columns(x: Any) -> bool:
    """Whether it is a Hugging Face `Dataset` or `IterableDataset`: rows in named columns."""
    return all(hasattr(x, name) for name in ("column_names", "features", "with_format", "iter"))


def of_columns(
    dataset: Any, y: Any, sample_weight: Any, batch_size: int | None, shuffle: Any,
    transform: Callable | None, order_seed: int, targets: bool,
) -> StreamSource:
    """Batches of a Hugging Face dataset's rows.

    Args:
        y: name of the column of targets, or a list of names; "labels" or "label" by default,
            where there is such a column.
        sample_weight: name of a column.
        shuffle: a new order in every epoch.
        targets: whether targets are wanted; else their columns are left out.

    Raises:
        ValueError: no name, or none of a column.
    """
    columns = dataset.column_names or (list(dataset.features) if dataset.features else None)
    wanted = [y] if isinstance(y, str) else list(y) if isinstance(y, (list, tuple)) else []
    if (y is not None and not wanted) or not all(isinstance(name, str) for name in wanted):
        raise ValueError(
            "With a Hugging Face dataset as `x`, `y` is the name of a column or a list of names; "
            f"got {type(y).__name__}."
        )
    if sample_weight is not None and not isinstance(sample_weight, str):
        raise ValueError(
            "With a Hugging Face dataset as `x`, `sample_weight` is the name of a column; got "
            f"{type(sample_weight).__name__}."
        )
    if columns is None:
        columns = list(next(iter(dataset)))
    for name in (*wanted, *([sample_weight] if sample_weight else [])):
        if name not in columns:
            raise ValueError(
                f"The dataset has no column '{name}'; it has {columns}.{suggest(name, columns)}"
            )
    if not wanted:
        wanted = [name for name in ("labels", "label") if name in columns][:1]
    inputs = [name for name in columns if name not in wanted and name != sample_weight]
    if not inputs:
        raise ValueError(f"The dataset has no column of inputs beside {columns}.")
    size = batch_size or 32

    def pick(batch: Any, names: list[str]) -> Any:
        return batch[names[0]] if len(names) == 1 else {name: batch[name] for name in names}

    def start(seed: tuple[int, int]) -> Iterator[Any]:
        rows = dataset
        if shuffle and hasattr(rows, "__len__"):
            rows = rows.shuffle(seed=(seed[0] + seed[1]) % 2**32)
        for batch in rows.with_format("numpy").iter(batch_size=size):
            x = pick(batch, inputs)
            if not targets or not wanted:
                yield (x,)
            elif sample_weight is None:
                yield x, pick(batch, wanted)
            else:
                yield x, pick(batch, wanted), batch[sample_weight]

    length = -(-len(dataset) // size) if hasattr(dataset, "__len__") else None
    return StreamSource(
        start, length, transform=transform, name=f"the {type(dataset).__name__}",
        order_seed=order_seed,
        faster="do the work of `.with_transform` once, with `.map(..., num_proc=4)`; or, if it "
        "fits in memory, pass its columns as arrays: `dataset.with_format(\"numpy\")[:]`",
    )
