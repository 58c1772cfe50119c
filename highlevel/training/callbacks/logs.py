"""Logs that are fetched from the device only when somebody reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from highlevel_backend import current_backend

__all__ = ["LazyLogs", "plain_number"]


def plain_number(value: Any) -> Any:
    """A scalar array as Python float; other arrays as NumPy arrays; the rest as it is."""
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    backend = current_backend()
    if backend.is_array(value):
        value = backend.to_numpy(value)
    elif not isinstance(value, (np.ndarray, np.generic)):
        return value
    value = np.asarray(value)
    return float(value) if value.size == 1 and value.dtype.kind in "fiub" else value


class LazyLogs(dict):
    """A dict of metric values; the first value read fetches all, waiting for the device.

    The number of entries and their names are known without fetching.

    >>> import numpy as np
    >>> logs = LazyLogs({"loss": np.float32(0.5)})
    >>> "loss" in logs, logs["loss"]
    (True, 0.5)
    """

    __slots__ = ("_fetched",)

    def __init__(self, values: Mapping[str, Any] | Iterable = ()) -> None:
        super().__init__(values)
        self._fetched = False

    def fetch(self) -> LazyLogs:
        """Wait for the values and keep them as Python floats; returns itself."""
        if not self._fetched:
            self._fetched = True
            for name in list(dict.keys(self)):
                dict.__setitem__(self, name, plain_number(dict.__getitem__(self, name)))
        return self

    def __getitem__(self, name: str) -> Any:
        return dict.__getitem__(self.fetch(), name)

    def get(self, name: str, default: Any = None) -> Any:
        return dict.get(self.fetch(), name, default)

    def pop(self, name: str, *default: Any) -> Any:
        return dict.pop(self.fetch(), name, *default)

    def items(self) -> Any:
        return dict.items(self.fetch())

    def values(self) -> Any:
        return dict.values(self.fetch())

    def copy(self) -> dict:
        return dict(self.items())

    def __iter__(self) -> Iterator[str]:
        # Being defined makes `dict(logs)` and `{**logs}` go through `__getitem__`.
        return dict.__iter__(self)

    def __or__(self, other: Any) -> dict:
        return self.copy() | other

    def __ror__(self, other: Any) -> dict:
        return other | self.copy()

    def __eq__(self, other: object) -> bool:
        return dict.__eq__(self.fetch(), other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __repr__(self) -> str:
        return dict.__repr__(self.fetch())

    def __reduce__(self) -> tuple:
        return dict, (self.copy(),)
