"""`PyDataset`: batches by index, made by workers if wished."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from highlevel.training.data.workers import Crew, in_line, wants_workers

__all__ = ["PyDataset", "Sequence"]


class PyDataset:
    """A data set that gives a batch for an index.

    A subclass writes `__getitem__(index)`, returning `(x, y)` or `(x, y, sample_weight)`,
    and `__len__`, the number of batches. One without end has a property `num_batches` that is
    None instead of `__len__`.

    Args:
        workers: threads or processes that make batches ahead; 1 makes them in line.
        use_multiprocessing: processes instead of threads, as many as `workers`. They are started
            anew ("spawn"), never forked: the data set must be picklable, and a script must train
            `if __name__ == "__main__":` only.
        max_queue_size: how many batches may wait.

    Attributes:
        worker_timeout: seconds after which a batch that a worker is making is given up with an
            error that names it, 600; None for never. Long before, a warning names it.

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

    # Here too, for subclasses that do not call `__init__`.
    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10
    worker_timeout: float | None = 600.0

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        for name, value, least in (("workers", workers, 0), ("max_queue_size", max_queue_size, 1)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(
                    f"`{name}` must be an integer, at least {least}; got {value!r}."
                )
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

    def __iter__(self) -> Iterator[Any]:
        """All batches once; without end for an endless data set."""
        count = self.num_batches
        return self.iterate_batches(itertools.count() if count is None else range(count))

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""

    def iterate_batches(self, indices: Iterable[int]) -> Iterator[Any]:
        """The batches of `indices`, in order, made ahead by the workers.

        An error in a worker comes out here, as soon as it is known, and names the batch.
        """
        if not wants_workers(self):
            yield from in_line(self, indices)
            return
        crew = Crew(self)
        try:
            yield from crew.run(indices)
        finally:
            crew.close()


Sequence = PyDataset
