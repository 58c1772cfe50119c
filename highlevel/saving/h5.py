"""HDF5 files of weights: groups `<place of the object>/vars` of datasets `0`, `1`, ..."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping
from typing import IO, Any, cast

import numpy as np

from highlevel.saving.errors import FileError
from highlevel.saving.h5_structure import check_structure
from highlevel.saving.sink import hdf5_file

__all__ = [
    "Dataset", "Store", "WeightFile", "open_hdf5", "open_weights", "write_weights",
]

_DEEPEST = 64
_MOST_OBJECTS = 1_000_000
# Compressed arrays may claim to be this many times larger than what is stored, and all of
# a file's together this many times larger than the file.
_EXPANSION = 1000
_LARGEST_ATTRIBUTE = 256 * 2**20
_TOGETHER, _FREE = 200, 64 * 2**20


def write_weights(target: Any, groups: Mapping[str, tuple[str, Mapping[str, Any]]]) -> None:
    """Write arrays to a new file.

    Args:
        target: path, or a binary file open for reading and writing.
        groups: group → `(name of the object, key → array)`.
    """
    with hdf5_file(target) as file:
        for group, (name, arrays) in groups.items():
            place = file.create_group(group)
            if name:
                place.attrs["name"] = name
            for key, value in arrays.items():
                _write_array(place, str(key), value)


def _write_array(group: Any, key: str, value: Any) -> None:
    array = np.asarray(value)
    if array.dtype.kind == "V":  # bfloat16 and float8: bits, with the dtype's name beside
        dataset = group.create_dataset(key, data=array.view(f"V{array.dtype.itemsize}"))
        dataset.attrs["dtype"] = array.dtype.name
    else:
        group.create_dataset(key, data=array)


class Dataset:
    """One array in a file: shape and dtype are known, the values are read on `read()`.

    Attributes:
        shape, dtype: of the array; the dtype is the one that was saved, `bfloat16` too.
        nbytes: of the values in memory.

    Raises:
        FileError: its values lie in other files, or are references.
    """

    def __init__(self, source: Any, path: str) -> None:
        import h5py

        self._source = source
        self.path = path
        identity = source.id  # each question to `source` itself opens the array anew
        layout = identity.get_create_plist()
        if layout.get_layout() == h5py.h5d.VIRTUAL or layout.get_external_count():
            raise FileError(f"The array '{path}' is taken from other files; that is refused.")
        self._stored_as = np.dtype(identity.dtype)
        if self._stored_as.hasobject and self._stored_as.kind != "O":
            raise FileError(f"The array '{path}' holds references.")
        self.shape: tuple[int, ...] = tuple(identity.shape or ())
        self.nbytes = math.prod(self.shape) * self._stored_as.itemsize
        dtype = source.attrs["dtype"] if h5py.h5a.exists(identity, b"dtype") else None
        self.dtype: str = dtype if isinstance(dtype, str) else self._stored_as.name

    @property
    def in_proportion(self) -> bool:
        """Whether it does not claim far more than what is stored."""
        stored = self._source.id.get_storage_size()
        return self.nbytes <= max(stored, 1024) * _EXPANSION

    def check(self) -> None:
        """Whether the values may be read.

        Raises:
            FileError: they claim to be far more than what is stored.
        """
        if not self.in_proportion:
            raise FileError(
                f"The array '{self.path}' claims {self.nbytes:,} bytes (shape {self.shape}) but "
                f"{self._source.id.get_storage_size():,} bytes are stored: refused, as it would "
                "only fill the memory."
            )

    def read(self) -> np.ndarray:
        """The values.

        Raises:
            FileError: the file claims more than it holds, or is damaged.
        """
        self.check()
        if self._stored_as.kind == "O" and self.shape:
            # One string in the file can stand for a million entries.
            raise FileError(f"The array '{self.path}' holds strings of any length: refused.")
        try:
            if self._stored_as.kind == "O":
                value = np.asarray(self._source[()])
            else:
                value = aligned(self.shape, self._stored_as)
                if value.size:
                    self._source.read_direct(value)
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise FileError(f"The array '{self.path}' is damaged: {error}") from error
        if value.dtype.kind == "V" and self.dtype == "bfloat16" and value.dtype.itemsize == 2:
            # The upper half of a float32's bits; exact, and NumPy needs no help to read it.
            bits = value.view("uint16").astype("uint32") << np.uint32(16)
            return bits.view("float32")
        if value.dtype.kind == "V" and self.dtype.startswith("float8"):
            import ml_dtypes

            kind = getattr(ml_dtypes, self.dtype, None)
            if kind is not None and value.dtype.itemsize == 1:
                return value.view(kind).astype("float32")
        if value.dtype.kind == "V":
            raise FileError(f"The array '{self.path}' has the dtype '{self.dtype}': not known.")
        return value


def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Memory for an array that begins at a multiple of 64 bytes, so that a backend can adopt it."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start:start + size].view(dtype).reshape(shape)


class Store(Mapping):
    """The arrays of one group, by key, as `load_own_variables` takes them."""

    def __init__(self, datasets: Mapping[str, Dataset]) -> None:
        self.datasets = datasets

    def __getitem__(self, key: Any) -> np.ndarray:
        return self.datasets[str(key)].read()

    def __iter__(self) -> Iterator[str]:
        return iter(self.datasets)

    def __len__(self) -> int:
        return len(self.datasets)


class WeightFile:
    """What one or several open HDF5 files hold.

    Attributes:
        groups: group, without `/vars` at its end → key → `Dataset`.
        names: group → name of the object that was saved there.
    """

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, Dataset]] = {}
        self.names: dict[str, str] = {}
        self._room = 0
        self._files: list[Any] = []

    def add(self, file: Any) -> None:
        """Take in what an open file holds.

        Raises:
            FileError: links out of the file, virtual or external arrays, too many objects.
        """
        self._seen = 0
        self._room = _FREE + _TOGETHER * file.id.get_filesize()
        self._add_group(file, (), set())
        self._files.append(file)

    def _add_group(self, group: Any, path: tuple[str, ...], above: set) -> None:
        import h5py

        shown = "/".join(path)
        if len(path) > _DEEPEST:
            raise FileError(f"Groups are nested deeper than {_DEEPEST} levels at '{shown}'.")
        address = cast(Any, h5py).h5o.get_info(group.id).addr  # in Cython, without types
        if address in above:
            raise FileError(f"The group '{shown}' contains itself.")
        above = above | {address}
        if path and path[-1] == "vars":
            name = group.attrs.get("name")
            place = "/".join(path[:-1])
            self.groups.setdefault(place, {})
            if isinstance(name, str):
                self.names[place] = name
        for key in group:
            self._seen += 1
            if self._seen > _MOST_OBJECTS:
                raise FileError(f"It holds more than {_MOST_OBJECTS:,} objects.")
            where = f"{shown}/{key}"
            name = key.encode("utf-8", "surrogateescape")
            if group.id.links.get_info(name).type != cast(Any, h5py).h5l.TYPE_HARD:
                raise FileError(
                    f"'{where}' is a link to another place or file; links are not followed."
                )
            child = group[key]
            if isinstance(child, h5py.Group):
                self._add_group(child, (*path, key), above)
            elif isinstance(child, h5py.Dataset):
                dataset = Dataset(child, where)
                place = "/".join(path[:-1]) if path and path[-1] == "vars" else shown
                self._count(dataset)
                self.groups.setdefault(place, {})[key] = dataset

    def _count(self, dataset: Dataset) -> None:
        """All arrays together must be in proportion to the file."""
        if dataset.in_proportion:  # else it is refused when it is read
            self._room -= dataset.nbytes
        if self._room < 0:
            raise FileError(
                f"The arrays up to '{dataset.path}' claim far more bytes than the file has: "
                "refused, as they would only fill the memory."
            )

    def attribute(self, group: str, *names: str) -> Any:
        """The first of several attributes that a group has, None where it has none of them.

        Raises:
            FileError: it is larger than any attribute that is written, or damaged.
        """
        for file in self._files:
            place = file.get(group) if group else file
            for name in names:
                shown = f"The attribute '{name}' of '{group or '/'}'"
                try:
                    if place is None or name not in place.attrs:
                        continue
                    kind = place.attrs.get_id(name)
                    size = math.prod(kind.shape) * kind.dtype.itemsize
                    if size > _LARGEST_ATTRIBUTE:
                        raise FileError(f"{shown} claims {size:,} bytes: refused.")
                    return place.attrs[name]
                except (OSError, RuntimeError, TypeError, KeyError) as error:
                    raise FileError(f"{shown} is damaged: {error}") from error
        return None

    def dataset(self, path: str) -> Dataset | None:
        """The array at a path, None where there is none."""
        group, _, key = path.rpartition("/")
        place = "" if group == "vars" else group.removesuffix("/vars")
        return self.groups.get(place, {}).get(key)

    def store(self, group: str) -> Store:
        """The arrays of a group, none where it does not exist."""
        return Store(self.groups.get(group, {}))


@contextlib.contextmanager
def open_hdf5(name: str, source: str | IO[bytes]) -> Iterator[Any]:
    """Open an HDF5 file for reading, after a look at its structure.

    Links in it are not to be followed, and arrays to be read only as a `Dataset`.

    Args:
        name: for messages.
        source: path, or binary file.

    Yields:
        An `h5py.File`.

    Raises:
        FileError: it is damaged, or no HDF5 file.
    """
    import h5py

    try:
        if isinstance(source, str):
            with open(source, "rb") as file:
                check_structure(file, name)
        else:
            check_structure(source, name)
            source.seek(0)
    except FileError as error:
        raise FileError(_why_unreadable(name, source, error)) from error
    try:
        opened = h5py.File(source, "r")
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise FileError(_why_unreadable(name, source, error)) from error
    with opened:
        yield opened


@contextlib.contextmanager
def open_weights(sources: list[tuple[str, str | IO[bytes]]]) -> Iterator[WeightFile]:
    """Open files of weights for reading.

    Args:
        sources: `(name for messages, path or binary file)` pairs.

    Raises:
        FileError: a file is damaged, or holds what is not read from files.
    """
    with contextlib.ExitStack() as stack:
        result = WeightFile()
        for name, source in sources:
            file = stack.enter_context(open_hdf5(name, source))
            try:
                result.add(file)
            except FileError as error:
                raise FileError(f"'{name}' is refused. {error}") from None
            except (RuntimeError, OSError, KeyError, ValueError, TypeError) as error:
                raise FileError(f"'{name}' is damaged: {error}") from error
        yield result


def _why_unreadable(name: str, source: Any, error: Exception) -> str:
    size = os.path.getsize(source) if isinstance(source, str) else None
    if size == 0:
        return f"'{name}' is empty: it was never written to the end."
    start = b""
    if isinstance(source, str):
        with open(source, "rb") as file:
            start = file.read(8)
    if start and start != b"\x89HDF\r\n\x1a\n":
        kind = "a zip archive, as `.keras` files are" if start[:2] == b"PK" else "no HDF5 file"
        return f"'{name}' is {kind}; files of weights are HDF5."
    if isinstance(error, FileError):
        return str(error)
    return f"'{name}' is damaged, or was only partly written: {error}"
