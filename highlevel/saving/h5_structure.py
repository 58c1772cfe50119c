"""The skeleton of an HDF5 file, checked before the HDF5 library is let near it.

The library trusts addresses and sizes in a file more than is good: of files with a few
changed bytes about one in six hundred made it loop forever. So everything that is
followed - group trees, name heaps, object headers, heaps of strings, chunk trees - is
first followed here, where it has to lie in the file, end, and not come back to itself.

This is for files with superblock 0 or 1, which h5py writes unless told otherwise. Those
of later versions (`libver="latest"`) carry check sums in every part of their skeleton,
which the library itself verifies.

Format: "HDF5 File Format Specification Version 3.0", sections II to IV.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

from highlevel.saving.errors import FileError

__all__ = ["check_structure"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_NOWHERE = 2**64 - 1
_MOST = 2_000_000
_SYMBOL_TABLE, _CONTINUATION, _LAYOUT, _ATTRIBUTE = 0x11, 0x10, 0x08, 0x0C
_LINK_INFO, _LINK = 0x02, 0x06
_VARIABLE_LENGTH = 9


class _Damaged(Exception):
    """Something in the file points where it must not."""


def check_structure(file: IO[bytes], name: str) -> None:
    """Follow the skeleton of an HDF5 file.

    Args:
        file: open for reading, seekable; its position is left anywhere.
        name: for messages.

    Raises:
        FileError: it is no HDF5 file, or its skeleton is damaged.
    """
    try:
        _Walk(file).all()
    except (_Damaged, struct.error, IndexError) as error:
        raise FileError(
            f"'{name}' is damaged, or was only partly written: {error or 'it ends too early'}."
        ) from error


class _Walk:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        self._seen: set[tuple[str, int]] = set()

    def _read(self, address: int, size: int) -> bytes:
        if address + size > self._size:
            raise _Damaged(
                f"it refers to the bytes {address:,} to {address + size:,}, and ends at "
                f"{self._size:,}"
            )
        self._file.seek(address)
        data = self._file.read(size)
        if len(data) != size:
            raise _Damaged(f"it ends within the bytes {address:,} to {address + size:,}")
        return data

    def _first_time(self, kind: str, address: int) -> bool:
        """Whether something is met for the first time; counts what is met."""
        if (kind, address) in self._seen:
            return False
        if len(self._seen) >= _MOST:
            raise _Damaged(f"it has more than {_MOST:,} parts")
        self._seen.add((kind, address))
        return True

    def _once(self, kind: str, address: int) -> None:
        if not self._first_time(kind, address):
            raise _Damaged(f"the {kind} at {address:,} leads back to itself")

    def all(self) -> None:
        start = self._read(0, 16)
        if start[:8] != _SIGNATURE:
            raise _Damaged("it does not begin as HDF5 files do")
        version = start[8]
        if version > 1:
            return
        if start[13:15] != b"\x08\x08":
            raise _Damaged(f"its addresses have {start[13]} and its sizes {start[14]} bytes")
        place = 24 if version == 0 else 28
        base, _, end, _ = struct.unpack("<4Q", self._read(place, 32))
        if base:
            raise _Damaged("it does not start at its own beginning")
        if end > self._size:
            raise _Damaged(f"it should have {end:,} bytes and has {self._size:,}")
        _, root = struct.unpack("<2Q", self._read(place + 32, 16))
        self._cached_table(self._read(place + 48, 24))
        waiting = [root]
        while waiting:
            address = waiting.pop()
            if self._first_time("object", address):
                waiting += self._object(address)

    # ------------------------------------------------------------------- objects

    def _object(self, address: int) -> list[int]:
        """Check an object; addresses of the objects in it, where it is a group."""
        head = self._read(address, 16)
        if head[:4] == b"OHDR":  # a later kind of header, with a check sum of its own
            return []
        if head[0] != 1:
            raise _Damaged(f"the object at {address:,} has a header of version {head[0]}")
        children: list[int] = []
        for kind, flags, data in self._messages(address + 16, struct.unpack("<I", head[8:12])[0]):
            if flags & 2:
                continue  # it is kept elsewhere
            if kind == _SYMBOL_TABLE:
                tree, heap = struct.unpack("<2Q", data[:16])
                names = self._heap(heap)
                for table in self._tree(tree, 0):
                    children += self._symbols(table, names)
            elif kind == _LINK:
                children += self._link(data)
            elif kind == _LINK_INFO:
                # A group as later versions keep it: only where it has links to other places.
                if struct.unpack("<Q", data[2 + 8 * (data[1] & 1):][:8])[0] != _NOWHERE:
                    raise _Damaged(f"the group at {address:,} is kept in a way that is not read")
            elif kind == _LAYOUT:
                self._layout(data)
            elif kind == _ATTRIBUTE:
                self._attribute(data)
        return children

    def _messages(self, address: int, size: int) -> Iterator[tuple[int, int, bytes]]:
        blocks = [(address, size)]
        while blocks:
            address, size = blocks.pop(0)
            self._once("header", address)
            block = self._read(address, size)
            at = 0
            while at + 8 <= size:
                kind, length, flags = struct.unpack("<HHB", block[at:at + 5])
                data = block[at + 8:at + 8 + length]
                if len(data) != length:
                    raise _Damaged(f"a part of the header at {address:,} is longer than it")
                at += 8 + length
                if kind == _CONTINUATION:
                    blocks.append(struct.unpack("<2Q", data[:16]))  # type: ignore[arg-type]
                else:
                    yield kind, flags, data

    # -------------------------------------------------------------------- groups

    def _heap(self, address: int) -> bytes:
        """The names of a group, after a look at the list of free places among them."""
        head = self._read(address, 32)
        if head[:4] != b"HEAP":
            raise _Damaged(f"there are no names at {address:,}")
        size, free, place = struct.unpack("<3Q", head[8:])
        names = self._read(place, size)
        met = 0
        while free not in (1, _NOWHERE):
            met += 1
            if free + 16 > size or met > size // 16:
                raise _Damaged(f"the free places among the names at {address:,} have no end")
            following, length = struct.unpack("<2Q", names[free:free + 16])
            if length < 16 or free + length > size:
                raise _Damaged(f"a free place among the names at {address:,} has a wrong size")
            free = following
        return names

    def _tree(self, address: int, kind: int) -> Iterator[int]:
        """Addresses at the leaves of a group's tree (kind 0)."""
        waiting: list[tuple[int, int | None]] = [(address, None)]
        while waiting:
            address, level = waiting.pop()
            self._once("tree", address)
            head = self._read(address, 24)
            if head[:4] != b"TREE" or head[4] != kind:
                raise _Damaged(f"there is no tree at {address:,}")
            if level is not None and head[5] != level:
                raise _Damaged(f"the tree at {address:,} has a wrong level")
            used = struct.unpack("<H", head[6:8])[0]
            entries = struct.unpack(f"<{2 * used + 1}Q", self._read(address + 24, 16 * used + 8))
            for child in entries[1::2]:
                if head[5]:
                    waiting.append((child, head[5] - 1))
                else:
                    yield child
            self._siblings(head, address)

    def _siblings(self, head: bytes, address: int) -> None:
        for sibling in struct.unpack("<2Q", head[8:24]):
            if sibling == address:
                raise _Damaged(f"the tree at {address:,} leads back to itself")
            if sibling != _NOWHERE and self._read(sibling, 4) != b"TREE":
                raise _Damaged(f"the tree at {address:,} leads out of it")

    def _symbols(self, address: int, names: bytes) -> list[int]:
        self._once("table", address)
        head = self._read(address, 8)
        if head[:4] != b"SNOD":
            raise _Damaged(f"there is no table of a group at {address:,}")
        count = struct.unpack("<H", head[6:8])[0]
        entries = self._read(address + 8, 40 * count)
        children = []
        for at in range(0, 40 * count, 40):
            offset, child, cached = struct.unpack("<2QI", entries[at:at + 20])
            if offset >= len(names) or names.find(b"\0", offset) < 0:
                raise _Damaged(f"a name in the group at {address:,} has no end")
            if cached == 2:
                continue  # a soft link; it is refused by name later
            self._cached_table(entries[at + 16:at + 40])
            children.append(child)
        return children

    def _link(self, data: bytes) -> list[int]:
        flags, at = data[1], 2
        kind = 0
        if flags & 8:
            kind, at = data[at], at + 1
        at += 8 * bool(flags & 4) + bool(flags & 16)
        width = 1 << (flags & 3)
        length = int.from_bytes(data[at:at + width], "little")
        at += width + length
        if at > len(data):
            raise _Damaged("a name in a group is cut short")
        return [struct.unpack("<Q", data[at:at + 8])[0]] if kind == 0 else []

    def _cached_table(self, entry: bytes) -> None:
        """A table's entry may repeat where the group's tree and names are."""
        kind, _, tree, heap = struct.unpack("<2I2Q", entry)
        if kind == 1 and (self._read(tree, 4) != b"TREE" or self._read(heap, 4) != b"HEAP"):
            raise _Damaged("a group's entry does not lead to its tree")

    # -------------------------------------------------------------------- arrays

    def _layout(self, data: bytes) -> None:
        if len(data) < 2 or data[0] != 3:
            return  # of other versions the library itself checks what it takes
        if data[1] == 1:
            address, size = struct.unpack("<2Q", data[2:18])
            if address != _NOWHERE and address + size > self._size:
                raise _Damaged(
                    f"the values of an array should reach to byte {address + size:,}, and the file "
                    f"ends at {self._size:,}"
                )
        elif data[1] == 2:
            axes = data[2]
            address = struct.unpack("<Q", data[3:11])[0]
            if address != _NOWHERE:
                self._chunks(address, axes)

    def _chunks(self, address: int, axes: int) -> None:
        step = 8 + 8 * axes + 8
        waiting: list[tuple[int, int | None]] = [(address, None)]
        while waiting:
            address, level = waiting.pop()
            self._once("tree of chunks", address)
            head = self._read(address, 24)
            if head[:4] != b"TREE" or head[4] != 1 or (level is not None and head[5] != level):
                raise _Damaged(f"there is no tree of chunks at {address:,}")
            used = struct.unpack("<H", head[6:8])[0]
            entries = self._read(address + 24, step * used)
            for at in range(0, step * used, step):
                size = struct.unpack("<I", entries[at:at + 4])[0]
                child = struct.unpack("<Q", entries[at + step - 8:at + step])[0]
                if head[5]:
                    waiting.append((child, head[5] - 1))
                elif child + size > self._size:
                    raise _Damaged(f"a chunk should reach to byte {child + size:,}")
            self._siblings(head, address)

    # ---------------------------------------------------------------- attributes

    def _attribute(self, data: bytes) -> None:
        """Strings of variable length lie in heaps of their own: where, and are they whole?"""
        if len(data) < 8:
            raise _Damaged("an attribute is cut short")
        version = data[0]
        name, kind, space = struct.unpack("<3H", data[2:8])
        if version == 1:
            place, padded = 8, (lambda size: -(-size // 8) * 8)
        elif version in (2, 3):
            place, padded = 8 if version == 2 else 9, (lambda size: size)
        else:
            raise _Damaged(f"an attribute has the version {version}")
        if version > 1 and data[1] & 3:
            return  # its type is kept elsewhere
        type_at = place + padded(name)
        values = type_at + padded(kind) + padded(space)
        if values > len(data) or type_at >= len(data):
            raise _Damaged("an attribute is cut short")
        if data[type_at] & 15 != _VARIABLE_LENGTH:
            return
        total = 0
        for at in range(values, len(data) - 15, 16):
            length, heap, _index = struct.unpack("<IQI", data[at:at + 16])
            total += length
            if total > self._size:  # many that are one and the same
                raise _Damaged("the strings of an attribute are longer together than the file")
            if heap not in (0, _NOWHERE):
                self._strings(heap)

    def _strings(self, address: int) -> None:
        if not self._first_time("heap", address):
            return
        head = self._read(address, 16)
        size = struct.unpack("<Q", head[8:])[0]
        if head[:4] != b"GCOL" or size < 16:
            raise _Damaged(f"there are no strings at {address:,}")
        block = self._read(address, size)
        at = 16
        while at + 16 <= size:
            index, _, _, length = struct.unpack("<2HIQ", block[at:at + 16])
            step = length if index == 0 else 16 + -(-length // 8) * 8
            if step < 16 or at + step > size:
                raise _Damaged(f"a string at {address + at:,} has a wrong length")
            at += step
