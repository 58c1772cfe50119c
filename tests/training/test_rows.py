"""`evaluate` with a partial last batch: filled up where that is sound, and the same numbers."""

import numpy as np
import pytest
from highlevel_backend import current_backend, tree, use_backend

import highlevel as hl
from highlevel import layers, losses, metrics

rng = np.random.default_rng(0)
X = rng.normal(size=(11, 4)).astype("float32")
LABELS = rng.integers(0, 3, 11)
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
WEIGHTS = rng.random(11).astype("float32")


def plain(*more):
    return hl.Sequential([hl.Input((4,)), layers.Dense(3, activation="softmax"), *more])


def sequences():
    """Outputs with a mask of steps, of which a row may have none left."""
    return hl.Sequential([
        hl.Input((5,)), layers.Embedding(4, 3, mask_zero=True), layers.LSTM(2, return_sequences=True),
        layers.Dense(3, activation="softmax"),
    ])


def two_outputs():
    x = hl.Input((4,))
    a, b = layers.Dense(3, name="a")(x), layers.Dense(3, activation="softmax", name="b")(x)
    return hl.Model(x, [hl.ops.relu(a + b), b])


STEPS = rng.integers(0, 3, (11, 5))

ROWS = {
    "means": (plain, "categorical_crossentropy", X, ONE_HOT, None,
              {"metrics": ["accuracy", "mse", metrics.CosineSimilarity()]}),
    "weights": (plain, losses.CategoricalHinge(reduction="sum"), X, ONE_HOT, WEIGHTS[:, None],
                {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}),
    "no means": (plain, "mse", X, ONE_HOT, WEIGHTS, {
        "metrics": [metrics.Precision(class_id=1), metrics.AUC(num_thresholds=9, name="area"),
                    metrics.F1Score(average="macro"), metrics.R2Score()],
        "weighted_metrics": [metrics.RecallAtPrecision(0.3), metrics.TrueNegatives()]}),
    "mask and weights": (sequences, "sparse_categorical_crossentropy", STEPS, STEPS,
                         rng.random((11, 5)).astype("float32"), {"weighted_metrics": ["accuracy"]}),
    "two outputs": (two_outputs, ["mse", "categorical_crossentropy"], X, [ONE_HOT, ONE_HOT], None,
                    {"metrics": [["mae"], ["accuracy"]], "loss_weights": [0.5, 2.0]}),
}


def evaluated(model, x, y, weights, batch_size=4):
    return model.evaluate(
        x, y, batch_size=batch_size, sample_weight=weights, verbose=0, return_dict=True)


@pytest.mark.parametrize("name", ROWS)
def test_the_numbers_are_those_of_whole_batches(name):
    """Against the NumPy backend, which takes the partial batch as it is."""
    make, loss, x, y, weights, given = ROWS[name]
    with use_backend("jax"):
        model = make()
        model.compile(loss=loss, **given)
        before = current_backend().compile_count
        found = evaluated(model, x, y, weights)
        assert current_backend().compile_count == before + 1
    with use_backend("numpy"):
        expected = evaluated(model, x, y, weights)
    assert list(found) == list(expected)
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=2e-5), key


class Own(layers.Layer):
    def call(self, x):
        return x - hl.ops.mean(x, axis=0)


def strict(y_true, y_pred):
    return hl.ops.cast(hl.ops.all(y_true == hl.ops.round(y_pred)), "float32")


class Asked(hl.Sequential):
    def compute_loss(self, *args, **kwargs):
        return super().compute_loss(*args, **kwargs)


@pytest.mark.parametrize("make, given", [
    (lambda: plain(Own()), {"loss": "mse"}),
    (lambda: plain(layers.Lambda(lambda x: x - hl.ops.mean(x, axis=0))), {"loss": "mse"}),
    (lambda: plain(layers.UnitNormalization(axis=0)), {"loss": "mse"}),
    (lambda: plain(layers.ActivityRegularization(0.1)), {"loss": "mse"}),
    (lambda: plain(layers.Dense(3, activation=lambda x: hl.ops.softmax(x, axis=0))), {"loss": "mse"}),
    (plain, {"loss": strict}),
    (plain, {"loss": "dice"}),
    (plain, {"loss": losses.CosineSimilarity(axis=0)}),
    (plain, {"loss": "mse", "metrics": [strict]}),
    (plain, {"loss": "mse", "metrics": [metrics.R2Score(num_regressors=1)]}),
    (lambda: Asked([hl.Input((4,)), layers.Dense(3)]), {"loss": "mse"}),
    (lambda: hl.Sequential([hl.Input(batch_shape=(4, 4)), layers.Dense(3)]), {"loss": "mse"}),
])
def test_what_is_not_known_to_go_by_rows_is_left_alone(make, given):
    with use_backend("jax"):
        model = make()
        model.compile(**given)
        batch = tree.map_leaves(lambda a: a[:4], (X, ONE_HOT, None))
        model._make_ready(batch, training=False)
        assert not model._evaluates_by_rows(batch)


def test_a_batch_norm_told_to_train_mixes_rows():
    with use_backend("jax"):
        x = hl.Input((4,))
        model = hl.Model(x, layers.BatchNormalization()(layers.Dense(3)(x), training=True))
        model.compile(loss="mse")
        batch = (X[:4], ONE_HOT[:4], None)
        model._make_ready(batch, training=False)
        assert not model._evaluates_by_rows(batch)
