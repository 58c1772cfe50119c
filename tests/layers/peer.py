"""Keras as the layer table's peer: cheap to build, its models as pure functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras.src.initializers import random_initializers


@pytest.fixture
def cheap_weights(monkeypatch: Any) -> None:
    """No random draws in Keras, each a program to compile: weights are set afterwards."""
    def zeros(self: Any, shape: Any, dtype: Any = None) -> Any:
        return np.zeros(shape, dtype or "float32")

    for found in vars(random_initializers).values():
        if isinstance(found, type) and "__call__" in vars(found):
            monkeypatch.setattr(found, "__call__", zeros)

