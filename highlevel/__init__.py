"""highlevel: object-oriented modelling over pluggable backends.

Every public name is loaded when first used; importing the package loads no backend.
"""

from __future__ import annotations

from highlevel._lazy import lazy_package

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel_backend.registry": "available_backends get_backend",
        "highlevel.core": (
            "KerasTensor StatelessScope SymbolicTensor Variable device name_scope set_backend "
            "use_backend"
        ),
        "highlevel.layers": "Layer Input InputSpec",
        "highlevel.models": "Model Sequential Functional",
        "highlevel.dtype_policies": "DTypePolicy FloatDTypePolicy",
        "highlevel.initializers": "Initializer",
        "highlevel.losses": "Loss",
        "highlevel.metrics": "Metric",
        "highlevel.optimizers": "Optimizer",
        "highlevel.regularizers": "Regularizer",
        "highlevel.version": "version",
    },
    submodules=(
        "activations", "backend", "callbacks", "config", "constraints", "dtype_policies",
        "initializers", "layers", "losses", "metrics", "models", "ops", "optimizers", "random", "regularizers", "saving", "tree", "utils",
    ),
)
