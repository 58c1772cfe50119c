"""`Config`, and the small questions about symbolic tensors and dtypes."""

import copy
import json
import pickle

import numpy as np
import pytest

import highlevel as hl
from highlevel.utils import Config


def test_settings_are_attributes_and_items():
    config = Config(a=1, b="x")
    config.c = 3
    config["d"] = [4]
    config.update({"a": 2}, e=5)
    assert config.a == config["a"] == 2 and "c" in config and len(config) == 5
    assert list(config) == list(config.keys()) == ["a", "b", "c", "d", "e"]
    assert dict(config.items()) == config.as_dict()
    assert next(iter(config.values())) == 2
    assert json.loads(config.to_json()) == config.as_dict()
    assert config.get("nope") is None and config.get("nope", 7) == 7
    assert config.pop("a") == 2 and config.pop("a", 0) == 0
    del config.b
    del config["c"]
    assert config.as_dict() == {"d": [4], "e": 5}


def test_a_missing_setting_is_named():
    with pytest.raises(AttributeError, match=r"no setting 'nope'.*'a'"):
        _ = Config(a=1).nope
    with pytest.raises(KeyError, match="nope"):
        Config(a=1)["nope"]
    with pytest.raises(AttributeError, match="method or property"):
        Config().keys = 3


@pytest.mark.parametrize("change", [
    lambda c: setattr(c, "a", 2), lambda c: c.update(a=2), lambda c: c.pop("a"),
    lambda c: c.__setitem__("b", 2), lambda c: c.__delitem__("a"), lambda c: delattr(c, "a"),
])
def test_a_frozen_config_refuses_every_change(change):
    config = Config(a=1)
    config.freeze()
    assert config.frozen
    with pytest.raises(ValueError, match="frozen"):
        change(config)
    assert config.as_dict() == {"a": 1}
    config.unfreeze()
    change(config)
    assert config.as_dict() != {"a": 1}


@pytest.mark.parametrize("through", [copy.copy, copy.deepcopy,
                                     lambda c: pickle.loads(pickle.dumps(c))])
def test_a_copy_has_settings_of_its_own(through):
    config = Config(a=1)
    config.freeze()
    other = through(config)
    assert other.as_dict() == {"a": 1} and other.frozen
    other.unfreeze()
    other.a = 2
    assert config.a == 1


def test_source_inputs(backend):
    a, b, unused = (hl.Input((2,), name=name) for name in "abc")
    hidden = hl.layers.Dense(2)(a)
    assert [
        x.name for x in hl.utils.get_source_inputs(hidden + b)] == ["a", "b"]
    assert [x.name for x in hl.utils.get_source_inputs(hidden)] == ["a"]
    assert [x.name for x in hl.utils.get_source_inputs(unused)] == ["c"]
    deep = a
    for _ in range(1500):
        deep = hl.ops.add(deep, 1.0)
    assert [x.name for x in hl.utils.get_source_inputs(deep)] == ["a"]


def test_is_keras_tensor_and_standardize_dtype(backend):
    assert hl.utils.is_keras_tensor(hl.Input((2,)))
    assert not hl.utils.is_keras_tensor(np.zeros(2))
    assert not hl.utils.is_keras_tensor(hl.ops.zeros(2))
    assert [hl.utils.standardize_dtype(d) for d in (None, "int", bool, np.int64, str)] == [
        "float32", "int32", "bool", "int64", "string"]
    with pytest.raises(ValueError, match="dtype"):
        hl.utils.standardize_dtype("no such")
