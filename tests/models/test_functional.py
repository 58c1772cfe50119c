"""Functional models: structures, shared layers, nesting, configs, clones."""

import numpy as np
import pytest

import highlevel as hl

L = hl.layers
X = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)


def numpy(x):
    return np.asarray(hl.ops.convert_to_numpy(x))


def test_layers_and_ends():
    inputs = hl.Input((4,), name="features")
    hidden = L.Dense(5, activation="relu", name="hidden")(inputs)
    model = hl.Model(inputs, L.Dense(2, name="out")(hidden), name="net")
    assert type(model) is hl.Functional
    assert [layer.name for layer in model.layers] == ["features", "hidden", "out"]
    assert model.layers[1].output is hidden and model.layers[1].input is inputs
    assert model.layers["out"] is model.layers[2] is model.get_layer("out")
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))
    assert model.input_names == ["features"] and model.output_names == ["out"]
    assert [w.path for w in model.weights] == [
        "hidden/kernel", "hidden/bias", "out/kernel", "out/bias"]
    assert all(w.is_pending for w in model.weights)


def test_value_equals_the_formula(backend):
    inputs = hl.Input((4,))
    a, b = L.Dense(3, activation="tanh"), L.Dense(3)
    model = hl.Model(inputs, a(inputs) * 2.0 + b(inputs))
    w, c, v, d = (numpy(x) for x in model.weights)
    expected = np.tanh(X @ w + c) * 2 + X @ v + d
    np.testing.assert_allclose(numpy(model(X)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", ["list", "dict", "tuple"])
def test_structures_of_inputs_and_outputs(form, backend):
    a, b = hl.Input((4,), name="a"), hl.Input((2,), name="b")
    joined = L.Concatenate()([a, b])
    first, second = L.Dense(1, name="first")(joined), L.Dense(2, name="second")(joined)
    build = {
        "list": ([a, b], [first, second]),
        "tuple": ((a, b), (first, second)),
        "dict": ({"a": a, "b": b}, {"first": first, "second": second}),
    }[form]
    model = hl.Model(*build)
    values = {"a": X, "b": X[:, :2]}
    given = values if form == "dict" else [values["a"], values["b"]]
    outputs = model(given)
    assert type(outputs) is type(build[1])
    flat = list(outputs.values()) if form == "dict" else outputs
    assert [tuple(o.shape) for o in flat] == [(3, 1), (3, 2)]
    by_name = model(values)  # names work whatever the structure
    flat_by_name = list(by_name.values()) if form == "dict" else by_name
    np.testing.assert_array_equal(numpy(flat[0]), numpy(flat_by_name[0]))


def test_shared_layer_and_skip(backend):
    a, b = hl.Input((4,)), hl.Input((4,))
    shared = L.Dense(4)
    model = hl.Model([a, b], L.Add()([shared(a), shared(b), a]))
    assert len(model.weights) == 2
    w, c = (numpy(x) for x in model.weights)
    np.testing.assert_allclose(
        numpy(model([X, 2 * X])), X @ w + c + 2 * X @ w + c + X, rtol=1e-5, atol=1e-6)


def test_nested_model(backend):
    inner_in = hl.Input((4,))
    inner = hl.Model(inner_in, L.Dense(3)(inner_in), name="inner")
    outer_in = hl.Input((4,))
    outer = hl.Model(outer_in, L.Dense(2)(inner(outer_in)))
    assert outer.layers[1] is inner and len(outer.weights) == 4
    assert outer(X).shape == (3, 2)
    assert outer.layers["inner"].layers[1].output.shape == (None, 3)


def test_a_model_from_the_middle(backend):
    inputs = hl.Input((4,))
    hidden = L.Dense(5, activation="relu")(inputs)
    outputs = L.Dense(2)(hidden)
    whole = hl.Model(inputs, outputs)
    features, head = hl.Model(inputs, hidden), hl.Model(hidden, outputs)
    np.testing.assert_allclose(numpy(head(features(X))), numpy(whole(X)), rtol=1e-5, atol=1e-6)


def test_config_round_trip_and_clone(backend):
    a, b = hl.Input((4,), name="a"), hl.Input((4,), name="b")
    shared = L.Dense(4, name="shared")
    x = L.Add()([shared(a), shared(b)])
    x = hl.ops.mean(x * 2.0 + a, axis=-1, keepdims=True)
    model = hl.Model({"a": a, "b": b}, {"out": L.Dense(2)(x)})
    values = {"a": X, "b": 2 * X}
    for copy in (
        hl.Functional.from_config(model.get_config()),
        hl.models.model_from_json(model.to_json()),
        hl.models.clone_model(model),
    ):
        assert [w.path for w in copy.weights] == [w.path for w in model.weights]
        copy.set_weights(model.get_weights())
        np.testing.assert_allclose(
            numpy(copy(values)["out"]), numpy(model(values)["out"]), rtol=1e-6)


def test_clone_function():
    model = hl.Sequential([hl.Input((4,)), L.Dense(3), L.Dropout(0.2)])

    def no_dropout(layer):
        config = layer.get_config()
        if isinstance(layer, L.Dropout):
            config["rate"] = 0.0
        return type(layer).from_config(config)

    assert hl.models.clone_model(model, clone_function=no_dropout).layers[1].rate == 0.0


def test_deep_graphs_need_no_recursion():
    x = inputs = hl.Input((2,))
    layer = L.Dense(2)
    for _ in range(3000):
        x = layer(x)
    assert len(hl.Model(inputs, x).weights) == 2


def test_disconnected_input():
    a, b = hl.Input((4,), name="a"), hl.Input((4,), name="b")
    with pytest.raises(ValueError, match=r"input 'b'.*not among the model's inputs"):
        hl.Model(a, L.Add()([a, b]))


def test_missing_and_misspelt_inputs(backend):
    a, b = hl.Input((4,), name="left"), hl.Input((4,), name="right")
    model = hl.Model([a, b], L.Add()([a, b]))
    with pytest.raises(ValueError, match=r"\['right'\] is missing.*Did you mean 'rigth'"):
        model({"left": X, "rigth": X})
    with pytest.raises(ValueError, match="has 2 input"):
        model([X])


def test_two_layers_of_one_name():
    inputs = hl.Input((4,))
    with pytest.raises(ValueError, match="'same' is used by two layers"):
        hl.Model(inputs, L.Dense(2, name="same")(L.Dense(2, name="same")(inputs)))


def test_subclass_with_functional_constructor(backend):
    class Net(hl.Model):
        def __init__(self):
            inputs = hl.Input((4,))
            super().__init__(inputs=inputs, outputs=L.Dense(2)(inputs))
            self.scale = 3.0

    net = Net()
    assert net(X).shape == (3, 2) and net.scale == 3.0 and isinstance(net, Net)


def test_symbolic_values_have_no_truth():
    inputs = hl.Input((4,))
    with pytest.raises(TypeError, match=r"symbolic and has no value.*ops\.where"):
        if inputs > 0:
            pass
    with pytest.raises(TypeError, match="no value"):
        np.tanh(inputs)
