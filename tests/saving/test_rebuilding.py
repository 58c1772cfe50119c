"""A class that its `get_config` does not rebuild is caught when it is saved."""

from __future__ import annotations

import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import highlevel as hl
from highlevel import saving
from highlevel.naming import unique_name


class Base(hl.layers.Layer):
    def __init__(self, units: int, rate: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.rate = units, rate

    def call(self, x: Any) -> Any:
        return x * self.rate


class Forgets(Base):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}


class Complete(Base):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "rate": self.rate}


class ForgetsAnOption(Base):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class Doubles(Base):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": 2 * self.units, "rate": self.rate}


class Closed(hl.layers.Layer):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units

    def call(self, x: Any) -> Any:
        return x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class Wraps(hl.layers.Layer):
    def __init__(self, inner: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x: Any) -> Any:
        return self.inner(x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "inner": saving.serialize_keras_object(self.inner)}


class WrapsWell(Wraps):
    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        config["inner"] = saving.deserialize_keras_object(config["inner"])
        return cls(**config)


class Picky(hl.layers.Layer):
    def __init__(self, shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(shape, tuple):
            raise TypeError("`shape` must be a tuple")
        self.shape = shape

    def call(self, x: Any) -> Any:
        return x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shape": self.shape}


class Odd(Base):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "rate": object()}


def _model(layer: Any) -> Any:
    return hl.Sequential([hl.Input((2,)), layer])


@pytest.mark.parametrize(("layer", "text"), [
    (lambda: Forgets(3, name="f"), r"Forgets 'f' cannot be saved: its `get_config` leaves out `units`.*'units': self\.units"),
    (lambda: Closed(3), r"Closed 'closed.*returns `name`, `trainable`, `dtype`.*\*\*kwargs"),
    (lambda: Wraps(hl.layers.Dense(2)), r"Wraps .*`inner` is a dictionary in place of a Dense(.|\n)*deserialize_keras_object"),
    (lambda: Picky((1, 2)), r"Picky .*raises TypeError: `shape` must be a tuple.*tuples as lists"),
    (lambda: Odd(3), "Odd"),
], ids=["missing", "unknown", "object", "tuple", "no JSON"])
def test_what_could_not_be_loaded_is_not_saved(layer: Any, text: str, tmp_path: Path) -> None:
    with pytest.raises((ValueError, TypeError), match=text):
        _model(layer()).save(tmp_path / "m.keras")
    assert not list(tmp_path.iterdir())


def test_what_would_be_another_layer_is_warned_of(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"ForgetsAnOption.*`rate=0\.5`.*`rate=0\.1`"):
        _model(ForgetsAnOption(3, rate=0.5)).save(tmp_path / "m.keras")
    with pytest.warns(UserWarning, match="Doubles.*`units` is 12 in place of 6"):
        _model(Doubles(3)).save(tmp_path / "m.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for layer in (ForgetsAnOption(3), Complete(3, rate=0.5), WrapsWell(hl.layers.Dense(2)), Base(3, rate=0.5)):
            _model(layer).save(tmp_path / "m.keras")
            saving.load_model(tmp_path / "m.keras")


def test_losses_that_cannot_be_rebuilt_leave_the_model(tmp_path: Path) -> None:
    class Mine(hl.losses.Loss):
        def __init__(self, factor: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return self.factor * (y_true - y_pred) ** 2

        def get_config(self) -> dict[str, Any]:
            return super().get_config()

    model = _model(hl.layers.Dense(1))
    model.compile("sgd", Mine(2.0))
    with pytest.warns(UserWarning, match="leaves out `factor`"):
        model.save(tmp_path / "m.keras")
    assert not saving.load_model(tmp_path / "m.keras").compiled


def test_the_trial_leaves_no_trace(tmp_path: Path) -> None:
    class Noisy(hl.layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.inner = hl.layers.Dropout(0.5)
            self.draw = [random.random(), np.random.rand(), float(hl.random.uniform(()))]

        def call(self, x: Any) -> Any:
            return x

        def get_config(self) -> dict[str, Any]:
            return super().get_config()

    def run(save: bool) -> list:
        hl.utils.set_random_seed(3)
        hl.utils.clear_session()
        model = _model(Noisy())
        float(hl.random.uniform(()))
        if save:
            model.save(tmp_path / "m.keras")
        return [unique_name("dropout"), random.random(), np.random.rand(), float(hl.random.uniform(()))]

    assert run(save=True) == run(save=False)
