"""The kernels of whole sequences: where values are not plain, and higher derivatives."""

import numpy as np
import pytest
from highlevel_backend import ArraySpec, use_backend

import highlevel as hl
from highlevel.layers.recurrent.sequences import gru_sequence, lstm_sequence

RNG = np.random.default_rng(0)


def arrays(*shapes):
    return tuple(RNG.normal(size=shape) * 0.5 for shape in shapes)


CASES = {
    "lstm_sequence": (lstm_sequence, arrays((3, 2, 8), (2, 2), (2, 2), (2, 8), (2, 2))),
    "gru_sequence": (gru_sequence, arrays((3, 2, 6), (2, 2), (2, 6), (6,), (2, 2))),
}
cases = pytest.mark.parametrize("name", CASES)


def sizes(function, backend):
    def total(args):
        return sum(
            backend.xp.sum(one ** 2 * (i + 1)) for i, one in enumerate(function(*args)))
    return total


@cases
def test_derivatives_of_derivatives_and_forward_ones(name):
    definition, args = CASES[name]
    directions = arrays(*[a.shape for a in args])
    with use_backend("numpy") as backend:
        results = []
        for function in (backend.kernels[name], definition):
            total = sizes(function, backend)

            def slope(args, total=total):
                _, gradient = backend.value_and_grad(total)(args)
                return sum(
                    backend.xp.sum(g * d) for g, d in zip(gradient, directions))

            along = backend.jvp(lambda *a, f=function: f(*a), args, directions)
            results.append((backend.value_and_grad(slope)(args), along))
    for a, b in zip(*map(hl.tree.flatten, results), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@cases
def test_shapes_without_values_and_no_steps(name):
    definition, args = CASES[name]
    with use_backend("numpy") as backend:
        kernel = backend.kernels[name]
        shapes = backend.eval_shape(kernel, *[ArraySpec(a.shape, "float32") for a in args])
        assert [spec.shape for spec in shapes] == [y.shape for y in definition(*args)]
        none = kernel(args[0][:0], *args[1:])
        assert none[0].shape == (0, 2, 2)
        np.testing.assert_array_equal(none[1], args[1])
        _, gradient = backend.value_and_grad(
            lambda h: backend.xp.sum(kernel(args[0][:0], h, *args[2:])[1]))(args[1])
        np.testing.assert_array_equal(gradient, np.ones((2, 2)))


@pytest.mark.parametrize("make", [
    lambda: hl.layers.LSTM(3, return_sequences=True, recurrent_dropout=0.3, seed=1),
    lambda: hl.layers.GRU(3, go_backwards=True, use_bias=False),
], ids=["LSTM", "GRU"])
def test_layers_go_by_the_kernels(make, monkeypatch):
    """What a layer computes by the kernel is what it computes step by step."""
    x = RNG.normal(size=(2, 5, 4)).astype("float32")
    with use_backend("numpy") as backend:
        scans = []
        scan = backend.scan
        monkeypatch.setattr(
            backend, "scan", lambda *a, **k: (scans.append(1), scan(*a, **k))[1])
        layer = make()
        layer.build(x.shape)
        layer(x, training=True)
        values = [v.raw_value() for v in layer.trainable_variables]
        others = [v.raw_value() for v in layer.non_trainable_variables]

        def loss(values):
            y, _ = layer.stateless_call(values, others, x, training=True)
            return backend.xp.sum(y * y)

        by_kernel = backend.value_and_grad(loss)(values)
        assert not scans
        masks = {"random_mask": backend.kernels["random_mask"]}  # the same dropout
        monkeypatch.setattr(type(backend), "kernels", masks)
        by_steps = backend.value_and_grad(loss)(values)
        assert scans
    for a, b in zip(hl.tree.flatten(by_kernel), hl.tree.flatten(by_steps), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
