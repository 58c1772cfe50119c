"""Which target, output and weight goes to each loss and metric.

What `compile` was given (one thing, a list, or a dict by output name) is matched to the
model's outputs when these are first seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from highlevel_backend import tree

from highlevel import losses as losses_module
from highlevel import metrics as metrics_module
from highlevel import ops
from highlevel.errors import describe, suggest
from highlevel.masking import peek_mask, set_mask

__all__ = ["LossRouting", "MetricRouting", "free_label", "match_outputs", "output_names"]


def output_names(y_pred: Any, given: list[str] | None) -> list[str]:
    """Names of a model's outputs: keys of a dict, else those of the output layers."""
    paths = tree.flatten_with_path(y_pred)
    if isinstance(y_pred, dict):
        return ["/".join(str(part) for part in path) for path, _ in paths]
    if given is not None and len(given) == len(paths):
        return list(given)
    return [f"output_{i}" if len(paths) > 1 else "output" for i in range(len(paths))]


def match_outputs(
    value: Any, y_pred: Any, names: list[str], aliases: list[str] | None, what: str,
    broadcast: bool, is_one: Any = None,
) -> list[Any]:
    """What `value` says for each output, in their flat order.

    Args:
        value: None, one thing, a list or tuple with an entry per output, or a dict by name.
        y_pred: the outputs' tree.
        names, aliases: names of the outputs, and other names that are taken for them.
        what: what `value` is called in errors.
        broadcast: whether one thing serves all outputs.
        is_one: says of a list or dict that it is one thing.

    Raises:
        ValueError: a name no output has (with the likely one), or another number.
    """
    count = len(names)
    if value is None:
        return [None] * count
    if is_one is not None and is_one(value):
        return [value] * count if broadcast or count == 1 else _wrong_count(what, 1, names)
    if isinstance(value, dict):
        found: list[Any] = [None] * count
        places = {name: i for i, name in enumerate(names)}
        for alternative in aliases or ():
            places.setdefault(alternative, (aliases or []).index(alternative))
        for key, entry in value.items():
            if isinstance(entry, dict) and isinstance(y_pred, dict) and isinstance(
                y_pred.get(key), dict
            ):
                for inner, item in entry.items():
                    found[places[f"{key}/{inner}"]] = item
                continue
            if key not in places:
                raise ValueError(
                    f"`{what}` names an output {key!r} that the model does not have."
                    f"{suggest(key, places)} Its outputs: {', '.join(names)}."
                )
            found[places[key]] = entry
        return found
    if isinstance(value, (list, tuple)):
        if isinstance(y_pred, (list, tuple)) or len(value) == count:
            if len(value) != count:
                flat = tree.leaves(value)
                if len(flat) == count:
                    return flat
                _wrong_count(what, len(value), names)
            return list(value)
        _wrong_count(what, len(value), names)
    return [value] * count if broadcast or count == 1 else _wrong_count(what, 1, names)


def _wrong_count(what: str, given: int, names: list[str]) -> Any:
    raise ValueError(
        f"`{what}` has {given} entr{'y' if given == 1 else 'ies'}, but the model has "
        f"{len(names)} output(s): {', '.join(names)}. Give one per output, or a dict by name."
    )


@contextmanager
def _only(rows: Any, y_pred: Any) -> Iterator[None]:
    """Within the block the mask of an output leaves out the rows that do not count."""
    if rows is None:
        yield
        return
    mask = peek_mask(y_pred)
    set_mask(y_pred, rows if mask is None else ops.logical_and(mask, _behind(rows, mask)))
    try:
        yield
    finally:
        set_mask(y_pred, mask)


def _behind(rows: Any, other: Any) -> Any:
    """A vector with as many axes as another array."""
    return ops.reshape(rows, (-1, *[1] * (len(other.shape) - 1)))


def _weighted_rows(rows: Any, weight: Any, mask: Any) -> Any:
    """Weights that are 0 for the rows that do not count, of the rank of the mask if any."""
    factor = ops.cast(rows, "float32")
    if weight is not None:
        return weight * ops.cast(_behind(factor, weight), weight.dtype)
    return factor if mask is None else _behind(factor, mask)


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


class LossRouting:
    """The compiled losses.

    Args:
        loss: name, function or `Loss`, or a list or dict of them by output.
        loss_weights: a number per output, in the same form.
        names: names of the model's output layers, where it has a graph.
    """

    def __init__(self, loss: Any, loss_weights: Any, names: list[str] | None) -> None:
        self.loss = loss
        self.loss_weights = loss_weights
        self._given_names = names
        self.names: list[str] | None = None
        #: per output, once built: the loss, and its factor
        self.functions: list[Any] = []
        self.weights: list[Any] = []
        #: whether the targets came as a dict by output; None until they came
        self.by_name: bool | None = None
        #: a mean per output, where there are several
        self.trackers: list[Any] = []
        #: which rows of the batch count, booleans; None for all
        self.rows: Any = None
        for weight in tree.leaves(loss_weights):
            if isinstance(weight, str) or callable(weight):
                raise ValueError(
                    f"`loss_weights` are numbers, one per output; got {weight!r}. Metrics are "
                    "given as `metrics=[...]`."
                )
        for one in tree.leaves(loss):
            if isinstance(one, str) and one not in ("ce", "crossentropy"):
                losses_module.get(one)  # an unknown name is an error of `compile`'s

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Match losses to outputs."""
        names = output_names(y_pred, self._given_names)
        self.by_name = isinstance(y_true, dict)
        given = match_outputs(self.loss, y_pred, names, self._given_names, "loss", True)
        weights = match_outputs(
            self.loss_weights, y_pred, names, self._given_names, "loss_weights", False
        )
        if all(one is None for one in given):
            raise ValueError("`compile` was given no loss for any output.")
        flat_true = _targets(y_true, y_pred, names, self._given_names)
        flat_pred = tree.leaves(y_pred)
        self.functions = []
        for one, true, pred in zip(given, flat_true, flat_pred):
            if one is not None and not isinstance(one, losses_module.Loss):
                if one in ("ce", "crossentropy"):
                    one = _crossentropy_for(true, pred)
                found = cast(Callable, losses_module.get(one))  # None only of None
                if not isinstance(found, losses_module.Loss):
                    name = getattr(found, "__name__", type(found).__name__)
                    found = losses_module.FunctionLoss(found, name=name)
                one = found
            self.functions.append(one)
        self.weights = weights
        if len(names) > 1:
            self.trackers = [
                metrics_module.Mean(name=f"{name}_loss") if one is not None else None
                for name, one in zip(names, self.functions)
            ]
        self.names = names  # last: what failed above is to be tried again

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The weighted sum of the outputs' losses, a scalar array.

        Raises:
            ValueError: targets are missing or do not fit; names the output.
        """
        if self.names is None:
            self.build(y_true, y_pred)
        names = self.names or []
        pred = tree.leaves(y_pred)
        true = _targets(y_true, y_pred, names, self._given_names)
        weight = match_outputs(
            sample_weight, y_pred, names, self._given_names, "sample_weight", True, _is_array
        )
        total = None
        for i, (one, name) in enumerate(zip(self.functions, names)):
            if one is None:
                continue
            if true[i] is None:
                raise ValueError(
                    f"There is no target for output '{name}', but it has the loss "
                    f"'{one.name}'. Give `y`"
                    + (f" an entry {name!r}." if len(names) > 1 else ".")
                )
            try:
                with _only(self.rows, pred[i]):
                    value = one(true[i], pred[i], weight[i])
            except Exception as error:
                error.add_note(
                    f"In loss '{one.name}' of output '{name}', with target {describe(true[i])} "
                    f"and output {describe(pred[i])}."
                )
                raise
            if self.trackers:
                batch = pred[i].shape[0] if pred[i].ndim else 1
                if self.rows is not None:
                    batch = ops.sum(ops.cast(self.rows, "float32"))
                self.trackers[i].update_state(value, sample_weight=batch)
            if self.weights[i] is not None:
                value = value * self.weights[i]
            total = value if total is None else total + value
        return total

    @property
    def metrics(self) -> list[Any]:
        """The means per output."""
        return [tracker for tracker in self.trackers if tracker is not None]


def _targets(y_true: Any, y_pred: Any, names: list[str], aliases: list[str] | None) -> list[Any]:
    if len(names) == 1 and not isinstance(y_true, dict):
        if isinstance(y_true, (list, tuple)) and len(y_true) == 1:
            y_true = y_true[0]
        return [y_true]
    return match_outputs(y_true, y_pred, names, aliases, "y", False, _is_array)


def _crossentropy_for(y_true: Any, y_pred: Any) -> str:
    if y_pred.shape[-1] == 1:
        return "binary_crossentropy"
    if y_true is None or len(y_true.shape) < len(y_pred.shape) or y_true.shape[-1] == 1:
        return "sparse_categorical_crossentropy"
    return "categorical_crossentropy"


class MetricRouting:
    """The compiled metrics.

    Args:
        metrics: names, functions or `Metric`s: a list (for each output), a list of lists
            or a dict by output.
        weighted_metrics: the same, updated with the sample weights.
        names: names of the model's output layers, where it has a graph.
    """

    name = "compile_metrics"

    def __init__(self, metrics: Any, weighted_metrics: Any, names: list[str] | None) -> None:
        self.given = (metrics, weighted_metrics)
        self._given_names = names
        self.names: list[str] | None = None
        #: as in `LossRouting`
        self.by_name: bool | None = None
        #: per output: `(metric, name in the logs, takes weights)`
        self.routes: list[list[tuple[Any, str, bool]]] = []
        self._told: set[str] = set()
        #: as in `LossRouting`
        self.rows: Any = None
        for group in self.given:
            for one in tree.leaves(group):
                if isinstance(one, str) and one not in _BY_SHAPE:
                    metrics_module.get(one)

    @property
    def built(self) -> bool:
        """Whether the outputs have been seen."""
        return self.names is not None

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Match metrics to outputs."""
        names = output_names(y_pred, self._given_names)
        self.by_name = isinstance(y_true, dict)
        true = _targets(y_true, y_pred, names, self._given_names) if y_true is not None else [
            None for _ in names]
        pred = tree.leaves(y_pred)
        found_routes: list[list[tuple[Any, str, bool]]] = [[] for _ in names]
        used: set[str] = set()
        for group, weighted in zip(self.given, (False, True)):
            for i, found in enumerate(self.per_output(group, y_pred, names)):
                for one in found:
                    metric = _as_metric(one, true[i], pred[i])
                    known = isinstance(metric, metrics_module.Metric)
                    label = metric.name if known else str(metric)
                    label = free_label(
                        label, f"{names[i]}_" if len(names) > 1 else "", weighted, used)
                    found_routes[i].append((metric, label, weighted))
        self.routes = found_routes
        self.names = names

    def per_output(self, group: Any, y_pred: Any, names: list[str]) -> list[list]:
        if group is None:
            return [[] for _ in names]
        if not isinstance(group, (list, tuple, dict)):
            group = [group]
        if isinstance(group, (list, tuple)):
            nested = any(isinstance(one, (list, tuple)) for one in group)
            if len(names) == 1:
                flat = tree.leaves(list(group))
                return [flat]
            if not nested and len(group) != len(names):
                _wrong_count("metrics", len(group), names)
            matched = list(group)
            if len(matched) != len(names):
                _wrong_count("metrics", len(group), names)
        else:
            matched = match_outputs(
                group, y_pred, names, self._given_names, "metrics", False
            )
        return [
            [] if one is None else list(one) if isinstance(one, (list, tuple)) else [one]
            for one in matched
        ]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Update every metric with a batch."""
        if self.names is None:
            self.build(y_true, y_pred)
        names = self.names or []
        if not any(self.routes):
            return
        pred = tree.leaves(y_pred)
        true = _targets(y_true, y_pred, names, self._given_names)
        weight = match_outputs(
            sample_weight, y_pred, names, self._given_names, "sample_weight", True, _is_array
        )
        for i, routes in enumerate(self.routes):
            for metric, label, weighted in routes:
                if true[i] is None:
                    continue
                if peek_mask(pred[i]) is not None:
                    self._tell_padding(metric, label, names[i])
                taken = weight[i] if weighted else None
                if self.rows is not None:
                    taken = _weighted_rows(self.rows, taken, peek_mask(pred[i]))
                try:
                    metric.update_state(true[i], pred[i], sample_weight=taken)
                except Exception as error:
                    error.add_note(
                        f"In metric '{label}' of output '{names[i]}', with target "
                        f"{describe(true[i])} and output {describe(pred[i])}."
                    )
                    raise

    def _tell_padding(self, metric: Any, label: str, output: str) -> None:
        """Warn, once, that a metric of this library counts what the output's mask leaves out."""
        if isinstance(metric, metrics_module.MeanMetricWrapper) or label in self._told or \
                not type(metric).__module__.startswith("highlevel."):
            return
        self._told.add(label)
        warnings.warn(
            f"The metric '{label}' ({type(metric).__name__}) takes no masks, and the output "
            f"'{output}' has one: it counts padding. Give it in `weighted_metrics`, with a "
            "`sample_weight` that is 0 there.",
            stacklevel=4,
        )

    @property
    def metrics(self) -> list[Any]:
        """The metrics, in the order they were given."""
        return list(dict.fromkeys(m for routes in self.routes for m, _, _ in routes))

    @property
    def variables(self) -> list[Any]:
        """Variables of the metrics."""
        return [v for metric in self.metrics for v in metric.variables]

    def reset_state(self) -> None:
        """Start all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> dict[str, Any]:
        """Name in the logs → result."""
        results: dict[str, Any] = {}
        for routes in self.routes:
            for metric, label, _ in routes:
                value = metric.result()
                results |= value if isinstance(value, dict) else {label: value}
        return results

    def labels(self) -> list[str]:
        """Names in the logs, in order."""
        return [label for routes in self.routes for _, label, _ in routes]


def free_label(name: str, prefix: str, weighted: bool, used: set[str]) -> str:
    """What a metric is called in the logs: by its name, which another one may have taken."""
    label = first = prefix + name
    if weighted and label in used:
        label = first = f"{prefix}weighted_{name}"
    count = 0
    while label in used:
        count += 1
        label = f"{first}_{count}"
    used.add(label)
    return label


#: names whose metric depends on the shapes of target and output
_BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")


def _as_metric(one: Any, y_true: Any, y_pred: Any) -> Any:
    if isinstance(one, metrics_module.Metric):
        return one
    if isinstance(one, str) and one in _BY_SHAPE:
        found = _resolve(one, y_true, y_pred)
        metric = metrics_module.get(found)
        if not isinstance(metric, metrics_module.Metric):
            metric = metrics_module.MeanMetricWrapper(metric)
        metric.name = one
        return metric
    metric = metrics_module.get(one)
    if isinstance(metric, metrics_module.Metric):
        if isinstance(one, str):
            metric.name = one
        return metric
    name = one if isinstance(one, str) else getattr(metric, "__name__", type(metric).__name__)
    return metrics_module.MeanMetricWrapper(metric, name=name)


def _resolve(name: str, y_true: Any, y_pred: Any) -> str:
    binary = y_pred.shape[-1] == 1 if len(y_pred.shape) else True
    sparse = y_true is not None and (
        len(y_true.shape) < len(y_pred.shape) or y_true.shape[-1] == 1
    )
    if name in ("accuracy", "acc"):
        return (
            "binary_accuracy" if binary
            else "sparse_categorical_accuracy" if sparse else "categorical_accuracy"
        )
    return (
        "binary_crossentropy" if binary
        else "sparse_categorical_crossentropy" if sparse else "categorical_crossentropy"
    )


