"""From the calls of a `Trace` to one flat Python function.

Arrays that only live during the step are written into memory that is kept from step to step
(`out=`), and so is the state that the step changes: it goes to and fro between two sides. What
is a view of kept memory (a transposed weight, a reshaped buffer) is made once. The rest are
local names.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from highlevel_numpy.arrays import as_array, cast
from highlevel_numpy.rules.common import filled
from highlevel_numpy.traced import Call, Deviation, Held, Method, Refused, Trace, Traced, expect

__all__ = ["Source", "numbers"]

_VIEWS = frozenset((
    "reshape", "transpose", "swapaxes", "moveaxis", "expand_dims", "squeeze", "ravel", "view",
    "broadcast_to", "getitem", "matrix_transpose", "permute_dims",
))
#: reductions by their name as a function or method
_REDUCTIONS: dict[str, np.ufunc] = {
    "sum": np.add, "max": np.maximum, "min": np.minimum, "amax": np.maximum, "amin": np.minimum,
    "prod": np.multiply,
}
#: functions of NumPy that only ask for the method of their name
_AS_METHODS = frozenset(("reshape", "transpose", "swapaxes", "take", "argmax", "argmin", "ravel"))
_INFIX = {
    np.add: "+", np.subtract: "-", np.multiply: "*", np.true_divide: "/",
    np.floor_divide: "//", np.remainder: "%", operator.pow: "**",
}
_LITERALS = (bool, int, str, type(None))
#: larger local arrays are let go of as soon as they have been used
_LARGE = 1 << 15


def numbers(tree: Any) -> list[int]:
    """Numbers of all that is traced in a tree."""
    kind = type(tree)
    if kind is Traced or kind is Held:
        return [tree.number]
    if kind is tuple or kind is list:
        return [number for item in tree for number in numbers(item)]
    if kind is dict:
        return [number for item in tree.values() for number in numbers(item)]
    return []


def name_of(function: Any) -> str:
    """Of a NumPy function or method, and of the few others that are known here."""
    return getattr(function, "name", None) or getattr(function, "__name__", "")


def dense(array: np.ndarray) -> bool:
    """Whether its entries fill a stretch of memory, in some order of the axes."""
    expected = array.itemsize
    for stride, length in sorted(zip(array.strides, array.shape)):
        if length != 1 and stride != expected:
            return False
        expected *= length
    return array.size > 0


class Source:
    """The function's text and what its names stand for.

    Args:
        trace: the recorded calls.
        result: tree of what the step returns.
        state: number of an input → number of the output that takes its place; to and fro.

    Attributes:
        live: the calls that the result depends on.
        static: numbers of arrays in memory that is kept from step to step.
    """

    def __init__(self, trace: Trace, result: Any, state: dict[int, int]) -> None:
        self.values = trace.values
        self.state = state
        self.result = result
        self.live = _ordered(_needed(trace.calls, set(numbers(result))))
        self.roots = _roots(self.live, self.values)
        self.names: dict[str, Any] = {}
        self._constants: dict[int, str] = {}
        #: arrays in kept memory, but for views of them
        self.kept: dict[int, Any] = {}
        #: calls that only make a view of kept memory
        self.views: list[Call] = []
        self.static: set[int] = set()
        self.pool = _Pool()

    # ------------------------------------------------------------------ places

    def place(self, fixed: dict[int, Any], order: list[Any]) -> None:
        """Decide which results go to kept memory, and to which.

        Args:
            fixed: number → array that is there already.
            order: calls in the order in which they will run.
        """
        self.kept = dict(fixed)
        inside = {*self.state, *self.state.values()}
        self.static = {*fixed, *inside}
        leaving = {
            root for number in numbers(self.result) if number not in inside
            for root in self.roots[number]
        }
        last: dict[int, int] = {}
        for at, call in enumerate(order):
            for number in numbers((call.args, call.kwargs)):
                for root in self.roots[number]:
                    last[root] = at
        ends: dict[int, list[int]] = {}
        for root, at in last.items():
            ends.setdefault(at, []).append(root)
        pool = self.pool = _Pool()
        memory: dict[int, np.ndarray] = {}
        for at, call in enumerate(order):
            number = call.result.number if type(call.result) is Traced else None
            given_up = [memory.pop(root) for root in ends.get(at, ()) if root in memory]
            elementwise = isinstance(call.function, np.ufunc) and not call.function.signature
            if elementwise:
                pool.back(given_up)
            if number is not None and number not in self.static:
                if self._is_view(call, number):
                    self.static.add(number)
                    self.views.append(call)
                elif number not in leaving and self._takes_out(call, number):
                    raw = pool.take(self.values[number].nbytes)
                    like = self.values[number]
                    self.kept[number] = np.ndarray(
                        like.shape, like.dtype, raw, 0, like.strides)
                    self.static.add(number)
                    if number in last:
                        memory[number] = raw
                    else:
                        pool.back([raw])
            if not elementwise:
                pool.back(given_up)

    def may_be_written_at(self, number: int, call: Call | None) -> bool:
        """Whether a value can be made in a place that is given."""
        return (
            call is not None and type(call.result) is Traced and self.roots[number] == {number}
            and number not in numbers(self.result)
            and self.values[number].flags.c_contiguous and self._takes_out(call, number)
        )

    def _is_view(self, call: Call, number: int) -> bool:
        used = numbers((call.args, call.kwargs))
        return (
            len(used) == 1 and used[0] in self.static and number not in self.roots[number]
            and name_of(call.function) in _VIEWS
        )

    def _takes_out(self, call: Call, number: int) -> bool:
        value = self.values[number]
        if type(value) is not np.ndarray or not value.ndim or not dense(value):
            return False
        function = call.function
        if isinstance(function, np.ufunc):
            return function.nout == 1 and set(call.kwargs) <= {"dtype"}
        return function is filled or self._reduction(call) is not None

    def _reduction(self, call: Call) -> tuple | None:
        """`(ufunc or "mean", array, axis, keepdims)` of a plain reduction."""
        name = name_of(call.function)
        if name != "mean" and name not in _REDUCTIONS:
            return None
        known = ["axis", "dtype", "out", "keepdims"]
        given = {**dict(zip(known, call.args[1:])), **call.kwargs}
        if set(given) - set(known) or given.get("dtype") is not None or not call.args:
            return None
        x = call.args[0]
        if type(x) is not Traced or type(x.value) is not np.ndarray or len(numbers(given)):
            return None
        if name == "mean" and x.dtype not in (np.float32, np.float64):
            return None
        keepdims = given.get("keepdims")
        ufunc = name if name == "mean" else _REDUCTIONS[name]
        return ufunc, x, given.get("axis"), keepdims if isinstance(keepdims, bool) else False

    # ------------------------------------------------------------------ text

    def constant(self, value: Any) -> str:
        """A name for an object."""
        name = self._constants.get(id(value))
        if name is None:
            word = getattr(value, "__name__", "")
            name = f"{word if word.isidentifier() else 'k'}_{len(self._constants)}"
            self._constants[id(value)] = name
            self.names[name] = value
        return name

    def expression(self, x: Any) -> str:
        """A value, constant or tree of them as Python source."""
        kind = type(x)
        if kind is Traced or kind is Held:
            return f"s{x.number}" if x.number in self.static else f"v{x.number}"
        if kind in _LITERALS or (kind is float and np.isfinite(x)):
            return repr(x)
        if kind is tuple or kind is list:
            inner = ", ".join(map(self.expression, x))
            return f"({inner}{',' if len(x) == 1 else ''})" if kind is tuple else f"[{inner}]"
        if kind is dict:
            return "{" + ", ".join(f"{k!r}: {self.expression(v)}" for k, v in x.items()) + "}"
        return self.constant(x)

    def line(self, call: Any) -> list[str]:
        """The source lines of a call; none where a view has been made before."""
        if not isinstance(call, Call):  # several calls together
            return call.lines(self)
        number = call.result.number if type(call.result) is Traced else None
        arguments = [self.expression(x) for x in call.args]
        function = call.function
        if number in self.static:
            if number not in self.kept and number not in self.state.values():
                return []
            return self._into(call, f"s{number}", arguments)
        if function is expect:
            turn = "not " if call.args[1] else ""
            return [f"if {turn}{arguments[0]}: raise {self.constant(Deviation)}"]
        return [f"{self._target(call.result)} = {self._plain(call, arguments, function)}"]

    def _into(self, call: Call, out: str, arguments: list[str]) -> list[str]:
        function = call.function
        if isinstance(function, np.ufunc):
            options = "".join(f", {k}={self.expression(v)}" for k, v in call.kwargs.items())
            return [self.writing(function, arguments, out, options)]
        if function is filled:
            return [f"{self.constant(np.copyto)}({out}, {arguments[0]})"]
        reduction = self._reduction(call)
        if reduction is None:  # the state that comes from something else
            text = self._plain(call, arguments, function)
            return [f"{self.constant(np.copyto)}({out}, {text})"]
        ufunc, x, axis, keepdims = reduction
        mean = ufunc == "mean"
        reduce = self.constant(np.add if mean else ufunc)
        lines = [f"{reduce}.reduce({self.expression(x)}, {axis!r}, None, {out}, {keepdims})"]
        if mean:
            size = self.constant(np.intp(x.size // max(call.result.size, 1)))
            divide = self.constant(np.true_divide)
            lines.append(f"{divide}({out}, {size}, {out}, casting='unsafe')")
        return lines

    def writing(self, ufunc: np.ufunc, arguments: list[str], out: str, options: str = "") -> str:
        """The call of a ufunc whose result goes to memory of that name."""
        # By position is faster, and with these two deprecated.
        place = f"out={out}" if ufunc in (np.maximum, np.minimum) else out
        return f"{self.constant(ufunc)}({', '.join([*arguments, place])}{options})"

    def _plain(self, call: Call, arguments: list[str], function: Any) -> str:
        values = [x.value if type(x) is Traced else x for x in call.args]
        if function in _INFIX and not call.kwargs and (
            function is operator.pow
            or all(isinstance(x, (np.generic, int, float)) for x in values)
        ):
            return f"({arguments[0]}) {_INFIX[function]} ({arguments[1]})"
        if function is operator.getitem:
            return f"{arguments[0]}[{arguments[1]}]"
        reduction = self._reduction(call)
        if reduction is not None:
            ufunc, x, axis, keepdims = reduction
            mean = ufunc == "mean"
            if not mean or not isinstance(call.result.value, np.ndarray):
                reduce = self.constant(np.add if mean else ufunc)
                text = f"{reduce}.reduce({self.expression(x)}, {axis!r}, None, None, {keepdims})"
                if not mean:
                    return text
                size = self.constant(np.intp(x.size))
                return f"{self.constant(x.dtype.type)}({text} / {size})"
        name = name_of(function)
        first: Any = values[0] if values else None
        if function is as_array and isinstance(first, np.generic) and (
            first.dtype == call.result.dtype
        ):
            return f"{self.constant(np.asarray)}({arguments[0]})"
        if function is cast and first.dtype.kind in "bui" and call.result.dtype.kind == "f":
            return f"{arguments[0]}.astype({self.constant(call.result.dtype)})"
        if name == "expand_dims" and isinstance(first, np.ndarray):
            return f"{arguments[0]}.reshape({call.result.shape!r})"
        options = [f"{k}={self.expression(v)}" for k, v in call.kwargs.items()]
        if isinstance(function, Method) or (
            name in _AS_METHODS and type(first) is np.ndarray and not call.kwargs
        ):
            return f"{arguments[0]}.{name}({', '.join([*arguments[1:], *options])})"
        return f"{self.constant(function)}({', '.join([*arguments, *options])})"

    def _target(self, result: Any) -> str:
        kind = type(result)
        if kind is Traced or kind is Held:
            return f"v{result.number}"
        if kind is tuple or kind is list:
            return f"({', '.join(map(self._target, result))},)"
        if kind is dict:
            raise Refused("a call that gives a dict")
        return "_"

    def text(self, inputs: list[str], order: list[Any]) -> str:
        """The whole function `step(state, data)`."""
        lines = list(inputs)
        last: dict[int, int] = {}
        for at, call in enumerate(order):
            for number in numbers((call.args, call.kwargs)):
                last[number] = at
        staying = set(numbers(self.result)) | self.static
        for unit in order:
            if not isinstance(unit, Call):
                staying.update(numbers(unit.result))  # names of their own
        quiet = False
        for at, call in enumerate(order):
            found = self.line(call)
            if not found:
                continue
            if call.quiet and not quiet:
                lines.append(f"with {self.constant(np.errstate)}(all='ignore'):")
            quiet = call.quiet
            indent = "    " if quiet else ""
            lines += [indent + text for text in found]
            gone = [
                f"v{n}" for n in dict.fromkeys(numbers((call.args, call.kwargs)))
                if last[n] == at and n not in staying
                and getattr(self.values[n], "nbytes", 0) >= _LARGE
            ]
            if gone:
                lines.append(f"{indent}del {', '.join(gone)}")
        lines.append(f"return {self.expression(self.result)}")
        return "def step(state, data):\n" + "\n".join("    " + line for line in lines) + "\n"


class _Pool:
    """Memory that is free at this point of the step."""

    def __init__(self) -> None:
        self._free: list[np.ndarray] = []
        #: bytes given out so far, counted once
        self.size = 0

    def take(self, size: int) -> np.ndarray:
        fits = [raw for raw in self._free if size <= raw.nbytes <= 2 * size]
        if not fits:
            self.size += size
            return np.empty(size, np.uint8)
        best = min(fits, key=lambda raw: raw.nbytes)
        self._free = [raw for raw in self._free if raw is not best]
        return best

    def back(self, raws: list[np.ndarray]) -> None:
        self._free += raws


def _needed(calls: list[Call], wanted: set[int]) -> list[Call]:
    """The calls on which what is wanted depends."""
    found = []
    for call in reversed(calls):
        if call.function is expect or not wanted.isdisjoint(numbers(call.result)):
            wanted.update(numbers((call.args, call.kwargs)))
            found.append(call)
    return found[::-1]


def _ordered(calls: list[Call]) -> list[Call]:
    """What the recorded turns depend on first: a step that takes another one ends soon."""
    wanted: set[int] = set()
    for call in reversed(calls):
        if call.function is expect or not wanted.isdisjoint(numbers(call.result)):
            wanted.update(numbers((call.args, call.kwargs)))
    early = [
        call.function is expect or not wanted.isdisjoint(numbers(call.result)) for call in calls
    ]
    return [
        *[call for call, first in zip(calls, early) if first],
        *[call for call, first in zip(calls, early) if not first],
    ]


def _roots(calls: list[Call], values: list[Any]) -> dict[int, frozenset[int]]:
    """Number → numbers of the arrays in whose memory it lies, or that it may hold."""
    roots: dict[int, frozenset[int]] = {n: frozenset((n,)) for n in range(len(values))}
    for call in calls:
        used = numbers((call.args, call.kwargs))
        for number in numbers(call.result):
            value = values[number]
            if isinstance(value, np.generic):
                continue
            shared = [
                root for n in used if not isinstance(values[n], np.generic)
                if not isinstance(value, np.ndarray) or not isinstance(values[n], np.ndarray)
                or np.may_share_memory(value, values[n])
                for root in roots[n]
            ]
            own = [] if isinstance(value, np.ndarray) and shared else [number]
            roots[number] = frozenset((*shared, *own))
    return roots
