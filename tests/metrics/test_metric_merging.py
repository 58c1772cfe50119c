"""Metrics of several batches or processes made one."""

import numpy as np
import pytest

from highlevel import metrics

RNG = np.random.default_rng(0)
P = RNG.uniform(0.05, 0.95, (12, 3)).astype("float32")
BITS = (RNG.uniform(size=(12, 3)) > 0.5).astype("float32")
LABELS = RNG.integers(0, 3, 12).astype("int32")
WEIGHTS = RNG.uniform(0.5, 2, 12).astype("float32")

CASES = [
    (lambda: metrics.Mean(), (P,)),
    (lambda: metrics.Sum(), (P,)),
    (lambda: metrics.MeanSquaredError(), (BITS, P)),
    (lambda: metrics.RootMeanSquaredError(), (BITS, P)),
    (lambda: metrics.SparseCategoricalAccuracy(), (LABELS, P)),
    (lambda: metrics.AUC(), (BITS, P)),
    (lambda: metrics.AUC(multi_label=True, num_labels=3, curve="PR"), (BITS, P)),
    (lambda: metrics.Precision(thresholds=[0.3, 0.6]), (BITS, P)),
    (lambda: metrics.SensitivityAtSpecificity(0.5), (BITS, P)),
    (lambda: metrics.F1Score(threshold=0.5), (BITS, P)),
    (lambda: metrics.R2Score(), (BITS, P)),
    (lambda: metrics.MeanIoU(3, sparse_y_pred=False, dtype="float32"), (LABELS, P)),
]


@pytest.mark.parametrize(("make", "data"), CASES)
def test_two_halves_are_the_whole(make, data, backend):
    whole, left, right = make(), make(), make()
    whole.update_state(*data, sample_weight=WEIGHTS)
    left.update_state(*(x[:5] for x in data), sample_weight=WEIGHTS[:5])
    right.update_state(*(x[5:] for x in data), sample_weight=WEIGHTS[5:])
    sent = [v.numpy() for v in right.variables]  # what another process would send
    left.merge_state([sent])
    np.testing.assert_allclose(
        backend.to_numpy(left.result()), backend.to_numpy(whole.result()), rtol=1e-5)


def test_refusals(backend):
    mean = metrics.Mean(name="m")
    with pytest.raises(ValueError, match="cannot take the state of MeanSquaredError"):
        mean.merge_state([metrics.MeanSquaredError()])

    class Largest(metrics.Metric):
        def __init__(self):
            super().__init__(name="largest")
            self.most = self.add_variable((), "zeros", aggregation="none", name="most")

    with pytest.raises(ValueError, match=r"most of metric 'largest' is no sum.*`merge_state` itself"):
        Largest().merge_state([])
