"""Mixed precision in `fit`: policies by layer, overflows planted, steps skipped and recovered."""

import numpy as np
import pytest

import highlevel as hl

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 8)).astype("float32")
Y = (X[:, :1] + X[:, 1:2]).astype("float32")


@pytest.fixture
def policy(request):
    before = hl.config.dtype_policy()
    hl.config.set_dtype_policy(request.param)
    yield request.param
    hl.config.set_dtype_policy(before)


def make():
    hl.utils.set_random_seed(0)
    return hl.Sequential([
        hl.Input((8,)), hl.layers.Dense(16, activation="relu"), hl.layers.Dense(1, dtype="float32")])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"], indirect=True)
def test_learns_in_half_precision(policy, backend):
    model = make()
    model.compile(hl.optimizers.Adam(0.02), "mse", metrics=["mae"])
    losses = model.fit(X, Y, batch_size=16, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.1 * losses[0]
    assert model.layers[0].compute_dtype == policy.removeprefix("mixed_")
    assert {v.dtype for v in model.weights} == {"float32"}
    assert {v.dtype for v in model.metrics_variables} == {"float32"}  # sums would stand still
    wrapped = isinstance(model.optimizer, hl.optimizers.LossScaleOptimizer)
    assert wrapped == (policy == "mixed_float16")


@pytest.mark.parametrize("policy", ["mixed_float16"], indirect=True)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_a_planted_overflow_is_skipped(policy, backend):
    model = make()
    model.compile(hl.optimizers.Adam(0.01), "mse")
    assert isinstance(model.optimizer, hl.optimizers.LossScaleOptimizer)
    weights = np.ones(64, "float32")
    weights[20] = 1e9  # in the second of four batches: too large for float16 once scaled
    states = []

    class Look(hl.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            optimizer = self.model.optimizer
            states.append((
                float(optimizer.dynamic_scale.numpy()), int(optimizer.step_counter.numpy()),
                int(optimizer.iterations.numpy()), self.model.get_weights()))

    model.fit(X, Y, batch_size=16, shuffle=False, verbose=0, sample_weight=weights,
              callbacks=[Look()])
    assert [s[:3] for s in states] == [
        (2.0**15, 1, 1), (2.0**14, 0, 1), (2.0**14, 1, 2), (2.0**14, 2, 3)]
    for before, after in zip(states[0][3], states[1][3]):
        np.testing.assert_array_equal(before, after)
    assert any(np.any(a != b) for a, b in zip(states[1][3], states[2][3]))
    losses = model.fit(X, Y, batch_size=16, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and np.isfinite(losses).all()


@pytest.mark.parametrize("policy", ["mixed_float16"], indirect=True)
def test_the_scale_grows_again(policy, backend):
    model = make()
    model.compile(hl.optimizers.LossScaleOptimizer(
        hl.optimizers.SGD(0.01), initial_scale=4.0, dynamic_growth_steps=3), "mse")
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    assert float(model.optimizer.dynamic_scale.numpy()) == 16.0


@pytest.mark.parametrize("policy", ["mixed_float16"], indirect=True)
def test_scaling_can_be_turned_off(policy):
    model = make()
    model.compile("adam", "mse", auto_scale_loss=False)
    assert not isinstance(model.optimizer, hl.optimizers.LossScaleOptimizer)


def test_policies_by_path(backend):
    policies = hl.dtype_policies.DTypePolicyMap(
        "float32", {".*wide": hl.dtype_policies.DTypePolicy("mixed_bfloat16")})
    model = hl.Sequential([
        hl.Input((8,)), hl.layers.Dense(16, activation="relu", dtype=policies, name="wide"),
        hl.layers.Dense(1, dtype=policies, name="head")])
    assert [layer.compute_dtype for layer in model.layers] == ["bfloat16", "float32"]
    model.compile(hl.optimizers.Adam(0.02), "mse")
    losses = model.fit(X, Y, batch_size=16, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    assert {v.dtype for v in model.weights} == {"float32"}
