"""Automatic names of objects (`dense`, `dense_1`, ...) and how classes are spelt in them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = [
    "auto_name", "current_path", "kept_names", "name_scope", "reset_names", "snake_case",
    "unique_name",
]

_counts: dict[str, int] = defaultdict(int)
_path: ContextVar[str] = ContextVar("highlevel_path", default="")


def snake_case(name: str) -> str:
    """A class name in lower case with underscores.

    >>> snake_case("MaxPooling2D"), snake_case("LSTMCell"), snake_case("PReLU")
    ('max_pooling2d', 'lstm_cell', 'p_re_lu')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(prefix: str) -> str:
    """`prefix`, then `prefix_1`, `prefix_2`, ... until `reset_names`."""
    count = _counts[prefix]
    _counts[prefix] = count + 1
    return f"{prefix}_{count}" if count else prefix


_snake: dict[type, str] = {}


def auto_name(cls: type) -> str:
    """The next automatic name for an object of a class."""
    prefix = _snake.get(cls)
    if prefix is None:
        prefix = _snake[cls] = snake_case(cls.__name__)
    return unique_name(prefix)


def reset_names() -> None:
    """Start the automatic names anew."""
    _counts.clear()


@contextmanager
def kept_names() -> Iterator[None]:
    """After the block, automatic names go on as if nothing had been named in it."""
    before = dict(_counts)
    try:
        yield
    finally:
        _counts.clear()
        _counts.update(before)


def current_path() -> str:
    """The path of scopes around this line, `"model/block"`; empty outside any."""
    return _path.get()


@contextmanager
def name_scope(name: str) -> Iterator[str]:
    """Put `name/` before the paths of the variables made in the block."""
    outer = _path.get()
    token = _path.set(f"{outer}/{name}" if outer else name)
    try:
        yield _path.get()
    finally:
        _path.reset(token)
