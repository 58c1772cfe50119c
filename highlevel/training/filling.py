"""How many rows `predict` fills a smaller batch up to.

Programs are compiled for a number of rows. The first batch of fewer rows than `batch_size` is
filled up to the usual number, so that one program serves 1, 2, 3, ... rows. Computing rows that
nobody asked for may take longer than compiling another program, though: a single picture at a
time would cost 32. So the time that goes into filling is counted for each power of two, and once
it comes to a tenth of what compiling took, batches that fit into that power of two get a program
of their own. Nobody has to know beforehand whether few rows are a rule or an exception, and the
time lost to a wrong guess stays below that of one compilation.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from highlevel_backend import current_backend, tree

__all__ = ["Filling", "fill_up", "kind_of", "predict_few"]

#: rows that a small batch is filled up to at first, and the bytes that these may take
USUAL_ROWS, USUAL_BYTES = 32, 2**20
#: share of the seconds of a compilation that may be lost to filling
PATIENCE = 0.1
#: seconds that a call takes whatever the number of rows
FLOOR = 1e-4


class Filling:
    """The numbers of rows that one program was compiled for, and what filling up has cost."""

    def __init__(self) -> None:
        self._fastest: dict[tuple, dict[int, float]] = {}
        self._wasted: dict[tuple, dict[int, float]] = {}
        self._compiling = 0.0

    def size(self, kind: tuple, rows: int, most: int, row_bytes: int) -> int:
        """How many rows to fill a batch up to.

        Args:
            kind: what distinguishes batches beside the number of rows.
            rows: of the batch; no more than `most`.
            most: the batch size.
            row_bytes: bytes of one row of the inputs.
        """
        target = min(1 << (rows - 1).bit_length(), most)
        there = [size for size in self._fastest.get(kind, ()) if rows <= size <= most]
        if not there:
            usual = min(most, USUAL_ROWS)
            fitting = rows <= usual and usual * row_bytes <= USUAL_BYTES
            return usual if fitting else target
        size = min(there)
        wasted = self._wasted.get(kind, {}).get(target, 0.0)
        return target if size > target and wasted > PATIENCE * self._compiling else size

    def took(self, kind: tuple, rows: int, size: int, seconds: float, compiled: bool) -> None:
        """Note how long a batch of `rows` rows, filled up to `size`, has taken.

        Args:
            compiled: whether it had to be compiled first.
        """
        times = self._fastest.setdefault(kind, {})
        if compiled:
            times[size] = math.inf
            self._compiling = seconds
            return
        fastest = times[size] = min(times.get(size, math.inf), seconds)
        target = 1 << (rows - 1).bit_length()
        if target < size:
            wasted = self._wasted.setdefault(kind, {})
            lost = max(fastest - FLOOR, 0.0) * (1 - target / size)
            wasted[target] = wasted.get(target, 0.0) + lost


def kind_of(leaves: list) -> tuple[tuple, int]:
    """What distinguishes batches beside their number of rows, and the bytes of a row."""
    kind, size = [], 0
    for leaf in leaves:
        shape, dtype = leaf.shape, leaf.dtype
        kind += (shape[1:], dtype)
        size += math.prod(shape[1:]) * dtype.itemsize
    return tuple(kind), size


def fill_up(x: Any, rows: int, size: int) -> Any:
    """Inputs with the last row repeated, up to `size` rows; larger ones as they are."""
    if rows >= size:
        return x
    if type(x) is not np.ndarray and any(len(leaf) != rows for leaf in tree.leaves(x)):
        return x

    def fill(leaf: Any) -> Any:
        leaf = np.asarray(leaf)
        filled = np.empty((size, *leaf.shape[1:]), leaf.dtype)
        filled[:rows] = leaf
        filled[rows:] = leaf[-1]
        return filled

    return fill(x) if type(x) is np.ndarray else tree.map_leaves(fill, x)


def predict_few(
    program: Any, x: Any, rows: int, most: int, kind: tuple[tuple, int] | None = None
) -> Any:
    """The outputs for a batch of no more rows than the batch size.

    Args:
        program: the compiled step of prediction.
        x: inputs, arrays of the host or of the current backend.
        rows: how many there are.
        most: the batch size.
        kind: what `kind_of` says of the inputs, where that is known.

    Returns:
        NumPy arrays of `rows` rows, in the structure of the outputs.
    """
    backend = current_backend()
    same, row_bytes = kind or kind_of(tree.leaves(x))
    size = program.filling.size(same, rows, most, row_bytes)
    count = backend.compile_count
    began = time.perf_counter()
    x = fill_up(x, rows, size)
    if not backend.programs_take_numpy:
        x = tree.map_leaves(backend.asarray, x)
    outputs = program.run((x, None, None))
    to_numpy = backend.to_numpy
    if backend.is_array(outputs):
        outputs = to_numpy(outputs)[:rows]
    else:
        outputs = tree.map_leaves(lambda leaf: to_numpy(leaf)[:rows], outputs)
    seconds = time.perf_counter() - began
    program.filling.took(same, rows, size, seconds, backend.compile_count != count)
    return outputs
