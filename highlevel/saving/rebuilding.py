"""Whether what is about to be saved can be made again, asked while it is still at hand.

A class of the user's own is made again from what its `get_config` returns. Where that
fails, the file could never be loaded: it is not written, and the error says which argument
is at fault. Where it gives another object, a warning says so.
"""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from highlevel.naming import kept_names
from highlevel.random.seed_generator import kept_seeds
from highlevel.saving.walk import holds_state
from highlevel.serialization import serialize_keras_object
from highlevel.serialization.objects import on_written
from highlevel.serialization.registry import safe_mode_scope

__all__ = ["checked_configs"]

#: arguments of the base classes; they stand in no constructor of a subclass
_OF_BASES = frozenset((
    "activity_regularizer", "autocast", "dtype", "name", "trainable", "batch_shape",
    "batch_input_shape", "input_shape", "reduction", "kwargs", "args", "self",
))


@contextmanager
def checked_configs() -> Iterator[None]:
    """In the block, each object of a user's class that is serialized is made again on trial.

    Raises:
        ValueError: one cannot be; names the class and the argument, and says what to do.
    """
    token = on_written.set(_check)
    try:
        yield
    finally:
        on_written.reset(token)


def _check(obj: Any, config: Any) -> None:
    token = on_written.set(None)
    try:
        with ExitStack() as stack:
            for kept in (kept_names(), kept_seeds(), safe_mode_scope(False)):
                stack.enter_context(kept)
            _make_again(obj, config)
    finally:
        on_written.reset(token)


def _make_again(obj: Any, config: Any) -> None:
    cls, who = type(obj), _who(obj)
    if not isinstance(config, dict):
        raise ValueError(
            f"{who} cannot be saved: its `get_config` returned {config!r}. It must return a "
            "dictionary of its constructor's arguments."
        )
    config = {key: _as_in_file(value, key, who) for key, value in config.items()}
    if not hasattr(cls, "from_config"):
        raise ValueError(
            f"{who} cannot be saved: its class has no `from_config`. Add\n"
            "    @classmethod\n    def from_config(cls, config):\n        return cls(**config)"
        )
    if _has_from_config_of_the_library(cls):
        _check_arguments(obj, config, who)
    try:
        again = cls.from_config(json.loads(json.dumps(config)))
    except Exception as error:
        raise ValueError(
            f"{who} cannot be saved: made again from what its `get_config` returned, "
            f"{_short(config)}, it raises {type(error).__name__}: {error}. Its constructor (or "
            "`from_config`) must accept these values as a file gives them back: objects as "
            "dictionaries (`saving.deserialize_keras_object` makes objects of them), tuples as "
            "lists."
        ) from error
    _compare(obj, again, config, who)


def _who(obj: Any) -> str:
    name = getattr(obj, "name", None)
    return f"{type(obj).__name__} {name!r}" if isinstance(name, str) else type(obj).__name__


def _as_in_file(value: Any, key: str, who: str) -> Any:
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{who} cannot be saved: `{key}` in what its `get_config` returned is {value!r}, "
            f"which JSON does not hold ({error})."
        ) from error


def _has_from_config_of_the_library(cls: type) -> bool:
    for base in cls.__mro__:
        if "from_config" in vars(base):
            return base.__module__.split(".")[0] == "highlevel"
    return False


def _own_parameters(cls: type) -> tuple[dict[str, inspect.Parameter], bool]:
    """Parameters that the user's constructors name, and whether others are passed on."""
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        if base.__module__.split(".")[0] == "highlevel":
            return found, True
        parameters = inspect.signature(vars(base)["__init__"]).parameters
        for name, parameter in list(parameters.items())[1:]:
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                found.setdefault(name, parameter)
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return found, False
    return found, True


def _check_arguments(obj: Any, config: dict[str, Any], who: str) -> None:
    cls = type(obj)
    parameters, passed_on = _own_parameters(cls)
    missing = [
        name for name, p in parameters.items()
        if p.default is p.empty and name not in config and name not in _OF_BASES
    ]
    if missing:
        listed = ", ".join(f"`{name}`" for name in missing)
        entries = ", ".join(f"{name!r}: self.{name}" for name in missing)
        raise ValueError(
            f"{who} cannot be saved: its `get_config` leaves out {listed}, which its constructor "
            f"needs. Return {'it' if len(missing) == 1 else 'them'} too: "
            f"`return {{**super().get_config(), {entries}}}`."
        )
    automatic = getattr(cls.get_config, "__module__", "").split(".")[0] == "highlevel"
    unknown = [] if passed_on or automatic else [key for key in config if key not in parameters]
    if unknown:
        listed = ", ".join(f"`{name}`" for name in unknown)
        raise ValueError(
            f"{who} cannot be saved: its `get_config` returns {listed}, which its constructor "
            "does not take. End the constructor with `**kwargs` and call "
            "`super().__init__(**kwargs)`, or leave the entry out."
        )
    args, kwargs = getattr(obj, "_init_arguments", ((), {}))
    try:
        given = inspect.signature(cls.__init__).bind_partial(obj, *args, **kwargs).arguments
    except TypeError:
        return
    for name, parameter in parameters.items():
        if name in config or name in _OF_BASES or name not in given:
            continue
        if not _equal(given[name], parameter.default):
            warnings.warn(
                f"{who} was made with `{name}={given[name]!r}`, which its `get_config` leaves "
                f"out: once loaded, it will have `{name}={parameter.default!r}`. Return it too: "
                f"`return {{**super().get_config(), {name!r}: self.{name}}}`.",
                stacklevel=2,
            )


def _compare(obj: Any, again: Any, config: dict[str, Any], who: str) -> None:
    for key, value in config.items():
        is_object = isinstance(value, dict) and "class_name" in value and "config" in value
        if is_object and isinstance(getattr(again, key, None), dict) and holds_state(
            getattr(obj, key, None)
        ):
            raise ValueError(
                f"{who} cannot be saved: made again, its `{key}` is a dictionary in place of a "
                f"{type(getattr(obj, key)).__name__}. Add\n"
                "    @classmethod\n    def from_config(cls, config):\n"
                f"        config[{key!r}] = saving.deserialize_keras_object(config[{key!r}])\n"
                "        return cls(**config)"
            )
    try:
        new = json.loads(json.dumps(serialize_keras_object(again.get_config())))
    except Exception:  # what cannot be compared is not complained about
        return
    changed = [
        key for key, value in config.items() if key in new and not _alike(value, new[key])
    ]
    for key in changed:
        warnings.warn(
            f"{who}: made again from its own `get_config`, its `{key}` is {new[key]!r} in place of "
            f"{config[key]!r}. `get_config` must return what the constructor was given.",
            stacklevel=2,
        )


def _alike(a: Any, b: Any) -> bool:
    """Whether two configurations are equal, the names of objects in them aside."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(
            key in ("name", "token", "build_config") or _alike(a[key], b[key]) for key in a
        )
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_alike, a, b))
    return a == b or (a != a and b != b)


def _equal(a: Any, b: Any) -> bool:
    try:
        return bool(a is b or a == b)
    except Exception:  # arrays
        return False


def _short(config: dict[str, Any]) -> str:
    text = repr(config)
    return text if len(text) <= 300 else f"{text[:300]}...}}"
