"""`TerminateOnNaN`: end training at the first step that is not finite, and say where."""

from __future__ import annotations

import math
from typing import Any

from highlevel_backend import tree

from highlevel.inspection.replay import replay_step
from highlevel.training.callbacks.callback import Callback, Logs
from highlevel.training.locate import locate

__all__ = ["TerminateOnNaN"]

#: weights times rows of a batch up to which a step on NumPy takes no more than seconds
_QUICK = 2**28


class TerminateOnNaN(Callback):
    """Ends training at the batch whose loss is not a finite number, or makes a weight that is not.

    It names the batch, the first layer whose output or gradient was not finite, and operation
    and line, for which it takes the step again on NumPy (`model.replay()` gives that step; of
    large models it is left to you). The model keeps the weights, and the optimizer its state,
    from before that batch.

    Compiled steps run as without it. About every tenth of a second, and at the end of each
    epoch, the device copies the training state and looks at loss and weights once; where they
    are not finite, the steps since the copy are run again by a second program, up to the bad
    one. So there is room for one more training state in use, for two where it has less than
    128 MiB. Where another callback wants to see each batch (`on_train_batch_end`), and without
    compilation, each step is looked at by itself; compiled, that can take several times as
    long where the weights are many and the batch is small. Outside of `fit` it looks at the
    loss in the logs.

    Args:
        raise_error: raise an error instead of ending training; `on_train_end` is not called
            then, so that a backup stays.

    >>> TerminateOnNaN().watches_steps
    True
    """

    needs_batch_logs = False
    #: `fit` calls `on_step_not_finite`
    watches_steps = True

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def on_step_not_finite(self, batch: int, data: Any, loss: float) -> None:
        """Called by `fit` for a step whose loss or new weights were not finite.

        The model has its weights, random states and optimizer state from before the step.

        Args:
            batch: the step, from 0 in each epoch.
            data: `(x, y, sample_weight)` of the step.
            loss: the mean of the loss with this step.

        Raises:
            RuntimeError: `raise_error` is set.
        """
        where = f" {locate(self.model, data)}{self._line(data)}"
        self._end(batch, loss, f"{where} The weights are those before this batch.")

    def _line(self, data: Any) -> str:
        """Which line of which layer it was, or how to find it out where that takes long."""
        model = self.model
        rows = len(tree.leaves(data)[0])
        if sum(v.size for v in model.weights) * rows > _QUICK:
            return " `model.replay().first_nonfinite()` names the operation and its line."
        try:
            found = replay_step(model, None, None).first_nonfinite()
        except Exception as error:  # a layer that NumPy cannot run: the rest is told all the same
            return f" (The step could not be replayed on NumPy: {type(error).__name__}: {error})"
        return "" if found is None else f" {found}"

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Check the loss, in a loop other than that of `fit`.

        Raises:
            RuntimeError: it is not finite, and `raise_error` is set.
        """
        if getattr(getattr(self.model, "_trainer", None), "watch", None) is not None:
            return
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            self._end(batch, loss, "")

    def _end(self, batch: int, loss: float, where: str) -> None:
        place = f"Epoch {self._epoch + 1}, batch {batch}"
        advice = (
            " Look for NaN or infinite values in the data and for logarithms or divisions of 0 "
            "in the loss; lower the learning rate, or pass `clipnorm=1.0` to the optimizer."
        )
        if self.raise_error:
            what = "NaN or Inf weights" if math.isfinite(loss) else "NaN or Inf loss"
            raise RuntimeError(f"{place}: {what} encountered (loss = {loss}).{where}{advice}")
        what = "Invalid weights after a loss of" if math.isfinite(loss) else "Invalid loss"
        print(f"{place}: {what} ({loss}), terminating training.{where}{advice}")
        self.model.stop_training = True
