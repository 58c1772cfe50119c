"""Seeing on the device that training has left the finite numbers.

Looking at the loss of every batch on the host would make the device wait after each, and
keeping the weights from before each step until the new ones are known to be finite costs
memory traffic: several times the step of a model with a large embedding. So steps run in
*segments* of about a tenth of a second. The weights are copied before a segment, and looked at
after it, with the loss, a mean in which what is not finite stays. What came out is read by the
host a segment later, when it is there anyway. Where something was not finite, the copy is put
back and the segment run once more by a *careful* step, which stops in front of the first bad
one. Where callbacks want to see each batch, or nothing is compiled, steps are careful from the
beginning.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from highlevel_backend import canonical_name, current_backend, is_float, tree

from highlevel.variable import Variable

__all__ = ["Watch"]

_ENTRY = "steps that went well"
#: seconds that a segment takes at least, and how many calls of a program it has at most
_SECONDS, _MOST = 0.1, 64
#: from so many bytes of state on, a segment is looked at before the next one has begun
_LARGE = 2**27


class _Segment:
    """Steps that are run again if one of them was not finite.

    Args:
        at: number of the first.
        kept: the state before it.
    """

    def __init__(self, at: int, kept: list) -> None:
        self.at = at
        self.kept = kept
        self.began = time.perf_counter()
        #: `(call, batch)`: runs some steps with a program, gives the data of one of them
        self.calls: list[tuple[Callable, Callable]] = []
        self.found: Any = None

    @property
    def bad(self) -> bool:
        return int(current_backend().to_numpy(self.found)) < 0


class Watch:
    """Watches the steps of one `fit`.

    Attributes:
        counter: an integer on the device. Of careful steps: how many of this pass went well,
            `-1 - number` once one did not. Of others: below 0 once a loss was not finite.
    """

    def __init__(self) -> None:
        self.counter = Variable(0, dtype="int32", trainable=False, name="good_steps")
        self._done = 0
        self._at_once = False
        self._open: _Segment | None = None
        self._closed: _Segment | None = None
        self._careful: Callable[[], Any] | None = None
        self._pending: tuple[Any, Callable[[int], Any]] | None = None

    # ------------------------------------------------------------------- programs

    def careful(
        self, step: Callable, results: Callable | None, compiled: bool
    ) -> tuple[Callable, Any]:
        """A step that changes nothing from the first bad one on, and its results."""

        def watched(fixed: Any, carried: tuple, data: Any) -> tuple[Any, tuple]:
            *before, (count,) = carried
            logs, after = step(fixed, tuple(before), data)
            xp = current_backend().xp
            running = count >= 0
            fine = _all_finite([*after[0], logs.get("loss")])
            choose = _choose if compiled else _choose_now
            going_on = xp.logical_and(running, fine)
            changed = [choose(going_on, new, old) for new, old in zip(after[:-1], before[:-1])]
            metrics = choose(running, after[-1], before[-1])  # with those of the bad batch
            count = xp.where(running, xp.where(fine, count + 1, -1 - count), count)
            return {**logs, _ENTRY: count}, (*changed, metrics, [count])

        if results is None:
            return watched, None
        return watched, lambda carried: {**results(carried[:-1]), _ENTRY: carried[-1][0]}

    def quick(self, step: Callable, results: Callable | None) -> tuple[Callable, Any, Callable]:
        """A step, its results, and a look at loss and weights after one or many of it."""
        if results is not None:  # the loss is a mean, in which one that is not finite stays
            return _beside(step), lambda carried: results(carried[:-1]), _look

        def watched(fixed: Any, carried: tuple, data: Any) -> tuple[Any, tuple]:
            *before, (count,) = carried
            logs, after = step(fixed, tuple(before), data)
            xp = current_backend().xp
            fine = _all_finite([logs.get("loss")])
            return logs, (*after, [xp.where(fine, count, xp.full_like(count, -1))])

        return watched, None, _look

    # ----------------------------------------------------------------------- steps

    def begin(self, done: int, careful: Callable[[], Any] | None) -> None:
        """A pass begins.

        Args:
            done: how many of its steps were done before an interruption.
            careful: gives the careful program; None where that is the one that runs.
        """
        self.counter.assign(0)
        self.let_go()
        self._done, self._careful = done, careful

    def let_go(self) -> None:
        """Forget the steps of the last pass, with the data and the copies of the state."""
        self._pending = self._open = self._closed = self._careful = None

    def before(self, program: Any, at: int) -> None:
        """Steps from the one numbered `at` on are about to be run."""
        if self._careful is not None and self._open is None:
            self._open = _Segment(at, program.kept())
            size = sum(leaf.nbytes for leaf in tree.leaves(self._open.kept))
            self._at_once = size > _LARGE

    def noticed(
        self, logs: Any, call: Callable[[Any], Any], batch: Callable[[int], Any], at_once: bool
    ) -> Any:
        """What is known after a block was sent off: the step that went wrong, or None.

        Args:
            logs: the results of the block, from which the counter is taken away.
            call: runs the block with a program.
            batch: gives the data of one of its steps.
            at_once: whether to look at this block itself, not at the one before.

        Returns:
            `(step, data of the step, logs)` or None.
        """
        found = logs.pop(_ENTRY)
        segment = self._open
        if segment is None:
            before, self._pending = self._pending, (found, batch)
            return self._counted(self._pending if at_once else before, logs)
        segment.calls.append((call, batch))
        segment.found = found
        if len(segment.calls) < _MOST and time.perf_counter() - segment.began < _SECONDS:
            return None
        return self._close(self._at_once)

    def at_end(self, logs: Any) -> Any:
        """The same for what is left of a pass."""
        if self._careful is None:
            return self._counted(self._pending, logs)
        if self._open is None or not self._open.calls:
            closed = self._closed
            return self._run_again([closed]) if closed is not None and closed.bad else None
        return self._close(True)

    def _close(self, look_at_it: bool) -> Any:
        """End a segment; look at the one before, or at both."""
        segment, self._open = cast(_Segment, self._open), None
        before, self._closed = self._closed, segment
        if before is not None and before.bad:
            return self._run_again([before, segment])
        return self._run_again([segment]) if look_at_it and segment.bad else None

    def _run_again(self, segments: list[_Segment]) -> Any:
        """Put the state before the first of some segments back and go carefully to a bad step."""
        program = cast(Callable, self._careful)()
        program.restore(segments[0].kept)
        self.counter.assign(segments[0].at - self._done)
        self._closed = None
        for call, batch in [pair for segment in segments for pair in segment.calls]:
            logs = call(program)
            found = self._counted((logs.pop(_ENTRY), batch), logs)
            if found is not None:
                return found
        self.counter.assign(0)
        return None  # another program rounds otherwise, and all went well

    def _counted(self, block: tuple[Any, Callable[[int], Any]] | None, logs: Any) -> Any:
        if block is None:
            return None
        count = int(current_backend().to_numpy(block[0]))
        if count >= 0:
            return None
        step = self._done - 1 - count
        return step, block[1](step), logs


def _beside(step: Callable) -> Callable:
    """A step that leaves the last group of the state alone."""

    def run(fixed: Any, carried: tuple, data: Any) -> tuple[Any, tuple]:
        logs, after = step(fixed, carried[:-1], data)
        return logs, (*after, carried[-1])

    return run


def _look(result: dict[str, Any], carried: tuple) -> dict[str, Any]:
    """The counter, below 0 where the loss or a weight is not finite."""
    count = carried[-1][0]
    xp = current_backend().xp
    fine = _all_finite([*carried[0], result.get("loss")])
    return {_ENTRY: xp.where(fine, count, xp.full_like(count, -1))}


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


def _choose_now(condition: Any, new: Any, old: Any) -> Any:
    return list(new) if bool(condition) else list(old)
