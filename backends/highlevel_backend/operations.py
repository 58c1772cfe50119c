"""What a function computes, operation by operation, without computing it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from highlevel_backend.interface import ArraySpec

__all__ = ["Collective", "Compiled", "Operation", "Operations", "nbytes"]

_ITEM_SIZES = {"bool": 1, "int8": 1, "uint8": 1, "bfloat16": 2, "float16": 2, "int16": 2,
               "uint16": 2, "float64": 8, "int64": 8, "uint64": 8, "complex64": 8,
               "complex128": 16}


def nbytes(spec: ArraySpec) -> int:
    """Bytes of an array of a shape whose dimensions are all known."""
    size = 1 if spec.dtype.startswith("float8") else _ITEM_SIZES.get(spec.dtype, 4)
    return size * math.prod(n or 0 for n in spec.shape)


@dataclass(slots=True)
class Operation:
    """One operation on arrays, which are called by number.

    Attributes:
        name: the array library's.
        inputs, outputs: numbers of the arrays.
        flops: arithmetic operations, two for a multiplication with an addition.
        form: `"view"` where the output is the input's memory; `"fused"` where each entry can be
            computed when it is needed, so that a compiler need not store the result; else
            `"whole"`.
        costly: of a fused one: whether it is rather stored than computed twice.
        workspace: bytes it needs beside its inputs and outputs while it runs.
        times: how often it runs (in a loop); `flops` is for all of them.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    flops: float = 0.0
    form: str = "whole"
    costly: bool = False
    workspace: int = 0
    times: int = 1


@dataclass
class Operations:
    """What a function computes, in order.

    Attributes:
        arrays: shape and dtype of every array, by number.
        inputs, outputs: numbers of the function's arguments and results, flat.
        operations: in the order in which the function asks for them.
    """

    arrays: list[ArraySpec] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)

    def new(self, shape: Sequence[int], dtype: str) -> int:
        """The number of a further array."""
        self.arrays.append(ArraySpec(tuple(shape), dtype))
        return len(self.arrays) - 1

    @property
    def flops(self) -> float:
        """Arithmetic operations of all together."""
        return sum(operation.flops for operation in self.operations)

    def lines(self) -> list[str]:
        """The operations as lines of text: `result = name(operands)`, in shapes."""
        def shown(numbers: Sequence[int]) -> str:
            return ", ".join(
                f"{spec.dtype}[{','.join(map(str, spec.shape))}]"
                for spec in map(self.arrays.__getitem__, numbers))

        return [
            f"{shown(o.outputs)} = {o.name}({shown(o.inputs)})"
            + (f"  × {o.times}" if o.times > 1 else "")
            for o in self.operations
        ]

    def bytes_of(self, numbers: Sequence[int]) -> int:
        """Bytes of some of the arrays."""
        return sum(nbytes(self.arrays[number]) for number in numbers)


@dataclass(slots=True)
class Collective:
    """One exchange between devices.

    Attributes:
        kind: `"all-reduce"`, `"all-gather"`, `"reduce-scatter"`, `"all-to-all"` or
            `"collective-permute"`.
        arrays: shapes and dtypes of what a device holds after it.
        bytes: of what is exchanged: the sum, the gathered whole, or what is to be scattered, in
            one device.
        axes: names of the mesh's axes along which the devices of a group lie.
        group: how many devices take part in a group.
        where: the compiler's note of what it was made for; empty where there is none.
        times: how often it runs; None where it is in a loop of unknown length.
    """

    kind: str
    arrays: tuple[ArraySpec, ...]
    bytes: int
    axes: tuple[str, ...]
    group: int
    where: str = ""
    times: float | None = 1

    @property
    def sent(self) -> float:
        """Bytes that a device sends for it once, where the devices form a ring."""
        share = (self.group - 1) / self.group
        if self.kind == "all-reduce":
            return 2 * share * self.bytes
        return float(self.bytes) if self.kind == "collective-permute" else share * self.bytes


@dataclass
class Compiled:
    """A compiled program, as texts and figures; None where the backend does not know.

    Attributes:
        texts: name of a stage → text, from what was written to what runs.
        cost: figure → number, as the compiler counts: `"flops"`, `"bytes accessed"`.
        memory: figure → bytes: `"arguments"`, `"outputs"`, `"shared"` (outputs in the memory of
            arguments), `"temporary"`, `"code"`, and `"peak"` of all while it runs.
        seconds: stage → time that it took.
        collectives: exchanges between devices, where it was compiled for several.
    """

    texts: dict[str, str] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    collectives: list[Collective] = field(default_factory=list)
