"""Distributions against SciPy's, seeds, ranges and errors."""

import numpy as np
import pytest
from highlevel_backend import use_backend
from scipy import stats

from highlevel import random

N = 4000


def sample(name, *args, seed=3, **kwargs):
    return np.asarray(getattr(random, name)(*args, seed=seed, **kwargs), np.float64)


@pytest.mark.parametrize(
    "name, args, cdf",
    [
        ("uniform", (-1.0, 3.0), stats.uniform(-1, 4).cdf),
        ("normal", (1.0, 2.0), stats.norm(1, 2).cdf),
        ("truncated_normal", (1.0, 2.0), stats.truncnorm(-2, 2, 1, 2).cdf),
        ("gamma", (0.3,), stats.gamma(0.3).cdf),
        ("gamma", (4.5,), stats.gamma(4.5).cdf),
        ("beta", (0.5, 2.0), stats.beta(0.5, 2).cdf),
    ],
)
def test_continuous_distributions_follow_their_law(backend, name, args, cdf):
    drawn = sample(name, (N,), *args)
    assert stats.kstest(drawn, cdf).pvalue > 1e-3


@pytest.mark.parametrize("n, p", [(10, 0.3), (5, 0.9), (400, 0.4), (1000, 0.95), (60, 0.02)])
def test_binomial_follows_its_law(backend, n, p):
    drawn = sample("binomial", (N,), np.float32(n), np.float32(p))
    law = stats.binom(n, p)
    assert drawn.min() >= 0 and drawn.max() <= n
    assert abs(drawn.mean() - law.mean()) < 4 * law.std() / np.sqrt(N)
    assert abs(drawn.std() / law.std() - 1) < 0.06
    # The discrete distribution functions, compared where they jump.
    k = np.arange(n + 1)
    empirical = (drawn[:, None] <= k).mean(axis=0)
    assert np.abs(empirical - law.cdf(k)).max() < 1.63 / np.sqrt(N)


def test_binomial_edges(backend):
    assert sample("binomial", (3,), 7, 0.0).tolist() == [0, 0, 0]
    assert sample("binomial", (3,), 7, 1.0).tolist() == [7, 7, 7]
    assert sample("binomial", (3,), 70, 1.0).tolist() == [70, 70, 70]
    assert np.isnan(sample("binomial", (2,), 7, -0.5)).all()


def test_gamma_of_an_impossible_shape_is_nan(backend):
    drawn = sample("gamma", (3,), np.array([-1.0, 0.0, 2.0], "float32"))
    assert np.isnan(drawn).tolist() == [True, True, False]


@pytest.mark.parametrize("low, high", [(0, 7), (-5, 5), (0, 100_000)])
def test_integers_are_even(backend, low, high):
    drawn = sample("randint", (N,), low, high)
    assert drawn.min() >= low and drawn.max() < high
    counts = np.histogram(drawn, bins=5 if high > 10 else high - low, range=(low, high))[0]
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "uint32", "int64"])
def test_integer_dtypes_agree(backend, dtype):
    drawn = random.randint((20,), 0, 100, dtype=dtype, seed=9)
    reference = random.randint((20,), 0, 100, seed=9)
    assert np.asarray(drawn).tolist() == np.asarray(reference).tolist()


def test_an_empty_range_gives_its_start(backend):
    assert np.asarray(random.randint((3,), 4, 4, seed=0)).tolist() == [4, 4, 4]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("name", ["uniform", "normal", "truncated_normal", "gamma"])
def test_float_dtypes(backend, name, dtype):
    args = (2.0,) if name == "gamma" else ()
    drawn = getattr(random, name)((50,), *args, dtype=dtype, seed=1)
    assert drawn.dtype.name == dtype and drawn.shape == (50,)
    assert np.isfinite(np.asarray(drawn, np.float32)).all()


def test_double_precision_is_double():
    with use_backend("numpy"):
        wide = random.normal((N,), dtype="float64", seed=1)
        narrow = random.normal((N,), seed=1)
        uniform = random.uniform((N,), dtype="float64", seed=1)
    assert wide.dtype == np.float64
    np.testing.assert_allclose(wide, narrow, atol=1e-4)
    np.testing.assert_allclose(wide, stats.norm.ppf((1 + (2 * uniform - 1)) / 2), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "name, args",
    [
        ("uniform", ((50,), -1.0, 3.0)), ("normal", ((50,),)), ("truncated_normal", ((50,),)),
        ("randint", ((50,), 0, 1000)), ("gamma", ((50,), 0.7)), ("beta", ((50,), 1.5, 2.0)),
        ("binomial", ((50,), 30, 0.5)), ("categorical", (np.zeros((2, 9), "float32"), 30)),
        ("shuffle", (np.arange(50),)),
    ],
)
def test_both_backends_draw_the_same_numbers(name, args):
    drawn = []
    for backend in ("numpy", "jax"):
        with use_backend(backend):
            drawn.append(sample(name, *args))
    np.testing.assert_allclose(drawn[0], drawn[1], rtol=2e-6, atol=1e-6)


def test_categorical_follows_the_probabilities(backend):
    probabilities = np.array([[0.1, 0.6, 0.3], [0.5, 0.0, 0.5]], "float32")
    with np.errstate(divide="ignore"):
        drawn = np.asarray(random.categorical(np.log(probabilities), N, seed=2))
    assert drawn.shape == (2, N) and drawn.dtype == np.int32
    for row, expected in zip(drawn, probabilities):
        np.testing.assert_allclose(np.bincount(row, minlength=3) / N, expected, atol=0.04)


def test_shuffle_keeps_every_entry(backend):
    x = np.arange(60).reshape(20, 3)
    shuffled = np.asarray(random.shuffle(x, seed=1))
    assert np.sort(shuffled, axis=0).tolist() == x.tolist()
    assert shuffled.tolist() != x.tolist()
    along_last = np.asarray(random.shuffle(x, axis=-1, seed=1))
    assert np.sort(along_last, axis=1).tolist() == x.tolist()


def test_dropout_drops_and_scales(backend):
    x = np.ones((100, 40), "float32")
    kept = np.asarray(random.dropout(x, 0.25, seed=5))
    assert set(np.unique(kept).round(5)) == {0.0, np.float32(4 / 3).round(5)}
    assert abs((kept == 0).mean() - 0.25) < 0.03
    rows = np.asarray(random.dropout(x, 0.5, noise_shape=(None, 1), seed=5))
    assert all(len(set(row)) == 1 for row in rows) and len(np.unique(rows)) == 2
    columns = np.asarray(random.dropout(x, 0.5, noise_shape=(40,), seed=5))
    assert (columns == columns[0]).all()
    assert np.asarray(random.dropout(x, 0.0, seed=5)).tolist() == x.tolist()


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: random.uniform((2,), dtype="int32"), "floating dtype.*randint"),
        (lambda: random.randint((2,), 0, 3, dtype="float32"), "integer dtype"),
        (lambda: random.uniform((2, None)), "known"),
        (lambda: random.uniform((2,), seed="a"), "SeedGenerator"),
        (lambda: random.uniform((2,), seed=-1), "below 2\\*\\*32"),
        (lambda: random.dropout(np.ones(3, "float32"), 1.0), "rate"),
        (lambda: random.dropout(np.ones((3, 2), "float32"), 0.5, noise_shape=(2, 1)), "noise_shape"),
        (lambda: random.shuffle(np.ones(3), axis=1), "axis 1"),
    ],
)
def test_errors_say_what_to_do(backend, call, words):
    with pytest.raises(ValueError, match=words):
        call()
