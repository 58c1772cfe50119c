"""`history.plot()`: the values of a training over its epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from highlevel.errors import suggest
from highlevel.inspection.picture import Picture, new_picture

__all__ = ["plot_history"]


def plot_history(history: Any, names: Sequence[str] | None = None) -> Picture:
    """See `History.plot`."""
    columns = {name: values for name, values in history.history.items()
               if values and all(np.ndim(value) == 0 for value in values)}
    known = list(dict.fromkeys(name.removeprefix("val_") for name in columns))
    if not known:
        raise ValueError("The history holds no epoch that ended: there is nothing to draw.")
    chosen = known if names is None else [names] if isinstance(names, str) else list(names)
    for name in chosen:
        if name not in known:
            raise ValueError(
                f"The history has no metric {name!r}.{suggest(name, known)} It has: "
                f"{', '.join(known)}."
            )
    across = min(3, len(chosen))
    down = -(-len(chosen) // across)
    picture = new_picture(f"{', '.join(chosen)} by epoch", 4.2 * across, 3.0 * down)
    grid = picture.figure.subplots(down, across, squeeze=False)
    for axes, name in zip(grid.flat, chosen):
        for column, label, style in ((name, "training", "-"), (f"val_{name}", "validation", "--")):
            if column in columns:
                values = [float(value) for value in columns[column]]
                # With `validation_freq` there is a value for every so many epochs.
                epochs = np.arange(1, len(values) + 1) * max(len(history.epoch) // len(values), 1)
                axes.plot(epochs, values, style, label=label,
                          marker="o" if len(values) < 20 else None, markersize=3)
        axes.set_title(name)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
    for axes in grid.flat[len(chosen):]:
        axes.remove()
    return picture
