"""Whole models to `.keras` files and back."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import os
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, Literal, overload

from highlevel.saving.archive import Archive, open_archive
from highlevel.saving.atomic import replacing_directory, replacing_file
from highlevel.saving.checkpoints import is_checkpoint
from highlevel.saving.errors import FileError, reading
from highlevel.saving.from_checkpoint import load_checkpoint_model
from highlevel.saving.h5 import open_weights, write_weights
from highlevel.saving.legacy_h5 import load_legacy_model, save_legacy_model
from highlevel.saving.loading import Loading
from highlevel.saving.rebuilding import checked_configs
from highlevel.saving.report import LoadReport
from highlevel.saving.walk import holds_state, walk
from highlevel.saving.weights import collect, restore
from highlevel.saving.zip_entry import stored_entry
from highlevel.serialization import deserialize_keras_object, serialize_keras_object

__all__ = ["load_model", "save_model"]

#: The version of the format's reference implementation that files follow.
FORMAT_VERSION = "3.15.0"
_WEIGHTS = "model.weights.h5"
_IN_MEMORY = 16 * 2**20
_LEGACY = (".h5", ".hdf5")


# ------------------------------------------------------------------------ saving


def save_model(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    zipped: bool | None = None,
    **kwargs: Any,
) -> None:
    """Write a whole model: architecture, weights, compilation and optimizer state.

    The file appears at once, complete: where saving fails, what was there before stays.

    Args:
        model: the model.
        filepath: path ending in `.keras`, or of a folder with `zipped=False`. One that ends
            in `.h5` or `.hdf5` is written in the older format, with a warning.
        overwrite: replace what is there.
        zipped: False for a folder in place of an archive.
        include_optimizer: False leaves compilation and optimizer out of an `.h5` file.

    Raises:
        ValueError: another ending; a lambda in the model, which no file can hold; a class
            whose `get_config` does not rebuild it.
        FileExistsError: the file exists and `overwrite` is False.
        TypeError: unknown arguments.
    """
    include_optimizer = kwargs.pop("include_optimizer", True)
    if kwargs:
        raise TypeError(f"`save_model` does not know the arguments {sorted(kwargs)}.")
    path = os.fspath(filepath)
    if zipped is None:
        zipped = True
    if not path.endswith(_LEGACY) or path.endswith(".weights.h5"):
        _check_ending(path, zipped)
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"'{path}' exists; pass `overwrite=True` to replace it.")
    if getattr(model, "built", True) is False:
        warnings.warn(
            f"Model '{model.name}' is saved before it is built: it has no weights yet, and none "
            "are in the file.",
            stacklevel=3,
        )
    with checked_configs():
        config = serialize_keras_object(model)
    _refuse_lambdas(config, model)
    if path.endswith(_LEGACY):
        warnings.warn(
            f"'{path}' is written in the older HDF5 format, which keeps less than a '.keras' "
            "file does; `model.save('<name>.keras')` is better where nothing else asks for it.",
            stacklevel=4,
        )
        save_legacy_model(model, path, config, FORMAT_VERSION, include_optimizer)
        return
    metadata = {
        "keras_version": FORMAT_VERSION,
        "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S"),
        "saved_by": "highlevel",
    }
    settings = model._training_settings() if hasattr(model, "_training_settings") else None
    if settings:  # here, because configs hold what Keras's constructors take
        metadata["training"] = settings
    texts = {"metadata.json": json.dumps(metadata), "config.json": json.dumps(config)}
    groups = collect(model)
    with _assets_of(model) as assets:
        if zipped:
            with replacing_file(path) as temporary:
                _write_zip(temporary, texts, groups, assets)
        else:
            with replacing_directory(path) as temporary:
                for name, text in texts.items():
                    with open(os.path.join(temporary, name), "w") as file:
                        file.write(text)
                write_weights(os.path.join(temporary, _WEIGHTS), groups)
                for name, source in assets.items():
                    target = os.path.join(temporary, name)
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                    with open(source, "rb") as old, open(target, "wb") as new:
                        new.write(old.read())


def _check_ending(path: str, zipped: bool) -> None:
    if zipped and not path.endswith(".keras"):
        hint = ""
        if path.endswith(".weights.h5"):
            hint = " For weights alone use `model.save_weights`."
        elif path.endswith(".tf"):
            hint = " TensorFlow's own format is not written."
        raise ValueError(f"A model is saved to a path ending in '.keras'; got '{path}'.{hint}")
    if not zipped and path.endswith(".keras"):
        raise ValueError(
            f"With `zipped=False` a folder is written, whose name must not end in '.keras'; got "
            f"'{path}'."
        )


def _refuse_lambdas(config: dict[str, Any], model: Any) -> None:
    compile_config = config.get("compile_config")
    if compile_config and next(_find_lambdas(compile_config, "compile"), None):
        warnings.warn(
            f"Model '{model.name}' was compiled with a lambda, which no file can hold: its "
            "compilation is left out of the file. Use a named function instead.",
            stacklevel=4,
        )
        config["compile_config"] = None
    found = list(_find_lambdas(config, model.name))
    if found:
        raise ValueError(
            f"Model '{model.name}' cannot be saved: {', '.join(found)} "
            f"{'is' if len(found) == 1 else 'are'} a lambda, and a file holds no code. Use a "
            "named function, with `@saving.register_keras_serializable()`, or a Layer subclass."
        )


def _find_lambdas(value: Any, owner: str, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("class_name") == "__lambda__":
            yield f"`{key}` of '{owner}'"
            return
        inner = value.get("config")
        if isinstance(inner, dict) and isinstance(inner.get("name"), str):
            owner = inner["name"]
        for name, item in value.items():
            yield from _find_lambdas(item, owner, name if isinstance(name, str) else key)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _find_lambdas(item, owner, key)


@contextlib.contextmanager
def _assets_of(model: Any) -> Iterator[dict[str, str]]:
    """Name in the archive → path of a file, for what objects keep beside their weights."""
    owners = [(place, obj) for place, obj in walk(model) if hasattr(obj, "save_assets")]
    if not owners:
        yield {}
        return
    with tempfile.TemporaryDirectory() as folder:
        for place, obj in owners:
            inner = os.path.join(folder, *place.split("/"))
            os.makedirs(inner, exist_ok=True)
            obj.save_assets(inner)
        found = {}
        for directory, _, names in os.walk(folder):
            for name in names:
                full = os.path.join(directory, name)
                relative = os.path.relpath(full, folder).replace(os.sep, "/")
                found[f"assets/{relative}"] = full
        yield found


def _write_zip(path: str, texts: Mapping[str, str], groups: Any, assets: Any) -> None:
    size = sum(getattr(a, "nbytes", 0) for _, arrays in groups.values() for a in arrays.values())
    with zipfile.ZipFile(path, "x") as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
        if size <= _IN_MEMORY:
            buffer = io.BytesIO()
            write_weights(buffer, groups)
            archive.writestr(_WEIGHTS, buffer.getbuffer())
        else:
            with stored_entry(archive, _WEIGHTS, size) as entry:
                write_weights(entry, groups)
        for name, source in assets.items():
            archive.write(source, name)


# ----------------------------------------------------------------------- loading


@overload
def load_model(
    filepath: Any,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
    *,
    report: Literal[False] = False,
) -> Any: ...


@overload
def load_model(
    filepath: Any,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
    *,
    report: Literal[True],
) -> tuple[Any, LoadReport]: ...


def load_model(
    filepath: Any,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
    *,
    report: bool = False,
) -> Any:
    """Read a model that `save_model` (or Keras) wrote.

    A file is data: its classes come from this library or from what you registered or pass,
    and no code in it is run. Weights are read straight into place; nothing is initialised
    at random first.

    Args:
        filepath: a `.keras` file, a folder written with `zipped=False`, a Sequential or
            functional model in an `.h5` file of Keras 2 or 3, or a directory of checkpoints
            (`callbacks.OrbaxCheckpoint`, or Keras's), of which the latest is taken.
        custom_objects: name → class or function, for those that are not registered.
        compile: compile the model as it was, with its optimizer's state.
        safe_mode: refuse configurations that would read other files.
        report: also return what was loaded.

    Returns:
        The model; with `report=True` `(model, LoadReport)`.

    Raises:
        FileNotFoundError: no such file; names similar ones.
        FileError: the file is damaged, of another kind, or holds what is refused; a
            `ValueError`.
        UnknownObjectError: it names a class that is not known here; a `TypeError` too.
    """
    path = os.fspath(filepath)
    found = LoadReport(path)
    if path.endswith(_LEGACY) and not path.endswith(".weights.h5"):
        model, found = load_legacy_model(path, custom_objects, compile, safe_mode)
        return (model, found) if report else model
    if not path.endswith(".keras") and not os.path.isdir(path):
        raise FileError(_no_model_file(path))
    if os.path.isdir(path) and is_checkpoint(path):
        model, found = load_checkpoint_model(path, custom_objects, compile, safe_mode)
        return (model, found) if report else model
    with open_archive(path) as archive:
        config = archive.json("config.json", path)
        if not isinstance(config, dict) or "class_name" not in config:
            raise FileError(f"'config.json' in '{path}' does not describe a model.")
        archive.expect(_WEIGHTS)
        if not compile:
            config.pop("compile_config", None)
        with reading(path):
            model = deserialize_keras_object(config, custom_objects, safe_mode=safe_mode)
            if holds_state(model):
                if "metadata.json" in archive.names():
                    _take_settings(model, archive.json("metadata.json", path))
                found = _load_state(model, archive, path)
    return (model, found) if report else model


def _take_settings(model: Any, metadata: Any) -> None:
    """Learning rate multipliers and weight decays of layers, which configs do not hold."""
    settings = metadata.get("training") if isinstance(metadata, dict) else None
    if isinstance(settings, dict) and hasattr(model, "_take_training_settings"):
        model._take_training_settings({
            path: own for path, own in settings.items() if isinstance(own, dict)
        })


def _no_model_file(path: str) -> str:
    if path.endswith(".weights.h5"):
        return (
            f"'{path}' holds weights without a model. Make the model, then "
            "`model.load_weights(path)`."
        )
    return f"A model is loaded from a '.keras' file or a folder written by `save`; got '{path}'."


def _load_state(model: Any, archive: Archive, path: str) -> LoadReport:
    names, report = archive.names(), LoadReport(path)
    if _WEIGHTS in names:
        with archive.open(_WEIGHTS) as source, open_weights([(path, source)]) as file:
            report = restore(Loading(model, path), file)
    elif any(name.endswith(".weights.npz") for name in names):
        raise FileError(f"'{path}' keeps its weights as npz; save it with HDF5 weights.")
    owners = [(place, obj) for place, obj in walk(model) if hasattr(obj, "load_assets")]
    if not owners:
        return report
    with tempfile.TemporaryDirectory() as folder:
        archive.extract_assets(folder)
        for place, obj in owners:
            inner = os.path.join(folder, *place.split("/"))
            if os.path.isdir(inner):
                obj.load_assets(inner)
    return report
