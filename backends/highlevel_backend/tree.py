"""Nested structures: dicts, lists, tuples, named tuples and None around leaves.

Dictionaries are walked in sorted key order, so that two equal dictionaries flatten
alike however they were filled. `None` is an empty node, not a leaf.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

__all__ = ["flatten", "flatten_with_path", "is_leaf", "leaves", "map_leaves", "unflatten"]

_LEAF = object()


def _sorted_keys(mapping: Mapping) -> list:
    try:
        return sorted(mapping)
    except TypeError:  # keys of mixed types have no order: keep the one they came in
        return list(mapping)


def is_leaf(value: Any) -> bool:
    """Whether `value` is not a container this module walks into."""
    return value is not None and not isinstance(value, (dict, list, tuple))


def _flatten_into(value: Any, out: list, leaf: Callable[[Any], bool] | None) -> Any:
    if leaf is not None and leaf(value):
        out.append(value)
        return _LEAF
    if value is None:
        return None
    cls = type(value)
    if cls is list or cls is tuple:  # the commonest, without asking for subclasses
        return (cls, tuple([_flatten_into(item, out, leaf) for item in value]))
    if isinstance(value, dict):
        keys = _sorted_keys(value)
        children = tuple([_flatten_into(value[key], out, leaf) for key in keys])
        factory = value.default_factory if isinstance(value, defaultdict) else None
        return (type(value), tuple(value), tuple(keys), factory, children)
    if isinstance(value, (list, tuple)):
        return (type(value), tuple([_flatten_into(item, out, leaf) for item in value]))
    out.append(value)
    return _LEAF


def flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list, Any]:
    """Leaves of `tree` in order, and a definition that `unflatten` takes.

    Args:
        tree: any nesting of dicts, lists, tuples and None.
        is_leaf: says of a node whether to stop there although it is a container.

    Returns:
        `(leaves, definition)`. Definitions are hashable; those of equal structures compare
        equal.

    >>> flatten({"b": 2, "a": [1, None]})[0]
    [1, 2]
    """
    out: list = []
    definition = _flatten_into(tree, out, is_leaf)
    return out, definition


def leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list:
    """Leaves of `tree` in order."""
    if is_leaf is None:
        kind = type(tree)
        if kind is not dict and kind is not list and kind is not tuple and _plain_leaf(tree):
            return [tree]
    return flatten(tree, is_leaf)[0]


def _plain_leaf(tree: Any) -> bool:
    return tree is not None and not isinstance(tree, (dict, list, tuple))


def _unflatten(definition: Any, source: Iterator) -> Any:
    if definition is _LEAF:
        return next(source)
    if definition is None:
        return None
    kind = definition[0]
    if len(definition) == 5:
        _, order, keys, factory, children = definition
        values = {key: _unflatten(child, source) for key, child in zip(keys, children)}
        items = [(key, values[key]) for key in order]
        if kind is dict:
            return dict(items)
        if issubclass(kind, defaultdict):
            return defaultdict(factory, items)
        if issubclass(kind, OrderedDict):
            return OrderedDict(items)
        return kind(items)
    children = [_unflatten(child, source) for child in definition[1]]
    if kind is list:
        return children
    if kind is tuple:
        return tuple(children)
    return kind(*children) if hasattr(kind, "_fields") else kind(children)


def unflatten(definition: Any, leaves: Iterable) -> Any:
    """The structure that `definition` describes, filled with `leaves`."""
    return _unflatten(definition, iter(leaves))


def _mapped(function: Callable, value: Any) -> Any:
    if value is None:
        return None
    cls = type(value)
    if cls is tuple:
        return tuple([_mapped(function, item) for item in value])
    if cls is list:
        return [_mapped(function, item) for item in value]
    if isinstance(value, (dict, list, tuple)):
        values, definition = flatten(value)
        return unflatten(definition, map(function, values))
    return function(value)


def map_leaves(
    function: Callable, tree: Any, *rest: Any, is_leaf: Callable[[Any], bool] | None = None
) -> Any:
    """A tree like `tree` with `function(leaf, *leaves of rest)` at each leaf.

    Raises:
        ValueError: a tree of `rest` has another structure than `tree`.

    >>> map_leaves(lambda a, b: a + b, {"x": 1}, {"x": 10})
    {'x': 11}
    """
    if not rest and is_leaf is None:
        return _mapped(function, tree)
    values, definition = flatten(tree, is_leaf)
    if not rest:
        return unflatten(definition, map(function, values))
    columns = [values]
    for other in rest:
        other_values, other_definition = flatten(other, is_leaf)
        if len(other_values) != len(values) or not _same(definition, other_definition):
            raise ValueError(
                f"The two structures do not match: {tree!r} has {len(values)} leaves, "
                f"{other!r} has {len(other_values)}."
            )
        columns.append(other_values)
    return unflatten(definition, (function(*row) for row in zip(*columns)))


def _same(a: Any, b: Any) -> bool:
    """Equal structure, whatever order the keys of a dict were inserted in."""
    if a is _LEAF or b is _LEAF or a is None or b is None:
        return a is b
    if a[0] is not b[0] or len(a) != len(b) or len(a[-1]) != len(b[-1]):
        return False
    if len(a) == 5 and a[2] != b[2]:
        return False
    return all(_same(x, y) for x, y in zip(a[-1], b[-1]))


def flatten_with_path(
    tree: Any, is_leaf: Callable[[Any], bool] | None = None, prefix: tuple = ()
) -> list[tuple[tuple, Any]]:
    """`(path, leaf)` pairs in `flatten`'s order; a path is a tuple of keys and indices."""
    if is_leaf is not None and is_leaf(tree):
        return [(prefix, tree)]
    if tree is None:
        return []
    if isinstance(tree, dict):
        pairs = [(key, tree[key]) for key in _sorted_keys(tree)]
    elif isinstance(tree, (list, tuple)):
        pairs = list(enumerate(tree))
    else:
        return [(prefix, tree)]
    return [
        found
        for key, child in pairs
        for found in flatten_with_path(child, is_leaf, (*prefix, key))
    ]
