"""`Config`: settings as attributes of one object."""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

__all__ = ["Config"]


class Config:
    """Settings that are read as attributes or as items, and can be frozen.

    Args:
        **kwargs: the settings' names and values.

    Raises:
        ValueError: a frozen config is changed.

    >>> config = Config(rate=0.1, units=8)
    >>> config.units = 16
    >>> config["depth"] = 2
    >>> config
    <Config {'rate': 0.1, 'units': 16, 'depth': 2}>
    >>> config.freeze()
    >>> config.frozen
    True
    """

    def __init__(self, **kwargs: Any) -> None:
        object.__setattr__(self, "_values", dict(kwargs))
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return self._frozen

    def freeze(self) -> None:
        """Refuse changes from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allow changes again."""
        object.__setattr__(self, "_frozen", False)

    def _changing(self, what: str) -> dict[str, Any]:
        if self._frozen:
            raise ValueError(
                f"This config is frozen, so {what} cannot be changed; call `unfreeze()` first."
            )
        return self._values

    def __getattr__(self, name: str) -> Any:
        # Reached for names that are no attribute of the class: copying and unpickling ask
        # for some before `_values` is there.
        values = self.__dict__.get("_values", {})
        if name in values:
            return values[name]
        raise AttributeError(
            f"This config has no setting {name!r}; it has {', '.join(map(repr, values)) or 'none'}."
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if hasattr(type(self), name):
            raise AttributeError(
                f"{name!r} is a method or property of Config; choose another name."
            )
        self[name] = value

    def __delattr__(self, name: str) -> None:
        values = self._changing(f"{name!r}")
        if name not in values:
            raise AttributeError(f"This config has no setting {name!r}.")
        del values[name]

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._changing(f"{key!r}")[key] = value

    def __delitem__(self, key: str) -> None:
        del self._changing(f"{key!r}")[key]

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Config {self._values}>"

    def __getstate__(self) -> dict[str, Any]:
        return {"_values": self.as_dict(), "_frozen": self._frozen}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def get(self, keyname: str, value: Any = None) -> Any:
        """The setting, or `value` where there is none."""
        return self._values.get(keyname, value)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._values.keys()

    def values(self) -> ValuesView[Any]:
        """The values."""
        return self._values.values()

    def items(self) -> ItemsView[str, Any]:
        """Pairs of name and value."""
        return self._values.items()

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several settings, as `dict.update` does."""
        new = dict(*args, **kwargs)
        self._changing(", ".join(map(repr, new))).update(new)

    def pop(self, *args: Any) -> Any:
        """Take a setting out and return it, or the second argument where there is none."""
        return self._changing(f"{args[0]!r}" if args else "a setting").pop(*args)

    def as_dict(self) -> dict[str, Any]:
        """The settings as a dict of their own."""
        return dict(self._values)

    def to_json(self) -> str:
        """The settings as JSON.

        >>> Config(units=8).to_json()
        '{"units": 8}'
        """
        return json.dumps(self._values)
