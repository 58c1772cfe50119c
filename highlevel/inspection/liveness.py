"""How much memory a list of operations needs, by what is alive at the same time."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass

from highlevel_backend.operations import Operation, Operations

__all__ = ["Need", "memory_needed"]

#: what sums up its operand entry by entry, so that it need not be stored for it
_SUMS = ("reduce_", "arg", "cum")


@dataclass
class Need:
    """What a program's run needs beside its arguments and results.

    Attributes:
        bytes: at most at one time.
        at: the operation that ran then; None where there is none.
    """

    bytes: int
    at: Operation | None


@dataclass(eq=False)
class _Step:
    """What is run at once: an operation, and the ones before it that are not stored."""

    operation: Operation
    needs: frozenset[int]
    makes: list[int]


def memory_needed(operations: Operations) -> Need:
    """The memory of a compiled program of these operations, beside arguments and results.

    A model of what XLA does on a CPU: results that can be computed entry by entry are not
    stored, but where something takes them whole, or where they are costly and used more than
    once; everything is computed as early as it can be; memory is free again after its last use,
    and what is computed entry by entry may be written over an operand that is not used again.

    Args:
        operations: of the whole program.
    """
    steps = _steps(operations)
    size = [operations.bytes_of([number]) for number in range(len(operations.arrays))]
    left = Counter(number for step in steps for number in step.needs)
    alive: dict[int, int] = {}
    now = top = 0
    at = None
    for step in _early(steps):
        new = sum(size[number] for number in step.makes) + step.operation.workspace
        ends = [number for number in step.needs if left[number] == 1 and number in alive]
        reused = [size[number] for number in ends]
        if step.operation.form == "fused":
            reused = [max(reused, default=0)]
        elif step.operation.form != "in place":
            reused = [0]
        needed = now + new - min(sum(reused), new)
        if needed > top:
            top, at = needed, step.operation
        left.subtract(step.needs)
        for number in ends:
            now -= alive.pop(number)
        for number in step.makes:
            if left[number] > 0:
                alive[number] = size[number]
                now += size[number]
    return Need(top, at)


def _steps(operations: Operations) -> list[_Step]:
    base = list(range(len(operations.arrays)))
    producer: dict[int, Operation] = {}
    users: dict[int, list[Operation]] = defaultdict(list)
    for operation in operations.operations:
        if operation.form == "view":
            base[operation.outputs[0]] = base[operation.inputs[0]]
            continue
        for number in operation.outputs:
            producer[number] = operation
        for number in dict.fromkeys(base[number] for number in operation.inputs):
            users[number].append(operation)
    results = {base[number] for number in operations.outputs}

    def stored(number: int) -> bool:
        operation = producer[number]
        if operation.form != "fused" or number in results:
            return True
        if any(user.form != "fused" and not user.name.split("/")[-1].startswith(_SUMS)
               for user in users[number]):
            return True
        return operation.costly and len(users[number]) > 1

    # Of a result that is not stored, what is stored of the things it is computed from.
    sources: dict[int, frozenset[int]] = {}
    steps = []
    for operation in operations.operations:
        if operation.form == "view":
            continue
        needs = frozenset().union(*(
            sources.get(base[number], frozenset()) for number in operation.inputs))
        kept = [number for number in operation.outputs if stored(number)]
        for number in operation.outputs:
            sources[number] = frozenset((number,)) if number in kept else needs
        if kept or operation.form != "fused":
            # Results have memory of their own, which is counted apart.
            steps.append(_Step(operation, needs, [n for n in kept if n not in results]))
            for number in results.intersection(kept):
                sources[number] = frozenset()
    return steps


def _early(steps: list[_Step]) -> list[_Step]:
    """The steps in the order in which they can begin."""
    maker = {number: at for at, step in enumerate(steps) for number in step.makes}
    waiting: dict[int, list[int]] = defaultdict(list)
    missing = []
    for at, step in enumerate(steps):
        before = {maker[number] for number in step.needs}
        missing.append(len(before))
        for other in before:
            waiting[other].append(at)
    ready = deque(at for at, count in enumerate(missing) if not count)
    order = []
    while ready:
        at = ready.popleft()
        order.append(steps[at])
        for other in waiting[at]:
            missing[other] -= 1
            if not missing[other]:
                ready.append(other)
    return order
