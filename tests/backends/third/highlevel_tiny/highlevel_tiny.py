"""The smallest backend: NumPy, with derivatives by differences.

It has no gradient rules at all. A function is run again at points a little to either side,
in float64, and the five-point formula gives the derivative to about 12 digits, of any NumPy
function, to any order. That costs four runs per number differentiated by, so it is a
backend for checking others and for models of a hundred weights, not for work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
from highlevel_backend import ArraySpec, Backend, canonical_name
from highlevel_backend.tree import flatten, leaves, map_leaves, unflatten
from numpy.lib.stride_tricks import sliding_window_view

STEP = 1e-3
POINTS = ((1, 8 / 12), (2, -1 / 12))  # how far to either side, and the weight


def dtype_of(name: str) -> np.dtype:
    name = canonical_name(name)
    return np.dtype(getattr(ml_dtypes, name, name))


def is_floating(x: Any) -> bool:
    return hasattr(x, "dtype") and (x.dtype.kind == "f" or x.dtype.name in ("bfloat16", "float16"))


def step(length: float) -> Callable[[Any, Any], Any]:
    """Moves a point along a direction, in float64; integers stay where they are."""

    def moved(x: Any, direction: Any) -> Any:
        return np.float64(x) + length * np.float64(direction) if is_floating(x) else x

    return moved


class Run:
    """One differentiation in progress: what its first run left for the others.

    `stop_gradient` and `custom_gradient` say what a derivative is, against what values do.
    The first run records each of their calls, the others replay them in the same order.
    """

    def __init__(self) -> None:
        self.record: list[Any] = []
        self.position: int | None = None  # of the next call to replay; None while recording

    def next(self, make: Callable[[], Any]) -> tuple[Any, bool]:
        if self.position is None:
            self.record.append(make())
            return self.record[-1], False
        self.position += 1
        return self.record[self.position - 1], True


class TinyBackend(Backend):
    name = "tiny"
    xp = np

    def __init__(self) -> None:
        self.runs: list[Run] = []

    # ------------------------------------------------------------- arrays

    def is_array(self, x: Any) -> bool:
        return isinstance(x, (np.ndarray, np.generic))

    def is_abstract(self, x: Any) -> bool:
        return False

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        given = self.is_array(x) or hasattr(x, "__array__")
        array = np.asarray(x)
        if array.dtype.kind in "OSU":
            raise TypeError(f"{array.dtype} is no dtype of numbers; the value is {x!r:.60}.")
        if dtype is None and not given and array.dtype.kind in "fi":
            values = array.ravel()
            scalars = leaves(x)
            if not any(self.is_array(value) for value in scalars) and values.size == len(scalars):
                dtype = "float32" if array.dtype.kind == "f" else "int32"
        return array if dtype is None else self.cast(array, dtype)

    def to_numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x)

    def cast(self, x: Any, dtype: str) -> Any:
        target = dtype_of(dtype)
        # Differences need all digits: while they are taken floats stay float64.
        if x.dtype == target or (self.shifted() and x.dtype == "float64" and target.kind in "fV"):
            return x
        return np.asarray(x).astype(target)

    # --------------------------------------------------------- transforms

    def shifted(self) -> bool:
        return any(run.position is not None for run in self.runs)

    def differentiate(self, function: Callable, start: Any) -> tuple[Any, Callable]:
        """`function(start)`, and `along(direction)`: its derivative, results flattened."""
        run = Run()

        def call(tree: Any, replay: bool) -> Any:
            run.position = 0 if replay else None
            self.runs.append(run)
            try:
                return function(tree)
            finally:
                self.runs.pop()
                run.position = None

        out = call(start, replay=False)

        def along(direction: Any) -> list[np.ndarray]:
            totals: list[Any] = [0.0] * len(leaves(out))
            for place, weight in POINTS:
                ahead, behind = (
                    leaves(call(map_leaves(moved, start, direction), replay=True))
                    for moved in (step(place * STEP), step(-place * STEP))
                )
                totals = [
                    total + weight / STEP * (np.float64(a) - np.float64(b))
                    if is_floating(a)
                    else total
                    for total, a, b in zip(totals, ahead, behind)
                ]
            return totals

        return out, along

    def like(self, x: Any, value: Any) -> Any:
        value = np.broadcast_to(np.float64(value), np.shape(x))
        return value if self.shifted() else value.astype(x.dtype)

    def gradient(self, along: Callable, start: Any, cotangent: list) -> Any:
        values, definition = flatten(start)
        zeros = [np.zeros(np.shape(x)) for x in values]
        gradients = [zero.copy() for zero in zeros]
        for i, gradient in enumerate(gradients):
            for index in np.ndindex(gradient.shape):
                direction = list(zeros)
                direction[i] = zeros[i].copy()
                direction[i][index] = 1.0
                changes = along(unflatten(definition, direction))
                gradient[index] = sum(np.sum(c * g) for c, g in zip(changes, cotangent))
        return unflatten(definition, [self.like(x, g) for x, g in zip(values, gradients)])

    def value_and_grad(self, function: Callable, has_aux: bool = False) -> Callable:
        def run(tree: Any, *rest: Any) -> Any:
            tree = map_leaves(self.asarray, tree)
            kept: list[Any] = []

            def scalar(tree: Any) -> Any:
                out = function(tree, *rest)
                kept.append(out)
                return out[0] if has_aux else out

            value, along = self.differentiate(scalar, tree)
            if np.shape(value) != () or not is_floating(value):
                raise TypeError(f"The value must be a floating scalar, not {value!r}.")
            first = kept[0]
            return first, self.gradient(along, tree, [1.0])

        return run

    def vjp(self, function: Callable, *primals: Any, has_aux: bool = False) -> tuple:
        primals = map_leaves(self.asarray, primals)
        run, aux = self.without_aux(function, has_aux)
        out, along = self.differentiate(run, primals)
        pullback = lambda ct: self.gradient(along, primals, [np.float64(g) for g in leaves(ct)])  # noqa: E731
        return out, pullback, *aux[:1]

    def jvp(
        self, function: Callable, primals: tuple, tangents: tuple, has_aux: bool = False
    ) -> tuple:
        primals = map_leaves(self.asarray, tuple(primals))
        run, aux = self.without_aux(function, has_aux)
        out, along = self.differentiate(run, primals)
        values, definition = flatten(out)
        changes = along(tuple(tangents))
        slope = unflatten(definition, [self.like(y, c) for y, c in zip(values, changes)])
        return out, slope, *aux[:1]

    def without_aux(self, function: Callable, has_aux: bool) -> tuple[Callable, list]:
        """`function` of a tuple of arguments, and the list that its second results go to."""
        kept: list[Any] = []

        def run(tree: Any) -> Any:
            if not has_aux:
                return function(*tree)
            out, aux = function(*tree)
            kept.append(aux)
            return out

        return run, kept

    def stop_gradient(self, x: Any) -> Any:
        for run in reversed(self.runs):
            x, _ = run.next(lambda x=x: x)
        return x

    def custom_gradient(self, function: Callable) -> Callable:
        def call(*arrays: Any) -> Any:
            out, pullback = function(*arrays)
            for run in reversed(self.runs):
                (first, at, pull), replayed = run.next(lambda out=out: (out, arrays, pullback))
                if replayed:  # the tangent plane that the pullback claims
                    out = np.array(first, np.float64)
                    for index in np.ndindex(out.shape):
                        basis = np.zeros(out.shape)
                        basis[index] = 1.0
                        found = pull(basis)
                        found = found if isinstance(found, (tuple, list)) else (found,)
                        out[index] += sum(np.sum(g * (x - a)) for g, x, a in zip(found, arrays, at))
            return out

        return call

    def vmap(self, function: Callable, in_axes: Any = 0, out_axes: Any = 0) -> Callable:
        def run(*args: Any) -> Any:
            axes = in_axes if isinstance(in_axes, (tuple, list)) else (in_axes,) * len(args)
            length = next(
                leaves(arg)[0].shape[axis] for arg, axis in zip(args, axes) if axis is not None
            )

            def entry(i: int) -> list[Any]:
                return [
                    arg if axis is None else map_leaves(lambda x, a=axis: np.take(x, i, a), arg)
                    for arg, axis in zip(args, axes)
                ]

            results = [function(*entry(i)) for i in range(length)]
            return map_leaves(lambda *ys: np.stack(ys, out_axes), results[0], *results[1:])

        return run

    def eval_shape(self, function: Callable, *specs: Any) -> Any:
        def run(size: int) -> Any:
            def fill(spec: ArraySpec) -> np.ndarray:
                shape = [size if n is None else n for n in spec.shape]
                return np.broadcast_to(np.ones((), dtype_of(spec.dtype)), shape)  # no memory

            return function(*map_leaves(fill, specs))

        def spec(one: Any, other: Any) -> ArraySpec:
            pairs = zip(np.shape(one), np.shape(other))
            name = canonical_name(self.asarray(one).dtype)
            return ArraySpec(tuple(a if a == b else None for a, b in pairs), name)

        return map_leaves(spec, run(24), run(48))

    # ------------------------------------------------------- control flow

    def scan(
        self, function: Callable, init: Any, xs: Any, length: int | None = None,
        reverse: bool = False,
    ) -> tuple[Any, Any]:  # fmt: skip
        length = length if xs is None else len(leaves(xs)[0])
        carry, ys = init, []
        for i in range(length):
            place = length - 1 - i if reverse else i
            carry, y = function(carry, map_leaves(lambda x, place=place: x[place], xs))
            ys.append(y)
        if not ys:
            zero = map_leaves(lambda x: np.zeros(x.shape[1:], x.dtype), xs)
            _, y = function(init, zero)
            return init, map_leaves(lambda y: np.zeros((0, *np.shape(y)), y.dtype), y)
        ys = ys[::-1] if reverse else ys
        return carry, map_leaves(lambda *parts: np.stack(parts), ys[0], *ys[1:])

    def while_loop(self, condition: Callable, body: Callable, init: Any) -> Any:
        while condition(init):
            init = body(init)
        return init

    def cond(self, predicate: Any, true_function: Callable, false_function: Callable,
             *operands: Any) -> Any:  # fmt: skip
        return (true_function if predicate else false_function)(*operands)

    # --------------------------------------------------------- primitives

    def index_update(self, x: Any, index: Any, values: Any, mode: str = "set") -> Any:
        out = np.array(x, np.result_type(x, values) if self.shifted() else None)
        if mode == "set":
            out[index] = values
        else:
            name = {"max": "maximum", "min": "minimum"}.get(mode, mode)
            getattr(np, name).at(out, index, values)
        return out

    def conv(self, x, kernel, strides, padding, input_dilation, kernel_dilation, groups) -> Any:
        n = len(strides)
        x = self.padded(x, padding, input_dilation)
        window = [(k - 1) * d + 1 for k, d in zip(kernel.shape, kernel_dilation)]
        # (batch, *out, channels, *window), the window's entries spaced by the dilation
        views = sliding_window_view(x, window, tuple(range(1, n + 1)))
        views = views[:, *(np.s_[::s] for s in strides)]
        views = views[..., *(np.s_[::d] for d in kernel_dilation)]
        letters = "xyz"[:n]
        parts = [
            np.einsum(f"...c{letters},{letters}co->...o", v, k, optimize=True)
            for v, k in zip(
                np.split(views, groups, axis=n + 1), np.split(kernel, groups, axis=-1)
            )
        ]  # fmt: skip
        out = np.concatenate(parts, axis=-1)
        return out if self.shifted() else out.astype(x.dtype)

    def padded(self, x: Any, padding: Any, spacing: Any, fill: Any = 0) -> Any:
        """`x` with its spatial axes spaced out, then padded; negative padding cuts."""
        spaced = [(m - 1) * s + 1 if m else 0 for m, s in zip(x.shape[1:-1], spacing)]
        ends = [m + a + b for m, (a, b) in zip(spaced, padding)]
        out = np.full((x.shape[0], *[max(m, 0) for m in ends], x.shape[-1]), fill, x.dtype)
        if 0 in spaced:
            return out
        whole = np.full((x.shape[0], *spaced, x.shape[-1]), fill, x.dtype)
        whole[:, *(np.s_[::s] for s in spacing)] = x
        cut = [np.s_[max(-a, 0) : m - max(-b, 0)] for m, (a, b) in zip(spaced, padding)]
        at = [np.s_[max(a, 0) : m - max(b, 0)] for m, (a, b) in zip(ends, padding)]
        out[:, *at] = whole[:, *cut]
        return out

    def reduce_window(self, x: Any, mode: str, window: Any, strides: Any, padding: Any) -> Any:
        low = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
        x = self.padded(x, padding, [1] * len(window), low if mode == "max" else 0)
        axes = tuple(range(1, len(window) + 1))
        views = sliding_window_view(x, window, axes)[:, *(np.s_[::s] for s in strides)]
        views = views.reshape(*views.shape[: x.ndim], -1)
        if mode == "sum":
            return views.sum(-1, dtype=x.dtype)
        place = self.stop_gradient(views.argmax(-1))  # the first of equal ones, and it stays
        return np.take_along_axis(views, place[..., None], -1)[..., 0]


backend = TinyBackend()
