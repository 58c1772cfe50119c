"""Rules of sums, means, extremes, products and order statistics."""

import numpy as np
import pytest
from highlevel_numpy import backend

rng = np.random.default_rng(0)
X = rng.normal(size=(3, 4, 2))

AXES = [{}, {"axis": 0}, {"axis": -1}, {"axis": (0, 2)}, {"axis": 1, "keepdims": True},
        {"keepdims": True}]  # fmt: skip
REDUCTIONS = ["sum", "mean", "var", "std", "prod", "max", "min", "amax", "amin", "ptp", "median",
              "nansum", "nanmean", "nanmax", "nanmin", "nanvar", "nanstd", "nanprod"]  # fmt: skip


@pytest.mark.parametrize("options", AXES, ids=str)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction(check, name, options):
    check(lambda x: getattr(np, name)(x, **options), X)


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "prod", "max", "min"])
def test_method(check, name):
    check(lambda x: getattr(x, name)(axis=1), X)


@pytest.mark.parametrize("name", ["nansum", "nanmean", "nanmax", "nanstd", "nancumsum", "nanprod"])
def test_nan_is_left_out(check, name):
    def function(x):
        return getattr(np, name)(np.where(np.arange(4)[:, None] == 1, np.nan, x), axis=1)

    check(function, X)


def test_options(check):
    mask = rng.uniform(size=X.shape) > 0.4
    check(lambda x: np.sum(x, axis=1, where=mask), X)
    check(lambda x: np.mean(x, axis=1, where=mask, keepdims=True), np.abs(X))
    check(lambda x: np.max(x, axis=1, where=mask, initial=-1.0), X)
    check(lambda x: np.prod(x, axis=0, initial=2.0), X)
    check(lambda x: np.var(x, axis=1, ddof=1) + np.std(x, axis=1, ddof=1), X)
    check(lambda x, w: np.average(x, axis=1, weights=w), X, np.arange(1.0, 5.0))


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_running(check, name, axis):
    check(lambda x: getattr(np, name)(x, axis=axis), X)


def test_cumulative(check):
    check(lambda x: np.cumulative_sum(x, axis=1, include_initial=True), X)
    check(lambda x: np.cumulative_prod(x, axis=0), X)


@pytest.mark.parametrize("function", [np.prod, np.cumprod])
def test_products_with_zeros(check, function):
    x = np.array([[2.0, 0.0, 3.0, 0.0], [0.0, 1.0, 2.0, 3.0]])
    check(lambda x: function(x, axis=1), x)


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "nearest", "midpoint"])
def test_quantile(check, method):
    for axis, keepdims in ((None, False), (1, True), ((0, 2), False)):
        options = {"axis": axis, "keepdims": keepdims, "method": method}
        check(lambda x, o=options: np.quantile(x, [0.1, 0.6], **o), X)
    check(lambda x: np.percentile(x, 30, axis=1, method=method), X)


def test_quantiles_without_nan(check):
    holes = np.arange(24).reshape(3, 4, 2) % 5 == 0

    def with_holes(x):
        return np.where(holes, np.nan, x)

    check(lambda x: np.nanquantile(with_holes(x), [0.2, 0.7], axis=1), X)
    check(lambda x: np.nanmedian(with_holes(x), axis=(0, 2), keepdims=True), X)
    check(lambda x: np.nanpercentile(with_holes(x), 40), X)
    out, _ = backend.vjp(lambda x: np.nanquantile(with_holes(x), [0.2, 0.7], axis=1), X)
    np.testing.assert_allclose(out, np.nanquantile(with_holes(X), [0.2, 0.7], axis=1))


def test_values_of_quantiles_are_those_of_numpy():
    for axis in (None, 1, (0, 2)):
        out, _ = backend.vjp(lambda x, a=axis: np.quantile(x, [0.1, 0.6], axis=a, keepdims=True), X)
        np.testing.assert_allclose(out, np.quantile(X, [0.1, 0.6], axis=axis, keepdims=True))


def test_covariance(check):
    check(np.cov, X[:, :, 0])
    check(lambda x, y: np.cov(x, y, bias=True), X[:, :, 0], X[:, :, 1])
    check(lambda x: np.cov(x, rowvar=False), X[:, :, 0])
    check(np.corrcoef, X[:, :, 0])
