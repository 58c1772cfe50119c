"""Dense, EinsumDense, Embedding, Masking, Lambda, Wrapper: values, masks, errors."""

import numpy as np
import pytest

from highlevel import layers, ops
from highlevel.masking import get_mask
from highlevel.symbolic import SymbolicTensor

X = np.array([[1.0, 2.0], [3.0, -4.0]], "float32")


def test_dense_is_a_product_a_sum_and_an_activation(backend):
    layer = layers.Dense(2, activation="relu")
    layer.build((None, 2))
    layer.set_weights([np.array([[1, -1], [2, 0.5]]), np.array([0.5, 1.0])])
    np.testing.assert_allclose(np.asarray(layer(X)), [[5.5, 1.0], [0.0, 0.0]])


def test_dense_takes_integers(backend):
    y = layers.Dense(1, kernel_initializer="ones")(np.array([[1, 2]], "int32"))
    assert str(y.dtype) == "float32" and float(y[0, 0]) == 3.0


def test_a_built_dense_refuses_another_number_of_features(backend):
    layer = layers.Dense(3, name="head")
    layer(X)
    with pytest.raises(ValueError, match=r"(?s)head.*\(2, 5\).*last axis of length 2, not 5"):
        layer(np.ones((2, 5), "float32"))
    with pytest.raises(ValueError, match="head"):
        layer(SymbolicTensor((None, 5)))


def test_dense_says_what_is_wrong(backend):
    with pytest.raises(ValueError, match=r"`units` must be a positive integer; got -1"):
        layers.Dense(-1)
    with pytest.raises(ValueError, match=r"quantization_config='int8'.*not supported"):
        layers.Dense(3, quantization_config="int8")
    with pytest.raises(ValueError, match="axis -1 of its input, which is unknown"):
        layers.Dense(3)(SymbolicTensor((2, None)))


def test_penalties_become_losses(backend):
    layer = layers.Dense(
        2, kernel_initializer="ones", kernel_regularizer="l2", activity_regularizer="l1")
    layer(np.ones((4, 3), "float32"))
    activity, kernel = (float(loss) for loss in layer.losses)
    assert activity == pytest.approx(0.01 * 24 / 4) and kernel == pytest.approx(0.01 * 6)
    assert layers.Dense(2, kernel_constraint="non_neg").kernel_constraint is not None


def test_a_layer_as_activation(backend):
    layer = layers.Dense(2, activation=layers.LeakyReLU(0.5), kernel_initializer="ones")
    np.testing.assert_allclose(np.asarray(layer(X)), [[3, 3], [-0.5, -0.5]])
    assert layer.get_config()["activation"]["class_name"] == "LeakyReLU"


def test_einsum_dense_says_what_is_wrong():
    with pytest.raises(ValueError, match="is not of the form"):
        layers.EinsumDense("ab->ac", 3)
    with pytest.raises(ValueError, match="axis 'c' of the kernel"):
        layers.EinsumDense("ab,bc->ad", 3)
    with pytest.raises(ValueError, match="cannot tell the length of the axis 'c'"):
        layers.EinsumDense("ab,bc->ac", (None,)).build((2, 3))
    with pytest.raises(ValueError, match=r"`bias_axes='b'` names \['b'\]"):
        layers.EinsumDense("ab,bc->ac", 3, bias_axes="b").build((2, 3))


def test_embedding_keeps_large_indices_under_mixed_precision(backend):
    layer = layers.Embedding(1000, 2, dtype="mixed_bfloat16")
    table = np.arange(2000, dtype="float32").reshape(1000, 2) / 2000
    layer.build()
    layer.set_weights([table])
    y = layer(np.array([[997.0, 3.0]], "float32"))  # 997 is no bfloat16
    assert str(y.dtype) == "bfloat16"
    np.testing.assert_allclose(np.asarray(y, "float32"), table[[[997, 3]]], rtol=1e-2)


def test_embedding_masks_zeros(backend):
    y = layers.Embedding(5, 2, mask_zero=True)(backend.asarray(np.array([[1, 0]], "int32")))
    np.testing.assert_array_equal(np.asarray(get_mask(y)), [[True, False]])
    plain = layers.Embedding(5, 2)(backend.asarray(np.array([[1, 0]], "int32")))
    assert get_mask(plain) is None


def test_masks_go_on_through_layers_that_keep_the_steps(backend):
    x = np.array([[[1.0, 2.0], [0.0, 0.0]]], "float32")
    y = layers.Dense(3)(layers.Masking()(x))
    np.testing.assert_array_equal(np.asarray(get_mask(y)), [[True, False]])
    symbolic = layers.Dense(3)(layers.Masking()(SymbolicTensor((None, 4, 2))))
    assert symbolic.mask.shape == (None, 4) and symbolic.mask.dtype == "bool"


def test_reversible_embedding_ties_its_table(backend):
    layer = layers.ReversibleEmbedding(4, 3, logit_soft_cap=2.0)
    vectors = layer(np.array([[1, 2]], "int32"))
    table = layer.embeddings.numpy()
    scores = 2 * np.tanh(np.asarray(vectors) @ table.T / 2)
    np.testing.assert_allclose(np.asarray(layer(vectors, reverse=True)), scores, rtol=1e-5)
    assert layer(SymbolicTensor((None, 5, 3)), reverse=True).shape == (None, 5, 4)


def test_lambda_finds_its_shape_and_passes_training(backend):
    layer = layers.Lambda(lambda x, training=None: ops.sum(x, -1) if training else x)
    assert layer(SymbolicTensor((None, 3))).shape == (None, 3)
    assert layer(X, training=True).shape == (2,)
    with pytest.raises(ValueError, match="must be a function"):
        layers.Lambda(3)


class Twice(layers.Wrapper):
    def call(self, inputs):
        return self.layer(self.layer(inputs))


def test_wrapper_builds_and_describes_the_layer_inside(backend):
    twice = Twice(layers.Dense(2, name="inner"), name="outer")
    twice(X)
    assert [w.path for w in twice.weights] == ["outer/inner/kernel", "outer/inner/bias"]
    again = Twice.from_config(twice.get_config())
    assert again.layer.units == 2 and not again.built
    with pytest.raises(ValueError, match="wraps a layer"):
        Twice("dense")


def test_weights_are_named_by_the_layers_path():
    layer = layers.Dense(2, name="head")
    layer.build((None, 3))
    assert [(w.name, w.path) for w in layer.weights] == [
        ("kernel", "head/kernel"), ("bias", "head/bias")]
    assert layer.kernel.is_pending
