"""Data that comes batch by batch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from highlevel_backend import tree

from highlevel.training.data.arrays import as_arrays
from highlevel.training.data.batches import unpack_x_y_sample_weight

__all__ = ["StreamSource"]


class StreamSource:
    """Batches from an iterable.

    Args:
        start: called with `(order_seed, number of passes before)` for an iterator of batches.
        length: how many batches a pass has, None where unknown.
        restart: whether a new pass can be begun; otherwise one iterator goes on.
        name: what it is, for messages.
        on_epoch_begin, on_epoch_end: called before and after each epoch.
        close: called when no more batches are wanted.
        transform: applied to each `(x, y, sample_weight)`.
        order_seed: what the passes' orders are drawn from.
        faster: what the user can do to have the batches sooner.
        endless: whether a pass has no end.

    Attributes:
        steps: how many batches an epoch takes, None for a whole pass. Where it is given, an
            epoch goes on where the last one stopped.
        seen: whether `first` was called.
    """

    shuffle = False
    #: whether the last pass ended before the data did, because another process had no more
    cut = False

    def __init__(
        self,
        start: Callable[[tuple[int, int]], Iterator[Any]],
        length: int | None = None,
        restart: bool = True,
        name: str = "the data",
        on_epoch_begin: Callable[[], None] | None = None,
        on_epoch_end: Callable[[], None] | None = None,
        close: Callable[[], None] | None = None,
        transform: Callable | None = None,
        order_seed: int | None = None,
        faster: str | None = None,
        endless: bool = False,
    ) -> None:
        self.order_seed = order_seed
        self.length = length
        self.name = name
        self.faster = faster
        self.endless = endless
        self.steps: int | None = None
        self.seen = False
        #: rows of the first batch, and whether `evaluate` fills smaller ones up
        self.batch_rows = 0
        self.by_rows = False
        self._start = start
        self.restarts = restart
        self._on_epoch_begin = on_epoch_begin
        self._on_epoch_end = on_epoch_end
        self._close = close
        self._transform = transform
        self._iterator: Iterator[Any] | None = None
        self._peeked: list[Any] = []
        self._passes = 0  # begun before the present one
        self._in_epoch = False

    @property
    def num_batches(self) -> int | None:
        """Number of batches of an epoch; None where unknown."""
        return self.steps if self.steps is not None else self.length

    def first(self) -> Any:
        """The first batch of the next epoch; it is kept for it.

        Raises:
            ValueError: there is none.
        """
        self.seen = True
        if not self.more():
            raise ValueError(f"{self.name[0].upper()}{self.name[1:]} yields no batch.")
        first = self._peeked[0]
        self.batch_rows = self.batch_rows or len(tree.leaves(first[0])[0])
        return first

    def more(self) -> bool:
        """Whether there is a batch for the next epoch; it is kept for it."""
        if not self._peeked:
            self._begin()
            try:
                self._peeked.append(self._next(at_start=True))
            except StopIteration:
                return False
            except BaseException:
                self.close()
                raise
        return True

    def _begin(self) -> None:
        """Before the first batch of an epoch."""
        if self._in_epoch:
            return
        self._in_epoch = True
        if self._on_epoch_begin is not None:
            self._on_epoch_begin()
        if self.restarts and self.steps is None:
            self._iterator = None

    def _next(self, at_start: bool = False) -> Any:
        passes = self._passes
        if self._iterator is None:
            self._iterator = iter(self._start((self.order_seed or 0, self._passes)))
            self._passes += 1
        try:
            batch = next(self._iterator)
        except StopIteration:
            if not self.restarts:
                raise
            self._iterator = None
            # The end of a pass that fell on the end of the last epoch is no end.
            if at_start and self._passes == passes:
                return self._next()
            raise
        return self._arrays(batch)

    def _arrays(self, batch: Any) -> Any:
        x, y, weight = unpack_x_y_sample_weight(batch)
        batch = (
            as_arrays(x, "x"),
            as_arrays(y, "y") if y is not None else None,
            as_arrays(weight, "sample_weight") if weight is not None else None,
        )
        return self._transform(*batch) if self._transform is not None else batch

    def batches(self, generator: Any = None, skip: int = 0) -> Iterator[Any]:
        """The batches of an epoch, up to `steps`; ends where the data does.

        Args:
            generator: not used; what arrays draw their order from.
            skip: how many of the epoch's batches are done: `resume` has left them out.
        """
        self._begin()
        for at in itertools.count(skip):
            if self.steps is not None and at >= self.steps:
                return
            if self._peeked:
                yield self._peeked.pop()
                continue
            try:
                batch = self._next(at_start=at == 0)
            except StopIteration:
                return
            yield batch

    def on_epoch_end(self) -> None:
        """Tell the dataset that an epoch is over."""
        self._in_epoch = False
        if self._on_epoch_end is not None:
            self._on_epoch_end()

    def place(self, epoch: int) -> tuple[int, int]:
        """The pass, and the batch of it, that an epoch begins with: a stream knows by itself."""
        return epoch, 0

    def close(self) -> None:
        """No more batches are wanted: workers may go."""
        self._iterator = None if self.restarts else self._iterator
        if self._close is not None:
            self._close()

    def resume(self, epoch: int, batch: int, order_seed: int | None) -> None:
        """Go to where a training was interrupted.

        Epochs that were done are passed through as the dataset sees them: one that begins
        anew is told of their ends; an iterator that goes on gives up its batches.

        Args:
            epoch: number of epochs done.
            batch: number of batches done in the epoch after them.
            order_seed: what the epochs' orders are drawn from.
        """
        if self.restarts and (epoch or order_seed != self.order_seed):
            self._peeked.clear()
            self._iterator = None
            self._in_epoch = False
            self._passes = epoch if self.steps is None else 0
        self.order_seed = order_seed
        for _ in range(epoch):
            if not self.restarts or self.steps is not None:
                for _ in self.batches():
                    pass
            self.on_epoch_end()
        if batch:
            self._begin()
        for at in range(batch):
            if self._peeked:
                self._peeked.pop()
            else:
                self._next(at_start=at == 0)
