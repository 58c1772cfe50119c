"""What an optimizer does to one weight after the other, done to all of them at once.

The calls by which a weight and its state become new ones go entry by entry. Where several
weights take the same calls, their arrays are laid end to end, gradients are written there to
begin with, and each call is made once. Long arrays are gone through in blocks, so that what
lies between two calls stays in the processor's cache. The entries' values are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from highlevel_numpy.step_source import Source, numbers
from highlevel_numpy.traced import Call, Traced

__all__ = ["Group", "Run", "gather"]

#: entries that are gone through at once
BLOCK = 1 << 15
_STATE, _NEW, _LEAF, _WITHIN = range(4)


class Group:
    """Weights that take the same calls.

    Attributes:
        number: of the group.
        members: of each weight, the numbers of its arrays by *place*: the order in which the
            calls come upon them.
        kinds: of each place: state before, state after, from elsewhere, or between.
        partners: place of a state after → place of the state before.
        calls: `(ufunc, operands, place of the result)`; an operand is a place or a `Call`'s.
        size: entries of all weights together.
    """

    def __init__(self, number: int, members: list[_Lane], source: Source) -> None:
        self.number = number
        # Rows of whole cache lines first, so that they stay such.
        self.members = sorted(members, key=lambda lane: source.values[lane.places[0]].size % 16 > 0)
        first = members[0]
        self.kinds, self.partners, self.calls = first.kinds, first.partners, first.steps
        self.dtypes = [source.values[n].dtype for n in first.places]
        sizes = [source.values[lane.places[0]].size for lane in self.members]
        self.offsets = np.cumsum([0, *sizes]).tolist()
        self.size = self.offsets[-1]
        self.states = [place for place, kind in enumerate(self.kinds) if kind == _STATE]
        #: place → the array of all weights, but for those of the state
        self.flat: dict[int, np.ndarray] = {}

    def name(self, place: int) -> str:
        return f"g{self.number}_{place}"

    def keep(self, place: int, source: Source) -> dict[int, np.ndarray]:
        """Give a place memory of its own; number → the part of a weight."""
        flat = self.flat[place] = np.empty(self.size, self.dtypes[place])
        found = {}
        for lane, start in zip(self.members, self.offsets):
            shape = source.values[lane.places[place]].shape
            part = flat[start : start + source.values[lane.places[place]].size]
            found[lane.places[place]] = part.reshape(shape)
        return found


class _Lane:
    """The calls of one weight."""

    def __init__(self, calls: list[Call], source: Source) -> None:
        self.calls = calls
        places: dict[int, int] = {}
        self.steps: list[tuple] = []
        key: list[Any] = []
        new_of = {new: old for old, new in source.state.items()}
        for call in calls:
            operands: list[Any] = []
            for x in call.args:
                if type(x) is Traced and np.ndim(x.value):
                    operands.append(places.setdefault(x.number, len(places)))
                else:
                    operands.append((x,))
            result = places.setdefault(call.result.number, len(places))
            self.steps.append((call.function, operands, result))
            key.append((call.function, result, *[
                x if type(x) is int else
                (type(x[0]), x[0].number if type(x[0]) is Traced else repr(x[0]))
                for x in operands
            ]))
        self.places = list(places)
        made = {call.result.number for call in calls}
        self.kinds = [
            _STATE if n in source.state else _NEW if n in new_of else
            _WITHIN if n in made else _LEAF for n in self.places
        ]
        self.whole = all(new_of[n] in places for n in self.places if n in new_of)
        self.partners = {
            places[n]: places[new_of[n]] for n in self.places if n in new_of
        } if self.whole else {}
        dtypes = [source.values[n].dtype.str for n in self.places]
        self.key = (tuple(key), tuple(self.kinds), tuple(dtypes), *self.partners.items())


class Run:
    """Calls of a group that follow each other; stands among the step's calls as one."""

    quiet = False
    function = None
    kwargs: dict[str, Any] = {}

    def __init__(self, group: Group, steps: list[int]) -> None:
        self.group = group
        self.steps = [group.calls[i] for i in steps]
        calls = [lane.calls[i] for lane in group.members for i in steps]
        self.result = [call.result for call in calls]
        self.args = tuple(x for call in calls for x in call.args)
        #: number of a gradient that comes from elsewhere → place where it is copied to
        self.copied: dict[int, tuple[Any, np.ndarray]] = {}
        self.blocked = group.size >= 2 * BLOCK
        self._work: dict[int, int] = {}
        self._buffers: list[np.ndarray] = []

    def places(self) -> list[int]:
        """All that the calls read or write, but for scalars."""
        found = [
            place for _, operands, result in self.steps
            for place in (*[x for x in operands if type(x) is int], result)
        ]
        return list(dict.fromkeys(found))

    def share(self) -> None:
        """Give what lies between the calls buffers, as few as will do."""
        last = {place: i for i, (_, operands, _) in enumerate(self.steps)
                for place in operands if type(place) is int}
        within = {
            result for _, _, result in self.steps
            if self.group.kinds[result] == _WITHIN and result not in self.group.flat
        }
        free: dict[Any, list[int]] = {}
        length = BLOCK if self.blocked else self.group.size
        for i, (_, operands, result) in enumerate(self.steps):
            for place in dict.fromkeys([x for x in operands if type(x) is int]):
                if place in self._work and last[place] == i:
                    free.setdefault(self.group.dtypes[place], []).append(self._work[place])
            if result in within:
                dtype = self.group.dtypes[result]
                unused = free.get(dtype)
                if unused:
                    self._work[result] = unused.pop()
                else:
                    self._work[result] = len(self._buffers)
                    self._buffers.append(np.empty(length, dtype))

    def lines(self, source: Source) -> list[str]:
        found = [
            f"{source.constant(np.copyto)}({source.constant(part)}, {source.expression(x)})"
            for x, part in self.copied.values()
        ]
        name: Callable[[int], str] = self.group.name
        indent = ""
        if self.blocked:
            name = "x{}".format
            names = ", ".join(map(name, self.places()))
            found.append(f"for {names} in {self.blocks}:")
            indent = "    "
        for function, operands, result in self.steps:
            texts = [name(x) if type(x) is int else source.expression(x[0]) for x in operands]
            found.append(indent + source.writing(function, texts, name(result)))
        return found

    @property
    def blocks(self) -> str:
        return f"blocks{self.group.number}_{self.steps[0][2]}"

    def names(self, arrays: dict[int, np.ndarray]) -> dict[str, Any]:
        """What the names in the lines stand for.

        Args:
            arrays: place → array of all weights, for the state.
        """
        arrays = {**self.group.flat, **arrays}
        if not self.blocked:
            arrays |= {place: self._buffers[i] for place, i in self._work.items()}
            return {self.group.name(place): arrays[place] for place in self.places()}
        blocks = []
        for start in range(0, self.group.size, BLOCK):
            stop = min(start + BLOCK, self.group.size)
            blocks.append(tuple([
                self._buffers[self._work[place]][: stop - start] if place in self._work
                else arrays[place][start:stop] for place in self.places()
            ]))
        return {self.blocks: blocks}


def gather(source: Source, marked: set[int]) -> tuple[list[Group], list[Any], dict[int, Any]]:
    """The groups of a step, its calls with `Run`s among them, and the arrays placed by that."""
    lanes = _lanes(source, marked)
    by_key: dict[Any, list[_Lane]] = {}
    for lane in lanes:
        by_key.setdefault(lane.key, []).append(lane)
    groups = []
    for members in by_key.values():
        size = sum(source.values[lane.places[0]].size for lane in members)
        if len(members) > 1 or size >= 2 * BLOCK:
            groups.append(Group(len(groups), members, source))
    order = _order(source, groups) if groups else None
    if order is None:
        return [], source.live, {}
    placed: dict[int, Any] = {}
    runs = [unit for unit in order if isinstance(unit, Run)]
    producers = {
        number: call for call in source.live for number in numbers(call.result)
    }
    for group in groups:
        own = [run for run in runs if run.group is group]
        outside = {
            number for unit in order if unit not in own
            for number in numbers((unit.args, unit.kwargs))
        } | set(numbers(source.result))
        for place, kind in enumerate(group.kinds):
            users = [run for run in own if place in run.places()]
            if kind == _WITHIN and len(users) == 1 and outside.isdisjoint(
                lane.places[place] for lane in group.members
            ):
                continue
            if kind in (_STATE, _NEW):
                continue
            parts = group.keep(place, source)
            for number, part in parts.items():
                if kind == _WITHIN or source.may_be_written_at(number, producers.get(number)):
                    placed[number] = part
                else:
                    users[0].copied[number] = Traced(None, None, number), part  # type: ignore
        for run in own:
            run.share()
    return groups, order, placed


def _lanes(source: Source, marked: set[int]) -> list[_Lane]:
    """Connected calls that go entry by entry and end in the state."""
    joined: dict[int, int] = {}

    def find(n: int) -> int:
        while joined.setdefault(n, n) != n:
            n = joined[n]
        return n

    chosen = []
    produced: set[int] = set()
    for call in source.live:
        if not _fits(call, source):
            continue
        chosen.append(call)
        result = call.result.number
        produced.add(result)
        for x in call.args:
            if type(x) is Traced and np.ndim(x.value) and (
                x.number in produced or x.number in marked or x.number in source.state
            ):
                joined[find(x.number)] = find(result)
    together: dict[int, list[Call]] = {}
    for call in chosen:
        together.setdefault(find(call.result.number), []).append(call)
    after = set(source.state.values())
    found = [
        _Lane(calls, source) for calls in together.values()
        if any(call.result.number in after for call in calls)
    ]
    return [lane for lane in found if lane.whole]


def _fits(call: Call, source: Source) -> bool:
    function = call.function
    if not isinstance(function, np.ufunc) or function.signature or function.nout != 1:
        return False
    if call.kwargs or call.quiet or type(call.result) is not Traced:
        return False
    value = call.result.value
    if not value.ndim or not value.size or not value.flags.c_contiguous:
        return False
    for x in call.args:
        if type(x) is Traced:
            if x.value.ndim and (
                x.value.shape != value.shape or not x.value.flags.c_contiguous
            ):
                return False
        elif not isinstance(x, (bool, int, float)) and np.ndim(x):
            return False
    return True


def _order(source: Source, groups: list[Group]) -> list[Any] | None:
    """The calls, those of groups together; None where they wait for each other."""
    at = {id(call): i for i, call in enumerate(source.live)}
    units: list[tuple[int, Any]] = []  # place in the order wished for; a call or (group, step)
    grouped: set[int] = set()
    for group in groups:
        for step in range(len(group.calls)):
            calls = [lane.calls[step] for lane in group.members]
            grouped.update(map(id, calls))
            units.append((max(at[id(call)] for call in calls), (group, step, calls)))
    units += [(at[id(call)], call) for call in source.live if id(call) not in grouped]
    units.sort(key=lambda unit: unit[0])
    made: dict[int, int] = {}
    parts = [unit[2] if type(unit) is tuple else [unit] for _, unit in units]
    for i, calls in enumerate(parts):
        for call in calls:
            for number in numbers(call.result):
                made[number] = i
    needs = [
        {made[n] for call in calls for n in numbers((call.args, call.kwargs)) if n in made}
        for calls in parts
    ]
    waiting = list(map(len, needs))
    users: list[list[int]] = [[] for _ in parts]
    for i, needed in enumerate(needs):
        for j in needed:
            users[j].append(i)
    ready = [i for i, count in enumerate(waiting) if not count]
    heapify(ready)
    order: list[Any] = []
    pending: list[int] = []
    current: Group | None = None

    def close() -> None:
        if current is not None:
            order.append(Run(current, list(pending)))
            pending.clear()

    while ready:
        i = heappop(ready)
        unit = units[i][1]
        if type(unit) is tuple:
            if unit[0] is not current:
                close()
                current = unit[0]
            pending.append(unit[1])
        else:
            close()
            current = None
            order.append(unit)
        for j in users[i]:
            waiting[j] -= 1
            if not waiting[j]:
                heappush(ready, j)
    close()
    return order if not any(waiting) else None
