"""The table of layer configurations, by family; every generic check of layers runs over it.

A new layer joins by its rows in the file of its family, or by a family's file added here.
"""

from __future__ import annotations

from . import (
    attention,
    convolution,
    core,
    normalization,
    preprocessing,
    recurrent,
    spatial,
)
from .row import Row, arrays, fill

__all__ = ["LAYERS", "ROWS", "Row", "arrays", "fill", "of_layer"]

ROWS: list[Row] = [
    *core.ROWS, *convolution.ROWS, *spatial.ROWS, *normalization.ROWS, *recurrent.ROWS,
    *attention.ROWS, *preprocessing.ROWS,
]

#: names of the layers in the table
LAYERS: list[str] = list(dict.fromkeys(row.name for row in ROWS))


def of_layer(name: str, keras: bool = False) -> list[Row]:
    """A layer's rows; with `keras`, those that can be compared."""
    return [row for row in ROWS if row.name == name and (row.keras is True or not keras)]
