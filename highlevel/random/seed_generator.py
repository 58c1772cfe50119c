"""Where random keys come from: integers, seed generators, and the process's own generator."""

from __future__ import annotations

import operator
import random as python_random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.naming import auto_name, name_scope
from highlevel.state import current_scope
from highlevel.variable import Variable

__all__ = [
    "SeedGenerator",
    "checked_seed",
    "draw_seed",
    "global_seed_generator",
    "kept_seeds",
    "make_default_seed",
    "reset_global_seed",
]

_WORD = 2**32


def make_default_seed() -> int:
    """A seed from Python's `random`, which `utils.set_random_seed` makes reproducible."""
    return python_random.randint(1, int(1e9))


def checked_seed(seed: Any, what: str) -> int:
    """The seed as an integer from 0 to 2**32 - 1.

    Raises:
        ValueError: it is none; the message begins with `what`.
    """
    try:
        value = operator.index(seed)
    except TypeError:
        raise ValueError(
            f"{what}: `seed` must be an integer, a `SeedGenerator` or None; got {seed!r} of type "
            f"{type(seed).__name__}."
        ) from None
    if not 0 <= value < _WORD:
        raise ValueError(
            f"{what}: `seed` must be at least 0 and below 2**32; got {value}. "
            "Use `seed % 2**32`, say."
        )
    return value


class SeedGenerator:
    """A stream of random keys: each call of `next` gives another one.

    Its state is a variable, so that random numbers drawn in a compiled step go on where
    the last step stopped.

    Args:
        seed: integer from 0 to 2**32 - 1, or None for one from Python's `random`.
        name: name; made up where None.

    Attributes:
        state: Variable of shape `(2,)`, uint32, not trainable: the seed, and how many
            keys were drawn.

    Raises:
        ValueError: the seed is no such integer.

    >>> import highlevel as hl
    >>> stream = hl.random.SeedGenerator(7)
    >>> a = hl.random.uniform((), seed=stream)
    >>> b = hl.random.uniform((), seed=stream)
    >>> float(a) != float(b), [int(i) for i in stream.state.numpy()]
    (True, [7, 2])
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        if kwargs:
            raise ValueError(
                f"SeedGenerator takes `seed` and `name`; got {', '.join(sorted(kwargs))} too."
            )
        self.name = auto_name(type(self)) if name is None else name
        self.seed = seed if seed is None else checked_seed(seed, f"SeedGenerator '{self.name}'")
        self._first = make_default_seed() if self.seed is None else self.seed
        with name_scope(self.name):
            #: the seed and the number of keys drawn
            self.state = Variable(
                self._initial_state, shape=(2,), dtype="uint32", trainable=False,
                autocast=False, aggregation="none", name="seed_generator_state",
            )

    def _initial_state(self, shape: Sequence[int], dtype: str | None = None) -> Any:
        return np.array([self._first, 0], np.uint32)

    def next(self, ordered: bool = True) -> Any:
        """The next key.

        Args:
            ordered: accepted for the contract; keys always come in order.

        Returns:
            `(2,)` uint32 array, the state before it counts on.
        """
        key = self.state.value
        self.state.assign(_counted(key))
        return key

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A generator with the arguments of a config; it starts anew."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<SeedGenerator name={self.name}, seed={self.seed}>"


_ONE = np.array([0, 1], np.uint32)


def _counted(key: Any) -> Any:
    return key + current_backend().asarray(_ONE)


_global: SeedGenerator | None = None


def global_seed_generator() -> SeedGenerator:
    """The generator behind `seed=None`; made at its first use, seeded by Python's `random`."""
    global _global
    if _global is None:
        with name_scope("global"):
            _global = SeedGenerator(name="global_seed_generator")
    return _global


def reset_global_seed() -> None:
    """Forget the generator behind `seed=None`: the next use makes another one."""
    global _global
    _global = None


@contextmanager
def kept_seeds() -> Iterator[None]:
    """After the block, all generators go on as if nothing had been drawn in it."""
    python, numpy, own = python_random.getstate(), np.random.get_state(), _global
    state = None if own is None else (own.state.raw_value(), own.state.version)
    try:
        yield
    finally:
        python_random.setstate(python)
        np.random.set_state(numpy)
        globals()["_global"] = own
        if own is not None and state is not None and own.state.version != state[1]:
            own.state.assign(state[0])


def draw_seed(seed: SeedGenerator | int | None) -> Any:
    """The key a random function draws from.

    Args:
        seed: a generator (its next key), an integer (always the same key), or None (the
            next key of the global generator).

    Returns:
        `(2,)` uint32 array of the current backend.

    Raises:
        ValueError: none of these; or None inside a compiled function, which would draw
            the same numbers at every call.
    """
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if seed is not None:
        value = checked_seed(seed, "A random function")
        return current_backend().asarray(np.array([value, 0], np.uint32))
    generator = global_seed_generator()
    _refuse_constant(generator)
    return generator.next()


def _refuse_constant(generator: SeedGenerator) -> None:
    """Raise where the global generator's key would be frozen into a compiled program."""
    scope = current_scope.get()
    if scope is not None and scope.read(generator.state) is not None:
        return
    backend = current_backend()
    if not backend.compiles:
        return
    if backend.is_abstract(_counted(generator.state.raw_value())):
        raise ValueError(
            "A random function was called with `seed=None` inside a compiled function: it "
            "would give the same numbers at every call. Make a "
            "`highlevel.random.SeedGenerator` in the layer's or model's constructor and pass "
            "it as `seed`."
        )
