"""Every metric against Keras where its input is odd: no weight, no entry, one class, halves."""

import itertools
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest
from highlevel_backend import use_backend
from test_metrics import CASES, COUNTS, agree

from highlevel import masking, metrics

keras = pytest.importorskip("keras")
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(1)
LABELS = rng.integers(0, 3, (4, 5)).astype("int32")
GUESSES = rng.integers(0, 3, (4, 5)).astype("int32")
CHANCES = rng.random((4, 5, 3)).astype("float32")
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
SCORES = CHANCES[..., 0]


def alike(name, options, args, weights=None, theirs_args=None, rtol=2e-5):
    """Both metrics updated once agree."""
    ours, theirs = getattr(metrics, name)(**options), getattr(keras.metrics, name)(**options)
    given = {} if weights is None else {"sample_weight": weights}
    ours.update_state(*args, **given)
    theirs.update_state(*(args if theirs_args is None else theirs_args), **given)
    agree(ours.result(), theirs.result(), rtol=rtol, atol=rtol / 10)


@pytest.mark.parametrize("name, options, args", CASES + COUNTS)
def test_edges(name, options, args):
    with use_backend("numpy"):
        by_rows = options.get("axis") != 0
        none = np.zeros(6 if by_rows else 3, "int32" if "IoU" in name else "float32")
        alike(name, options, args, none)
        for fill in (np.zeros_like, np.ones_like):  # one class
            alike(name, options, (fill(args[0]), *args[1:]))
        if by_rows:
            alike(name, options, [x[:1] for x in args])
            alike(name, options, [x[:0] for x in args])
        if len(args) == 1:
            return
        for fill in (np.zeros_like, np.ones_like):  # one prediction
            alike(name, options, (args[0], fill(args[1])))
        if args[1].dtype.kind == "f":
            # Half as many digits: the functions round after each step, and not at the same.
            for dtype, rtol in (("float16", 2e-3), ("bfloat16", 2e-2)):
                half = keras.ops.cast(args[1], dtype)
                alike(name, options, (args[0], np.asarray(half)), theirs_args=(args[0], half),
                      rtol=rtol)


@pytest.mark.parametrize("mask", [[0] * 6, [1, 0, 0, 1, 1, 0]], ids=["empty", "some"])
def test_masks(mask):
    """Means of functions; other metrics take no masks, in either library."""
    mask = np.array(mask, bool)
    with use_backend("numpy"):
        for name, options, args in CASES:
            ours = getattr(metrics, name)(**options)
            if name == "RootMeanSquaredError":  # Keras's leaves masks alone: see below
                continue
            if not isinstance(ours, metrics.MeanMetricWrapper) or options.get("axis") == 0:
                continue
            mine, other = args[1].copy(), keras.ops.array(args[1])
            masking.set_mask(mine, mask)
            keras.src.backend.set_keras_mask(other, keras.ops.array(mask))
            alike(name, options, (args[0], mine), theirs_args=(args[0], other))


def test_a_root_mean_square_leaves_out_what_is_masked():
    """As the mean square does, in both libraries, of which it is the root."""
    true, mask = np.zeros((3, 1), "float32"), np.array([True, False, True])
    pred = np.array([[1.0], [50.0], [7.0]], "float32")
    with use_backend("numpy"):
        masking.set_mask(pred, mask)
        assert float(metrics.RootMeanSquaredError()(true, pred)) == pytest.approx(5.0)


IGNORED = [None, 0, -1]
WEIGHTS = {
    "none": None, "each": rng.integers(0, 3, (4, 5)).astype("int32"),
    "flat": rng.integers(0, 3, 20).astype("int32"), "number": 2,
    "floats": rng.random((4, 5)).astype("float32"),
}


@pytest.mark.parametrize("weights", WEIGHTS)
def test_overlaps(weights):
    """All of the family: what is ignored, labels or chances, weights, dtypes."""
    with use_backend("numpy"):
        for ignored, dtype, sparse in itertools.product(IGNORED, (None, "float32"), (True, False)):
            options = {"num_classes": 3, "ignore_class": ignored, "dtype": dtype}
            pred = GUESSES if sparse else CHANCES
            for true, sparse_true in ((LABELS, True), (ONE_HOT, False)):
                kinds = {"sparse_y_true": sparse_true, "sparse_y_pred": sparse}
                alike("IoU", {**options, **kinds, "target_class_ids": [0, 2]}, (true, pred),
                      WEIGHTS[weights])
                alike("MeanIoU", {**options, **kinds}, (true, pred), WEIGHTS[weights])
            options["sparse_y_pred"] = sparse
            alike("OneHotIoU", {**options, "target_class_ids": [1]}, (ONE_HOT, pred),
                  WEIGHTS[weights])
            alike("OneHotMeanIoU", options, (ONE_HOT, pred), WEIGHTS[weights])
        for threshold, chosen in itertools.product((0.5, 0.0, 1.0), ([0], [1], [0, 1])):
            alike("BinaryIoU", {"threshold": threshold, "target_class_ids": chosen},
                  ((LABELS > 0).astype("int32"), SCORES), WEIGHTS[weights])


def test_overlaps_of_odd_labels():
    with use_backend("numpy"):
        for true in (LABELS * 0, LABELS * 0 + 2, LABELS - 1, LABELS.astype("float32"), LABELS > 0,
                     LABELS.astype("int8")):
            alike("MeanIoU", {"num_classes": 3}, (true, GUESSES))
        agree(metrics.MeanIoU(3).result(), keras.metrics.MeanIoU(3).result())
        # Classes along another axis than the last.
        first = {"num_classes": 3, "axis": 0}
        alike("OneHotMeanIoU", first, (np.moveaxis(ONE_HOT, -1, 0), np.moveaxis(CHANCES, -1, 0)))


@pytest.mark.parametrize("name", ["Precision", "F1Score", "BinaryAccuracy", "IoU", "R2Score"])
def test_edges_are_the_same_on_jax(name):
    options, args = next(case[1:] for case in CASES + COUNTS if case[0] == name)
    found = []
    for which in ("numpy", "jax"):
        with use_backend(which):
            values = []
            for true, weights in ((args[0], np.zeros(6, "int32")), (args[0] * 0, None)):
                metric = getattr(metrics, name)(**options)
                metric.update_state(true, args[1], sample_weight=weights)
                values.append(np.asarray(metric.result(), np.float64))
            found.append(values)
    for numpys, jaxs in zip(*found):
        np.testing.assert_allclose(jaxs, numpys, rtol=1e-5)
