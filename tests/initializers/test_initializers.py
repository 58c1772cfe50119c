"""Initializers: lookup, configurations, statistics, errors."""

import numpy as np
import pytest

from highlevel import initializers
from highlevel.random import SeedGenerator
from highlevel.variable import Variable

CLASSES = ["Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity",
           "LecunNormal", "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform",
           "STFT", "TruncatedNormal", "VarianceScaling", "Zeros"]


@pytest.mark.parametrize("name", CLASSES)
def test_given_back_as_given(backend, name):
    cls = getattr(initializers, name)
    assert isinstance(initializers.get(name), cls)
    made = cls(seed=4) if issubclass(cls, initializers.RandomInitializer) else cls()
    again = initializers.deserialize(initializers.serialize(made))
    assert type(again) is cls and again.get_config() == made.get_config()
    shape = (4, 1, 3) if name == "STFT" else (4, 3)
    assert np.asarray(again(shape)).tolist() == np.asarray(made(shape)).tolist()


@pytest.mark.parametrize("alias", ["glorot_uniform", "zeros", "zero", "one", "normal", "uniform",
                                   "orthogonal", "stft", "identity", "OrthogonalInitializer"])
def test_aliases(alias):
    assert isinstance(initializers.get(alias), initializers.Initializer)


def test_other_identifiers(backend):
    assert initializers.get(None) is None
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    assert isinstance(initializers.get({"class_name": "zeros", "config": {}}), initializers.Zeros)
    def own(shape, dtype=None):
        return np.zeros(shape)
    assert initializers.get(own) is own
    fixed = initializers.get(np.ones((2, 2), "float32"))
    assert np.asarray(fixed((2, 2), "float32")).tolist() == [[1, 1], [1, 1]]
    with pytest.raises(ValueError, match=r"\(2, 2\).*\(3,\)"):
        fixed((3,))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: initializers.get("glorot_unifrom"), "Did you mean 'glorot_uniform'"),
        (lambda: initializers.get(3), "Initializer 3"),
        (lambda: initializers.VarianceScaling(scale=0), "scale"),
        (lambda: initializers.VarianceScaling(mode="fan"), "'fan_in'"),
        (lambda: initializers.VarianceScaling(distribution="x"), "'uniform'"),
        (lambda: initializers.GlorotUniform(seed="x"), "GlorotUniform: `seed`"),
        (lambda: initializers.Orthogonal()((3,)), "2 axes"),
        (lambda: initializers.Identity()((3,)), "matrices"),
        (lambda: initializers.STFT()((3, 3)), "frame_length"),
        (lambda: initializers.STFT(side="x"), "side"),
    ],
)
def test_errors(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("name, variance", [("GlorotNormal", 2 / 500), ("HeNormal", 2 / 200),
                                            ("LecunNormal", 1 / 200), ("LecunUniform", 1 / 200)])
def test_variance(backend, name, variance):
    drawn = np.asarray(getattr(initializers, name)(seed=1)((200, 300)))
    assert abs(drawn.var() / variance - 1) < 0.03 and abs(drawn.mean()) < 1e-3


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (2, 2, 3)])
def test_orthogonal_is(backend, shape):
    matrix = np.asarray(initializers.Orthogonal(seed=1)(shape)).reshape(-1, shape[-1])
    product = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("name", ["Zeros", "Ones", "Constant", "Identity", "GlorotUniform", "Orthogonal"])
def test_dtypes(backend, name, dtype):
    made = getattr(initializers, name)()((3, 2), dtype)
    assert made.dtype.name == dtype and made.shape == (3, 2)
    assert backend.is_array(made)


def test_integers(backend):
    assert initializers.Constant(3)((2,), "int32").dtype.name == "int32"


def test_a_variable_of_a_stream_is_made_at_once(backend):
    stream = SeedGenerator(1)
    seeded = Variable(initializers.GlorotUniform(seed=1), shape=(2,))
    streamed = Variable(initializers.GlorotUniform(seed=stream), shape=(2,))
    assert seeded.is_pending and not streamed.is_pending
    np.testing.assert_allclose(seeded.numpy(), streamed.numpy())
    assert initializers.deserialize(
        initializers.serialize(initializers.HeNormal(seed=SeedGenerator(5)))
    ).seed.seed == 5


def test_unseeded_ones_differ():
    a, b = initializers.GlorotUniform(), initializers.GlorotUniform()
    assert a.get_config()["seed"] is None
    assert np.asarray(a((4,))).tolist() == np.asarray(a((4,))).tolist()
    assert np.asarray(a((4,))).tolist() != np.asarray(b((4,))).tolist()
