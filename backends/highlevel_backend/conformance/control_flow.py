"""Loops and branches."""

from __future__ import annotations

import numpy as np

from highlevel_backend.conformance.checks import close, random_array, same


def test_scan(backend):
    x = random_array(5, 2)

    def step(carry, x):
        carry = carry + x
        return carry, {"sum": carry, "double": 2.0 * x}

    last, ys = backend.scan(step, backend.asarray(np.zeros(2, "float32")), backend.asarray(x))
    close(backend, last, x.sum(0), "scan: last carry")
    close(backend, ys["sum"], np.cumsum(x, 0), "scan: outputs")
    close(backend, ys["double"], 2 * x, "scan: outputs")


def test_scan_in_reverse(backend):
    x = random_array(4)
    _, ys = backend.scan(
        lambda c, x: (c + x, c + x), backend.asarray(0.0), backend.asarray(x), reverse=True
    )
    close(backend, ys, np.cumsum(x[::-1])[::-1], "reverse scan keeps the order of xs")


def test_scan_over_nothing_but_a_length(backend):
    last, ys = backend.scan(lambda c, _: (c * 2.0, c), backend.asarray(1.0), None, length=4)
    close(backend, last, 16.0, "scan with length")
    close(backend, ys, np.array([1.0, 2.0, 4.0, 8.0]), "scan with length")


def test_scan_without_outputs(backend):
    carry, ys = backend.scan(
        lambda c, x: ((c[0] + x, c[1] * x), None),
        (backend.asarray(0.0), backend.asarray(1.0)),
        backend.asarray([1.0, 2.0, 3.0]),
    )
    close(backend, carry, [6.0, 6.0], "scan of a tuple")
    same(ys, None, "scan: no outputs")


def test_scan_of_no_step(backend):
    empty = backend.asarray(np.ones((0, 2), "float32"))
    carry, ys = backend.scan(lambda c, x: (c + 1.0, x * c), backend.asarray(3.0), empty)
    close(backend, carry, 3.0, "scan of length 0: carry")
    same(tuple(ys.shape), (0, 2), "scan of length 0: shape of the outputs")


def test_gradient_of_scan(backend):
    x = random_array(6, 3)

    def loss(tree):
        def step(carry, x):
            carry = backend.xp.tanh(carry * tree["w"] + x)
            return carry, carry

        last, ys = backend.scan(step, tree["start"], tree["xs"])
        return backend.xp.sum(ys * ys) + backend.xp.sum(last)

    def by_hand(tree):
        def total(tree):
            carry, value = tree["start"], 0.0
            for i in range(6):
                carry = backend.xp.tanh(carry * tree["w"] + tree["xs"][i])
                value = value + backend.xp.sum(carry * carry)
            return value + backend.xp.sum(carry)

        return backend.value_and_grad(total)(tree)

    tree = {
        "w": backend.asarray(random_array(3, seed=1)),
        "start": backend.asarray(random_array(3, seed=2)),
        "xs": backend.asarray(x),
    }
    expected_value, expected = by_hand(tree)
    value, gradient = backend.value_and_grad(loss)(tree)
    close(backend, value, backend.to_numpy(expected_value), "scan: value")
    for name in tree:
        close(backend, gradient[name], backend.to_numpy(expected[name]), f"scan: gradient {name}")


def test_while_loop(backend):
    n, total = backend.while_loop(
        lambda s: s[0] < 5,
        lambda s: (s[0] + 1, s[1] * 2.0),
        (backend.asarray(0), backend.asarray(1.0)),
    )
    close(backend, n, 5, "while_loop: counter")
    close(backend, total, 32.0, "while_loop: state")


def test_nesting(backend):
    here = backend.nesting()
    if here is None:  # it does not tell
        return
    within = []

    def step(carry, x):
        within.append(backend.nesting())
        return carry, x

    backend.scan(step, backend.asarray(0.0), backend.asarray([1.0, 2.0]))
    assert all(place != here for place in within), "inside of a loop `nesting()` is another"
    assert backend.nesting() == here, "behind the loop it is the one from before"


def test_cond(backend):
    for flag, expected in ((True, 5.0), (False, -1.0)):
        out = backend.cond(
            backend.asarray(flag), lambda x, y: x + y, lambda x, y: x - y,
            backend.asarray(2.0), backend.asarray(3.0),
        )  # fmt: skip
        close(backend, out, expected, f"cond({flag})")


def test_gradient_of_cond(backend):
    def function(x):
        return backend.cond(x > 0.0, lambda x: x * x, lambda x: -3.0 * x, x)

    for at, expected in ((2.0, 4.0), (-2.0, -3.0)):
        _, gradient = backend.value_and_grad(function)(backend.asarray(at))
        close(backend, gradient, expected, f"gradient of cond at {at}")
