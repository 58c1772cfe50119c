"""`.h5` files as Keras 2 wrote them, made here by hand, and those that this library writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import highlevel as hl
from highlevel import saving
from highlevel.saving.legacy_config import modern_model

rng = np.random.default_rng(0)


def _write(path: Path, config: Any, weights: dict[str, dict[str, np.ndarray]], training: Any = None,
           optimizer: dict[str, np.ndarray] | None = None, top: bool = True) -> None:
    """A file in the layout of Keras 2."""
    with h5py.File(path, "w") as file:
        group: Any = file
        if top:
            file.attrs["keras_version"] = b"2.11.0"
            file.attrs["backend"] = b"tensorflow"
            file.attrs["model_config"] = json.dumps(config).encode()
            if training is not None:
                file.attrs["training_config"] = json.dumps(training).encode()
            group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            place = group.create_group(name)
            place.attrs["weight_names"] = [key.encode() for key in arrays]
            for key, value in arrays.items():
                place.create_dataset(key, data=value)
        if optimizer is not None:
            place = file.create_group("optimizer_weights")
            place.attrs["weight_names"] = [key.encode() for key in optimizer]
            for key, value in optimizer.items():
                place.create_dataset(key, data=value)


def _dense(name: str, units: int, **more: Any) -> dict[str, Any]:
    return {
        "class_name": "Dense",
        "config": {
            "name": name, "trainable": True, "dtype": "float32", "units": units,
            "activation": "linear", "use_bias": True,
            "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}},
            "bias_initializer": {"class_name": "Zeros", "config": {}},
            "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.5}},
            "bias_regularizer": None, "activity_regularizer": None,
            "kernel_constraint": {"class_name": "MaxNorm", "config": {"max_value": 9, "axis": 0}},
            "bias_constraint": None, **more,
        },
    }


def _arrays(name: str, *shape: int) -> dict[str, np.ndarray]:
    return {
        f"{name}/kernel:0": rng.normal(size=shape).astype("float32"),
        f"{name}/bias:0": rng.normal(size=shape[-1:]).astype("float32"),
    }


SEQUENTIAL = {"class_name": "Sequential", "config": {"name": "sequential", "layers": [
    _dense("first", 4, batch_input_shape=[None, 3], activation="relu"),
    {"class_name": "LeakyReLU", "config": {"name": "leaky", "alpha": 0.25, "dtype": "float32", "trainable": True}},
    {"class_name": "BatchNormalization", "config": {
        "name": "norm", "trainable": True, "dtype": {"class_name": "Policy", "config": {"name": "float32"}},
        "axis": [1], "momentum": 0.9, "epsilon": 0.01, "center": True, "scale": True, "fused": None,
        "beta_initializer": {"class_name": "Zeros", "config": {}},
        "gamma_initializer": {"class_name": "Ones", "config": {}},
        "moving_mean_initializer": {"class_name": "Zeros", "config": {}},
        "moving_variance_initializer": {"class_name": "Ones", "config": {}},
        "beta_regularizer": None, "gamma_regularizer": None, "beta_constraint": None, "gamma_constraint": None}},
    _dense("last", 2),
]}}


def _weights_of_sequential() -> dict[str, dict[str, np.ndarray]]:
    return {
        "first": _arrays("first", 3, 4), "leaky": {},
        "norm": {f"norm/{key}:0": rng.uniform(0.5, 1, 4).astype("float32")
                 for key in ("gamma", "beta", "moving_mean", "moving_variance")},
        "last": _arrays("last", 4, 2),
    }


def _expected(x: np.ndarray, weights: dict) -> np.ndarray:
    h = np.maximum(x @ weights["first"]["first/kernel:0"] + weights["first"]["first/bias:0"], 0)
    gamma, beta, mean, variance = weights["norm"].values()
    h = (h - mean) / np.sqrt(variance + 0.01) * gamma + beta
    return h @ weights["last"]["last/kernel:0"] + weights["last"]["last/bias:0"]


TRAINING = {
    "optimizer_config": {"class_name": "Adam", "config": {
        "lr": 0.01, "beta_1": 0.8, "beta_2": 0.99, "decay": 0.1, "epsilon": None, "amsgrad": False}},
    "loss": {"class_name": "MeanSquaredError", "config": {"reduction": "auto", "name": "mean_squared_error"}},
    "metrics": [[{"class_name": "MeanMetricWrapper", "config": {
        "name": "mae", "dtype": "float32", "fn": "mean_absolute_error"}}]],
    "weighted_metrics": None, "loss_weights": None, "sample_weight_mode": None,
}


@pytest.mark.parametrize("old", [False, True], ids=["2.11", "2.0"])
def test_sequential(old: bool, backend: Any, tmp_path: Path) -> None:
    config = SEQUENTIAL
    if old:  # the layers alone, without the model's name
        config = {"class_name": "Sequential", "config": SEQUENTIAL["config"]["layers"]}
    weights, path, x = _weights_of_sequential(), tmp_path / "m.h5", rng.normal(size=(5, 3)).astype("float32")
    state = {"Adam/iter:0": np.asarray(7, "int64")}
    trained = {k: v for name in ("first", "norm", "last") for k, v in weights[name].items() if "moving" not in k}
    for kind in "mv":
        state |= {f"Adam/{key[:-2]}/{kind}:0": np.full_like(value, 0.5 if kind == "m" else 0.25)
                  for key, value in trained.items()}
    _write(path, config, weights, TRAINING, state)
    model, report = saving.load_model(path, report=True)
    assert report.complete and len(report.loaded) == 8 + 13
    np.testing.assert_allclose(np.asarray(model(x)), _expected(x, weights), rtol=1e-4, atol=1e-5)
    first = model.get_layer("first")
    assert first.kernel_regularizer.l2 == 0.5 and first.kernel_constraint.max_value == 9
    assert model.get_layer("leaky").negative_slope == 0.25 and model.get_layer("norm").axis == 1
    optimizer = model.optimizer
    assert int(optimizer.iterations) == 7 and optimizer.beta_1 == 0.8 and optimizer.epsilon == 1e-7
    assert float(optimizer.learning_rate) == pytest.approx(0.01 / (1 + 0.1 * 7))
    by_name = {v.name: v.numpy() for v in optimizer.variables}
    assert all(np.all(v == (0.5 if "momentum" in k else 0.25)) for k, v in by_name.items() if k != "iteration")
    logs = model.evaluate(x, np.zeros((5, 2), "float32"), verbose=0, return_dict=True)
    assert logs["mae"] == pytest.approx(float(np.abs(_expected(x, weights)).mean()), rel=1e-4)
    assert saving.load_model(path, compile=False).optimizer is None


def test_functional_with_shared_layers_nested_models_and_options(tmp_path: Path) -> None:
    def node(*entries: Any) -> list:
        return [list(entries)]

    def inp(name: str, size: int) -> dict:
        return {"class_name": "InputLayer", "name": name, "inbound_nodes": [],
                "config": {"batch_input_shape": [None, size], "dtype": "float32", "sparse": False,
                           "ragged": False, "name": name}}

    inner = {"class_name": "Functional", "name": "inner", "config": {
        "name": "inner", "trainable": True,
        "layers": [inp("i", 4), {**_dense("deep", 4), "name": "deep", "inbound_nodes": node(["i", 0, 0, {}])}],
        "input_layers": [["i", 0, 0]], "output_layers": [["deep", 0, 0]]},
        # a model in a model is called for the first time as its second call
        "inbound_nodes": [[["shared", 0, 0, {}]], [["shared", 1, 0, {}]]]}
    tower = {"class_name": "Sequential", "name": "tower", "config": {
        "name": "tower", "layers": [_dense("t", 4, batch_input_shape=[None, 4])]},
        "inbound_nodes": node(["inner", 2, 0, {}])}
    config = {"class_name": "Model", "config": {
        "name": "outer", "trainable": True,
        "layers": [
            inp("a", 3), inp("b", 3),
            {**_dense("shared", 4), "name": "shared", "inbound_nodes": [[["a", 0, 0, {}]], [["b", 0, 0, {}]]]},
            inner, tower,
            {"class_name": "Dropout", "name": "drop", "config": {"name": "drop", "trainable": True, "dtype": "float32",
             "rate": 0.5, "noise_shape": None, "seed": None},
             "inbound_nodes": node(["inner", 1, 0, {"training": False}])},
            {"class_name": "Concatenate", "name": "cat", "config": {"name": "cat", "trainable": True, "dtype": "float32", "axis": -1},
             "inbound_nodes": node(["drop", 0, 0, {}], ["tower", 1, 0, {}])},
            {"class_name": "DepthwiseConv1D", "name": "gone", "config": {"name": "gone", "kernel_size": [1], "groups": 1,
             "filters": None}, "inbound_nodes": []},
        ][:7],
        "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["cat", 0, 0], ["tower", 1, 0]]}}
    weights = {"a": {}, "b": {}, "shared": _arrays("shared", 3, 4), "inner": _arrays("deep", 4, 4),
               "tower": _arrays("t", 4, 4), "drop": {}, "cat": {}}
    path = tmp_path / "m.h5"
    _write(path, config, weights)
    model = saving.load_model(path)
    a, b = (rng.normal(size=(2, 3)).astype("float32") for _ in "ab")

    def layer(x: Any, name: str, inner: str) -> Any:
        return x @ weights[name][f"{inner}/kernel:0"] + weights[name][f"{inner}/bias:0"]

    first = layer(layer(a, "shared", "shared"), "inner", "deep")
    second = layer(layer(layer(b, "shared", "shared"), "inner", "deep"), "tower", "t")
    one, two = model([a, b])
    np.testing.assert_allclose(np.asarray(one), np.concatenate([first, second], -1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.asarray(two), second, rtol=1e-4, atol=1e-5)
    # What was read is written as a `.keras` file of today.
    model.save(tmp_path / "m.keras")
    np.testing.assert_allclose(np.asarray(saving.load_model(tmp_path / "m.keras")([a, b])[0]), np.asarray(one))


def test_attention_called_with_tensors_by_name(tmp_path: Path) -> None:
    config = {"class_name": "Functional", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "name": "x", "config": {"batch_input_shape": [None, 5, 4], "dtype": "float32", "name": "x"}, "inbound_nodes": []},
        {"class_name": "MultiHeadAttention", "name": "mha", "config": {
            "name": "mha", "trainable": True, "dtype": "float32", "num_heads": 2, "key_dim": 3, "value_dim": 3,
            "dropout": 0.0, "use_bias": True, "output_shape": None, "attention_axes": [1],
            "query_shape": [None, 5, 4], "key_shape": [None, 5, 4], "value_shape": [None, 5, 4]},
         "inbound_nodes": [[["x", 0, 0, {"value": ["x", 0, 0], "return_attention_scores": False}]]]},
    ], "input_layers": [["x", 0, 0]], "output_layers": [["mha", 0, 0]]}}
    weights = {"x": {}, "mha": {f"mha/{i}:0": np.full(shape, 0.1, "float32") for i, shape in enumerate(
        [(4, 2, 3), (2, 3), (4, 2, 3), (2, 3), (4, 2, 3), (2, 3), (2, 3, 4), (4,)])}}
    _write(tmp_path / "m.h5", config, weights)
    model = saving.load_model(tmp_path / "m.h5")
    # Constant weights: every head's value is 0.1 * (sum of x) + 0.1, averaged with equal scores.
    x = np.ones((1, 5, 4), "float32")
    np.testing.assert_allclose(np.asarray(model(x)), np.full((1, 5, 4), 6 * 0.1 * 0.5 + 0.1), rtol=1e-5)


def test_weights_alone(tmp_path: Path) -> None:
    weights, path = _weights_of_sequential(), tmp_path / "weights.h5"
    _write(path, None, weights, top=False)
    x = rng.normal(size=(5, 3)).astype("float32")

    def build(last: int = 2) -> Any:
        return hl.Sequential([
            hl.Input((3,)), hl.layers.Dense(4, "relu", name="first"),
            hl.layers.BatchNormalization(epsilon=0.01, name="norm"), hl.layers.Dense(last, name="last"),
        ])

    model = build()
    assert model.load_weights(path).complete
    np.testing.assert_allclose(np.asarray(model(x)), _expected(x, weights), rtol=1e-4, atol=1e-5)
    other = hl.Sequential([hl.Input((4,)), hl.layers.Dense(2, name="last"), hl.layers.Dense(7, name="new")])
    report = other.load_weights(path, by_name=True)
    assert len(report.loaded) == 2 and len(report.missing) == 2 and len(report.unused) == 6
    with pytest.raises(saving.FileError, match=r"2 layers with weights.*the file has 3"):
        other.load_weights(path)
    wrong = build(5)
    with pytest.raises(saving.FileError, match="nothing was changed"):
        wrong.load_weights(path)
    assert wrong.layers[0].kernel.is_pending
    with pytest.raises(ValueError, match="by_name"):
        model.save_weights(tmp_path / "m.weights.h5")
        model.load_weights(tmp_path / "m.weights.h5", by_name=True)


def test_custom_layers_and_functions(tmp_path: Path) -> None:
    class Scale(hl.layers.Layer):
        def __init__(self, factor: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x: Any) -> Any:
            return x * self.factor

    def triple(x: Any) -> Any:
        return 3 * x

    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "Mine>Scale", "config": {"name": "scale", "factor": 2.0, "batch_input_shape": [None, 2]}},
        {"class_name": "Lambda", "config": {"name": "l", "function": "triple", "function_type": "function",
         "module": "__main__", "output_shape": None, "output_shape_type": "raw", "output_shape_module": None,
         "arguments": {}}},
    ]}}
    config["config"]["layers"][0]["config"].pop("batch_input_shape")
    config["config"]["layers"].insert(0, {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 2], "name": "i"}})
    _write(tmp_path / "m.h5", config, {})
    model = saving.load_model(tmp_path / "m.h5", custom_objects={"Mine>Scale": Scale, "triple": triple})
    np.testing.assert_allclose(np.asarray(model(np.ones((1, 2), "float32"))), [[6, 6]])
    with pytest.raises(saving.FileError, match="Mine>Scale"):
        saving.load_model(tmp_path / "m.h5")


def test_code_in_a_file_is_refused(tmp_path: Path) -> None:
    layers = [{"class_name": "Lambda", "config": {"name": "l", "function": ["4wEAAAA=", None, None],
               "function_type": "lambda", "batch_input_shape": [None, 2]}}]
    _write(tmp_path / "m.h5", {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}, {})
    for safe_mode in (True, False):
        with pytest.raises(saving.FileError, match="bytecode"):
            saving.load_model(tmp_path / "m.h5", safe_mode=safe_mode)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    with pytest.raises(FileNotFoundError):
        saving.load_model(path)
    _write(path, None, {}, top=False)
    with pytest.raises(saving.FileError, match="no `model_config`"):
        saving.load_model(path)
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = b"{not json"
    with pytest.raises(saving.FileError, match="JSON"):
        saving.load_model(path)
    op = {"class_name": "TFOpLambda", "name": "add", "config": {"name": "add", "function": "math.add"},
          "inbound_nodes": [[["x", 0, 0, {"y": 1.0}]]]}
    with pytest.raises(saving.FileError, match=r"math\.add.*TensorFlow"):
        modern_model({"class_name": "Functional", "config": {"layers": [op], "input_layers": [], "output_layers": []}})
    weights = _weights_of_sequential()
    weights["last"] = _arrays("last", 5, 2)
    _write(path, SEQUENTIAL, weights)
    with pytest.raises(saving.FileError, match=r"\(4, 2\).*\(5, 2\)"):
        saving.load_model(path)


def _compiled() -> Any:
    x = hl.Input((3,))
    h = hl.layers.Dense(4, name="d")(x)
    model = hl.Model(x, hl.layers.BatchNormalization()(hl.ops.tanh(hl.layers.Dropout(0.1)(h)) + 1.0))
    model.compile("adam", "mse", metrics=["mae"])
    return model


def test_round_trip(backend: Any, tmp_path: Path) -> None:
    model, path = _compiled(), tmp_path / "m.h5"
    x, y = rng.normal(size=(4, 3)).astype("float32"), np.zeros((4, 4), "float32")
    model.train_on_batch(x, y)
    with pytest.warns(UserWarning, match="older HDF5 format"):
        model.save(path)
    again, report = saving.load_model(path, report=True)
    assert report.complete
    np.testing.assert_allclose(np.asarray(again(x)), np.asarray(model(x)), rtol=1e-5, atol=1e-6)
    assert int(again.optimizer.iterations) == 1
    assert again.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-4)
    with pytest.warns(UserWarning, match="older"):
        model.save(path, include_optimizer=False)
    assert saving.load_model(path).optimizer is None


@pytest.mark.filterwarnings("ignore:.*older HDF5")
def test_many_layers_of_long_names(tmp_path: Path) -> None:
    """The list of names is larger than one attribute of a file may be."""
    layers = [hl.layers.Dense(1, use_bias=False, name=f"{i:03d}" + "n" * 400) for i in range(200)]
    model = hl.Sequential([hl.Input((1,)), *layers])
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        assert "layer_names1" in file["model_weights"].attrs
    again = saving.load_model(tmp_path / "m.h5")
    assert [float(v.numpy()[0, 0]) for v in again.weights] == [float(v.numpy()[0, 0]) for v in model.weights]


@pytest.mark.filterwarnings("ignore:.*older HDF5")
def test_only_models_with_layers_in_a_config(tmp_path: Path) -> None:
    class Net(hl.Model):
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(ValueError, match=r"neither.*'\.keras'"):
        Net().save(tmp_path / "m.h5")
    assert not list(tmp_path.iterdir())
