"""Models: Sequential, functional and subclassed, cloning, files."""

from __future__ import annotations

from highlevel._lazy import lazy_package

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.models.functional": "Functional Model",
        "highlevel.models.sequential": "Sequential",
        "highlevel.models.cloning": "clone_model model_from_json",
        "highlevel.saving": "load_model save_model",
    },
)
