"""Values of a model's variables to files and back, all or nothing."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from highlevel.saving.archive import missing_file, open_archive
from highlevel.saving.atomic import replacing_file
from highlevel.saving.h5 import WeightFile, open_weights, write_weights
from highlevel.saving.walk import is_optimizer, own_variables, walk
from highlevel.state import StatelessScope

__all__ = ["LoadReport", "collect", "load_weights", "restore", "save_weights"]


@dataclass
class LoadReport:
    """What a load did.

    Attributes:
        loaded: paths of the variables that took a value from the file.
        missing: paths of variables for which the file has no value.
        differing: `(path, shape here, shape in the file)`.
        unused: arrays of the file that no variable took.
        skipped: what was left out on purpose or could not be loaded, in words.
    """

    loaded: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    differing: list[tuple[str, tuple, tuple]] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{len(self.loaded)} variables loaded"]
        lines += [f"missing in the file: {path}" for path in self.missing]
        lines += [
            f"shape differs: {path} is {here} here, {there} in the file"
            for path, here, there in self.differing
        ]
        lines += [f"not used: {path}" for path in self.unused]
        lines += [f"skipped: {text}" for text in self.skipped]
        return "\n".join(lines)


# ------------------------------------------------------------------------ saving


def collect(model: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """Group of the file → `(object's name, key → array)`, for a whole model."""
    groups: dict[str, tuple[str, dict[str, Any]]] = {}
    for place, obj in walk(model):
        arrays: dict[str, Any] = {}
        if _overrides(obj, "save_own_variables"):
            obj.save_own_variables(arrays)
        else:
            arrays = {str(i): v.numpy() for i, v in enumerate(own_variables(obj))}
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
    """Write a model's weights (and its optimizer's state) to a file.

    Args:
        model: a built model or layer.
        filepath: path ending in `.weights.h5`; with `max_shard_size` in `.weights.json`.
        overwrite: replace an existing file.
        max_shard_size: split into files of at most so many gigabytes, listed in the
            `.weights.json`.

    Raises:
        ValueError: another ending, or an array larger than a shard.
        FileExistsError: the file exists and `overwrite` is False.
        TypeError: unknown arguments.
    """
    if kwargs:
        raise TypeError(f"`save_weights` does not know the arguments {sorted(kwargs)}.")
    path = os.fspath(filepath)
    ending = ".weights.h5" if max_shard_size is None else ".weights.json"
    if not path.endswith(ending):
        raise ValueError(
            f"The path of a weights file must end in '{ending}'"
            f"{' with `max_shard_size`' if max_shard_size is not None else ''}; got '{path}'."
        )
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"'{path}' exists; pass `overwrite=True` to replace it.")
    _warn_if_not_built(model)
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
    for index, shard in enumerate(shards):
        file_name = f"{base}_{index:05d}.weights.h5"
        with replacing_file(os.path.join(os.path.dirname(path), file_name)) as temporary:
            write_weights(temporary, shard)
        for group, (_, arrays) in shard.items():
            if arrays:
                places.setdefault(f"/{group}", []).append(file_name)
    listing = {"metadata": {"total_size": float(total)}, "weight_map": places}
    with replacing_file(path) as temporary, open(temporary, "w") as file:
        json.dump(listing, file, indent=4)


# ----------------------------------------------------------------------- loading


def load_weights(
    model: Any,
    filepath: Any,
    skip_mismatch: bool = False,
    objects_to_skip: Iterable[Any] | None = None,
    **kwargs: Any,
) -> LoadReport:
    """Read weights into a model.

    Nothing is changed unless everything fits: all is read and checked before the first
    variable is assigned. Variables that were never used are not initialised for it.

    Args:
        model: a built model or layer.
        filepath: a `.weights.h5` file, a `.weights.json` of several, or a `.keras` file.
        skip_mismatch: leave objects whose weights do not fit as they are, with a warning.
        objects_to_skip: layers to leave as they are.

    Returns:
        A `LoadReport`.

    Raises:
        FileNotFoundError: no such file; names similar ones.
        ValueError: weights are missing or of another shape, all of them listed; or the file
            is damaged or holds what is refused.
        TypeError: unknown arguments.
    """
    if kwargs:
        raise TypeError(f"`load_weights` does not know the arguments {sorted(kwargs)}.")
    path = os.fspath(filepath)
    options = (skip_mismatch, tuple(objects_to_skip or ()))
    if path.endswith(".keras") or os.path.isdir(path):
        with open_archive(path) as archive:
            name = "model.weights.h5"
            if name not in archive.names():
                raise ValueError(f"'{path}' holds no weights: '{name}' is not in it.")
            with archive.open(name) as source, open_weights([(path, source)]) as file:
                return restore(model, file, path, *options)
    if not path.endswith((".weights.h5", ".weights.json")):
        raise ValueError(
            "Weights are read from '.weights.h5', '.weights.json' and '.keras' files; got "
            f"'{path}'."
            + (" Files of older versions: load and save them again with Keras 3 first."
               if path.endswith((".h5", ".hdf5")) else "")
        )
    if not os.path.exists(path):
        raise missing_file(path)
    sources = [path] if path.endswith(".h5") else _shards(path)
    with open_weights([(name, name) for name in sources]) as file:
        return restore(model, file, path, *options)


def _shards(path: str) -> list[str]:
    with open(path) as file:
        try:
            names = {n for part in json.load(file)["weight_map"].values() for n in part}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"'{path}' is not a list of weight files: {error}") from error
    folder = os.path.dirname(path)
    found = []
    for name in sorted(names):
        if os.path.basename(name) != name or name in ("", ".", ".."):
            raise ValueError(f"'{path}' names the file '{name}' outside its folder: refused.")
        full = os.path.join(folder, name)
        if not os.path.exists(full):
            raise missing_file(full)
        found.append(full)
    return found


def restore(
    model: Any,
    file: WeightFile,
    path: str,
    skip_mismatch: bool = False,
    objects_to_skip: tuple = (),
) -> LoadReport:
    """Assign what a file holds to a model's variables; see `load_weights`."""
    report = LoadReport()
    values: list[tuple[Any, Any]] = []  # variable, Dataset or array
    problems: list[str] = []
    own_way: list[tuple[str, Any]] = []
    taken: set[str] = set()
    skip = {id(obj) for obj in objects_to_skip}
    for place, obj in walk(model):
        taken.add(place)
        if id(obj) in skip:
            report.skipped.append(_describe(obj))
        elif _overrides(obj, "load_own_variables"):
            own_way.append((place, obj))
        else:
            _match(obj, place, file, values, problems, report)
    arrays = []
    for variable, dataset in values:
        try:
            arrays.append((variable, dataset.read()))
        except (OSError, RuntimeError) as error:
            raise ValueError(f"'{path}' is damaged at '{dataset.path}': {error}") from error
    if problems and not skip_mismatch:
        raise ValueError(_cannot(path, model, problems))
    updates: dict[Any, Any] = {}
    for place, obj in own_way:
        # The object assigns as it likes; its assignments are caught, and made below.
        with StatelessScope() as scope:
            try:
                obj.load_own_variables(file.store(place))
            except Exception as error:
                problems.append(f"{_describe(obj)}: {error}")
                continue
        updates |= scope.updates
    if problems:
        if not skip_mismatch:
            raise ValueError(_cannot(path, model, problems))
        warnings.warn(
            f"Loaded '{path}' without what does not fit:\n" + "\n".join(problems), stacklevel=3
        )
        report.skipped += problems
    for variable, value in [*arrays, *updates.items()]:
        variable.assign(value)
        report.loaded.append(variable.path)
    report.unused = sorted(
        dataset.path
        for place, datasets in file.groups.items() if place not in taken
        for dataset in datasets.values()
    )
    return report


def _match(
    obj: Any, place: str, file: WeightFile, values: list, problems: list[str], report: LoadReport
) -> None:
    """Pair an object's variables with arrays of the file, or say why not."""
    datasets = file.groups.get(place, {})
    variables = own_variables(obj)
    mine: list[str] = []
    if len(variables) == len(datasets) and all(
        str(i) in datasets for i in range(len(variables))
    ):
        pairs = [(variable, datasets[str(i)]) for i, variable in enumerate(variables)]
        for variable, dataset in pairs:
            if tuple(variable.shape) != dataset.shape:
                report.differing.append((variable.path, tuple(variable.shape), dataset.shape))
                mine.append(
                    f"'{variable.path}' has the shape {tuple(variable.shape)}, "
                    f"'{dataset.path}' in the file {dataset.shape}"
                )
        if not mine:
            values += pairs
            return
    else:
        report.missing += [v.path for v in variables[len(datasets):]]
        have = ", ".join(f"{v.name} {tuple(v.shape)}" for v in variables) or "none"
        there = ", ".join(str(d.shape) for d in datasets.values()) or "none"
        text = (
            f"{_describe(obj)} has {len(variables)} variables ({have}); the file has "
            f"{len(datasets)} under '{place}/vars' ({there})"
        )
        if not variables and getattr(obj, "built", True) is False:
            text += ". It is not built: call the model on data, or `build` it, before loading"
        mine.append(text)
    if is_optimizer(obj):
        if datasets:  # a file without optimizer state is no fault
            warnings.warn(
                f"The state of the optimizer was not loaded: {'; '.join(mine)}.", stacklevel=5
            )
            report.skipped += mine
    else:
        problems += mine


def _describe(obj: Any) -> str:
    return f"{type(obj).__name__} '{getattr(obj, 'path', getattr(obj, 'name', '?'))}'"


def _cannot(path: str, model: Any, problems: list[str]) -> str:
    return (
        f"The weights in '{path}' do not fit {_describe(model)}; nothing was changed.\n"
        + "\n".join(f"  {text}" for text in problems)
        + "\nMake the model as it was saved, or pass `skip_mismatch=True` to load the rest."
    )
