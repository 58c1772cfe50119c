"""`trainable`, `learning_rate_multiplier` and `weight_decay` of layers, without `compile`."""

import numpy as np
import pytest

import highlevel as hl
from highlevel import layers, optimizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)
OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.1),
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9),
    "adam": lambda: optimizers.Adam(0.1),
    "adamw": lambda: optimizers.AdamW(0.1, weight_decay=0.1),
    "lion": lambda: optimizers.Lion(0.1),
    "scaled": lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.1)),
    "accumulated": lambda: optimizers.Adam(0.1, gradient_accumulation_steps=2, use_ema=True),
}


def make(optimizer="sgd"):
    hl.utils.set_random_seed(0)
    inner = hl.Sequential([hl.Input((3,)), layers.Dense(4, name="one")], name="body")
    model = hl.Sequential([hl.Input((3,)), inner, layers.Dense(1, name="head")], name="net")
    for v in model.weights:
        v.assign(np.random.default_rng(v.size).normal(size=v.shape))
    model.compile(OPTIMIZERS[optimizer](), "mse")
    return model


def values(layer):
    return [v.numpy() for v in layer.weights]


def train(model, steps=1):
    model.fit(X, Y, batch_size=16, epochs=steps, shuffle=False, verbose=0)


def moved(model, before):
    return [not np.array_equal(a, b) for a, b in zip(values(model), before)]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "lion", "adamw"])
def test_a_multiplier_is_another_learning_rate(backend, optimizer):
    model, other = make(optimizer), make(optimizer)
    model.layers[1].learning_rate_multiplier = 0.5
    other.optimizer.learning_rate = 0.05
    before = values(model.layers[0])
    train(model)
    train(other)
    for a, b in zip(values(model.layers[1]), values(other.layers[1])):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    whole = make(optimizer)
    train(whole)
    for a, b in zip(values(model.layers[0]), values(whole.layers[0])):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert all(moved(model.layers[0], before))


def test_settings_act_at_the_next_step(backend):
    model = make()
    train(model)
    model.set_training("body/*", learning_rate_multiplier=0.0)
    before = values(model)
    train(model)
    assert moved(model, before) == [False, False, True, True]
    model.set_training("body", learning_rate_multiplier=1.0)
    train(model)
    assert all(moved(model, before))


def test_own_weight_decay(backend):
    model = make("adamw")
    model.layers[1].weight_decay = 0.0
    expected = make("adamw")
    expected.optimizer.exclude_from_weight_decay(expected.layers[1].weights)
    train(model, 3)
    train(expected, 3)
    for a, b in zip(values(model), values(expected)):
        np.testing.assert_array_equal(a, b)
    plain = make("sgd")
    plain.layers[1].weight_decay = 0.5  # the optimizer itself has none
    kernel = plain.layers[1].weights[0].numpy()
    reference = make("sgd")
    train(plain)
    train(reference)
    np.testing.assert_allclose(
        values(plain.layers[1])[0], values(reference.layers[1])[0] - 0.1 * 0.5 * kernel,
        rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_thawed_layer_trains_and_state_is_kept(backend, optimizer):
    model = make(optimizer)
    model.layers[0].trainable = False
    before = values(model)
    train(model, 2)
    assert moved(model, before) == [False, False, True, True]
    state = {v.path: v.numpy() for v in model.optimizer.variables}
    model.layers[0].trainable = True
    train(model, 2)
    assert all(moved(model, before))
    # Frozen again: what the optimizer knows of the layer stays as it is.
    model.layers[0].trainable = False
    kept = {v.path: v.numpy() for v in model.optimizer.variables if "one" in v.path}
    train(model, 2)
    for v in model.optimizer.variables:
        if v.path in kept:
            np.testing.assert_array_equal(v.numpy(), kept[v.path])
    assert set(state) <= {v.path for v in model.optimizer.variables}


def test_state_of_the_others_goes_on(backend):
    """A head trained alone, then with the body: as if its own state had never been touched."""
    model = make("adam")
    model.layers[0].trainable = False
    train(model, 3)
    momentum = next(v for v in model.optimizer.variables if "head_kernel" in v.path)
    before = momentum.numpy()
    model.layers[0].trainable = True
    (gradient,) = hl.ops.grad(
        lambda: hl.ops.mean((model(X) - Y) ** 2), [model.layers[1].weights[0]])()
    train(model)
    after = next(v for v in model.optimizer.variables if v.path == momentum.path).numpy()
    assert np.any(before)
    np.testing.assert_allclose(
        after, 0.9 * before + 0.1 * hl.ops.convert_to_numpy(gradient), rtol=1e-4, atol=1e-6)
    assert int(np.asarray(model.optimizer.iterations.numpy())) == 4
    order = [v.path.split("/")[-1] for v in model.optimizer.variables]
    fresh = make("adam")
    train(fresh)
    assert order == [v.path.split("/")[-1] for v in fresh.optimizer.variables]


def test_in_files_and_in_the_summary(backend, tmp_path, capsys):
    model = make()
    model.set_training("body/one", learning_rate_multiplier=0.25)
    model.layers[1].weight_decay = 0.01
    train(model)
    model.save(tmp_path / "m.keras")
    loaded = hl.models.load_model(tmp_path / "m.keras")
    assert loaded.layers[0].layers[0].learning_rate_multiplier == 0.25
    assert loaded.layers[1].weight_decay == 0.01
    train(model)
    train(loaded)
    for a, b in zip(values(model), values(loaded)):
        np.testing.assert_array_equal(a, b)
    model.summary(expand_nested=True)
    shown = capsys.readouterr().out
    assert "rate × 0.25" in shown and "decay 0.01" in shown


def test_set_before_the_weights_are_made(backend):
    layer = layers.Dense(2)
    layer.learning_rate_multiplier = 0.5
    layer.build((None, 3))
    assert [v.learning_rate_multiplier for v in layer.weights] == [0.5, 0.5]


def test_mistakes(backend):
    model = make()
    with pytest.raises(ValueError, match=r"No layer of 'net' has a path like 'hed'.*'head'"):
        model.set_training("hed", trainable=False)
    with pytest.raises(ValueError, match="got rate"):
        model.set_training("head", rate=2)
    with pytest.raises(ValueError, match=r"`learning_rate_multiplier` of 'head'.*got -1"):
        model.layers[1].learning_rate_multiplier = -1
