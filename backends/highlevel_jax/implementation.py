"""The backend object: the interface's methods, each a door to the file that holds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from highlevel_backend import Backend

from highlevel_jax import abstract, arrays, bits, convolution, pooling, transforms
from highlevel_jax.devices import device_names, find_device, put
from highlevel_jax.explain import explain
from highlevel_jax.kernels import KERNELS

__all__ = ["JaxBackend", "backend"]

Array = Any
Tree = Any


class JaxBackend(Backend):
    """JAX, compiled by XLA. What the methods do is said in `highlevel_backend.Backend`."""

    name = "jax"
    xp = jnp
    compiles = True
    kernels = KERNELS

    # Arrays. Static methods of the class: one call less than a method that forwards.
    is_array = staticmethod(arrays.is_array)
    is_abstract = staticmethod(arrays.is_abstract)
    asarray = staticmethod(arrays.asarray)
    to_numpy = staticmethod(arrays.to_numpy)
    cast = staticmethod(arrays.cast)

    # Transforms.
    value_and_grad = staticmethod(transforms.value_and_grad)
    vjp = staticmethod(jax.vjp)
    jvp = staticmethod(jax.jvp)
    vmap = staticmethod(jax.vmap)
    remat = staticmethod(jax.checkpoint)
    stop_gradient = staticmethod(jax.lax.stop_gradient)
    custom_gradient = staticmethod(transforms.custom_gradient)
    eval_shape = staticmethod(abstract.eval_shape)

    def compile(self, function: Callable, donate: Sequence[int] = ()) -> Callable:
        return transforms.compile_program(function, donate, self._count)

    def _count(self) -> None:
        self.compile_count += 1

    # Control flow.
    scan = staticmethod(transforms.scan)
    while_loop = staticmethod(transforms.while_loop)
    cond = staticmethod(transforms.cond)

    # Primitives.
    conv = staticmethod(convolution.conv)
    reduce_window = staticmethod(pooling.reduce_window)
    random_bits = staticmethod(bits.random_bits)

    def index_update(self, x: Array, index: Any, values: Array, mode: str = "set") -> Array:
        if mode not in ("set", "add", "multiply", "max", "min"):
            raise ValueError(
                f"index_update's mode is 'set', 'add', 'multiply', 'max' or 'min', not {mode!r}."
            )
        if isinstance(index, tuple):
            index = tuple(np.asarray(i) if isinstance(i, list) else i for i in index)
        elif isinstance(index, list):
            index = np.asarray(index)
        # JAX warns where the values' dtype is not that of `x`.
        return getattr(x.at[index], mode)(self.asarray(values, x.dtype.name))

    def top_k(self, x: Array, k: int) -> tuple[Array, Array]:
        values, indices = jax.lax.top_k(x, k)
        return values, arrays.cast(indices, "int32")

    # Devices.
    devices = staticmethod(device_names)
    put = staticmethod(put)

    def device(self, name: str) -> Any:
        return jax.default_device(find_device(name))

    ready = staticmethod(jax.block_until_ready)

    # Errors.
    explain = staticmethod(explain)


backend = JaxBackend()
