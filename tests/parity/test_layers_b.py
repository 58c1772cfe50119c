"""Recurrent, attention and preprocessing layers against Keras, with the same weights."""

import json
import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

from highlevel_backend import tree  # noqa: E402

import highlevel as hl  # noqa: E402
from highlevel.naming import reset_names  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5, 3)).astype("float32")
Y = RNG.normal(size=(2, 4, 3)).astype("float32")
X4 = RNG.normal(size=(2, 3, 4, 5)).astype("float32")
X5 = RNG.normal(size=(2, 3, 4, 5, 3)).astype("float32")
X6 = RNG.normal(size=(2, 2, 3, 2, 3, 2)).astype("float32")
MASK = np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1]], bool)
MASK4 = np.array([[1, 1, 1, 0], [1, 0, 1, 1]], bool)
ALLOWED = np.tril(np.ones((2, 5, 4), bool))
CLASSES = RNG.integers(0, 4, (2, 5)).astype("int32")
H, C = (RNG.normal(size=(2, 2)).astype("float32") for _ in range(2))


def row(make, *args, id=None, **kwargs):
    return pytest.param(make, args, kwargs, id=id)


ALL = {"return_sequences": True, "return_state": True}


def three_states(L):
    """A cell of our own with three states, written once for both libraries."""
    ops = (keras if L is keras.layers else hl).ops

    class Cell(L.Layer):
        state_size = (2, 2, 2)
        output_size = 2

        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], 2), name="kernel")
            self.built = True

        def call(self, inputs, states, training=False):
            a, b, c = states
            y = ops.matmul(inputs, self.kernel) + a
            return y, [y, b + a, c * 0.5 + b]

    return Cell(name="cell")


ROWS = [
    row(lambda L: L.LSTM(2, **ALL), X, id="LSTM-plain"),
    row(lambda L: L.LSTM(2, go_backwards=True, **ALL), X, mask=MASK, initial_state=[H, C],
        id="LSTM-mask state backwards"),
    row(lambda L: L.LSTM(2, unroll=True, **ALL), X, mask=MASK, id="LSTM-unroll"),
    row(lambda L: L.LSTM(2, zero_output_for_mask=True, **ALL), X, mask=MASK, id="LSTM-zero"),
    row(lambda L: L.LSTM(2, unit_forget_bias=False, use_bias=False), X, id="LSTM-nobias"),
    row(lambda L: L.GRU(2, **ALL), X, mask=MASK, initial_state=[H], id="GRU-mask state"),
    row(lambda L: L.GRU(2, reset_after=False, **ALL), X, id="GRU-before"),
    row(lambda L: L.GRU(2, use_bias=False), X, id="GRU-nobias"),
    row(lambda L: L.SimpleRNN(2, activation="linear", **ALL), X, mask=MASK,
        id="SimpleRNN-linear"),
    row(lambda L: L.LSTM(2, activation="relu", recurrent_activation="hard_sigmoid"), X,
        mask=MASK, id="LSTM-last"),
    row(lambda L: L.GRU(2, go_backwards=True), X, id="GRU-backwards"),
    row(lambda L: L.GRU(2), X, initial_state=H, id="GRU-one state"),
    row(lambda L: L.RNN(L.StackedRNNCells([L.LSTMCell(2), L.GRUCell(3)]),
                        return_sequences=True), X, mask=MASK, id="stacked"),
    row(lambda L: L.RNN([L.SimpleRNNCell(4), L.LSTMCell(2)]), X, id="stacked list"),
    row(lambda L: L.RNN(three_states(L), **ALL), X, mask=MASK, id="RNN-three states"),
    row(lambda L: L.RNN(three_states(L), unroll=True, return_state=True), X, mask=MASK,
        id="RNN-three states unrolled"),
    row(lambda L: L.RNN(three_states(L), go_backwards=True, return_sequences=True), X,
        mask=MASK, id="RNN-three states backwards"),
    row(lambda L: L.RNN([L.LSTMCell(2), L.GRUCell(2)]), X, mask=MASK,
        initial_state=[[H, C], [C]], id="stacked-state"),
    row(lambda L: L.GRU(2, unroll=True, go_backwards=True, return_sequences=True), X, mask=MASK,
        id="GRU-unroll backwards"),
    row(lambda L: L.Bidirectional(L.LSTM(2, return_state=True), merge_mode=None), X, mask=MASK,
        id="Bidirectional-None-last"),
    row(lambda L: L.Bidirectional(
        L.LSTM(2, **ALL), backward_layer=L.GRU(3, go_backwards=True, **ALL)), X, mask=MASK,
        id="Bidirectional-pair-mask"),
    row(lambda L: L.Bidirectional(L.LSTM(2, **ALL)), X, initial_state=[H, C, C, H], mask=MASK,
        id="Bidirectional-states"),
    row(lambda L: L.TimeDistributed(L.TimeDistributed(L.Dense(2))), X4, id="TimeDistributed-twice"),
    row(lambda L: L.TimeDistributed(L.GRU(2)), X4, id="TimeDistributed-GRU"),
    *[
        row(lambda L, m=mode, o=options: L.Bidirectional(L.LSTM(2, **o), merge_mode=m), X,
            mask=mask, id=f"Bidirectional-{mode}-{label}")
        for mode in ("sum", "mul", "ave", "concat", None)
        for label, options, mask in (
            ("all", ALL, None), *([("last", {}, None), ("mask", {"return_sequences": True}, MASK)]
                                  if mode == "concat" else []))
    ],
    row(lambda L: L.Bidirectional(L.GRU(2), backward_layer=L.GRU(3, go_backwards=True)), X,
        id="Bidirectional-pair"),
    row(lambda L: L.Bidirectional(L.GRU(2)), X, initial_state=[H, C], id="Bidirectional-state"),
    row(lambda L: L.ConvLSTM1D(2, 3, strides=2, recurrent_activation="hard_sigmoid", **ALL), X4,
        id="ConvLSTM1D"),
    row(lambda L: L.ConvLSTM2D(2, (3, 2), padding="same", go_backwards=True, **ALL), X5,
        id="ConvLSTM2D"),
    row(lambda L: L.ConvLSTM2D(2, 2, dilation_rate=2, data_format="channels_first",
                               use_bias=False), X5, id="ConvLSTM2D-first"),
    row(lambda L: L.ConvLSTM2D(2, 2, padding="same", bias_initializer="ones"), X5,
        initial_state=[X5[:, 0, ..., :2], X5[:, 1, ..., :2]], id="ConvLSTM2D-state"),
    row(lambda L: L.ConvLSTM3D(2, 2, padding="same", strides=2, unit_forget_bias=False), X6,
        id="ConvLSTM3D"),
    row(lambda L: L.Bidirectional(L.ConvLSTM1D(2, 2, return_sequences=True)), X4,
        id="Bidirectional-conv"),
    row(lambda L: L.TimeDistributed(L.Dense(4)), X, id="TimeDistributed"),
    row(lambda L: L.TimeDistributed(L.Conv1D(2, 2)), X4, id="TimeDistributed-conv"),
    row(lambda L: L.MultiHeadAttention(2, 3), X, Y, id="mha"),
    row(lambda L: L.MultiHeadAttention(2, 3), X, Y, Y[..., :2], id="mha-key"),
    row(lambda L: L.MultiHeadAttention(2, 3), X, X, use_causal_mask=True, id="mha-causal"),
    row(lambda L: L.MultiHeadAttention(2, 3), X, Y, attention_mask=ALLOWED, query_mask=MASK,
        value_mask=MASK4, id="mha-masks"),
    row(lambda L: L.MultiHeadAttention(2, 3), X, Y, attention_mask=ALLOWED, query_mask=MASK,
        value_mask=MASK4, key_mask=MASK4[::-1], return_attention_scores=True,
        id="mha-masks-scores"),
    row(lambda L: L.MultiHeadAttention(2, 3, value_dim=4, output_shape=6, use_bias=False,
                                       dropout=0.3, seed=1), X, Y, id="mha-dims"),
    row(lambda L: L.MultiHeadAttention(2, 3, output_shape=(2, 4), use_gate=True), X, X,
        id="mha-gate"),
    row(lambda L: L.MultiHeadAttention(2, 3, sliding_window=2), X, X, id="mha-window"),
    row(lambda L: L.MultiHeadAttention(2, 3, sliding_window=2), X, X, use_causal_mask=True,
        return_attention_scores=True, id="mha-window-causal"),
    *[
        row(lambda L, a=axes: L.MultiHeadAttention(2, 3, attention_axes=a), X4, X4[:, :, ::-1],
            return_attention_scores=scores, id=f"mha-axes-{axes}-{scores}")
        for axes, scores in (((1,), True), ((2,), False), (None, False), ((1, 2), True))
    ],
    row(lambda L: L.MultiHeadAttention(2, 3, attention_axes=(2,)), X4, X4,
        attention_mask=np.tril(np.ones((2, 4, 4), bool)), id="mha-axes-mask"),
    row(lambda L: L.GroupQueryAttention(3, 4, 2), X, Y, id="gqa"),
    row(lambda L: L.GroupQueryAttention(3, 4, 2, use_gate=True), X, Y,
        attention_mask=ALLOWED, value_mask=MASK4, id="gqa-masks"),
    row(lambda L: L.GroupQueryAttention(3, 4, 1), X, X, use_causal_mask=True,
        return_attention_scores=True, id="gqa-scores"),
    row(lambda L: L.Attention(), [X, Y], mask=[MASK, MASK4], id="attention-mask"),
    row(lambda L: L.Attention(use_scale=True, score_mode="concat", dropout=0.2), [X, X, X[::-1]],
        use_causal_mask=True, return_attention_scores=True, id="attention-concat"),
    row(lambda L: L.AdditiveAttention(), [X, Y], mask=[None, MASK4], id="additive"),
    row(lambda L: L.AdditiveAttention(use_scale=False), [X, Y], id="additive-plain"),
    row(lambda L: L.Pipeline([L.Dense(4), L.Rescaling(0.5), L.Dense(2)]), X, id="Pipeline"),
    row(lambda L: L.Rescaling([1.0, 2.0, 3.0], -1), X, id="Rescaling"),
    row(lambda L: L.Normalization(mean=[0.0, 1.0, 2.0], variance=[1.0, 4.0, 9.0]), X, id="Normalization"),
    row(lambda L: L.Normalization(axis=(1, 2), invert=True), X, id="Normalization-axes"),
    row(lambda L: L.Resizing(4, 3), X4, id="Resizing"),
    row(lambda L: L.CenterCrop(2, 3), X4, id="CenterCrop"),
    row(lambda L: L.CenterCrop(5, 3), X4, id="CenterCrop-small"),
    row(lambda L: L.CategoryEncoding(4), CLASSES, id="CategoryEncoding"),
    row(lambda L: L.CategoryEncoding(4, "one_hot"), CLASSES, id="CategoryEncoding-one"),
    row(lambda L: L.CategoryEncoding(4, "count"), CLASSES, count_weights=X[:, :, 0],
        id="CategoryEncoding-count"),
    row(lambda L: L.Discretization([-0.5, 0.1, 0.6]), X, id="Discretization"),
    row(lambda L: L.Discretization([-0.5, 0.1], output_mode="count"), X[:, :, 0],
        id="Discretization-count"),
]
rows = pytest.mark.parametrize(("make", "args", "kwargs"), ROWS)
kinds = pytest.mark.parametrize(("make", "args", "kwargs"), [
    one for one in ROWS if one.id in {
        "LSTM-plain", "GRU-before", "SimpleRNN-linear", "stacked", "Bidirectional-sum-all",
        "ConvLSTM2D", "Bidirectional-conv",
        "Bidirectional-pair", "TimeDistributed-conv", "mha-gate", "gqa-masks",
        "attention-concat", "additive", "Normalization-axes", "Rescaling", "Resizing", "Pipeline",
        "CenterCrop-small", "CategoryEncoding-count", "Discretization",
    }
])


@pytest.fixture(autouse=True)
def on_numpy():
    # The backends are compared with each other elsewhere; here nothing need be compiled.
    with hl.use_backend("numpy"):
        yield


def both(make):
    keras.utils.clear_session()
    reset_names()
    return make(keras.layers), make(hl.layers)


def symbols(namespace, values):
    return tree.map_leaves(
        lambda x: namespace.Input(x.shape[1:], dtype=str(x.dtype))
        if isinstance(x, np.ndarray) else x, values)


@rows
def test_weights_and_outputs(make, args, kwargs):
    theirs, ours = both(make)
    theirs(*args, **kwargs)
    ours(*args, **kwargs)
    assert [(w.path, w.shape) for w in ours.weights] == [
        (w.path, tuple(w.shape)) for w in theirs.weights]
    assert [w.trainable for w in ours.weights] == [w.trainable for w in theirs.weights]
    rng = np.random.default_rng(1)
    values = [rng.normal(size=w.shape).astype("float32") * 0.7 for w in ours.weights]
    if "Normalization" in type(ours).__name__:
        values = [abs(value) for value in values]
    theirs.set_weights(values)
    ours.set_weights(values)
    if hasattr(theirs, "finalize_state"):
        theirs.finalize_state()
    expected = tree.leaves(theirs(*args, **kwargs))
    got = tree.leaves(ours(*args, **kwargs))
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-5, atol=2e-5)


@rows
def test_symbolic_shapes_are_those_of_data(make, args, kwargs):
    # Not compared with Keras, whose symbolic attention scores are not what it computes.
    expected = tree.leaves(make(hl.layers)(*args, **kwargs))
    layer = make(hl.layers)
    got = tree.leaves(layer(*symbols(hl, args), **symbols(hl, kwargs)))
    assert [x.shape for x in got] == [(None, *x.shape[1:]) for x in expected]
    assert [x.dtype for x in got] == [x.dtype.name for x in expected]
    assert layer.built


@kinds
def test_config(make, args, kwargs):
    theirs, ours = both(make)
    a, b = theirs.get_config(), ours.get_config()
    assert set(a) <= set(b) <= set(a) | {"seed", "activity_regularizer"}
    again = type(ours).from_config(json.loads(json.dumps(a)))
    assert json.dumps(again.get_config(), default=str) == json.dumps(b, default=str)
    keras.saving.deserialize_keras_object(
        json.loads(json.dumps(hl.saving.serialize_keras_object(ours))))


@kinds
def test_saved_weights_have_the_same_places(make, args, kwargs, tmp_path):
    h5py = pytest.importorskip("h5py")
    theirs, ours = both(make)
    names = []
    for namespace, layer in ((keras, theirs), (hl, ours)):
        inputs = symbols(namespace, args)
        model = namespace.Model(tree.leaves(inputs), layer(*inputs))
        file = tmp_path / f"{namespace.__name__}.weights.h5"
        model.save_weights(str(file))
        with h5py.File(file) as opened:
            found = []
            opened.visititems(
                lambda name, item, found=found: found.append((name, item.shape))
                if isinstance(item, h5py.Dataset) else None)
            names.append(sorted(found))
    assert names[0] == names[1]


def masked_model(N):
    ids = N.Input((5,), dtype="int32")
    x = N.layers.Embedding(7, 3, mask_zero=True, name="ids")(ids)
    x, h, back = N.layers.Bidirectional(N.layers.GRU(2, **ALL), name="both")(x)
    x = N.layers.TimeDistributed(N.layers.Dense(3), name="each")(x)
    x = N.layers.LSTM(2, name="last")(x)
    return N.Model(ids, N.layers.Concatenate(name="join")([x, h, back]))


def image_model(N):
    images = N.Input((3, 4, 5, 3))
    x = N.layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True, name="one")(images)
    x = N.layers.ConvLSTM2D(2, 2, strides=2, go_backwards=True, name="two")(x)
    return N.Model(images, N.layers.Flatten(name="flat")(x))


IDS = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 6, 0]], "int32")


@pytest.mark.parametrize(("make", "x"), [(masked_model, IDS), (image_model, X5)])
def test_a_training_step_is_theirs(make, x):
    after = []
    for namespace in (keras, hl):
        model = make(namespace)
        rng = np.random.default_rng(2)
        model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.weights])
        model.compile(namespace.optimizers.SGD(0.5), "mse")
        target = np.linspace(-1, 1, int(np.prod(model.output.shape[1:])), dtype="float32")
        model.train_on_batch(x, np.stack([target, -target]).reshape(2, *model.output.shape[1:]))
        after.append(model.get_weights())
    for a, b in zip(*after, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)
