"""Every layer as Keras describes it: weights, config, symbolic shapes, dtypes of mixed precision.

Nothing is computed here; what the layers compute is compared in `test_layer_values.py`.
"""

import json

import jax
import numpy as np
import pytest
from highlevel_backend import canonical_name, tree, use_backend
from layers.table import ROWS

import highlevel as hl
from highlevel import layers
from highlevel.naming import reset_names
from highlevel.symbolic import SymbolicTensor

keras = pytest.importorskip("keras")

from layers.peer import cheap_weights  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("cheap_weights")]
ROWS = [row for row in ROWS if row.keras is True]
rows = pytest.mark.parametrize("one", ROWS, ids=str)
__all__ = ["cheap_weights"]


@pytest.fixture(autouse=True)
def on_numpy():
    """Both libraries count the names that they give from 0."""
    reset_names()
    keras.utils.clear_session(free_memory=False)
    with use_backend("numpy"):
        yield


def called(one, opened=False, **extra):
    """`(ours, theirs)`: each the layer and its symbolic outputs."""
    pairs = []
    for namespace, make in ((layers, SymbolicTensor), (keras.layers, keras.KerasTensor)):
        layer = one.layer(namespace, name=one.slug, **extra)
        args, kwargs = one.symbols(make, opened)
        pairs.append((layer, tree.leaves(layer(*args, **kwargs))))
    return pairs


@rows
def test_weights(one):
    (ours, _), (theirs, _) = called(one)
    described = [
        [(w.path, w.name, tuple(w.shape), w.dtype, w.trainable) for w in layer.weights]
        for layer in (ours, theirs)
    ]
    assert described[0] == described[1]
    assert len(ours.trainable_variables) == len(theirs.trainable_variables)
    if "variables" not in one.astray:
        assert len(ours.variables) == len(theirs.variables)
    assert ours.count_params() == theirs.count_params()


def plain(config):
    """As a file has it; numbers as precise as float32, to which Keras rounds some."""
    def rounded(value):
        if isinstance(value, dict):
            return {key: rounded(item) for key, item in value.items()}
        if isinstance(value, list):
            return [rounded(item) for item in value]
        return float(np.float32(value)) if isinstance(value, float) else value

    return rounded(json.loads(json.dumps(config)))


# Arguments that Keras's `SimpleRNN.get_config` forgets: a copy of the layer would lose them.
FORGOTTEN = {"SimpleRNN": ("seed", "activity_regularizer")}


def remembered(one, config):
    """A config without what Keras forgets."""
    return {k: v for k, v in config.items() if k not in FORGOTTEN.get(one.name, ())}


@rows
def test_config(one):
    ours, theirs = (one.layer(space, name=one.slug) for space in (layers, keras.layers))
    mine, other = plain(ours.get_config()), plain(theirs.get_config())
    assert remembered(one, mine) == remembered(one, other)
    # Each reads the other's.
    again = plain(type(ours).from_config(plain(other)).get_config())
    assert remembered(one, again) == remembered(one, mine)
    assert plain(type(theirs).from_config(plain(mine)).get_config()) == other
    stored, known = plain(layers.serialize(ours)), plain(keras.layers.serialize(theirs))
    assert {**stored, "config": remembered(one, stored["config"])} == {
        **known, "config": remembered(one, known["config"])}
    assert plain(keras.layers.deserialize(plain(stored)).get_config()) == other
    assert plain(layers.deserialize(stored).get_config()) == mine


@pytest.mark.parametrize("opened", [False, True], ids=["batch", "more"])
@rows
def test_symbolic_shapes(one, opened):
    if opened and not (one.open or any(leaf.open for leaf in one.leaves)):
        return
    (_, ours), (_, theirs) = called(one, opened)
    if "shape" in one.astray:
        return
    for mine, other in zip(ours, theirs, strict=True):
        assert len(mine.shape) == len(other.shape)
        # Ours may know lengths that Keras leaves open, never the other way round.
        assert all(b in (a, None) for a, b in zip(mine.shape, other.shape)), (
            mine.shape, other.shape)
        assert mine.dtype == other.dtype


@pytest.fixture
def mixed():
    """Everything made in mixed precision, layers inside layers too."""
    before = hl.config.dtype_policy(), keras.config.dtype_policy()
    hl.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    hl.config.set_dtype_policy(before[0])
    keras.config.set_dtype_policy(before[1])


@rows
def test_mixed_precision(one, mixed):
    (ours, mine), (theirs, _) = called(one)
    for what in ("compute_dtype", "variable_dtype"):
        assert getattr(ours, what) == getattr(theirs, what)
    assert ours.dtype_policy.name == theirs.dtype_policy.name
    assert [w.dtype for w in ours.weights] == [w.dtype for w in theirs.weights]
    args, kwargs = one.data()
    got = tree.leaves(ours(*args, **kwargs))
    assert [canonical_name(x.dtype) for x in got] == [x.dtype for x in mine]
    if "mixed" not in one.astray:
        expected = what_keras_computes(theirs, args, kwargs)
        assert [canonical_name(x.dtype) for x in got] == [x.dtype for x in expected]
        assert [tuple(x.shape) for x in got] == [x.shape for x in expected]


def what_keras_computes(layer, args, kwargs):
    """Shapes and dtypes of a call on data, which nothing is compiled for."""
    leaves, structure = jax.tree_util.tree_flatten((args, kwargs))
    fixed = [not isinstance(x, np.ndarray) for x in leaves]

    def call(arrays):
        args, kwargs = jax.tree_util.tree_unflatten(
            structure, [x if f else a for x, f, a in zip(leaves, fixed, arrays)])
        return layer(*args, **kwargs)

    found = jax.eval_shape(call, [None if f else x for x, f in zip(leaves, fixed)])
    return [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in tree.leaves(found)]
