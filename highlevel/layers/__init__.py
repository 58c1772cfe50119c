"""Layers, by family in folders; every public name is importable from here."""

from __future__ import annotations

from highlevel._lazy import lazy_package

# module → names, in the order of the families
__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.layers.layer": "Layer",
        "highlevel.layers.input_layer": "Input InputLayer",
        "highlevel.layers.input_spec": "InputSpec",
    },
    # further names the contract has for the same class
    aliases={},
)
