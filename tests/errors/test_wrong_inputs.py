"""Wrong inputs of layers, by family: one clear error each, called on arrays or symbolically."""

import numpy as np
import pytest

import highlevel as hl
from highlevel import layers as L


def ones(*shape):
    return np.ones(shape, "float32")


WORDS = np.array([["a", "b"]])



#: how the layer is made, what it was called with before (None for nothing), what it is called
#: with, and pieces of the text
CASES = {
    "core: no batch": (lambda: L.Dense(3, name="one"), None, ones(4), [
        "Dense 'one'", "shape (4,)", "at least 2 axes, batch included, not 1", "`x[None]`"]),
    "core: features": (lambda: L.Dense(3, name="one"), ones(2, 4), ones(2, 5), [
        "Dense 'one'", "5)", "last axis of length 4, not 5", "Give it 4 features"]),
    "core: two inputs": (lambda: L.Dense(3, name="one"), None, [ones(2, 4), ones(2, 4)], [
        "Dense 'one'", "expects 1 input(s), but it received 2"]),
    "core: strings": (lambda: L.Dense(3, name="one"), None, WORDS, [
        "Dense 'one'", "takes numbers; it was called with strings", "`TextVectorization`"]),
    "core: axes of an equation": (
        lambda: L.EinsumDense("abc,cd->abd", (None, 3), name="one"), None, ones(2, 4), [
            "EinsumDense 'one'", "'abc,cd->abd' takes inputs of 3 axes", "4)"]),
    "core: features of an equation": (
        lambda: L.EinsumDense("abc,cd->abd", (None, 3), name="one"), ones(2, 4, 3),
        ones(2, 4, 5), ["EinsumDense 'one'", "length 3, not 5", "Give it 3 features"]),
    "convolution: axes": (lambda: L.Conv2D(3, 2, name="one"), None, ones(4, 4, 3), [
        "Conv2D 'one'", "expects 4 axes, batch included, not 3", "4, 3)", "`x[None]`"]),
    "convolution: channels": (
        lambda: L.Conv2D(3, 2, name="one"), ones(1, 4, 4, 3), ones(1, 4, 4, 5), [
            "Conv2D 'one'", "last axis of length 3, not 5"]),
    "convolution: data format": (
        lambda: L.Conv2D(3, 3, name="one"), ones(1, 9, 9, 3), ones(1, 3, 9, 9), [
            "Conv2D 'one'", "length 3, not 9", "Is the input channels_first?",
            "`ops.moveaxis(x, 1, -1)`"]),
    "convolution: window": (lambda: L.Conv2D(3, 5, name="one"), None, ones(1, 4, 4, 3), [
        "Conv2D 'one'", "window of (5, 5) does not fit", "padding='same'"]),
    "convolution: groups": (lambda: L.Conv2D(4, 2, groups=2, name="one"), None,
                            ones(1, 4, 4, 3), ["Conv2D 'one'", "3 channels", "2 groups"]),
    "transposed: axes": (lambda: L.Conv1DTranspose(3, 2, name="one"), None, ones(4, 3), [
        "Conv1DTranspose 'one'", "3 axes", "3)"]),
    "pooling: axes": (lambda: L.MaxPooling2D(name="one"), None, ones(4, 4, 3), [
        "MaxPooling2D 'one'", "expects 4 axes, batch included, not 3", "`x[None]`"]),
    "pooling: window": (lambda: L.AveragePooling1D(5, name="one"), None, ones(2, 4, 3), [
        "AveragePooling1D 'one'", "does not fit", "padding='same'"]),
    "global pooling: axes": (lambda: L.GlobalMaxPooling1D(name="one"), None, ones(4, 3), [
        "GlobalMaxPooling1D 'one'", "expects 3 axes, batch included, not 2"]),
    "normalization: features": (
        lambda: L.BatchNormalization(name="one"), ones(2, 4), ones(2, 5), [
            "BatchNormalization 'one'", "last axis of length 4, not 5"]),
    "normalization: features of a sample": (
        lambda: L.LayerNormalization(name="one"), ones(2, 4), ones(2, 5), [
            "LayerNormalization 'one'", "last axis of length 4, not 5"]),
    "normalization: root mean square": (
        lambda: L.RMSNormalization(name="one"), ones(2, 4), ones(2, 5), [
            "RMSNormalization 'one'", "last axis of length 4, not 5"]),
    "normalization: axis": (lambda: L.UnitNormalization(axis=3, name="one"), None, ones(2, 4), [
        "UnitNormalization 'one'", "no axis 3 in inputs of 2 axes"]),
    "normalization: groups": (lambda: L.GroupNormalization(3, name="one"), None, ones(2, 4), [
        "GroupNormalization 'one'", "4 channels", "3 groups"]),
    "merging: one input": (lambda: L.Add(name="one"), None, ones(2, 4), [
        "Add 'one'", "combines several inputs", "a list of them"]),
    "merging: shapes": (lambda: L.Multiply(name="one"), None, [ones(2, 4), ones(2, 5)], [
        "Multiply 'one'", "do not broadcast", "lengths 4 and 5"]),
    "merging: axes": (lambda: L.Concatenate(name="one"), None, [ones(2, 4, 3), ones(2, 5, 3)], [
        "Concatenate 'one'", "4, 3)", "5, 3)", "every axis but -1"]),
    "merging: count": (lambda: L.Subtract(name="one"), None, [ones(2, 4)] * 3, [
        "Subtract 'one'", "takes exactly 2 inputs; got 3"]),
    "merging: products": (lambda: L.Dot(axes=1, name="one"), None, [ones(2, 4), ones(2, 5)], [
        "Dot 'one'", "lengths summed over differ: 4", "5 in input 1"]),
    "reshaping: entries": (lambda: L.Reshape((3, 5), name="one"), None, ones(2, 4, 3), [
        "Reshape 'one'", "12 entries", "target_shape=(3, 5)"]),
    "reshaping: axes": (lambda: L.UpSampling2D(name="one"), None, ones(2, 4, 3), [
        "UpSampling2D 'one'", "expects 4 axes, batch included, not 3"]),
    "reshaping: too much cut": (lambda: L.Cropping1D(3, name="one"), None, ones(2, 4, 3), [
        "Cropping1D 'one'", "cutting 3 and 3 off axis 1", "leave nothing"]),
    "regularization: axes": (lambda: L.SpatialDropout1D(0.5, name="one"), None, ones(2, 4), [
        "SpatialDropout1D 'one'", "expects 3 axes, batch included, not 2"]),
    "activation: axis": (lambda: L.Softmax(axis=3, name="one"), None, ones(2, 4), [
        "Softmax 'one'", "no axis 3 in inputs of 2 axes"]),
    "activation: features": (lambda: L.PReLU(name="one"), ones(2, 4), ones(2, 5), [
        "PReLU 'one'", "last axis of length 4, not 5"]),
    "recurrent: axes": (lambda: L.LSTM(3, name="one"), None, ones(2, 4), [
        "LSTM 'one'", "expects 3 axes, batch included, not 2"]),
    "recurrent: features": (lambda: L.GRU(3, name="one"), ones(2, 4, 3), ones(2, 4, 5), [
        "GRU 'one'", "last axis of length 3, not 5"]),
    "recurrent: both ways": (
        lambda: L.Bidirectional(L.LSTM(3), name="one"), None, ones(2, 4), [
            "Bidirectional 'one'", "expects 3 axes, batch included, not 2"]),
    "recurrent: each step": (
        lambda: L.TimeDistributed(L.Dense(3), name="one"), None, ones(2, 4), [
            "TimeDistributed 'one'", "at least 3 axes, (batch, steps, ...)", "4)"]),
    "recurrent: images": (lambda: L.ConvLSTM1D(3, 2, name="one"), ones(2, 3, 4, 3),
                          ones(2, 3, 4, 5), ["ConvLSTM1D 'one'", "last axis of length 3, not 5"]),
    "attention: one input": (lambda: L.Attention(name="one"), None, ones(2, 4, 3), [
        "Attention 'one'", "a list of arrays: [query, value]"]),
    "attention: features": (
        lambda: L.Attention(name="one"), None, [ones(2, 4, 3), ones(2, 4, 5)], [
            "Attention 'one'", "4, 3)", "4, 5)", "Bring query and key to one last axis"]),
    "attention: sums": (
        lambda: L.AdditiveAttention(name="one"), None, [ones(2, 4, 3), ones(2, 4, 5)], [
            "AdditiveAttention 'one'", "4, 3)", "4, 5)"]),
    "preprocessing: axes of images": (lambda: L.Resizing(2, 2, name="one"), None, ones(4, 4), [
        "Resizing 'one'", "takes an image (height, width, channels) or a batch of them"]),
    "preprocessing: features": (
        lambda: L.Normalization(mean=[0.0, 1.0], variance=[1.0, 1.0], name="one"), None,
        ones(2, 3), ["Normalization 'one'", "`mean` given has 2 entries", "have 3"]),
    "preprocessing: sound": (lambda: L.MelSpectrogram(name="one"), None, ones(2, 3, 4), [
        "MelSpectrogram 'one'", "`(batch, samples)`", "3, 4)"]),
    "preprocessing: numbers for strings": (
        lambda: L.StringLookup(vocabulary=["a"], name="one"), None, ones(2, 3), [
            "StringLookup 'one'", "takes strings", "float32"]),
    "preprocessing: strings for numbers": (
        lambda: L.IntegerLookup(vocabulary=[1], name="one"), None, WORDS, [
            "IntegerLookup 'one'", "takes integers"]),
    "preprocessing: one input": (lambda: L.HashedCrossing(3, name="one"), None,
                                 np.array([1, 2]), ["HashedCrossing 'one'", "at least two arrays"]),
}


def symbolic(x):
    if isinstance(x, list):
        return [symbolic(one) for one in x]
    dtype = "string" if x.dtype.kind == "U" else str(x.dtype)
    batch = x.shape[:1] if x.ndim < 2 else (None,)
    return hl.Input(batch_shape=(*batch, *x.shape[1:]), dtype=dtype)


def check(call, pieces, path):
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    text = str(caught.value)
    for piece in pieces:
        assert piece in text, (piece, text)
    told = "\n".join([text, *getattr(caught.value, "__notes__", ())])
    assert f"'{path}'" in told, told


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("way", ["arrays", "symbolic"])
def test_wrong_input(name, way, backend):
    make, before, wrong, pieces = CASES[name]
    convert = symbolic if way == "symbolic" else lambda x: x
    layer = make()
    if before is not None:
        layer(convert(before))
    check(lambda: layer(convert(wrong)), pieces, "one")


@pytest.mark.parametrize("way", ["arrays", "symbolic"])
def test_wrong_further_inputs(way, backend):
    convert = symbolic if way == "symbolic" else lambda x: x
    x = convert(ones(2, 4, 3))
    check(lambda: L.MultiHeadAttention(2, 3, name="one")(x, convert(ones(2, 4))), [
        "MultiHeadAttention 'one'", "query and value of as many axes"], "one")
    check(lambda: L.MultiHeadAttention(2, 3, name="one")(x, x, convert(ones(2, 5, 3))), [
        "MultiHeadAttention 'one'", "value and key that agree in all axes but the last"], "one")
    states = [convert(ones(2, 3))] * 2
    check(lambda: L.GRU(3, name="one")(x, initial_state=states), [
        "GRU 'one'", "has 1 state(s), but `initial_state` has 2"], "one")


def test_the_path_leads_through_the_model(backend):
    class Net(hl.Model):
        def __init__(self):
            super().__init__(name="net")
            self.head = L.Dense(3, name="head")

        def call(self, x):
            return self.head(x)

    net = Net()
    net(ones(2, 5))
    check(lambda: net(ones(2, 6)), ["Dense 'head'", "length 5, not 6"], "net/head")
