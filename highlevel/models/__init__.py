"""Models: Sequential, functional and subclassed, cloning, files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.models.cloning import clone_model as clone_model
    from highlevel.models.cloning import model_from_json as model_from_json
    from highlevel.models.functional import Functional as Functional
    from highlevel.models.functional import Model as Model
    from highlevel.models.sequential import Sequential as Sequential
    from highlevel.saving import load_model as load_model
    from highlevel.saving import save_model as save_model

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.models.functional": "Functional Model",
        "highlevel.models.sequential": "Sequential",
        "highlevel.models.cloning": "clone_model model_from_json",
        "highlevel.saving": "load_model save_model",
    },
)
