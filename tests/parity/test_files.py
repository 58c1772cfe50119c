"""Files move both ways between Keras and this library: models, weights, predictions."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

import highlevel as hl  # noqa: E402

rng = np.random.default_rng(0)


def _normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype("float32")


# ---------------------------------------------------------------- the table of models
# Each function builds the same model with either library; `k` is the library.


def dense(k: Any) -> Any:
    return k.Sequential([
        k.Input((4,)),
        k.layers.Dense(5, activation="relu", kernel_regularizer="l2", name="first"),
        k.layers.Dropout(0.5),
        k.layers.Dense(3, activation=k.activations.softmax, kernel_constraint="max_norm"),
    ])


def einsum_dense(k: Any) -> Any:
    return k.Sequential([
        k.Input((3, 4)),
        k.layers.EinsumDense("abc,cd->abd", output_shape=(3, 5), bias_axes="d"),
        k.layers.Flatten(),
        k.layers.Dense(2, use_bias=False),
    ])


def convolutions(k: Any) -> Any:
    return k.Sequential([
        k.Input((8, 8, 3)),
        k.layers.Conv2D(4, 3, padding="same", activation="relu"),
        k.layers.MaxPooling2D(),
        k.layers.DepthwiseConv2D(3, depth_multiplier=2),
        k.layers.BatchNormalization(),
        k.layers.SeparableConv2D(3, 1),
        k.layers.Conv2DTranspose(2, 2, strides=2),
        k.layers.AveragePooling2D(2),
        k.layers.GlobalAveragePooling2D(),
    ])


def sequences_1d(k: Any) -> Any:
    return k.Sequential([
        k.Input((9, 2)),
        k.layers.ZeroPadding1D(1),
        k.layers.Conv1D(3, 3, dilation_rate=2, padding="causal"),
        k.layers.Cropping1D(1),
        k.layers.UpSampling1D(2),
        k.layers.GlobalMaxPooling1D(),
        k.layers.LayerNormalization(),
    ])


def recurrent(k: Any) -> Any:
    x = k.Input((6,), dtype="int32")
    h = k.layers.Embedding(7, 4)(x)
    h = k.layers.LSTM(3, return_sequences=True)(h)
    h = k.layers.Bidirectional(k.layers.GRU(3, return_sequences=True))(h)
    h = k.layers.SimpleRNN(4, return_sequences=True)(h)
    h = k.layers.TimeDistributed(k.layers.Dense(2))(h)
    return k.Model(x, k.layers.GRU(2, reset_after=False)(h))


def stacked_cells(k: Any) -> Any:
    x = k.Input((5, 2))
    cells = [k.layers.LSTMCell(3), k.layers.GRUCell(2)]
    return k.Model(x, k.layers.RNN(cells, go_backwards=True)(x))


def attention(k: Any) -> Any:
    x = k.Input((5, 4))
    h = k.layers.MultiHeadAttention(2, 3, dropout=0.1)(x, x)
    h = k.layers.Add()([x, h])
    h = k.layers.LayerNormalization(epsilon=1e-5)(h)
    return k.Model(x, k.layers.Dense(2)(h))


def merging(k: Any) -> Any:
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    parts = [
        k.layers.Subtract()([a, b]), k.layers.Multiply()([a, b]), k.layers.Average()([a, b]),
        k.layers.Maximum()([a, b]), k.layers.Minimum()([a, b]),
    ]
    h = k.layers.Concatenate()(parts)
    one, two = k.layers.Dense(2, name="one")(h), k.layers.Dense(3, name="two")(h)
    return k.Model([a, b], [one, two])


def named_ends(k: Any) -> Any:
    a, b = k.Input((3,), name="a"), k.Input((3,), name="b")
    return k.Model(
        {"first": a, "second": b},
        {"sum": k.layers.Dense(2)(k.layers.Add()([a, b])), "a": k.layers.Dense(1)(a)},
    )


def shared(k: Any) -> Any:
    a, b = k.Input((4,)), k.Input((4,))
    layer = k.layers.Dense(3, activation="tanh")
    return k.Model([a, b], k.layers.Dot(axes=1)([layer(a), layer(b)]))


def nested(k: Any) -> Any:
    x = k.Input((4,))
    inner = k.Model(x, k.layers.Dense(3, name="deep")(x), name="inner")
    tower = k.Sequential([k.layers.Dense(4), k.layers.ReLU(), k.layers.Dense(4)], name="tower")
    y = k.Input((4,))
    first = inner(tower(y))
    last = inner(k.layers.Concatenate()([first, first[:, :1]]))
    return k.Model(y, [first, last])


def ops(k: Any) -> Any:
    x, y = k.Input((4,), name="x"), k.Input((4,), name="y")
    h = (2.0 * x + y) / 3.0 - k.ops.exp(-k.ops.square(x))
    h = k.ops.concatenate([h, x[:, 1:3]], axis=-1)
    h = k.ops.where(h > 0, h, 0.1 * h) ** 2
    h = k.ops.reshape(h, (-1, 2, 3))
    h = k.ops.transpose(h, (0, 2, 1))
    return k.Model([x, y], [k.ops.mean(h, axis=-1, keepdims=True), k.ops.max(h, axis=(1, 2))])


def preprocessing(k: Any) -> Any:
    return k.Sequential([
        k.Input((2,)),
        k.layers.Rescaling(0.5, offset=1.0),
        k.layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 9.0]),
        k.layers.Dense(2),
    ])


def normalizations(k: Any) -> Any:
    return k.Sequential([
        k.Input((4, 6)),
        k.layers.GroupNormalization(2),
        k.layers.UnitNormalization(),
        k.layers.RMSNormalization(),
        k.layers.SpectralNormalization(k.layers.Dense(3)),
        k.layers.BatchNormalization(scale=False),
        k.layers.PReLU(),
        k.layers.LeakyReLU(),
        k.layers.Activation("gelu"),
    ])


def mixed_precision(k: Any) -> Any:
    return k.Sequential([
        k.Input((4,)),
        k.layers.Dense(4, dtype="mixed_bfloat16"),
        k.layers.Dense(2, dtype="bfloat16"),
        k.layers.Dense(2, dtype="float32"),
    ])


INPUTS: dict[Callable, Any] = {
    dense: _normal(3, 4),
    einsum_dense: _normal(2, 3, 4),
    convolutions: _normal(2, 8, 8, 3),
    sequences_1d: _normal(2, 9, 2),
    recurrent: rng.integers(0, 7, (2, 6)).astype("int32"),
    stacked_cells: _normal(2, 5, 2),
    attention: _normal(2, 5, 4),
    merging: [_normal(3, 4), _normal(3, 4)],
    named_ends: {"first": _normal(3, 3), "second": _normal(3, 3)},
    shared: [_normal(3, 4), _normal(3, 4)],
    nested: _normal(3, 4),
    ops: [_normal(3, 4), _normal(3, 4)],
    preprocessing: _normal(3, 2),
    normalizations: _normal(2, 4, 6),
    mixed_precision: _normal(3, 4),
}
MODELS = pytest.mark.parametrize("build", INPUTS, ids=lambda build: build.__name__)


def _randomize(model: Any) -> None:
    """Weights that no initializer gives: positive where a variance needs it."""
    values = np.random.default_rng(1)
    for variable in model.weights:
        value = values.uniform(0.1, 0.6, tuple(variable.shape))
        variable.assign(value.astype("float32"))


def _outputs(model: Any, x: Any) -> list[np.ndarray]:
    found = model(x)
    if isinstance(found, dict):
        found = [found[key] for key in sorted(found)]
    return [np.asarray(value, "float32") for value in (
        found if isinstance(found, (list, tuple)) else [found])]


def _same(ours: Any, theirs: Any, x: Any, tolerance: float = 2e-5) -> None:
    for a, b in zip(_outputs(ours, x), _outputs(theirs, x), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def _arrays_of(path: Any) -> dict[str, tuple]:
    h5py = pytest.importorskip("h5py")
    found: dict[str, tuple] = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda place, item: found.__setitem__(place, item.shape)
            if isinstance(item, h5py.Dataset) else None
        )
    return found


def _equal_weights(a: Any, b: Any) -> None:
    for x, y in zip(a.weights, b.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(x, "float32"), np.asarray(y, "float32"))


@MODELS
def test_models_move_both_ways(build: Callable, tmp_path: Any) -> None:
    x, tolerance = INPUTS[build], 2e-2 if build is mixed_precision else 2e-5
    theirs = build(keras)
    _randomize(theirs)
    expected = _outputs(theirs, x)
    path, back = str(tmp_path / "m.keras"), str(tmp_path / "back.keras")
    theirs.save(path)
    with hl.use_backend("jax" if build in (dense, ops, attention) else "numpy"):
        ours = hl.models.load_model(path)
        assert not any(v.is_pending for v in ours.weights)
        for a, b in zip(_outputs(ours, x), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
        ours.save(back)
        again = keras.models.load_model(back)
        _equal_weights(again, theirs)
        # A model made here is written as one that came from a file.
        build(hl).save(path)
        keras.models.load_model(path).set_weights(theirs.get_weights())
    if build not in (recurrent, convolutions):  # slow to compile; their weights are equal
        for a, b in zip(_outputs(again, x), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@MODELS
def test_weights_move_both_ways(build: Callable, tmp_path: Any) -> None:
    theirs, path, back = build(keras), tmp_path / "m.weights.h5", tmp_path / "back.weights.h5"
    theirs.save_weights(path)
    with hl.use_backend("numpy"):
        ours = build(hl)
        report = hl.saving.load_weights(ours, path)
        assert not report.missing and not report.unused
        _equal_weights(ours, theirs)
        ours.save_weights(back)
    assert _arrays_of(back) == _arrays_of(path)
    again = build(keras)
    again.load_weights(back)
    _equal_weights(again, theirs)


OPTIMIZERS = {
    "SGD": {"momentum": 0.9},
    "RMSprop": {"centered": True},
    "Adam": {"amsgrad": True},
    "AdamW": {},
    "Nadam": {},
    "Adagrad": {},
    "Adadelta": {},
    "Adamax": {},
    "Ftrl": {},
    "Lion": {},
    "Lamb": {},
    "Adafactor": {},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_continues_from_a_keras_file(name: str, tmp_path: Any) -> None:
    """Two steps there, two more here or there: the same weights."""
    x, y = _normal(8, 3), _normal(8, 1)

    def compiled(k: Any) -> Any:
        model = k.Sequential([k.Input((3,)), k.layers.Dense(2), k.layers.Dense(1)])
        rate = 1e-2
        model.compile(getattr(k.optimizers, name)(rate, **OPTIMIZERS[name]), loss="mse")
        return model

    theirs = compiled(keras)
    for _ in range(2):
        theirs.train_on_batch(x, y)
    path = str(tmp_path / "m.keras")
    theirs.save(path)
    ours = hl.models.load_model(path)
    assert len(ours.optimizer.variables) == len(theirs.optimizer.variables)
    for a, b in zip(ours.optimizer.variables, theirs.optimizer.variables, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6)
    for _ in range(2):
        theirs.train_on_batch(x, y)
        ours.train_on_batch(x, y)
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-4, atol=2e-6)

    back = str(tmp_path / "back.keras")
    ours.save(back)
    again = keras.models.load_model(back)
    again.train_on_batch(x, y)
    theirs.train_on_batch(x, y)
    for a, b in zip(again.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-4, atol=2e-6)


def test_compilation_moves_both_ways(tmp_path: Any) -> None:
    def compiled(k: Any) -> Any:
        model = merging(k)
        model.compile(
            k.optimizers.Adam(k.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)),
            loss={"one": "mse", "two": k.losses.LogCosh()},
            loss_weights={"one": 1.0, "two": 0.5},
            metrics={"one": ["mae"], "two": [k.metrics.MeanSquaredError(name="error")]},
        )
        return model

    theirs = compiled(keras)
    path = str(tmp_path / "m.keras")
    theirs.save(path)
    ours = hl.models.load_model(path)
    x = INPUTS[merging]
    y = {"one": _normal(3, 2), "two": _normal(3, 3)}
    expected = theirs.evaluate(x, y, verbose=0, return_dict=True)
    found = ours.evaluate(x, y, verbose=0, return_dict=True)
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-4), key
    assert ours.optimizer.learning_rate is not None

    back = str(tmp_path / "back.keras")
    ours.save(back)
    again = keras.models.load_model(back)
    assert again.evaluate(x, y, verbose=0, return_dict=True)["loss"] == pytest.approx(
        expected["loss"], rel=1e-4)
    assert hl.models.load_model(path, compile=False).optimizer is None


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
    _randomize(theirs)
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
    _randomize(theirs)
    path = str(tmp_path / "m.weights.h5")
    theirs.save_weights(path)
    ours.load_weights(path)
    _same(ours, theirs, _normal(2, 4))
    ours.save_weights(path)
    again = build(keras)
    again.load_weights(path)
    _same(ours, again, _normal(2, 4))


def test_shards_move_both_ways(tmp_path: Any) -> None:
    theirs, ours = dense(keras), dense(hl)
    _randomize(theirs)
    path = str(tmp_path / "m.weights.json")
    theirs.save_weights(path, max_shard_size=1e-7)
    hl.saving.load_weights(ours, path)
    _same(ours, theirs, _normal(2, 4))
    hl.saving.save_weights(ours, str(tmp_path / "o.weights.json"), max_shard_size=1e-7)
    again = dense(keras)
    again.load_weights(str(tmp_path / "o.weights.json"))
    _same(ours, again, _normal(2, 4))
