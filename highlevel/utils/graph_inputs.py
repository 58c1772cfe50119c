"""Where a symbolic tensor's graph begins."""

from __future__ import annotations

from typing import Any

from highlevel.symbolic import Node, SymbolicTensor

__all__ = ["get_source_inputs"]


def get_source_inputs(tensor: Any) -> Any:
    """The symbolic tensors, made by nothing else, from which a tensor is computed.

    Args:
        tensor: a symbolic tensor.

    Returns:
        List of symbolic tensors, in the order in which a walk back from `tensor` meets them,
        each once. A tensor that no layer or op made is returned as it is.

    >>> import highlevel as hl
    >>> a, b = hl.Input((2,), name="a"), hl.Input((2,), name="b")
    >>> [x.name for x in get_source_inputs(hl.layers.Dense(1)(a) + b)]
    ['a', 'b']
    """
    if not isinstance(tensor, SymbolicTensor) or tensor.node is None:
        return tensor
    found: dict[SymbolicTensor, None] = {}
    seen: set[Node] = set()
    stack = [tensor.node]  # explicit: graphs may be deeper than Python's recursion limit
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.is_input:
            found.update(dict.fromkeys(node.outputs))
        stack.extend(t.node for t in reversed(node.inputs) if t.node is not None)
    return list(found)
