"""HDF5 files of weights: groups `<place of the object>/vars` of datasets `0`, `1`, ..."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import IO, Any, cast

import numpy as np

__all__ = ["Dataset", "Store", "WeightFile", "open_weights", "write_weights"]

_DEEPEST = 64
_MOST_OBJECTS = 1_000_000
# Compressed arrays may claim to be this many times larger than what is stored.
_EXPANSION = 1000


def write_weights(target: Any, groups: Mapping[str, tuple[str, Mapping[str, Any]]]) -> None:
    """Write arrays to a new file.

    Args:
        target: path, or a binary file open for reading and writing.
        groups: group → `(name of the object, key → array)`.
    """
    import h5py

    with h5py.File(target, "w") as file:
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
    """One array in a file: shape and dtype are known, the values are read on `read()`."""

    def __init__(self, source: Any, path: str) -> None:
        self._source = source
        self.path = path
        self.shape: tuple[int, ...] = tuple(source.shape)
        dtype = source.attrs.get("dtype")
        self.dtype: str = dtype if isinstance(dtype, str) else source.dtype.name

    def read(self) -> np.ndarray:
        """The values.

        Raises:
            ValueError: the file claims more than it holds.
        """
        source = self._source
        stored, claimed = source.id.get_storage_size(), source.nbytes
        if claimed > max(stored, 1024) * _EXPANSION:
            raise ValueError(
                f"The array '{self.path}' claims {claimed:,} bytes (shape {self.shape}) but "
                f"{stored:,} bytes are stored: refused, as it would only fill the memory."
            )
        value = np.asarray(source[()])
        if value.dtype.kind == "V" and self.dtype == "bfloat16":
            # The upper half of a float32's bits; exact, and NumPy needs no help to read it.
            bits = value.view("uint16").astype("uint32") << np.uint32(16)
            return bits.view("float32")
        if value.dtype.kind == "V" and self.dtype.startswith("float8"):
            import ml_dtypes

            return value.view(getattr(ml_dtypes, self.dtype)).astype("float32")
        return value


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

    def add(self, file: Any) -> None:
        """Take in what an open file holds.

        Raises:
            ValueError: links out of the file, virtual or external arrays, too many objects.
        """
        self._seen = 0
        self._add_group(file, (), set())

    def _add_group(self, group: Any, path: tuple[str, ...], above: set) -> None:
        import h5py

        shown = "/".join(path)
        if len(path) > _DEEPEST:
            raise ValueError(f"Groups are nested deeper than {_DEEPEST} levels at '{shown}'.")
        address = cast(Any, h5py).h5o.get_info(group.id).addr  # in Cython, without types
        if address in above:
            raise ValueError(f"The group '{shown}' contains itself.")
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
                raise ValueError(f"It holds more than {_MOST_OBJECTS:,} objects.")
            where = f"{shown}/{key}"
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise ValueError(
                    f"'{where}' is a link to another place or file; links are not followed."
                )
            child = group[key]
            if isinstance(child, h5py.Group):
                self._add_group(child, (*path, key), above)
            elif isinstance(child, h5py.Dataset):
                if child.is_virtual or child.external:
                    raise ValueError(
                        f"The array '{where}' is taken from other files; that is refused."
                    )
                if child.dtype.hasobject and child.dtype.kind != "O":
                    raise ValueError(f"The array '{where}' holds references.")
                place = "/".join(path[:-1]) if path and path[-1] == "vars" else shown
                self.groups.setdefault(place, {})[key] = Dataset(child, where)

    def store(self, group: str) -> Store:
        """The arrays of a group, none where it does not exist."""
        return Store(self.groups.get(group, {}))


@contextlib.contextmanager
def open_weights(sources: list[tuple[str, str | IO[bytes]]]) -> Iterator[WeightFile]:
    """Open files of weights for reading.

    Args:
        sources: `(name for messages, path or binary file)` pairs.

    Raises:
        ValueError: a file is damaged, or holds what is not read from files.
    """
    import h5py

    with contextlib.ExitStack() as stack:
        result = WeightFile()
        for name, source in sources:
            try:
                file = stack.enter_context(h5py.File(source, "r"))
            except OSError as error:
                raise ValueError(_why_unreadable(name, source, error)) from error
            try:
                result.add(file)
            except ValueError as error:
                raise ValueError(f"'{name}' is refused. {error}") from None
            except (RuntimeError, OSError, KeyError) as error:
                raise ValueError(f"'{name}' is damaged: {error}") from error
        yield result


def _why_unreadable(name: str, source: Any, error: OSError) -> str:
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
    return f"'{name}' is damaged, or was only partly written: {error}"
