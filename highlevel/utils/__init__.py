"""Helpers: seeds, data sets, labels, names of classes in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.backend import clear_session as clear_session
    from highlevel.backend import is_keras_tensor as is_keras_tensor
    from highlevel.backend import standardize_dtype as standardize_dtype
    from highlevel.config import disable_interactive_logging as disable_interactive_logging
    from highlevel.config import enable_interactive_logging as enable_interactive_logging
    from highlevel.config import is_interactive_logging_enabled as is_interactive_logging_enabled
    from highlevel.serialization import CustomObjectScope as CustomObjectScope
    from highlevel.serialization import custom_object_scope as custom_object_scope
    from highlevel.serialization import deserialize_keras_object as deserialize_keras_object
    from highlevel.serialization import get_custom_objects as get_custom_objects
    from highlevel.serialization import get_registered_name as get_registered_name
    from highlevel.serialization import get_registered_object as get_registered_object
    from highlevel.serialization import register_keras_serializable as register_keras_serializable
    from highlevel.serialization import serialize_keras_object as serialize_keras_object
    from highlevel.training.data.sources import pack_x_y_sample_weight as pack_x_y_sample_weight
    from highlevel.training.data.sources import unpack_x_y_sample_weight as unpack_x_y_sample_weight
    from highlevel.training.progress import Progbar as Progbar
    from highlevel.utils import bounding_boxes as bounding_boxes
    from highlevel.utils.arrays import normalize as normalize
    from highlevel.utils.arrays import pad_sequences as pad_sequences
    from highlevel.utils.arrays import to_categorical as to_categorical
    from highlevel.utils.config import Config as Config
    from highlevel.utils.directories import (
        audio_dataset_from_directory as audio_dataset_from_directory,
    )
    from highlevel.utils.directories import (
        image_dataset_from_directory as image_dataset_from_directory,
    )
    from highlevel.utils.directories import (
        text_dataset_from_directory as text_dataset_from_directory,
    )
    from highlevel.utils.feature_space import FeatureSpace as FeatureSpace
    from highlevel.utils.files import get_file as get_file
    from highlevel.utils.graph_inputs import get_source_inputs as get_source_inputs
    from highlevel.utils.images import array_to_img as array_to_img
    from highlevel.utils.images import img_to_array as img_to_array
    from highlevel.utils.images import load_img as load_img
    from highlevel.utils.images import save_img as save_img
    from highlevel.utils.model_plots import model_to_dot as model_to_dot
    from highlevel.utils.model_plots import plot_model as plot_model
    from highlevel.utils.py_dataset import PyDataset as PyDataset
    from highlevel.utils.py_dataset import Sequence as Sequence
    from highlevel.utils.random_seed import set_random_seed as set_random_seed
    from highlevel.utils.splitting import split_dataset as split_dataset
    from highlevel.utils.timeseries import (
        timeseries_dataset_from_array as timeseries_dataset_from_array,
    )

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.utils.random_seed": "set_random_seed",
        "highlevel.utils.py_dataset": "PyDataset Sequence",
        "highlevel.utils.feature_space": "FeatureSpace",
        "highlevel.utils.arrays": "normalize pad_sequences to_categorical",
        "highlevel.training.progress": "Progbar",
        "highlevel.training.data.sources": "pack_x_y_sample_weight unpack_x_y_sample_weight",
        "highlevel.backend": "clear_session is_keras_tensor standardize_dtype",
        "highlevel.config": (
            "disable_interactive_logging enable_interactive_logging "
            "is_interactive_logging_enabled"
        ),
        "highlevel.utils.config": "Config",
        "highlevel.utils.directories": (
            "audio_dataset_from_directory image_dataset_from_directory "
            "text_dataset_from_directory"
        ),
        "highlevel.utils.files": "get_file",
        "highlevel.utils.graph_inputs": "get_source_inputs",
        "highlevel.utils.images": "array_to_img img_to_array load_img save_img",
        "highlevel.utils.model_plots": "model_to_dot plot_model",
        "highlevel.utils.splitting": "split_dataset",
        "highlevel.utils.timeseries": "timeseries_dataset_from_array",
        "highlevel.serialization": (
            "CustomObjectScope custom_object_scope deserialize_keras_object "
            "get_custom_objects get_registered_name get_registered_object "
            "register_keras_serializable serialize_keras_object"
        ),
    },
    submodules=("bounding_boxes",),
)
