"""A recorded step as one flat function, and the memory that it works in.

The state that the step changes lies on one of two *sides*: a step reads the one and writes the
other, so that what it was given stays whole until the next step, and a step that fails has
changed nothing. Arrays that come out are parts of a side. Whoever keeps one has it for good: it
is told by Python's counts of references, and the next step gets other memory.
"""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Callable
from operator import is_, itemgetter
from typing import Any

import numpy as np

from highlevel_numpy.step_lanes import Run, gather
from highlevel_numpy.step_source import Source, numbers
from highlevel_numpy.traced import Refused, Trace, Traced

__all__ = ["StepPlan", "watchful"]

Tree = Any
_ALIGNMENT = 64


def watchful(errors: Any) -> dict[str, Any]:
    """Rules for floating-point errors under which nothing is told that is not an exception."""
    return {kind: rule if rule == "ignore" else "raise" for kind, rule in errors.items()}


class StepPlan:
    """A step as one function over kept memory.

    Args:
        trace: the recorded run.
        inputs: `((fixed, carried), data)` of traced arrays.
        result: `(result, carried)` of traced arrays.

    Attributes:
        text: the function's source.
        size: bytes that are kept from step to step.
    """

    def __init__(self, trace: Trace, inputs: tuple, result: Any) -> None:
        given, batch = inputs
        flat = [x for group in (*given[0], *given[1]) for x in group]
        whole = all(type(group) is list for group in result[1])
        after = [x for group in result[1] for x in group] if whole else []
        before = flat[len(flat) - len(after):]
        state: dict[int, int] = {}
        for old, new in zip(before, after):
            if (
                type(new) is Traced and new is not old and type(old.value) is np.ndarray
                and type(new.value) is np.ndarray and old.ndim and old.size
                and old.shape == new.shape and old.dtype == new.dtype
                and old.value.flags.c_contiguous and new.number not in state.values()
                and new.number >= len(flat)
            ):
                state[old.number] = new.number
        source = Source(trace, result, state)
        # What lies in the memory of something else cannot be put elsewhere.
        self._state = {
            old: new for old, new in state.items() if source.roots[new] == {new}
        }
        source.state = self._state
        self._groups, order, placed = gather(source, trace.marked)
        source.place(placed, order)
        self.text = source.text(_unpacking(flat, batch, source), order)
        self._names = source.names
        self._kept = {f"s{number}": array for number, array in source.kept.items()}
        self._views = [(f"s{call.result.number}", call) for call in source.views]
        self._runs = [unit for unit in order if isinstance(unit, Run)]
        self._shapes = {old: (trace.values[old].shape, trace.values[old].dtype)
                        for old in self._state}
        self.size = source.pool.size + sum(array.nbytes for array in placed.values())
        self._lay_out()
        places = {x.number: place for place, x in enumerate(flat)}
        self._places = [places[old] for old in self._state]
        self._pick: Callable = _picker(self._places)
        self._strides = {n: trace.values[n].strides for _, call in self._views
                         for n in numbers(call.result)}
        code = compile(self.text, "<plan of a training step>", "exec")
        self._code = next(c for c in code.co_consts if isinstance(c, types.CodeType))
        self._steps: list[Callable] = []
        self._sides: list[list[np.ndarray]] = [[], []]
        self._held: list[list[int]] = [[], []]
        self._renew(0, 1)
        self._errors: Any = {}
        self._watch: dict[str, Any] = {}
        trace.values.clear()
        trace.calls.clear()

    # ----------------------------------------------------------------- memory

    def _lay_out(self) -> None:
        """Say where in a side each array of the state lies; groups have theirs in a row."""
        self._offsets: dict[int, int] = {}
        self._starts: dict[tuple[int, int], int] = {}
        end = 0
        rows = [
            [lane.places[place] for lane in group.members]
            for group in self._groups for place in group.states
        ]
        keys = [(group.number, place) for group in self._groups for place in group.states]
        grouped = {number for row in rows for number in row}
        for key, row in zip(
            [*keys, *[None] * len(self._state)],
            [*rows, *[[number] for number in self._state if number not in grouped]],
        ):
            if key is not None:
                self._starts[key] = end
            for number in row:
                shape, dtype = self._shapes[number]
                self._offsets[number] = end
                end += math.prod(shape) * dtype.itemsize
            end += -end % _ALIGNMENT
        self._bytes = max(end, 1)
        self.size += 2 * end

    def _side(self) -> list[np.ndarray]:
        """Memory for the whole state, the block that holds it last."""
        block = np.empty(self._bytes, np.uint8)
        views = [
            np.ndarray(shape, dtype, block, self._offsets[number])
            for number, (shape, dtype) in self._shapes.items()
        ]
        return [*views, block]

    def _renew(self, *places: int) -> None:
        """Give sides other memory, and note how often it is referred to from here."""
        for place in places:
            self._sides[place] = self._side()
        self._link()
        for place in places:
            self._held[place] = list(map(sys.getrefcount, self._sides[place]))

    def _link(self) -> None:
        """The function from the one side to the other, and back."""
        self._steps.clear()
        for here, there in (self._sides, self._sides[::-1]):
            names = dict(self._names)
            names.update(self._kept)
            for (old, new), a, b in zip(self._state.items(), here, there):
                names[f"s{old}"], names[f"s{new}"] = a, b
            for run in self._runs:
                group = run.group
                names.update(run.names({
                    place: np.ndarray(
                        (group.size,), group.dtypes[place], side[-1],
                        self._starts[group.number, group.partners.get(place, place)])
                    for place in run.places()
                    for side in [there if place in group.partners else here]
                    if group.partners.get(place, place) in group.states
                }))
            for name, call in self._views:
                names[name] = call.function(*_filled_in(call.args, names),
                                            **_filled_in(call.kwargs, names))
                if names[name].strides != self._strides[call.result.number]:
                    raise Refused("a view in another layout")
            self._steps.append(types.FunctionType(self._code, names))

    # ------------------------------------------------------------------- runs

    def run(self, fixed: Tree, carried: Tree, data: Tree) -> Tree:
        """`(result, carried)`; nothing that was handed in is changed."""
        state = [x for group in fixed for x in group]
        for group in carried:
            state += group
        given = self._pick(state)
        for here in (0, 1):
            if all(map(is_, given, self._sides[here])):
                break
        else:
            here = 0
            if list(map(sys.getrefcount, self._sides[1])) == self._held[1]:
                here = 1
            self._take_in(given, here)
            given = None
        del given
        there = 1 - here
        if list(map(sys.getrefcount, self._sides[there])) != self._held[there]:
            self._renew(there)  # somebody holds what came out of it
        errors = np.geterr()
        if errors != self._errors:
            self._errors = errors
            self._watch = watchful(errors)
        with np.errstate(**self._watch):
            return self._steps[here](state, data)

    def _take_in(self, given: tuple, here: int) -> None:
        """Copy the state into a side."""
        if list(map(sys.getrefcount, self._sides[here])) != self._held[here]:
            self._renew(here)
        for own, x in zip(self._sides[here], given):
            if x.shape != own.shape or x.dtype != own.dtype or not x.flags.c_contiguous:
                raise ValueError("a state in another form")
            np.copyto(own, x)


def _picker(places: list[int]) -> Callable:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda state: tuple([state[place] for place in places])


def _filled_in(tree: Any, names: dict[str, Any]) -> Any:
    kind = type(tree)
    if kind is Traced:
        return names[f"s{tree.number}"]
    if kind is tuple or kind is list:
        return kind([_filled_in(item, names) for item in tree])
    if kind is dict:
        return {key: _filled_in(item, names) for key, item in tree.items()}
    return tree


def _unpacking(flat: list[Traced], batch: Any, source: Source) -> list[str]:
    """Lines that give the step's arguments their names."""
    used = set(numbers(source.result)).union(
        *[numbers((call.args, call.kwargs)) for call in source.live])
    lines = [
        f"v{x.number} = state[{place}]" for place, x in enumerate(flat)
        if x.number in used and x.number not in source.static
    ]

    def take(x: Any, text: str) -> None:
        if type(x) is Traced and x.number in used:
            lines.append(f"v{x.number} = {text}")
        elif type(x) in (tuple, list):
            for i, item in enumerate(x):
                take(item, f"{text}[{i}]")
        elif type(x) is dict:
            for key, item in x.items():
                take(item, f"{text}[{key!r}]")

    take(batch, "data")
    return lines
