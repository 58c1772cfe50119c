"""Exchanges between devices, read from the text of a compiled program.

XLA writes a program as named computations of one operation a line. An exchange names the groups
of devices that take part, in one of three notations; a loop names its body and, where XLA
knows it, how often that runs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from highlevel_backend import ArraySpec
from highlevel_backend.operations import Collective, nbytes

__all__ = ["collectives"]

_KINDS = "all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute|collective-broadcast"
_COMPUTATION = re.compile(r"^(ENTRY )?%?([\w.\-]+) (?:\(.*)?\{$")
_EXCHANGE = re.compile(rf"= (.+?) ({_KINDS})(-start)?\(")
_ARRAY = re.compile(r"(\w+)\[([\d,]*)\]")
_WHERE = re.compile(r'op_name="([^"]*)"')
_TRIPS = re.compile(r'known_trip_count":\{"n":"(\d+)"')
_CALLED = re.compile(
    r"(condition|body|to_apply|calls|branch_computations|true_computation|false_computation)="
    r"(\{[^}]*\}|%[\w.\-]+)")
_LISTED = re.compile(r"replica_groups=\{(\{.*?\})\}")
_COUNTED = re.compile(r"replica_groups=\[([\d,]+)\]<=\[([\d,]+)\](?:T\(([\d,]+)\))?")
_NAMED = re.compile(
    r"replica_groups=(?:\w+)?mesh\[([^\]]*)\](?:, device_ids=\(\[([\d,]+)\](?:T\(([\d,]+)\))?\))? "
    r"\{([^}]*)\}")
_PAIRS = re.compile(r"source_target_pairs=\{(\{.*?\})\}")

_DTYPES = {
    "pred": "bool", "s8": "int8", "s16": "int16", "s32": "int32", "s64": "int64", "u8": "uint8",
    "u16": "uint16", "u32": "uint32", "u64": "uint64", "f16": "float16", "bf16": "bfloat16",
    "f32": "float32", "f64": "float64", "c64": "complex64", "c128": "complex128",
}


def collectives(text: str, shape: Sequence[int], axis_names: Sequence[str]) -> list[Collective]:
    """The exchanges of a program, in the order in which it names them.

    Args:
        text: the compiled program, as XLA prints it.
        shape, axis_names: of the mesh that it was compiled for.
    """
    entry, within, calls = "", {}, {}
    at = ""
    for line in text.splitlines():
        if not line.startswith(" "):
            head = _COMPUTATION.match(line)
            if head:
                at = head[2]
                entry = at if head[1] else entry
                within[at], calls[at] = [], []
            continue
        exchange = _EXCHANGE.search(line)
        if exchange:
            within[at].append(_read(line, exchange, shape, axis_names))
        elif "%" in line:
            calls[at] += _called(line)
    runs: dict[str, float] = {}
    _count(entry, 1, calls, runs)
    found = []
    for name, exchanges in within.items():
        times = runs.get(name)
        for each in exchanges if times else ():
            each.times = times if times == times else None  # NaN: a loop of unknown length
            found.append(each)
    return found


def _called(line: str) -> list[tuple[str, float]]:
    """The computations that an operation runs, each with how often."""
    found = []
    for role, names in _CALLED.findall(line):
        times = 1.0
        if role in ("body", "condition"):
            trips = _TRIPS.search(line)
            times = float(trips[1]) if trips else math.nan
        found += [(name, times) for name in re.findall(r"%([\w.\-]+)", names)]
    return found


def _count(name: str, times: float, calls: dict, runs: dict[str, float]) -> None:
    runs[name] = runs.get(name, 0) + times
    for called, factor in calls.get(name, ()):
        _count(called, times * factor, calls, runs)


def _read(line: str, exchange: re.Match, shape: Sequence[int], names: Sequence[str]) -> Collective:
    result, kind, started = exchange.groups()
    arrays = [
        ArraySpec(tuple(_numbers(lengths)), _DTYPES.get(dtype, str(dtype)))
        for dtype, lengths in _ARRAY.findall(result)
    ]
    if started and kind != "all-reduce":  # it carries what it was given as well
        arrays = arrays[len(arrays) // 2:][:max(len(arrays) // 2, 1)]
    group, axes = _taking_part(line, shape, names)
    size = sum(map(nbytes, arrays))
    if kind == "reduce-scatter":
        size *= group  # what each device gives; the result is its part
    where = _WHERE.search(line)
    return Collective(kind, tuple(arrays), size, axes, group, where[1] if where else "")


def _taking_part(line: str, shape: Sequence[int], names: Sequence[str]) -> tuple[int, tuple]:
    """How many devices are in a group, and the mesh's axes along which they lie."""
    pairs = _PAIRS.search(line)
    if pairs:
        moved = [pair for pair in _lists(pairs[1]) if pair[0] != pair[1]]
        return 2, _along(moved, shape, names)
    rows: Any
    named, counted, listed = (p.search(line) for p in (_NAMED, _COUNTED, _LISTED))
    if named:
        axes = [(name, int(n)) for name, n in re.findall(r"'([^']*)'=(\d+)", named[1])]
        lengths = [n for _, n in axes]
        devices = _counted(named[2] or ",".join(map(str, lengths)), named[3]).reshape(lengths)
        taken = [i for i, (name, _) in enumerate(axes) if f"'{name}'" in named[4]]
        rest = [i for i in range(len(axes)) if i not in taken]
        group = math.prod(lengths[i] for i in taken)
        rows = devices.transpose(rest + taken).reshape(-1, group)
    elif counted:
        rows = _counted(counted[2], counted[3]).reshape(_numbers(counted[1]))
    elif listed:
        rows = _lists(listed[1])
    else:
        rows = [list(range(math.prod(shape)))]
    return len(rows[0]), _along(rows, shape, names)


def _numbers(text: str) -> list[int]:
    return [int(n) for n in text.split(",")] if text else []


def _counted(lengths: str, turned: str | None) -> np.ndarray:
    shape = _numbers(lengths)
    devices = np.arange(math.prod(shape)).reshape(shape)
    return devices.transpose(_numbers(turned)) if turned else devices


def _lists(text: str) -> list[list[int]]:
    return [_numbers(part) for part in re.findall(r"\{([\d,]+)\}", text)]


def _along(rows: Any, shape: Sequence[int], names: Sequence[str]) -> tuple[str, ...]:
    places = [np.unravel_index(np.asarray(row), tuple(shape)) for row in rows[:64]]
    return tuple(
        name for axis, name in enumerate(names)
        if any(len(set(place[axis].tolist())) > 1 for place in places))
