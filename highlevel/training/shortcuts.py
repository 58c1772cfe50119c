"""The short way of `train_on_batch` and its like, for batches like the one before.

The long way checks the data, makes variables, finds the program, and brings the results into
order. Of a batch with the same structure, shapes and dtypes all that is known; what may have
changed (the model, the optimizer, the backend) is asked in a few comparisons.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend, tree

from highlevel import config
from highlevel.layers.tracking import structure_version
from highlevel.state import active_distribution, current_scope
from highlevel.training.filling import kind_of, predict_few
from highlevel.training.program import Program

__all__ = ["BatchShortcut"]


class BatchShortcut:
    """What is known of a batch that a compiled step has taken.

    Args:
        model: that was given the batch.
        program: the step.
        batch: `(x, y, sample_weight)` as the caller gave them.
        any_rows: whether batches may have another number of rows.
    """

    __slots__ = (
        "_definition", "_exact", "_first", "_kinds", "_optimizer", "_plain", "_program",
        "_revision", "_sizes", "_state", "_wide", "names",
    )

    def __init__(
        self, model: Any, program: Program, batch: tuple, any_rows: bool = False
    ) -> None:
        #: of the logs, in their order; given by the one who made this
        self.names: list[str] = []
        leaves, self._definition = tree.flatten(batch)
        self._first = first = 1 if any_rows else 0
        self._wide = any(leaf.dtype == np.float64 for leaf in leaves)
        #: whether each of the three is one array or None
        self._plain = len(leaves) == sum(part is not None for part in batch) and all(
            part is None or hasattr(part, "dtype") for part in batch
        )
        self._kinds = [
            None if leaf is None else (type(leaf), leaf.dtype, leaf.shape[first:])
            for leaf in (batch if self._plain else leaves)
        ]
        self._sizes = None
        #: numbers of rows that are computed as they are, into one array
        self._exact: set[int] = set()
        if any_rows and not self._wide:
            self._sizes = program.filling.of(*kind_of(tree.leaves(batch[0])))
        self._program = program
        self._state = model._trainer
        self._optimizer = model.optimizer
        self._revision = getattr(model.optimizer, "revision", 0)

    @staticmethod
    def leads(model: Any, program: Program, batch: tuple) -> bool:
        """Whether a later batch like this one can go straight to the program."""
        backend = current_backend()
        return (
            program.compiled and backend.programs_take_numpy and active_distribution() is None
            and not model._prepares_inputs
            and all(
                leaf.dtype.kind in "fiub" if type(leaf) is np.ndarray else backend.is_array(leaf)
                for leaf in tree.leaves(batch)
            )
        )

    def fits(self, model: Any, batch: tuple) -> bool:
        """Whether all is as it was for the batch that this was made for."""
        state, program = self._state, self._program
        if (
            model._trainer is not state or state.watch is not None or state.gives_gradients
            or state.measuring is not None
            or model.optimizer is not self._optimizer
            or structure_version() != program._checked
            or current_backend() is not program._backend
            or current_scope.get() is not None or active_distribution() is not None
            or getattr(self._optimizer, "revision", 0) != self._revision
        ):
            return False
        leaves: Any = batch
        kinds, first = self._kinds, self._first
        if not self._plain:
            leaves, definition = tree.flatten(batch)
            if len(leaves) != len(kinds) or definition != self._definition:
                return False
        for leaf, known in zip(leaves, kinds):
            if leaf is None or known is None:
                if leaf is not known:
                    return False
                continue
            kind, dtype, shape = known
            if type(leaf) is not kind or leaf.dtype != dtype or leaf.shape[first:] != shape:
                return False
        return True

    def run(self, batch: tuple) -> Any:
        """The step's result. The caller waits for it: host arrays are not copied."""
        return self._program.run(self._narrowed(batch) if self._wide else batch)

    def predict(self, x: Any, most: int) -> Any:
        """Outputs for no more than `most` rows, as NumPy arrays; None where there are more."""
        if type(x) is np.ndarray and x.ndim:
            rows, differing = x.shape[0], False
            if rows in self._exact and rows < most:
                outputs = self._program.run((x, None, None))
                return np.array(self._program._backend.to_numpy(outputs))
        else:
            lengths = {leaf.shape[0] if leaf.shape else 0 for leaf in tree.leaves(x)}
            rows = lengths.pop()
            differing = bool(lengths)
        if differing or not 0 < rows < most:
            return None
        x = self._narrowed(x) if self._wide else x
        outputs = predict_few(self._program, x, rows, most, self._sizes)
        sizes = self._sizes
        if sizes is not None and type(outputs) is np.ndarray and sizes.exact(rows):
            self._exact.add(rows)
        return outputs

    @staticmethod
    def _narrowed(batch: Any) -> Any:
        """A batch with float64 brought to `config.floatx()`."""
        return tree.map_leaves(
            lambda leaf: leaf.astype(config.floatx()) if leaf.dtype == np.float64 else leaf, batch
        )
