"""`model.compiled_program(x)`: what runs when a model is called, in texts and figures."""

from __future__ import annotations

from collections import Counter
from typing import Any

from highlevel_backend import ArraySpec, current_backend, tree
from highlevel_backend.operations import Compiled, Operations

from highlevel.inspection.calls import spec_of_array
from highlevel.inspection.tables import Shown, Table, readable_count, readable_size, readable_time
from highlevel.training.loop import on_device
from highlevel.training.trainer import one_batch

__all__ = ["CompiledProgram", "compiled_program"]

_SHOWN = 12


class CompiledProgram(Shown):
    """The program that a call of a model, or a step of its training, runs.

    Attributes:
        what: `"call"` or `"step of training"`; `model_name`: of which model.
        operations: every operation, with shapes and arithmetic; on NumPy those of one run.
        texts: stage → text: `"jaxpr"`, `"stablehlo"` and `"optimized"` on JAX, from what was
            traced to what runs; `"operations"` on a backend that does not compile.
        cost: figure → number as the compiler counts, `"flops"` and `"bytes accessed"` among
            them; on a backend that does not compile `"flops"` by the shapes.
        memory: figure → bytes: `"arguments"`, `"outputs"`, `"shared"` (outputs that lie where
            arguments were), `"temporary"`, `"peak"`; empty where nothing is compiled.
        seconds: `"trace"`, `"lower"` and `"compile"`; empty where nothing is compiled.
    """

    def __init__(self, what: str, name: str, operations: Operations, found: Compiled) -> None:
        self.what, self.model_name, self.operations = what, name, operations
        self.texts, self.cost = found.texts, found.cost
        self.memory, self.seconds = found.memory, found.seconds

    @property
    def jaxpr(self) -> str | None:
        """The program as JAX traced it."""
        return self.texts.get("jaxpr")

    @property
    def stablehlo(self) -> str | None:
        """The program as it is handed to the compiler."""
        return self.texts.get("stablehlo")

    @property
    def optimized(self) -> str | None:
        """The program that the compiler made of it."""
        return self.texts.get("optimized")

    @property
    def counts(self) -> dict[str, int]:
        """Name of an operation → how many there are, the commonest first."""
        return dict(Counter(o.name for o in self.operations.operations).most_common())

    @property
    def flops(self) -> float:
        """Arithmetic operations, by the shapes."""
        return self.operations.flops

    def _tables(self) -> list[Table]:
        whole = [["operations", f"{len(self.operations.operations):,}"],
                 ["FLOPs, by shapes", readable_count(self.flops)]]
        whole += [[f"{name}, by the compiler", readable_count(self.cost[name])]
                  for name in ("flops", "transcendentals", "bytes accessed") if name in self.cost
                  and self.memory]
        whole += [[f"memory: {name}", readable_size(size)] for name, size in self.memory.items()]
        whole += [[f"time to {name}", readable_time(took)] for name, took in self.seconds.items()]
        whole += [[f".texts[{name!r}]", f"{text.count(chr(10)) + 1:,} lines"]
                  for name, text in self.texts.items()]
        flops: Counter[str] = Counter()
        for operation in self.operations.operations:
            flops[operation.name] += round(operation.flops)
        counts = self.counts
        rows = [[name, f"{counts[name]:,}", readable_count(count)]
                for name, count in flops.most_common(_SHOWN)]
        return [
            Table(f"Program of a {self.what} of '{self.model_name}'", ["what", "amount"], whole,
                  ["amount"]),
            Table("Costliest operations", ["operation", "how many", "FLOPs"], rows,
                  ["how many", "FLOPs"]),
        ]


def compiled_program(
    model: Any, x: Any, y: Any = None, sample_weight: Any = None, training: bool | None = None
) -> CompiledProgram:
    """See `Model.compiled_program`."""
    backend = current_backend()
    if y is None:
        program, arrays = model._program_of_call(on_device(x), training)
        specs = ([ArraySpec(v.shape, v.dtype) for v in program.variables],
                 [spec_of_array(array) for array in arrays])
        what, function, donate = "call", program.function, ()
        if not backend.compiles:
            return _uncompiled(what, model, function, specs)
        return _of(what, model, function, specs, donate)
    model._need_compiled("compiled_program")
    batch = model._through_host(one_batch(x, y, sample_weight, None))
    model._make_ready(batch, training=True)
    batch = tree.map_leaves(
        lambda leaf: leaf if leaf is None else spec_of_array(leaf), on_device(batch))
    step = model._program("train")
    specs = (*step.specs(), batch)
    what = "step of training"
    if not step.compiled:
        raise NotImplementedError(
            f"The backend {backend.name!r} does not compile, and tells the operations of a call "
            "alone: leave `y` out. With `hl.use_backend('jax')` the step of training is told too."
        )
    return _of(what, model, step.function, specs, (1,))


def _of(what: str, model: Any, function: Any, specs: tuple, donate: tuple) -> CompiledProgram:
    backend = current_backend()
    return CompiledProgram(
        what, model.name, backend.operations(function, *specs),
        backend.compiled(function, specs, donate))


def _uncompiled(what: str, model: Any, function: Any, specs: tuple) -> CompiledProgram:
    found = current_backend().operations(function, *specs)
    return CompiledProgram(what, model.name, found, Compiled(
        {"operations": "\n".join(found.lines())}, {"flops": found.flops}))
