"""The loops of `fit`, `evaluate` and `predict`.

Host and device: a block of steps is dispatched and the block before it awaited, so that
the device always has work and the host is never far ahead. How many steps make a block is
found from the time they take: about ten blocks a second, the rate at which a progress bar
moves; one step where a callback wants every batch.
"""

from __future__ import annotations

import itertools
import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from typing import Any, TypeGuard

import numpy as np
from highlevel_backend import current_backend, tree

from highlevel import config
from highlevel.callbacks import CallbackList
from highlevel.distribution.processes import ProcessLost
from highlevel.errors import add_note
from highlevel.inspection.watch import gauges_of
from highlevel.layers.debugging import debugging
from highlevel.layers.tracking import finding_once
from highlevel.state import active_distribution
from highlevel.training.callbacks.logs import LazyLogs
from highlevel.training.data.host import through_host
from highlevel.training.data.libraries import is_columns
from highlevel.training.data.prefetch import prefetch
from highlevel.training.data.sources import (
    ArraySource,
    StreamSource,
    make_source,
    split_off_validation,
    unpack_x_y_sample_weight,
)
from highlevel.training.filling import fill_up, predict_few
from highlevel.training.interrupt import InterruptGuard
from highlevel.training.program import Program, take_rows
from highlevel.training.run import Run, digest_of
from highlevel.training.time_spent import TimeSpent
from highlevel.training.together import (
    ask_all,
    ask_first,
    check_same_data,
    in_step,
    one_of_several,
)
from highlevel.training.watch import Watch

__all__ = ["evaluate", "fit", "in_order", "on_device", "predict", "to_floats"]

#: entry of a step's logs that holds its gradients, where they are asked for
GRADIENTS = "gradients of the step"
#: seconds that a block of steps should take
BLOCK_SECONDS = 0.1


def on_device(data: Any, parts: bool = False) -> Any:
    """A batch as arrays of the current backend; strings stay as they are.

    Under a distribution it is divided; with `parts` each process gives its part of it.
    """
    distribution = active_distribution()
    if distribution is not None:
        return distribution.batch(data, parts)
    backend = current_backend()
    return tree.map_leaves(
        lambda leaf: backend.asarray(leaf)
        if getattr(leaf.dtype, "kind", "f") not in "OUST" else leaf,
        data,
    )


def _settled(model: Any) -> Any:
    """Where nothing of the caller's runs, the model is looked through only once."""
    return finding_once(model._trainer.finds)


def to_floats(model: Any, logs: dict[str, Any]) -> dict[str, Any]:
    """Logs as Python floats, waiting for them; arrays that are no scalars as NumPy arrays.

    In the order of `metrics_names`: a compiled program returns a dict sorted by name.
    """
    with _settled(model):
        names = [name for name in model.metrics_names if name in logs]
    return in_order([*names, *(name for name in logs if name not in names)], logs)


def in_order(names: list[str], logs: dict[str, Any]) -> dict[str, Any]:
    """Logs of these names as `to_floats` gives them."""
    backend = current_backend()
    found = {}
    for name in names:
        value = logs[name]
        array = backend.to_numpy(value) if backend.is_array(value) else np.asarray(value)
        found[name] = float(array) if array.size == 1 else array
    return found


class Pace:
    """How many steps the next block has.

    Args:
        fixed: number of steps, or None to find it from the time they take.
        program: the program that runs; it remembers what was found for the next pass.
    """

    def __init__(self, fixed: int | None, program: Program) -> None:
        self.fixed = fixed
        self.program = program
        self.block = fixed or ask_first(program.steps_at_once, "pace") or 1
        self._waiting: Any = None
        self._since = 0.0
        self._steps = 0

    def dispatched(self, logs: Any, steps: int) -> None:
        """Note a block that was sent off, and wait for the one before it."""
        previous, self._waiting = self._waiting, logs
        if previous is not None:
            current_backend().ready(previous)
        now = time.perf_counter()  # of a first block: when it had been compiled
        if previous is not None and self.fixed is None:
            taken = (now - self._since) / self._steps
            wanted = int(BLOCK_SECONDS / max(taken, 1e-7))
            found = max(1, min(wanted, self.block * 8))
            self.block = self.program.steps_at_once = ask_first(found, "pace")
        self._since, self._steps = now, steps

    def paused(self) -> None:
        """Something else takes time now: do not count it as a block's."""
        self._waiting = None


class DeviceData:
    """In-memory data on the device, with room to spare.

    The number of rows is rounded up so that data sets of nearly equal size (the folds of
    a cross-validation) share a program.

    Args:
        source: the data.
        by_rows: whether a partial batch is filled up with rows that do not count.
    """

    def __init__(self, source: ArraySource, by_rows: bool = False) -> None:
        self.source = source
        if one_of_several():
            check_same_data(digest_of(source))
        rows = _rounded_up(source.rows)
        self.data = tree.map_leaves(lambda leaf: self._put(leaf, rows), source.data)
        self.batch = _batch_size(source) if by_rows else source.batch_size
        self.full = source.rows // self.batch
        self.rest = source.rows - self.full * self.batch
        self._blocks = max(1, rows // self.batch)
        if by_rows:
            self.full, self.rest = self.full + (self.rest > 0), 0
            self._blocks = -(-rows // self.batch)

    @staticmethod
    def _put(leaf: Any, rows: int) -> Any:
        backend = current_backend()
        if not isinstance(leaf, np.ndarray):
            leaf = backend.to_numpy(leaf)
        if rows != len(leaf):
            padded = np.zeros((rows, *leaf.shape[1:]), leaf.dtype)
            padded[: len(leaf)] = leaf
            leaf = padded
        distribution = active_distribution()
        return backend.put(leaf) if distribution is None else distribution.everywhere(leaf)

    def orders(self, generator: np.random.Generator | None) -> tuple[Any, Any]:
        """Rows of the full batches, `(batches, batch_size)`, and of the partial one."""
        backend = current_backend()
        order = self.source.order(generator)
        full = np.full((self._blocks, self.batch), -1, np.int32)
        count = min(len(order), self.full * self.batch)
        full.reshape(-1)[:count] = order[:count]
        rest = order[None, self.full * self.batch:] if self.rest else None
        distribution = active_distribution()
        put = backend.put if distribution is None else distribution.everywhere
        return put(full), put(rest) if rest is not None else None


def _rounded_up(rows: int) -> int:
    """The next number with three significant binary digits after the first: 12 % at most."""
    if rows < 16:
        return rows
    unit = 1 << (rows.bit_length() - 4)
    return -(-rows // unit) * unit


def _fits_on_device(source: Any) -> TypeGuard[ArraySource]:
    """Whether to keep all data on the device: numbers, and not most of a small memory."""
    if not isinstance(source, ArraySource):
        return False
    if source.prepare is not None:
        return False
    leaves = tree.leaves(source.data)
    if any(getattr(leaf.dtype, "kind", "f") in "OUST" for leaf in leaves):
        return False
    if current_backend().devices()[0].startswith("cpu"):
        return True
    return sum(leaf.size * leaf.dtype.itemsize for leaf in leaves) < 2**30


@contextmanager
def _noting(phase: str, where: dict[str, Any]) -> Iterator[None]:
    """Tell, of an error in the block, the phase, epoch and batch."""
    try:
        yield
    except Exception as error:
        place = _place(where)
        note = f"During `{phase}`{': ' + place if place else ''}."
        if current_backend().lost_process(error) and not isinstance(error, ProcessLost):
            lost = ProcessLost(str(error))
            add_note(lost, note)
            # At once: the backend may end this process before the error has come out of it.
            logging.getLogger("highlevel").error("%s", lost)
            raise lost from error
        add_note(error, note)
        raise
    except KeyboardInterrupt as error:
        if not getattr(error, "__notes__", None):  # `evaluate` within `fit` has told it
            add_note(
                error,
                f"`{phase}` was interrupted{_when(where)}. "
                "The model is whole and holds the weights of that step: evaluate it, save it, or "
                "train on.",
            )
        raise


def _when(where: dict[str, Any]) -> str:
    """After which batch, or in which epoch between batches."""
    place = _place(where)
    return f" {'in' if where.get('batch') is None else 'after'} {place}" if place else ""


def _place(where: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in where.items() if value is not None)


def _fixed_steps(model: Any, callbacks: Any, mode: str, single: bool = False) -> int | None:
    """How many steps a block has; None where it is found from the time they take."""
    if single:
        return 1
    if model.steps_per_execution == "auto":
        return None
    if model.steps_per_execution > 1:
        return model.steps_per_execution
    return 1 if callbacks is not None and callbacks.has_batch_hooks(mode) else None


def _grouped(batches: Any, size: int, limit: int | None) -> Iterator[list]:
    """Lists of `size` batches, fewer at the end; no more than `limit` batches in all."""
    group: list = []
    for count, batch in enumerate(batches, 1):
        group.append(batch)
        if len(group) == size or count == limit:
            yield group
            group = []
        if count == limit:
            return
    if group:
        yield group


def _limited(wanted: int | None, limit: int | None, what: str) -> int | None:
    """The lower of a number and the limit set for all loops; warns where the limit is lower."""
    if limit is None or (wanted is not None and wanted <= limit):
        return wanted
    warnings.warn(
        f"`{what}` is limited to {limit} by `config.set_max_{what}` or the environment.",
        stacklevel=2,
    )
    return limit


def _limited_steps(steps: int | None, source: Any) -> int | None:
    """`steps`, or the limit of all loops where the pass would have more batches."""
    known = steps if steps is not None else source.num_batches
    lower = _limited(known, config.max_steps_per_epoch(), "steps_per_epoch")
    return steps if lower == known else lower


def _blocks(
    program: Any, source: Any, device: DeviceData | None, rng: Any, pace: Pace,
    steps: int | None, done: int, offset: int, while_waiting: Any,
) -> Iterator[tuple[int, int, Any, Any]]:
    """Run one epoch; yields `(first step, steps, call, batch)`.

    `call(program)` does the steps, `batch(step)` gives the data of one of them.

    Args:
        done: steps to leave out, since they were done before an interruption.
        offset: batches of the pass that epochs before have taken.
        while_waiting: called now and then while no batch is there.
    """
    if device is not None:
        order, rest = device.orders(rng)
        last = device.full if steps is None else min(device.full, offset + steps)
        at = offset + done
        while at < last:
            count = min(pace.block, last - at)
            yield (
                at - offset, count,
                lambda program, at=at, count=count: program.run_block(
                    device.data, order, at, count),
                lambda step: take_rows(device.data, order[offset + step]),
            )
            at += count
        if rest is not None and at <= device.full and (steps is None or at < offset + steps):
            yield (
                at - offset, 1, lambda program: program.run_block(device.data, rest, 0, 1),
                lambda step: take_rows(device.data, rest[0]),
            )
        return
    batches = source.batches(rng, offset + done)
    size = _batch_size(source) if program.by_rows else None
    to_fill, shared = True, None
    if isinstance(source, StreamSource) and (program.compiled or one_of_several()):
        # No more than this pass needs: a generator goes on in the next one.
        batches = itertools.islice(batches, None if steps is None else steps - done)
        if one_of_several():
            shared = in_step(batches, source)
            batches = iter(shared)
        prepare = partial(_prepared, size=size)
        batches = prefetch(
            batches, prepare, name=source.name, first=done + 1, while_waiting=while_waiting
        ) if program.compiled else map(prepare, batches)
        to_fill = False
    at = done
    left = None if steps is None else steps - done

    def run(program: Any, group: list) -> Any:
        for batch in group:
            result = program.run(on_device(_filled(batch, size) if to_fill else batch))
        return result

    try:
        if left is None or left > 0:
            for group in _grouped(batches, pace.fixed or 1, left):
                yield (
                    at, len(group), lambda program, group=group: run(program, group),
                    lambda step, group=group, first=at: on_device(group[step - first]),
                )
                at += len(group)
    finally:
        if shared is not None:
            shared.stop()
        if isinstance(batches, prefetch):
            batches.close()


def _prepared(batch: Any, size: int | None) -> Any:
    """A batch of a stream on the device, filled up."""
    return on_device(_filled(batch, size), parts=True)


def _pass(
    model: Any, mode: str, source: Any, device: DeviceData | None, callbacks: Any,
    rng: Any, pace: Pace, steps: int | None, guard: InterruptGuard, where: dict[str, Any],
    clock: TimeSpent, done: int = 0, offset: int = 0, on_gradients: Any = None,
    by_rows: bool = False,
) -> Any:
    """One pass over the data; returns the last logs, still on the device."""
    begin = getattr(callbacks, f"on_{mode}_batch_begin") if callbacks is not None else None
    end = getattr(callbacks, f"on_{mode}_batch_end") if callbacks is not None else None
    mode_on = debugging.get()
    watch = model._trainer.watch if mode == "train" else None
    gauges = model._trainer.measuring if mode == "train" else None
    watched = None
    if watch is not None:
        quick = model.jit_compile and pace.fixed is None and gauges is None
        watched = "quick" if quick else "careful"
        watch.begin(
            done, (lambda: model._program(mode, by_rows, "careful")) if quick else None)
    program = model._program(mode, by_rows, watched)
    logs: Any = {}
    found = None
    reached, stopped = done, False
    # What is fused has its steps in one call; other steps are told of in groups of as many.
    together = model.steps_per_execution if device is None else 1
    together = together if isinstance(together, int) else 1
    untold: int | None = None
    for at, count, call, batch in clock.waiting(
        _blocks(program, source, device, rng, pace, steps, done, offset, guard.check), source
    ):
        where["batch"] = f"{at + 1}" + (f"–{at + count}" if count > 1 else "")
        if begin is not None and untold is None:
            clock.timed("callbacks", begin, at)
        if model.stop_training and mode == "train":
            stopped = True
            break
        if watch is not None:
            watch.before(program, at)
        compiled = current_backend().compile_count
        try:
            logs = clock.run(partial(call, program))
        except Exception:
            if current_backend().compile_count != compiled:
                where["batch"] = f"{at + 1}"  # no step ran yet: what was traced holds for each
            if mode == "train":
                model._trainer.run.fail(at, batch(at), counted=False)
            raise
        clock.steps += count
        if on_gradients is not None:
            shown = logs.pop(GRADIENTS)  # a program sorts its dicts
            on_gradients(at, {
                v.path: shown[v.path] for v in model.trainable_variables if v.path in shown
            })
        reached = at + count
        if gauges is not None:
            gauges.dispatched(count)
        waited = time.perf_counter()
        found = watch and watch.noticed(logs, call, batch, not program.compiled)
        pace.dispatched(logs, count)
        clock.add("device", waited)
        if mode_on is not None:
            mode_on.check()
        if found:
            step, data, logs = found
            _not_finite(model, callbacks, where, logs, step, data)
        untold = reached - 1
        if found and program.compiled:
            untold = None  # what followed the step that was found is undone
        elif end is not None and (found or reached % together == 0):
            clock.timed("callbacks", end, untold, LazyLogs(logs))
            untold = None
            if program.stale(lambda: model._structure_for(mode)):
                program = model._program(mode, by_rows, watched)  # a callback has changed the model
        guard.check()
        if model.stop_training and mode == "train":
            stopped = True
            break
    if untold is not None and end is not None:
        clock.timed("callbacks", end, untold, LazyLogs(logs))
    if watch is not None and not found and (found := watch.at_end(logs)):
        step, data, logs = found
        _not_finite(model, callbacks, where, logs, step, data)
    where["batch"] = None
    expected = steps if steps is not None else source.length
    if (
        not stopped and not found and expected is not None and reached < expected
        and not getattr(source, "cut", False)
    ):
        _warn_of_the_end(source, f"after {reached} of the {expected} batches of the epoch")
    return logs


@contextmanager
def _watching(model: Any, callbacks: Any) -> Iterator[None]:
    """Let the training step look for numbers that are not finite, where a callback asks."""
    state = model._trainer
    if not any(getattr(c, "watches_steps", False) for c in callbacks.callbacks):
        yield
        return
    state.spare_watch = state.spare_watch or Watch()  # kept: its program is
    state.watch = state.spare_watch
    try:
        yield
    finally:
        state.watch = None
        state.spare_watch.let_go()


def _not_finite(
    model: Any, callbacks: Any, where: dict[str, Any], logs: Any, step: int, data: Any
) -> None:
    """Tell the callbacks that asked that a step's loss or weights were not finite."""
    where["batch"] = step + 1
    model._trainer.run.fail(step, data, counted=True)
    loss = to_floats(model, {"loss": logs.get("loss", float("nan"))})["loss"]
    for callback in callbacks.callbacks:
        if getattr(callback, "watches_steps", False):
            callback.on_step_not_finite(step, data, loss)


def _has_more(validation: Any) -> bool:
    """Whether there is data to validate on; warns where a generator has come to its end."""
    if validation.restarts or _all_have_more(validation):
        return True
    _warn_of_the_end(validation, "before the validation, which is left out")
    return False


def _all_have_more(source: Any) -> bool:
    """Whether this process, and each that trains with it, has another batch."""
    return all(ask_all(source.more(), "more"))


def _warn_of_the_end(source: Any, when: str) -> None:
    remedy = (
        "Give a dataset that can be passed through again, or a generator that goes on as long as "
        "it is asked to." if not source.restarts else
        "Ask for fewer steps, or let the dataset repeat itself."
    )
    name = source.name[0].upper() + source.name[1:]
    warnings.warn(f"{name} ran out of data {when}. {remedy}", stacklevel=3)


def fit(
    model: Any, *, x: Any, y: Any, batch_size: Any, epochs: int, verbose: Any, callbacks: Any,
    validation_split: float, validation_data: Any, shuffle: Any, class_weight: Any,
    sample_weight: Any, initial_epoch: int, steps_per_epoch: Any, validation_steps: Any,
    validation_batch_size: Any, validation_freq: Any, on_gradients: Any = None,
    watch: Any = None,
) -> Any:
    """See `Trainer.fit`."""
    model._need_compiled("fit")
    clock = TimeSpent()
    began = time.perf_counter()
    if validation_split and validation_data is None:
        (x, y, sample_weight), validation_data = split_off_validation(
            x, y, sample_weight, validation_split
        )
    order_seed = ask_first(int(np.random.randint(2**31)), "order") if shuffle else None
    source = make_source(
        x, y, sample_weight, batch_size, steps_per_epoch, shuffle, class_weight, "fit",
        order_seed,
    )
    epochs = _limited(epochs, config.max_epochs(), "epochs") or epochs
    steps_per_epoch = _limited_steps(steps_per_epoch, source)
    source = through_host(model, source)
    source.steps = steps_per_epoch
    steps = source.num_batches
    validation = None
    if validation_data is not None:
        if (
            isinstance(validation_data, (tuple, list))
            and not hasattr(validation_data, "on_epoch_end")
        ):
            vx, vy, vw = unpack_x_y_sample_weight(tuple(validation_data))
        else:
            # Names of columns hold for both; see `of_columns`.
            names = y if isinstance(y, (str, list)) and is_columns(validation_data) else None
            vx, vy, vw = validation_data, names, sample_weight if names else None
        validation = make_source(
            vx, vy, vw, validation_batch_size or batch_size, validation_steps, what="validation"
        )
        validation = through_host(model, validation, asked=True)
    clock.add("data", began)
    model.stop_training = False
    with _noting("fit", {}):
        model._make_ready(source.first(), training=True)
    if not isinstance(callbacks, CallbackList):
        callbacks = CallbackList(
            callbacks, add_history=True, add_progbar=verbose != 0, verbose=verbose,
            epochs=epochs, steps=steps, model=model,
        )
    model._watch_gradients(on_gradients)
    gauges = gauges_of(model, watch, source.first(), steps)
    model._measure_with(gauges)
    program = model._program("train")
    began = time.perf_counter()
    device = DeviceData(source) if program.compiled and _fits_on_device(source) else None
    clock.add("data", began)
    pace = Pace(_fixed_steps(model, callbacks, "train", on_gradients is not None), program)
    run = model._trainer.run = Run(model, source, callbacks, order_seed, model._trainer.run)
    where: dict[str, Any] = {}
    val_device: list[DeviceData] = []
    training_logs: dict[str, Any] = {}
    with (
        InterruptGuard() as guard, _noting("fit", where), _watching(model, callbacks),
        closing(source), nullcontext() if validation is None else closing(validation),
    ):
        model._initial_epoch = initial_epoch
        clock.around(callbacks.on_train_begin)
        initial_epoch = model._initial_epoch  # BackupAndRestore may have moved it on
        done = 0
        if model.history is not None:
            with _settled(model):
                model.history.identity = run.identity(steps=steps_per_epoch)
            model.history.time = clock
        if gauges is not None:
            gauges.begin(initial_epoch * (steps or 0))
        if model.history is not None:
            model.history.watched = None if gauges is None else gauges.watched
        if run.pending is not None and not run.pending_batch:
            run.restore()
        run.began = initial_epoch
        for epoch in range(initial_epoch, epochs):
            if model.stop_training:
                break
            where["epoch"] = f"{epoch + 1}/{epochs}"
            if not source.restarts and run.pending is None and not _all_have_more(source):
                _warn_of_the_end(source, f"before epoch {epoch + 1}: the training ends here")
                break
            with _settled(model):
                model.reset_metrics()
            clock.around(callbacks.on_epoch_begin, epoch)
            if run.pending is not None:  # after what callbacks do at the beginning of an epoch
                done = run.restore()
            run.epoch, run.batch = epoch, done
            if not done:
                with _settled(model):
                    run.keep()
            pace.paused()
            passes, offset = source.place(epoch)
            logs = _pass(
                model, "train", source, device, callbacks, run.generator(passes), pace,
                steps_per_epoch, guard, where, clock, done, offset, on_gradients,
            )
            if done and not logs:  # interrupted between the last step and the epoch's end
                logs = model.get_metrics_result()
            done = 0
            if gauges is not None:
                clock.timed("device", gauges.read)
            epoch_logs = clock.timed("device", to_floats, model, logs)
            source.on_epoch_end()
            if validation is not None and _due(validation_freq, epoch) and _has_more(validation):
                val_logs = evaluate(
                    model, validation, verbose=0, steps=validation_steps, callbacks=callbacks,
                    guard=guard, kept=val_device, where=where, clock=clock,
                )
                epoch_logs |= {f"val_{name}": value for name, value in val_logs.items()}
                model._trainer.loss_tracker.reset_state()
            epoch_logs = dict(sorted(epoch_logs.items()))
            clock.around(callbacks.on_epoch_end, epoch, epoch_logs)
            training_logs = epoch_logs
            guard.check()
            if model.stop_training:
                break
        if model.optimizer is not None and epochs > initial_epoch:
            with _settled(model):
                model.optimizer.finalize_variable_values(model.trainable_weights)
        clock.around(callbacks.on_train_end, training_logs)
    clock.end()
    return model.history


def _due(frequency: Any, epoch: int) -> bool:
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    return (epoch + 1) in frequency


def evaluate(
    model: Any, source: Any, *, verbose: Any, steps: int | None, callbacks: Any,
    guard: InterruptGuard | None = None, kept: list | None = None,
    where: dict[str, Any] | None = None, clock: TimeSpent | None = None,
) -> dict[str, Any]:
    """See `Trainer.evaluate`; returns the logs.

    Args:
        guard, where, clock: those of the `fit` around.
        kept: keeps the data on the device between the epochs of a `fit`.
    """
    model._need_compiled("evaluate")
    steps = _limited_steps(steps, source)
    where = {} if where is None else where
    inner = dict(where)
    clock = TimeSpent() if clock is None else clock
    if kept is None or not source.seen:
        with _noting("evaluate", inner):
            first = source.first()
            model._make_ready(first, training=False)
            source.by_rows = model._evaluates_by_rows(first)
    if not isinstance(callbacks, CallbackList) and (callbacks or verbose != 0):
        callbacks = CallbackList(
            callbacks, add_progbar=verbose != 0, verbose=verbose, epochs=1,
            steps=steps or source.num_batches, model=model,
        )
    with _settled(model):
        model.reset_metrics()
    program = model._program("test", source.by_rows)
    device = None
    if program.compiled and _fits_on_device(source):
        kept = kept if kept is not None else []
        if not kept:
            kept.append(clock.timed("data", DeviceData, source, source.by_rows))
        device = kept[0]
    fixed = _fixed_steps(model, callbacks, "test")
    with (
        nullcontext(guard) if guard is not None else InterruptGuard() as used,
        _noting("evaluate", inner),
        nullcontext() if guard is not None else closing(source),
    ):
        if callbacks is not None:
            clock.around(callbacks.on_test_begin)
        logs = _pass(
            model, "test", source, device, callbacks, None, Pace(fixed, program), steps, used,
            inner, clock, by_rows=source.by_rows,
        )
        logs = clock.timed("device", to_floats, model, logs)
        source.on_epoch_end()
        if callbacks is not None:
            clock.around(callbacks.on_test_end, logs)
    return logs


def predict(
    model: Any, source: Any, *, verbose: Any, steps: int | None, callbacks: Any
) -> Any:
    """See `Trainer.predict`."""
    steps = _limited_steps(steps, source)
    where: dict[str, Any] = {}
    with _noting("predict", where):
        model._make_ready(source.first(), training=False, for_predict=True)
    program = model._program("predict")
    if isinstance(source, ArraySource) and one_of_several():
        check_same_data(digest_of(source))
    if (
        program.compiled and isinstance(source, ArraySource) and source.rows < source.batch_size
        and active_distribution() is None
    ):
        return _predict_few(model, program, source, verbose, callbacks, where)
    if not isinstance(callbacks, CallbackList) and (callbacks or verbose != 0):
        callbacks = CallbackList(
            callbacks, add_progbar=verbose != 0, verbose=verbose, epochs=1,
            steps=steps or source.num_batches, model=model,
        )
    backend = current_backend()
    if callbacks is not None:
        callbacks.on_predict_begin()
    parts: list[list[Any]] = []
    waiting: list[tuple[Any, int]] = []
    definition: Any = None

    def fetch() -> None:
        outputs, rows = waiting.pop(0)
        parts.append([backend.to_numpy(leaf)[:rows] for leaf in outputs])

    # Every batch is filled up to the size asked for, or to that of a stream's first one, so
    # that no second size is compiled.
    size = source.batch_size if isinstance(source, ArraySource) else len(
        tree.leaves(source.first()[0])[0])

    def prepare(batch: Any) -> tuple[Any, int]:
        x = batch[0]
        rows = len(tree.leaves(x)[0])
        if program.compiled:
            x = fill_up(x, rows, size)
        return on_device((x, None, None)), rows

    with InterruptGuard() as guard, _noting("predict", where), closing(source):
        batches: Any = itertools.islice(source.batches(), steps)
        ahead = program.compiled and isinstance(source, StreamSource)
        batches = prefetch(
            batches, prepare, name=source.name, while_waiting=guard.check
        ) if ahead else map(prepare, batches)
        at = 0
        with closing(batches) if ahead else nullcontext():
            for at, (batch, rows) in enumerate(batches, 1):
                where["batch"] = at
                if callbacks is not None:
                    callbacks.on_predict_batch_begin(at - 1)
                outputs = program.run(batch)
                leaves, definition = tree.flatten(outputs)
                waiting.append((leaves, rows))
                if len(waiting) > 2:
                    fetch()  # the one before last: the device works on the others meanwhile
                if callbacks is not None:
                    callbacks.on_predict_batch_end(at - 1, {"outputs": outputs})
                guard.check()
        if steps is not None and at < steps:
            _warn_of_the_end(source, f"after {at} of the {steps} batches to predict")
        while waiting:
            fetch()
    if callbacks is not None:
        callbacks.on_predict_end()
    columns = [
        # The caller's own to write into, which a device's memory is not.
        np.array(column[0]) if len(column) == 1 else np.concatenate(column)
        for column in zip(*parts)
    ]
    return tree.unflatten(definition, columns)


def _batch_size(source: ArraySource | StreamSource) -> int:
    """The rows that every batch of an evaluation is filled up to.

    A batch of the size asked for, or as large as a stream's first one; data of less than one
    batch is filled up to a power of two.
    """
    if isinstance(source, StreamSource):
        return len(tree.leaves(source.first()[0])[0])
    if source.rows < source.batch_size:
        return 1 << (source.rows - 1).bit_length()
    return source.batch_size


def _filled(batch: Any, size: int | None) -> Any:
    """A batch filled up to `size` rows, and which of them count; as it is for None."""
    if size is None:
        return batch
    rows = len(tree.leaves(batch[0])[0])
    batch = fill_up(batch, rows, size)
    return batch, np.arange(len(tree.leaves(batch[0])[0])) < rows


def _predict_few(
    model: Any, program: Any, source: ArraySource, verbose: Any, callbacks: Any,
    where: dict[str, Any],
) -> Any:
    """`predict` for fewer rows than a batch has."""
    if not isinstance(callbacks, CallbackList) and (callbacks or verbose != 0):
        callbacks = CallbackList(
            callbacks, add_progbar=verbose != 0, verbose=verbose, epochs=1, steps=1, model=model,
        )
    hooks: Any = callbacks if callbacks is not None else CallbackList()
    with InterruptGuard() as guard, _noting("predict", where):
        hooks.on_predict_begin()
        where["batch"] = 1
        hooks.on_predict_batch_begin(0)
        outputs = predict_few(
            program, source.take(slice(None))[0], source.rows, source.batch_size)
        hooks.on_predict_batch_end(0, {"outputs": outputs})
        guard.check()
    hooks.on_predict_end()
    return outputs
