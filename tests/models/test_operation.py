"""`Operation` and `Function`: alone, in graphs, and written to configs and files."""

import numpy as np
import pytest

import highlevel as hl
from highlevel import layers, ops

X = np.linspace(-1, 1, 12).reshape(4, 3).astype("float32")


@hl.saving.register_keras_serializable("test_operation")
class Scale(hl.Operation):
    def __init__(self, factor, name=None):
        super().__init__(name=name)
        self.factor = factor

    def call(self, x):
        return self.factor * x


def test_arrays_and_symbolic_tensors(backend):
    scale = Scale(3.0)
    np.testing.assert_allclose(ops.convert_to_numpy(scale(backend.asarray(X))), 3 * X)
    with pytest.raises(AttributeError, match=r"Scale 'scale.*' was never called on symbolic"):
        _ = scale.output
    x = hl.Input((3,))
    y = scale(x)
    assert y.shape == (None, 3) and y.dtype == "float32"
    assert scale.input is x and scale.output is y
    assert isinstance(layers.Dense(1), hl.Operation)
    with pytest.raises(NotImplementedError, match="has no `call`"):
        hl.Operation()(X)
    with pytest.raises(ValueError, match="must be a string without '/'"):
        Scale(1.0, name="a/b")


def test_config():
    scale = Scale(3.0, name="thrice")
    assert scale.get_config() == {"name": "thrice", "factor": 3.0}
    again = Scale.from_config(scale.get_config())
    assert (again.name, again.factor) == ("thrice", 3.0)
    with pytest.raises(NotImplementedError, match="argument `factor` of Scale 'odd'"):
        Scale(object(), name="odd").get_config()


def test_in_a_model_that_is_saved(backend, tmp_path):
    x = hl.Input((3,))
    model = hl.Model(x, Scale(2.0)(layers.Dense(2)(Scale(0.5, name="half")(x))))
    model.save(tmp_path / "m.keras")
    again = hl.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-6)


def test_function(backend):
    a, b = hl.Input((3,)), hl.Input((3,))
    dense = layers.Dense(2)
    function = hl.Function({"a": a, "b": b}, [dense(ops.add(a, b)), ops.sum(a, axis=-1)])
    arrays = {"a": backend.asarray(X), "b": backend.asarray(X + 1)}
    first, second = function(arrays)
    np.testing.assert_allclose(ops.convert_to_numpy(first), ops.convert_to_numpy(dense(2 * X + 1)),
                               atol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(second), X.sum(-1), atol=1e-6)
    assert [t.shape for t in function({"a": hl.Input((3,)), "b": hl.Input((3,))})] == [(None, 2), (None,)]
    assert function.compute_output_shape({"a": (7, 3), "b": (7, 3)}) == [(7, 2), (7,)]
    assert len(function.operations) == 5 and function.inputs == [a, b]
    with pytest.raises(ValueError, match="has 2 input"):
        function(X)
    with pytest.raises(ValueError, match="The outputs of a Function are symbolic tensors"):
        hl.Function(a, X)


def test_function_goes_through_its_config(backend):
    x = hl.Input((3,), name="x")
    function = hl.Function(x, ops.tanh(Scale(2.0)(x)), name="squash")
    again = hl.Function.from_config(function.get_config())
    assert again.name == "squash"
    np.testing.assert_allclose(ops.convert_to_numpy(again(X)), np.tanh(2 * X), atol=1e-6)
