"""How many rows `predict` fills a smaller batch up to.

Programs are compiled for a number of rows. The first batch of fewer rows than `batch_size` is
filled up to the usual number, so that one program serves 1, 2, 3, ... rows. Computing rows that
nobody asked for may take longer than compiling another program, though: a single picture at a
time would cost 32. So the time that goes into filling is counted for each power of two, and once
it comes to a tenth of what compiling took, batches that fit into that power of two get a program
of their own. So do batches that have come up many times: in a tiny model 32 rows take little longer
than one, but who asks for one row again and again waits for each. Nobody has to know beforehand
whether few rows are a rule or an exception, and the time lost to a wrong guess stays below that of
one compilation.
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
#: calls after which few rows are the rule
MANY_CALLS = 50
#: seconds that a call takes whatever the number of rows
FLOOR = 1e-4


class Filling:
    """The numbers of rows that one program was compiled for, and what filling up has cost."""

    def __init__(self) -> None:
        self._kinds: dict[tuple, Sizes] = {}

    def of(self, kind: tuple, row_bytes: int) -> Sizes:
        """The sizes of batches of one kind.

        Args:
            kind: what distinguishes batches beside the number of rows.
            row_bytes: bytes of one row of the inputs.
        """
        found = self._kinds.get(kind)
        if found is None:
            found = self._kinds[kind] = Sizes(row_bytes)
        return found


class Sizes:
    """The same for batches that differ in their number of rows alone.

    Args:
        row_bytes: bytes of one row of the inputs.
    """

    def __init__(self, row_bytes: int) -> None:
        self._row_bytes = row_bytes
        self._fastest: dict[int, float] = {}
        self._wasted: dict[int, float] = {}
        self._calls: dict[int, int] = {}
        self._compiling = 0.0
        #: what was decided, until something changes: `(rows, most)` → size and power of two
        self._decided: dict[tuple[int, int], tuple[int, int]] = {}

    def size(self, rows: int, most: int) -> tuple[int, int]:
        """How many rows to fill a batch up to, and the least number that may be compiled for.

        Args:
            rows: of the batch; no more than `most`.
            most: the batch size.
        """
        found = self._decided.get((rows, most))
        if found is None:
            found = self._decided[rows, most] = self._decide(rows, most)
        return found

    def _decide(self, rows: int, most: int) -> tuple[int, int]:
        target = min(1 << (rows - 1).bit_length(), most)
        there = [size for size in self._fastest if rows <= size <= most]
        if not there:
            usual = min(most, USUAL_ROWS)
            fitting = rows <= usual and usual * self._row_bytes <= USUAL_BYTES
            return (usual if fitting else target), target
        size = min(there)
        return (target if size > target and self._is_the_rule(target) else size), target

    def _is_the_rule(self, target: int) -> bool:
        return (
            self._calls.get(target, 0) >= MANY_CALLS
            or self._wasted.get(target, 0.0) > PATIENCE * self._compiling
        )

    def exact(self, rows: int) -> bool:
        """Whether batches of so many rows have a program of their own, as they then always do."""
        return rows in self._fastest

    def took(self, size: int, target: int, seconds: float, compiled: bool) -> None:
        """Note how long a batch has taken.

        Args:
            size: the rows it was filled up to.
            target: what `size` said beside that.
            compiled: whether it had to be compiled first.
        """
        if compiled or size not in self._fastest:
            self._fastest[size] = math.inf
            if compiled:
                self._compiling = seconds
            self._decided.clear()
            return
        if size <= target:
            return
        fastest = self._fastest[size] = min(self._fastest[size], seconds)
        lost = max(fastest - FLOOR, 0.0) * (1 - target / size)
        self._wasted[target] = self._wasted.get(target, 0.0) + lost
        self._calls[target] = self._calls.get(target, 0) + 1
        if self._is_the_rule(target):
            self._decided.clear()


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
        if type(leaf) is not np.ndarray:
            leaf = np.asarray(leaf)
        filled = np.empty((size, *leaf.shape[1:]), leaf.dtype)
        filled[:rows] = leaf
        filled[rows:] = leaf[-1]
        return filled

    return fill(x) if type(x) is np.ndarray else tree.map_leaves(fill, x)


def predict_few(
    program: Any, x: Any, rows: int, most: int, sizes: Sizes | None = None
) -> Any:
    """The outputs for a batch of no more rows than the batch size.

    Args:
        program: the compiled step of prediction.
        x: inputs, arrays of the host or of the current backend.
        rows: how many there are.
        most: the batch size.
        sizes: those of this kind of batch, where they are at hand.

    Returns:
        NumPy arrays of `rows` rows, in the structure of the outputs; the caller's own to
        write into.
    """
    backend = current_backend()
    known: Sizes = sizes or program.filling.of(*kind_of(tree.leaves(x)))
    size, target = known.size(rows, most)
    count = backend.compile_count
    began = time.perf_counter()
    if size > rows:
        x = fill_up(x, rows, size)
    if not backend.programs_take_numpy:
        x = tree.map_leaves(backend.asarray, x)
    outputs = program.run((x, None, None))
    to_numpy = backend.to_numpy
    if backend.is_array(outputs):
        outputs = np.array(to_numpy(outputs)[:rows])
    else:
        outputs = tree.map_leaves(lambda leaf: np.array(to_numpy(leaf)[:rows]), outputs)
    compiled = backend.compile_count != count
    if compiled or size > target:
        known.took(size, target, time.perf_counter() - began, compiled)
    return outputs
