"""Classes and functions of the user's own that a configuration may name."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from weakref import WeakValueDictionary

__all__ = [
    "CustomObjectScope",
    "custom_names",
    "custom_object_scope",
    "enable_unsafe_deserialization",
    "find_custom",
    "find_written",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "in_safe_mode",
    "register_keras_serializable",
    "remember",
    "safe_mode_scope",
]

T = TypeVar("T", bound=Callable)

_registered: dict[str, Any] = {}
_names: dict[Any, str] = {}
_scoped: ContextVar[Mapping[str, Any]] = ContextVar(
    "highlevel_custom_objects", default=types.MappingProxyType({})
)
_safe_mode: ContextVar[bool | None] = ContextVar("highlevel_safe_mode", default=None)
_unsafe_everywhere = False

# What this process itself has put into a configuration: reading that configuration back
# (cloning a model, `from_config(get_config())`) needs no registration. A file from
# elsewhere adds nothing to it.
_written: WeakValueDictionary[tuple[str | None, str], Any] = WeakValueDictionary()


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[T], T]:
    """Decorator: let saved models name a class or function.

    Args:
        package: first half of the name it is stored under.
        name: second half; the object's own name by default.

    Returns:
        A decorator that returns its argument.

    Raises:
        ValueError: the class has no `get_config`; the name is taken by another object.

    >>> @register_keras_serializable("docs")
    ... def double(x):
    ...     return 2 * x
    >>> get_registered_name(double)
    'docs>double'
    """

    def decorator(item: T) -> T:
        registered = f"{package}>{name if name is not None else item.__name__}"
        kind: Any = item
        if isinstance(kind, type) and not hasattr(kind, "get_config"):
            raise ValueError(
                f"{item.__name__} cannot be registered: it has no `get_config` method that "
                "returns the arguments of its constructor. Add one."
            )
        _names[item] = registered
        _registered[registered] = item
        return item

    return decorator


def get_custom_objects() -> dict[str, Any]:
    """The dictionary of registered objects, by registered name; may be added to.

    >>> isinstance(get_custom_objects(), dict)
    True
    """
    return _registered


def get_registered_name(obj: Any) -> str:
    """Name a class or function was registered under, else its own name.

    Args:
        obj: a class or function.
    """
    try:
        return _names.get(obj) or obj.__name__
    except TypeError:  # unhashable: never registered
        return obj.__name__


def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """The class or function known under a name, or None.

    Args:
        name: registered name, `"package>name"`, or a name in one of the mappings.
        custom_objects: names looked at after the scope's and the registered ones.
        module_objects: names looked at last.
    """
    for known in (_scoped.get(), _registered, custom_objects or {}, module_objects or {}):
        if name in known:
            return known[name]
    return None


class CustomObjectScope:
    """In the block, configurations may also name these objects.

    Args:
        custom_objects: name → class or function.

    >>> with CustomObjectScope({"twice": lambda x: 2 * x}):
    ...     get_registered_object("twice")(4)
    8
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None) -> None:
        self.custom_objects = dict(custom_objects or {})
        self._tokens: list = []

    def __enter__(self) -> CustomObjectScope:
        self._tokens.append(_scoped.set({**_scoped.get(), **self.custom_objects}))
        return self

    def __exit__(self, *exception: Any) -> None:
        _scoped.reset(self._tokens.pop())


custom_object_scope = CustomObjectScope


@contextmanager
def safe_mode_scope(safe_mode: bool | None) -> Iterator[None]:
    """Set whether code from files is refused in the block; None leaves it as it is."""
    if safe_mode is None:
        yield
        return
    token = _safe_mode.set(safe_mode)
    try:
        yield
    finally:
        _safe_mode.reset(token)


def in_safe_mode() -> bool:
    """Whether code from files is refused here (the default)."""
    value = _safe_mode.get()
    return not _unsafe_everywhere and value is not False


def enable_unsafe_deserialization() -> None:
    """Drop safe mode for the whole process.

    What this library never does, it does not do then either: no bytecode from a file is
    run and no module is imported because a file names it.
    """
    global _unsafe_everywhere
    _unsafe_everywhere = True


def remember(obj: Any) -> None:
    """Note a user's class or function that was written into a configuration here."""
    try:
        _written[(obj.__module__, obj.__name__)] = obj
        if obj.__module__ == "__main__":
            _written[(None, obj.__name__)] = obj
        if not isinstance(obj, type):
            # Function configs carry no module; one remembered by name alone is the latest.
            _written[("builtins", obj.__name__)] = obj
    except (AttributeError, TypeError):
        pass


def find_custom(
    registered_name: str | None,
    class_name: str,
    custom_objects: Mapping[str, Any] | None = None,
) -> Any:
    """The user's object that a configuration means: given, in scope or registered; or None."""
    for known in (custom_objects or {}, _scoped.get(), _registered):
        for name in (registered_name, class_name):
            if name is not None and name in known:
                return known[name]
    return None


def find_written(module: str | None, name: str) -> Any:
    """What this process wrote into a configuration under these names, or None."""
    return _written.get((module, name))


def custom_names() -> list[str]:
    """Every name a configuration may use here; for suggestions."""
    return [*_scoped.get(), *_registered]
