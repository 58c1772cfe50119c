"""`Run`: where one `fit` stands, so that another process can take it up there exactly.

Beside weights and optimizer, which files of weights hold, a run depends on the epoch and
the batch it has reached, the order of the data, random generators, metrics in the middle of
an epoch, and what callbacks remember. `Run.state` gives all that as plain values and arrays,
and `Run.restore` puts it back into a `fit` of the same program.
"""

from __future__ import annotations

import contextlib
import random as python_random
import time
import warnings
import zlib
from typing import Any, NamedTuple

import numpy as np
from highlevel_backend import current_backend, tree

from highlevel.random.seed_generator import global_seed_generator
from highlevel.state import active_distribution
from highlevel.training.data.sources import ArraySource
from highlevel.training.plain_state import join_arrays, split_arrays
from highlevel.variable import raw_values

__all__ = ["MOST_KEPT", "Kept", "Run", "digest_of", "state_of"]

#: bytes of state that are copied to the host, so that a step can be taken again
MOST_KEPT = 2**28
#: keeping a state takes at most one part in so many of the time between two of them
_SELDOM = 100

class Kept(NamedTuple):
    """The state of a training before one of its steps.

    Attributes:
        epoch, batch: the step, from 0.
        values: id of each variable → its value on the host.
        data: `(x, y, sample_weight)` of the step, where it is at hand.
        counted: whether the metrics have the step in them already.
    """

    epoch: int
    batch: int
    values: dict[int, np.ndarray]
    data: Any = None
    counted: bool = False


def state_of(
    variables: Any, spare: dict[int, np.ndarray] | None = None
) -> dict[int, np.ndarray]:
    """Copies of variables' values on the host, by id.

    Args:
        variables: the variables.
        spare: copies made before that nobody needs, to be written over: fresh memory costs
            page faults.
    """
    backend = current_backend()
    values = zip(variables, map(backend.to_numpy, raw_values(variables)))
    if not backend.compiles:  # nothing is changed in place
        return {id(v): np.asarray(value) for v, value in values}
    copies = {}
    for v, value in values:
        into = spare.pop(id(v), None) if spare else None
        if into is None or into.shape != value.shape or into.dtype != value.dtype:
            copies[id(v)] = np.array(value)
        else:
            np.copyto(into, value)
            copies[id(v)] = into
    return copies


class Run:
    """One `fit`.

    Args:
        model: the model that is trained.
        source: the training data.
        callbacks: the `CallbackList`.
        seed: what the orders of the epochs are drawn from; None without shuffling.
        previous: the `fit` before, which nobody asks any more.

    Attributes:
        epoch, batch: the epoch that runs, from 0, and how many of its steps are done.
        pending: `(record, arrays)` to be restored, set by `BackupAndRestore`.
        began: the first epoch.
        backend: the backend it runs on.
        first, latest: the state at the beginning of the first epoch, and of a later one.
        failed: the step that raised an error or gave numbers that are not finite, its data
            and the state before it.
    """

    def __init__(
        self, model: Any, source: Any, callbacks: Any, seed: int | None,
        previous: Run | None = None,
    ) -> None:
        self.model = model
        self.callbacks = callbacks
        self.source = source
        self.seed = seed
        self.epoch = 0
        self.batch = 0
        self.pending: tuple[dict, dict] | None = None
        self.began = 0
        self.backend = current_backend()
        self.first: Kept | None = None
        self.latest: Kept | None = None
        self.failed: Kept | None = None
        self._kept_at = self._keeping = 0.0
        self._spare: dict[int, np.ndarray] | None = None
        if previous is not None and previous.backend is self.backend and previous.latest:
            self._spare = previous.latest.values
            previous.first = previous.latest = None

    def variables(self) -> list[Any]:
        """All that a step reads and changes."""
        model = self.model
        slots = [] if model.optimizer is None else model.optimizer.variables
        return [*model.trainable_variables, *model.non_trainable_variables, *slots,
                *model.metrics_variables]

    def keep(self) -> None:
        """At the beginning of an epoch: keep the state, unless that takes much time or memory."""
        now = time.perf_counter()
        if now - self._kept_at < _SELDOM * self._keeping or active_distribution() is not None:
            return
        variables = self.variables()
        size = self.model._trainer.finds.of(
            self.model, "bytes of the state", lambda: sum(v.nbytes for v in variables))
        if size > MOST_KEPT:
            return
        spare, self._spare = self._spare, None
        if self.latest is not None and self.latest is not self.first:
            spare, self.latest = self.latest.values, None
        self.latest = Kept(self.epoch, 0, state_of(variables, spare))
        self.first = self.first or self.latest
        self._kept_at = time.perf_counter()
        self._keeping = self._kept_at - now

    def fail(self, batch: int, data: Any, counted: bool) -> None:
        """Keep the step that went wrong: the variables are as before it; see `Kept`."""
        backend = current_backend()
        if not counted and sum(v.nbytes for v in self.variables()) > MOST_KEPT:
            return  # an error: copying much would keep its message waiting
        with contextlib.suppress(Exception):  # buffers that are gone, in the worst case
            self.failed = Kept(
                self.epoch, batch, state_of(self.variables()), tree.map_leaves(
                    lambda leaf: np.asarray(
                        backend.to_numpy(leaf) if backend.is_array(leaf) else leaf), data),
                counted)

    def generator(self, epoch: int) -> np.random.Generator | None:
        """The generator of an epoch's order: the same whatever came before."""
        return None if self.seed is None else np.random.default_rng((self.seed, epoch))

    @property
    def pending_batch(self) -> int:
        """The step within its epoch at which what is pending was recorded."""
        if self.pending is None:
            return 0
        return dict(self.pending[0]["dict"]).get("initial_batch", 0)

    # ------------------------------------------------------------------ out and in

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Everything but weights and optimizer: what JSON can hold, and arrays."""
        drawn = global_seed_generator().state.numpy()  # may draw from Python's generator
        name, keys, *position = np.random.get_state()
        record = {
            "initial_epoch": self.epoch,
            "initial_batch": self.batch,
            "order_seed": self.seed,
            "stop_training": bool(self.model.stop_training),
            "python_random": python_random.getstate(),
            "numpy_random": [name, keys, *position],
            "drawn": drawn,
            "variables": [v.numpy() for v in _extra_variables(self.model)],
            "callbacks": [[type(c).__name__, c.get_state()] for c in _stateful(self.callbacks)],
        }
        arrays: dict[str, np.ndarray] = {}
        return split_arrays(record, arrays), arrays

    def restore(self) -> int:
        """Put back what `pending` holds; returns the number of steps already done."""
        if self.pending is None:
            return 0
        record, arrays = self.pending
        self.pending = None
        record = join_arrays(record, arrays)
        if "variables" not in record:  # a backup that another library wrote
            return 0
        # The data first: what passes over it draws from the generators as it did before.
        self.source.resume(
            record["initial_epoch"], record["initial_batch"], record["order_seed"]
        )
        self.seed = record["order_seed"]
        self.model.stop_training = record["stop_training"]
        python_random.setstate(_tuples(record["python_random"]))
        np.random.set_state(tuple(record["numpy_random"]))
        global_seed_generator().state.assign(record["drawn"])
        variables = _extra_variables(self.model)
        if [v.shape for v in variables] != [tuple(np.shape(a)) for a in record["variables"]]:
            raise ValueError(
                "The backup is of a model with other metrics or random generators than "
                f"'{self.model.name}' has. Delete it to start anew, or make model and metrics as "
                "they were."
            )
        for variable, value in zip(variables, record["variables"]):
            variable.assign(value)
        present = _stateful(self.callbacks)
        names = [type(callback).__name__ for callback in present]
        if names == [name for name, _ in record["callbacks"]]:
            for callback, (_, state) in zip(present, record["callbacks"]):
                callback.set_state(state)
        else:
            warnings.warn(
                f"The backup was made with the callbacks {[n for n, _ in record['callbacks']]}, "
                f"this training has {names}: what they remember (best values, patience) was not "
                "restored.",
                stacklevel=4,
            )
        return record["initial_batch"]

    def identity(self, **arguments: Any) -> dict[str, Any]:
        """What, beside the recorded values, tells this run from another one."""
        model, optimizer = self.model, self.model.optimizer
        return {
            # Names are left out: those made up depend on what the process made before.
            "weights": [[v.name, list(v.shape), v.dtype] for v in model.weights],
            "optimizer": None if optimizer is None else [
                type(optimizer).__name__,
                sorted((k, str(v)) for k, v in _config(optimizer).items() if k != "name"),
            ],
            "order_seed": self.seed,
            "data": digest_of(self.source),
        } | arguments


def _config(optimizer: Any) -> dict[str, Any]:
    try:
        return optimizer.get_config()
    except NotImplementedError:  # it is made of functions
        return {}


def _extra_variables(model: Any) -> list[Any]:
    """States of random generators and recurrent layers, and the metrics' variables."""
    weights = set(map(id, model.weights))
    others = [v for v in model.variables if id(v) not in weights]
    return others + list(model.metrics_variables)


def _stateful(callbacks: Any) -> list[Any]:
    return [c for c in callbacks.callbacks if hasattr(c, "get_state")]


def digest_of(source: Any) -> list[Any]:
    """Shapes, dtypes and a sum over a sample of the entries of in-memory data."""
    if not isinstance(source, ArraySource):
        return [type(source).__name__, source.num_batches]
    found: list[Any] = [source.batch_size]
    for leaf in tree.leaves(source.data):
        array = np.asarray(leaf)
        flat = array.reshape(-1)[:: max(1, array.size // 16384)]
        text = str(flat.tolist()) if array.dtype.kind in "OUST" else None
        data = text.encode() if text is not None else np.ascontiguousarray(flat).tobytes()
        found.append([list(array.shape), str(array.dtype), zlib.crc32(data)])
    return found


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value
