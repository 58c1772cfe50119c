"""Gradients of every op: the NumPy backend's against `jax.grad` of the same call, and second
gradients of those that work entry by entry."""

import functools
import os
from collections import Counter

import jax
import numpy as np
import pytest
from awkward_cases import CASES
from gradient_cases import CASES as MORE
from highlevel_backend import tree, use_backend

from highlevel import ops


def is_number_array(x):
    return isinstance(x, np.ndarray) and x.dtype.kind in "fc"


def chosen_rows():
    """All that matter to gradients, and the first two of the ops that have none of those.

    On JAX each row is compiled: `HIGHLEVEL_ALL_ROWS=1`, by hand, takes every one.
    """
    special = {name for name, _, _ in MORE}
    rows, count = list(MORE), Counter()
    for row in CASES:
        if any(map(is_number_array, tree.leaves(row[1:]))):
            count[row[0]] += 1
            if count[row[0]] <= (1 if row[0] in special else 2):
                rows.append(row)
    return rows


ROWS = CASES + MORE if os.environ.get("HIGHLEVEL_ALL_ROWS") else chosen_rows()
NAMES = sorted({name for name, _, _ in ROWS})

#: Each entry of the result depends on one entry of each argument.
ENTRY_BY_ENTRY = [
    "abs", "absolute", "add", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2",
    "arctanh", "cbrt", "celu", "clip", "cos", "cosh", "deg2rad", "divide", "divide_no_nan", "elu",
    "erf", "erfinv", "exp", "exp2", "expm1", "fmax", "fmin", "gelu", "hard_shrink",
    "hard_sigmoid", "hard_silu", "hard_tanh", "hypot", "leaky_relu", "log", "log10", "log1p",
    "log2", "log_sigmoid", "logaddexp", "logaddexp2", "maximum", "minimum", "multiply",
    "negative", "power", "rad2deg", "reciprocal", "relu", "relu6", "rsqrt", "selu", "sigmoid",
    "silu", "sin", "sinh", "soft_shrink", "softplus", "softsign", "sparse_plus", "sqrt", "square",
    "squareplus", "subtract", "tan", "tanh", "tanh_shrink", "threshold", "true_divide", "where",
]  # fmt: skip


#: Where the two differ for a reason: which entries to compare, by our gradient and the argument.
OWN = {
    # 0 at the origin, as a norm's; JAX has halves there.
    "hypot": lambda ours, x: x != 0,
    # JAX's loses its digits near 0, where the derivative is -x pi**2 / 3.
    "sinc": lambda ours, x: np.abs(x) > 1e-2,
}


def find(name):
    if name == "eigh_values":  # the vectors' signs and phases are free
        return lambda x: ops.eigh(x)[0]
    return functools.reduce(getattr, name.split("."), ops)


def places_of(leaves):
    """Where the arguments stand that a gradient can be taken by."""
    return [j for j, x in enumerate(leaves) if is_number_array(x)]


def weighted(name, args, kwargs, values, places):
    """A number that depends on every entry of the op's results, each in its own way."""
    leaves, definition = tree.flatten((args, kwargs))
    for place, value in zip(places, values):
        leaves[place] = value
    args, kwargs = tree.unflatten(definition, leaves)
    total = 0.0
    for j, out in enumerate(tree.leaves(find(name)(*args, **kwargs))):
        kind = ops.dtype(out)
        if "float" not in kind and "complex" not in kind:
            continue
        weights = np.cos(np.arange(np.prod(out.shape, dtype=int)) * 1.7 + j).reshape(out.shape)
        if "complex" in kind:
            out = ops.real(out) + 2 * ops.imag(out)
        total = total + ops.sum(ops.cast(out, "float32") * weights.astype("float32"))
    return ops.convert_to_tensor(total, "float32")


def gradients_of(backend, name, args, kwargs, order):
    """A function of the arguments that have gradients, which gives them, and its arguments."""
    leaves = tree.leaves((args, kwargs))
    places = places_of(leaves)

    def loss(values):
        return weighted(name, args, kwargs, values, places)

    def slope(values):
        _, found = backend.value_and_grad(loss)(values)
        return sum(
            (ops.sum(g * np.sin(np.arange(g.size) + j).reshape(g.shape).astype("float32"))
             for j, g in enumerate(found)),
            start=ops.convert_to_tensor(0.0),
        )  # fmt: skip

    def function(values):
        return backend.value_and_grad(loss if order == 1 else slope)(values)[1]

    return function, [backend.asarray(leaves[place]) for place in places]


#: Programs that run once: compiled quickly rather than well.
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def jax_gradients(name, rows, order):
    """Of each row, or None where JAX has no derivative; all of them in one program."""
    with use_backend("jax") as backend:
        functions = [gradients_of(backend, name, args, kwargs, order) for _, args, kwargs in rows]
        known = []
        for function, values in functions:
            try:
                jax.eval_shape(function, values)
                known.append(True)
            except (NotImplementedError, TypeError, ValueError):
                known.append(False)
        chosen = [pair for pair, fits in zip(functions, known) if fits]
        program = jax.jit(
            lambda values: [f(v) for (f, _), v in zip(chosen, values)], compiler_options=QUICK
        )
        found = iter(program([values for _, values in chosen]) if chosen else [])
        return [[backend.to_numpy(g) for g in next(found)] if fits else None for fits in known]


def compare(name, order):
    faults, compared = [], 0
    rows = [row for row in ROWS if row[0] == name]
    rows = [row for row in (rows if order == 1 else rows[-2:]) if places_of(tree.leaves(row[1:]))]
    for (_, args, kwargs), theirs in zip(rows, jax_gradients(name, rows, order)):
        if theirs is None:
            continue  # nothing to hold ours against
        try:
            with use_backend("numpy") as backend:
                function, values = gradients_of(backend, name, args, kwargs, order)
                found = [backend.to_numpy(g) for g in function(values)]
        except (NotImplementedError, TypeError, ValueError) as error:
            faults.append(f"{args} {kwargs}: {type(error).__name__}: {error}")
            continue
        compared += 1
        half = any(getattr(x, "dtype", None) in ("float16", "bfloat16") for x in tree.leaves(args))
        tolerance = 2e-2 if half else 2e-4
        given = [x for x in tree.leaves((args, kwargs)) if is_number_array(x)]
        for j, (ours, wanted) in enumerate(zip(found, theirs)):
            # Where JAX's is no number there is nothing to agree with, nor where a NaN went in.
            here = np.isfinite(wanted) & ~np.isnan(given[j])
            if name in OWN:
                here &= OWN[name](ours, given[j])
            ours, wanted = ours[here], wanted[here]
            scale = np.abs(wanted).max(initial=1.0)
            if ours.dtype != wanted.dtype or not np.allclose(
                ours.astype("complex128"), wanted.astype("complex128"),
                rtol=tolerance, atol=tolerance * float(scale), equal_nan=True,
            ):  # fmt: skip
                faults.append(
                    f"{[getattr(a, 'shape', a) for a in args]} {kwargs}, argument {j}:\n"
                    f"  NumPy {ours.dtype} {ours.ravel()[:6]}\n  JAX   {wanted.dtype} {wanted.ravel()[:6]}"
                )
    assert not faults, "\n".join(faults)
    return compared


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_that_of_jax(name):
    compare(name, order=1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ENTRY_BY_ENTRY)
def test_second_gradient_is_that_of_jax(name):
    assert compare(name, order=2)
