"""Which ops keep, move or end the masks of their arguments."""

import warnings

import numpy as np
import pytest
from highlevel_backend import current_backend

from highlevel import layers, ops
from highlevel.masking import get_mask, set_mask
from highlevel.ops.mask_rules import _ALONG_AXIS, _ENTRYWISE, _RULES
from highlevel.symbolic import SymbolicTensor

MASK = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
SHAPE = (2, 4, 3)
W = np.random.default_rng(3).normal(size=(3, 5)).astype("float32")
PLAIN = np.random.default_rng(4).normal(size=SHAPE).astype("float32")

#: what is done with a masked array, and the mask that it leaves
KEEPS = {
    "exp": (lambda x: ops.exp(x), MASK),
    "add": (lambda x: ops.add(x, 1.0), MASK),
    "multiply plain": (lambda x: ops.multiply(PLAIN, x), MASK),
    "broadcast": (lambda x: ops.add(x, PLAIN[:, :1]), MASK),
    "where": (lambda x: ops.where(ops.greater(x, 0), x, 0.5), MASK),
    "mean of features": (lambda x: ops.mean(x, axis=-1), MASK),
    "max of features": (lambda x: ops.max(x, axis=2, keepdims=True), MASK),
    "softmax": (lambda x: ops.softmax(x), MASK),
    "normalize": (lambda x: ops.normalize(x, axis=-1), MASK),
    "layer_normalization": (
        lambda x: ops.layer_normalization(x, np.ones(3, "float32"), None, axis=-1), MASK),
    "matmul": (lambda x: ops.matmul(x, W), MASK),
    "batched matmul": (lambda x: ops.matmul(x, np.stack([W, W])), MASK),
    "dot": (lambda x: ops.dot(x, W), MASK),
    "tensordot": (lambda x: ops.tensordot(x, W, axes=[[2], [0]]), MASK),
    "einsum": (lambda x: ops.einsum("btf,fo->bto", x, W), MASK),
    "einsum dots": (lambda x: ops.einsum("...f,fo->...o", x, W), MASK),
    "expand last": (lambda x: ops.expand_dims(x, -1), MASK),
    "expand first": (lambda x: ops.expand_dims(x, 1), MASK[:, None]),
    "squeeze": (lambda x: ops.squeeze(ops.expand_dims(x, 1), 1), MASK),
    "reshape features": (lambda x: ops.reshape(x, (2, 4, 3, 1)), MASK),
    "transpose": (lambda x: ops.transpose(x, (1, 0, 2)), MASK.T),
    "swapaxes": (lambda x: ops.swapaxes(x, 0, 1), MASK.T),
    "moveaxis": (lambda x: ops.moveaxis(ops.expand_dims(x, 2), -1, 2), MASK),
    "concatenate features": (lambda x: ops.concatenate([x, PLAIN], axis=-1), MASK),
    "concatenate steps": (lambda x: ops.concatenate([PLAIN, x], axis=1),
                          np.concatenate([np.ones((2, 4), bool), MASK], 1)),
    "stack": (lambda x: ops.stack([x, x], axis=1), np.stack([MASK, MASK], 1)),
    "stack last": (lambda x: ops.stack([x, PLAIN], axis=-1), MASK),
    "split": (lambda x: ops.split(x, 2, axis=1)[1], MASK[:, 2:]),
    "split features": (lambda x: ops.split(x, 3, axis=-1)[0], MASK),
    "flip": (lambda x: ops.flip(x, axis=1), MASK[:, ::-1]),
    "repeat": (lambda x: ops.repeat(x, 2, axis=1), np.repeat(MASK, 2, 1)),
    "take steps": (lambda x: ops.take(x, [2, 0], axis=1), MASK[:, [2, 0]]),
    "take features": (lambda x: ops.take(x, [2, 0], axis=-1), MASK),
    "slice": (lambda x: ops.get_item(x, (slice(None), slice(1, None))), MASK[:, 1:]),
    "slice features": (lambda x: ops.get_item(x, (Ellipsis, slice(0, 2))), MASK),
    "feature": (lambda x: ops.get_item(x, (Ellipsis, 0)), MASK),
    "sample": (lambda x: ops.get_item(x, 1), MASK[1]),
    "broadcast_to": (lambda x: ops.broadcast_to(ops.get_item(x, (Ellipsis, slice(0, 1))), SHAPE),
                     MASK),
    "pad features": (lambda x: ops.pad(x, [[0, 0], [0, 0], [1, 2]]), MASK),
    "one_hot": (lambda x: ops.one_hot(
        ops.cast(ops.greater(ops.get_item(x, (Ellipsis, 0)), 0), "int32"), 2),
                MASK),
    "cast": (lambda x: ops.cast(x, "float16"), MASK),
}
ENDS = {
    "mean": lambda x: ops.mean(x, axis=1), "sum of all": lambda x: ops.sum(x),
    "softmax": lambda x: ops.softmax(x, axis=1), "cumsum": lambda x: ops.cumsum(x, axis=1),
    "matmul": lambda x: ops.matmul(PLAIN.transpose(0, 2, 1), x),
    "einsum": lambda x: ops.einsum("btf,bto->bfo", x, PLAIN),
    "transpose": lambda x: ops.transpose(x), "ravel": lambda x: ops.ravel(x),
    "reshape": lambda x: ops.reshape(x, (2, 12)),
    "pad": lambda x: ops.pad(x, [[0, 0], [1, 0], [0, 0]]),
    "last step": lambda x: ops.get_item(x, (slice(None), -1)),
    "sort": lambda x: ops.sort(x, axis=1),
    "conv": lambda x: ops.conv(x, W[None, :3, :], padding="same"),
    "stretched": lambda x: ops.add(ops.expand_dims(x, 1), PLAIN[:, :, None]),
}


def masked(values):
    x = current_backend().asarray(np.array(values))
    set_mask(x, current_backend().asarray(MASK))
    return x


@pytest.mark.parametrize("name", KEEPS)
def test_masks_follow_the_steps(name, backend):
    function, expected = KEEPS[name]
    x = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    y = function(masked(x))
    np.testing.assert_array_equal(np.asarray(get_mask(y)), expected)
    # What the mask lets count comes from what counted.
    other = np.where(MASK[..., None], x, np.float32(9))
    y, other = np.asarray(y), np.asarray(function(masked(other)))
    np.testing.assert_array_equal(y[expected], other[expected])


@pytest.mark.parametrize("name", KEEPS)
def test_masks_follow_the_steps_of_a_graph(name, backend):
    function, expected = KEEPS[name]
    x = SymbolicTensor(SHAPE, "float32")
    x.mask = SymbolicTensor((2, 4), "bool")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = function(x)
    assert y.mask.shape == expected.shape and y.mask.dtype == "bool"


@pytest.mark.parametrize("name", ENDS)
def test_masks_end_with_a_warning(name, backend):
    function = ENDS[name]
    x = SymbolicTensor(SHAPE, "float32")
    x.mask = SymbolicTensor((2, 4), "bool")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y = function(x)
    assert y.mask is None
    (warning,) = caught
    assert "mixes entries that the mask of its input tells apart" in str(warning.message)
    assert "(path '" in str(warning.message)
    assert get_mask(function(masked(PLAIN))) is None


def test_two_masks_meet(backend):
    x, y = masked(PLAIN), current_backend().asarray(PLAIN.copy())
    other = np.array([[0, 1, 1, 1], [1, 0, 1, 1]], bool)
    set_mask(y, current_backend().asarray(other))
    np.testing.assert_array_equal(np.asarray(get_mask(ops.add(x, y))), MASK & other)


def test_the_first_step_may_be_picked_out(backend):
    x = SymbolicTensor((None, 4, 3), "float32")
    x.mask = SymbolicTensor((None, 4), "bool")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert x[:, 0].mask is None


def test_masks_of_indices_are_those_of_the_rows(backend):
    ids = current_backend().asarray(np.array([[1, 2, 0, 0], [2, 0, 0, 0]]))
    set_mask(ids, current_backend().asarray(MASK))
    np.testing.assert_array_equal(np.asarray(get_mask(ops.take(W, ids, axis=0))), MASK)


def test_built_in_layers_decide_for_themselves(backend):
    """Ops inside of them leave masks alone: a sum there does not end a mask."""
    x = masked(PLAIN)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert get_mask(layers.Add()([x, x])) is not None
        assert get_mask(layers.GlobalAveragePooling1D()(x)) is None


def test_every_rule_is_of_an_op():
    known = set(dir(ops))
    assert {*_RULES} <= known, {*_RULES} - known
    assert not {*_ENTRYWISE.split()} & {*_ALONG_AXIS.split()}
