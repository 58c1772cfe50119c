"""Seeing on the device that training has left the finite numbers.

Looking at the loss of every batch on the host would make the device wait after each. Here
the compiled step itself looks whether loss and weights are finite. At the first step where
they are not, it keeps the weights from before, and all later steps change nothing; how many
steps went well is a number among the results, which the host reads a block later, when it
is there anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from highlevel_backend import canonical_name, current_backend, is_float, tree

from highlevel.variable import Variable

__all__ = ["Watch"]

_ENTRY = "steps that went well"


class Watch:
    """Watches the steps of one `fit`.

    Attributes:
        counter: an integer on the device: the number of steps of this pass that went well,
            `-1 - number` once one did not.
    """

    def __init__(self) -> None:
        self.counter = Variable(0, dtype="int32", trainable=False, name="good_steps")
        self._pending: tuple[Any, Callable[[int], Any]] | None = None
        self._done = 0

    def guarded(self, step: Callable, results: Callable | None) -> tuple[Callable, Any]:
        """A training step and its results, with the counter as a last group of the state."""

        def watched(fixed: Any, carried: tuple, data: Any) -> tuple[Any, tuple]:
            *before, (count,) = carried
            logs, after = step(fixed, tuple(before), data)
            xp = current_backend().xp
            running = count >= 0
            fine = _all_finite([*after[0], logs.get("loss")])
            going_on = xp.logical_and(running, fine)
            changed = [
                _choose(going_on, new, old) for new, old in zip(after[:-1], before[:-1])
            ]
            metrics = _choose(running, after[-1], before[-1])  # with those of the bad batch
            count = xp.where(running, xp.where(fine, count + 1, -1 - count), count)
            return {**logs, _ENTRY: count}, (*changed, metrics, [count])

        if results is None:
            return watched, None
        return watched, lambda carried: {**results(carried[:-1]), _ENTRY: carried[-1][0]}

    def begin(self, done: int) -> None:
        """A pass begins; `done` of its steps were done before an interruption."""
        self.counter.assign(0)
        self._pending = None
        self._done = done

    def noticed(self, logs: Any, batch: Callable[[int], Any], at_once: bool) -> Any:
        """What is known after a block was sent off: the step that went wrong, or None.

        Args:
            logs: the results of the block, from which the counter is taken away.
            batch: gives the data of one of its steps.
            at_once: whether to look at this block itself, not at the one before.

        Returns:
            `(step, data of the step)` or None.
        """
        before, self._pending = self._pending, (logs.pop(_ENTRY), batch)
        return self._found(self._pending if at_once else before)

    def at_end(self) -> Any:
        """The same for the last block of a pass."""
        return self._found(self._pending)

    def _found(self, block: tuple[Any, Callable[[int], Any]] | None) -> Any:
        if block is None:
            return None
        count = int(current_backend().to_numpy(block[0]))
        if count >= 0:
            return None
        step = self._done - 1 - count
        return step, block[1](step)


def _all_finite(values: list) -> Any:
    """Whether all entries of all floating arrays are finite, as a boolean scalar."""
    backend = current_backend()
    fine: Any = True
    for value in values:
        if value is not None and is_float(canonical_name(value.dtype)):
            fine = backend.xp.logical_and(fine, backend.xp.all(backend.xp.isfinite(value)))
    return fine


def _choose(condition: Any, new: Any, old: Any) -> Any:
    xp = current_backend().xp
    return tree.map_leaves(lambda a, b: xp.where(condition, a, b), list(new), list(old))
