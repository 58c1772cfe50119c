"""Metrics: state, scopes, traces, independent values, errors."""

import numpy as np
import pytest
from sklearn import metrics as sk

from highlevel import metrics
from highlevel.state import StatelessScope

rng = np.random.default_rng(2)
SCORES = rng.uniform(size=(400,)).astype("float32")
BITS = (rng.uniform(size=(400,)) < SCORES).astype("float32")
A = rng.uniform(0.1, 1, (8, 3)).astype("float32")
B = rng.uniform(0.1, 0.9, (8, 3)).astype("float32")

NEEDS = {
    "IoU": {"num_classes": 3, "target_class_ids": [0]}, "MeanIoU": {"num_classes": 3},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0]}, "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.5}, "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5}, "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "MeanMetricWrapper": {"fn": metrics.mean_squared_error},
}
CLASSES = [name for name in metrics.__all__ if name[0].isupper() and name != "Metric"]


def batch(name):
    if name in ("Mean", "Sum"):
        return (A,)
    if name in ("IoU", "MeanIoU"):
        return np.argmax(A, 1), np.argmax(B, 1)
    if name.startswith("Sparse"):
        return np.argmax(A, 1), B
    if name in ("PearsonCorrelation", "R2Score"):
        return A, B
    return (A > 0.5).astype("float32"), B


@pytest.mark.parametrize("name", CLASSES)
def test_stateless_traced_equals_eager(backend, name):
    metric = getattr(metrics, name)(**NEEDS.get(name, {}))
    args = tuple(map(backend.asarray, batch(name)))
    eager = np.asarray(metric(*args))
    state = [v.numpy() for v in metric.variables]
    before = metric.stateless_reset_state()
    assert all(not np.asarray(value).any() for value in before)
    update = backend.compile(lambda s, *a: metric.stateless_update_state(s, *a))
    result = backend.compile(metric.stateless_result)
    after = update(before, *args)
    np.testing.assert_allclose(np.asarray(result(after)), eager, rtol=1e-4, atol=1e-6)
    for mine, kept in zip(after, state):
        np.testing.assert_allclose(np.asarray(mine), kept, rtol=1e-4, atol=1e-5)
    # Nothing of this touched the metric itself.
    assert all((v.numpy() == kept).all() for v, kept in zip(metric.variables, state))


@pytest.mark.parametrize("name", CLASSES)
def test_given_back_as_given(name):
    made = getattr(metrics, name)(**NEEDS.get(name, {}), name="own")
    again = metrics.deserialize(metrics.serialize(made))
    assert type(again) is type(made) and again.get_config() == made.get_config()
    assert isinstance(repr(made), str) and made.name == "own"


def test_areas_against_scikit_learn(backend):
    roc = metrics.AUC(num_thresholds=1000)
    assert float(roc(BITS, SCORES)) == pytest.approx(sk.roc_auc_score(BITS, SCORES), abs=2e-3)
    pr = metrics.AUC(num_thresholds=1000, curve="PR")
    assert float(pr(BITS, SCORES)) == pytest.approx(sk.average_precision_score(BITS, SCORES), abs=0.01)


def test_shares_against_scikit_learn(backend):
    found = SCORES > 0.5
    assert float(metrics.Precision()(BITS, SCORES)) == pytest.approx(sk.precision_score(BITS, found), rel=1e-5)
    assert float(metrics.Recall()(BITS, SCORES)) == pytest.approx(sk.recall_score(BITS, found), rel=1e-5)
    truth = (A > 0.5).astype("float32")
    for average in (None, "micro", "macro", "weighted"):
        ours = metrics.FBetaScore(average=average, beta=2.0, threshold=0.5)(truth, B)
        theirs = sk.fbeta_score(truth, B > 0.5, beta=2.0, average=average, zero_division=0)
        np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-4)
    assert float(metrics.R2Score()(A, B)) == pytest.approx(sk.r2_score(A, B), rel=1e-4)


def test_many_and_few_thresholds_count_alike(backend):
    thresholds = np.linspace(0.05, 0.95, 19).tolist()
    many = np.asarray(metrics.TruePositives(thresholds=thresholds)(BITS, SCORES))
    few = [float(metrics.TruePositives(thresholds=t)(BITS, SCORES)) for t in thresholds[::6]]
    assert many[::6].tolist() == few
    mixed = np.asarray(metrics.TruePositives(thresholds=thresholds[::-1])(BITS, SCORES))
    assert mixed.tolist() == many[::-1].tolist()


def test_own_metrics(backend):
    class Both(metrics.Metric):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.mean = metrics.Mean(name="inner")
            self.seen = self.add_weight(name="seen", shape=(2,))

        def update_state(self, x, sample_weight=None):
            self.mean.update_state(x)
            self.seen.assign_add([1.0, 2.0])

        def result(self):
            return {"mean": self.mean.result(), "seen": self.seen.value}

    metric = Both(name="both")
    assert [v.path for v in metric.variables] == ["both/seen", "inner/total", "inner/count"]
    metric(np.array([1.0, 3.0], "float32"))
    result = metric(np.array([5.0, 7.0], "float32"))
    assert float(result["mean"]) == 4.0 and np.asarray(result["seen"]).tolist() == [2.0, 4.0]
    metric.reset_state()
    assert float(metric.mean.result()) == 0.0 and not metric.seen.numpy().any()


def test_updates_stay_in_the_scope(backend):
    metric = metrics.Mean()
    metric.update_state([1.0])
    with StatelessScope() as scope:
        metric.update_state([5.0])
        assert float(metric.result()) == 3.0
    assert float(metric.result()) == 1.0
    assert float(scope.get_current_value(metric.total)) == 6.0


def test_nothing_gathered_is_zero(backend):
    for name in ("Mean", "Sum", "AUC", "Precision", "RootMeanSquaredError", "F1Score", "R2Score"):
        assert float(getattr(metrics, name)().result()) == 0.0


def test_dtypes(backend):
    assert metrics.Mean(dtype="mixed_bfloat16").total.dtype == "bfloat16"
    assert metrics.MeanIoU(2).total_confusion_matrix.dtype == "int32"
    with pytest.warns(UserWarning, match="integer weights"):
        metrics.MeanIoU(2)([0, 1], [1, 1], np.array([0.5, 1.0], "float32"))


@pytest.mark.parametrize("true, pred, name", [
    ((4, 1), (4, 1), "BinaryAccuracy"), ((4,), (4,), "BinaryAccuracy"), ((4,), (4, 3), "SparseCategoricalAccuracy"),
    ((4, 1), (4, 3), "SparseCategoricalAccuracy"), ((4, 3), (4, 3), "CategoricalAccuracy"),
    ((4, 5), (4, 5, 3), "SparseCategoricalAccuracy"),
])
def test_what_accuracy_means(true, pred, name):
    found = metrics.resolve_accuracy("acc", np.zeros(true), np.zeros(pred))
    assert found.__name__ == name
    entropy = metrics.resolve_accuracy("crossentropy", np.zeros(true), np.zeros(pred))
    assert entropy.__name__ == name.replace("Accuracy", "Crossentropy")


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: metrics.get("binary_acuracy"), "Did you mean 'binary_accuracy'"),
        (lambda: metrics.AUC(curve="x"), "'ROC'"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds"),
        (lambda: metrics.AUC(thresholds=[2.0]), "from 0 to 1"),
        (lambda: metrics.Precision(thresholds=2.0), "Precision.*from 0 to 1"),
        (lambda: metrics.PrecisionAtRecall(2.0), "`recall`"),
        (lambda: metrics.FBetaScore(average="x"), "'micro'"),
        (lambda: metrics.FBetaScore(beta=-1.0), "beta"),
        (lambda: metrics.F1Score()(A[:, 0], B[:, 0]), "to_categorical"),
        (lambda: metrics.R2Score()(A[:, 0], B[:, 0]), r"y\[:, None\]"),
        (lambda: metrics.R2Score(class_aggregation="x"), "uniform_average"),
        (lambda: metrics.IoU(2, [3]), "target_class_ids"),
        (lambda: metrics.Precision()(A, B[:, :2]), r"\(8, 3\).*\(8, 2\)"),
        (lambda: metrics.Mean()(A, np.ones((2,))), "sample_weight"),
        (lambda: metrics.CategoricalAccuracy()(np.ones(8), B), "sparse_categorical_accuracy"),
        (lambda: metrics.SparseCategoricalAccuracy()(A, B), "`categorical_accuracy`"),
        (lambda: metrics.Mean().stateless_result([1.0]), "2 variables.*total, count"),
    ],
)
def test_errors(backend, call, words):
    with pytest.raises(ValueError, match=words):
        call()
