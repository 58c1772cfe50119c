"""Objects that act at the start and end of training, epochs and batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.training.callbacks.backup_and_restore import (
        BackupAndRestore as BackupAndRestore,
    )
    from highlevel.training.callbacks.callback import Callback as Callback
    from highlevel.training.callbacks.callback_list import CallbackList as CallbackList
    from highlevel.training.callbacks.csv_logger import CSVLogger as CSVLogger
    from highlevel.training.callbacks.early_stopping import EarlyStopping as EarlyStopping
    from highlevel.training.callbacks.history import History as History
    from highlevel.training.callbacks.lambda_callback import LambdaCallback as LambdaCallback
    from highlevel.training.callbacks.learning_rate import (
        LearningRateScheduler as LearningRateScheduler,
    )
    from highlevel.training.callbacks.learning_rate import ReduceLROnPlateau as ReduceLROnPlateau
    from highlevel.training.callbacks.model_checkpoint import ModelCheckpoint as ModelCheckpoint
    from highlevel.training.callbacks.orbax_checkpoint import OrbaxCheckpoint as OrbaxCheckpoint
    from highlevel.training.callbacks.progbar_logger import ProgbarLogger as ProgbarLogger
    from highlevel.training.callbacks.remote_monitor import RemoteMonitor as RemoteMonitor
    from highlevel.training.callbacks.swap_ema_weights import SwapEMAWeights as SwapEMAWeights
    from highlevel.training.callbacks.tensorboard import TensorBoard as TensorBoard
    from highlevel.training.callbacks.terminate_on_nan import TerminateOnNaN as TerminateOnNaN

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.training.callbacks.backup_and_restore": "BackupAndRestore",
        "highlevel.training.callbacks.callback": "Callback",
        "highlevel.training.callbacks.callback_list": "CallbackList",
        "highlevel.training.callbacks.csv_logger": "CSVLogger",
        "highlevel.training.callbacks.early_stopping": "EarlyStopping",
        "highlevel.training.callbacks.history": "History",
        "highlevel.training.callbacks.lambda_callback": "LambdaCallback",
        "highlevel.training.callbacks.learning_rate": "LearningRateScheduler ReduceLROnPlateau",
        "highlevel.training.callbacks.model_checkpoint": "ModelCheckpoint",
        "highlevel.training.callbacks.orbax_checkpoint": "OrbaxCheckpoint",
        "highlevel.training.callbacks.progbar_logger": "ProgbarLogger",
        "highlevel.training.callbacks.remote_monitor": "RemoteMonitor",
        "highlevel.training.callbacks.swap_ema_weights": "SwapEMAWeights",
        "highlevel.training.callbacks.tensorboard": "TensorBoard",
        "highlevel.training.callbacks.terminate_on_nan": "TerminateOnNaN",
    },
)
