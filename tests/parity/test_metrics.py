"""Every metric against Keras: values over batches, weights, masks, variables, configurations."""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest

from highlevel import masking, metrics

keras = pytest.importorskip("keras")
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(0)
A = rng.uniform(0.05, 1, (6, 3)).astype("float32")
B = rng.uniform(0.05, 0.95, (6, 3)).astype("float32")
BITS = (A > 0.5).astype("float32")
ONE_HOT = np.eye(3, dtype="float32")[[0, 2, 1, 1, 0, 2]]
LABELS = np.array([0, 2, 1, 1, 0, 2], "int32")
GUESSES = np.array([0, 2, 2, 1, 1, 2], "int32")
LOGITS = rng.normal(size=(6, 3)).astype("float32") * 2
WEIGHTS = np.array([1, 2, 0, 0.5, 3, 1], "float32")
WHOLE = np.array([1, 2, 0, 1, 3, 1], "int32")

CASES = [
    ("Mean", {}, (A,)), ("Sum", {}, (A,)), ("Mean", {}, (A[:, 0],)),
    ("Accuracy", {}, (LABELS[:, None], GUESSES[:, None])), ("Accuracy", {}, (LABELS, GUESSES)),
    ("BinaryAccuracy", {}, (BITS, B)), ("BinaryAccuracy", {"threshold": 0.3}, (BITS, B)),
    ("CategoricalAccuracy", {}, (ONE_HOT, B)),
    ("SparseCategoricalAccuracy", {}, (LABELS, B)),
    ("SparseCategoricalAccuracy", {}, (LABELS[:, None], B)),
    ("TopKCategoricalAccuracy", {"k": 2}, (ONE_HOT, B)),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, (LABELS, B)),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, (LABELS, np.argsort(-B, 1))),
    ("BinaryCrossentropy", {}, (BITS, B)),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, (BITS, LOGITS)),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, (ONE_HOT, B)),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, (LABELS, LOGITS)),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, (LABELS, B)),
    ("CategoricalHinge", {}, (ONE_HOT, LOGITS)), ("Hinge", {}, (BITS, LOGITS)),
    ("SquaredHinge", {}, (BITS, LOGITS)), ("CosineSimilarity", {}, (A, B - 0.5)),
    ("CosineSimilarity", {"axis": 0}, (A, B - 0.5)),
    ("KLDivergence", {}, (A, B)), ("Poisson", {}, (A, B)), ("LogCoshError", {}, (A, B)),
    ("MeanAbsoluteError", {}, (A, B)), ("MeanAbsolutePercentageError", {}, (A, B)),
    ("MeanSquaredError", {}, (A, B)), ("MeanSquaredLogarithmicError", {}, (A, B)),
    ("RootMeanSquaredError", {}, (A, B)),
    ("PearsonCorrelation", {}, (A, B)), ("ConcordanceCorrelation", {}, (A, B)),
    ("PearsonCorrelation", {"axis": 0}, (A, B)),
    ("TruePositives", {}, (BITS, B)), ("FalsePositives", {"thresholds": [0.6, 0.2]}, (BITS, B)),
    ("TrueNegatives", {"thresholds": 0.4}, (BITS, B)), ("FalseNegatives", {}, (BITS[:, 0], B[:, 0])),
    ("Precision", {}, (BITS, B)), ("Precision", {"thresholds": [0.2, 0.5]}, (BITS, B)),
    ("Precision", {"top_k": 2}, (BITS, B)), ("Precision", {"class_id": 1}, (BITS, B)),
    ("Precision", {"class_id": 1, "top_k": 2}, (BITS, B)),
    ("Recall", {}, (BITS, B)), ("Recall", {"thresholds": [0.7, 0.5, 0.1], "top_k": 2}, (BITS, B)),
    ("Recall", {"class_id": 0}, (BITS, B)),
    ("AUC", {}, (BITS, B)), ("AUC", {"curve": "PR"}, (BITS, B)), ("AUC", {}, (BITS[:, 0], B[:, :1])),
    ("AUC", {"curve": "PR", "summation_method": "majoring", "num_thresholds": 7}, (BITS, B)),
    ("AUC", {"summation_method": "minoring"}, (BITS, B)),
    ("AUC", {"curve": "PRGAIN", "num_thresholds": 30}, (BITS, B)),
    ("AUC", {"thresholds": [0.1, 0.6, 0.3]}, (BITS, B)),
    ("AUC", {"from_logits": True}, (BITS, LOGITS)),
    ("AUC", {"multi_label": True}, (BITS, B)),
    ("AUC", {"multi_label": True, "num_labels": 3, "label_weights": [1.0, 2.0, 0.5]}, (BITS, B)),
    ("AUC", {"label_weights": [1.0, 2.0, 0.5], "curve": "PR"}, (BITS, B)),
    ("PrecisionAtRecall", {"recall": 0.6}, (BITS, B)),
    ("PrecisionAtRecall", {"recall": 0.6, "class_id": 2, "num_thresholds": 1}, (BITS, B)),
    ("RecallAtPrecision", {"precision": 0.7}, (BITS, B)),
    ("RecallAtPrecision", {"precision": 1.0}, (BITS, B)),
    ("SensitivityAtSpecificity", {"specificity": 0.5}, (BITS, B)),
    ("SpecificityAtSensitivity", {"sensitivity": 0.5, "num_thresholds": 10}, (BITS, B)),
    ("F1Score", {}, (BITS, B)), ("F1Score", {"average": "macro", "threshold": 0.4}, (BITS, B)),
    ("FBetaScore", {"average": "micro", "beta": 2.0, "threshold": 0.5}, (BITS, B)),
    ("FBetaScore", {"average": "weighted", "beta": 0.5}, (BITS, B)),
    ("R2Score", {}, (A, B)), ("R2Score", {"class_aggregation": None, "num_regressors": 2}, (A, B)),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, (A, B)),
]
COUNTS = [
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, (LABELS, GUESSES)),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2], "ignore_class": 1}, (LABELS, GUESSES)),
    ("MeanIoU", {"num_classes": 4}, (LABELS, GUESSES)),
    ("MeanIoU", {"num_classes": 3, "sparse_y_pred": False}, (LABELS, B)),
    ("OneHotIoU", {"num_classes": 3, "target_class_ids": [1]}, (ONE_HOT, B)),
    ("OneHotMeanIoU", {"num_classes": 3, "sparse_y_pred": True}, (ONE_HOT, GUESSES)),
    ("BinaryIoU", {}, (BITS[:, 0], B[:, 0])),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3, "dtype": "float32"}, (BITS[:, 0], B[:, 0])),
]


def numbers(x):
    return np.asarray(x, np.float64)


def agree(ours, theirs, rtol=2e-5, atol=2e-6):
    assert np.shape(ours) == np.shape(theirs)
    np.testing.assert_allclose(numbers(ours), numbers(theirs), rtol=rtol, atol=atol)


def compare(name, options, args, weights):
    ours, theirs = getattr(metrics, name)(**options), getattr(keras.metrics, name)(**options)
    ours(*args), theirs(*args)
    agree(ours.result(), theirs.result())
    if (name == "CosineSimilarity" and options) or (name == "PearsonCorrelation" and options):
        weights = WEIGHTS[:3]
    second = [x[::-1].copy() for x in args]
    ours.update_state(*second, sample_weight=weights)
    theirs.update_state(*second, sample_weight=weights)
    agree(ours.result(), theirs.result())
    assert [v.name for v in ours.variables] == [v.name for v in theirs.variables]
    assert [v.path.split("/")[-1] for v in ours.variables] == [
        v.path.split("/")[-1] for v in theirs.variables
    ]
    for mine, other in zip(ours.variables, theirs.variables):
        assert mine.dtype == other.dtype
        agree(mine.numpy(), np.asarray(other), rtol=1e-4, atol=1e-4)
    assert ours._direction == getattr(theirs, "_direction", None)
    ours.reset_state()
    assert all(not v.numpy().any() for v in ours.variables)
    written, read = metrics.serialize(ours), keras.metrics.serialize(theirs)
    for config in (written, read):  # automatic names count on their own
        config["config"].pop("name")
    if options.get("label_weights"):  # an array there, a list here
        read["config"]["label_weights"] = written["config"]["label_weights"]
    mine, other = (json.loads(json.dumps(entry))["config"] for entry in (written, read))
    assert {**mine, **other} == mine
    assert {**written, "config": 0} == {**read, "config": 0}
    again = metrics.deserialize(written)
    again.update_state(*args)
    fresh = getattr(keras.metrics, name)(**options)
    fresh.update_state(*args)
    agree(again.result(), fresh.result())


@pytest.mark.parametrize("name, options, args", CASES)
def test_metrics(backend, name, options, args):
    compare(name, options, args, WEIGHTS)


@pytest.mark.parametrize("name, options, args", COUNTS)
def test_counting_metrics(backend, name, options, args):
    compare(name, options, args, WHOLE)


@pytest.mark.parametrize("weights", [None, WEIGHTS, WEIGHTS[:, None], A, 2.0])
@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_weights(backend, name, weights):
    for values in (A, A[:, :, None]) if np.ndim(weights) != 1 else (A, A[:, 0], A[:, :, None]):
        ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
        agree(ours(values, weights), theirs(values, weights))
        agree([float(v.value) for v in ours.variables], [float(v.value) for v in theirs.variables])


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_masks(backend, weights):
    mask = np.array([1, 1, 0, 0, 1, 0], bool)
    ours_pred, theirs_pred = backend.asarray(B.copy()), keras.ops.array(B)
    masking.set_mask(ours_pred, backend.asarray(mask))
    keras.src.backend.set_keras_mask(theirs_pred, keras.ops.array(mask))
    for name in ("MeanSquaredError", "BinaryAccuracy"):
        agree(getattr(metrics, name)()(BITS, ours_pred, weights),
              getattr(keras.metrics, name)()(BITS, theirs_pred, weights))


@pytest.mark.parametrize("name, args", [
    ("binary_accuracy", (BITS, B)), ("categorical_accuracy", (ONE_HOT, B)),
    ("sparse_categorical_accuracy", (LABELS, B)), ("sparse_categorical_accuracy", (LABELS[:, None], B)),
    ("top_k_categorical_accuracy", (ONE_HOT, B, 2)), ("sparse_top_k_categorical_accuracy", (LABELS, B, 2)),
    ("sparse_top_k_categorical_accuracy", (LABELS[:, None], B, 2)),
    ("pearson_correlation", (A, B)), ("concordance_correlation", (A, B, 0)),
    ("categorical_accuracy", (A.reshape(2, 3, 3), B.reshape(2, 3, 3))),
    ("sparse_categorical_accuracy", (LABELS.reshape(2, 3), B.reshape(2, 3, 3))),
    ("top_k_categorical_accuracy", (A.reshape(2, 3, 3), B.reshape(2, 3, 3), 2)),
    ("huber", (A, B)), ("mean_squared_error", (A, B)), ("kl_divergence", (A, B)),
])
def test_functions(backend, name, args):
    ours, theirs = getattr(metrics, name)(*args), getattr(keras.metrics, name)(*args)
    assert ours.dtype.name == theirs.dtype.name
    agree(ours, theirs)


@pytest.mark.parametrize("name", [
    "accuracy", "mse", "MSE", "mae", "MAE", "mape", "msle", "bce", "auc", "AUC", "Mean", "recall",
    "Precision", "r2_score", "f1_score", "F1Score", "root_mean_squared_error", "binary_accuracy",
    "cosine_similarity", "sparse_categorical_crossentropy", "top_k_categorical_accuracy",
])
def test_names(name):
    assert type(metrics.get(name)).__name__ == type(keras.metrics.get(name)).__name__


def test_function_wrappers(backend):
    ours = metrics.MeanMetricWrapper(metrics.mean_squared_error, name="x")
    theirs = keras.metrics.MeanMetricWrapper(keras.losses.mean_squared_error, name="x")
    assert metrics.serialize(ours) == keras.metrics.serialize(theirs)
    again = metrics.deserialize(metrics.serialize(ours))
    agree(again(A, B), theirs(A, B))
