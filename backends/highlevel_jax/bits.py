"""Random bits, the same as every other backend's."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
from highlevel_backend import threefry

__all__ = ["random_bits"]

# All that the shared definition asks of a backend.
_NAMESPACE = SimpleNamespace(xp=jnp)


@functools.partial(jax.jit, static_argnums=1)
def _bits(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return threefry.random_bits(_NAMESPACE, key, shape)


def random_bits(key: Any, shape: Sequence[int]) -> jax.Array:
    """uint32 bits of `shape` from a `(2,)` uint32 key; see `Backend.random_bits`.

    JAX's configuration (`jax_threefry_partitionable`, the default generator) has no
    influence.
    """
    return _bits(key, tuple(shape))
