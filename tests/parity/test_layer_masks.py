"""Beside the table of layers: masks, cells of one's own, mistakes, as Keras has them."""

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl
from highlevel import layers

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.parity


MERGES = ["Add", "Multiply", "Average", "Maximum", "Concatenate"]


@pytest.mark.parametrize("name", MERGES)
@pytest.mark.parametrize("which", ["both", "first"])
def test_merged_masks(name, which, backend):
    rng = np.random.default_rng(1)
    xs = [rng.normal(size=(2, 4, 3)).astype("float32") for _ in range(2)]
    masks = [rng.random((2, 4)) > 0.4, rng.random((2, 4)) > 0.4 if which == "both" else None]
    for axis in (1, 2) if name == "Concatenate" else (None,):
        args = {} if axis is None else {"axis": axis}
        ours = getattr(layers, name)(**args).compute_mask(xs, masks)
        theirs = getattr(keras.layers, name)(**args).compute_mask(
            [keras.ops.array(x) for x in xs],
            [None if m is None else keras.ops.array(m) for m in masks])
        if which == "first" and axis != 1:
            # An input without a mask takes that of the other away there; here it has no say.
            assert theirs is None or np.asarray(theirs).all()
            theirs = masks[0]
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def masked_model(namespace):
    ids = namespace.Input((5,), dtype="int32")
    x = namespace.layers.Embedding(6, 4, mask_zero=True)(ids)
    x = namespace.layers.LSTM(4, return_sequences=True)(x)
    outputs = [
        namespace.layers.Dense(1, activation="sigmoid", name="a")(x),
        namespace.layers.Dense(3, activation="softmax", name="b")(x),
    ]
    model = namespace.Model(ids, outputs)
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.weights])
    model.compile(
        "sgd", loss=["binary_crossentropy", "sparse_categorical_crossentropy"],
        metrics=[["accuracy", "mse"], ["accuracy"]], weighted_metrics=[["mae"], []],
    )
    return model


def test_losses_and_metrics_of_masked_outputs(backend):
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 6, (8, 5)).astype("int32")
    ids[np.arange(5) >= rng.integers(1, 6, (8, 1))] = 0
    y = [rng.integers(0, 2, (8, 5, 1)).astype("float32"), rng.integers(0, 3, (8, 5))]
    y[1] = y[1].astype("int32")
    weights = [rng.random((8, 5)).astype("float32") for _ in y]
    ours, theirs = masked_model(hl), masked_model(keras)
    for given in (None, weights):
        mine = ours.evaluate(ids, y, sample_weight=given, verbose=0, return_dict=True)
        other = theirs.evaluate(ids, y, sample_weight=given, verbose=0, return_dict=True)
        assert mine.keys() == other.keys()
        for name, value in other.items():
            assert mine[name] == pytest.approx(value, rel=1e-4), name
    mine = ours.fit(ids, y, batch_size=4, shuffle=False, verbose=0).history
    other = theirs.fit(ids, y, batch_size=4, shuffle=False, verbose=0).history
    for name in ("loss", "a_loss", "b_loss"):
        assert mine[name] == pytest.approx(other[name], rel=1e-4)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name, args", [
    ("Embedding", {"input_dim": 5, "output_dim": 2, "mask_zero": True}),
    ("Masking", {}),
])
def test_computed_masks(name, args, backend):
    x = np.array([[1, 0, 2], [0, 0, 3]], "int32")
    if name == "Masking":
        x = np.stack([x, x], -1).astype("float32")
    ours, theirs = getattr(layers, name)(**args), getattr(keras.layers, name)(**args)
    np.testing.assert_array_equal(
        np.asarray(ours.compute_mask(x)), np.asarray(theirs.compute_mask(keras.ops.array(x))))


def test_lambda_and_identity(backend):
    x = np.ones((2, 3), "float32")
    for namespace in (layers, keras.layers):
        layer = namespace.Lambda(lambda x, k: x * k, arguments={"k": 3.0}, output_shape=(3,))
        np.testing.assert_array_equal(np.asarray(layer(x)), 3 * x)
        assert tuple(layer.compute_output_shape((None, 3))) == (None, 3)


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


ALL = {"return_sequences": True, "return_state": True}
MASK = np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1]], bool)


@pytest.mark.parametrize("options", [
    ALL, {"unroll": True, "return_state": True}, {"go_backwards": True, "return_sequences": True},
], ids=["plain", "unrolled", "backwards"])
def test_a_cell_with_three_states(options):
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    found = []
    with use_backend("numpy"):
        for namespace in (layers, keras.layers):
            layer = namespace.RNN(three_states(namespace), **options)
            layer(x, mask=MASK)
            layer.set_weights([np.linspace(-1, 1, 6, dtype="float32").reshape(3, 2)])
            outputs = layer(x, mask=MASK)
            found.append(outputs if isinstance(outputs, (list, tuple)) else [outputs])
    for mine, other in zip(*found, strict=True):
        np.testing.assert_allclose(np.asarray(mine), np.asarray(other), rtol=2e-5, atol=2e-5)


def masked_stack(N):
    ids = N.Input((5,), dtype="int32")
    x = N.layers.Embedding(7, 3, mask_zero=True, name="ids")(ids)
    x, h, back = N.layers.Bidirectional(N.layers.GRU(2, **ALL), name="both")(x)
    x = N.layers.TimeDistributed(N.layers.Dense(3), name="each")(x)
    x = N.layers.LSTM(2, name="last")(x)
    return N.Model(ids, N.layers.Concatenate(name="join")([x, h, back]))


def test_a_training_step_behind_a_masking_embedding():
    ids = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 6, 0]], "int32")
    after = []
    with use_backend("numpy"):
        for namespace in (keras, hl):
            model = masked_stack(namespace)
            rng = np.random.default_rng(2)
            model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.weights])
            model.compile(namespace.optimizers.SGD(0.5), "mse")
            target = np.linspace(-1, 1, model.output.shape[-1], dtype="float32")
            model.train_on_batch(ids, np.stack([target, -target]))
            after.append(model.get_weights())
    for a, b in zip(*after, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


SAME_ERRORS = [
    lambda L: L.Dense(0),
    lambda L: L.Dense(3)(np.ones(3, "float32")),
    lambda L: L.Conv2D(3, 3)(np.ones((2, 3, 3), "float32")),
    lambda L: L.Conv2D(4, 3, groups=3),
    lambda L: L.Conv2D(3, 3, strides=2, dilation_rate=2),
    lambda L: L.Conv2D(3, 3, padding="causal"),
    lambda L: L.Conv2D(3, 5)(np.ones((1, 3, 3, 1), "float32")),
    lambda L: L.Dropout(2.0),
    lambda L: L.add([np.ones((2, 3), "float32"), np.ones((2, 4), "float32")]),
    lambda L: L.concatenate([np.ones((2, 3), "float32"), np.ones((3, 3), "float32")]),
    lambda L: L.Subtract()([np.ones((2, 3), "float32")] * 3),
    lambda L: L.Dot(1)([np.ones((2, 3), "float32"), np.ones((2, 4), "float32")]),
    lambda L: L.Add()(np.ones((2, 3), "float32")),
    lambda L: L.Permute((1, 3)),
    lambda L: L.Reshape((5,))(np.ones((2, 3), "float32")),
    lambda L: L.ReLU(negative_slope=-1),
    lambda L: L.GroupNormalization(4)(np.ones((2, 6), "float32")),
]


@pytest.mark.parametrize("index", range(len(SAME_ERRORS)))
def test_the_same_mistakes_are_value_errors(index):
    with pytest.raises(ValueError):
        SAME_ERRORS[index](keras.layers)
    with pytest.raises(ValueError), use_backend("numpy"):
        SAME_ERRORS[index](layers)
