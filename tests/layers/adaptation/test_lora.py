"""Low-rank adaptation of dense, convolution and embedding layers."""

import numpy as np
import pytest

import highlevel as hl
from highlevel import layers, ops

RNG = np.random.default_rng(0)
CASES = {
    "dense": (lambda **k: layers.Dense(4, **k), (2, 3), "kernel"),
    "einsum_dense": (
        lambda **k: layers.EinsumDense("ab,bcd->acd", (2, 5), bias_axes="cd", **k), (2, 3), "kernel"),
    "conv1d": (lambda **k: layers.Conv1D(4, 3, **k), (1, 5, 2), "kernel"),
    "conv2d": (lambda **k: layers.Conv2D(4, 3, groups=2, **k), (1, 5, 5, 2), "kernel"),
    "conv3d": (lambda **k: layers.Conv3D(2, 2, **k), (1, 3, 3, 3, 2), "kernel"),
    "embedding": (lambda **k: layers.Embedding(7, 4, **k), None, "embeddings"),
    "reversible": (
        lambda **k: layers.ReversibleEmbedding(7, 4, tie_weights=False, **k), None, "embeddings"),
}  # fmt: skip


def data(shape):
    return np.array([[0, 3, 6]], "int32") if shape is None else RNG.normal(size=shape).astype("f4")


def fill(layer):
    for variable in layer.weights:
        variable.assign(RNG.normal(size=variable.shape))


@pytest.mark.parametrize("name", CASES)
def test_the_weight_is_the_sum(backend, name):
    make, shape, weight = CASES[name]
    layer, x = make(), data(shape)
    before = ops.convert_to_numpy(layer(x))
    layer.enable_lora(2, lora_alpha=3)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(x)), before)  # b starts at zero

    fill(layer)
    own = layer.weights[0]
    a, b = (getattr(layer, f"lora_{weight}_{which}") for which in "ab")
    expected = own.numpy() + 1.5 * a.numpy() @ b.numpy()
    np.testing.assert_allclose(
        ops.convert_to_numpy(getattr(layer, weight)), expected, rtol=1e-5, atol=1e-5)
    plain = make()
    plain.build(np.shape(x))
    plain.set_weights([expected, *(v.numpy() for v in layer.weights[1:-2])])
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer(x)), ops.convert_to_numpy(plain(x)), rtol=1e-4, atol=1e-4)


def test_only_the_factors_and_the_bias_are_trained(backend):
    model = hl.Sequential([hl.Input((3,)), layers.Dense(5, activation="tanh"), layers.Dense(1)])
    for layer in model.layers:
        layer.enable_lora(1)
    frozen = [layer.weights[0].numpy() for layer in model.layers]
    x = RNG.normal(size=(32, 3)).astype("f4")
    y = x.sum(axis=1, keepdims=True)
    model.compile("adam", "mse")
    model.optimizer.learning_rate = 0.05
    losses = model.fit(x, y, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
    for layer, kernel in zip(model.layers, frozen):
        np.testing.assert_array_equal(layer.weights[0].numpy(), kernel)
        assert np.any(layer.lora_kernel_b.numpy())
    assert len(model.trainable_variables) == 6


def test_a_model_adapted_after_training_goes_on(backend):
    model = hl.Sequential([hl.Input((3,)), layers.Dense(1)])
    model.compile("adam", "mse")
    x, y = np.ones((8, 3), "f4"), np.ones((8, 1), "f4")
    model.fit(x, y, verbose=0)
    model.layers[0].enable_lora(1)
    kernel = model.layers[0].weights[0].numpy()
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.layers[0].weights[0].numpy(), kernel)
    assert np.any(model.layers[0].lora_kernel_b.numpy())
    assert int(model.optimizer.iterations.numpy()) == 2


@pytest.mark.parametrize("name", CASES)
def test_files_hold_the_sum(backend, name, tmp_path):
    make, shape, weight = CASES[name]
    x = data(shape)
    inputs = hl.Input(x.shape[1:], dtype=str(x.dtype))
    model = hl.Model(inputs, make(name="it")(inputs))
    model.layers[1].enable_lora(2)
    fill(model)
    expected = ops.convert_to_numpy(model(x))

    model.save(tmp_path / "m.keras")
    loaded = hl.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(ops.convert_to_numpy(loaded(x)), expected, rtol=1e-5, atol=1e-5)
    assert loaded.layers[1].lora_rank == 2
    assert not np.any(getattr(loaded.layers[1], f"lora_{weight}_b").numpy())

    plain = hl.Model(inputs, make(name="it")(inputs))
    model.save_weights(tmp_path / "m.weights.h5")
    plain.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_allclose(ops.convert_to_numpy(plain(x)), expected, rtol=1e-5, atol=1e-5)


def test_rank_in_the_constructor(backend):
    layer = layers.Dense(4, lora_rank=2, lora_alpha=8)
    assert not layer.lora_enabled
    layer(np.ones((1, 3), "f4"))
    assert layer.lora_enabled and layer.get_config()["lora_alpha"] == 8
    assert layers.Dense.from_config(layer.get_config()).lora_rank == 2
    assert "lora_rank" not in layers.Dense(4).get_config()


def test_what_cannot_be_adapted():
    layer = layers.Dense(4, name="head")
    with pytest.raises(ValueError, match="'head' is not built"):
        layer.enable_lora(2)
    with pytest.raises(AttributeError, match="'head' has no `kernel` yet"):
        layer.kernel  # noqa: B018
    layer.build((None, 3))
    with pytest.raises(ValueError, match="`rank` must be a positive integer"):
        layer.enable_lora(0)
    layer.enable_lora(2)
    with pytest.raises(ValueError, match="enabled already"):
        layer.enable_lora(2)
    layer = layers.Conv2D(2, 3, kernel_constraint="unit_norm")
    layer.build((None, 5, 5, 1))
    with pytest.raises(ValueError, match="kernel_constraint"):
        layer.enable_lora(2)


def test_half_precision(backend):
    layer = layers.Dense(4, dtype="mixed_bfloat16", lora_rank=2)
    assert ops.dtype(layer(np.ones((1, 3), "f4"))) == "bfloat16"
    assert layer.lora_kernel_a.dtype == "float32"
