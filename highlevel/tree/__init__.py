"""Functions on nested structures: dicts, lists, tuples and named tuples around leaves.

In this namespace `None` is a leaf, as the contract has it; dictionaries are walked in
the order of their sorted keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from highlevel_backend import tree as _tree

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]


class MAP_TO_NONE:
    """What a function given to `traverse` returns to put `None` in a place."""


def _is_none(value: Any) -> bool:
    return value is None


def is_nested(structure: Any) -> bool:
    """Whether a value is a container of this namespace, an empty one too.

    >>> is_nested([]), is_nested(None)
    (True, False)
    """
    return isinstance(structure, (dict, list, tuple))


def flatten(structure: Any) -> list:
    """The leaves in order.

    >>> flatten({"b": 1, "a": [2, None]})
    [2, None, 1]
    """
    return _tree.flatten(structure, _is_none)[0]


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    """`(path, leaf)` pairs in order; a path is a tuple of keys and indices.

    >>> flatten_with_path({"a": [1, 2]})
    [(('a', 0), 1), (('a', 1), 2)]
    """
    return _tree.flatten_with_path(structure, _is_none)


def pack_sequence_as(structure: Any, flat_sequence: Iterable) -> Any:
    """A structure like `structure` with the leaves of `flat_sequence`.

    Raises:
        ValueError: another number of leaves.

    >>> pack_sequence_as({"a": 0, "b": [0, 0]}, [1, 2, 3])
    {'a': 1, 'b': [2, 3]}
    """
    old, definition = _tree.flatten(structure, _is_none)
    new = list(flat_sequence)
    if len(new) != len(old):
        raise ValueError(
            f"The structure {structure!r} has {len(old)} leaves; {len(new)} were given."
        )
    return _tree.unflatten(definition, new)


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """Like the first structure, with `func(leaf, *leaves of the others)` at each leaf.

    Args:
        func: function of as many leaves as there are structures.
        *structures: structures of the same form.
        none_is_leaf: whether `func` is called on None; otherwise it stays.

    Raises:
        ValueError: no structure, or structures of different forms.
        TypeError: `func` cannot be called.

    >>> map_structure(lambda a, b: a + b, (1, 2), (3, 4))
    (4, 6)
    """
    if not callable(func):
        raise TypeError(f"`func` must be callable; got {func!r}.")
    if not structures:
        raise ValueError("`map_structure` needs at least one structure.")
    stop = _is_none if none_is_leaf else None
    for other in structures[1:]:
        _same(structures[0], other, ())
    return _tree.map_leaves(func, *structures, is_leaf=stop)


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Any:
    """As `map_structure`, but only as deep as `shallow_structure` goes.

    Raises:
        ValueError: a structure does not have the form of the shallow one.

    >>> map_structure_up_to({"a": 0}, len, {"a": [1, 2]})
    {'a': 2}
    """
    if not structures:
        raise ValueError("`map_structure_up_to` needs at least one structure.")
    _, definition = _tree.flatten(shallow_structure, _is_none)
    columns = []
    for structure in structures:
        column: list = []
        _cut(shallow_structure, structure, column, ())
        columns.append(column)
    return _tree.unflatten(definition, (func(*row) for row in zip(*columns, strict=True)))


def _cut(shallow: Any, deep: Any, out: list, path: tuple) -> None:
    """The parts of `deep` that stand where `shallow` has leaves."""
    if not is_nested(shallow):
        out.append(deep)
        return
    pairs = _paired(shallow, deep, path)
    for key, inner, other in pairs:
        _cut(inner, other, out, (*path, key))


def _paired(a: Any, b: Any, path: tuple) -> list[tuple[Any, Any, Any]]:
    """Children of two containers under the same keys.

    Raises:
        ValueError: one is no container of that kind, or their keys differ.
    """
    if isinstance(a, dict):
        if not isinstance(b, dict):
            raise ValueError(f"At {_shown(path)} one structure has a dict, the other {b!r}.")
        if set(a) != set(b):
            raise ValueError(
                f"At {_shown(path)} the keys differ: {_listed(a)} and {_listed(b)}."
            )
        return [(key, a[key], b[key]) for key in _tree._sorted_keys(a)]
    if not isinstance(b, (list, tuple)):
        raise ValueError(
            f"At {_shown(path)} one structure has a {type(a).__name__}, the other {b!r}."
        )
    if len(a) != len(b):
        raise ValueError(f"At {_shown(path)} the lengths differ: {len(a)} and {len(b)}.")
    return [(index, x, y) for index, (x, y) in enumerate(zip(a, b))]


def _shown(path: tuple) -> str:
    return "the top" if not path else "path " + "/".join(map(str, path))


def _listed(mapping: dict) -> str:
    return str(list(mapping))


def _same(a: Any, b: Any, path: tuple) -> None:
    nested_a, nested_b = is_nested(a), is_nested(b)
    if nested_a != nested_b:
        raise ValueError(
            f"The structures differ at {_shown(path)}: {a!r} and {b!r}."
        )
    if not nested_a:
        return
    if not isinstance(a, dict) and type(a) is not type(b):
        raise ValueError(
            f"The structures differ at {_shown(path)}: a {type(a).__name__} and a "
            f"{type(b).__name__}."
        )
    for key, x, y in _paired(a, b, path):
        _same(x, y, (*path, key))


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Check that two structures have the same containers, keys and lengths.

    Args:
        a, b: the structures.
        check_types: kept for the contract; containers of sequences must be of one type.

    Raises:
        ValueError: they differ; says where.
    """
    _same(a, b, ())


def assert_same_paths(a: Any, b: Any) -> None:
    """Check that two structures have leaves under the same paths, whatever the containers.

    Raises:
        ValueError: they differ; lists the paths.
    """
    paths_a = {path for path, _ in flatten_with_path(a)}
    paths_b = {path for path, _ in flatten_with_path(b)}
    if paths_a != paths_b:
        raise ValueError(
            "The structures have different paths. Only in the first: "
            f"{sorted(paths_a - paths_b, key=str)}; only in the second: "
            f"{sorted(paths_b - paths_a, key=str)}."
        )


def lists_to_tuples(structure: Any) -> Any:
    """The structure with tuples for its lists, at every depth.

    >>> lists_to_tuples([1, {"a": [2]}])
    (1, {'a': (2,)})
    """

    def change(value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else None

    return traverse(change, structure, top_down=False)


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(
        entry is None or isinstance(entry, int) for entry in value
    )


def map_shape_structure(func: Callable, structure: Any) -> Any:
    """The structure with `func(shape)` for each shape in it.

    Args:
        func: function of a list or tuple of integers and None.
        structure: nested shapes.

    Raises:
        ValueError: something in it is no shape.

    >>> map_shape_structure(len, {"x": (None, 3), "y": [(1,), (2, 2, 2)]})
    {'x': 2, 'y': [1, 3]}
    """

    def call(value: Any) -> Any:
        if value is None:
            return None
        if not _is_shape(value):
            raise ValueError(f"This is not a shape: {value!r}.")
        return func(value)

    return _tree.map_leaves(call, structure, is_leaf=_is_shape)


def traverse(func: Callable, structure: Any, top_down: bool = True) -> Any:
    """Go over every part of a structure, containers and leaves, and replace some.

    Args:
        func: called with each part; what it returns stands in its place, None leaves the
            part as it is, `MAP_TO_NONE` puts None.
        structure: any nesting.
        top_down: call `func` on a container before its parts (which are skipped where it
            is replaced), rather than after.

    Returns:
        The new structure.

    Raises:
        TypeError: `func` cannot be called.

    >>> traverse(lambda v: 2 * v if isinstance(v, int) else None, {"a": [1]})
    {'a': [2]}
    """
    if not callable(func):
        raise TypeError(f"`func` must be callable; got {func!r}.")

    def visit(value: Any) -> Any:
        if top_down:
            found = func(value)
            if found is not None:
                return None if found is MAP_TO_NONE else found
        if is_nested(value):
            # One level at a time: every child is a leaf of this container.
            value = _tree.map_leaves(visit, value, is_leaf=lambda v, top=value: v is not top)
        if not top_down:
            found = func(value)
            if found is not None:
                return None if found is MAP_TO_NONE else found
        return value

    return visit(structure)
