"""What a function computes, told without computing it. Optional: a backend may not know."""

from __future__ import annotations

import pytest

from highlevel_backend.conformance.checks import same
from highlevel_backend.interface import ArraySpec
from highlevel_backend.registry import current_backend


def _operations(backend, function, *specs):
    try:
        return backend.operations(function, *specs)
    except NotImplementedError:
        pytest.skip("the backend does not tell operations")


def test_operations_of_a_product(backend):
    xp = backend.xp
    found = _operations(
        backend, lambda tree: xp.exp(xp.matmul(tree["x"], tree["w"]) + 1.0),
        {"w": ArraySpec((300, 5), "float32"), "x": ArraySpec((70, 300), "float32")})
    same(sorted(found.arrays[n].shape for n in found.inputs), [(70, 300), (300, 5)], "inputs")
    same([found.arrays[n].shape for n in found.outputs], [(70, 5)], "outputs")
    same(found.flops, float(70 * 5 * (2 * 300 + 2)), "arithmetic of exp(x @ w + 1)")
    for operation in found.operations:
        same(all(0 <= n < len(found.arrays) for n in (*operation.inputs, *operation.outputs)),
             True, "arrays are called by number")


def test_operations_of_a_convolution(backend):
    found = _operations(
        backend,
        lambda x, k: current_backend().conv(x, k, (2, 1), ((1, 1), (0, 0)), (1, 1), (1, 1), 2),
        ArraySpec((3, 8, 9, 4), "float32"), ArraySpec((3, 2, 2, 6), "float32"))
    same(found.arrays[found.outputs[0]].shape, (3, 4, 8, 6), "shape of the convolution")
    same(found.flops, 2.0 * 3 * 4 * 8 * 6 * (3 * 2 * 2), "arithmetic of the convolution")


def test_operations_of_a_loop_count_for_all_its_steps(backend):
    xp = backend.xp

    def loop(x, w):
        return current_backend().scan(lambda c, _: (xp.matmul(c, w), None), x, None, length=11)[0]

    found = _operations(
        backend, loop,
        ArraySpec((4, 6), "float32"), ArraySpec((6, 6), "float32"))
    same(found.flops, 11 * 2.0 * 4 * 6 * 6, "arithmetic of eleven products")


def test_nothing_is_allocated_for_operations(backend):
    found = _operations(
        backend, lambda x: backend.xp.sum(x * 2.0), ArraySpec((2**20, 2**20), "float32"))
    same(found.flops, 2.0 * 2**40, "arithmetic of a sum over a matrix of four tebibytes")


def test_compiled(backend):
    spec = ArraySpec((8, 16), "float32")
    try:
        found = backend.compiled(lambda x, y: ((x + y) @ x.T, y * 2), (spec, spec), donate=(1,))
    except NotImplementedError:
        pytest.skip("the backend does not compile")
    same(bool(found.texts) and all(found.texts.values()), True, "there are texts")
    if found.memory:
        same(found.memory["arguments"], 2 * 8 * 16 * 4, "bytes of the arguments")
        needed = 8 * 8 * 4 + 8 * 16 * 4  # and a table of where they are
        same(needed <= found.memory["outputs"] <= needed + 64, True, "bytes of the results")
