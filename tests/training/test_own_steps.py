"""`test_step(self, data)` and `predict_step(self, data)` of one's own, with objects."""

import numpy as np
import pytest

import highlevel as hl

rng = np.random.default_rng(2)
X = rng.normal(size=(12, 3)).astype("float32")
Y = rng.normal(size=(12, 1)).astype("float32")


class Own(hl.Model):
    def __init__(self):
        super().__init__()
        self.dense = hl.layers.Dense(1)
        self.worst = hl.metrics.Mean(name="worst")

    def call(self, x):
        return self.dense(x)

    def test_step(self, data):
        x, y = data
        self.worst.update_state(hl.ops.max(hl.ops.abs(y - self(x, training=False))))
        return {"worst": self.worst.result()}

    def predict_step(self, data):
        x = data[0] if isinstance(data, (list, tuple)) else data
        return {"twice": 2.0 * self(x, training=False), "x": x}


@pytest.mark.parametrize("eagerly", [False, True])
def test_own_steps(backend, eagerly):
    model = Own()
    model.compile(hl.optimizers.SGD(0.05), "mse", run_eagerly=eagerly)
    history = model.fit(X, Y, batch_size=6, epochs=2, verbose=0, validation_data=(X, Y)).history
    assert {"loss", "val_worst"} <= set(history) and "val_loss" not in history

    y_pred = X @ model.dense.kernel.numpy() + model.dense.bias.numpy()
    off = np.abs(Y - y_pred)
    expected = np.mean([off[:6].max(), off[6:].max()])
    assert history["val_worst"][-1] == pytest.approx(expected, rel=1e-4)
    result = model.evaluate(X, Y, batch_size=6, verbose=0, return_dict=True)
    assert result == {"worst": pytest.approx(expected, rel=1e-4)}

    outputs = model.predict(X, batch_size=5, verbose=0)  # the last batch is shorter
    assert set(outputs) == {"twice", "x"}
    np.testing.assert_allclose(outputs["twice"], 2 * y_pred, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(outputs["x"], X)
