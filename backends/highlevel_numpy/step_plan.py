"""Training steps that are run from a plan: one flat function in place of thousands of calls.

The first steps over batches of one kind run as they are written. Then one of them is recorded
(`traced.py`), written as a function of NumPy calls alone (`step_function.py`), and compared bit
for bit with the step itself, on this batch and on the next one. From then on it runs instead.

A plan is only made where everything that ran in the step belongs to this library, NumPy or
Python's own: whoever writes a layer, loss or metric keeps a step that can be looked into. What
is out of the ordinary during a plan (an error, a warning about floating-point numbers) has the
step run as it is written, which shows it where it comes from.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from highlevel_numpy.step_function import StepPlan, watchful
from highlevel_numpy.traced import Deviation, Refused, Trace

__all__ = ["planned", "recorded"]

Tree = Any

#: which call of a kind is recorded: shorter trainings do without
RECORDED_CALL = 4
#: kinds of batches that have a plan
MOST_PLANS = 4
#: plans of one kind of batch, for steps that take one turn or another (`if`)
MOST_TURNS = 3
#: bytes that the plans of a step keep at most
MOST_KEPT = 2**30
_OURS = frozenset((
    "highlevel", "highlevel_backend", "highlevel_numpy", "numpy", "ml_dtypes",
    *sys.stdlib_module_names,
)) - {"__main__"}


def planned(step: Callable) -> Callable:
    """See `Backend.plan_steps`."""
    plans = _Plans(step)

    def run(fixed: Tree, carried: Tree, data: Tree) -> Tree:
        return plans.run(fixed, carried, data)

    run.plans = plans  # type: ignore[attr-defined]
    return run


class _Plans:
    """The plans of a step, by kind of batch."""

    def __init__(self, step: Callable) -> None:
        self._step = step
        self._kinds: dict[Any, _Kind] = {}
        self._busy = threading.Lock()

    def run(self, fixed: Tree, carried: Tree, data: Tree) -> Tree:
        if sys.gettrace() is not None or not self._busy.acquire(blocking=False):
            return self._step(fixed, carried, data)  # a debugger; another thread
        try:
            key = _kind_of(data)
            kind = self._kinds.get(key)
            if kind is None:
                if len(self._kinds) >= MOST_PLANS:
                    return self._step(fixed, carried, data)
                kind = self._kinds[key] = _Kind(self)
            return kind.run(self._step, fixed, carried, data)
        finally:
            self._busy.release()

    @property
    def found(self) -> list[StepPlan]:
        """The plans in use."""
        return [plan for kind in self._kinds.values() for plan in kind.plans]

    @property
    def refusals(self) -> list[str]:
        """Why kinds of batches have none."""
        return [kind.why for kind in self._kinds.values() if kind.why is not None]


class _Kind:
    """One kind of batch: how often it came, and what came of it."""

    def __init__(self, plans: _Plans) -> None:
        self._all = plans
        self.calls = 0
        #: plans in use, the one that ran last first, and the one that is on trial
        self.plans: list[StepPlan] = []
        self.trial: StepPlan | None = None
        self.why: str | None = None
        self._odd = 0

    def run(self, step: Callable, fixed: Tree, carried: Tree, data: Tree) -> Tree:
        self.calls += 1
        for plan in self.plans:
            try:
                result = plan.run(fixed, carried, data)
            except Deviation:
                continue
            except Exception:  # the step itself has the proper error or warning
                self._count_odd()
                return step(fixed, carried, data)
            if plan is not self.plans[0]:
                self.plans.remove(plan)
                self.plans.insert(0, plan)
            return result
        if self.plans:
            self._count_odd()
        result = step(fixed, carried, data)
        if self.calls >= RECORDED_CALL and self.why is None and len(self.plans) < MOST_TURNS:
            self._try(step, fixed, carried, data, result)
        return result

    def _count_odd(self) -> None:
        self._odd += 1
        if self._odd > 16 + self.calls // 8:
            self._refuse("too many steps that were out of the ordinary")

    def _refuse(self, why: str) -> None:
        self.plans, self.trial, self.why = [], None, why

    def _try(self, step: Callable, fixed: Tree, carried: Tree, data: Tree, result: Tree) -> None:
        """Record the step, or compare the plan on trial with what the step has given."""
        plan = self.trial
        if plan is None:
            if sys.getprofile() is not None:
                return  # a profiler is at work: later
            try:
                plan = recorded(step, fixed, carried, data)
            except FloatingPointError:
                self._count_odd()
                return
            except (Exception, Refused) as error:
                self._refuse(f"{type(error).__name__}: {error}")
                return
        if self.trial is None and plan.size + sum(p.size for p in self._all.found) > MOST_KEPT:
            self._refuse(f"it would keep {plan.size / 2**20:.0f} MiB of memory")
            return
        try:
            same = _same(result, plan.run(fixed, carried, data))
        except Exception:  # another turn, or out of the ordinary: another time
            self.trial = plan
            self._count_odd()
            return
        if not same:
            self._refuse("the plan's results are not those of the step")
        elif self.trial is None:
            self.trial = plan
        else:
            self.plans.insert(0, plan)
            self.trial = None


def _kind_of(data: Any) -> Any:
    """Structure, shapes, dtypes and layouts of a batch, and numbers that are no arrays."""
    kind = type(data)
    if kind is np.ndarray:
        return data.shape, data.dtype, data.strides
    if kind is tuple or kind is list:
        return kind, *map(_kind_of, data)
    if kind is dict:
        return tuple([(key, _kind_of(value)) for key, value in data.items()])
    return (kind, data) if kind in (bool, int, float, str) else kind


def _same(a: Any, b: Any) -> bool:
    """Whether two trees are equal in structure, types and bits."""
    kind = type(a)
    if kind is not type(b):
        return False
    if kind is tuple or kind is list:
        return len(a) == len(b) and all(map(_same, a, b))
    if kind is dict:
        return list(a) == list(b) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return a is b or a == b


def recorded(step: Callable, fixed: Tree, carried: Tree, data: Tree) -> StepPlan:
    """The plan of a step, from one run of it.

    Raises:
        Refused: there can be none.
    """
    def enter(x: Any) -> Any:
        kind = type(x)
        if kind is tuple or kind is list:
            return kind([enter(item) for item in x])
        if kind is dict:
            return {key: enter(item) for key, item in x.items()}
        if kind is np.ndarray or isinstance(x, np.generic):
            if getattr(x.dtype, "kind", "O") in "OUSTMm":
                raise Refused("text in a batch")
            return trace.new(x)
        if x is None or kind in (bool, int, float, str):
            return x
        raise Refused(f"a {kind.__name__} in a batch")

    foreign: set[str] = set()

    def look(frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            module = frame.f_globals.get("__name__") or "?"
            if module.partition(".")[0] not in _OURS:
                foreign.add(f"{module}.{frame.f_code.co_name}")

    with np.errstate(**watchful(np.geterr())):
        trace = Trace()
        inputs = (enter((fixed, carried)), enter(data))
        collects = gc.isenabled()
        gc.disable()  # what else the collector would call has no part in the step
        sys.setprofile(look)
        try:
            result = step(*inputs[0], inputs[1])
        finally:
            sys.setprofile(None)
            trace.closed = True
            if collects:
                gc.enable()
    if foreign:
        raise Refused(f"not of this library: {', '.join(sorted(foreign))}")
    return StepPlan(trace, inputs, result)
