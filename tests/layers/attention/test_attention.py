"""Attention layers against loops in float64, their masks and gradients."""

import numpy as np
import pytest
from highlevel_backend import tree, use_backend

import highlevel as hl
from tests.layers.table import fill

layers = hl.layers
RNG = np.random.default_rng(0)
Q = RNG.normal(size=(2, 5, 3)).astype("float32")
V = RNG.normal(size=(2, 4, 6)).astype("float32")
K = RNG.normal(size=(2, 4, 2)).astype("float32")
MASK = np.array([[1, 1, 0, 1], [0, 1, 1, 0]], bool)


def softmax(x):
    x = np.exp(x - x.max())
    return x / x.sum()


@pytest.mark.parametrize("scores", [False, True])
@pytest.mark.parametrize("kind", ["mha", "gqa"])
def test_values_are_those_of_a_loop(kind, scores, backend):
    layer = layers.MultiHeadAttention(4, 3) if kind == "mha" \
        else layers.GroupQueryAttention(3, 4, 2)
    layer.build(Q.shape, V.shape, K.shape)
    fill(layer)
    wq, bq, wk, bk, wv, bv, wo, bo = (w.astype("float64") for w in layer.get_weights())
    allowed = RNG.random((2, 5, 4)) > 0.3
    allowed[..., 1] = True
    got = layer(Q, V, K, value_mask=MASK, attention_mask=allowed, use_causal_mask=True,
                return_attention_scores=scores)
    output = np.asarray(got[0] if scores else got)
    repeat = 1 if kind == "mha" else 2
    for b in range(2):
        for t in range(5):
            total = bo.copy()
            ok = MASK[b] & allowed[b, t] & (np.arange(4) <= t)
            if not ok.any():
                continue
            for h in range(4):
                q = Q[b, t] @ wq[:, h] + bq[h]
                k = K[b] @ wk[:, h // repeat] + bk[h // repeat]
                v = V[b] @ wv[:, h // repeat] + bv[h // repeat]
                weights = softmax(np.where(ok, k @ q / np.sqrt(3), -np.inf))
                total += (weights @ v) @ wo[h]
                if scores:
                    np.testing.assert_allclose(
                        np.asarray(got[1])[b, h, t], weights, atol=1e-5)
            np.testing.assert_allclose(output[b, t], total, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("axes", [(1,), (2,), (1, 2), None])
@pytest.mark.parametrize("scores", [False, True])
def test_attention_axes(axes, scores, backend):
    """Both ways of computing agree, and other axes are like the batch."""
    x = RNG.normal(size=(2, 3, 4, 5)).astype("float32")
    layer = layers.MultiHeadAttention(2, 3, attention_axes=axes)
    got = layer(x, x[:, :, ::-1], return_attention_scores=scores)
    got = np.asarray(got[0] if scores else got)
    plain = layers.MultiHeadAttention(2, 3)
    rows = {(1,): x.swapaxes(1, 2).reshape(8, 3, 5), (2,): x.reshape(6, 4, 5)}.get(
        axes, x.reshape(2, 12, 5))
    back = x[:, :, ::-1]
    keys = {(1,): back.swapaxes(1, 2).reshape(8, 3, 5), (2,): back.reshape(6, 4, 5)}.get(
        axes, back.reshape(2, 12, 5))
    plain.build(rows.shape, keys.shape)
    plain.set_weights(layer.get_weights())
    expected = np.asarray(plain(rows, keys))
    expected = expected.reshape(2, 4, 3, 5).swapaxes(1, 2) if axes == (1,) \
        else expected.reshape(2, 3, 4, 5)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_masked_entries_do_not_matter(backend):
    layer = layers.MultiHeadAttention(2, 3)
    a = np.asarray(layer(Q, V, value_mask=MASK))
    b = np.asarray(layer(Q, np.where(MASK[..., None], V, 50.0).astype("float32"), value_mask=MASK))
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_dropout_acts_in_training_alone(backend):
    layer = layers.MultiHeadAttention(2, 3, dropout=0.5, seed=1)
    still = np.asarray(layer(Q, Q))
    np.testing.assert_array_equal(np.asarray(layer(Q, Q, training=False)), still)
    one, two = (np.asarray(layer(Q, Q, training=True)) for _ in range(2))
    assert np.abs(one - still).max() > 1e-3
    assert np.abs(one - two).max() > 1e-3


@pytest.mark.parametrize("make", [
    lambda: layers.MultiHeadAttention(2, 3, use_gate=True),
    lambda: layers.GroupQueryAttention(3, 4, 2),
], ids=["mha", "gqa"])
def test_gradients_agree_between_backends(make):
    results = []
    for name in ("numpy", "jax"):
        with use_backend(name) as found:
            layer = make()
            layer.build(Q.shape, V.shape)
            fill(layer)
            others = [v.raw_value() for v in layer.non_trainable_variables]

            def loss(parts, layer=layer, others=others, found=found):
                y, _ = layer.stateless_call(
                    parts[0], others, parts[1], parts[2], value_mask=MASK, use_causal_mask=True)
                return found.xp.sum(y * y)

            values = [v.raw_value() for v in layer.trainable_variables]
            run = found.compile(found.value_and_grad(loss))
            results.append(tree.leaves(tree.map_leaves(
                np.asarray, run((values, found.asarray(Q), found.asarray(V))))))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4)


def test_mixed_precision(backend):
    full = layers.MultiHeadAttention(2, 3)
    expected = np.asarray(full(Q, V))
    half = layers.MultiHeadAttention(2, 3, dtype="mixed_bfloat16")
    half.build(Q.shape, V.shape)
    half.set_weights(full.get_weights())
    got = half(Q, V)
    assert got.dtype.name == "bfloat16"
    np.testing.assert_allclose(np.asarray(got, "float32"), expected, rtol=0.1, atol=0.05)


def test_projections_start_with_different_numbers():
    layer = layers.MultiHeadAttention(2, 3)
    layer.build(Q.shape, Q.shape)
    query, key = (np.asarray(d.kernel.numpy()) for d in (layer.query_dense, layer.key_dense))
    assert np.abs(query - key).max() > 1e-3


@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention"])
def test_simple_attention_masks(name, backend):
    layer = getattr(layers, name)()
    x = V[:, :, :3]
    query_mask = np.array([[1, 1, 0, 1, 1], [1, 0, 0, 1, 1]], bool)
    output, weights = layer([Q, x], mask=[query_mask, MASK], return_attention_scores=True)
    output, weights = np.asarray(output), np.asarray(weights)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    assert weights[~np.broadcast_to(MASK[:, None], weights.shape)].max() == 0
    assert np.abs(output[~query_mask]).max() == 0
    np.testing.assert_allclose(output[query_mask], (weights @ x)[query_mask], atol=1e-5)


def test_errors():
    with pytest.raises(ValueError, match="`num_heads` must be a positive integer"):
        layers.MultiHeadAttention(0, 3)
    with pytest.raises(ValueError, match="flash attention cannot drop"):
        layers.MultiHeadAttention(2, 3, flash_attention=True, dropout=0.1)
    with pytest.raises(ValueError, match="agree in all axes but the last"):
        layers.MultiHeadAttention(2, 3)(Q, V, Q)
    with pytest.raises(ValueError, match="as many axes"):
        layers.MultiHeadAttention(2, 3)(Q, V[None])
    with pytest.raises(ValueError, match="cannot attend over the axes"):
        layers.MultiHeadAttention(2, 3, attention_axes=(0,))(Q, Q)
    with pytest.raises(ValueError, match="multiple of `num_key_value_heads`"):
        layers.GroupQueryAttention(3, 4, 3)
    with pytest.raises(ValueError, match="score_mode"):
        layers.Attention(score_mode="product")
    with pytest.raises(ValueError, match="takes a list of arrays"):
        layers.Attention()(Q)
    with pytest.raises(ValueError, match="list of the query's mask"):
        layers.Attention()([Q, Q], mask=[MASK])
