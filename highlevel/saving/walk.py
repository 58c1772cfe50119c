"""Which objects of a model hold state, and under which names files keep them.

An object's children are its attributes that hold state themselves: layers and optimizers,
alone or in lists, tuples and dicts. Files name them by the attribute, those in a container
by `<attribute>/<class in snake case>`, numbered from the second of a class on. Attributes
go in alphabetical order, private ones last; an object met before is not visited again.
A class whose attributes are not what files call them gives `_saved_children()`, a dict of
name → child.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from typing import Any

from highlevel.naming import snake_case

__all__ = ["holds_state", "own_variables", "walk"]

#: attributes of the base classes that never lead to state of the object's own
_SKIPPED = frozenset((
    "_call_programs", "_dtype_policy", "_ends", "_graph", "_inbound_nodes", "_init_arguments",
    "_inputs_struct", "_loss_values", "_observed", "_outbound_nodes", "_outputs_struct",
    "_own_variables", "_trainer", "_untracked", "_input_spec", "_quick", "_compiled_programs",
))


def holds_state(obj: Any) -> bool:
    """Whether an object is one whose variables files keep: a layer, a model, an optimizer."""
    cls = type(obj)
    return (
        hasattr(cls, "_direct_variables")
        or (hasattr(cls, "save_own_variables") and hasattr(cls, "load_own_variables"))
    ) and not isinstance(obj, type)


def is_optimizer(obj: Any) -> bool:
    """Whether an object is an optimizer: it counts iterations."""
    return not hasattr(type(obj), "_direct_variables") and hasattr(type(obj), "iterations")


def own_variables(obj: Any) -> list[Any]:
    """The object's own variables in the order of files, its children's not among them."""
    direct = getattr(obj, "_direct_variables", None)
    return list(direct() if direct is not None else obj.variables)


def walk(root: Any, closed: Container[int] = ()) -> Iterator[tuple[str, Any]]:
    """`(group, object)` of everything below `root` that holds state, itself first.

    Groups are written without a slash at either end; that of `root` is empty. What is below
    an object whose `id` is in `closed` is not visited.
    """
    yield from _walk(root, "", {id(root)}, closed)


def _walk(
    obj: Any, path: str, visited: set[int], closed: Container[int]
) -> Iterator[tuple[str, Any]]:
    yield path, obj
    if id(obj) in closed:
        return
    for name, child in _children(obj):
        place = f"{path}/{name}" if path else name
        if holds_state(child):
            if id(child) not in visited:
                visited.add(id(child))
                yield from _walk(child, place, visited, closed)
        else:
            yield from _walk_container(child, place, visited, closed)


def _walk_container(
    container: Any, path: str, visited: set[int], closed: Container[int]
) -> Iterator[tuple[str, Any]]:
    used: dict[str, int] = {}

    def numbered(name: str) -> str:
        count = used[name] = used.get(name, -1) + 1
        return f"{name}_{count}" if count else name

    for child in container.values() if isinstance(container, dict) else container:
        if holds_state(child):
            name = numbered(snake_case(type(child).__name__))
            if id(child) not in visited:
                visited.add(id(child))
                yield from _walk(child, f"{path}/{name}", visited, closed)
        elif isinstance(child, (list, tuple, dict)):
            place = f"{path}/{numbered('container')}"
            yield from _walk_container(child, place, visited, closed)


def _children(obj: Any) -> list[tuple[str, Any]]:
    given = getattr(obj, "_saved_children", None)
    if given is not None:
        return list(given().items())
    found = {
        name: value
        for name, value in getattr(obj, "__dict__", {}).items()
        if name not in _SKIPPED and not name.startswith("__")
    }
    if isinstance(getattr(type(obj), "layers", None), property):
        found.pop("_layers", None)
        found["layers"] = obj.layers
    for name, read in _user_properties(type(obj)).items():
        try:
            found[name] = read(obj)
        except Exception:  # a property that is not ready holds nothing to save
            continue
    return [
        (name, found[name])
        for name in sorted(found, key=lambda name: (name.startswith("_"), name))
        if holds_state(found[name]) or isinstance(found[name], (list, tuple, dict))
    ]


def _user_properties(cls: type) -> dict[str, Callable]:
    """Properties of classes outside this library: files may name a layer by one."""
    found: dict[str, Callable] = {}
    for base in cls.__mro__:
        if base is object or base.__module__.split(".")[0] == "highlevel":
            continue
        for name, value in vars(base).items():
            if isinstance(value, property) and value.fget and not name.startswith("__"):
                found.setdefault(name, value.fget)
    return found
