"""Losses: closed forms, gradients, traces, symbolic calls, errors."""

import numpy as np
import pytest

from highlevel import config, losses
from highlevel.symbolic import SymbolicTensor

CLASSES = [name for name in losses.__all__ if name[0].isupper() and name not in ("Loss", "FunctionLoss")]
rng = np.random.default_rng(1)
A = rng.uniform(0.1, 1, (4, 3)).astype("float32")
B = rng.uniform(0.1, 0.9, (4, 3)).astype("float32")
LABELS = np.array([0, 2, 1, 1], "int32")


def targets(name):
    if name.startswith("Sparse") or name in ("CategoricalGeneralizedCrossEntropy", "Circle"):
        return LABELS
    return A


@pytest.mark.parametrize("name", CLASSES)
def test_given_back_as_given(name):
    made = getattr(losses, name)(reduction="sum", name="own")
    again = losses.deserialize(losses.serialize(made))
    assert type(again) is type(made) and again.get_config() == made.get_config()
    assert again.name == "own" and again.reduction == "sum"


def test_arguments_that_keras_forgets_come_back():
    for made in (losses.Huber(2.0), losses.CosineSimilarity(axis=0),
                 losses.SparseCategoricalCrossentropy(axis=1), losses.Poisson(dtype="float16")):
        again = losses.deserialize(losses.serialize(made))
        assert again.get_config() == made.get_config() and again.dtype == made.dtype
    assert losses.Huber(2.0).get_config()["delta"] == 2.0


def test_a_function_as_loss(backend):
    made = losses.FunctionLoss(losses.huber, delta=0.5)
    again = losses.deserialize(losses.serialize(made))
    assert float(again(A, B)) == pytest.approx(float(made(A, B)))


@pytest.mark.parametrize("name", [n for n in CLASSES if n != "CTC"])
def test_gradients_by_differences(backend, name):
    loss = getattr(losses, name)(**({"gamma": 2.0} if name == "Circle" else {}))
    y_true = targets(name)
    y_pred = B / np.linalg.norm(B, axis=1, keepdims=True) if name == "Circle" else B
    y_pred = backend.asarray(y_pred)
    _, gradient = backend.value_and_grad(lambda p: loss(y_true, p))(y_pred)
    direction = rng.normal(size=B.shape).astype("float32")
    step = 1e-2
    ahead = float(loss(y_true, backend.asarray(np.asarray(y_pred) + step * direction)))
    behind = float(loss(y_true, backend.asarray(np.asarray(y_pred) - step * direction)))
    expected = (ahead - behind) / (2 * step)
    assert float((np.asarray(gradient) * direction).sum()) == pytest.approx(expected, rel=0.05, abs=0.02)


@pytest.mark.parametrize("name", ["MeanSquaredError", "Hinge", "SparseCategoricalCrossentropy",
                                  "CategoricalCrossentropy", "Circle", "Dice"])
def test_traced_equals_eager(backend, name):
    loss = getattr(losses, name)()
    y_true = backend.asarray(targets(name))
    weights = backend.asarray([1.0, 0.0, 2.0, 1.0])
    y_pred = backend.asarray(B)
    traced = backend.compile(lambda t, p, w: loss(t, p, w))(y_true, y_pred, weights)
    np.testing.assert_allclose(traced, loss(y_true, y_pred, weights), rtol=1e-5)


def test_ignored_classes_leave_the_mean(backend):
    loss = losses.SparseCategoricalCrossentropy(ignore_class=1)
    kept = losses.SparseCategoricalCrossentropy()
    assert float(loss(LABELS, B)) == pytest.approx(float(kept(LABELS[:2], B[:2])), rel=1e-5)


def test_structures(backend):
    class Both(losses.Loss):
        def call(self, y_true, y_pred):
            return losses.mean_squared_error(y_true["a"], y_pred["a"]) + y_pred["b"][:, 0]

    loss = Both()
    assert loss.name == "both" or loss.name.startswith("both_")
    value = loss({"a": A, "b": A}, {"a": B, "b": A}, np.ones(4, "float32"))
    assert float(value) == pytest.approx(float(((A - B) ** 2).mean() + A[:, 0].mean()), rel=1e-5)


@pytest.mark.parametrize("name", ["mean_squared_error", "categorical_crossentropy", "huber",
                                  "binary_crossentropy", "cosine_similarity"])
def test_symbolic(backend, name):
    shape = getattr(losses, name)(SymbolicTensor((None, 3), "float32"), SymbolicTensor((None, 3), "float32"))
    assert isinstance(shape, SymbolicTensor) and shape.shape == (None,)


def test_numbers_are_floats_of_the_policy(backend):
    assert losses.mean_squared_error([1, 2], [1, 4]).dtype.name == config.floatx()
    assert float(losses.MeanSquaredError()([1, 2], [1, 4])) == 2.0


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: losses.MeanSquaredError(reduction="average"), "reduction.*'sum'"),
        (lambda: losses.mean_squared_error(A, B[:, :2]), r"mean_squared_error.*\(4, 3\).*\(4, 2\)"),
        (lambda: losses.MeanSquaredError()(LABELS, B), "to_categorical"),
        (lambda: losses.CategoricalCrossentropy()(LABELS, B), "sparse_categorical_crossentropy"),
        (lambda: losses.SparseCategoricalCrossentropy()(A, B), "`categorical_crossentropy`"),
        (lambda: losses.BinaryCrossentropy()(LABELS, B), "binary_crossentropy"),
        (lambda: losses.MeanSquaredError()(A, B, np.ones((4, 2))), "sample_weight"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0), "`q`"),
        (lambda: losses.ctc(LABELS, B), "most_labels"),
        (lambda: losses.get("mean_square_error"), "Did you mean 'mean_squared_error'"),
        (lambda: losses.get(3), "Loss 3"),
    ],
)
def test_errors_name_the_loss_and_the_remedy(backend, call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_errors_carry_the_shapes(backend):
    with pytest.raises(ValueError) as caught:
        losses.CategoricalCrossentropy(name="head")(LABELS, B)
    assert any("'head'" in note and "(4, 3)" in note for note in caught.value.__notes__)


def test_a_single_class_warns(backend):
    with pytest.warns(SyntaxWarning, match="binary_crossentropy"):
        losses.categorical_crossentropy(A[:, :1], B[:, :1])
