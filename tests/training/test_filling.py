"""How many rows `predict` fills a small batch up to, by what filling has cost."""

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl
from highlevel.training.filling import FLOOR, MANY_CALLS, PATIENCE, Filling, Sizes, fill_up


def sizes_of(sizes, rows, seconds, calls, most=32):
    """What calls of `rows` rows are filled up to, where one of `size` takes `seconds(size)`."""
    found, known = [], set()
    for _ in range(calls):
        size, target = sizes.size(rows, most)
        sizes.took(size, target, 1.0 if size not in known else seconds(size), size not in known)
        known.add(size)
        found.append(size)
    return found


def test_all_numbers_of_rows_share_a_program_where_rows_cost_nothing():
    sizes = Sizes(16)
    for rows in range(1, 33):
        assert set(sizes_of(sizes, rows, lambda size: FLOOR, 3)) == {32}


def test_a_program_of_their_own_once_few_rows_are_the_rule():
    found = sizes_of(Sizes(16), 1, lambda size: FLOOR, MANY_CALLS + 10)
    assert found == [32] * (1 + MANY_CALLS) + [1] * 9


def test_a_program_of_their_own_once_filling_has_cost_a_part_of_compiling():
    cost = 0.01
    found = sizes_of(Sizes(16), 1, lambda size: FLOOR + cost * size / 32, 40)
    lost_a_call = cost * 31 / 32
    calls = 2 + int(PATIENCE * 1.0 / lost_a_call)
    assert found == [32] * calls + [1] * (40 - calls)


@pytest.mark.parametrize(
    ("rows", "most", "row_bytes", "size"),
    [(3, 32, 16, 32), (3, 8, 16, 8), (3, 1024, 16, 32), (33, 1024, 16, 64), (3, 32, 10**6, 4),
     (1000, 1023, 16, 1023)],
)
def test_the_first_size(rows, most, row_bytes, size):
    assert Sizes(row_bytes).size(rows, most)[0] == size


def test_a_larger_program_that_is_there_serves():
    filling = Filling()
    sizes = filling.of(("floats",), 16)
    assert sizes.size(3, 1024) == (32, 4)
    sizes.took(64, 64, 1.0, True)
    assert sizes.size(50, 1024) == (64, 64)
    assert sizes.size(3, 1024) == (64, 4)
    assert sizes.size(3, 32) == (32, 4), "no more than the batch size"
    assert filling.of(("floats",), 16) is sizes
    assert filling.of(("others",), 16).size(3, 1024) == (32, 4)


def test_filling_repeats_the_last_row():
    x = {"a": np.arange(6.0).reshape(3, 2), "b": np.arange(3)}
    filled = fill_up(x, 3, 5)
    np.testing.assert_array_equal(filled["a"], x["a"][[0, 1, 2, 2, 2]])
    np.testing.assert_array_equal(filled["b"], [0, 1, 2, 2, 2])
    assert fill_up(x, 3, 3) is x


def test_predict_changes_over():
    """The whole way: after enough costly calls one row is computed as one row."""
    x = np.ones((4, 3), "float32")
    with use_backend("jax"):
        model = hl.Sequential([hl.Input((3,)), hl.layers.Dense(2)])
        wanted = model.predict(x[:1], verbose=0)
        sizes, = model._program("predict").filling._kinds.values()
        sizes.took(32, 1, 1e9, False)
        np.testing.assert_allclose(model.predict(x[:1], verbose=0), wanted, rtol=1e-6)
        np.testing.assert_allclose(model.predict(x[:4], verbose=0)[:1], wanted, rtol=1e-6)
        for i in range(4):  # of its own kind from now on, and as right
            found = model.predict(x[:1] * i, verbose=0)
            np.testing.assert_allclose(found, model(x[:1] * i), rtol=1e-6)
            found += 1  # the caller's own
        assert type(found) is np.ndarray
        model.layers[0].set_weights([np.zeros((3, 2)), np.ones(2)])
        assert np.array_equal(model.predict(x[:1], verbose=0), [[1, 1]])
        assert model.predict(x[:1], batch_size=1, verbose=0).shape == (1, 2)
    found = [each.why for each in model.compilations if each.purpose != "call"]
    assert found == ["the first of its kind", "`x` is float32(1, 3), before float32(32, 3)"]
