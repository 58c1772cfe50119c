"""Values of a model's variables to files and back, all or nothing."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from highlevel.saving.archive import missing_file, open_archive
from highlevel.saving.atomic import replacing_file
from highlevel.saving.checkpoints import is_checkpoint
from highlevel.saving.errors import FileError, reading
from highlevel.saving.from_checkpoint import load_checkpoint_weights
from highlevel.saving.h5 import Dataset, Store, WeightFile, open_weights, write_weights
from highlevel.saving.legacy_h5 import is_legacy, load_legacy_weights
from highlevel.saving.loading import Loading, Rename, describe, renamer
from highlevel.saving.report import LoadReport
from highlevel.saving.safetensors_files import load_safetensors, save_safetensors
from highlevel.saving.walk import is_optimizer, own_variables, walk
from highlevel.state import StatelessScope

__all__ = ["collect", "load_weights", "restore", "save_weights"]


# ------------------------------------------------------------------------ saving


def collect(model: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """Group of the file → `(object's name, key → array)`, for a whole model."""
    groups: dict[str, tuple[str, dict[str, Any]]] = {}
    for place, obj in walk(model):
        arrays: dict[str, Any] = {}
        if _overrides(obj, "save_own_variables"):
            obj.save_own_variables(arrays)
        else:
            arrays = {str(i): np.asarray(v) for i, v in enumerate(own_variables(obj))}
        group = f"{place}/vars" if place else "vars"
        groups[group] = (str(getattr(obj, "name", "")), arrays)
    return groups


def _overrides(obj: Any, method: str) -> bool:
    """Whether a class has its own way with its variables."""
    found = getattr(type(obj), method, None)
    plain = getattr(found, "plain_order", False)
    if found is None or (plain(obj) if callable(plain) else plain):
        return False
    return not (is_optimizer(obj) and found.__module__.startswith("highlevel.optimizers"))


def save_weights(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    **kwargs: Any,
) -> None:
    """Write a model's weights to a file.

    Args:
        model: a built model or layer.
        filepath: path ending in `.weights.h5` (the optimizer's state goes with them), with
            `max_shard_size` in `.weights.json`; or in `.safetensors`, where an array's name
            is its variable's path.
        overwrite: replace an existing file.
        max_shard_size: split into files of at most so many gigabytes, listed in the
            `.weights.json`.

    Raises:
        ValueError: another ending, or an array larger than a shard.
        ImportError: `.safetensors` without the package `safetensors`.
        FileExistsError: the file exists and `overwrite` is False.
        TypeError: unknown arguments.
    """
    if kwargs:
        raise TypeError(f"`save_weights` does not know the arguments {sorted(kwargs)}.")
    path = os.fspath(filepath)
    if max_shard_size is not None:
        if path.endswith(".weights.h5"):  # its list has the same name and the other ending
            path = path.removesuffix(".h5") + ".json"
        if not path.endswith(".weights.json"):
            raise ValueError(
                "With `max_shard_size` the path of a weights file must end in '.weights.json'; "
                f"got '{path}'."
            )
    elif not path.endswith((".weights.h5", ".safetensors")):
        raise ValueError(
            "The path of a weights file must end in '.weights.h5' or '.safetensors'; got "
            f"'{path}'."
        )
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"'{path}' exists; pass `overwrite=True` to replace it.")
    _warn_if_not_built(model)
    if path.endswith(".safetensors"):
        save_safetensors(model, path)
        return
    groups = collect(model)
    if max_shard_size is not None:
        _save_shards(path, groups, int(max_shard_size * 1024**3))
        return
    with replacing_file(path) as temporary:
        write_weights(temporary, groups)


def _warn_if_not_built(model: Any) -> None:
    if getattr(model, "built", True) is False:
        warnings.warn(
            f"Model '{model.name}' is saved before it is built: it has no weights yet, and none "
            "are in the file.",
            stacklevel=4,
        )


def _save_shards(path: str, groups: Mapping[str, tuple[str, dict]], limit: int) -> None:
    base = os.path.basename(path)[: -len(".weights.json")]
    shards: list[dict[str, tuple[str, dict]]] = [{}]
    used = total = 0
    places: dict[str, list[str]] = {}
    for group, (name, arrays) in groups.items():
        shards[-1].setdefault(group, (name, {}))
        for key, array in arrays.items():
            size = array.nbytes
            if size > limit:
                raise ValueError(
                    f"The array '{group}/{key}' takes {size:,} bytes, more than the "
                    f"{limit:,} of a shard; raise `max_shard_size`."
                )
            if used + size > limit:
                shards.append({})
                used = 0
            shards[-1].setdefault(group, ("", {}))[1][key] = array
            used += size
            total += size
    # A list that is there keeps its files until the new list stands in its place: both are
    # whole at every moment, the old one and the new one.
    old = _own_shards(path, base)
    fresh = f"_{secrets.token_hex(4)}" if old else ""
    for index, shard in enumerate(shards):
        file_name = f"{base}_{index:05d}{fresh}.weights.h5"
        with replacing_file(os.path.join(os.path.dirname(path), file_name)) as temporary:
            write_weights(temporary, shard)
        for group, (_, arrays) in shard.items():
            if arrays:
                places.setdefault(f"/{group}", []).append(file_name)
    listing = {"metadata": {"total_size": float(total)}, "weight_map": places}
    with replacing_file(path) as temporary, open(temporary, "w") as file:
        json.dump(listing, file, indent=4)
    for file_name in old:
        with contextlib.suppress(OSError):
            os.remove(os.path.join(os.path.dirname(path), file_name))


def _own_shards(path: str, base: str) -> list[str]:
    """Files that a list of ours which is there names."""
    if not os.path.exists(path):
        return []
    try:
        names = [os.path.basename(name) for name in _shards(path)]
    except (ValueError, OSError):
        return []
    return [name for name in names if re.fullmatch(
        re.escape(base) + r"_\d{5}(_[0-9a-f]{8})?\.weights\.h5", name)]


# ----------------------------------------------------------------------- loading


def load_weights(
    model: Any,
    filepath: Any,
    skip_mismatch: bool = False,
    *,
    strict: bool | None = None,
    rename: Rename | None = None,
    objects_to_skip: Iterable[Any] | None = None,
    by_name: bool = False,
    **kwargs: Any,
) -> LoadReport:
    """Read weights into a model.

    Nothing is changed unless everything fits: all is read and checked before the first
    variable is assigned. Variables that were never used are not initialised for it.

    Args:
        model: a built model or layer.
        filepath: a `.weights.h5` file, a `.weights.json` of several, a `.keras` file, a
            `.safetensors` file, an `.h5` file of Keras 2, or a directory of checkpoints, of
            which the latest is taken (it must fit whole; optimizer and metrics are set too).
        skip_mismatch: leave layers whose weights do not fit as they are, with a warning.
        strict: True: every variable needs its value and every array of the file its
            variable, the default for `.safetensors`. False: load what fits and say nothing.
            None: every variable needs its value; what the file holds beside is only in the
            report.
        rename: for files made under other names: a mapping from names in the file, or from
            their beginnings up to a `/` or `.`, to names here; or a function of a name.
            None in place of a name leaves the array out. Names are variable paths in
            `.safetensors` files and places such as `layers/dense/vars/0` in HDF5 files.
        objects_to_skip: layers to leave as they are.
        by_name: for `.h5` files of Keras 2: layers find their weights by name, not by order.

    Returns:
        A `LoadReport`: loaded, missing, differing, unused, by path.

    Raises:
        FileNotFoundError: no such file; names similar ones.
        FileError: weights are missing or of another shape, all of them listed; or the file
            is damaged or holds what is refused; a `ValueError`.
        TypeError: unknown arguments.
    """
    if kwargs:
        raise TypeError(f"`load_weights` does not know the arguments {sorted(kwargs)}.")
    path = os.fspath(filepath)
    if strict and skip_mismatch:
        raise ValueError("`strict=True` and `skip_mismatch=True` contradict each other.")
    if os.path.isdir(path) and is_checkpoint(path):
        return load_checkpoint_weights(model, path)
    loading = Loading(model, path, strict, skip_mismatch, objects_to_skip or ())
    with reading(path):
        if path.endswith(".keras") or os.path.isdir(path):
            with open_archive(path) as archive:
                name = "model.weights.h5"
                if name not in archive.names():
                    raise FileError(f"'{path}' holds no weights: '{name}' is not in it.")
                with archive.open(name) as source, open_weights([(path, source)]) as file:
                    return restore(loading, file, rename)
        if not path.endswith((".weights.json", ".safetensors", ".h5", ".hdf5")):
            raise FileError(
                "Weights are read from '.weights.h5', '.weights.json', '.safetensors', '.keras' "
                f"and '.h5' files; got '{path}'."
            )
        if not os.path.exists(path):
            raise missing_file(path)
        if path.endswith(".safetensors"):
            return load_safetensors(loading, rename)
        sources = _shards(path) if path.endswith(".json") else [path]
        with open_weights([(name, name) for name in sources]) as file:
            if is_legacy(file):
                if rename is not None:
                    raise ValueError(
                        f"'{path}' is in the form of Keras 2, which takes no `rename`; give "
                        "`by_name=True`, or load it without."
                    )
                return load_legacy_weights(loading, file, by_name)
            if by_name:
                raise ValueError(
                    f"`by_name` is for '.h5' files of Keras 2; '{path}' is none. Use `rename` or "
                    "`strict=False`."
                )
            return restore(loading, file, rename)


def _shards(path: str) -> list[str]:
    with open(path) as file:
        try:
            names = {n for part in json.load(file)["weight_map"].values() for n in part}
            if not all(isinstance(name, str) and "\0" not in name for name in names):
                raise ValueError("it names files by something else than a string")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise FileError(f"'{path}' is not a list of weight files: {error}") from error
    folder = os.path.dirname(path)
    found = []
    for name in sorted(names):
        if os.path.basename(name) != name or name in ("", ".", ".."):
            raise FileError(f"'{path}' names the file '{name}' outside its folder: refused.")
        full = os.path.join(folder, name)
        if not os.path.exists(full):
            raise missing_file(full)
        found.append(full)
    return found


def restore(loading: Loading, file: WeightFile, rename: Rename | None = None) -> LoadReport:
    """Assign what a file holds to a model's variables; see `load_weights`."""
    groups = file.groups if rename is None else _renamed(file, rename, loading)
    report, own_way, taken = loading.report, [], set()
    for place, obj in loading.walk():
        taken.add(place)
        if _overrides(obj, "load_own_variables"):
            own_way.append((place, obj))
            continue
        datasets = groups.get(place, {})
        keys = [str(i) for i in range(len(datasets))]
        if set(keys) != set(datasets):
            keys = sorted(datasets)
        loading.pair(obj, own_variables(obj), [datasets[key] for key in keys], f"{place}/vars")
    report.unused += sorted(
        dataset.path
        for place, datasets in groups.items()
        if place not in taken and loading.asked_for(place)
        for dataset in datasets.values()
    )
    loading.read()
    loading.check()
    updates: dict[Any, Any] = {}
    for place, obj in own_way:
        # The object assigns as it likes; its assignments are caught, and made at the end.
        with StatelessScope() as scope:
            try:
                obj.load_own_variables(Store(groups.get(place, {})))
            except Exception as error:
                loading.problems.append(f"{describe(obj)}: {error}")
                continue
        updates |= scope.updates
    return loading.finish(updates)


def _renamed(file: WeightFile, rename: Rename, loading: Loading) -> dict[str, dict[str, Dataset]]:
    """A file's groups under other names."""
    datasets = {d.path: d for group in file.groups.values() for d in group.values()}
    groups: dict[str, dict[str, Dataset]] = {}
    for name, new in renamer(rename, datasets).items():
        if new is None:
            loading.report.skipped.append(f"{name}, by `rename`")
            continue
        place, _, key = new.rpartition("/")
        place = "" if place == "vars" else place.removesuffix("/vars")
        groups.setdefault(place, {})[key] = datasets[name]
    return groups
