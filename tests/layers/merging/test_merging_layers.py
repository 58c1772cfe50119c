"""Merging: values, shapes that broadcast, errors that name both inputs."""

import numpy as np
import pytest

from highlevel import layers
from highlevel.masking import get_mask
from highlevel.symbolic import SymbolicTensor

A = np.array([[1.0, 2.0]], "float32")
B = np.array([[4.0, 0.5]], "float32")


@pytest.mark.parametrize("name, expected", [
    ("add", A + B), ("subtract", A - B), ("multiply", A * B), ("average", (A + B) / 2),
    ("maximum", np.maximum(A, B)), ("minimum", np.minimum(A, B)),
    ("concatenate", np.concatenate([A, B], -1)), ("dot", np.array([[5.0]])),
])
def test_values(name, expected, backend):
    np.testing.assert_allclose(np.asarray(getattr(layers, name)([A, B])), expected)


def test_ranks_are_filled_up_behind_the_batch(backend):
    x, y = np.ones((2, 4, 3), "float32"), np.arange(6, dtype="float32").reshape(2, 3)
    np.testing.assert_allclose(np.asarray(layers.add([x, y])), x + y[:, None])
    assert layers.Add()([SymbolicTensor((None, None, 3)), SymbolicTensor((None, 3))]).shape == (
        None, None, 3)


@pytest.mark.parametrize("shapes, message", [
    ([(2, 3), (2, 4)], r"input 0 of shape \(2, 3\) and input 1 of shape \(2, 4\).*axis 1"),
    ([(2, 3), (2, 1), (2, 5)], r"input 0 of shape \(2, 3\) and input 2 of shape \(2, 5\)"),
    ([(2, 3), (3, 3)], r"batch axes have the lengths 2 and 3"),
])
def test_shapes_that_do_not_broadcast(shapes, message):
    with pytest.raises(ValueError, match=message):
        layers.Add()([np.ones(shape, "float32") for shape in shapes])
    with pytest.raises(ValueError, match=message):
        layers.Add()([SymbolicTensor(shape) for shape in shapes])


def test_other_errors():
    with pytest.raises(ValueError, match=r"must be called with a list.*\(1, 2\)"):
        layers.Add()(A)
    with pytest.raises(ValueError, match="takes exactly 2 inputs; got 3"):
        layers.Subtract()([A, A, A])
    with pytest.raises(ValueError, match=r"input 1 of shape \(2, 3\).*every axis but 1"):
        layers.Concatenate(axis=1)([SymbolicTensor((1, 3)), SymbolicTensor((2, 3))])
    with pytest.raises(ValueError, match=r"2 in input 0 of shape \(1, 2\)"):
        layers.Dot(1)([SymbolicTensor((1, 2)), SymbolicTensor((1, 3))])
    with pytest.raises(ValueError, match="batch axis, which stays"):
        layers.Dot(0)([A, B])


def test_a_cosine(backend):
    y = layers.Dot(axes=1, normalize=True)([A, B])
    cosine = float((A * B).sum() / np.linalg.norm(A) / np.linalg.norm(B))
    assert float(y[0, 0]) == pytest.approx(cosine, rel=1e-5)


def test_masks_of_several_inputs(backend):
    x = backend.asarray(np.array([[[1.0], [0.0], [0.0]]], "float32"))
    y = backend.asarray(np.array([[[1.0], [2.0], [0.0]]], "float32"))
    first, second = layers.Masking()(x), layers.Masking()(y)
    merged = layers.Add()([first, second])
    np.testing.assert_array_equal(np.asarray(get_mask(merged)), [[True, True, False]])
    one = get_mask(layers.Add()([first, y]))
    np.testing.assert_array_equal(np.asarray(one), [[True, False, False]])
    joined = layers.Concatenate(axis=1)([first, second])
    np.testing.assert_array_equal(
        np.asarray(get_mask(joined)), [[True, False, False, True, True, False]])
