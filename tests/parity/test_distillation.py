"""Distillation against Keras: equal histories from equal weights, and configs."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest

import highlevel as hl

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.parity

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 4)).astype("float32")
Y = RNG.integers(0, 3, 32).astype("int32")


# The divergence as an object: Keras takes its own default, the name, for a function of logits
# and leaves out the softmax that its documentation describes.
def make(k, losses):
    def model(units):
        return k.Sequential([
            k.Input((4,)), k.layers.Dense(units, activation="tanh", name="hidden"),
            k.layers.Dense(3, name="logits")])

    return k.distillation.Distiller(model(5), model(5), losses(k), name="d")


@pytest.mark.parametrize("losses", [
    lambda k: k.distillation.LogitsDistillation(2.5, k.losses.KLDivergence()),
    lambda k: [k.distillation.LogitsDistillation(4.0, "mse"),
               k.distillation.FeatureDistillation("mae", "hidden", "hidden")],
], ids=["logits", "features"])
def test_histories(losses, backend):
    theirs, ours = make(keras, losses), make(hl, losses)
    found = []
    for ours_part, theirs_part in ((ours.teacher, theirs.teacher), (ours.student, theirs.student)):
        ours_part.set_weights(theirs_part.get_weights())
    for k, model in ((keras, theirs), (hl, ours)):
        model.compile("sgd", k.losses.SparseCategoricalCrossentropy(from_logits=True),
                      metrics=["accuracy"])
        found.append(model.fit(
            X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0).history)
    assert set(found[0]) == set(found[1])
    for name in found[0]:
        np.testing.assert_allclose(found[1][name], found[0][name], rtol=1e-4, err_msg=name)


def test_configs_move_both_ways(backend):
    a, b = RNG.normal(size=(2, 4, 3)).astype("float32")
    for source, target in ((hl, keras), (keras, hl)):
        for make_loss in (
            lambda k: k.distillation.LogitsDistillation(2.5, k.losses.KLDivergence()),
            lambda k: k.distillation.FeatureDistillation("mae", "x", "y"),
        ):
            made = make_loss(source)
            again = type(make_loss(target)).from_config(made.get_config())
            assert set(made.get_config()) == set(again.get_config())
            values = [float(x.compute_loss(k.ops.convert_to_tensor(a), k.ops.convert_to_tensor(b)))
                      for k, x in ((source, made), (target, again))]
            assert values[0] == pytest.approx(values[1], rel=1e-5)
