"""Profiles: what is measured and counted; times themselves are not asserted."""

from __future__ import annotations

import numpy as np
import pytest

import highlevel as hl
from highlevel import layers

X = np.ones((8, 6), "float32")


def test_profile(backend):
    x = hl.Input((6,))
    block = hl.Sequential([hl.Input((6,)), layers.Dense(16, "relu", name="conv")], name="block")
    model = hl.Model(x, layers.Dense(3, name="head")(block(x)), name="net")
    found = model.profile(X, runs=3)
    assert [layer.path for layer in found.layers] == ["block/conv", "block", "head"]
    assert [layer.outermost for layer in found.layers] == [False, True, True]
    assert all(layer.seconds > 0 for layer in found.layers)
    assert sum(layer.share for layer in found.layers if layer.outermost) == pytest.approx(1)
    head = found["head"]
    assert head.flops == 8 * 3 * (2 * 16 + 1)
    assert head.bytes == 4 * (16 * 3 + 3 + 8 * 16 + 8 * 3)
    assert head.rate == head.flops / head.seconds
    assert found.flops == found["block"].flops + head.flops
    assert found.slowest(1)[0] in (found["block"], head)
    assert (found.compile_seconds is None) == (not backend.compiles)
    assert found.peak > sum(v.nbytes for v in model.weights)
    assert "Profile of 'net'" in repr(found) and "<table>" in found._repr_html_()
    with pytest.raises(KeyError, match=r"called at 'haed'.*'head'"):
        found["haed"]
    if not backend.compiles:  # timed within the whole: the parts are not more than it
        assert found.layer_seconds <= found.seconds


def test_a_layer_called_twice_and_whole_numbers(backend):
    x = hl.Input((4,), dtype="int32")
    embedding = layers.Embedding(9, 5)(x)
    dense = layers.Dense(5, name="shared")
    model = hl.Model(x, dense(dense(embedding)))
    found = model.profile(np.ones((2, 4), "int32"), runs=2)
    assert [layer.path for layer in found.layers][1:] == ["shared", "shared#2"]


def test_the_model_stays_as_it_was(backend):
    model = hl.Sequential([hl.Input((6,)), layers.BatchNormalization(), layers.Dense(2)])
    before = model.get_weights()
    model.profile(X, training=True, runs=2)
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)
