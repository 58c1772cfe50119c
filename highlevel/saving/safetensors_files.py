"""Weights alone as `safetensors`: a flat file of named arrays that other libraries read too.

Names are variable paths. The file's metadata also says where in the model each variable
stands, so that a model whose layers were numbered otherwise (`dense_2` for `dense`, made
later in the same session) finds its weights.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from highlevel.saving.atomic import replacing_file
from highlevel.saving.errors import FileError
from highlevel.saving.loading import Loading, Rename, describe, renamer
from highlevel.saving.report import LoadReport
from highlevel.saving.walk import own_variables, walk

__all__ = ["load_safetensors", "save_safetensors"]

_PLACES = "highlevel.places"


class _Array:
    """One array in an open file; its values are read from the mapped file on `read()`."""

    def __init__(self, file: Any, name: str) -> None:
        part = file.get_slice(name)
        self._file, self.path = file, name
        self.shape: tuple[int, ...] = tuple(part.get_shape())
        self.dtype: str = part.get_dtype()

    def read(self) -> np.ndarray:
        """The values."""
        try:
            return self._file.get_tensor(self.path)
        except (AttributeError, TypeError) as error:
            raise FileError(
                f"The array '{self.path}' is stored as {self.dtype}, which NumPy does not have."
            ) from error


def named_weights(model: Any) -> dict[str, tuple[str, Any]]:
    """Name in files → `(place in the model, variable)`, for a model's weights.

    A name is the variable's path. Where two variables share one (layers of the same name in
    two nested models), each is called by its place.
    """
    weights = {id(variable): variable for variable in model.weights}
    found: list[tuple[str, Any]] = []
    for place, obj in walk(model):
        for index, variable in enumerate(own_variables(obj)):
            if weights.pop(id(variable), None) is not None:
                found.append((f"{place}/vars/{index}".lstrip("/"), variable))
    count: dict[str, int] = {}
    for _, variable in found:
        count[variable.path] = count.get(variable.path, 0) + 1
    return {
        variable.path if count[variable.path] == 1 else place: (place, variable)
        for place, variable in found
    }


def save_safetensors(model: Any, path: str) -> None:
    """Write a model's weights, without an optimizer's state.

    Raises:
        ImportError: the package `safetensors` is not installed.
        ValueError: an array is of a dtype that the format does not have.
    """
    library = _library()
    named = named_weights(model)
    arrays = {
        name: np.asarray(variable, order="C") for name, (_, variable) in named.items()
    }
    metadata = {
        "saved_by": "highlevel",
        _PLACES: json.dumps({name: place for name, (place, _) in named.items()}),
    }
    with replacing_file(path) as temporary:
        try:
            library.numpy.save_file(arrays, temporary, metadata=metadata)
        except (KeyError, library.SafetensorError) as error:
            failed = re.search(r"\(os error (\d+)\)", str(error))
            if failed is not None:  # a full disk
                raise OSError(int(failed[1]), os.strerror(int(failed[1]))) from error
            kinds = sorted({str(array.dtype) for array in arrays.values()})
            raise ValueError(
                f"The weights of {describe(model)} cannot be written as safetensors; their "
                f"dtypes are {', '.join(kinds)}: {error}"
            ) from error


def load_safetensors(loading: Loading, rename: Rename | None = None) -> LoadReport:
    """Assign what a file holds to a model's weights; see `load_weights`.

    Raises:
        ImportError: the package `safetensors` is not installed.
        FileError: it does not fit, is damaged, or is no such file.
    """
    library = _library()
    path = loading.path
    if loading.strict is None and not loading.skip_mismatch:
        loading.strict = True
    try:
        with library.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            found = {name: _Array(file, name) for name in file.keys()}  # noqa: SIM118 - no dict
            _check_sizes(found, path)
            _match(loading, found, metadata, rename)
            loading.read()
            return loading.finish()
    except library.SafetensorError as error:
        raise FileError(
            f"'{path}' is no safetensors file, or is damaged or only partly written: {error}"
        ) from error


def _check_sizes(found: Mapping[str, _Array], path: str) -> None:
    for name, array in found.items():
        if len(array.shape) > 32 or math.prod(array.shape) >= 2**48:
            raise FileError(f"The array '{name}' in '{path}' claims the shape {array.shape}.")


def _match(
    loading: Loading, found: Mapping[str, _Array], metadata: Mapping[str, str],
    rename: Rename | None,
) -> None:
    """Pair the model's weights with arrays of the file."""
    named = named_weights(loading.model)
    if not named and getattr(loading.model, "built", True) is False:
        loading.problems.append(
            f"{describe(loading.model)} is not built: call the model on data, or `build` it, "
            "before loading"
        )
    renamed = renamer(rename, found)
    sources = {new: found[name] for name, new in renamed.items() if new is not None}
    loading.report.skipped += [
        f"{name}, by `rename`" for name, new in renamed.items() if new is None
    ]
    if rename is None and any(name not in sources for name in named):
        sources = _by_place(named, found, metadata) or sources
    for _ in loading.walk():  # notes which places are to be left out
        pass
    used = set()
    for name, (place, variable) in named.items():
        source = sources.get(name)
        if source is not None:
            used.add(source.path)
        if not loading.asked_for(place):
            continue
        if source is None:
            loading.report.missing.append(variable.path)
            loading.problems.append(f"'{name}' of shape {variable.shape} is not in the file")
            continue
        text = loading.differ(variable, source)
        if text is None:
            loading.take(variable, source)
        else:
            loading.problems.append(text)
    loading.report.unused = sorted(
        name for name, new in renamed.items() if new is not None and name not in used
    )


def _by_place(
    named: Mapping[str, tuple[str, Any]], found: Mapping[str, _Array], metadata: Mapping[str, str]
) -> dict[str, _Array] | None:
    """Arrays by the variables' places in the model, where all of them fit."""
    try:
        places = {place: found[name] for name, place in json.loads(metadata[_PLACES]).items()}
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    result = {}
    for name, (place, variable) in named.items():
        source = places.get(place)
        if source is None or source.shape != tuple(variable.shape):
            return None
        result[name] = source
    return result


def _library() -> Any:
    try:
        library = importlib.import_module("safetensors")
        importlib.import_module("safetensors.numpy")
    except ImportError as error:
        raise ImportError(
            "Files ending in '.safetensors' need the package `safetensors`: "
            "`pip install highlevel[safetensors]`."
        ) from error
    return library
