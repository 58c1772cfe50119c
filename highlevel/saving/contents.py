"""`inspect_file`: what a file would build, without building it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from highlevel.saving.archive import missing_file, open_archive
from highlevel.saving.errors import FileError, reading
from highlevel.saving.h5 import open_weights
from highlevel.serialization import registry, table

__all__ = ["ArrayInfo", "FileContents", "ObjectInfo", "inspect_file"]

_HEADER = 100_000_000
_OPS = ("keras.src.ops.", "highlevel.ops.", "keras.src.activations.")


@dataclass(frozen=True)
class ArrayInfo:
    """An array in a file: its path there, shape, dtype and bytes."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    nbytes: int


@dataclass(frozen=True)
class ObjectInfo:
    """An object that a configuration describes.

    Attributes:
        path: names from the model down to it.
        class_name, module, registered_name: as the file names its class.
        source: `"built in"`, `"registered"` (by your program), `"op"`, or `"unknown"`.
        config: the arguments it would be made with.
        shapes: the shapes it was built with, where the file tells.
    """

    path: str
    class_name: str
    module: str | None
    registered_name: str | None
    source: str
    config: Any = field(repr=False)
    shapes: Any = None


@dataclass(frozen=True)
class FileContents:
    """What a file holds; printed, it is a readable overview.

    Attributes:
        path, kind, size: the file, `"model"`, `"folder"`, `"weights"`, `"weight list"`,
            `"older model"` or `"safetensors"`, and its bytes on the disk.
        metadata: what the file says about itself: versions, date.
        model: class of the whole model, None for weights alone.
        objects: `ObjectInfo` of the model and every object below it.
        arrays: `ArrayInfo` of every array, an optimizer's state too.
        compile_config: how the model was compiled, as the file has it.
        assets: name → bytes of vocabularies and the like.
        refusals: in words, what `load_model` will not do with this file as it is.
    """

    path: str
    kind: str
    size: int
    metadata: dict[str, Any] = field(default_factory=dict)
    model: str | None = None
    objects: list[ObjectInfo] = field(default_factory=list)
    arrays: list[ArrayInfo] = field(default_factory=list)
    compile_config: Any = None
    assets: dict[str, int] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        """Names of the classes that would be made."""
        return sorted({item.class_name for item in self.objects})

    @property
    def unknown(self) -> list[str]:
        """Classes that are neither built in nor registered, as `module.name`."""
        return sorted({
            f"{item.module}.{item.class_name}" if item.module else item.class_name
            for item in self.objects if item.source == "unknown"
        })

    @property
    def parameters(self) -> int:
        """Numbers in the arrays, without an optimizer's state."""
        return sum(math.prod(array.shape) for array in self.arrays if not _of_optimizer(array))

    @property
    def nbytes(self) -> int:
        """Bytes that all arrays take in memory."""
        return sum(array.nbytes for array in self.arrays)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, which JSON can hold."""
        return asdict(self) | {
            "classes": self.classes, "unknown": self.unknown, "parameters": self.parameters,
            "nbytes": self.nbytes,
        }

    def __repr__(self) -> str:
        return "\n".join(_overview(self))

    __str__ = __repr__


def inspect_file(filepath: Any) -> FileContents:
    """What a file would build and load, without building or loading it.

    Nothing of the file is run and no class is made; arrays are described, not read. The checks
    are those of loading.

    Args:
        filepath: a `.keras` file or folder, `.weights.h5`, `.weights.json`, `.safetensors`, or
            `.h5` file.

    Returns:
        A `FileContents`.

    Raises:
        FileNotFoundError: no such file; names similar ones.
        FileError: it is damaged, of another kind, or holds what is refused.

    >>> import pathlib, tempfile
    >>> import highlevel as hl
    >>> model = hl.Sequential([hl.Input((2,)), hl.layers.Dense(3, name="a")], name="m")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "m.keras")
    ...     model.save(path)
    ...     found = inspect_file(path)
    >>> found.model, found.parameters, found.unknown
    ('Sequential', 9, [])
    >>> found.arrays[0]
    ArrayInfo(path='layers/dense/vars/0', shape=(2, 3), dtype='float32', nbytes=24)
    """
    path = os.fspath(filepath)
    if not os.path.exists(path):
        raise missing_file(path)
    with reading(path):
        if path.endswith(".keras") or os.path.isdir(path):
            return _archive(path)
        if path.endswith(".safetensors"):
            return _safetensors(path)
        if path.endswith(".weights.json"):
            return _shards(path)
        if path.endswith(".weights.h5"):
            return FileContents(path, "weights", os.path.getsize(path), arrays=_arrays([path]))
        if path.endswith((".h5", ".hdf5")):
            return _older(path)
        raise FileError(
            "Files that can be looked into end in '.keras', '.weights.h5', '.weights.json', "
            f"'.safetensors' or '.h5'; got '{path}'."
        )


# ------------------------------------------------------------------ kinds of files


def _archive(path: str) -> FileContents:
    with open_archive(path) as archive:
        names = archive.names()
        config = archive.json("config.json", path)
        if not isinstance(config, dict) or "class_name" not in config:
            raise FileError(f"'config.json' in '{path}' does not describe a model.")
        metadata = archive.json("metadata.json", path) if "metadata.json" in names else {}
        arrays: list[ArrayInfo] = []
        if "model.weights.h5" in names:
            with archive.open("model.weights.h5") as source, open_weights([(path, source)]) as file:
                arrays = _described(file)
        assets = {
            name: archive.size(name) for name in names
            if name.startswith("assets/") and not name.endswith("/")
        }
    size = os.path.getsize(path) if os.path.isfile(path) else sum(
        os.path.getsize(os.path.join(folder, name))
        for folder, _, files in os.walk(path) for name in files
    )
    kind = "model" if os.path.isfile(path) else "folder"
    return _of_config(path, kind, size, metadata, config, arrays, assets)


def _of_config(
    path: str, kind: str, size: int, metadata: Any, config: dict[str, Any],
    arrays: list[ArrayInfo], assets: dict[str, int],
) -> FileContents:
    refusals: list[str] = []
    objects = list(_objects(config, refusals))
    return FileContents(
        path, kind, size, metadata if isinstance(metadata, dict) else {},
        str(config["class_name"]), objects, arrays, config.get("compile_config"), assets, refusals,
    )


def _older(path: str) -> FileContents:
    """A model in one HDF5 file, as Keras 2 wrote them; or weights in that layout."""
    size = os.path.getsize(path)
    with open_weights([(path, path)]) as file:
        arrays = _described(file)
        texts = {
            name: file.attribute("", name)
            for name in ("model_config", "training_config", "keras_version", "backend")
        }
    texts = {
        name: value.decode("utf-8") if isinstance(value, bytes) else value
        for name, value in texts.items()
    }
    if texts["model_config"] is None:
        return FileContents(path, "weights", size, arrays=arrays)
    metadata = {
        name: texts[name] for name in ("keras_version", "backend") if isinstance(texts[name], str)
    }
    config = json.loads(texts["model_config"])
    if not isinstance(config, dict) or "class_name" not in config:
        raise FileError(f"The configuration in '{path}' does not describe a model.")
    if texts["training_config"] is not None:
        config["compile_config"] = json.loads(texts["training_config"])
    return _of_config(path, "older model", size, metadata, config, arrays, {})


def _shards(path: str) -> FileContents:
    with open(path, encoding="utf-8") as file:
        listing = json.load(file)
    names = {name for part in listing["weight_map"].values() for name in part}
    folder, full = os.path.dirname(path), []
    for name in sorted(names, key=str):
        if not isinstance(name, str) or os.path.basename(name) != name or name in ("", ".", ".."):
            raise FileError(f"'{path}' names the file {name!r} outside its folder: refused.")
        full.append(os.path.join(folder, name))
        if not os.path.exists(full[-1]):
            raise missing_file(full[-1])
    size = os.path.getsize(path) + sum(os.path.getsize(name) for name in full)
    metadata = listing.get("metadata")
    return FileContents(
        path, "weight list", size, metadata if isinstance(metadata, dict) else {},
        arrays=_arrays(full),
    )


def _safetensors(path: str) -> FileContents:
    """The header alone is read: a length, and JSON."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(_HEADER, size - 8):
            raise FileError(
                f"'{path}' is no safetensors file, or is damaged or only partly written: its "
                f"header should have {length:,} bytes, and the file has {size:,}."
            )
        header = json.loads(file.read(length).decode("utf-8"))
    metadata = header.pop("__metadata__", None)
    metadata = metadata if isinstance(metadata, dict) else {}
    arrays = []
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        shape = tuple(int(n) for n in entry["shape"])
        if not 0 <= first <= last <= size - 8 - length or any(n < 0 for n in shape):
            raise FileError(f"The array '{name}' in '{path}' should lie outside the file.")
        arrays.append(ArrayInfo(name, shape, _numpy_name(str(entry["dtype"])), last - first))
    return FileContents(path, "safetensors", size, metadata, arrays=arrays)


def _numpy_name(dtype: str) -> str:
    if dtype == "BF16":
        return "bfloat16"
    kinds = {"F": "float", "I": "int", "U": "uint", "C": "complex"}
    if dtype == "BOOL":
        return "bool"
    return kinds[dtype[0]] + dtype[1:].lower() if dtype[:1] in kinds else dtype


def _arrays(paths: list[str]) -> list[ArrayInfo]:
    with open_weights([(path, path) for path in paths]) as file:
        return _described(file)


def _described(file: Any) -> list[ArrayInfo]:
    return [
        ArrayInfo(d.path, d.shape, d.dtype, d.nbytes)
        for datasets in file.groups.values() for d in datasets.values()
    ]


# -------------------------------------------------------------------- configurations


def _objects(config: Any, refusals: list[str]) -> Iterator[ObjectInfo]:
    """Every object of a configuration, from the outside in; what will be refused is noted."""
    waiting: list[tuple[str, Any]] = [("", config)]  # the next one is the last

    def inside(path: str, parts: Any) -> None:
        waiting.extend(
            (path, part) for part in reversed(list(parts))
            if isinstance(part, (Mapping, list, tuple))
        )

    while waiting:
        path, item = waiting.pop()
        if not isinstance(item, Mapping):
            inside(path, item)
            continue
        class_name, inner = item.get("class_name"), item.get("config")
        if not isinstance(class_name, str) or "config" not in item:
            inside(path, item.values())
            continue
        if class_name == "__lambda__":
            refusals.append(f"'{path}' holds a lambda as bytecode, which is never run")
            continue
        if class_name.startswith("__"):
            continue
        name = inner.get("name") if isinstance(inner, Mapping) else None
        if class_name == "function":
            name = str(inner)
        where = f"{path}/{name or class_name}".lstrip("/")
        module = item.get("module") if isinstance(item.get("module"), str) else None
        registered = item.get("registered_name")
        registered = registered if isinstance(registered, str) else None
        if class_name == "function":
            source = _function_source(str(inner))
        else:
            source = _source(module, class_name, registered)
        if source == "unknown":
            shown = f"{module}.{class_name}" if module else class_name
            refusals.append(
                f"'{where}' is of the class {shown if class_name != 'function' else inner}, which "
                "is not known here; pass it in `custom_objects` or register it"
            )
        if isinstance(inner, Mapping) and isinstance(inner.get("vocabulary"), str):
            refusals.append(f"'{where}' would read the file {inner['vocabulary']!r}")
        if class_name != "function":
            yield ObjectInfo(
                where, class_name, module, registered, source, inner, item.get("build_config")
            )
        inside(where, [inner, item.get("compile_config")])


def _source(module: str | None, class_name: str, registered: str | None) -> str:
    if registry.find_custom(registered, class_name) is not None:
        return "registered"
    if module is not None and (module + ".").startswith(_OPS):
        return "op"
    may_be_built_in = module is not None or registered in (None, class_name)
    if may_be_built_in and table.builtin_class(module, class_name) is not None:
        return "built in"
    return "registered" if registry.find_written(module, class_name) is not None else "unknown"


def _function_source(name: str) -> str:
    if registry.find_custom(name, name) is not None:
        return "registered"
    if table.builtin_function(name) is not None:
        return "built in"
    return "registered" if registry.find_written("builtins", name) is not None else "unknown"


# ------------------------------------------------------------------------- overview


def _of_optimizer(array: ArrayInfo) -> bool:
    return array.path.lstrip("/").startswith(("optimizer/", "optimizer_weights/"))


def _bytes(count: int) -> str:
    size, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def _overview(contents: FileContents) -> Iterator[str]:
    said = [
        f"{label} {contents.metadata[key]}"
        for key, label in (("keras_version", "Keras"), ("saved_by", "saved by"),
                           ("date_saved", "on"))
        if isinstance(contents.metadata.get(key), str)
    ]
    yield f"{contents.path}: {contents.kind}, {_bytes(contents.size)}" + (
        f" ({', '.join(said)})" if said else "")
    state = sum(map(_of_optimizer, contents.arrays))
    yield (f"  {len(contents.arrays) - state} arrays, {contents.parameters:,} parameters"
           + (f"; {state} arrays of an optimizer" if state else "")
           + f"; {_bytes(contents.nbytes)} in memory")
    if contents.model:
        yield f"  {contents.model} of {len(contents.objects)} objects: " + ", ".join(
            contents.classes)
    if contents.compile_config:
        given = contents.compile_config
        yield "  compiled: " + ", ".join(
            f"{key}={_short(given[key])}" for key in ("optimizer", "loss", "metrics")
            if isinstance(given, Mapping) and given.get(key)
        )
    for name, size in contents.assets.items():
        yield f"  {name}: {_bytes(size)}"
    for text in contents.refusals:
        yield f"  refused: {text}"
    for array in contents.arrays[:200]:
        yield f"  {array.path}  {array.shape}  {array.dtype}"
    if len(contents.arrays) > 200:
        yield f"  ... and {len(contents.arrays) - 200} arrays more"


def _short(value: Any) -> str:
    if isinstance(value, Mapping) and isinstance(value.get("class_name"), str):
        inner = value.get("config")
        return inner if value["class_name"] == "function" and isinstance(inner, str) \
            else value["class_name"]
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_short(item) for item in value) + "]"
    return str(value) if len(str(value)) < 60 else str(value)[:57] + "..."
