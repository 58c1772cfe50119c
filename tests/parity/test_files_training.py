"""Compiled models both ways: optimizers with their state, losses, metrics; training goes on."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from file_models import INPUTS, merging
from highlevel_backend import use_backend

import highlevel as hl

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.parity
rng = np.random.default_rng(0)


def _normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype("float32")


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"momentum": 0.9},
    "RMSprop": {"centered": True},
    "Adam": {"amsgrad": True},
    "AdamW": {},
    "Nadam": {},
    "Adagrad": {},
    "Adadelta": {},
    "Adamax": {},
    "Ftrl": {},
    "Lion": {},
    "Lamb": {},
    "Adafactor": {},
    "SGD-nesterov": {"momentum": 0.8, "nesterov": True, "clipnorm": 0.5},
    "Adam-average": {"use_ema": True, "ema_momentum": 0.5, "global_clipnorm": 1.0},
    "AdamW-decay": {"weight_decay": 0.1, "clipvalue": 0.3},
    "RMSprop-momentum": {"momentum": 0.5},
    "Muon": {},
    "Adam-scaled": {"loss_scale_factor": 8.0},
    "Adam-schedule": {},
    "Adam-cosine": {},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_continues_from_a_keras_file(name: str, tmp_path: Any) -> None:
    """Two steps there, two more here or there: the same weights."""
    x, y = _normal(8, 3), _normal(8, 1)

    def compiled(k: Any) -> Any:
        model = k.Sequential([k.Input((3,)), k.layers.Dense(2), k.layers.Dense(1)])
        schedules = k.optimizers.schedules
        rate = {
            "Adam-schedule": schedules.ExponentialDecay(1e-2, 2, 0.5),
            "Adam-cosine": schedules.CosineDecay(1e-2, 10, warmup_steps=3, warmup_target=0.1),
        }.get(name, 1e-2)
        kind = getattr(k.optimizers, name.split("-")[0])
        model.compile(kind(rate, **OPTIMIZERS[name]), loss="mse")
        return model

    theirs = compiled(keras)
    for _ in range(2):
        theirs.train_on_batch(x, y)
    path = str(tmp_path / "m.keras")
    theirs.save(path)
    ours = hl.models.load_model(path)
    assert len(ours.optimizer.variables) == len(theirs.optimizer.variables)
    for a, b in zip(ours.optimizer.variables, theirs.optimizer.variables, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6)
    for _ in range(2):
        theirs.train_on_batch(x, y)
        ours.train_on_batch(x, y)
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-4, atol=2e-6)

    back = str(tmp_path / "back.keras")
    ours.save(back)
    again = keras.models.load_model(back)
    again.train_on_batch(x, y)
    theirs.train_on_batch(x, y)
    for a, b in zip(again.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-4, atol=2e-6)


def test_compilation_moves_both_ways(tmp_path: Any) -> None:
    def compiled(k: Any) -> Any:
        model = merging(k)
        model.compile(
            k.optimizers.Adam(k.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)),
            loss={"one": "mse", "two": k.losses.LogCosh()},
            loss_weights={"one": 1.0, "two": 0.5},
            metrics={"one": ["mae"], "two": [k.metrics.MeanSquaredError(name="error")]},
        )
        return model

    theirs = compiled(keras)
    path = str(tmp_path / "m.keras")
    theirs.save(path)
    ours = hl.models.load_model(path)
    x = INPUTS[merging]
    y = {"one": _normal(3, 2), "two": _normal(3, 3)}
    expected = theirs.evaluate(x, y, verbose=0, return_dict=True)
    found = ours.evaluate(x, y, verbose=0, return_dict=True)
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-4), key
    assert ours.optimizer.learning_rate is not None

    back = str(tmp_path / "back.keras")
    ours.save(back)
    again = keras.models.load_model(back)
    assert again.evaluate(x, y, verbose=0, return_dict=True)["loss"] == pytest.approx(
        expected["loss"], rel=1e-4)
    assert hl.models.load_model(path, compile=False).optimizer is None


LOSSES = [
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy", "CategoricalHinge", "CosineSimilarity", "Dice", "Hinge", "Huber",
    "KLDivergence", "LogCosh", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson", "SquaredHinge", "Tversky",
]
#: with arguments that are not the defaults
LOSSES_WITH = [
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2, "reduction": "sum"}),
    ("BinaryFocalCrossentropy", {"gamma": 3.0, "alpha": 0.3, "apply_class_balancing": True}),
    ("Tversky", {"alpha": 0.3, "beta": 0.7}),
]
METRICS = [
    "AUC", "BinaryAccuracy", "BinaryCrossentropy", "BinaryIoU", "CategoricalAccuracy",
    "CategoricalCrossentropy", "CategoricalHinge", "CosineSimilarity", "FalseNegatives",
    "FalsePositives", "Hinge", "KLDivergence", "LogCoshError", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson",
    "Precision", "Recall", "RootMeanSquaredError", "SquaredHinge", "TopKCategoricalAccuracy",
    "TrueNegatives", "TruePositives", "F1Score", "R2Score", "ConcordanceCorrelation",
    "PearsonCorrelation",
]
METRICS_WITH = [
    ("Precision", {"thresholds": 0.4}), ("AUC", {"num_thresholds": 50, "curve": "PR"}),
    ("TopKCategoricalAccuracy", {"k": 2}), ("PrecisionAtRecall", {"recall": 0.5}),
    ("SensitivityAtSpecificity", {"specificity": 0.5}), ("FBetaScore", {"beta": 2.0, "average": "macro"}),
    ("OneHotIoU", {"num_classes": 3, "target_class_ids": [0, 1]}), ("OneHotMeanIoU", {"num_classes": 3}),
]


def _many_outputs(k: Any) -> Any:
    """One output for each loss, with some metrics each."""
    x = k.Input((4,))
    losses = [getattr(k.losses, name)() for name in LOSSES]
    losses += [getattr(k.losses, name)(**args) for name, args in LOSSES_WITH]
    chosen = [(name, {}) for name in METRICS] + METRICS_WITH
    metrics: list[list[Any]] = [[] for _ in losses]
    for index, (name, args) in enumerate(chosen):
        made = getattr(k.metrics, name)(name=f"m{index}", **args)
        metrics[index % len(losses)].append(made)
    shared = k.layers.Dense(3, activation="softmax")(x)
    outputs = [k.layers.Rescaling(1.0, name=f"o{i}")(shared) for i in range(len(losses))]
    model = k.Model(x, outputs)
    model.compile("sgd", losses, loss_weights=[1.0 / (i + 1) for i in range(len(losses))], metrics=metrics)
    return model


def test_every_loss_and_metric(tmp_path: Any) -> None:
    theirs, x = _many_outputs(keras), _normal(6, 4)
    y = [np.eye(3, dtype="float32")[rng.integers(0, 3, 6)] for _ in theirs.outputs]
    expected = theirs.evaluate(x, y, verbose=0, return_dict=True)
    path, back = str(tmp_path / "m.keras"), str(tmp_path / "back.keras")
    theirs.save(path)
    with use_backend("numpy"):
        ours = hl.models.load_model(path)
        found = ours.evaluate(x, y, verbose=0, return_dict=True)
        ours.save(back)
        assert set(found) == set(expected) and len(found) == 1 + len(theirs.outputs) + len(METRICS) + len(METRICS_WITH)
        for key, value in expected.items():
            assert found[key] == pytest.approx(value, rel=2e-4, abs=2e-5), key
        made_here = _many_outputs(hl)
        assert made_here.get_compile_config()["metrics"]
    again = keras.models.load_model(back)
    for part in ("loss", "metrics", "loss_weights"):
        one, two = (json.loads(json.dumps(m.get_compile_config()[part])) for m in (again, theirs))
        assert one == two, part


def test_losses_and_metrics_of_integers(tmp_path: Any) -> None:
    def compiled(k: Any) -> Any:
        model = k.Sequential([k.Input((4,)), k.layers.Dense(3, activation="softmax")])
        model.compile(
            k.optimizers.SGD(0.1), k.losses.SparseCategoricalCrossentropy(ignore_class=1),
            metrics=["accuracy", k.metrics.SparseTopKCategoricalAccuracy(2, name="top"),
                     k.metrics.SparseCategoricalCrossentropy(name="ce")],
            weighted_metrics=["sparse_categorical_accuracy"],
        )
        return model

    theirs, x, y = compiled(keras), _normal(6, 4), rng.integers(0, 3, 6)
    weights = rng.uniform(0.5, 2, 6).astype("float32")
    expected = theirs.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    path = str(tmp_path / "m.keras")
    theirs.save(path)
    ours = hl.models.load_model(path)
    found = ours.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-4), key
    ours.save(path)
    again = keras.models.load_model(path).evaluate(
        x, y, sample_weight=weights, verbose=0, return_dict=True)
    for key, value in expected.items():
        assert again[key] == pytest.approx(value, rel=1e-4), key
