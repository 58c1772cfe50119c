"""Models and weights in files; configurations of objects; custom objects.

A file is data. Reading one never unpickles, never runs bytecode, never imports a module
it names, follows no link and leaves no path of the archive; sizes are checked before
memory is taken. Files are written whole or not at all.
"""

from highlevel.saving.contents import FileContents, inspect_file
from highlevel.saving.errors import FileError, UnknownObjectError
from highlevel.saving.file_editor import KerasFileEditor
from highlevel.saving.model_files import load_model, save_model
from highlevel.saving.report import LoadReport
from highlevel.saving.weights import load_weights, save_weights
from highlevel.serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)

__all__ = [
    "CustomObjectScope",
    "FileContents",
    "FileError",
    "KerasFileEditor",
    "LoadReport",
    "UnknownObjectError",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "inspect_file",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
