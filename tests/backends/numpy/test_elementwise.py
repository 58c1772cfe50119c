"""Rules of functions that work entry by entry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from highlevel_numpy import backend

rng = np.random.default_rng(0)
ANY = rng.normal(size=(3, 4))
POSITIVE = np.abs(rng.normal(size=(3, 4))) + 0.5
INNER = rng.uniform(-0.9, 0.9, size=(3, 4))

UNARY = {
    **dict.fromkeys(
        ["negative", "positive", "square", "exp", "exp2", "expm1", "sin", "cos", "tanh", "sinh",
         "cosh", "arctan", "arcsinh", "absolute", "fabs", "deg2rad", "rad2deg", "degrees",
         "radians", "sinc", "i0", "reciprocal", "tan", "nan_to_num"],
        ANY,
    ),
    **dict.fromkeys(["sqrt", "cbrt", "log", "log2", "log10", "log1p"], POSITIVE),
    **dict.fromkeys(["arcsin", "arccos", "arctanh"], INNER),
    "arccosh": POSITIVE + 1,
}  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_unary(check, name):
    check(getattr(np, name), UNARY[name])


BINARY = ["add", "subtract", "multiply", "divide", "arctan2", "hypot", "maximum", "minimum",
          "fmax", "fmin", "logaddexp", "logaddexp2", "copysign", "remainder", "fmod"]  # fmt: skip


@pytest.mark.parametrize("shapes", [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (2, 1, 4)), ((), (3,))],
                         ids=str)  # fmt: skip
@pytest.mark.parametrize("name", BINARY)
def test_binary_with_broadcasting(check, name, shapes):
    x, y = (np.random.default_rng(i).normal(size=s) * 3 for i, s in enumerate(shapes))
    if name in ("remainder", "fmod", "divide"):
        y = np.abs(y) + 1
    check(getattr(np, name), x, y)


@pytest.mark.parametrize("exponent", [2, 3, 0, 1, -1, 0.5, 2.5, -2])
def test_power_with_a_constant_exponent(check, exponent):
    check(lambda x: x**exponent, POSITIVE)


def test_power(check):
    check(np.power, POSITIVE, ANY)
    check(np.float_power, POSITIVE, ANY)
    check(lambda x: 2.0**x, ANY)


def test_operators(check):
    check(lambda x, y: (x + 1) * (2 - y) / (y * y + 3) - (-x) % 5.0 + abs(y) + 3 / (x * x + 1), ANY, ANY)
    check(lambda x: np.ones(4) + np.full(4, 2.0) * x - np.float64(3) / (x * x + 1), ANY)
    check(lambda x, y: x @ y.T + [[1.0, 2.0, 3.0]], ANY, ANY)


def test_choosing(check):
    condition = ANY > 0
    check(lambda x, y: np.where(condition, x, y), ANY, rng.normal(size=4))
    check(lambda x: np.where(condition, x, 0.0), ANY)
    check(lambda x: np.where(x > 0, x * x, 3.0), ANY)
    check(lambda x: np.clip(x, -0.5, 0.5), ANY)
    check(lambda x, low, high: np.clip(x, low, high), ANY, np.array(-0.4), np.full(4, 0.3))
    check(lambda x: np.clip(x, None, 0.5) + x.clip(-0.3), ANY)
    check(lambda x, y: np.select([x > 1, x > 0], [x * y, y * y], 2.0), ANY, ANY.T.reshape(3, 4))
    check(lambda x: np.piecewise(x, [x < 0], [lambda v: v * v, lambda v: 3 * v]), ANY)
    check(lambda x, y: np.choose(np.array([0, 1, 0, 1]), [x, y]), ANY, ANY * 2)


def test_several_results(check):
    check(lambda x: np.modf(x)[0], ANY)
    check(lambda x: np.frexp(x)[0], POSITIVE)
    check(lambda x, y: np.divmod(x, y)[1], ANY, POSITIVE)
    check(lambda x: np.ldexp(x, np.array([1, 2, 3, 4])), ANY)


def test_methods_of_ufuncs(check):
    check(lambda x: np.add.reduce(x, axis=1), ANY)
    check(lambda x: np.maximum.reduce(x, axis=0, keepdims=True), ANY)
    check(lambda x: np.multiply.accumulate(x, axis=1), ANY)
    check(lambda x, y: np.multiply.outer(x, y), ANY, ANY[0])
    check(lambda x: np.logaddexp.reduce(x, axis=1), ANY)
    check(lambda x: np.add(x, 1, dtype=np.float64), ANY)


# What JAX does where there is no derivative: both backends agree.
KINKS = {
    "maximum": (lambda xp, x: xp.maximum(x, 0.0), [0.0, 1.0, -1.0]),
    "minimum": (lambda xp, x: xp.minimum(x, 0.0), [0.0, 1.0, -1.0]),
    "max": (lambda xp, x: xp.max(x), [1.0, 3.0, 3.0]),
    "min": (lambda xp, x: xp.min(x, keepdims=True), [1.0, 1.0, 3.0]),
    "clip": (lambda xp, x: xp.clip(x, 0.0, 1.0), [0.0, 1.0, 0.5, 2.0]),
    "absolute": (lambda xp, x: xp.abs(x), [0.0, -1.0]),
    "sqrt": (lambda xp, x: xp.sqrt(x), [0.0, 1.0]),
    "norm": (lambda xp, x: xp.linalg.norm(x), [0.0, 0.0]),
    "power 0": (lambda xp, x: x**0, [0.0, 1.0]),
    "power 2": (lambda xp, x: x**2.0, [0.0, -1.0]),
    "power 1": (lambda xp, x: x**1.0, [0.0, -1.0]),
    "sinc": (lambda xp, x: xp.sinc(x), [0.0, 0.5]),
    "prod": (lambda xp, x: xp.prod(x), [0.0, 2.0, 3.0]),
    "prod of two zeros": (lambda xp, x: xp.prod(x), [0.0, 0.0, 3.0]),
    "cumprod": (lambda xp, x: xp.cumprod(x), [2.0, 0.0, 3.0, 4.0]),
    "sort": (lambda xp, x: xp.sort(x), [2.0, 1.0, 2.0]),
    "std": (lambda xp, x: xp.std(x), [1.0, 1.0]),
    "hypot": (lambda xp, x: xp.hypot(x, 1.0), [0.0, 1.0]),
    "nan_to_num": (lambda xp, x: xp.nan_to_num(x), [np.nan, np.inf, 1.0]),
    "fmax": (lambda xp, x: xp.fmax(x, 0.0), [0.0, 1.0]),
    "fmin": (lambda xp, x: xp.fmin(x, 0.0), [0.0, 1.0]),
}


@pytest.mark.parametrize("name", KINKS)
def test_where_there_is_no_derivative_the_convention_is_that_of_jax(name):
    function, at = KINKS[name]
    weights = np.arange(1.0, 1 + len(at), dtype="float32")

    def total(xp):
        return lambda x: xp.sum(function(xp, x) * weights[: np.size(function(xp, x))])

    x = np.array(at, "float32")
    _, gradient = backend.value_and_grad(total(np))(x)
    expected = jax.grad(total(jnp))(jnp.asarray(x))
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


COMPLEX = {
    "exp": lambda xp, x: xp.exp(x),
    "multiply": lambda xp, x: x * x * (2 + 1j),
    "divide": lambda xp, x: (1 - 2j) / x,
    "power": lambda xp, x: x**3,
    "abs": lambda xp, x: xp.abs(x),
    "real": lambda xp, x: xp.real(x) * 2,
    "imag": lambda xp, x: x.imag * 3,
    "conj": lambda xp, x: xp.conj(x) * x,
    "angle": lambda xp, x: xp.angle(x),
    "sqrt": lambda xp, x: xp.sqrt(x),
    "sin": lambda xp, x: xp.sin(x) + xp.tanh(x),
    "to real": lambda xp, x: xp.abs(x) ** 2,
    "matmul": lambda xp, x: x @ xp.conj(x).T,
    "vdot": lambda xp, x: xp.vdot(x, x * 1j),
    "fft": lambda xp, x: xp.fft.fft(x),
    "ifft2": lambda xp, x: xp.fft.ifft2(x),
    "irfft": lambda xp, x: xp.fft.irfft(x),
    "var": lambda xp, x: xp.var(x),
    "norm": lambda xp, x: xp.linalg.norm(x),
    "inv": lambda xp, x: xp.linalg.inv(x),
    "det": lambda xp, x: xp.linalg.det(x),
    "slogdet": lambda xp, x: xp.linalg.slogdet(x)[1],
    "sign of slogdet": lambda xp, x: xp.linalg.slogdet(x)[0],
    "solve": lambda xp, x: xp.linalg.solve(x, x[0]),
    "eigenvalues": lambda xp, x: xp.linalg.eigvalsh(x + xp.conj(x).T),
    "singular values": lambda xp, x: xp.linalg.svd(x, compute_uv=False),
    "eigvals": lambda xp, x: xp.abs(xp.linalg.eigvals(x)).sum(),
    "pinv": lambda xp, x: xp.linalg.pinv(x),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex(name):
    function = COMPLEX[name]
    random = np.random.default_rng(3)
    x = random.normal(size=(3, 3)) + 1j * random.normal(size=(3, 3))

    def total(xp):
        def run(x):
            out = function(xp, x)
            weights = np.arange(1.0, 1 + np.size(out)).reshape(np.shape(out))
            return xp.sum(xp.real(out * (weights + 0.5j * weights[..., ::-1] if np.ndim(out) else weights)))

        return run

    with jax.enable_x64(True):
        expected = np.asarray(jax.grad(total(jnp))(jnp.asarray(x)))
    _, gradient = backend.value_and_grad(total(np))(x)
    np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-9)
