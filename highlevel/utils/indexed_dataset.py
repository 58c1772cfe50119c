"""`IndexedDataset`: batches of samples that are fetched by number, in a new order each epoch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from highlevel_backend import tree

from highlevel.utils.py_dataset import PyDataset

__all__ = ["BatchDataset", "IndexedDataset", "as_format", "check_format"]


class BatchDataset(PyDataset):
    """A `PyDataset` that can also be iterated over, mapped and cut.

    `for batch in dataset` makes one pass, its batches made ahead by the dataset's workers,
    and ends the epoch: the next pass may have another order.
    """

    def __iter__(self) -> Iterator[Any]:
        self.on_epoch_begin()
        yield from self.iterate_batches(range(len(self)))
        self.on_epoch_end()

    def map(self, function: Callable) -> BatchDataset:
        """The dataset of what `function` makes of each batch.

        Args:
            function: called with the batch's parts, `function(x, y)`; it runs where batches
                are made, which may be several threads at once.
        """
        return _Mapped(self, function)

    def take(self, count: int) -> BatchDataset:
        """The dataset of the first `count` batches of each pass."""
        return _Taken(self, count)


class _Derived(BatchDataset):
    """A dataset on top of another one, with its attributes, such as `class_names`."""

    def __init__(self, source: BatchDataset) -> None:
        super().__init__(source.workers, source.use_multiprocessing, source.max_queue_size)
        self._source = source

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # also while it is being unpickled
            raise AttributeError(name)
        return getattr(self._source, name)

    def __len__(self) -> int:
        return len(self._source)

    def on_epoch_begin(self) -> None:
        self._source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self._source.on_epoch_end()


class _Mapped(_Derived):
    def __init__(self, source: BatchDataset, function: Callable) -> None:
        super().__init__(source)
        self._function = function

    def __getitem__(self, index: int) -> Any:
        batch = self._source[index]
        return self._function(*batch) if isinstance(batch, tuple) else self._function(batch)


class _Taken(_Derived):
    def __init__(self, source: BatchDataset, count: int) -> None:
        super().__init__(source)
        self._count = count

    def __len__(self) -> int:
        return min(self._count, len(self._source)) if self._count >= 0 else len(self._source)

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"Batch {index} of a dataset of {len(self)} batches.")
        return self._source[index % len(self)]


class IndexedDataset(BatchDataset):
    """Batches of samples that are numbered from 0.

    A subclass writes `rows(numbers)`, which returns the samples of these numbers as a batch.

    Args:
        count: number of samples.
        batch_size: samples per batch; None for single samples without a batch axis.
        shuffle: a new order in each epoch.
        seed: what the orders are drawn from; a random one where None.
        workers: threads that make batches ahead.
    """

    def __init__(
        self, count: int, batch_size: int | None, shuffle: bool = False,
        seed: int | None = None, workers: int = 1,
    ) -> None:
        super().__init__(workers=workers, max_queue_size=2 * workers)
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"`batch_size` must be positive, or None; got {batch_size}.")
        self.count = count
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = int(np.random.randint(2**31)) if seed is None else int(seed)
        self._passes = 0
        self._order = self._new_order()

    def batch(self, batch_size: int) -> IndexedDataset:
        """The same samples in batches of another size."""
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be positive; got {batch_size}.")
        other = copy.copy(self)
        other.batch_size = int(batch_size)
        return other

    def rows(self, numbers: np.ndarray) -> Any:
        """The samples of some numbers, as one batch."""
        raise NotImplementedError(f"{type(self).__name__} needs `rows(self, numbers)`.")

    def sample(self, number: int) -> Any:
        """One sample, without a batch axis."""
        return tree.map_leaves(lambda leaf: leaf[0], self.rows(np.array([number])))

    def __len__(self) -> int:
        return self.count if self.batch_size is None else -(-self.count // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        length = len(self)
        if not -length <= index < length:
            raise IndexError(f"Batch {index} of a dataset of {length} batches.")
        index %= length
        if self.batch_size is None:
            return self.sample(int(self._order[index]))
        return self.rows(self._order[index * self.batch_size:(index + 1) * self.batch_size])

    def _new_order(self) -> np.ndarray:
        if not self.shuffle:
            return np.arange(self.count)
        return np.random.default_rng((self.seed, self._passes)).permutation(self.count)

    def on_epoch_end(self) -> None:
        """The next epoch has another order, if there is shuffling."""
        self._passes += 1
        self._order = self._new_order()


def check_format(format: str) -> None:
    """Raise where a dataset format is unknown.

    Raises:
        ValueError: neither "tf" nor "grain".
    """
    if format not in ("tf", "grain"):
        raise ValueError(f"`format` must be 'tf' or 'grain'; got {format!r}.")


def as_format(dataset: IndexedDataset, format: str) -> Any:
    """The dataset itself, or as a Grain dataset.

    Args:
        format: `"tf"`, the contract's default, which gives the dataset itself (TensorFlow is
            not used); `"grain"` gives a `grain.IterDataset` of the same batches.

    Raises:
        ImportError: Grain is asked for and not installed.
    """
    if format == "tf":
        return dataset
    try:
        import grain
    except ImportError as error:
        raise ImportError(
            "`format='grain'` needs Grain, which is not installed: `pip install grain`."
        ) from error
    numbers = grain.MapDataset.range(dataset.count)
    if dataset.shuffle:
        numbers = numbers.shuffle(seed=dataset.seed % 2**32)
    if dataset.batch_size is None:
        found = numbers.map(dataset.sample)
    else:
        found = numbers.batch(dataset.batch_size).map(dataset.rows)
    found = found.to_iter_dataset()
    for name in ("class_names", "file_paths"):
        if hasattr(dataset, name):
            setattr(found, name, getattr(dataset, name))
    return found
