"""Data on its way through the layers of a model that run on the host."""

from __future__ import annotations

from typing import Any

from highlevel_backend import tree

from highlevel.training.data.sources import ArraySource, StreamSource

__all__ = ["through_host"]

#: bytes that the prepared inputs of a whole data set may take to be made once
_AT_ONCE = 2**28


def through_host(model: Any, source: Any, asked: bool = False) -> Any:
    """A source whose inputs are what the model's compiled program takes.

    Data in memory is prepared once, if it is small then and all rows have one shape;
    otherwise, as streams are, batch by batch, which on streams is done in the background.

    Args:
        model: what is trained, evaluated or used.
        source: the data as it was given.
        asked: whether the model was asked about data of this kind before. No batch is looked at
            then: one dataset may be given for training and for validation, and not every loader
            can be in the middle of two passes.

    Returns:
        The same source, or another, for models without such layers the very one.
    """
    if not model._prepares_inputs:
        if not asked and model._refuses_programs(source.first()[0]):
            model._call_step_by_step()
        return source

    def prepare(x: Any, y: Any, weight: Any) -> tuple:
        return model._host_side(x), y, weight

    if isinstance(source, StreamSource):
        inner = source._transform
        source._transform = prepare if inner is None else lambda x, y, w: prepare(*inner(x, y, w))
        return source
    sample = source.take(slice(0, 1))
    prepared = prepare(*sample)
    if model._host_part is None or model._host_part.reason is not None:
        return source
    size = sum(leaf.nbytes for leaf in tree.leaves(prepared[0]))
    if model._host_part.fixed and size * source.rows <= _AT_ONCE:
        x, y, weight = prepare(*source.data)
        return ArraySource(x, y, weight, source.batch_size, source.shuffle)
    source.prepare = prepare
    return source
