"""highlevel: object-oriented modelling over pluggable backends.

Every public name is loaded when first used; importing the package loads no backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel_backend.registry import available_backends as available_backends
    from highlevel_backend.registry import get_backend as get_backend

    from highlevel import activations as activations
    from highlevel import backend as backend
    from highlevel import callbacks as callbacks
    from highlevel import config as config
    from highlevel import constraints as constraints
    from highlevel import distillation as distillation
    from highlevel import distribution as distribution
    from highlevel import dtype_policies as dtype_policies
    from highlevel import initializers as initializers
    from highlevel import inspection as inspection
    from highlevel import layers as layers
    from highlevel import losses as losses
    from highlevel import metrics as metrics
    from highlevel import mixed_precision as mixed_precision
    from highlevel import models as models
    from highlevel import ops as ops
    from highlevel import optimizers as optimizers
    from highlevel import preprocessing as preprocessing
    from highlevel import random as random
    from highlevel import regularizers as regularizers
    from highlevel import saving as saving
    from highlevel import testing as testing
    from highlevel import tree as tree
    from highlevel import utils as utils
    from highlevel import visualization as visualization
    from highlevel._version import version as version
    from highlevel.core import KerasTensor as KerasTensor
    from highlevel.core import RematScope as RematScope
    from highlevel.core import StatelessScope as StatelessScope
    from highlevel.core import SymbolicScope as SymbolicScope
    from highlevel.core import SymbolicTensor as SymbolicTensor
    from highlevel.core import Variable as Variable
    from highlevel.core import device as device
    from highlevel.core import name_scope as name_scope
    from highlevel.core import remat as remat
    from highlevel.core import set_backend as set_backend
    from highlevel.core import use_backend as use_backend
    from highlevel.dtype_policies import DTypePolicy as DTypePolicy
    from highlevel.dtype_policies import FloatDTypePolicy as FloatDTypePolicy
    from highlevel.initializers import Initializer as Initializer
    from highlevel.inspection.memory import memory as memory
    from highlevel.layers import Input as Input
    from highlevel.layers import InputSpec as InputSpec
    from highlevel.layers import Layer as Layer
    from highlevel.losses import Loss as Loss
    from highlevel.metrics import Metric as Metric
    from highlevel.models import Functional as Functional
    from highlevel.models import Model as Model
    from highlevel.models import Sequential as Sequential
    from highlevel.models.function import Function as Function
    from highlevel.operation import Operation as Operation
    from highlevel.optimizers import Optimizer as Optimizer
    from highlevel.regularizers import Regularizer as Regularizer

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel_backend.registry": "available_backends get_backend",
        "highlevel.core": (
            "KerasTensor RematScope StatelessScope SymbolicScope SymbolicTensor Variable device "
            "name_scope remat set_backend use_backend"
        ),
        "highlevel.layers": "Layer Input InputSpec",
        "highlevel.models": "Model Sequential Functional",
        "highlevel.models.function": "Function",
        "highlevel.operation": "Operation",
        "highlevel.dtype_policies": "DTypePolicy FloatDTypePolicy",
        "highlevel.initializers": "Initializer",
        "highlevel.inspection.memory": "memory",
        "highlevel.losses": "Loss",
        "highlevel.metrics": "Metric",
        "highlevel.optimizers": "Optimizer",
        "highlevel.regularizers": "Regularizer",
        "highlevel._version": "version",
    },
    submodules=(
        "activations", "backend", "callbacks", "config", "constraints", "distillation",
        "distribution", "dtype_policies", "initializers", "inspection", "layers", "losses",
        "metrics",
        "mixed_precision", "models", "ops", "optimizers", "preprocessing", "random",
        "regularizers", "saving", "testing", "tree", "utils", "visualization",
    ),
)
