"""Random numbers, initializers, regularizers and constraints against Keras on JAX."""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest
from highlevel_backend import use_backend

from highlevel import constraints, initializers, random, regularizers
from highlevel.utils.random_seed import set_random_seed

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.parity


def plain(x):
    return np.asarray(x).astype(np.float64)


RANDOM = [
    ("uniform", ((40,),), {}),
    ("uniform", ((3, 5), -3.0, 2.0), {}),
    ("uniform", ((40,),), {"dtype": "float16"}),
    ("uniform", ((40,),), {"dtype": "bfloat16"}),
    ("normal", ((40,),), {}),
    ("normal", ((40,), 1.0, 2.0), {}),
    ("normal", ((40,),), {"dtype": "float16"}),
    ("normal", ((40,),), {"dtype": "bfloat16"}),
    ("truncated_normal", ((40,), 1.0, 3.0), {}),
    ("randint", ((40,), 0, 10), {}),
    ("randint", ((40,), -1000, 70000), {}),
    ("randint", ((40,), 0, 300), {"dtype": "uint8"}),
    ("randint", ((40,), -100, 100), {"dtype": "int8"}),
    ("categorical", (np.log(np.array([[0.1, 0.5, 0.4], [0.3, 0.3, 0.4]], "float32")), 40), {}),
    ("shuffle", (np.arange(40, dtype="int32"),), {}),
    ("shuffle", (np.arange(60, dtype="int32").reshape(3, 20),), {"axis": 1}),
]


@pytest.mark.parametrize("name, args, options", RANDOM)
def test_random_numbers_are_those_of_keras(backend, name, args, options):
    theirs = getattr(keras.random, name)(*args, seed=17, **options)
    ours = getattr(random, name)(*args, seed=17, **options)
    assert ours.dtype.name == theirs.dtype.name and ours.shape == theirs.shape
    tolerance = {"float16": 2e-3, "bfloat16": 2e-2}.get(ours.dtype.name, 2e-6)
    np.testing.assert_allclose(plain(ours), plain(theirs), rtol=tolerance, atol=tolerance)


def test_dropout_has_the_scale_and_share_of_keras():
    """Not its bits: masks are hashed, alike on both backends (tests/random)."""
    x = np.ones((200, 100), "float32")
    theirs = np.asarray(keras.random.dropout(x, 0.3, seed=17))
    for backend in ("numpy", "jax"):
        with use_backend(backend):
            ours = np.asarray(random.dropout(x, 0.3, seed=17))
        np.testing.assert_allclose(np.unique(ours), np.unique(theirs), rtol=1e-6)
        # Five standard deviations of the share.
        assert abs((ours == 0).mean() - 0.3) < 5 * (0.3 * 0.7 / x.size) ** 0.5


INITIALIZERS = [
    ("GlorotUniform", {}), ("GlorotNormal", {}), ("HeUniform", {}), ("HeNormal", {}),
    ("LecunUniform", {}), ("LecunNormal", {}), ("RandomNormal", {"mean": 1.0, "stddev": 2.0}),
    ("RandomUniform", {"minval": -1.0, "maxval": 3.0}), ("TruncatedNormal", {"stddev": 0.5}),
    ("Orthogonal", {"gain": 2.0}),
    ("VarianceScaling", {"scale": 3.0, "mode": "fan_out", "distribution": "untruncated_normal"}),
    ("VarianceScaling", {"mode": "fan_avg", "distribution": "uniform"}),
    ("VarianceScaling", {"input_axes": (0,), "output_axes": (1,)}),
]


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (3, 3, 4, 5), (7,), ()])
@pytest.mark.parametrize("name, options", INITIALIZERS)
def test_initial_values_are_those_of_keras(backend, name, options, shape):
    if len(shape) < 2 and (name == "Orthogonal" or "input_axes" in options):
        pytest.skip("needs a matrix")
    theirs = getattr(keras.initializers, name)(seed=7, **options)
    ours = getattr(initializers, name)(seed=7, **options)
    np.testing.assert_allclose(plain(ours(shape)), plain(theirs(shape)), rtol=3e-5, atol=3e-6)
    assert json.dumps(initializers.serialize(ours)) == json.dumps(
        keras.initializers.serialize(theirs)
    )


FIXED = [
    ("Zeros", {}, (2, 3)), ("Ones", {}, (2, 3)), ("Constant", {"value": 2.5}, (2, 3)),
    ("Identity", {}, (3, 4)), ("STFT", {}, (8, 1, 5)),
    ("STFT", {"side": "imag", "window": "hamming", "scaling": "spectrum"}, (6, 1, 5)),
    ("STFT", {"window": None}, (8, 1, 5)), ("STFT", {"periodic": True, "scaling": None}, (8, 1, 5)),
]


@pytest.mark.parametrize("name, options, shape", FIXED)
def test_fixed_values_are_those_of_keras(backend, name, options, shape):
    theirs = getattr(keras.initializers, name)(**options)
    ours = getattr(initializers, name)(**options)
    np.testing.assert_allclose(plain(ours(shape)), plain(theirs(shape)), atol=1e-6)
    assert initializers.serialize(ours) == keras.initializers.serialize(theirs)


def test_unseeded_initializers_follow_the_process_seed(backend):
    def draw(library, seed):
        seed(3)
        first = library.initializers.GlorotUniform()((4,))
        second = library.initializers.HeNormal()((4,))
        return plain(first), plain(second), plain(library.random.uniform((4,)))

    import highlevel as hl

    for ours, theirs in zip(draw(hl, set_random_seed), draw(keras, keras.utils.set_random_seed)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_a_stream_as_seed(backend):
    theirs = keras.initializers.GlorotUniform(seed=keras.random.SeedGenerator(3))
    ours = initializers.GlorotUniform(seed=random.SeedGenerator(3))
    for _ in range(2):
        np.testing.assert_allclose(plain(ours((4,))), plain(theirs((4,))), rtol=1e-6)


X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


@pytest.mark.parametrize(
    "name, options",
    [("L1", {"l1": 0.3}), ("L2", {"l2": 0.3}), ("L1L2", {"l1": 0.1, "l2": 0.2}),
     ("OrthogonalRegularizer", {}), ("OrthogonalRegularizer", {"factor": 2.0, "mode": "columns"})],
)
def test_penalties_are_those_of_keras(backend, name, options):
    theirs = getattr(keras.regularizers, name)(**options)
    ours = getattr(regularizers, name)(**options)
    x = keras.ops.array(X)
    np.testing.assert_allclose(plain(ours(X)), plain(theirs(x)), rtol=1e-5)
    written, read = regularizers.serialize(ours), keras.regularizers.serialize(theirs)
    assert {**written, "config": 0} == {**read, "config": 0}
    assert written["config"].keys() == read["config"].keys()
    again = regularizers.deserialize(written)
    np.testing.assert_allclose(plain(again(X)), plain(theirs(x)), rtol=1e-5)


@pytest.mark.parametrize(
    "name, options",
    [("MaxNorm", {"max_value": 1.0}), ("MaxNorm", {"max_value": 1, "axis": [0, 1]}), ("NonNeg", {}),
     ("UnitNorm", {"axis": 1}), ("MinMaxNorm", {"min_value": 1.0, "max_value": 1.2, "rate": 0.3})],
)
def test_projections_are_those_of_keras(backend, name, options):
    theirs = getattr(keras.constraints, name)(**options)
    ours = getattr(constraints, name)(**options)
    np.testing.assert_allclose(plain(ours(X)), plain(theirs(X)), rtol=1e-5)
    assert constraints.serialize(ours) == keras.constraints.serialize(theirs)
