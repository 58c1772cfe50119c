"""Normalizations against their formulas in float64; moving averages; spectral norm."""

import numpy as np
import pytest

import highlevel as hl
from highlevel import layers

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(4, 5, 6)) * 3 + 100).astype("float32")


def normalized(x, axes, epsilon=1e-3):
    x = x.astype("float64")
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + epsilon)


def test_batch_normalization_uses_and_keeps_the_batch(backend):
    layer = layers.BatchNormalization(momentum=0.9)
    y = np.asarray(layer(X, training=True))
    np.testing.assert_allclose(y, normalized(X, (0, 1)), atol=2e-3)
    mean = X.astype("float64").mean((0, 1))
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(
        layer.moving_variance.numpy(), 0.9 + 0.1 * X.astype("float64").var((0, 1)), rtol=1e-4)
    before = layer.moving_mean.numpy()
    still = np.asarray(layer(X))
    np.testing.assert_array_equal(layer.moving_mean.numpy(), before)
    expected = (X - before) / np.sqrt(layer.moving_variance.numpy() + 1e-3)
    np.testing.assert_allclose(still, expected, rtol=1e-4)


def test_frozen_batch_normalization_is_inference(backend):
    layer = layers.BatchNormalization()
    layer.trainable = False
    np.testing.assert_allclose(np.asarray(layer(X, training=True)), X / np.sqrt(1.001), rtol=1e-4)
    assert float(layer.moving_mean.numpy().max()) == 0.0


def test_masked_steps_do_not_count(backend):
    mask = np.zeros((4, 5), bool)
    mask[:, :3] = True
    layer = layers.BatchNormalization(momentum=0.0)
    layer(X, training=True, mask=mask)
    part = X[:, :3].astype("float64")
    np.testing.assert_allclose(layer.moving_mean.numpy(), part.mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), part.var((0, 1)), rtol=1e-3)
    layer(X, training=True, mask=np.zeros((4, 5), bool))
    assert np.isfinite(layer.moving_mean.numpy()).all()


def test_a_mask_counts_every_feature_position(backend):
    x = RNG.normal(size=(2, 3, 4, 2)).astype("float32")
    mask = np.array([[1, 1, 0], [1, 0, 0]], bool)
    layer = layers.BatchNormalization(momentum=0.0)
    layer(x, training=True, mask=mask)
    np.testing.assert_allclose(layer.moving_mean.numpy(), x[mask].mean((0, 1)), rtol=1e-4)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_statistics_are_taken_in_float32(dtype, backend):
    x = np.full((4096, 1), 100.0, "float32")
    x[::2] = 104.0  # the sum is beyond float16
    layer = layers.BatchNormalization(momentum=0.0, dtype=dtype)
    y = layer(x, training=True)
    assert str(y.dtype) == dtype[6:]
    assert layer.moving_mean.numpy()[0] == pytest.approx(102.0, rel=1e-5)
    assert layer.moving_variance.numpy()[0] == pytest.approx(4.0, rel=1e-3)


def test_gradient_goes_through_the_statistics_but_not_the_averages(backend):
    layer = layers.BatchNormalization(momentum=0.5)
    x = backend.asarray(RNG.normal(size=(8, 2)).astype("float32"))
    layer(x)
    trainable = [v.raw_value() for v in layer.trainable_variables]
    others = [v.raw_value() for v in layer.non_trainable_variables]

    def loss(x):
        y, state = layer.stateless_call(trainable, others, x, training=True)
        return backend.xp.sum(y * y * y), state

    (_, state), gradient = backend.value_and_grad(loss, has_aux=True)(x)
    gradient = np.asarray(gradient)
    # The output does not change when all inputs move together: the gradients sum to 0.
    np.testing.assert_allclose(gradient.sum(0), 0.0, atol=1e-4)
    point, step = np.asarray(x, "float64"), 1e-4
    other = point.copy()
    point[0, 0] += step
    other[0, 0] -= step
    cubes = [np.sum(normalized(p, 0) ** 3) for p in (point, other)]
    assert gradient[0, 0] == pytest.approx((cubes[0] - cubes[1]) / (2 * step), rel=1e-2, abs=1e-3)
    np.testing.assert_allclose(np.asarray(state[0]), np.asarray(x).mean(0) / 2, rtol=1e-4)
    assert float(layer.moving_mean.numpy().max()) == 0.0  # pure: nothing was assigned


def test_layer_group_rms_and_unit_normalization(backend):
    atol = 2e-3
    np.testing.assert_allclose(
        np.asarray(layers.LayerNormalization()(X)), normalized(X, -1), atol=atol)
    np.testing.assert_allclose(
        np.asarray(layers.LayerNormalization(axis=[1, 2])(X)), normalized(X, (1, 2)), atol=atol)
    groups = normalized(X.reshape(4, 5, 3, 2), (1, 3)).reshape(X.shape)
    np.testing.assert_allclose(
        np.asarray(layers.GroupNormalization(3)(X)), groups, atol=atol)
    wide = X.astype("float64")
    np.testing.assert_allclose(
        np.asarray(layers.RMSNormalization()(X)),
        wide / np.sqrt((wide**2).mean(-1, keepdims=True)), rtol=1e-4)
    np.testing.assert_allclose(
        np.asarray(layers.UnitNormalization()(X)),
        wide / np.linalg.norm(wide, axis=-1, keepdims=True), rtol=1e-4)


def test_spectral_normalization_finds_the_largest_singular_value(backend):
    layer = layers.SpectralNormalization(layers.Dense(3), power_iterations=50)
    x = RNG.normal(size=(2, 4)).astype("float32")
    layer.build(x.shape)
    kernel = np.diag([3.0, 2.0, 1.0, 0.5])[:, :3] + 0.1
    layer.layer.kernel.assign(kernel.astype("float32"))
    layer(x)
    np.testing.assert_allclose(layer.layer.kernel.numpy(), kernel, rtol=1e-6)
    layer(x, training=True)
    top = np.linalg.svd(kernel)[1][0]
    np.testing.assert_allclose(layer.layer.kernel.numpy(), kernel / top, rtol=1e-4)
    with pytest.raises(ValueError, match="neither a `kernel` nor `embeddings`"):
        layers.SpectralNormalization(layers.ReLU()).build((2, 3))


def test_errors():
    with pytest.raises(ValueError, match="cannot be split into 4 groups"):
        layers.GroupNormalization(4).build((None, 6))
    with pytest.raises(ValueError, match="there is no axis 3"):
        layers.LayerNormalization(axis=3).build((None, 6))
    with pytest.raises(ValueError, match="`momentum` must be from 0 to 1"):
        layers.BatchNormalization(momentum=2)
    for clipping, said in (
        ({"dmin": 1.0}, "keys"), ({"dmax": -1.0}, "must not be negative"),
        ({"rmin": 2.0, "rmax": 1.0}, "must not be below"), (3.0, "is a dict"),
    ):
        with pytest.raises(ValueError, match=f"`renorm_clipping`.*{said}"):
            layers.BatchNormalization(renorm=True, renorm_clipping=clipping)


def test_renormalization_in_training_is_inference_after_the_same_averages(backend):
    # With averages that stand (momentum 1) and no bounds, training gives what inference gives.
    x = np.random.default_rng(0).normal(size=(6, 2)).astype("float32")
    layer = layers.BatchNormalization(
        renorm=True, momentum=1.0, renorm_momentum=1.0, epsilon=1e-5,
        moving_mean_initializer=hl.initializers.Constant(0.3),
        moving_variance_initializer=hl.initializers.Constant(4.0))
    layer.build((None, 2))
    before = layer(x)
    during = layer(x, training=True)
    np.testing.assert_allclose(np.asarray(during), np.asarray(before), rtol=1e-4, atol=1e-5)
    # Bounds that leave no room make it plain batch normalization.
    bound = layers.BatchNormalization(
        renorm=True, renorm_clipping={"rmin": 1.0, "rmax": 1.0, "dmax": 0.0}, epsilon=0.0)
    plain = layers.BatchNormalization(epsilon=0.0)
    np.testing.assert_allclose(
        np.asarray(bound(x, training=True)), np.asarray(plain(x, training=True)), atol=1e-5)


def test_synchronized_is_the_same_on_one_device(backend):
    x = np.random.default_rng(0).normal(size=(6, 2)).astype("float32")
    one, other = layers.BatchNormalization(synchronized=True), layers.BatchNormalization()
    assert one.get_config()["synchronized"] is True
    np.testing.assert_array_equal(
        np.asarray(one(x, training=True)), np.asarray(other(x, training=True)))
    np.testing.assert_array_equal(one.moving_variance.numpy(), other.moving_variance.numpy())


def test_spectral_normalization_in_fit(backend):
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    y = x @ np.array([[1.0], [-2.0], [0.5]], "float32")
    model = hl.Sequential([
        hl.Input((3,)), layers.SpectralNormalization(layers.Dense(1, use_bias=False))])
    model.compile(hl.optimizers.SGD(0.05), "mse")
    start = model.layers[0].vector_u.numpy()
    losses = model.fit(x, y, batch_size=4, epochs=4, shuffle=False, verbose=0).history["loss"]
    # The kernel that training stores is the normalized one, moved by the last step.
    assert losses[-1] < losses[0]
    assert not np.array_equal(model.layers[0].vector_u.numpy(), start)
    assert 0.5 < np.linalg.svd(model.layers[0].kernel.numpy())[1][0] < 1.5
