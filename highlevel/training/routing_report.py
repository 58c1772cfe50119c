"""`CompiledRouting`: which target, output and weight goes to each loss and metric, to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from highlevel.training.routing import (
    LossRouting,
    MetricRouting,
    free_label,
    match_outputs,
    output_names,
)

__all__ = ["CompiledRouting", "Route"]


@dataclass(frozen=True)
class Route:
    """What one loss or metric gets.

    Attributes:
        kind: "loss", "metric" or "weighted metric".
        name: its name in `History` and `evaluate`; "loss" for the loss of a single output.
        output, target: the output it looks at, and the entry of `y` it is compared with;
            None for what layers add.
        function: the loss or metric.
        weight: factor of the loss in the sum; None where there is none, and for metrics.
        sample_weight: the entry of `sample_weight` it takes; None for plain metrics.
    """

    kind: str
    name: str
    output: str | None
    target: str | None
    function: str
    weight: Any = None
    sample_weight: str | None = None


class CompiledRouting(Sequence):
    """A list of `Route`s that shows itself as a table.

    Args:
        model: name of the model.
        routes: the losses, then the metrics.
        settled: whether a batch was seen, which decides what depends on shapes.
        regularized: paths of weights whose regularizers add to the loss.
    """

    def __init__(
        self, model: str, routes: list[Route], settled: bool, regularized: list[str]
    ) -> None:
        self.model = model
        self.routes = routes
        self.settled = settled
        self.regularized = regularized

    def __len__(self) -> int:
        return len(self.routes)

    def __getitem__(self, index: Any) -> Any:
        return self.routes[index]

    def __iter__(self) -> Iterator[Route]:
        return iter(self.routes)

    def to_dicts(self) -> list[dict[str, Any]]:
        """The routes as plain dicts."""
        return [asdict(route) for route in self.routes]

    def __repr__(self) -> str:
        head = ("", "name", "output", "target", "function", "weight", "sample weights")
        rows = [head] + [
            (
                r.kind, r.name, r.output or "-", r.target or "-", r.function,
                "-" if r.weight is None else f"{r.weight}", r.sample_weight or "-",
            )
            for r in self.routes
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        lines = [f"Losses and metrics of model '{self.model}'"]
        lines += [
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
            for row in rows
        ]
        if self.regularized:
            paths = ", ".join(self.regularized)
            lines.append(f"  The loss also has the regularization of {paths}.")
        if not self.settled:
            lines.append("  What depends on shapes is settled by the first batch.")
        return "\n".join(lines)


def compiled_routing(
    model: Any, losses: LossRouting | None, metrics: MetricRouting | None, names: Any,
    outputs: Any, layer_metrics: list,
) -> CompiledRouting:
    """See `Trainer.compiled_routing`.

    Args:
        names: names of the output layers, where the model has a graph.
        outputs: the tree of outputs, where it is known.
    """
    built = [r for r in (losses, metrics) if r is not None and r.names is not None]
    if built:
        found = built[0].names or []
    elif outputs is not None:
        found = output_names(outputs, names)
    else:
        dicts = [g for g in (getattr(losses, "loss", None), *getattr(metrics, "given", ()))
                 if isinstance(g, dict)]
        found = list(names or (dicts[0] if dicts else ["output"]))
    routes: list[Route] = []
    if losses is not None:
        routes += _losses(losses, found, names, outputs)
    for metric in layer_metrics:
        function = f"{type(metric).__name__} of a layer"
        routes.append(Route("metric", metric.name, None, None, function))
    if metrics is not None:
        routes += _metrics(metrics, found, names, outputs)
    regularized = [v.path for v in model.trainable_variables if v.regularizer is not None]
    waiting = any(r is not None and r.names is None for r in (losses, metrics))
    return CompiledRouting(model.name, routes, not waiting, regularized)


def _entry(what: str, i: int, names: list[str], by_name: bool) -> str:
    if len(names) == 1 and not by_name:
        return what
    return f"{what}[{names[i]!r}]" if by_name else f"{what}[{i}]"


def _losses(losses: LossRouting, names: list[str], aliases: Any, outputs: Any) -> Iterator[Route]:
    if losses.names is not None:
        functions, weights = losses.functions, losses.weights
    else:
        stand_in = outputs if outputs is not None else [None] * len(names)
        functions = match_outputs(losses.loss, stand_in, names, aliases, "loss", True)
        weights = match_outputs(
            losses.loss_weights, stand_in, names, aliases, "loss_weights", False)
    by_name = losses.by_name if losses.by_name is not None else isinstance(outputs, dict)
    for i, (name, function, weight) in enumerate(zip(names, functions, weights)):
        if function is not None:
            yield Route(
                "loss", f"{name}_loss" if len(names) > 1 else "loss", name,
                _entry("y", i, names, by_name), _called(function), weight,
                _entry("sample_weight", i, names, by_name),
            )


def _metrics(
    metrics: MetricRouting, names: list[str], aliases: Any, outputs: Any
) -> Iterator[Route]:
    stand_in = outputs if outputs is not None else [None] * len(names)
    by_name = metrics.by_name if metrics.by_name is not None else isinstance(outputs, dict)
    used: set[str] = set()
    for i, name in enumerate(names):
        if metrics.names is not None:
            rows = [(m, label, weighted) for m, label, weighted in metrics.routes[i]]
        else:
            prefix = f"{name}_" if len(names) > 1 else ""
            rows = [
                (one, free_label(_called(one), prefix, weighted, used), weighted)
                for group, weighted in zip(metrics.given, (False, True))
                for one in metrics.per_output(group, stand_in, names)[i]
            ]
        for one, label, weighted in rows:
            function = type(one).__name__ if hasattr(one, "update_state") else _called(one)
            if function == "MeanMetricWrapper":
                function = f"mean of {_called(one._fn)}"
            yield Route(
                "weighted metric" if weighted else "metric", label, name,
                _entry("y", i, names, by_name), function, None,
                _entry("sample_weight", i, names, by_name) if weighted else None,
            )


def _called(one: Any) -> str:
    if isinstance(one, str):
        return one
    return getattr(one, "name", None) or getattr(one, "__name__", None) or type(one).__name__


def check_names(losses: LossRouting | None, metrics: MetricRouting | None, names: Any,
                outputs: Any) -> None:
    """Refuse, as soon as outputs are known, names in dicts that no output has.

    Raises:
        ValueError: such a name, with the likely one.
    """
    found = output_names(outputs, names)
    if losses is not None:
        match_outputs(losses.loss, outputs, found, names, "loss", True)
        match_outputs(losses.loss_weights, outputs, found, names, "loss_weights", False)
    for group, what in zip(metrics.given if metrics is not None else (),
                           ("metrics", "weighted_metrics")):
        if isinstance(group, dict):
            match_outputs(group, outputs, found, names, what, False)
