"""One step of training, evaluation or prediction as a pure, compiled function.

The state is a tuple of lists of arrays. `fixed` lists are only read; `carried` ones are
handed to the program, which may reuse their memory, and come back changed. A *block*
runs several steps over data that lies on the device, in one dispatch: the number of
steps is a run-time value, so one program serves blocks of every length. Where the step holds
a primitive that the backend calls slow in loops, or changes thousands of arrays, a block is as
many dispatches of one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from highlevel_backend import ArraySpec, canonical_name, current_backend, tree

from highlevel.layers.tracking import (
    Finds,
    finding_once,
    same_structure,
    structure_version,
    what_changed,
)
from highlevel.state import active_distribution
from highlevel.training.filling import Filling
from highlevel.variable import KeptArrays, Variable, overwrite, raw_values

__all__ = ["Program", "step_remedy", "take_rows"]

#: how many arrays a loop over steps carries; compiling it takes longer than in proportion
_MOST_CARRIED = 5000


def step_remedy(axes: tuple[int, ...]) -> str:
    """What to do where a step is given batches of a second shape."""
    if axes == (0,):
        return (
            "Give batches of one size: leave out a smaller last one, or fill it up with rows whose "
            "`sample_weight` is 0."
        )
    return "Bring sequences to one length, or to a few: `utils.pad_sequences(x, maxlen=...)`."


def take_rows(data: Any, rows: Any) -> Any:
    """The rows of every array of a tree, in the current backend."""
    xp = current_backend().xp
    return tree.map_leaves(lambda leaf: xp.take(leaf, rows, axis=0, mode="clip"), data)


class Program:
    """A step over one set of variables, on one backend.

    Args:
        step: `(fixed, carried, data) -> (result, carried)`.
        results: `carried -> result`, where the result depends on the state alone; else None.
        fixed, carried: lists of variables.
        structure: what the step was made for; see `Tracked.structure`.
        compiled: whether to compile it where the backend can.
        by_rows: whether `data` is `(batch, rows)`, where `rows` says which of them count.
        notes: gets the programs compiled; see `Backend.compile`: of a step, of a block.
        reads: whether the state mostly comes out as it went in, as in prediction. It is not
            handed over then, and only what has changed is written back.
        look: `(result, carried) -> dict`, further results, found once after a step or block.
        primitives: names of the backend's primitives that the step is known to hold.
        plannable: whether nobody looks into the step while it runs; see `Backend.plan_steps`.
    """

    def __init__(
        self,
        step: Callable,
        results: Callable | None,
        fixed: tuple[list[Variable], ...],
        carried: tuple[list[Variable], ...],
        structure: list,
        compiled: bool,
        by_rows: bool = False,
        notes: tuple[Any, Any] = (None, None),
        reads: bool = False,
        look: Callable | None = None,
        primitives: Iterable[str] = (),
        plannable: bool = False,
    ) -> None:
        self._backend = current_backend()
        self._fixed = fixed
        self._carried = carried
        self._structure = structure
        self._checked = structure_version()
        self.compiled = compiled and self._backend.compiles
        self.by_rows = by_rows
        self._distribution = distribution = active_distribution()
        self._placed: list[int] = []
        self._kept = KeptArrays()
        #: how many steps a block was found to have; 0 as long as none were timed
        self.steps_at_once = 0
        #: whether what a step gives is kept at hand for the next one
        self._keeps = compiled and distribution is None
        self._reads = reads
        self.filling = Filling()
        if distribution is not None:
            step = _distributed(step, carried, distribution)

        def at(fixed: Any, carried: Any, data: Any, order: Any, i: Any) -> tuple:
            rows = take_rows(data, order[i])
            if by_rows:
                rows = rows, order[i] >= 0
            if distribution is not None:
                rows = distribution.batch(rows)
            return step(fixed, carried, rows)

        def single(fixed: Any, carried: Any, data: Any, order: Any, start: Any) -> tuple:
            result, carried = at(fixed, carried, data, order, start)
            result = result if results is None else results(carried)
            return (result if look is None else {**result, **look(result, carried)}), carried

        def block(
            fixed: Any, carried: Any, data: Any, order: Any, start: Any, count: Any
        ) -> tuple:
            backend = current_backend()

            def one(state: tuple) -> tuple:
                i, carried, logs = state
                result, carried = at(fixed, carried, data, order, i)
                return i + 1, carried, (result if results is None else logs)

            logs: Any = ()
            if results is None:  # a step of the user's own: carry what it returns
                logs = _zeros_like_result(
                    lambda f, c, d, o: step(f, c, take_rows(d, o))[0],
                    fixed, carried, data, order[0],
                )
            stop = start + count
            _, carried, logs = backend.while_loop(
                lambda state: state[0] < stop, one, (start, carried, logs)
            )
            result = logs if results is None else results(carried)
            return (result if look is None else {**result, **look(result, carried)}), carried

        def looked_at(fixed: Any, carried: Any, data: Any) -> tuple:
            result, carried = step(fixed, carried, data)
            return (result if look is None else {**result, **look(result, carried)}), carried

        alone = step if look is None else looked_at
        if reads:
            alone = _only_changes(alone)
        #: what is compiled for a step: `(fixed, carried, data) -> (result, carried)`
        self.function = alone
        if self.compiled:
            compile_ = self._backend.compile
            self._step = compile_(alone, donate=() if reads else (1,), note=notes[0])
            self._as_written = self._step
            self._single = None
            slow = not set(primitives).isdisjoint(self._backend.slow_in_loops)
            if slow or sum(map(len, carried)) > _MOST_CARRIED:
                self._single = compile_(single, donate=(1,), note=notes[1])
            self._block = compile_(block, donate=(1,), note=notes[1])
        else:
            finds = Finds()

            def looking_once(fixed: Any, carried: Any, data: Any) -> tuple:
                with finding_once(finds):
                    return alone(fixed, carried, data)

            self._step = self._as_written = looking_once
            if compiled and plannable and distribution is None:
                self._step = self._backend.plan_steps(looking_once)

    def names(self, block: bool, place: tuple) -> str:
        """How to call an argument of the compiled step, or of the block, by its place."""
        part, *inside = place
        if part < 2:
            group = (self._fixed, self._carried)[part][inside[0]]
            return f"variable '{group[inside[1]].path}'"
        if part == 2 and inside:
            if self.by_rows and not block:
                if inside[0] == 1:
                    return "which rows count"
                inside = inside[1:]
            name = ("x", "y", "sample_weight")[inside[0]]
            return f"`{name}{''.join(f'[{key!r}]' for key in inside[1:])}`"
        return "`batches × rows`" if part == 3 else "a number"

    @property
    def carried(self) -> tuple[list[Variable], ...]:
        """The variables that the step changes, in groups."""
        return self._carried

    @property
    def step(self) -> Callable:
        """The step itself: `(fixed, carried, data) -> (result, carried)`, of arrays."""
        return self._as_written

    def stale(self, structure: Callable[[], list]) -> bool:
        """Whether the model has changed since."""
        if self._backend is not current_backend():
            return True
        if self._distribution is not active_distribution():
            return True
        version = structure_version()
        if version == self._checked:
            return False
        # One that is stale stays so, for whoever else holds it.
        changed = not same_structure(self._structure, structure())
        self._checked = -1 if changed else version
        return changed

    def why_stale(self, structure: list) -> str:
        """What has changed since, in words."""
        if self._backend is not current_backend():
            return "another backend is in force"
        if self._distribution is not active_distribution():
            return "another distribution is in force"
        return what_changed(self._structure, structure)

    def specs(self) -> tuple[tuple, tuple]:
        """Shapes and dtypes of `(fixed, carried)`."""
        fixed, carried = (
            tuple([[ArraySpec(v.shape, v.dtype) for v in group] for group in groups])
            for groups in (self._fixed, self._carried))
        return fixed, carried

    def _versions(self) -> list[int]:
        return [v.version for group in (*self._fixed, *self._carried) for v in group]

    def _values(self) -> tuple[tuple, tuple]:
        kept = self._kept.get()
        if kept is not None and self._distribution is None:
            return kept
        since = KeptArrays.assignments
        if self._distribution is not None and self._placed != (versions := self._versions()):
            self._distribution.place(
                v for group in (*self._fixed, *self._carried) for v in group)
            self._placed = versions
        fixed = tuple([raw_values(group) for group in self._fixed])
        carried = tuple([raw_values(group) for group in self._carried])
        if self.compiled and not self._reads:
            # The program may reuse the memory of what it is handed: nothing may be in twice.
            seen = {id(value) for group in fixed for value in group}
            xp = self._backend.xp
            for group in carried:
                for i, value in enumerate(group):
                    if id(value) in seen:
                        group[i] = xp.array(value, copy=True)
                    seen.add(id(value))
        if self._reads:
            self._kept.keep((fixed, carried), since)
        return fixed, carried

    def _write(self, fixed: tuple, carried: tuple) -> None:
        """Give the variables what came out of the program."""
        for variables, values in zip(self._carried, carried):
            overwrite(variables, values, self._backend)
        KeptArrays.note_assignment()
        if self._distribution is not None:
            self._placed = self._versions()
        elif self._keeps:
            self._kept.keep((fixed, carried), KeptArrays.assignments)

    def _write_changes(self, changes: tuple[dict, ...]) -> None:
        for variables, values in zip(self._carried, changes):
            for place, value in values.items():
                variables[place].set_raw(value, self._backend)

    def kept(self) -> list:
        """A copy of the carried values, which running does not use up."""
        xp = self._backend.xp
        return [[xp.array(value, copy=True) for value in raw_values(group)]
                for group in self._carried]

    def restore(self, kept: list) -> None:
        """Put back what `kept` gave, which is used up by that."""
        for variables, values in zip(self._carried, kept):
            overwrite(variables, values, self._backend)
        KeptArrays.note_assignment()

    def run(self, data: Any) -> Any:
        """One step on a batch; returns its result without waiting for it."""
        fixed, carried = self._values()
        result, after = self._step(fixed, carried, data)
        if not self._reads:
            self._write(fixed, after)
        elif any(after):
            self._write_changes(after)
        return result

    def _number(self, i: int) -> Any:
        """`i` as an argument of a program: a transfer takes longer than a short step."""
        takes_numpy = self._backend.programs_take_numpy
        return np.int32(i) if takes_numpy else self._backend.asarray(i, "int32")

    def run_block(self, data: Any, order: Any, start: int, count: int) -> Any:
        """`count` steps over the rows `order[start], order[start + 1], ...` of `data`.

        Where the program goes `by_rows`, a number below 0 stands for a row that does not count.
        """
        if self._single is not None:
            result = None
            for i in range(start, start + count):
                fixed, carried = self._values()
                result, carried = self._single(fixed, carried, data, order, self._number(i))
                self._write(fixed, carried)
            return result
        fixed, carried = self._values()
        result, carried = self._block(
            fixed, carried, data, order, self._number(start), self._number(count)
        )
        self._write(fixed, carried)
        return result


def _only_changes(step: Callable) -> Callable:
    """`step` with its second result cut down to what differs: place in the group → value."""

    def shortened(fixed: tuple, carried: tuple, data: Any) -> tuple[Any, tuple]:
        result, after = step(fixed, carried, data)
        return result, tuple([
            {place: new for place, (new, old) in enumerate(zip(news, olds)) if new is not old}
            for news, olds in zip(after, carried)
        ])

    return shortened


def _distributed(step: Callable, carried_variables: tuple, distribution: Any) -> Callable:
    """`step` with the demand that variables stay where their layouts say."""

    def placed(fixed: tuple, carried: tuple, data: Any) -> tuple[Any, tuple]:
        # Batches of several processes may come by process, not as the batch axis has it.
        result, carried = step(fixed, carried, distribution.batch(data))
        return result, tuple([
            distribution.constrain(group, values)
            for group, values in zip(carried_variables, carried)
        ])

    return placed


def _zeros_like_result(function: Callable, *args: Any) -> Any:
    backend = current_backend()
    specs = tree.map_leaves(
        lambda leaf: ArraySpec(tuple(leaf.shape), canonical_name(leaf.dtype)), args
    )
    result = backend.eval_shape(function, *specs)
    return tree.map_leaves(
        lambda spec: backend.cast(backend.xp.zeros(spec.shape), spec.dtype), result
    )
