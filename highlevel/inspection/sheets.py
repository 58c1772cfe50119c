"""What single objects show of themselves in notebooks: their properties, as small tables.

Knows the objects by their properties alone, so that those on the lowest floors can use it.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from highlevel.inspection.tables import (
    Mark,
    Table,
    html_of,
    readable_count,
    readable_number,
    readable_size,
    readable_time,
)

__all__ = ["of_history", "of_layer", "of_optimizer", "of_tensor", "of_variable", "sparkline"]

_MOST_BYTES = 16 << 20  # more are not fetched from the device to be looked at
_SHOWN = 6  # values of an array, epochs of a history


def of_variable(variable: Any) -> str:
    """Shape, memory and, where they are at hand, values of a variable. Computes none."""
    rows = [
        ["shape", str(variable.shape)],
        ["dtype", variable.dtype],
        ["memory", readable_size(variable.nbytes)],
        ["trainable", "yes" if variable.trainable else "no"],
    ]
    for name in ("regularizer", "constraint"):
        found = getattr(variable, name, None)
        if found is not None:
            rows.append([name, type(found).__name__])
    if variable.is_pending:
        rows.append(["value", Mark("not computed before it is needed", "muted")])
    elif variable.nbytes > _MOST_BYTES:
        rows.append(["value", Mark("too large to be shown", "muted")])
    else:
        rows += _values(variable.numpy())
    return _sheet(variable, variable.path, rows)


def _sheet(thing: Any, name: str, rows: list[list[str]]) -> str:
    return html_of([Table(f"{type(thing).__name__} '{name}'", ["property", "value"], rows)])


def _values(array: np.ndarray) -> list[list[str]]:
    first = ", ".join(map(_value, array.ravel()[:_SHOWN].tolist()))
    rows = [["values", first + (", ..." if array.size > _SHOWN else "")]]
    try:
        numbers = array.astype("float64")
    except (TypeError, ValueError):  # texts
        return rows
    finite = numbers[np.isfinite(numbers)]
    if finite.size > 1:
        rows.append(["mean, spread", " ± ".join(
            readable_number(float(v)) for v in (finite.mean(), finite.std()))])
        rows.append(["range", " to ".join(
            readable_number(float(v)) for v in (finite.min(), finite.max()))])
    if finite.size < numbers.size:
        rows.append(["not finite", Mark(f"{numbers.size - finite.size:,} entries", "bad")])
    return rows


def of_tensor(tensor: Any) -> str:
    """Shape and dtype of a symbolic tensor, and the call that makes it."""
    rows = [["shape", str(tensor.shape)], ["dtype", tensor.dtype]]
    if tensor.node is not None:
        operation = tensor.node.operation
        rows.append(["made by", _named(operation)])
        goes = [other for other in getattr(operation, "_outbound_nodes", ())
                if any(given is tensor for given in other.inputs)]
        used = list(dict.fromkeys(_named(node.operation) for node in goes))
        rows.append(["used by", ", ".join(used) or "-"])
    return html_of([Table(f"KerasTensor '{tensor.name}'", ["property", "value"], rows)])


def _named(operation: Any) -> str:
    return f"{getattr(operation, 'path', operation.name)} ({type(operation).__name__})"


def of_layer(layer: Any) -> str:
    """Ends, weights and settings of a layer."""
    rows = [
        [name, text] for name, text in (
            ("path", layer.path), ("input", _end(layer, "input")),
            ("output", _end(layer, "output")), ("dtype", _dtypes(layer)),
            ("trainable", "yes" if layer.trainable else "no"), *_settings(layer),
        )
    ]
    tables = [Table(f"{type(layer).__name__} '{layer.name}'", ["property", "value"], rows)]
    if not layer.built:
        rows.append(["weights", Mark("none yet: never called", "muted")])
    elif layer.weights:
        start = f"{layer.path}/"
        tables.append(Table(
            "Weights", ["name", "shape", "dtype", "parameters", "memory", "trainable"],
            [[v.path.removeprefix(start), str(v.shape), v.dtype, f"{v.size:,}",
              readable_size(v.nbytes), "yes" if v.trainable else "no"] for v in layer.weights],
            {"parameters", "memory"}, most=50,
        ))
        count, size = (sum(getattr(v, n) for v in layer.weights) for n in ("size", "nbytes"))
        if len(layer.weights) > 1:
            tables[-1].notes = [f"{count:,} parameters, {readable_size(size)}"]
    return html_of(tables)


def _end(layer: Any, which: str) -> str:
    try:
        found = getattr(layer, which)
    except AttributeError:
        return "-"
    shapes: list[str] = []

    def gather(value: Any) -> None:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, (list, tuple)):
            for item in value:
                gather(item)
        elif hasattr(value, "shape"):
            shapes.append(str(tuple(value.shape)))

    gather(found)
    return ", ".join(shapes) or "-"


def _dtypes(layer: Any) -> str:
    held, computed = layer.variable_dtype, layer.compute_dtype
    return held if held == computed else f"{held}, computes in {computed}"


def _settings(layer: Any) -> list[tuple[str, str]]:
    """Those entries of the config that are plain values or objects with a name."""
    try:
        config = layer.get_config()
    except Exception:  # a class of the user's that has none
        return []
    left_out = {"name", "trainable", "dtype", "batch_shape", "layers", "input_layers",
                "output_layers", "build_input_shape"}
    found = []
    for name, value in config.items():
        if isinstance(value, dict):
            value = value.get("class_name")
        if name not in left_out and value is not None and not isinstance(value, (dict, list)):
            found.append((name, str(value)[:80]))
    return found


def of_optimizer(optimizer: Any) -> str:
    """Rate, settings and state of an optimizer."""
    try:
        config = optimizer.get_config()
    except Exception:  # a class of the user's that has none
        config = {}
    rows = [["steps taken", str(int(np.asarray(optimizer.iterations)))],
            ["learning rate now", _rate(optimizer)]]
    for name, value in config.items():
        if isinstance(value, dict):
            value = value.get("class_name")
        if name not in ("name", "learning_rate") and value is not None and value is not False:
            rows.append([name, str(value)[:80]])
    if optimizer.built:
        held = optimizer.variables
        rows.append(["state", f"{len(held)} variables, "
                              f"{readable_size(sum(v.nbytes for v in held))}"])
    else:
        rows.append(["state", Mark("none yet: made at the first step", "muted")])
    return _sheet(optimizer, optimizer.name, rows)


def _rate(optimizer: Any) -> str:
    try:
        return readable_number(float(np.asarray(optimizer.learning_rate)))
    except (TypeError, ValueError):
        return "-"


def of_history(history: Any) -> str:
    """Best and last values of a training, and how they went."""
    columns: dict[str, Sequence[Any]] = history.history
    rows, lines = [], []
    for name, values in columns.items():
        numbers = [float(v) for v in values if isinstance(v, (int, float)) or np.ndim(v) == 0]
        finite = [v for v in numbers if math.isfinite(v)]
        last = readable_number(numbers[-1]) if numbers else "-"
        rows.append([
            name, readable_number(numbers[0]) if numbers else "-",
            Mark(last, "bad") if numbers and not math.isfinite(numbers[-1]) else last,
            *((readable_number(f(finite)) for f in (min, max)) if finite else ("-", "-")),
        ])
        if len(finite) > 1:
            lines.append(f"<p>{html.escape(name)} {sparkline(numbers, name)}</p>")
    took = "" if history.time is None else f", {readable_time(history.time.total)}"
    table = Table(
        f"History of {len(history.epoch)} epochs{took}",
        ["metric", "first", "last", "least", "most"], rows, {"first", "last", "least", "most"},
    )
    return html_of([table], "".join(lines))


def sparkline(values: Sequence[float], name: str, width: int = 160, height: int = 28) -> str:
    """A line through values as a small SVG picture in the colour of the text around it.

    Args:
        values: at least one of them finite; others are gaps.
        name: what is said to who cannot see it.
        width, height: in pixels.
    """
    finite = [v for v in values if math.isfinite(v)]
    low, high = min(finite), max(finite)
    span, step = (high - low) or 1.0, (width - 4) / max(len(values) - 1, 1)
    way, lifted = [], True
    for at, value in enumerate(values):
        if not math.isfinite(value):
            lifted = True
            continue
        y = 2 + (height - 4) * (high - value) / span
        way.append(f"{'M' if lifted else 'L'}{2 + at * step:.1f} {y:.1f}")
        lifted = False
    label = html.escape(f"{name}: from {readable_number(values[0])} to "
                        f"{readable_number(values[-1])} in {readable_count(len(values))} values")
    return (f'<svg width="{width}" height="{height}" role="img" aria-label="{label}">'
            f'<title>{label}</title><path class="hl-spark" d="{"".join(way)}"/></svg>')


def _value(value: Any) -> str:
    return readable_number(value) if isinstance(value, float) else str(value)
