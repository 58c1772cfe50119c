"""Helpers: seeds, data sets, labels, names of classes in files."""

from __future__ import annotations

from highlevel._lazy import lazy_package

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.utils.random_seed": "set_random_seed",
        "highlevel.utils.py_dataset": "PyDataset Sequence",
        "highlevel.utils.arrays": "normalize pad_sequences to_categorical",
        "highlevel.training.progress": "Progbar",
        "highlevel.training.data.sources": "pack_x_y_sample_weight unpack_x_y_sample_weight",
        "highlevel.backend": "clear_session",
        "highlevel.serialization": (
            "CustomObjectScope custom_object_scope deserialize_keras_object "
            "get_custom_objects get_registered_name get_registered_object "
            "register_keras_serializable serialize_keras_object"
        ),
    },
)
