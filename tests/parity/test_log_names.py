"""What metrics are called in the logs, against Keras: one in both lists, one given twice."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.parity

X = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4)
Y = np.eye(3, dtype="float32")[np.arange(8) % 3]
W = np.linspace(0.1, 1, 8, dtype="float32")


def one_output(library):
    x = library.Input((4,))
    return library.Model(x, library.layers.Dense(3, activation="softmax", name="a")(x))


def two_outputs(library):
    x = library.Input((4,))
    a = library.layers.Dense(3, activation="softmax", name="a")(x)
    return library.Model(x, {"p": a, "q": library.layers.Dense(3, name="b")(a)})


def same_name(library):
    return [library.metrics.MeanSquaredError(name="x"), library.metrics.MeanAbsoluteError(name="x")]


LISTS = [
    (["accuracy"], ["accuracy"]),
    (["accuracy", "accuracy"], None),
    (None, ["accuracy", "accuracy"]),
    (["accuracy", "mse"], ["mse", "accuracy", "accuracy"]),
    (["mse", "mean_squared_error"], ["mse"]),
    (same_name, same_name),
    (["weighted_accuracy", "accuracy"], ["accuracy"]),
]


def names(library, make, metrics, weighted, only_q):
    def given(metrics):
        if metrics is None:
            return None
        made = [
            library.metrics.MeanSquaredError(name=m) if m == "weighted_accuracy" else m
            for m in (metrics(library) if callable(metrics) else metrics)
        ]
        return {"q": made} if only_q else made

    model = make(library)
    y, w = (Y, W) if make is one_output else ({"p": Y, "q": Y}, None)
    model.compile(loss="mse", metrics=given(metrics), weighted_metrics=given(weighted),
                  run_eagerly=True)
    return model.test_on_batch(X, y, sample_weight=w, return_dict=True), model


@pytest.mark.parametrize("metrics, weighted", LISTS)
@pytest.mark.parametrize("make", [one_output, two_outputs])
def test_names(make, metrics, weighted):
    theirs, _ = names(keras, make, metrics, weighted, make is two_outputs)
    with use_backend("numpy"):
        ours, model = names(hl, make, metrics, weighted, make is two_outputs)
    assert set(ours) == set(theirs)
    assert list(ours) == model.metrics_names


def test_each_name_has_its_value():
    """The weighted one is the weighted one."""
    model = one_output(hl)
    with use_backend("numpy"):
        model.compile(loss="mse", metrics=["mae"], weighted_metrics=["mae"])
        found = model.test_on_batch(X, Y, sample_weight=W, return_dict=True)
        errors = np.abs(np.asarray(model(X)) - Y).mean(1)
    assert found["mae"] == pytest.approx(errors.mean(), rel=1e-5)
    assert found["weighted_mae"] == pytest.approx(np.average(errors, weights=W), rel=1e-5)
