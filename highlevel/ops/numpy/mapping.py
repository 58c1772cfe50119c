"""Functions over entries, and axes rearranged by a pattern."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, op, shape_of
from highlevel.ops.rules import of, promoted

__all__ = ["rearrange", "vectorize"]


def vectorize(pyfunc: Callable, *, excluded: Any = None, signature: str | None = None) -> Callable:
    """A function of scalars (or of small arrays) as one that broadcasts over arrays.

    Args:
        pyfunc: the function, of arrays.
        excluded: positions of arguments that are passed on as they are.
        signature: what the function takes and gives, `"(m,n),(n)->(m)"`; scalars where None.

    Returns:
        A function over arrays that broadcast in front of the axes of the signature.

    >>> vectorize(lambda a, b: a + b)([1, 2], 10).tolist()
    [11, 12]
    """
    skipped = set(excluded or ())
    cores: list[int] | None = None
    if signature is not None:
        terms = re.findall(r"\(([^()]*)\)", signature.split("->")[0])
        cores = [len([name for name in term.split(",") if name.strip()]) for term in terms]

    @functools.wraps(pyfunc)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        backend = current_backend()
        xp = backend.xp
        places = [i for i in range(len(args)) if i not in skipped]
        ranks = [0] * len(places) if cores is None else cores
        if len(ranks) != len(places):
            raise ValueError(
                f"`signature` {signature!r} names {len(ranks)} arguments; got {len(places)}."
            )
        arrays = [array(args[i]) for i in places]
        outer = [x.shape[: x.ndim - rank] for x, rank in zip(arrays, ranks)]
        depth = max(map(len, outer), default=0)
        shape = _broadcast(outer, depth)
        spread = [
            xp.broadcast_to(x, (*shape, *x.shape[x.ndim - rank :]))
            for x, rank in zip(arrays, ranks)
        ]

        def call(*values: Any) -> Any:
            full = list(args)
            for place, value in zip(places, values):
                full[place] = value
            return pyfunc(*full, **kwargs)

        mapped = call
        for _ in range(depth):
            mapped = backend.vmap(mapped)
        return mapped(*spread)

    return wrapper


def _broadcast(shapes: list, rank: int) -> tuple:
    result = []
    for axis in range(-rank, 0):
        lengths = {shape[axis] for shape in shapes if len(shape) >= -axis}
        result.append(max(lengths - {1}, default=1))
    return tuple(result)


def _groups(side: str, pattern: str) -> list[list[str]]:
    """`"b (h w) c"` as `[["b"], ["h", "w"], ["c"]]`."""
    groups: list[list[str]] = []
    for group, name in re.findall(r"\(([^()]*)\)|(\S+)", side):
        if name:
            groups.append([] if name == "1" else [name])
        else:
            groups.append([part for part in group.split() if part != "1"])
    if side.count("(") != side.count(")"):
        raise ValueError(f"`rearrange` pattern {pattern!r} has unbalanced parentheses.")
    return groups


def _plan(shape: tuple, pattern: str, lengths: dict) -> tuple[list, list, list]:
    """`(split shape, order of axes, final shape)` of a pattern.

    Raises:
        ValueError: the pattern does not fit the shape.
    """
    left, arrow, right = pattern.partition("->")
    if not arrow:
        raise ValueError(f"`rearrange` pattern {pattern!r} needs '->'.")
    before, after = _groups(left, pattern), _groups(right, pattern)
    if ["..."] in before:
        place = before.index(["..."])
        extra = len(shape) - len(before) + 1
        names = [[f"...{i}"] for i in range(extra)]
        before[place : place + 1] = names
        spread: list[list[str]] = []
        for group in after:
            if group == ["..."]:
                spread.extend(names)
            else:
                expanded: list[str] = []
                for name in group:
                    expanded.extend([n[0] for n in names] if name == "..." else [name])
                spread.append(expanded)
        after = spread
    if len(before) != len(shape):
        raise ValueError(
            f"`rearrange` pattern {pattern!r} names {len(before)} axes; the array has "
            f"{len(shape)} (shape {shape})."
        )
    names_before = [name for group in before for name in group]
    names_after = [name for group in after for name in group]
    if sorted(names_before) != sorted(names_after) or len(set(names_before)) < len(names_before):
        raise ValueError(
            f"`rearrange` pattern {pattern!r} must name the same axes, each once, on both sides."
        )
    sizes: dict[str, Any] = {name: n for name, n in lengths.items() if name in names_before}
    for group, n in zip(before, shape):
        unknown = [name for name in group if name not in sizes]
        known = math.prod([sizes[name] for name in group if name in sizes])
        if len(unknown) > 1:
            raise ValueError(
                f"`rearrange` pattern {pattern!r} cannot split an axis into {group}: give the "
                f"length of all but one of {', '.join(unknown)}."
            )
        if (isinstance(n, int) and (n % known if known else n)) or (
            isinstance(n, int) and not unknown and n != known
        ):
            raise ValueError(
                f"`rearrange` pattern {pattern!r}: an axis of length {n} cannot be split into "
                f"{' x '.join(f'{name}={sizes.get(name)}' for name in group)} (shape {shape})."
            )
        if unknown:
            sizes[unknown[0]] = None if n is None else n // known
    split = [sizes[name] for name in names_before]
    order = [names_before.index(name) for name in names_after]
    final = [
        None if any(sizes[name] is None for name in group)
        else math.prod([sizes[name] for name in group])
        for group in after
    ]  # fmt: skip
    return split, order, final


def _rearrange_rule(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    return of(tuple(_plan(shape_of(tensor), pattern, axes_lengths)[2]), promoted(tensor))


@op(spec=_rearrange_rule)
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Axes split, reordered and merged by a pattern.

    Args:
        tensor: array.
        pattern: names of the axes before and after, `"b (h w) c -> b c h w"`; those in
            parentheses share one axis, `...` stands for any number of axes.
        axes_lengths: lengths that do not follow from the shape, `h=8`.

    Raises:
        ValueError: the pattern does not fit the array.

    Source: A. Rogozhnikov, "Einops", ICLR 2022.

    >>> rearrange([[1, 2, 3, 4]], "a (b c) -> b (a c)", b=2).tolist()
    [[1, 2], [3, 4]]
    """
    xp = current_backend().xp
    tensor = array(tensor)
    split, order, final = _plan(tuple(tensor.shape), pattern, axes_lengths)
    tensor = xp.transpose(xp.reshape(tensor, tuple(split)), tuple(order))
    return xp.reshape(tensor, tuple(final))
