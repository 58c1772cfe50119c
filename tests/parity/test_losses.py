"""Every loss against Keras: functions, classes, reductions, weights, masks, configurations."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest
from highlevel_backend import use_backend

from highlevel import losses, masking

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.parity

rng = np.random.default_rng(0)
A = rng.uniform(0.05, 1, (4, 3)).astype("float32")
B = rng.uniform(0.05, 0.95, (4, 3)).astype("float32")
ONE_HOT = np.eye(3, dtype="float32")[[0, 2, 1, 1]]
LABELS = np.array([0, 2, 1, 1], "int32")
LOGITS = rng.normal(size=(4, 3)).astype("float32")
BITS = (A > 0.5).astype("float32")
MAPS = rng.uniform(size=(2, 2, 4, 3)).astype("float32")
MAP_LABELS = np.array([[[0, 1, 2, 2]] * 2] * 2, "int32")
EMBEDDINGS = rng.normal(size=(4, 3)).astype("float32")
EMBEDDINGS /= np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)

FUNCTIONS = [
    ("mean_squared_error", A, B, {}),
    ("mean_absolute_error", A, B, {}),
    ("mean_absolute_percentage_error", A - 0.05, B, {}),
    ("mean_squared_logarithmic_error", A, B - 0.5, {}),
    ("huber", A * 5, B, {"delta": 1.5}),
    ("log_cosh", A * 5, B, {}),
    ("cosine_similarity", A, B - 0.5, {}),
    ("cosine_similarity", A, B - 0.5, {"axis": 0}),
    ("cosine_similarity", A * 0, B, {}),
    ("hinge", BITS, LOGITS, {}),
    ("hinge", BITS * 2 - 1, LOGITS, {}),
    ("squared_hinge", BITS, LOGITS, {}),
    ("categorical_hinge", ONE_HOT, LOGITS, {}),
    ("kl_divergence", A, B, {}),
    ("poisson", A, B, {}),
    ("categorical_crossentropy", ONE_HOT, B, {}),
    ("categorical_crossentropy", ONE_HOT, B, {"label_smoothing": 0.1}),
    ("categorical_crossentropy", ONE_HOT, LOGITS, {"from_logits": True}),
    ("categorical_crossentropy", ONE_HOT, B, {"axis": 0}),
    ("categorical_focal_crossentropy", ONE_HOT, B, {"alpha": 0.3, "gamma": 1.5}),
    ("categorical_focal_crossentropy", ONE_HOT, LOGITS,
     {"from_logits": True, "label_smoothing": 0.2}),
    ("sparse_categorical_crossentropy", LABELS, B, {}),
    ("sparse_categorical_crossentropy", LABELS[:, None], B, {}),
    ("sparse_categorical_crossentropy", LABELS, LOGITS, {"from_logits": True}),
    ("sparse_categorical_crossentropy", LABELS, B, {"ignore_class": 1}),
    ("sparse_categorical_crossentropy", LABELS * 2 - 1, LOGITS.repeat(2, 1),
     {"ignore_class": -1, "from_logits": True}),
    ("sparse_categorical_crossentropy", MAP_LABELS, MAPS, {}),
    ("binary_crossentropy", BITS, B, {}),
    ("binary_crossentropy", BITS, LOGITS, {"from_logits": True, "label_smoothing": 0.1}),
    ("binary_crossentropy", BITS, B, {"axis": 0}),
    ("binary_focal_crossentropy", BITS, B, {}),
    ("binary_focal_crossentropy", BITS, LOGITS,
     {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "from_logits": True,
      "label_smoothing": 0.1}),
    ("categorical_generalized_cross_entropy", LABELS, B, {"q": 0.4}),
    ("dice", BITS, B, {}),
    ("dice", BITS, B, {"axis": 1}),
    ("tversky", BITS, B, {"alpha": 0.3, "beta": 0.8, "axis": (1,)}),
    ("circle", LABELS, EMBEDDINGS, {}),
    ("circle", LABELS, EMBEDDINGS * 2, {"gamma": 5}),
    ("circle", LABELS, EMBEDDINGS, {"remove_diagonal": False, "gamma": 20, "margin": 0.2}),
    ("circle", LABELS, EMBEDDINGS,
     {"ref_labels": LABELS[:3], "ref_embeddings": EMBEDDINGS[:3], "remove_diagonal": False}),
    ("mean_squared_error", A[:, 0], B[:, :1], {}),
    ("mean_squared_error", A[:, :1], B[:, 0], {}),
    ("mean_squared_error", A[:, 0], B[:, 0], {}),
    ("mean_squared_error", LABELS, B[:, 0], {}),
    ("ctc", np.array([[1, 2, 0], [2, 0, 0]], "int32"), rng.normal(size=(2, 6, 4)).astype("float32"), {}),
]


def same(ours, theirs, rtol=2e-5, atol=2e-6):
    assert tuple(ours.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=rtol, atol=atol)


@pytest.mark.parametrize("name, y_true, y_pred, options", FUNCTIONS)
def test_functions(backend, name, y_true, y_pred, options):
    ours = getattr(losses, name)(y_true, y_pred, **options)
    theirs = getattr(keras.losses, name)(y_true, y_pred, **options)
    assert ours.dtype.name == theirs.dtype.name
    same(ours, theirs)


CLASSES = [
    ("MeanSquaredError", A, B, {}), ("MeanAbsoluteError", A, B, {}),
    ("MeanAbsolutePercentageError", A, B, {}), ("MeanSquaredLogarithmicError", A, B, {}),
    ("Huber", A, B, {"delta": 0.2}), ("LogCosh", A, B, {}), ("CosineSimilarity", A, B, {}),
    ("Hinge", BITS, LOGITS, {}), ("SquaredHinge", BITS, LOGITS, {}),
    ("CategoricalHinge", ONE_HOT, LOGITS, {}), ("KLDivergence", A, B, {}), ("Poisson", A, B, {}),
    ("CategoricalCrossentropy", ONE_HOT, LOGITS, {"from_logits": True, "label_smoothing": 0.1}),
    ("CategoricalFocalCrossentropy", ONE_HOT, B, {"gamma": 1.0}),
    ("SparseCategoricalCrossentropy", LABELS, B, {}),
    ("SparseCategoricalCrossentropy", LABELS, LOGITS, {"from_logits": True, "ignore_class": 1}),
    ("BinaryCrossentropy", BITS, B, {}),
    ("BinaryFocalCrossentropy", BITS, B, {"apply_class_balancing": True}),
    ("CategoricalGeneralizedCrossEntropy", LABELS, B, {"q": 0.3}),
    ("Dice", BITS, B, {"axis": (1,)}), ("Tversky", BITS, B, {"alpha": 0.2, "axis": (1,)}),
    ("Circle", LABELS, EMBEDDINGS, {"gamma": 10.0}),
    ("CTC", np.array([[1, 2, 0], [2, 0, 0], [1, 1, 0], [3, 0, 0]], "int32"),
     rng.normal(size=(4, 6, 4)).astype("float32"), {}),
]


@pytest.mark.parametrize("name, y_true, y_pred, options", CLASSES)
def test_classes(backend, name, y_true, y_pred, options):
    ours = getattr(losses, name)(**options)
    theirs = getattr(keras.losses, name)(**options)
    same(ours(y_true, y_pred), theirs(y_true, y_pred))
    weights = np.array([1, 2, 0, 0.5], "float32")
    same(ours(y_true, y_pred, weights), theirs(y_true, y_pred, weights))
    written, read = losses.serialize(ours), keras.losses.serialize(theirs)
    assert {**read["config"], **written["config"]} == written["config"]
    assert {**written, "config": 0} == {**read, "config": 0}
    again = losses.deserialize(written)
    same(again(y_true, y_pred), theirs(y_true, y_pred))
    # What Keras wrote is read, and the other way round.
    assert type(losses.deserialize(read)) is type(ours)
    if name != "CategoricalGeneralizedCrossEntropy":  # which Keras itself cannot read
        assert type(keras.losses.deserialize(written)) is type(theirs)


REDUCTIONS = ["sum", "sum_over_batch_size", "mean", "mean_with_sample_weight", "none", None]
WEIGHTS = [None, np.array([1, 2, 0, 0.5], "float32"),
           np.array([[1], [2], [0], [0.5]], "float32"), 2.0]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weights", WEIGHTS, ids=["none", "vector", "column", "number"])
@pytest.mark.parametrize("mask", [None, [1, 1, 0, 1], [0, 0, 0, 0]])
def test_reductions(backend, reduction, weights, mask):
    if mask is not None and isinstance(weights, float):
        pytest.skip("a number has no entries to mask")
    ours_pred, theirs_pred = backend.asarray(B.copy()), keras.ops.array(B)
    if mask is not None:
        masking.set_mask(ours_pred, backend.asarray(np.array(mask, bool)))
        keras.src.backend.set_keras_mask(theirs_pred, keras.ops.array(np.array(mask, bool)))
    ours = losses.MeanSquaredError(reduction=reduction)(A, ours_pred, weights)
    theirs = keras.losses.MeanSquaredError(reduction=reduction)(A, theirs_pred, weights)
    same(ours, theirs)


def test_sequences_with_weights_and_masks(backend):
    y_true, y_pred = MAPS[0], MAPS[1]
    mask = np.array([[1, 1, 0, 0], [1, 0, 0, 0]], bool)
    for weights in (None, np.array([[1.0], [2.0]], "float32"), np.ones((2, 4), "float32")):
        ours_pred, theirs_pred = backend.asarray(y_pred.copy()), keras.ops.array(y_pred)
        masking.set_mask(ours_pred, backend.asarray(mask))
        keras.src.backend.set_keras_mask(theirs_pred, keras.ops.array(mask))
        same(losses.MeanAbsoluteError()(y_true, ours_pred, weights),
             keras.losses.MeanAbsoluteError()(y_true, theirs_pred, weights))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "mixed_bfloat16"])
def test_dtypes(backend, dtype):
    ours = losses.MeanSquaredError(dtype=dtype)
    theirs = keras.losses.MeanSquaredError(dtype=dtype)
    assert ours.dtype == theirs.dtype
    value = ours(A, B)
    assert value.dtype.name == theirs(A, B).dtype.name
    assert float(value) == pytest.approx(float(theirs(A, B)), rel=0.02)


@pytest.mark.parametrize("name", [
    "mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "bce", "BCE", "kld", "KLD",
    "huber", "cosine_similarity", "hinge", "log_cosh", "ctc", "dice", "tversky", "circle",
    "categorical_crossentropy", "Huber", "LogCosh", "CategoricalCrossentropy",
])
def test_names(name):
    ours, theirs = losses.get(name), keras.losses.get(name)
    if isinstance(ours, losses.Loss):
        assert type(ours).__name__ == type(theirs).__name__ or ours.name == theirs.name
    else:
        assert ours.__name__ == theirs.__name__


ZEROS = np.zeros(4, "float32")


@pytest.mark.parametrize("reduction", ["none", "mean_with_sample_weight"])
@pytest.mark.parametrize("name, y_true, y_pred, options", CLASSES[:-1])  # CTC takes Keras long
def test_edges(name, y_true, y_pred, options, reduction):
    """No weight at all, no entry that counts, one class or one prediction only, halves."""
    with use_backend("numpy") as backend:
        ours = getattr(losses, name)(reduction=reduction, **options)
        theirs = getattr(keras.losses, name)(reduction=reduction, **options)
        for weights in (ZEROS, ZEROS.astype(bool)):
            same(ours(y_true, y_pred, weights), theirs(y_true, y_pred, weights))
        for true, pred in (
            (np.zeros_like(y_true), y_pred), (np.ones_like(y_true), y_pred),
            (y_true, np.zeros_like(y_pred)), (y_true, np.ones_like(y_pred)),
            (y_true[:1], y_pred[:1]),
        ):
            same(ours(true, pred), theirs(true, pred), rtol=1e-4)
        half = y_pred.astype("float16")
        same(ours(y_true, half), theirs(y_true, half))
        half = keras.ops.cast(y_pred, "bfloat16")
        same(ours(y_true, np.asarray(half)), theirs(y_true, half))
        for mask in ([0, 0, 0, 0], [1, 0, 0, 1]):
            ours_pred, theirs_pred = y_pred.copy(), keras.ops.array(y_pred)
            masking.set_mask(ours_pred, backend.asarray(np.array(mask, bool)))
            keras.src.backend.set_keras_mask(theirs_pred, keras.ops.array(np.array(mask, bool)))
            same(ours(y_true, ours_pred), theirs(y_true, theirs_pred))


@pytest.mark.parametrize("name", ["SparseCategoricalCrossentropy", "BinaryFocalCrossentropy"])
def test_edges_are_the_same_on_jax(name):
    y_true, y_pred, options = next(case[1:] for case in CLASSES if case[0] == name)
    values = []
    for which in ("numpy", "jax"):
        with use_backend(which) as backend:
            loss = getattr(losses, name)(**options)
            masked = backend.asarray(y_pred.copy())
            masking.set_mask(masked, backend.asarray(ZEROS.astype(bool)))
            values.append([float(x) for x in (
                loss(y_true, y_pred, ZEROS), loss(y_true * 0, y_pred), loss(y_true, masked),
                loss(y_true, y_pred.astype("float16")),
            )])
    assert values[1] == pytest.approx(values[0], rel=1e-5)
