"""Weights and activations as images and as histograms, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from highlevel.inspection.picture import Picture, new_picture
from highlevel.inspection.tables import readable_number
from highlevel.inspection.trace import LayerCall, Trace
from highlevel.layers.layer import Layer

__all__ = ["plot_activations", "plot_arrays", "plot_weights"]

_KINDS = ("histogram", "image")
_MOST = 64  # maps of one array, and arrays of one picture


def plot_weights(layer: Layer, kind: str = "histogram") -> Picture:
    """Draw the weights of a layer or model.

    Args:
        layer: the layer. Weights that do not exist yet are made.
        kind: `"histogram"`, or `"image"`: of a convolution a picture per filter.

    Returns:
        A picture with a part per weight.

    Raises:
        ValueError: a layer without weights, another kind.
        ImportError: matplotlib is not installed.
    """
    start = f"{layer.path}/"
    arrays = {v.path.removeprefix(start): v.numpy() for v in layer.weights}
    if not arrays:
        raise ValueError(f"{type(layer).__name__} '{layer.path}' has no weights to draw.")
    return plot_arrays(arrays, kind, f"weights of {layer.name}", filters=True)


def plot_activations(trace: Trace | LayerCall, kind: str = "histogram", sample: int = 0) -> Picture:
    """Draw what layers gave.

    Args:
        trace: of `model.trace(x)`, or one call out of it: `model.trace(x)["conv"]`.
        kind: `"histogram"` over the whole batch, or `"image"`: of maps `(batch, height, width,
            channels)` one per channel of a sample, else all rows of the batch.
        sample: which one.

    Returns:
        A picture with a part per call.

    Raises:
        ValueError: another kind, no such sample.
        ImportError: matplotlib is not installed.
    """
    calls = list(trace) if isinstance(trace, Trace) else [trace]
    arrays = {}
    for call in calls:
        found = call._numbers(call.output)
        for at, array in enumerate(found):
            name = call.path if len(found) == 1 else f"{call.path}[{at}]"
            if kind == "image" and array.ndim == 4:
                if not -len(array) <= sample < len(array):
                    raise ValueError(f"The batch has {len(array)} samples; there is no {sample}.")
                array = array[sample]
                if getattr(call.layer, "data_format", None) == "channels_first":
                    array = array.transpose(1, 2, 0)
            arrays[name] = array
    return plot_arrays(arrays, kind, f"outputs of {', '.join(list(arrays)[:3])}")


def plot_arrays(
    arrays: Mapping[str, np.ndarray], kind: str, title: str, filters: bool = False
) -> Picture:
    """Draw arrays by name.

    Args:
        arrays: the first 64 are drawn.
        kind: `"histogram"` or `"image"`.
        title: of the picture.
        filters: arrays of four axes are `(height, width, inputs, filters)`.
    """
    if kind not in _KINDS:
        raise ValueError(f"`kind` is one of {', '.join(_KINDS)}; got {kind!r}.")
    chosen = list(arrays.items())[:_MOST]
    across = min(3, len(chosen))
    down = -(-len(chosen) // max(across, 1))
    picture = new_picture(title, 3.6 * across, 2.6 * down)
    grid = picture.figure.subplots(down, across, squeeze=False)
    for axes, (name, array) in zip(grid.flat, chosen):
        axes.set_title(f"{name} {array.shape}", fontsize=8)
        axes.tick_params(labelsize=7)
        if kind == "histogram":
            _histogram(axes, array)
        else:
            drawn = axes.imshow(_as_image(array, filters), aspect="auto" if array.ndim < 3 else
                                "equal", interpolation="nearest", **_scale(array))
            picture.figure.colorbar(drawn, ax=axes).ax.tick_params(labelsize=7)
            axes.set_xticks([])
            axes.set_yticks([])
    for axes in grid.flat[len(chosen):]:
        axes.remove()
    return picture


def _histogram(axes: Any, array: np.ndarray) -> None:
    values = array.astype("float64").ravel()
    finite = values[np.isfinite(values)]
    axes.hist(finite, bins=40)
    axes.set_yticks([])
    told = []
    if finite.size:
        told.append(" ± ".join(readable_number(float(v)) for v in (finite.mean(), finite.std())))
    if finite.size < values.size:
        told.append(f"{values.size - finite.size:,} not finite")
    axes.set_xlabel(", ".join(told), fontsize=7)


def _scale(array: np.ndarray) -> dict[str, Any]:
    """Blue and red about 0 where there are both signs, else from dark to light."""
    values = array.astype("float64")
    finite = values[np.isfinite(values)]
    if finite.size and finite.min() < 0:
        most = float(np.abs(finite).max())
        return {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
    return {"cmap": "viridis"}


def _as_image(array: np.ndarray, filters: bool) -> np.ndarray:
    """A matrix to draw: maps in a grid, with lines of NaN between."""
    values = array.astype("float64")
    if values.ndim == 4 and filters:  # a filter's mean over its inputs
        values = values.mean(2)
    if values.ndim < 2:
        return values.reshape(1, -1)
    if values.ndim == 2:
        return values
    values = values.reshape(*values.shape[:2], -1)[..., :_MOST]
    height, width, count = values.shape
    across = int(np.ceil(np.sqrt(count)))
    down = -(-count // across)
    image = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan)
    for at in range(count):
        y, x = (at // across) * (height + 1), (at % across) * (width + 1)
        image[y: y + height, x: x + width] = values[..., at]
    return image
