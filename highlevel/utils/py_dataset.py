"""`PyDataset`: batches by index, made by workers if wished."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

__all__ = ["PyDataset", "Sequence"]


class PyDataset:
    """A data set that gives a batch for an index.

    A subclass writes `__getitem__(index)`, returning `(x, y)` or `(x, y, sample_weight)`,
    and `__len__`, the number of batches.

    Args:
        workers: threads or processes that make batches ahead; 1 makes them in line.
        use_multiprocessing: processes instead of threads. They are started anew
            ("spawn"): the data set must be picklable.
        max_queue_size: how many batches may wait.

    >>> import numpy as np
    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         x = np.full((2, 1), index)
    ...         return x, x ** 2
    >>> [int(y[0, 0]) for _, y in Squares(workers=2).iterate_batches(range(3))]
    [0, 1, 4]
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} needs `__getitem__(self, index)`, which returns a batch."
        )

    def __len__(self) -> int:
        raise NotImplementedError(
            f"{type(self).__name__} needs `__len__(self)`, the number of batches."
        )

    @property
    def num_batches(self) -> int | None:
        """The number of batches; None for an endless data set."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""

    def iterate_batches(self, indices: Iterable[int]) -> Iterator[Any]:
        """The batches of `indices`, in order, made ahead by the workers.

        An error in a worker comes out here, at the batch that caused it.
        """
        if getattr(self, "workers", 1) <= 1:
            for index in indices:
                yield self[index]
            return
        executor: Executor
        if self.use_multiprocessing:
            # Forking a process in which the array library runs threads may hang.
            executor = ProcessPoolExecutor(
                self.workers, mp_context=multiprocessing.get_context("spawn"))
        else:
            executor = ThreadPoolExecutor(self.workers, "highlevel-dataset")
        ahead = max(self.max_queue_size, self.workers)
        waiting: deque = deque()
        todo = iter(indices)
        try:
            while True:
                with contextlib.suppress(StopIteration):
                    while len(waiting) < ahead:
                        index = next(todo)
                        waiting.append((index, executor.submit(_item, self, index)))
                if not waiting:
                    return
                index, future = waiting.popleft()
                try:
                    batch = future.result()
                except Exception as error:
                    error.add_note(f"In {type(self).__name__}[{index}], made by a worker.")
                    raise
                yield batch
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


def _item(dataset: PyDataset, index: int) -> Any:
    return dataset[index]


Sequence = PyDataset
