"""Loss scaling, several optimizers and saved state, against Keras."""

import copy
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from highlevel import optimizers as ours  # noqa: E402
from highlevel.variable import Variable  # noqa: E402

theirs = keras.optimizers


def test_loss_scale_follows_overflows(backend):
    gradients = [[8, 8], [8, 8], [np.inf, 1], [4, 4], [4, 4], [np.nan, 4], [4, 4]]
    weight = Variable(np.ones(2, "float32"), name="a")
    optimizer = ours.LossScaleOptimizer(
        ours.SGD(1.0, momentum=0.5), initial_scale=8.0, dynamic_growth_steps=2
    )
    peer_weight = keras.Variable(np.ones(2, "float32"), name="a")
    peer = theirs.LossScaleOptimizer(
        theirs.SGD(1.0, momentum=0.5), initial_scale=8.0, dynamic_growth_steps=2
    )
    peer.build([peer_weight])
    for gradient in gradients:
        gradient = np.array(gradient, "float32")
        optimizer.apply([gradient], [weight])
        values, state = peer.stateless_apply(
            [v.value for v in peer.variables], [gradient], [peer_weight.value]
        )
        peer_weight.assign(values[0])
        for variable, value in zip(peer.variables, state):
            variable.assign(value)
        np.testing.assert_allclose(weight.numpy(), peer_weight.numpy())
        assert len(optimizer.variables) == len(peer.variables)
        for variable, other in zip(optimizer.variables, peer.variables):
            assert variable.path.partition("/")[2] == other.path.partition("/")[2]
            np.testing.assert_allclose(variable.numpy(), other.numpy())
    assert float(optimizer.scale_loss(1.0)) == float(peer.scale_loss(1.0))
    assert int(optimizer.iterations) == int(peer.iterations)


def test_several_optimizers(backend):
    def run(module, variable):
        values = [variable(np.ones(2, "float32"), name=n) for n in ("kernel", "bias", "gamma")]
        mapping = module.OptimizerMap(
            module.Adam(0.1), {"bi.*": module.SGD(0.1, momentum=0.9), "beta": module.Lion(0.1)}
        )
        optimizer = module.MultiOptimizer(mapping)
        optimizer.build(values)
        for i in range(5):
            optimizer.apply([np.full(2, float(i - j), "float32") for j in range(3)], values)
        return optimizer, values

    optimizer, values = run(ours, Variable)
    peer, peer_values = run(theirs, keras.Variable)
    for a, b in zip(values, peer_values):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5)
    for a, b in zip(optimizer.variables, peer.variables, strict=True):
        assert a.path.partition("/")[2] == b.path.partition("/")[2]
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5)


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adafactor", "Muon", "Nadam"])
def test_state_moves_both_ways(backend, name):
    shapes = [(3, 4), (4,)]
    gradients = [np.full(shape, 0.5, "float32") for shape in shapes]
    options = {"momentum": 0.9} if name == "SGD" else {}
    mine = [Variable(np.ones(s, "float32"), name=f"v{i}") for i, s in enumerate(shapes)]
    peer = [keras.Variable(np.ones(s, "float32"), name=f"v{i}") for i, s in enumerate(shapes)]
    optimizer = getattr(ours, name)(0.1, **options)
    other = getattr(theirs, name)(0.1, **options)
    for _ in range(2):
        optimizer.apply(gradients, mine)
    other.build(peer)
    store = {}
    optimizer.save_own_variables(store)
    other.load_own_variables(store)
    for a, b in zip(peer, mine):
        a.assign(b.numpy())
    optimizer.apply(gradients, mine)
    other.apply(gradients, peer)
    for a, b in zip(mine, peer):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5)
    back = {}
    other.save_own_variables(back)
    fresh = getattr(ours, name)(0.1, **options)
    fresh.build(mine)
    fresh.load_own_variables(back)
    for a, b in zip(fresh.variables, optimizer.variables):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda m: m.Adam(0.1, amsgrad=True),
        lambda m: m.SGD(m.schedules.CosineDecay(0.1, 10)),
        lambda m: m.LossScaleOptimizer(m.Adam(0.1)),
        lambda m: m.MultiOptimizer(m.OptimizerMap(m.Adam(0.1), {"bias": m.SGD(0.1)})),
        lambda m: m.Muon(0.1, exclude_layers=["head"]),
    ],
)
def test_configs_move_both_ways(backend, make):
    for source, target in ((ours, theirs), (theirs, ours)):
        config = source.serialize(make(source))
        # Keras changes the config it reads.
        assert target.serialize(target.deserialize(copy.deepcopy(config))) == config
