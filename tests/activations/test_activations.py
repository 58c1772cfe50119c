"""Activation functions: closed forms, names, configurations."""

import math

import numpy as np
import pytest

from highlevel import activations, ops
from highlevel.activations import functions

X = np.array([-3.0, -0.6, 0.0, 0.4, 2.0, 7.0])
erf = np.vectorize(math.erf)

CLOSED_FORMS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "celu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "gelu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "log_sigmoid": lambda x: -np.log1p(np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "tanh": np.tanh,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "hard_shrink": lambda x: np.where(abs(x) > 0.5, x, 0),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "exponential": np.exp,
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(),
    "log_softmax": lambda x: x - np.log(np.exp(x).sum()),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_value_is_the_closed_form(name, backend):
    found = backend.to_numpy(ops.convert_to_tensor(activations.get(name)(X.astype("float32"))))
    np.testing.assert_allclose(found, CLOSED_FORMS[name](X), rtol=1e-5, atol=1e-6)
    assert found.dtype == np.float32


def test_every_function_is_checked_here():
    others = {"glu", "sparsemax", "threshold"}
    assert set(functions.__all__) == set(CLOSED_FORMS) | others


def test_relu_with_slope_maximum_and_threshold(backend):
    found = activations.relu(X, negative_slope=0.1, max_value=5.0, threshold=1.0)
    np.testing.assert_allclose(
        backend.to_numpy(found), [-0.4, -0.16, -0.1, -0.06, 2.0, 5.0], rtol=1e-6
    )


def test_sparsemax_is_the_projection_on_the_simplex(backend):
    x = np.random.default_rng(0).normal(size=(5, 6))
    found = backend.to_numpy(activations.sparsemax(x.astype("float32")))
    for row, projected in zip(x, found):
        # By bisection for the threshold at which what is left sums to 1.
        low, high = row.min() - 1, row.max()
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if np.maximum(row - middle, 0).sum() > 1 else (low, middle)
        np.testing.assert_allclose(projected, np.maximum(row - low, 0), atol=1e-6)


def test_glu_and_threshold(backend):
    np.testing.assert_allclose(
        backend.to_numpy(activations.glu(np.array([2.0, 0.0], "float32"))), [1.0]
    )
    np.testing.assert_allclose(
        backend.to_numpy(activations.threshold(np.array([2.0, 0.0], "float32"), 1.0, -5.0)),
        [2.0, -5.0],
    )
    with pytest.raises(ValueError, match=r"`glu` halves axis 0, whose length is odd"):
        activations.glu(np.zeros(3, "float32"))


@pytest.mark.parametrize("name", functions.__all__)
def test_names_go_both_ways(name):
    function = activations.get(name)
    assert function is getattr(activations, name)
    assert activations.serialize(function) == name
    assert activations.deserialize(name) is function


def test_other_identifiers():
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu is activations.swish
    assert activations.get("hard_swish") is activations.hard_silu
    assert activations.get(math.tanh) is math.tanh
    assert activations.serialize(ops.relu) == "relu"
    with pytest.raises(ValueError, match=r"no activation 'reluu'\. Did you mean 'relu'"):
        activations.get("reluu")
    with pytest.raises(ValueError, match="cannot be understood"):
        activations.get(3)


def own(x):
    return x * 2


def test_a_function_of_the_users_own_by_custom_objects():
    config = activations.serialize(own)
    assert config["config"] == "own"
    assert activations.deserialize(config, custom_objects={"own": own}) is own
