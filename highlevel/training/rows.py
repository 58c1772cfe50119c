"""Which models can be evaluated on batches filled up with rows that do not count.

A partial last batch has a shape of its own, and a shape of its own is a program of its own.
`evaluate` fills it up instead, where that cannot change a number: each row's output, loss
and share in the metrics must depend on that row alone, and what is made of all rows must
leave out one of weight 0. That is known of the layers, losses and metrics of this library.
Of code that somebody else wrote it is not: in-batch negatives, a statistic over the batch, a
metric that counts calls. Such a model has a second program for the partial batch.
"""

from __future__ import annotations

from typing import Any

from highlevel_backend import tree

from highlevel.layers.call_info import call_info
from highlevel.layers.layer import Layer
from highlevel.losses import hinges, probabilistic, regression
from highlevel.losses.base import FunctionLoss
from highlevel.metrics import accuracies, wrapped
from highlevel.metrics.reducing import MeanMetricWrapper
from highlevel.ops.mask_rules import ENTRYWISE
from highlevel.state import active_distribution

__all__ = ["evaluates_by_rows"]

#: functions of this library whose entry for a row depends on that row alone
_BY_ROWS = frozenset(
    getattr(module, name)
    for module in (regression, probabilistic, hinges, accuracies, wrapped)
    for name in module.__all__ if name.islower()
)

#: folders of layers that run functions of the user's
_OTHERS = ("highlevel.layers.interop", "highlevel.layers.core.lambda_layer")


def evaluates_by_rows(model: Any, batch: Any) -> bool:
    """Whether rows of weight 0 leave every number of `evaluate` as it is.

    Args:
        model: compiled, its losses and metrics matched to outputs.
        batch: `(x, y, sample_weight)` of the first batch.
    """
    state = model._trainer
    if state.losses is None or active_distribution() is not None:
        return False
    outputs = _outputs(model)
    if outputs is None or not all(_by_rows(layer) for layer in model._flatten_layers()):
        return False
    given = [one for one in state.losses.functions if one is not None]
    routed = state.metrics.metrics if state.metrics is not None else []
    return (
        all(map(_loss_by_rows, given)) and all(map(_metric_by_rows, routed))
        and len(model.metrics) == 1 + len(state.losses.metrics) + len(routed)
        and _weights_fit(outputs, batch[2])
    )


def _outputs(model: Any) -> list | None:
    """The symbolic outputs, where each has a row for every row of the inputs, and more axes."""
    if not _ours(type(model).call):
        return None
    try:
        found = tree.leaves(model.output)
    except AttributeError:
        return None
    fine = all(len(t.shape) > 1 and t.shape[0] is None for t in found)
    return found if fine else None


def _by_rows(layer: Any) -> bool:
    """Whether a layer gives each row an output of its own, and adds no loss."""
    cls = type(layer)
    axes = [getattr(layer, "axis", None), getattr(layer, "axes", None)]
    functions = [getattr(layer, "activation", None), getattr(layer, "recurrent_activation", None)]
    if (
        call_info(cls, Layer).foreign or cls.__module__.startswith(_OTHERS)
        or layer.activity_regularizer is not None or getattr(layer, "stateful", False)
        or any(axis == 0 or (isinstance(axis, (list, tuple)) and 0 in axis) for axis in axes)
        or not all(f is None or isinstance(f, Layer) or _ours(f) for f in functions)
    ):
        return False
    graph = getattr(layer, "_graph", None)
    return graph is None or all(map(_call_by_rows, graph.nodes))


def _call_by_rows(node: Any) -> bool:
    """Whether a call in a graph mixes no rows: an op entry by entry, a layer as in inference."""
    function = getattr(node.operation, "function", None)
    if function is None:
        return isinstance(node.operation, Layer) and not node.kwargs.get("training")
    ranks = {len(tensor.shape) for tensor in (*node.inputs, *node.outputs)}
    return function.__name__ in ENTRYWISE and len(ranks) == 1


def _ours(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).partition(".")[0] == "highlevel"


def _loss_by_rows(loss: Any) -> bool:
    """Whether a mask over the rows takes them out of a loss."""
    return (
        isinstance(loss, FunctionLoss) and _ours(type(loss))
        and loss.reduction not in ("none", None) and loss.dtype in ("float32", "float64")
        and _function_by_rows(loss.fn, loss._fn_kwargs)
    )


def _metric_by_rows(metric: Any) -> bool:
    """Whether weights of 0 take rows out of a metric."""
    if not _ours(type(metric).update_state) or not _ours(type(metric).result):
        return False
    if isinstance(metric, MeanMetricWrapper):
        return _function_by_rows(metric._fn, metric._fn_kwargs)
    return metric._leaves_out_weight_0


def _function_by_rows(function: Any, arguments: dict[str, Any]) -> bool:
    return function in _BY_ROWS and arguments.get("axis", -1) == -1


def _weights_fit(outputs: list, weights: Any) -> bool:
    """Whether each sample weight is one for a row, or one for each entry of a loss."""
    given = [] if weights is None else tree.leaves(weights)
    ranks = {len(t.shape) - 1 for t in outputs}
    shapes = [tuple(w.shape) for w in given]
    return all(
        ranks == {len(shape)} or (ranks == {1} and len(shape) == 2 and shape[1] == 1)
        for shape in shapes
    )
