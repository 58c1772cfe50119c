"""Rules of functions that move entries: shapes, joining, splitting, indexing, sorting."""

import numpy as np
import pytest
from highlevel_numpy import backend

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
CUBE = rng.normal(size=(2, 3, 4))
SERIES = rng.normal(size=6)
INDEX = np.array([2, 0, 2, -1])

ONE = {
    "reshape": lambda x: np.reshape(x, (4, 3)),
    "reshape method": lambda x: x.reshape(2, 6),
    "reshape order": lambda x: np.reshape(x, (2, -1), order="F"),
    "ravel": lambda x: np.ravel(x) + x.flatten(),
    "transpose": lambda x: x.T + np.transpose(x, (1, 0)),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1) + x.swapaxes(0, 1),
    "moveaxis": lambda x: np.moveaxis(x[None], (0, 2), (2, 1)),
    "rollaxis": lambda x: np.rollaxis(x[None], 2, 0),
    "expand": lambda x: np.expand_dims(x, (0, 2)),
    "squeeze": lambda x: np.squeeze(x[:, None]) + x[None].squeeze(0),
    "atleast": lambda x: np.atleast_3d(x) + np.atleast_2d(x)[..., None],
    "broadcast_to": lambda x: np.broadcast_to(x[:, None], (2, 3, 5, 4)),
    "broadcast_arrays": lambda x: np.broadcast_arrays(x[0], x),
    "meshgrid": lambda x: np.meshgrid(x[0], x[1]),
    "meshgrid ij": lambda x: np.meshgrid(x[0], x[:, 1], indexing="ij"),
    "split": lambda x: np.split(x, 2, axis=1),
    "split some": lambda x: np.split(x, [1, 3], axis=1)[1],
    "array_split": lambda x: np.array_split(x, 3, axis=1),
    "hsplit": lambda x: np.hsplit(x, 2) + np.vsplit(x, [1]),
    "unstack": lambda x: np.unstack(x, axis=1)[2],
    "iteration": lambda x: [row * 2 for row in x],
    "tile": lambda x: np.tile(x, (2, 1, 3)),
    "tile number": lambda x: np.tile(x, 2),
    "repeat": lambda x: np.repeat(x, 3, axis=1),
    "repeat flat": lambda x: np.repeat(x, 2),
    "repeat unevenly": lambda x: x.repeat([1, 0, 2, 3], axis=1),
    "resize": lambda x: np.resize(x, (5, 3)),
    "pad": lambda x: np.pad(x, ((1, 2), (0, 1))),
    "pad value": lambda x: np.pad(x, 1, constant_values=2.0),
    "pad edge": lambda x: np.pad(x, (1, 2), mode="edge"),
    "pad reflect": lambda x: np.pad(x, 2, mode="reflect"),
    "pad symmetric": lambda x: np.pad(x, ((1, 0), (2, 1)), mode="symmetric"),
    "pad wrap": lambda x: np.pad(x, 2, mode="wrap"),
    "flip": lambda x: np.flip(x) + np.flip(x, 0) + np.flip(x, (0, 1)),
    "fliplr": lambda x: np.fliplr(x) + np.flipud(x),
    "roll": lambda x: np.roll(x, 2) + np.roll(x, 1, axis=1) + np.roll(x, (1, 2), (0, 1)),
    "rot90": lambda x: np.rot90(x) + np.rot90(x, 3),
    "sort": lambda x: np.sort(x, axis=0) + np.sort(x),
    "partition": lambda x: np.partition(x, 1, axis=1)[:, 1],
    "tril": lambda x: np.tril(x, 1) + np.triu(x, -1),
    "diagonal": lambda x: np.diagonal(x, 1) * x.diagonal(-1)[0],
    "diag": lambda x: np.diag(x, 1),
    "trace": lambda x: np.trace(x) + x.trace(1),
    "take": lambda x: np.take(x, INDEX, axis=1),
    "take flat": lambda x: np.take(x, [0, 5, 5]),
    "take wrap": lambda x: np.take(x, [4, -5], axis=1, mode="wrap"),
    "take_along_axis": lambda x: np.take_along_axis(x, np.array([[1, 1, 0], [3, 0, 2], [2, 2, 2]]), 1),
    "compress": lambda x: np.compress([True, False, True], x, axis=0),
    "extract": lambda x: np.extract(X > 0, x),
    "delete": lambda x: np.delete(x, 1, axis=1),
    "insert": lambda x: np.insert(x, 1, x[:, 0] * 2, axis=1),
    "integer": lambda x: x[1] * x[-1, 2],
    "slices": lambda x: x[::2, 1:3] * x[1:, ::-2][:, :2],
    "newaxis": lambda x: x[:, None, ..., None],
    "array index": lambda x: x[INDEX[:3]] + x[[0, 0, 1]],
    "two arrays": lambda x: x[[0, 2, 0], [1, 1, 1]],
    "array and slice": lambda x: x[1:, INDEX],
    "mask": lambda x: x[X > 0],
    "row mask": lambda x: x[np.array([True, False, True])],
    "many pieces": lambda x: sum(x[i, :2] * x[i, 2:] for i in range(3)),
    "piece and whole": lambda x: x * x[0] + x[1],
    "vander": lambda x: np.vander(x[0], 3, increasing=True),
    "copy": lambda x: np.copy(x) + x.copy(),
    "full_like": lambda x: np.full_like(x, x[0, 0]),
    "block": lambda x: np.block([[x, x * 2], [x, x]]),
    "kron": lambda x: np.kron(x, x[:2]),
    "diff": lambda x: np.diff(x, n=2, axis=1),
    "ediff1d": lambda x: np.ediff1d(x),
    "gradient": lambda x: np.gradient(x, 0.5, axis=1),
    "gradients": lambda x: np.gradient(x),
    "trapezoid": lambda x: np.trapezoid(x, dx=0.3, axis=1),
    "apply_along_axis": lambda x: np.apply_along_axis(lambda r: r * r.sum(), 1, x),
    "unwrap": lambda x: np.unwrap(x * 4),
    "polyval": lambda x: np.polyval(x[0], x),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE)
def test_one_array(check, name):
    check(ONE[name], X)


@pytest.mark.parametrize("name", ONE)
def test_values_are_those_of_numpy(name):
    out, _ = backend.vjp(ONE[name], X)
    expected = ONE[name](X)
    for a, b in zip(out if isinstance(out, (tuple, list)) else [out],
                    expected if isinstance(expected, (tuple, list)) else [expected]):  # fmt: skip
        np.testing.assert_allclose(a, b)


TWO = {
    "concatenate": lambda x, y: np.concatenate([x, y, x], axis=1),
    "concatenate flat": lambda x, y: np.concatenate([x, y], axis=None),
    "concat constant": lambda x, y: np.concat([x, np.ones((1, 4)), y]),
    "stack": lambda x, y: np.stack([x, y, np.ones((3, 4))], axis=1),
    "hstack": lambda x, y: np.hstack([x, y]) + np.hstack((y, x)),
    "vstack": lambda x, y: np.vstack([x, y[0]]),
    "dstack": lambda x, y: np.dstack([x, y]),
    "column_stack": lambda x, y: np.column_stack([x, y[:, 0]]),
    "append": lambda x, y: np.append(x, y, axis=0),
    "interp": lambda x, y: np.interp(x, np.arange(4.0) - 1.5, y[0]),
    "linspace": lambda x, y: np.linspace(x, y[0], 5, axis=1),
    "logspace": lambda x, y: np.logspace(x[0], y[0], 4, endpoint=False),
    "geomspace": lambda x, y: np.geomspace(np.exp(x[0]), np.exp(y[0]), 4),
    "polynomials": lambda x, y: np.polyadd(x[0], y[0, :2]) * np.polysub(x[1], y[1]),
    "more polynomials": lambda x, y: np.polymul(np.polyder(x[0]), y[0]),
    "bincount": lambda x, y: np.bincount([0, 2, 2, 1], weights=x[0] * y[0], minlength=5),
}


@pytest.mark.parametrize("name", TWO)
def test_two_arrays(check, name):
    check(TWO[name], X, Y)
    np.testing.assert_allclose(backend.vjp(TWO[name], X, Y)[0], TWO[name](X, Y))


def test_more_axes(check):
    check(lambda x: np.diagonal(x, 0, 1, 2), CUBE)
    check(lambda x: np.transpose(x, (2, 0, 1)) * x.transpose(2, 0, 1), CUBE)
    check(lambda x: x[:, [0, 2], 1:] * x[0, [0, 2], None, 1:], CUBE)
    check(lambda x: np.diag(x) + np.diagflat(x), SERIES)
    check(lambda x: np.tril(x), CUBE)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("lengths", [(6, 3), (3, 6), (5, 4), (4, 4)], ids=str)
def test_convolve_and_correlate(check, mode, lengths):
    a, v = (rng.normal(size=n) for n in lengths)
    for function in (np.convolve, np.correlate):
        check(lambda a, v, f=function: f(a, v, mode=mode), a, v)
        out, _ = backend.vjp(lambda a, v, f=function: f(a, v, mode=mode), a, v)
        np.testing.assert_allclose(out, function(a, v, mode=mode), atol=1e-12)


def test_gradient_of_many_pieces_costs_no_array_per_piece():
    """Taking each row adds into one buffer: linear, not quadratic."""
    x = np.ones((2000, 500))

    def function(x):
        total = 0.0
        for i in range(2000):
            total = total + np.sum(x[i] * float(i))
        return total

    _, gradient = backend.value_and_grad(function)(x)
    np.testing.assert_array_equal(gradient[:, 0], np.arange(2000.0))
