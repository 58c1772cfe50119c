"""Objects to configurations and back; what configurations may and may not name."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import highlevel as hl
from highlevel import dtype_policies
from highlevel.ops.graph_table import graph_op, split_call
from highlevel.serialization import (
    CustomObjectScope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)


def _json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("value", [
    None, True, 3, 2.5, "text", b"bytes", [1, [2, None]], {"a": {"b": 1}}, ..., slice(1, None, 2),
    [slice(None), ...],
])
def test_plain_values_come_back(value: Any) -> None:
    assert deserialize_keras_object(_json(serialize_keras_object(value))) == value


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int64", "bool", "complex64"])
def test_arrays_come_back(dtype: str) -> None:
    if dtype == "complex64":
        pytest.skip("JSON has no complex numbers")
    value = np.arange(6).reshape(2, 3).astype(dtype)
    again = deserialize_keras_object(_json(serialize_keras_object(value)))
    assert again.dtype == value.dtype
    np.testing.assert_array_equal(again, value)


def test_numpy_scalars_become_numbers() -> None:
    config = serialize_keras_object([np.float32(1.5), np.int64(2), np.bool_(True), np.array(3.0)])
    assert config == [1.5, 2, True, 3.0] and all(type(v) in (float, int, bool) for v in config)


def test_form_of_an_object() -> None:
    config = serialize_keras_object(hl.initializers.GlorotUniform(seed=1))
    assert config["module"] == "keras.initializers" and config["class_name"] == "GlorotUniform"
    assert config["registered_name"] is None and config["config"]["seed"] == 1
    layer = hl.layers.Dense(2)
    assert "build_config" not in serialize_keras_object(layer)
    layer.build((None, 3))
    assert _json(serialize_keras_object(layer))["build_config"] == {"input_shape": [None, 3]}
    again = deserialize_keras_object(_json(serialize_keras_object(layer)))
    assert again.built and again.kernel.shape == (3, 2)
    policy = serialize_keras_object(dtype_policies.get("mixed_float16"))
    assert policy["module"] == "keras" and policy["config"] == {"name": "mixed_float16"}


def test_functions_by_name() -> None:
    config = serialize_keras_object(hl.activations.relu)
    assert config == {"module": "builtins", "class_name": "function", "config": "relu",
                      "registered_name": "function"}
    assert deserialize_keras_object(config) is hl.activations.relu


def test_a_users_function_of_a_built_in_name_stays_the_users() -> None:
    def relu(x: Any) -> Any:
        return -x

    again = deserialize_keras_object(_json(serialize_keras_object(relu)))
    assert again is relu
    assert deserialize_keras_object(serialize_keras_object(hl.activations.relu)) is not relu


def test_registered_names() -> None:
    @register_keras_serializable("pack", "short")
    class Long:
        def __init__(self, n: int) -> None:
            self.n = n

        def get_config(self) -> dict:
            return {"n": self.n}

        @classmethod
        def from_config(cls, config: dict) -> Any:
            return cls(**config)

    assert get_registered_name(Long) == "pack>short"
    assert get_registered_object("pack>short") is Long
    assert get_custom_objects()["pack>short"] is Long
    config = _json(serialize_keras_object(Long(4)))
    assert config["registered_name"] == "pack>short" and config["class_name"] == "Long"
    assert deserialize_keras_object(config).n == 4
    with pytest.raises(ValueError, match="get_config"):
        register_keras_serializable()(type("Bare", (), {}))


def test_scopes_nest_and_end() -> None:
    config = {"module": "elsewhere", "class_name": "Thing", "config": {}, "registered_name": None}

    class Thing(hl.layers.Layer):
        pass

    with pytest.raises(TypeError, match="never imported"):
        deserialize_keras_object(config)
    with CustomObjectScope({"Other": 1}), CustomObjectScope({"Thing": Thing}):
        assert isinstance(deserialize_keras_object(config), Thing)
        assert get_registered_object("Other") == 1
    with pytest.raises(TypeError):
        deserialize_keras_object(config)
    assert isinstance(deserialize_keras_object(config, {"Thing": Thing}), Thing)


def test_unknown_names_are_suggested() -> None:
    with pytest.raises(TypeError, match="'Dense'"):
        deserialize_keras_object(
            {"module": "keras.layers", "class_name": "Dence", "config": {}})


def test_without_get_config() -> None:
    with pytest.raises(TypeError, match="get_config"):
        serialize_keras_object({1, 2})


def test_lambdas_stay_in_the_process() -> None:
    def check(function: Any) -> None:
        assert deserialize_keras_object(_json(serialize_keras_object(function))) is function

    check(lambda x: x)
    with pytest.raises(ValueError, match="never run"):
        deserialize_keras_object({"class_name": "__lambda__", "config": {"token": "made up"}})


def test_files_of_keras_2_name_no_module() -> None:
    layer = deserialize_keras_object({"class_name": "Dense", "config": {"units": 3}})
    assert isinstance(layer, hl.layers.Dense) and layer.units == 3


def test_arguments_of_ops_are_split_as_files_have_them() -> None:
    x = hl.Input((4,))
    assert graph_op(hl.ops.mean).class_name == "Mean"
    inputs, keyword, config = split_call(hl.ops.mean, (x, -1), {"keepdims": True})
    assert inputs == (x,) and keyword == {} and config == {"axis": -1, "keepdims": True}
    inputs, _, config = split_call(hl.ops.einsum, ("ij,ij->i", x, x), {})
    assert inputs == (x, x) and config["subscripts"] == "ij,ij->i"
    y = hl.ops.pad(x, ((0, 0), (1, 1)))
    config = _json(serialize_keras_object(y.node.operation))
    assert config["module"] == "keras.src.ops.numpy" and config["class_name"] == "Pad"
    saved = deserialize_keras_object(config)
    assert saved(x).shape == (None, 6)


def test_every_op_of_the_table_is_here_and_takes_its_arguments() -> None:
    import inspect

    from highlevel.ops.dispatch import registered_ops
    from highlevel.ops.graph_table import _tables, input_names

    hl.ops.mean  # noqa: B018 - loads the ops
    for name, entry in _tables()[0].items():
        if name in registered_ops:
            signature = inspect.signature(registered_ops[name])
            for argument in input_names(entry, signature):
                assert argument in signature.parameters, (name, argument)
