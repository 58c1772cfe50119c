"""Layers that combine inputs entry by entry, and the functions that make and call them."""

from __future__ import annotations

from typing import Any

from highlevel import ops
from highlevel.layers.merging.base import ElementwiseMerge

__all__ = [
    "Add",
    "Average",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


class Add(ElementwiseMerge):
    """The sum of the inputs, entry by entry.

    Called with a list of arrays whose shapes broadcast.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[4.0, 5.0]])
    >>> hl.layers.Add()([a, b]).tolist()
    [[5.0, 7.0]]
    """

    _operation = "add"


class Multiply(ElementwiseMerge):
    """The product of the inputs, entry by entry.

    Called with a list of arrays whose shapes broadcast.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[4.0, 5.0]])
    >>> hl.layers.Multiply()([a, b]).tolist()
    [[4.0, 10.0]]
    """

    _operation = "multiply"


class Maximum(ElementwiseMerge):
    """The largest of the inputs, entry by entry.

    Called with a list of arrays whose shapes broadcast.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[4.0, 5.0]])
    >>> hl.layers.Maximum()([a, b]).tolist()
    [[4.0, 5.0]]
    """

    _operation = "maximum"


class Minimum(ElementwiseMerge):
    """The least of the inputs, entry by entry.

    Called with a list of arrays whose shapes broadcast.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[4.0, 5.0]])
    >>> hl.layers.Minimum()([a, b]).tolist()
    [[1.0, 2.0]]
    """

    _operation = "minimum"


class Average(ElementwiseMerge):
    """The mean of the inputs, entry by entry.

    Called with a list of arrays whose shapes broadcast.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[4.0, 5.0]])
    >>> hl.layers.Average()([a, b]).tolist()
    [[2.5, 3.5]]
    """

    _operation = "add"

    def _combine(self, inputs: list) -> Any:
        return ops.divide(super()._combine(inputs), len(inputs))


class Subtract(ElementwiseMerge):
    """The first input less the second, entry by entry.

    Called with a list of two arrays whose shapes broadcast.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[4.0, 5.0]])
    >>> hl.layers.Subtract()([a, b]).tolist()
    [[-3.0, -3.0]]
    """

    _operation = "subtract"
    _least = _most = 2


def add(inputs: Any, **kwargs: Any) -> Any:
    """The sum of the inputs, entry by entry.

    Args:
        inputs: list of arrays or symbolic tensors.
        **kwargs: of the layer `Add`.

    Returns:
        An array or symbolic tensor of the shape that the inputs broadcast to.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[4.0, 5.0]])
    >>> hl.layers.add([a, b]).tolist()
    [[5.0, 7.0]]
    """
    return Add(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """The product of the inputs, entry by entry.

    Args:
        inputs: list of arrays or symbolic tensors.
        **kwargs: of the layer `Multiply`.

    Returns:
        An array or symbolic tensor of the shape that the inputs broadcast to.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[4.0, 5.0]])
    >>> hl.layers.multiply([a, b]).tolist()
    [[4.0, 10.0]]
    """
    return Multiply(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """The largest of the inputs, entry by entry.

    Args:
        inputs: list of arrays or symbolic tensors.
        **kwargs: of the layer `Maximum`.

    Returns:
        An array or symbolic tensor of the shape that the inputs broadcast to.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[4.0, 5.0]])
    >>> hl.layers.maximum([a, b]).tolist()
    [[4.0, 5.0]]
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """The least of the inputs, entry by entry.

    Args:
        inputs: list of arrays or symbolic tensors.
        **kwargs: of the layer `Minimum`.

    Returns:
        An array or symbolic tensor of the shape that the inputs broadcast to.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[4.0, 5.0]])
    >>> hl.layers.minimum([a, b]).tolist()
    [[1.0, 2.0]]
    """
    return Minimum(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """The mean of the inputs, entry by entry.

    Args:
        inputs: list of arrays or symbolic tensors.
        **kwargs: of the layer `Average`.

    Returns:
        An array or symbolic tensor of the shape that the inputs broadcast to.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[4.0, 5.0]])
    >>> hl.layers.average([a, b]).tolist()
    [[2.5, 3.5]]
    """
    return Average(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """The first input less the second, entry by entry.

    Args:
        inputs: list of two arrays or symbolic tensors.
        **kwargs: of the layer `Subtract`.

    Returns:
        An array or symbolic tensor of the shape that the inputs broadcast to.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[4.0, 5.0]])
    >>> hl.layers.subtract([a, b]).tolist()
    [[-3.0, -3.0]]
    """
    return Subtract(**kwargs)(inputs)
