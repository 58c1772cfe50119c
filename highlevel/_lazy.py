"""Names of a package that are loaded when first used (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["lazy_package"]


def lazy_package(
    package: str,
    modules: Mapping[str, str],
    aliases: Mapping[str, str] | None = None,
    submodules: Iterable[str] = (),
) -> tuple[Any, Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package that loads its names on demand.

    Args:
        package: the package's `__name__`.
        modules: module path → its public names, separated by spaces.
        aliases: further name → `"module:name"`.
        submodules: names of modules in the package that are public themselves.

    Example (in a package's `__init__.py`; type checkers and editors read the import)::

        if TYPE_CHECKING:
            from highlevel.layers.dense import Dense as Dense

        __getattr__, __dir__, __all__ = lazy_package(__name__, {
            "highlevel.layers.dense": "Dense",
        })
    """
    # `__getattr__` is typed Any on purpose: of a callable, type checkers would take every
    # name, misspelled ones too, for one that the package has.
    where: dict[str, tuple[str, str | None]] = {}
    for module, words in modules.items():
        for name in words.split():
            where[name] = (module, name)
    for name in submodules:
        where[name] = (f"{package}.{name}", None)
    for alias, target in (aliases or {}).items():
        module, _, name = target.partition(":")
        where[alias] = (module, name or None)

    def get(name: str) -> Any:
        found = where.get(name)
        if found is None:
            import difflib

            near = difflib.get_close_matches(name, where, n=1)
            hint = f" Did you mean {near[0]!r}?" if near and not name.startswith("__") else ""
            raise AttributeError(f"module {package!r} has no attribute {name!r}.{hint}")
        module, attribute = found
        loaded = importlib.import_module(module)
        value = loaded if attribute is None else getattr(loaded, attribute)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *where})

    return get, names, sorted(where)
