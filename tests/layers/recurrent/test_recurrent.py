"""Recurrent layers against loops in float64, their masks, states and gradients."""

import numpy as np
import pytest
from highlevel_backend import current_backend, tree, use_backend

import highlevel as hl
from highlevel.layers.recurrent import rnn
from tests.layers.table import fill

layers = hl.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 6, 4)).astype("float32")
LENGTHS = [6, 2, 4]
MASK = np.arange(6)[None] < np.array(LENGTHS)[:, None]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(x, states, kernel, recurrent, bias):
    h, c = states
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, [h, c]


def gru_step(x, states, kernel, recurrent, bias):
    h, = states
    outer, inner = x @ kernel + bias[0], h @ recurrent + bias[1]
    (xz, xr, xh), (hz, hr, hh) = np.split(outer, 3, -1), np.split(inner, 3, -1)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    h = z * h + (1 - z) * np.tanh(xh + r * hh)
    return h, [h]


@pytest.mark.parametrize(("name", "step", "count"), [("LSTM", lstm_step, 2), ("GRU", gru_step, 1)])
@pytest.mark.parametrize("masked", [False, True])
def test_values_are_those_of_a_loop(name, step, count, masked, backend):
    layer = getattr(layers, name)(5, return_sequences=True, return_state=True)
    layer.build((3, 6, 4))
    fill(layer)
    weights = [w.astype("float64") for w in layer.get_weights()]
    first = [RNG.normal(size=(3, 5)) for _ in range(count)]
    outputs, *last = layer(
        X, initial_state=[s.astype("float32") for s in first], mask=MASK if masked else None)
    for sample in range(3):
        states, output = [s[sample] for s in first], first[0][sample]
        for t in range(6):
            if MASK[sample, t] or not masked:
                output, states = step(X[sample, t].astype("float64"), states, *weights)
            np.testing.assert_allclose(np.asarray(outputs)[sample, t], output, atol=1e-5)
        for a, b in zip(last, states, strict=True):
            np.testing.assert_allclose(np.asarray(a)[sample], b, atol=1e-5)


def make_rnns():
    class Leak(layers.Layer):
        state_size = 4

        def call(self, inputs, states):
            new = states[0] * 0.5 + inputs
            return new * 2, [new]

    return [
        layers.LSTM(3), layers.GRU(3, reset_after=False), layers.SimpleRNN(3),
        layers.RNN(Leak()), layers.RNN([layers.GRUCell(2), layers.LSTMCell(3)]),
        layers.Bidirectional(layers.LSTM(3)),
    ]


@pytest.mark.parametrize("index", range(6))
def test_padded_batch_is_unpadded_samples(index, backend):
    layer = make_rnns()[index]
    padded = np.asarray(layer(np.where(MASK[..., None], X, 77.0).astype("float32"), mask=MASK))
    for sample, length in enumerate(LENGTHS):
        alone = np.asarray(layer(X[sample:sample + 1, :length]))
        np.testing.assert_allclose(padded[sample], alone[0], atol=1e-6)


def test_masks_come_from_layers_below(backend):
    embedding = layers.Embedding(9, 4, mask_zero=True)
    lstm = layers.LSTM(3, return_sequences=True)
    pooled = layers.GRU(2)
    ids = np.array([[1, 2, 3], [4, 0, 0]])
    a = pooled(lstm(embedding(ids)))
    b = pooled(lstm(embedding(ids[1:, :1])))
    np.testing.assert_allclose(np.asarray(a)[1], np.asarray(b)[0], atol=1e-6)


def test_a_cell_by_hand_is_its_layer(backend):
    layer = layers.LSTM(3)
    expected = np.asarray(layer(X))
    states = layer.cell.get_initial_state(3)
    for t in range(6):
        output, states = layer.cell(X[:, t], states)
    np.testing.assert_allclose(np.asarray(output), expected, atol=1e-6)


def test_a_subclass_of_a_cell_is_asked_itself(backend):
    class Twice(layers.GRUCell):
        def call(self, inputs, states, training=False):
            output, states = super().call(inputs, states, training)
            return output * 2, states

    layer = layers.RNN(Twice(3))
    doubled = np.asarray(layer(X))
    plain = layers.GRU(3)
    plain.build(X.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(doubled, 2 * np.asarray(plain(X)), atol=1e-6)


def test_stateful_goes_on(backend):
    layer = layers.LSTM(3, stateful=True)
    first = np.asarray(layer(X[:, :2]))
    second = np.asarray(layer(X[:, 2:]))
    whole = layers.LSTM(3)
    whole.build(X.shape)
    whole.set_weights(layer.get_weights())
    np.testing.assert_allclose(second, np.asarray(whole(X)), atol=1e-6)
    layer.reset_state()
    np.testing.assert_allclose(np.asarray(layer(X[:, :2])), first, atol=1e-6)
    assert len(layer.weights) == 3
    assert len(layer.variables) == 6  # with two states and the seed
    with pytest.raises(ValueError, match="fixed batch size"):
        layers.LSTM(3, stateful=True)(hl.Input((5, 4)))
    with pytest.raises(ValueError, match="is stateful: it keeps states"):
        layer(X[:2])


def test_stateful_layers_train_alike_on_both_backends():
    """A state is carried through the batches of `fit`, and no further."""
    kept = []
    for name in ("numpy", "jax"):
        with use_backend(name):
            model = hl.Sequential([
                hl.Input((6, 4), batch_size=3),
                layers.GRU(2, stateful=True, kernel_initializer="ones",
                           recurrent_initializer="ones"),
            ])
            model.compile("sgd", "mse")
            model.fit(X, np.zeros((3, 2), "float32"), epochs=2, batch_size=3, shuffle=False,
                      verbose=0)
            kept.append([np.asarray(model.layers[-1].states[0].value), *model.get_weights()])
    for a, b in zip(*kept, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_dropout(index, backend):
    make = [layers.LSTM, layers.GRU, layers.SimpleRNN][index]
    layer = make(64, dropout=0.5, recurrent_dropout=0.4, seed=1)
    still = np.asarray(layer(X))
    np.testing.assert_array_equal(np.asarray(layer(X)), still)
    one, two = (np.asarray(layer(X, training=True)) for _ in range(2))
    assert np.abs(one - still).max() > 1e-3
    assert np.abs(one - two).max() > 1e-3  # another mask for another batch
    assert layer.cell._dropout_mask is None
    # The same features are dropped at every time step: a dropped one never matters.
    cell = layer.cell
    mask = np.asarray(cell.get_dropout_mask(X[:, 0]))
    changed = np.where(mask[:, None] == 0, 9.0, X).astype("float32")
    project, _ = cell.step_function((3, 4), training=True)
    np.testing.assert_allclose(
        np.asarray(project(current_backend().asarray(X.swapaxes(0, 1)))),
        np.asarray(project(current_backend().asarray(changed.swapaxes(0, 1)))), atol=1e-5)


def test_gradients_with_mask_agree_between_backends():
    results = []
    for name in ("numpy", "jax"):
        with use_backend(name) as found:
            layer = layers.Bidirectional(layers.GRU(3, return_sequences=True))
            layer.build(X.shape)
            fill(layer)
            others = [v.raw_value() for v in layer.non_trainable_variables]

            def loss(parts, layer=layer, others=others, found=found):
                y, _ = layer.stateless_call(*[parts[0], others], parts[1], mask=MASK)
                return found.xp.sum(y * y)

            values = [v.raw_value() for v in layer.trainable_variables]
            run = found.compile(found.value_and_grad(loss))
            results.append(tree.leaves(tree.map_leaves(
                np.asarray, run((values, found.asarray(X))))))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    assert np.abs(results[0][-1][1, 2:]).max() == 0  # what is masked has no gradient


@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"return_sequences": True}])
@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_long_sequences_in_parts_give_the_same(name, options, backend, monkeypatch):
    x = RNG.normal(size=(3, 24, 4)).astype("float32")
    layer = getattr(layers, name)(3, recurrent_dropout=0.2, seed=1, **options)
    layer.build(x.shape)
    fill(layer)
    others = [v.raw_value() for v in layer.non_trainable_variables]
    values = [v.raw_value() for v in layer.trainable_variables]
    counts = []
    monkeypatch.setattr(
        rnn, "_parts", lambda *given, known=rnn._parts: counts.append(known(*given)) or counts[-1])

    def loss(parts):
        y, _ = layer.stateless_call(parts[0], others, parts[1], training=True)
        return backend.xp.sum(y * y)

    results = []
    for size in (None, 3 * 24 * layer.cell.kernel.shape[1] * 4 // 9):  # then two steps are a part
        monkeypatch.setattr(type(backend), "sequence_bytes", size)
        run = backend.compile(backend.value_and_grad(loss))
        results.append(tree.leaves(tree.map_leaves(
            np.asarray, run((values, backend.asarray(x))))))
    whole = hasattr(layer.cell.step_function((3, 4))[1], "sequence")  # NumPy has no SimpleRNN's
    assert set(counts) == ({1, 12} if whole else set())
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_parts_divide_the_steps():
    assert rnn._parts(100, 2**20, 2**21) == 50
    assert rnn._parts(100, 2**18, 2**21) == 20  # 13 would be enough
    assert rnn._parts(60, 2**18, 2**21) == 1, "15 MiB"
    assert rnn._parts(101, 2**18, 2**21) == 1, "no number divides them"
    assert rnn._parts(100, 2**20, None) == 1


def test_time_distributed_passes_inner_masks(backend):
    ids = np.array([[[1, 2, 0], [3, 0, 0]], [[4, 4, 4], [0, 0, 0]]])
    embedded = layers.Embedding(9, 4, mask_zero=True)(ids)
    inner = layers.LSTM(3)
    outer = layers.TimeDistributed(inner)
    out = outer(embedded)
    np.testing.assert_allclose(
        np.asarray(out)[0, 1], np.asarray(inner(embedded[0:1, 1, :1]))[0], atol=1e-6)
    np.testing.assert_array_equal(
        np.asarray(outer.compute_mask(None, current_backend().asarray(ids != 0))),
        [[True, True], [True, False]])


def test_time_distributed_over_trees(backend):
    x = np.stack([X, 2 * X], 1)
    inner = layers.LSTM(2, return_state=True)
    outer = layers.TimeDistributed(inner)
    outputs = outer(x)
    for got, alone in zip(outputs, inner(x[:, 1]), strict=True):
        np.testing.assert_allclose(np.asarray(got)[:, 1], np.asarray(alone), atol=1e-6)
    shapes = [(None, None, 2)] * 3
    symbolic = outer(hl.Input((None, 6, 4)))
    assert [y.shape for y in symbolic] == [*map(tuple, outer.compute_output_shape(
        (None, None, 6, 4)))] == shapes
    joined = layers.TimeDistributed(layers.Concatenate())
    np.testing.assert_array_equal(
        np.asarray(joined([X, 2 * X])), np.concatenate([X, 2 * X], -1))
    assert joined([hl.Input((None, 4)), hl.Input((None, 4))]).shape == (None, None, 8)


def test_errors_name_the_layer_and_the_argument():
    with pytest.raises(ValueError, match="`units` must be a positive integer"):
        layers.LSTM(0)
    with pytest.raises(ValueError, match="state_size"):
        layers.RNN(layers.Dense(3))
    with pytest.raises(ValueError, match="merge_mode"):
        layers.Bidirectional(layers.LSTM(2), merge_mode="max")
    with pytest.raises(ValueError, match="recurrent layers"):
        layers.Bidirectional(layers.Dense(2))
    with pytest.raises(ValueError, match="opposite ways"):
        layers.Bidirectional(layers.LSTM(2), backward_layer=layers.LSTM(2))
    with pytest.raises(ValueError, match=r"has 2 state\(s\), but `initial_state` has 1"):
        layers.LSTM(2)(X, initial_state=[X[:, 0, :2]])
    with pytest.raises(ValueError, match="at least 3 axes"):
        layers.TimeDistributed(layers.Dense(2))(X[:, 0])
    with pytest.raises(ValueError, match="3 axes"):
        layers.LSTM(2)(X[0])


class LazyCell(layers.Layer):
    """Leaves the building of its inner layer to its first call."""

    state_size = 3

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(3, name="inner")

    def call(self, inputs, states):
        y = self.inner(inputs) + states[0]
        return y, [y]


def test_a_cell_whose_layers_are_built_by_its_call(backend):
    model = hl.Sequential([hl.Input((4, 2)), layers.RNN(LazyCell(name="cell"), name="rnn")], name="m")
    assert [v.path for v in model.trainable_variables] == [
        "m/rnn/cell/inner/kernel", "m/rnn/cell/inner/bias"]
    model.compile("sgd", "mse")
    x = np.ones((2, 4, 2), "float32")
    before = model.get_weights()
    model.fit(x, np.zeros((2, 3)), verbose=0)
    assert all((a != b).any() for a, b in zip(before, model.get_weights()))
