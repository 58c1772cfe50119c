"""`KerasFileEditor`: the weights in a file looked at, renamed, taken out and put in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from highlevel.saving.archive import missing_file, open_archive
from highlevel.saving.atomic import replacing_file
from highlevel.saving.errors import FileError, reading
from highlevel.saving.h5 import WeightFile, open_weights, write_weights
from highlevel.saving.walk import own_variables, walk

__all__ = ["KerasFileEditor"]


class KerasFileEditor:
    """Looks at the weights in a file, changes what is there, and writes them to a new file.

    For weights of a model whose architecture has changed since. The file itself is never
    changed. What it holds is checked as when it is loaded.

    Args:
        filepath: a `.keras` or `.weights.h5` file.

    Attributes:
        weights_dict: nested dictionaries by the objects' places in the model; an object's own
            arrays stand beside its children, under `"0"`, `"1"`, ...
        object_metadata: place, `/layers/dense` → `{"name": ...}`.
        metadata, config: what a `.keras` file says about itself and the model; None for
            files of weights.

    Raises:
        FileNotFoundError: there is no such file.
        FileError: another ending, a damaged file, or one that holds what is refused.

    >>> import pathlib, tempfile
    >>> import highlevel as hl
    >>> model = hl.Sequential([hl.Input((2,)), hl.layers.Dense(3, name="a")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "m.weights.h5")
    ...     model.save_weights(path)
    ...     editor = hl.saving.KerasFileEditor(path)  # doctest: +ELLIPSIS
    ...     editor.rename_object("dense", "dense_7")
    ...     editor.summary()
    Weights file '...m.weights.h5'
    Weights structure
      layers
        dense_7 ('a')
          0: shape (2, 3), float32
          1: shape (3,), float32
    """

    def __init__(self, filepath: Any) -> None:
        self.filepath = path = os.fspath(filepath)
        self.metadata: Any = None
        self.config: Any = None
        self.model: Any = None
        with reading(path):
            if path.endswith(".keras"):
                with open_archive(path) as archive:
                    self.config = archive.json("config.json", path)
                    if "metadata.json" in archive.names():
                        self.metadata = archive.json("metadata.json", path)
                    if "model.weights.h5" not in archive.names():
                        raise FileError(f"'{path}' holds no weights.")
                    with archive.open("model.weights.h5") as source, \
                            open_weights([(path, source)]) as file:
                        self._take(file)
            elif path.endswith(".weights.h5"):
                if not os.path.exists(path):
                    raise missing_file(path)
                with open_weights([(path, path)]) as file:
                    self._take(file)
            else:
                raise FileError(
                    f"A file to edit ends in '.keras' or '.weights.h5'; got '{path}'."
                )
        print(f"{'Model' if self.config is not None else 'Weights'} file '{path}'")
        if isinstance(self.metadata, Mapping):
            print(f"Saved with Keras {self.metadata.get('keras_version')} - date: "
                  f"{self.metadata.get('date_saved')}")

    def _take(self, file: WeightFile) -> None:
        self.weights_dict: dict[str, Any] = {}
        self.object_metadata: dict[str, dict[str, Any]] = {}
        for place, datasets in file.groups.items():
            if not datasets:
                continue
            holder = self.weights_dict
            for part in place.split("/") if place else ():
                holder = holder.setdefault(part, {})
            for key, dataset in datasets.items():
                holder[key] = dataset.read()
            if place in file.names:
                self.object_metadata[f"/{place}"] = {"name": file.names[place]}

    # ------------------------------------------------------------------- looking

    def summary(self) -> None:
        """Print what the file holds: objects, and shape and dtype of each array."""
        print("\n".join(["Weights structure", *self._lines(self.weights_dict, "", 1)]))

    def _lines(self, holder: Mapping[str, Any], place: str, depth: int) -> Iterator[str]:
        for key, value in holder.items():
            where = f"{place}/{key}"
            if isinstance(value, Mapping):
                name = self.object_metadata.get(where, {}).get("name")
                yield "  " * depth + key + (f" ({name!r})" if name not in (None, key) else "")
                yield from self._lines(value, where, depth + 1)
            else:
                value = np.asarray(value)
                yield "  " * depth + f"{key}: shape {value.shape}, {value.dtype}"

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Hold the file's weights against a model's, and print where they differ.

        Args:
            reference_model: a built model.

        Returns:
            `{"status": "success" or "error", "error_count": ..., "match_count": ...}`: whether
            all is the same, how many weights and objects differ or stand on one side only,
            and how many weights have the same shape on both.
        """
        reference: dict[str, Any] = {}
        for place, obj in walk(reference_model):
            variables = own_variables(obj)
            if variables:
                holder = reference
                for part in place.split("/") if place else ():
                    holder = holder.setdefault(part, {})
                holder |= {str(i): tuple(v.shape) for i, v in enumerate(variables)}
        problems: list[str] = []
        matches = _compare(self.weights_dict, reference, "", problems)
        for text in problems:
            print(text)
        if problems:
            print(f"Found {len(problems)} {'error' if len(problems) == 1 else 'errors'}: the file "
                  "does not fit the reference model.")
        else:
            print(f"The file fits the reference model: {matches} matching "
                  f"{'weight' if matches == 1 else 'weights'}.")
        return {
            "status": "error" if problems else "success",
            "error_count": len(problems),
            "match_count": matches,
        }

    # ------------------------------------------------------------------- editing

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another name.

        Args:
            object_name: its name where only one has it, `"dense_2"`, or its place,
                `"layers/dense_2"`.
            new_name: a name, no place.

        Raises:
            ValueError: no such object, or several; the new name is a place, or taken.
        """
        if "/" in new_name:
            raise ValueError(f"The new name must be one name, not a path; got {new_name!r}.")
        holder, name, place = self._find(object_name)
        if new_name == name:
            return
        if new_name in holder:
            raise ValueError(f"'{place.rpartition('/')[0]}' has an object '{new_name}' already.")
        entries = [(new_name if key == name else key, value) for key, value in holder.items()]
        holder.clear()
        holder.update(entries)
        new_place = f"{place.rpartition('/')[0]}/{new_name}"
        self.object_metadata = {
            new_place + key[len(place):] if key == place or key.startswith(place + "/") else key:
            value for key, value in self.object_metadata.items()
        }

    def delete_object(self, object_name: str) -> None:
        """Take an object out, with all that is below it.

        Args:
            object_name: its name where only one has it, or its place.

        Raises:
            ValueError: no such object, or several.
        """
        holder, name, place = self._find(object_name)
        del holder[name]
        self.object_metadata = {
            key: value for key, value in self.object_metadata.items()
            if key != place and not key.startswith(place + "/")
        }

    def add_object(self, object_path: str, weights: Mapping[str, Any]) -> None:
        """Put an object in.

        Args:
            object_path: its place, `"layers/dense_2"`; what is above it must be there.
            weights: key → array, `{"0": kernel, "1": bias}`.

        Raises:
            ValueError: `weights` is no dictionary; there is nothing at the place above.
        """
        weights = _as_weights(weights)
        holder = self.weights_dict
        *above, name = object_path.split("/")
        for part in above:
            if not isinstance(holder.get(part), dict):
                raise ValueError(f"There is no '{'/'.join(above)}' in the file{self._hint(part)}.")
            holder = holder[part]
        holder[name] = weights

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Take an array out of an object.

        Args:
            object_name: the object's name where only one has it, or its place.
            weight_name: the array's key, `"0"`.

        Raises:
            ValueError: no such object or array, or several such objects.
        """
        holder, name, _ = self._find(object_name)
        weights = holder[name]
        if not isinstance(weights, dict) or weight_name not in weights:
            held = list(weights) if isinstance(weights, dict) else []
            raise ValueError(
                f"'{object_name}' has no weight '{weight_name}'; it has: "
                f"{', '.join(held) or 'none'}."
            )
        del weights[weight_name]

    def add_weights(self, object_name: str, weights: Mapping[str, Any]) -> None:
        """Put arrays into an object, in the place of those with the same keys.

        Args:
            object_name: the object's name where only one has it, or its place.
            weights: key → array.

        Raises:
            ValueError: no such object, or several; `weights` is no dictionary.
        """
        weights = _as_weights(weights)
        holder, name, _ = self._find(object_name)
        if not isinstance(holder[name], dict):
            raise ValueError(f"'{object_name}' is an array, not an object.")
        holder[name].update(weights)

    def save(self, filepath: Any) -> None:
        """Write the weights as they are now; the file appears whole or not at all.

        Args:
            filepath: path ending in `.weights.h5`.

        Raises:
            ValueError: another ending.
        """
        path = os.fspath(filepath)
        if not path.endswith(".weights.h5"):
            raise ValueError(f"Weights are written to a file '<name>.weights.h5'; got '{path}'.")
        groups: dict[str, tuple[str, dict[str, Any]]] = {}
        waiting: list[tuple[str, Mapping[str, Any]]] = [("", self.weights_dict)]
        while waiting:
            place, holder = waiting.pop()
            arrays = {k: v for k, v in holder.items() if not isinstance(v, Mapping)}
            if arrays:
                name = self.object_metadata.get(place, {}).get("name") or ""
                groups[f"{place}/vars".lstrip("/")] = (name, arrays)
            waiting += [(f"{place}/{k}", v) for k, v in holder.items() if isinstance(v, Mapping)]
        with replacing_file(path) as temporary:
            write_weights(temporary, groups)

    def resave_weights(self, filepath: Any) -> None:
        """The same as `save`."""
        self.save(filepath)

    # ------------------------------------------------------------------- finding

    def _find(self, name: str) -> tuple[dict[str, Any], str, str]:
        """What holds an object, its key there, and its place."""
        if "/" in name:
            holder = self.weights_dict
            *above, last = name.split("/")
            for part in above:
                if not isinstance(holder.get(part), dict):
                    raise ValueError(f"There is no '{name}' in the file{self._hint(part)}.")
                holder = holder[part]
            if last not in holder:
                raise ValueError(f"There is no '{name}' in the file{self._hint(last)}.")
            return holder, last, f"/{name}"
        found = []
        waiting: list[tuple[str, dict[str, Any]]] = [("", self.weights_dict)]
        while waiting:
            place, holder = waiting.pop()
            if name in holder:
                found.append((holder, name, f"{place}/{name}"))
            waiting += [(f"{place}/{k}", v) for k, v in holder.items() if isinstance(v, dict)]
        if not found:
            raise ValueError(f"There is no '{name}' in the file{self._hint(name)}.")
        if len(found) > 1:
            places = ", ".join(place.lstrip("/") for _, _, place in found)
            raise ValueError(
                f"The file has more than one '{name}': {places}. Give the whole path of one."
            )
        return found[0]

    def _hint(self, name: str) -> str:
        import difflib  # only where it fails

        names: list[str] = []
        waiting: list[tuple[str, dict[str, Any]]] = [("", self.weights_dict)]
        while waiting:
            place, holder = waiting.pop()
            for key, value in holder.items():
                if isinstance(value, dict):
                    names.append(f"{place}/{key}".lstrip("/"))
                    waiting.append((f"{place}/{key}", value))
        near = difflib.get_close_matches(name, {n.rpartition("/")[2]: None for n in names}, n=3)
        shown = near or names[:8]
        return f"; it has {', '.join(map(repr, shown))}" if shown else ", which holds nothing"


def _as_weights(weights: Any) -> dict[str, Any]:
    if not isinstance(weights, Mapping):
        raise ValueError(
            "`weights` must be a dictionary of arrays, {'0': kernel, '1': bias}; got "
            f"{type(weights).__name__}."
        )
    return {str(key): np.asarray(value) for key, value in weights.items()}


def _compare(
    here: Mapping[str, Any], there: Mapping[str, Any], place: str, problems: list[str]
) -> int:
    """Note what differs between a file (arrays) and a model (shapes); count what matches."""
    matches = 0
    for key in [*there, *(key for key in here if key not in there)]:
        where = f"{place}/{key}"
        mine, theirs = here.get(key), there.get(key)
        if mine is None or theirs is None:
            value = theirs if mine is None else mine
            kind = "Object" if isinstance(value, Mapping) else "Weight"
            sides = ("reference model", "file") if mine is None else ("file", "reference model")
            inner = f" It holds {', '.join(value)}." if isinstance(value, Mapping) else ""
            problems.append(f"{kind} {where} is in the {sides[0]}, not in the {sides[1]}.{inner}")
        elif isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            matches += _compare(mine, theirs, where, problems)
        elif isinstance(mine, Mapping) or isinstance(theirs, Mapping):
            problems.append(f"{where} is an object on one side and a weight on the other.")
        elif tuple(mine.shape) != theirs:
            problems.append(
                f"Weight {where} has the shape {tuple(mine.shape)} in the file and {theirs} in the "
                "reference model."
            )
        else:
            matches += 1
    return matches
