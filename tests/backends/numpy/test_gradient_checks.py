"""The checker itself: it lets right gradients pass and objects to one wrong by 0.1%."""

import numpy as np
import pytest
from highlevel_numpy import backend


def sine(factor):
    @backend.custom_gradient
    def function(x):
        return np.sin(x), lambda g: (g * np.cos(x) * factor,)

    return function


def test_a_right_gradient_passes(check):
    check(sine(1.0), np.linspace(0.1, 1.0, 5))


def test_a_gradient_wrong_by_a_thousandth_is_caught(check):
    with pytest.raises(AssertionError, match="order 1"):
        check(sine(1.001), np.linspace(0.1, 1.0, 5))


def test_a_wrong_second_derivative_is_caught(check):
    @backend.custom_gradient
    def function(x):
        return np.sin(x), lambda g: (g * backend.stop_gradient(np.cos(x)),)

    check(function, np.linspace(0.1, 1.0, 5), order=1)
    with pytest.raises(AssertionError, match="order 2"):
        check(function, np.linspace(0.1, 1.0, 5))
