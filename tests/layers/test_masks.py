"""Masks cannot get lost: a padded batch gives what the unpadded one gives."""

import warnings

import numpy as np
import pytest
from highlevel_backend import current_backend, use_backend
from hypothesis import given, settings
from hypothesis import strategies as st

import highlevel as hl
from highlevel import layers as L
from highlevel.masking import get_mask, set_mask

BATCH, STEPS, REAL, FEATURES = 3, 6, 4, 4


class Residual(L.Layer):
    """Somebody's layer: written in ops and layers, it need not know of masks."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = L.Dense(FEATURES)

    def call(self, x):
        return hl.ops.add(x, hl.ops.tanh(self.dense(x)))


def nested(*inner):
    x = hl.Input((None, FEATURES))
    y = x
    for layer in inner:
        y = layer(y) * 2.0
    return hl.Model(x, y)


def pair(layer):
    """Called with the sequence and with something of its shape that has no mask."""
    return layer, lambda x: [x, current_backend().xp.ones_like(x)]


def twice(layer):
    return layer, lambda x: [x, x]


def self_attention(layer):
    class Self(L.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layer

        def call(self, x):
            return self.inner(x, x)

    return Self()


CASES = {
    "Dense": lambda: L.Dense(3, activation="relu"),
    "EinsumDense": lambda: L.EinsumDense("abc,cd->abd", output_shape=(None, 3), bias_axes="d"),
    "EinsumDense heads": lambda: L.EinsumDense("...c,cde->...de", output_shape=(2, 3)),
    "LSTM": lambda: L.LSTM(3, return_sequences=True),
    "LSTM last": lambda: L.LSTM(3),
    "LSTM backwards": lambda: L.LSTM(3, go_backwards=True),
    "LSTM regularized": lambda: L.LSTM(3, return_sequences=True, activity_regularizer="l2"),
    "GRU": lambda: L.GRU(3, return_sequences=True),
    "SimpleRNN": lambda: L.SimpleRNN(3),
    "RNN of cells": lambda: L.RNN([L.GRUCell(3), L.LSTMCell(2)], return_sequences=True),
    "Bidirectional": lambda: L.Bidirectional(L.GRU(2, return_sequences=True)),
    "Bidirectional last": lambda: L.Bidirectional(L.LSTM(2), merge_mode="sum"),
    "TimeDistributed": lambda: L.TimeDistributed(L.Dense(3)),
    "TimeDistributed normal": lambda: L.TimeDistributed(L.BatchNormalization()),
    "Attention": lambda: twice(L.Attention(use_scale=True)),
    "AdditiveAttention": lambda: twice(L.AdditiveAttention()),
    "MultiHeadAttention": lambda: self_attention(L.MultiHeadAttention(2, 3)),
    "GroupedQueryAttention": lambda: self_attention(L.GroupedQueryAttention(3, 2, 1)),
    "BatchNormalization": L.BatchNormalization,
    "LayerNormalization": L.LayerNormalization,
    "GroupNormalization": lambda: L.GroupNormalization(2),
    "RMSNormalization": L.RMSNormalization,
    "UnitNormalization": L.UnitNormalization,
    "UnitNormalization steps": lambda: L.UnitNormalization(axis=1),
    "SpectralNormalization": lambda: L.SpectralNormalization(L.Dense(3)),
    "Softmax": L.Softmax,
    "Softmax steps": lambda: L.Softmax(axis=1),
    "Activation": lambda: L.Activation("gelu"),
    "PReLU": lambda: L.PReLU(shared_axes=[1]),
    "ReLU": L.ReLU, "LeakyReLU": L.LeakyReLU, "ELU": L.ELU,
    "Identity": L.Identity,
    "Dropout": lambda: L.Dropout(0.5), "SpatialDropout1D": lambda: L.SpatialDropout1D(0.5),
    "GaussianNoise": lambda: L.GaussianNoise(0.5),
    "GaussianDropout": lambda: L.GaussianDropout(0.5),
    "AlphaDropout": lambda: L.AlphaDropout(0.5),
    "ActivityRegularization": lambda: L.ActivityRegularization(0.1, 0.2),
    "Add": lambda: pair(L.Add()), "Subtract": lambda: pair(L.Subtract()),
    "Multiply": lambda: pair(L.Multiply()), "Average": lambda: pair(L.Average()),
    "Maximum": lambda: pair(L.Maximum()), "Minimum": lambda: pair(L.Minimum()),
    "Concatenate": lambda: pair(L.Concatenate()),
    "Reshape": lambda: L.Reshape((-1, FEATURES)),
    "Permute": lambda: L.Permute((1, 2)),
    "UpSampling1D": lambda: L.UpSampling1D(2),
    "Cropping1D": lambda: L.Cropping1D((1, 0)),
    "GlobalAveragePooling1D": L.GlobalAveragePooling1D,
    "GlobalMaxPooling1D": L.GlobalMaxPooling1D,
    "GlobalMaxPooling1D kept": lambda: L.GlobalMaxPooling1D(keepdims=True),
    "Rescaling": lambda: L.Rescaling(2.0, 1.0),
    "Lambda": lambda: L.Lambda(
        lambda x, mask: hl.ops.tanh(x), mask=lambda inputs, mask: mask),
    "Sequential": lambda: hl.Sequential([L.Dense(3), L.LayerNormalization(), L.GRU(2)]),
    "Functional": lambda: nested(L.Dense(FEATURES), L.GRU(3, return_sequences=True)),
    "somebody's": Residual,
}
#: in training, noise would make each batch another
NOISE = {"Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout",
         "SpectralNormalization"}
SEEDS = st.integers(0, 2**31)


class Trial:
    """One layer with weights, and its loss and gradients as compiled functions."""

    def __init__(self, name, backend):
        made = CASES[name]()
        self.layer, self.arguments = made if isinstance(made, tuple) else (made, lambda x: x)
        self.backend = backend
        self.training = name not in NOISE
        rng = np.random.default_rng(1)
        self.layer(self.arguments(backend.asarray(self.data(rng))), training=False)
        self.weights = [
            backend.asarray(rng.normal(size=v.shape).astype("float32"))
            for v in self.layer.trainable_variables]
        self.others = [v.raw_value() for v in self.layer.non_trainable_variables]
        self.run = backend.compile(backend.value_and_grad(self.loss))

    @staticmethod
    def data(rng):
        return rng.normal(size=(BATCH, STEPS, FEATURES)).astype("float32")

    def loss(self, parts, mask):
        weights, x = parts
        if mask is not None:
            set_mask(x, mask)
        y, _, losses = self.layer.stateless_call(
            weights, self.others, self.arguments(x), training=self.training, return_losses=True)
        # One target per step and feature, the same for each length of the batch.
        target = np.sin(np.arange(int(np.prod(y.shape[2:]))) + 1.0).reshape(y.shape[2:])
        target = self.backend.asarray((np.zeros(y.shape) + target).astype("float32"))
        return sum(losses, hl.losses.MeanSquaredError()(target, y))

    def __call__(self, x, mask=None):
        arrays = self.weights, self.backend.asarray(x)
        mask = None if mask is None else self.backend.asarray(mask)
        loss, (weights, inputs) = self.run(arrays, mask)
        return float(loss), [np.asarray(w) for w in weights], np.asarray(inputs)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


def prefix(lengths):
    return np.arange(STEPS)[None] < np.asarray(lengths)[:, None]


def check_padded_is_unpadded(trial, seed, shift):
    x = trial.data(np.random.default_rng(seed))
    x[:, REAL:] += np.float32(shift)
    loss, weights, inputs = trial(x[:, :REAL])
    padded_loss, padded_weights, padded_inputs = trial(x, prefix([REAL] * BATCH))
    close(padded_loss, loss)
    for a, b in zip(padded_weights, weights, strict=True):
        close(a, b)
    close(padded_inputs[:, :REAL], inputs)
    assert not padded_inputs[:, REAL:].any()


def check_padding_does_not_matter(trial, seed, lengths):
    rng = np.random.default_rng(seed)
    mask = prefix(lengths)
    x = trial.data(rng)
    other = np.where(mask[..., None], x, 10 * trial.data(rng))
    loss, weights, inputs = trial(x, mask)
    other_loss, other_weights, other_inputs = trial(other, mask)
    assert np.isfinite(loss)
    close(other_loss, loss)
    for a, b in zip(other_weights, weights, strict=True):
        assert np.isfinite(a).all()
        close(a, b)
    close(other_inputs, inputs)


@pytest.mark.parametrize("name", CASES)
def test_padded_is_unpadded(name):
    with use_backend("numpy") as backend:
        trial = Trial(name, backend)

        @settings(max_examples=8, deadline=None, database=None)
        @given(SEEDS, st.floats(-50, 50))
        def padded(seed, shift):
            check_padded_is_unpadded(trial, seed, shift)

        @settings(max_examples=8, deadline=None, database=None)
        @given(SEEDS, st.lists(st.integers(0, STEPS), min_size=BATCH, max_size=BATCH))
        def filled(seed, lengths):
            check_padding_does_not_matter(trial, seed, lengths)

        padded()
        filled()


@pytest.mark.parametrize("name", CASES)
def test_the_same_on_jax(name):
    """One program per layer: what NumPy makes of a padded batch, whatever its padding."""
    results = []
    x = Trial.data(np.random.default_rng(2))
    mask = prefix([2, STEPS, 0])
    for backend_name in ("numpy", "jax"):
        with use_backend(backend_name) as backend:
            trial = Trial(name, backend)
            results.append(trial(x, mask))
            if backend_name == "jax":
                other = np.where(mask[..., None], x, np.float32(7.0))
                results.append(trial(other, mask))
    first, *rest = results
    for loss, weights, inputs in rest:
        close(loss, first[0])
        for a, b in zip(weights, first[1], strict=True):
            close(a, b)
        close(inputs, first[2])


def test_the_property_can_fail(backend, monkeypatch):
    """A layer that adds up the steps without a look at the mask is found out."""

    class Sums(L.Layer):
        def call(self, x):
            return hl.ops.cumsum(x, axis=1)[:, ::-1]

    monkeypatch.setitem(CASES, "wrong", Sums)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trial = Trial("wrong", backend)
        with pytest.raises(AssertionError):
            check_padding_does_not_matter(trial, 0, [2, 3, 6])


# ------------------------------------------------------------------ where a mask ends


ENDS = {
    "Flatten": (L.Flatten, "flatten"), "ZeroPadding1D": (L.ZeroPadding1D, "zero_padding1d"),
    "Conv1D": (lambda: L.Conv1D(2, 2), "conv1d"),
    "DepthwiseConv1D": (lambda: L.DepthwiseConv1D(2), "depthwise_conv1d"),
    "SeparableConv1D": (lambda: L.SeparableConv1D(2, 2), "separable_conv1d"),
    "Conv1DTranspose": (lambda: L.Conv1DTranspose(2, 2), "conv1d_transpose"),
    "MaxPooling1D": (L.MaxPooling1D, "max_pooling1d"),
    "AveragePooling1D": (lambda: L.AveragePooling1D(2), "average_pooling1d"),
    "AdaptiveMaxPooling1D": (lambda: L.AdaptiveMaxPooling1D(2), "adaptive_max_pooling1d"),
    "Lambda": (lambda: L.Lambda(lambda x: x[:, ::2]), "lambda"),
    "Permute": (lambda: L.Permute((2, 1)), "permute"),
    "Reshape": (lambda: L.Reshape((3, 8)), "reshape"),
    "EinsumDense": (lambda: L.EinsumDense("abc,bd->adc", output_shape=(2, 4)), "einsum_dense"),
    "Dot": (lambda: L.Dot(axes=1), "dot"),
}


def said(function):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return [str(w.message) for w in caught if "mask" in str(w.message)]


@pytest.mark.parametrize("name", ENDS)
def test_one_warning_names_the_layer_where_a_mask_ends(name, backend):
    make, path = ENDS[name]

    def run():
        ids = hl.Input((STEPS,), dtype="int32")
        x = L.Embedding(5, FEATURES, mask_zero=True)(ids)
        layer = make()
        y = layer([x, x]) if name == "Dot" else layer(x)
        assert layer.input_mask is not None and layer.output_mask is None
        model = hl.Model(ids, y)
        for _ in range(2):
            model(np.array([[1, 2, 3, 0, 0, 0]], "int32"))

    messages = said(run)
    assert len(messages) == 1, messages
    assert f"Layer '{path}" in messages[0] and "ends here" in messages[0]


def test_an_op_in_a_graph_that_ends_a_mask_is_named(backend):
    def run():
        ids = hl.Input((STEPS,), dtype="int32")
        x = L.Embedding(5, FEATURES, mask_zero=True)(ids)
        x = hl.ops.exp(x)
        y = hl.ops.mean(x, axis=1)
        assert x.mask is not None and y.mask is None
        hl.Model(ids, y)(np.array([[1, 2, 3, 0, 0, 0]], "int32"))

    messages = said(run)
    assert len(messages) == 1, messages
    message = messages[0]
    assert "The op 'mean' (path 'mean" in message and "padding counts" in message


def test_an_op_in_a_layer_that_ends_a_mask_is_named(backend):
    class Mean(L.Layer):
        def call(self, x):
            return hl.ops.mean(hl.ops.tanh(x), axis=1)

    def run():
        model = hl.Sequential([
            L.Embedding(5, FEATURES, mask_zero=True), Mean(name="bare"), L.Dense(1)])
        model.compile("sgd", "mse")
        ids = np.array([[1, 2, 3, 0, 0, 0]] * 2, "int32")
        model.fit(ids, np.ones((2, 1)), epochs=2, verbose=0)
        model.predict(ids, verbose=0)

    messages = said(run)
    assert len(messages) == 1, messages
    message = messages[0]
    assert "The op 'mean' in layer 'sequential" in message and "/bare'" in message


def test_operators_on_arrays_are_told_of(backend):
    """They know no masks; that the mask is lost with them is said once, with the path."""

    class Scaled(hl.Model):
        def __init__(self):
            super().__init__(name="scaled")
            self.embedding = L.Embedding(5, FEATURES, mask_zero=True, name="embedding")
            self.rnn = L.LSTM(3)

        def call(self, ids):
            return self.rnn(self.embedding(ids) * 2.0)

    ids = np.array([[1, 2, 3, 0, 0, 0]] * 2, "int32")
    model = Scaled()
    messages = said(lambda: (model(ids), model(ids)))
    assert len(messages) == 1, messages
    assert "In layer 'scaled' (Scaled) the mask of what 'scaled/embedding' returns is lost" \
        in messages[0]
    assert "`mask=...`" in messages[0]


def test_masks_handed_on_by_hand_are_no_loss(backend):
    class Scaled(hl.Model):
        def __init__(self):
            super().__init__()
            self.embedding = L.Embedding(5, FEATURES, mask_zero=True)
            self.rnn = L.LSTM(3)

        def call(self, ids):
            mask = self.embedding.compute_mask(ids)
            return self.rnn(self.embedding(ids) * 2.0, mask=mask)

    assert not said(lambda: Scaled()(np.array([[1, 2, 0]], "int32")))


def test_subclass_models_keep_masks_through_ops(backend):
    """The steps behind the end of a text make no difference to what comes of it."""

    class Reader(hl.Model):
        def __init__(self):
            super().__init__()
            self.embedding = L.Embedding(9, FEATURES, mask_zero=True)
            self.scale = L.Dense(FEATURES)
            self.rnn = L.GRU(3)

        def call(self, ids):
            x = self.embedding(ids)
            x = hl.ops.concatenate([x, hl.ops.multiply(self.scale(x), 2.0)], axis=-1)
            return self.rnn(hl.ops.tanh(x))

    model = Reader()
    messages = said(lambda: model(np.array([[1, 2, 3]], "int32")))
    assert not messages
    short = np.asarray(model(np.array([[1, 2, 3]], "int32")))
    long = np.asarray(model(np.array([[1, 2, 3, 0, 0, 0]], "int32")))
    close(long, short)


def test_masks_of_a_nested_graph_are_known_outside(backend):
    inner = hl.Sequential([hl.Input((None,), dtype="int32"),
                           L.Embedding(5, FEATURES, mask_zero=True), L.Dense(3)])
    ids = hl.Input((STEPS,), dtype="int32")
    outputs = inner(ids)
    nodes = [len(layer._inbound_nodes) for layer in inner.layers]
    assert inner.output_mask is not None and outputs.mask is not None
    again = inner(ids)
    assert [len(layer._inbound_nodes) for layer in inner.layers] == nodes
    values = np.array([[1, 2, 0, 0, 3, 0]], "int32")
    np.testing.assert_array_equal(np.asarray(hl.Model(ids, again.mask)(values)), values != 0)
    restored = hl.Model.from_config(hl.Model(ids, outputs).get_config())
    assert np.asarray(get_mask(restored(values))).tolist() == (values != 0).tolist()


def test_losses_and_metrics_leave_padding_out(backend):
    ids = np.array([[1, 2, 3, 4], [1, 2, 0, 0], [3, 0, 0, 0]], "int32")
    y = np.random.default_rng(0).normal(size=(3, 4, 1)).astype("float32")
    model = hl.Sequential([L.Embedding(5, 3, mask_zero=True), L.Dense(1)])
    out = np.asarray(model(ids))
    kept = (ids != 0)[..., None]
    expected = (np.square(out - y) * kept).sum() / kept.sum()
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mse"])
    loss, mae, mse = model.evaluate(ids, y, verbose=0)
    close([loss, mae, mse],
          [expected, (np.abs(out - y) * kept).sum() / kept.sum(), expected])
    history = model.fit(ids, y, batch_size=3, verbose=0).history
    close(history["loss"][0], expected)


def test_a_metric_that_takes_no_masks_says_so(backend):
    ids = np.array([[1, 2, 3, 4], [1, 2, 0, 0]], "int32")
    model = hl.Sequential([
        L.Embedding(5, 3, mask_zero=True), L.Dense(1, activation="sigmoid", name="tags")])
    model.compile("sgd", "binary_crossentropy", metrics=[hl.metrics.Precision()])
    messages = said(lambda: model.fit(
        ids, np.ones((2, 4, 1), "float32"), epochs=2, verbose=0))
    assert len(messages) == 1, messages
    assert "The metric 'precision" in messages[0] and "output 'tags'" in messages[0]


def test_numpy_and_jax_have_the_same_masks():
    ids = np.array([[1, 2, 0, 3, 0]], "int32")
    found = []
    for name in ("numpy", "jax"):
        with use_backend(name):
            x = L.Embedding(5, 3, mask_zero=True)(ids)
            found.append(np.asarray(get_mask(hl.ops.flip(hl.ops.exp(x), axis=1))).tolist())
    assert found == [(ids[:, ::-1] != 0).tolist()] * 2


def test_warnings_point_at_the_line_that_called(backend):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ids = hl.Input((STEPS,), dtype="int32")
        x = L.Embedding(5, FEATURES, mask_zero=True)(ids)
        L.Flatten()(x)
        hl.ops.sum(x, axis=1)
    assert [w.filename for w in caught] == [__file__] * 2
    assert "Padding counts in its output" in str(caught[0].message)
