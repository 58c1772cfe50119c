"""Doing the steps of the last `fit` again: the data and the state that one of them began with."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from highlevel_backend import current_backend, use_backend

from highlevel.state import active_distribution
from highlevel.training.data.sources import ArraySource
from highlevel.training.loop import DeviceData, Pace, _blocks, _fits_on_device, to_floats
from highlevel.training.run import MOST_KEPT, Run, state_of

__all__ = ["plain_steps", "step_again"]

#: steps per dispatch while finding the way
_BLOCK = 64
#: how far the loss of an epoch that is done again may be off, relatively
_CLOSE = 1e-4


@contextmanager
def plain_steps(model: Any) -> Iterator[None]:
    """Steps made within the block are plain ones: not watched, not measured."""
    state = model._trainer
    before = state.watch, state.measuring, state.gives_gradients
    state.watch, state.measuring, state.gives_gradients = None, None, False
    try:
        yield
    finally:
        state.watch, state.measuring, state.gives_gradients = before


def step_again(
    model: Any, step: int | None, epoch: int | None
) -> tuple[int, int, Any, dict[int, Any], bool]:
    """`(epoch, batch, data, state before, counted)` of a step of the last `fit`.

    `counted` says whether the metrics in the state have the step in them.

    Args:
        model: the model.
        step: number of the step since the beginning of that `fit`, or within `epoch`, from 0;
            None for the one that failed.
        epoch: the epoch, from 0.

    Raises:
        RuntimeError: there was no `fit`; nothing was kept to begin from.
        ValueError: no step was named and none failed; there is no such step.
    """
    run = model._trainer.run
    if run is None:
        raise RuntimeError(f"Model '{model.name}' was not trained by `fit` yet: there is no step.")
    failed = run.failed
    if step is None:
        if failed is None:
            raise ValueError(
                f"No step of the last `fit` of '{model.name}' is known to have failed: say which "
                "to replay, `model.replay(step)` or `model.replay(batch, epoch=epoch)`, from 0. "
                "`fit(callbacks=[callbacks.TerminateOnNaN()])` stops at the first that gives NaN "
                "or infinity."
            )
        return failed.epoch, failed.batch, failed.data, failed.values, failed.counted
    epoch, batch = _place(model, run, step, epoch)
    if failed is not None and (epoch, batch) == (failed.epoch, failed.batch):
        return failed.epoch, failed.batch, failed.data, failed.values, failed.counted
    kept = next((k for k in (run.latest, run.first) if k is not None and k.epoch <= epoch), None)
    if kept is None or not run.source.restarts:
        raise RuntimeError(_why_not(model, run))
    with use_backend(run.backend), plain_steps(model):
        return epoch, batch, *_from(model, run, kept, epoch, batch), False


def _place(model: Any, run: Run, step: int, epoch: int | None) -> tuple[int, int]:
    steps = run.source.num_batches
    if epoch is None:
        if steps is None:
            raise ValueError(
                "The number of steps of an epoch is not known: name the epoch too, "
                "`model.replay(batch, epoch=0)`."
            )
        place, step = run.began + step // steps, step % steps
    else:
        place = epoch
    most = run.epoch if run.failed is None else run.failed.epoch
    if step < 0 or (steps is not None and step >= steps) or not run.began <= place <= most:
        raise ValueError(
            f"The last `fit` of '{model.name}' had no step {step} of epoch {place} (from 0): it "
            f"ran epochs {run.began} to {most}"
            + (f" of {steps} steps." if steps is not None else ".")
        )
    return place, step


def _why_not(model: Any, run: Run) -> str:
    if not run.source.restarts:
        why = f"the data came from {run.source.name}, which cannot be passed through again"
    elif active_distribution() is not None:
        why = "its state is distributed over devices"
    else:
        size = sum(v.nbytes for v in run.variables())
        why = f"its state takes {size / 2**20:.0f} MiB, and no more than {MOST_KEPT / 2**20:.0f} " \
            "are kept"
    return (
        f"This step of '{model.name}' cannot be found again: {why}. With the callback "
        "`TerminateOnNaN` the step that fails is kept whole."
    )


def _from(
    model: Any, run: Run, kept: Any, epoch: int, batch: int
) -> tuple[Any, dict[int, Any]]:
    """Data and state of a step, by doing those from `kept` on; the model stays as it is."""
    backend, source = current_backend(), run.source
    variables = run.variables()
    before = [(v, v.raw_value()) for v in variables]
    try:
        for variable in variables:
            variable.set_raw(backend.asarray(kept.values[id(variable)]), backend)
        program = model._program("train")
        arrays = isinstance(source, ArraySource)
        device = DeviceData(source) if program.compiled and _fits_on_device(source) else None
        if not arrays:
            source.resume(kept.epoch, 0, run.seed)
        for at in range(kept.epoch, epoch + 1):
            if at > kept.epoch:
                model.reset_metrics()
            passes, offset = source.place(at)
            logs = None
            steps = batch if at == epoch else source.steps
            for _, _, call, _ in _blocks(
                program, source, device, run.generator(passes), Pace(_BLOCK, program), steps, 0,
                offset, None,
            ):
                logs = call(program)
            if at < epoch:
                if not arrays:
                    source.on_epoch_end()
                _compare(model, run, at, logs)
        skip = offset + batch if arrays else batch
        data = next(itertools.islice(source.batches(run.generator(passes), skip), 1))
        return data, state_of(variables)
    finally:
        for variable, value in before:
            variable.set_raw(value, backend)
        source.close()


def _compare(model: Any, run: Run, epoch: int, logs: Any) -> None:
    """Warn where an epoch that was done again went another way."""
    column = model.history.history.get("loss", []) if model.history is not None else []
    at = epoch - run.began
    if not logs or at >= len(column):
        return
    loss = to_floats(model, logs).get("loss")
    if loss is not None and abs(loss - column[at]) > _CLOSE * max(abs(column[at]), 1e-8):
        warnings.warn(
            f"Done again, epoch {epoch} has the loss {loss:.6g} instead of {column[at]:.6g}: "
            "something beside the steps changed the model (a callback, the learning rate). The "
            "replay may be off.",
            stacklevel=6,
        )
