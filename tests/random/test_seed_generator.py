"""Seed generators: order, state, scopes and the process's own one."""

import subprocess
import sys

import numpy as np
import pytest

from highlevel import random
from highlevel.random.seed_generator import draw_seed
from highlevel.state import StatelessScope
from highlevel.utils.random_seed import set_random_seed


def values(x):
    return np.asarray(x).tolist()


def test_the_state_is_the_seed_and_a_count(backend):
    stream = random.SeedGenerator(5, name="stream")
    assert stream.state.path == "stream/seed_generator_state"
    assert stream.state.dtype == "uint32" and not stream.state.trainable
    assert values(stream.next()) == [5, 0]
    assert values(stream.next()) == [5, 1]
    assert values(stream.state.value) == [5, 2]


def test_a_generator_gives_new_numbers_and_an_integer_the_same(backend):
    stream = random.SeedGenerator(5)
    first, second = random.uniform((4,), seed=stream), random.uniform((4,), seed=stream)
    assert values(first) != values(second)
    assert values(first) == values(random.uniform((4,), seed=5))
    assert values(random.uniform((4,), seed=5)) == values(random.uniform((4,), seed=5))


def test_config(backend):
    stream = random.SeedGenerator(5, name="s")
    assert stream.get_config() == {"seed": 5, "name": "s"}
    again = random.SeedGenerator.from_config(stream.get_config())
    assert values(again.next()) == [5, 0]
    assert random.SeedGenerator(name="t").get_config() == {"seed": None, "name": "t"}


def test_the_state_lives_in_the_scope(backend):
    stream = random.SeedGenerator(5)
    given = backend.asarray(np.array([9, 3], np.uint32))
    with StatelessScope([(stream.state, given)]) as scope:
        assert values(stream.next()) == [9, 3]
    assert values(scope.get_current_value(stream.state)) == [9, 4]
    assert values(stream.state.value) == [5, 0]


def test_a_compiled_step_draws_anew(backend):
    stream = random.SeedGenerator(5)

    def step(state):
        with StatelessScope([(stream.state, state)]) as scope:
            drawn = random.normal((3,), seed=stream)
        return drawn, scope.get_current_value(stream.state)

    step = backend.compile(step)
    state = stream.state.value
    first, state = step(state)
    second, state = step(state)
    assert values(first) != values(second)
    np.testing.assert_allclose(first, random.normal((3,), seed=5), rtol=1e-5)


def test_without_a_seed_the_global_one_goes_on(backend):
    set_random_seed(11)
    first, second = values(random.uniform((3,))), values(random.uniform((3,)))
    numpy_draw = np.random.rand()
    assert first != second
    set_random_seed(11)
    assert [values(random.uniform((3,))), values(random.uniform((3,)))] == [first, second]
    assert np.random.rand() == numpy_draw


def test_no_seed_in_a_compiled_function_is_refused(backend):
    if not backend.compiles:
        pytest.skip("nothing is compiled")
    with pytest.raises(ValueError, match="SeedGenerator"):
        backend.compile(lambda x: x + random.uniform((2,)))(backend.asarray([1.0, 2.0]))


@pytest.mark.parametrize("seed", ["a", 1.5, -1, 2**32])
def test_bad_seeds(backend, seed):
    with pytest.raises(ValueError, match="seed"):
        random.SeedGenerator(seed)
    with pytest.raises(ValueError, match="seed"):
        draw_seed(seed)


def test_set_random_seed_needs_an_integer():
    with pytest.raises(ValueError, match="integer"):
        set_random_seed("x")


def test_loading_a_backend_draws_nothing():
    """A script's numbers after seeding do not depend on when JAX is imported."""
    code = (
        "import numpy as np, highlevel as hl; hl.utils.set_random_seed(1)\n"
        "with hl.use_backend('jax'): hl.ops.add(1, 1)\n"
        "print(np.random.rand() == np.random.RandomState(1).rand())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "True", run.stderr
