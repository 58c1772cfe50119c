"""Custom classes, subclassed models and assets move both ways between Keras and this library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from file_models import flat, randomize

import highlevel as hl

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.parity
rng = np.random.default_rng(0)


def _normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype("float32")


def _same(ours: Any, theirs: Any, x: Any, tolerance: float = 2e-5) -> None:
    for a, b in zip(flat(ours(x)), flat(theirs(x)), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_adapted_normalization(tmp_path: Any) -> None:
    def adapted(k: Any) -> Any:
        layer = k.layers.Normalization()
        layer.adapt(np.arange(12, dtype="float32").reshape(6, 2))
        return k.Sequential([k.Input((2,)), layer, k.layers.Dense(1)])

    theirs = adapted(keras)
    path = str(tmp_path / "m.keras")
    theirs.save(path)
    ours = hl.models.load_model(path)
    _same(ours, theirs, _normal(3, 2))
    ours.save(path)
    _same(ours, keras.models.load_model(path), _normal(3, 2))


def _custom(k: Any) -> type:
    class Block(k.layers.Layer):
        """Sublayers in an attribute, a list, a dict, a nested list, and behind a `_`."""

        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.project = k.layers.Dense(units)
            self.tower = [k.layers.Dense(units), k.layers.LayerNormalization()]
            self.heads = {"b": k.layers.Dense(units), "a": k.layers.Dense(units)}
            self.deep = [[k.layers.Dense(units)], k.layers.Dense(units)]
            self._hidden = k.layers.Dense(units)

        def build(self, input_shape: Any) -> None:
            self.project.build(input_shape)
            inner = (*input_shape[:-1], self.units)
            for layer in [*self.tower, *self.heads.values(), self.deep[0][0], self.deep[1],
                          self._hidden]:
                layer.build(inner)
            self.scale = self.add_weight(shape=(self.units,), initializer="ones", name="scale")

        def call(self, x: Any) -> Any:
            x = self.project(x)
            for layer in self.tower:
                x = layer(x)
            x = self.heads["a"](x) + self.heads["b"](x)
            return self._hidden(self.deep[1](self.deep[0][0](x))) * self.scale

        def get_config(self) -> dict:
            return {**super().get_config(), "units": self.units}

    return Block


def test_custom_layers_keep_their_names(tmp_path: Any) -> None:
    theirs_class, ours_class = _custom(keras), _custom(hl)
    theirs = keras.Sequential([keras.Input((3,)), theirs_class(4)])
    randomize(theirs)
    path = str(tmp_path / "m.keras")
    theirs.save(path)
    ours = hl.models.load_model(path, custom_objects={"Block": ours_class})
    _same(ours, theirs, _normal(2, 3))
    ours.save(path)
    again = keras.models.load_model(path, custom_objects={"Block": theirs_class})
    _same(ours, again, _normal(2, 3))


def test_subclassed_model_weights(tmp_path: Any) -> None:
    def build(k: Any) -> Any:
        class Net(k.Model):
            def __init__(self) -> None:
                super().__init__()
                self.dense = k.layers.Dense(3)
                self.blocks = [k.layers.Dense(3), k.layers.BatchNormalization()]
                self.again = self.dense
                self.zeta = k.Sequential([k.layers.Dense(2)])
                self._inner = k.layers.Dense(3)

            def call(self, x: Any, training: bool = False) -> Any:
                x = self._inner(self.dense(x))
                for layer in self.blocks:
                    x = layer(x)
                return self.zeta(x)

        model = Net()
        model(np.ones((1, 4), "float32"))
        return model

    theirs, ours = build(keras), build(hl)
    randomize(theirs)
    path = str(tmp_path / "m.weights.h5")
    theirs.save_weights(path)
    ours.load_weights(path)
    _same(ours, theirs, _normal(2, 4))
    ours.save_weights(path)
    again = build(keras)
    again.load_weights(path)
    _same(ours, again, _normal(2, 4))


def _net(k: Any) -> type:
    class Net(k.Model):
        """Rebuilt from its arguments; sublayers in attributes, variables of its own."""

        def __init__(self, units: int, act: Any = "relu", **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units, self.act = units, k.activations.get(act)
            self.first = k.layers.Dense(units)
            self.rest = [k.layers.Dense(units), k.layers.LayerNormalization()]
            self.head = k.Sequential([k.layers.Dense(2)])

        def build(self, input_shape: Any) -> None:
            shape = (*input_shape[:-1], self.units)
            self.first.build(input_shape)
            for layer in [*self.rest, self.head]:
                layer.build(shape)
            self.scale = self.add_weight(shape=(self.units,), initializer="ones", name="scale")
            self.built = True

        def call(self, x: Any, training: bool = False) -> Any:
            x = self.act(self.first(x)) * self.scale
            for layer in self.rest:
                x = layer(x)
            return self.head(x)

        def get_config(self) -> dict:
            return {**super().get_config(), "units": self.units,
                    "act": k.activations.serialize(self.act)}

    return Net


@pytest.mark.parametrize("way", ["custom_objects", "scope", "registered"])
def test_subclassed_models_whole(way: str, tmp_path: Any) -> None:
    theirs_class, ours_class = _net(keras), _net(hl)
    name = "Net"
    if way == "registered":
        keras.saving.register_keras_serializable("mine")(theirs_class)
        hl.saving.register_keras_serializable("mine")(ours_class)
        name = "mine>Net"
    theirs = theirs_class(3, "tanh")
    theirs.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    x, y = _normal(4, 5), _normal(4, 2)
    theirs.train_on_batch(x, y)
    path, back = str(tmp_path / "m.keras"), str(tmp_path / "back.keras")
    theirs.save(path)

    def load(k: Any, cls: Any, path: str) -> Any:
        if way == "scope":
            with k.saving.CustomObjectScope({name: cls}):
                return k.models.load_model(path)
        return k.models.load_model(path, custom_objects={name: cls} if way != "registered" else None)

    ours = load(hl, ours_class, path)
    _same(ours, theirs, x)
    theirs.train_on_batch(x, y)
    ours.train_on_batch(x, y)
    _same(ours, theirs, x, 1e-3)
    ours.save(back)
    again = load(keras, theirs_class, back)
    _same(ours, again, x)
    assert int(again.optimizer.iterations) == 2


def test_registered_functions_losses_and_metrics(tmp_path: Any) -> None:
    def things(k: Any) -> dict[str, Any]:
        @k.saving.register_keras_serializable("files")
        def bent(x: Any) -> Any:
            return x * k.ops.sigmoid(2.0 * x)

        @k.saving.register_keras_serializable("files")
        class Start(k.initializers.Initializer):
            def __init__(self, value: float) -> None:
                self.value = value

            def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
                return k.ops.full(shape, self.value, dtype=dtype)

            def get_config(self) -> dict:
                return {"value": self.value}

        @k.saving.register_keras_serializable("files")
        class Power(k.losses.Loss):
            def __init__(self, power: float = 2.0, **kwargs: Any) -> None:
                super().__init__(**kwargs)
                self.power = power

            def call(self, y_true: Any, y_pred: Any) -> Any:
                return k.ops.mean(k.ops.abs(y_true - y_pred) ** self.power, axis=-1)

            def get_config(self) -> dict:
                return {**super().get_config(), "power": self.power}

        @k.saving.register_keras_serializable("files")
        def worst(y_true: Any, y_pred: Any) -> Any:
            return k.ops.max(k.ops.abs(y_true - y_pred), axis=-1)

        return {"bent": bent, "Start": Start, "Power": Power, "worst": worst}

    def build(k: Any) -> Any:
        own = things(k)
        model = k.Sequential([
            k.Input((3,)), k.layers.Dense(4, activation=own["bent"], kernel_initializer=own["Start"](0.3)),
            k.layers.Dense(1),
        ])
        model.compile("sgd", own["Power"](1.5), metrics=[own["worst"]])
        return model

    theirs, x, y = build(keras), _normal(5, 3), _normal(5, 1)
    build(hl)
    path = str(tmp_path / "m.keras")
    theirs.save(path)
    ours = hl.models.load_model(path)
    _same(ours, theirs, x)
    expected = theirs.evaluate(x, y, verbose=0, return_dict=True)
    found = ours.evaluate(x, y, verbose=0, return_dict=True)
    assert found == pytest.approx(expected, rel=1e-4)
    ours.save(path)
    again = keras.models.load_model(path)
    assert again.evaluate(x, y, verbose=0, return_dict=True) == pytest.approx(expected, rel=1e-4)
