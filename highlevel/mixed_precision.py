"""The contract's `mixed_precision` namespace: dtype policies and the scaling of losses."""

from __future__ import annotations

from highlevel.dtype_policies import DTypePolicy, dtype_policy, set_dtype_policy
from highlevel.optimizers.loss_scale import LossScaleOptimizer

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]
