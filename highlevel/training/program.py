"""One step of training, evaluation or prediction as a pure, compiled function.

The state is a tuple of lists of arrays. `fixed` lists are only read; `carried` ones are
handed to the program, which may reuse their memory, and come back changed. A *block*
runs several steps over data that lies on the device, in one dispatch: the number of
steps is a run-time value, so one program serves blocks of every length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from highlevel_backend import ArraySpec, canonical_name, current_backend, tree

from highlevel.layers.tracking import same_structure, structure_version
from highlevel.state import active_distribution
from highlevel.variable import Variable

__all__ = ["Program", "take_rows"]


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
        if distribution is not None:
            step = _distributed(step, carried, distribution)

        def block(
            fixed: Any, carried: Any, data: Any, order: Any, start: Any, count: Any
        ) -> tuple:
            backend = current_backend()

            def one(state: tuple) -> tuple:
                i, carried, logs = state
                rows = take_rows(data, order[i])
                if by_rows:
                    rows = rows, order[i] >= 0
                if distribution is not None:
                    rows = distribution.batch(rows)
                result, carried = step(fixed, carried, rows)
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
            return (logs if results is None else results(carried)), carried

        if self.compiled:
            self._step = self._backend.compile(step, donate=(1,))
            self._block = self._backend.compile(block, donate=(1,))
        else:
            self._step = step

    def stale(self, structure: Callable[[], list]) -> bool:
        """Whether the model has changed since."""
        if self._backend is not current_backend():
            return True
        if self._distribution is not active_distribution():
            return True
        version = structure_version()
        if version == self._checked:
            return False
        self._checked = version
        return not same_structure(self._structure, structure())

    def _versions(self) -> list[int]:
        return [v.version for group in (*self._fixed, *self._carried) for v in group]

    def _values(self) -> tuple[tuple, tuple]:
        if self._distribution is not None and self._placed != (versions := self._versions()):
            self._distribution.place(
                v for group in (*self._fixed, *self._carried) for v in group)
            self._placed = versions
        fixed = tuple([[v.raw_value() for v in group] for group in self._fixed])
        carried = tuple([[v.raw_value() for v in group] for group in self._carried])
        if self.compiled:
            # The program may reuse the memory of what it is handed: nothing may be in twice.
            seen = {id(value) for group in fixed for value in group}
            xp = self._backend.xp
            for group in carried:
                for i, value in enumerate(group):
                    if id(value) in seen:
                        group[i] = xp.array(value, copy=True)
                    seen.add(id(value))
        return fixed, carried

    def _write(self, carried: tuple) -> None:
        backend = self._backend
        for variables, values in zip(self._carried, carried):
            for variable, value in zip(variables, values):
                variable.set_raw(value, backend)
        if self._distribution is not None:
            self._placed = self._versions()

    def run(self, data: Any) -> Any:
        """One step on a batch; returns its result without waiting for it."""
        fixed, carried = self._values()
        result, carried = self._step(fixed, carried, data)
        self._write(carried)
        return result

    def run_block(self, data: Any, order: Any, start: int, count: int) -> Any:
        """`count` steps over the rows `order[start], order[start + 1], ...` of `data`.

        Where the program goes `by_rows`, a number below 0 stands for a row that does not count.
        """
        fixed, carried = self._values()
        backend = self._backend
        result, carried = self._block(
            fixed, carried, data, order,
            backend.asarray(start, "int32"), backend.asarray(count, "int32"),
        )
        self._write(carried)
        return result


def _distributed(step: Callable, carried_variables: tuple, distribution: Any) -> Callable:
    """`step` with the demand that variables stay where their layouts say."""

    def placed(fixed: tuple, carried: tuple, data: Any) -> tuple[Any, tuple]:
        result, carried = step(fixed, carried, data)
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
