"""`TerminateOnNaN`: end training at the first loss that is not finite."""

from __future__ import annotations

import math

from highlevel.training.callbacks.callback import Callback, Logs

__all__ = ["TerminateOnNaN"]


class TerminateOnNaN(Callback):
    """Ends training at the batch whose loss is not a finite number.

    It looks at the loss of every batch, so that the host waits for the device after each.

    Args:
        raise_error: raise an error instead of ending training.

    >>> TerminateOnNaN().needs_batch_logs
    True
    """

    needs_batch_logs = True

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Check the loss.

        Raises:
            RuntimeError: it is not finite, and `raise_error` is set.
        """
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        where = f"Epoch {self._epoch + 1}, batch {batch}"
        advice = (
            "Look for NaN or infinite values in the data and for logarithms or divisions of 0 "
            "in the loss; lower the learning rate, or pass `clipnorm=1.0` to the optimizer."
        )
        if self.raise_error:
            raise RuntimeError(f"{where}: NaN or Inf loss encountered (loss = {loss}). {advice}")
        print(f"{where}: Invalid loss ({loss}), terminating training. {advice}")
        self.model.stop_training = True
