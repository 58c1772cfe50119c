"""The backend object: the interface's methods, each a door to the file that holds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from highlevel_backend import Backend
from highlevel_backend.compilation import Compilation
from jax.extend.core import get_opaque_trace_state

from highlevel_jax import abstract, arrays, bits, convolution, pooling, programs, transforms
from highlevel_jax import processes as together
from highlevel_jax import sharding as shardings
from highlevel_jax.compilation import cache_programs, compile_program
from highlevel_jax.devices import device_names, find_device, put
from highlevel_jax.explain import explain
from highlevel_jax.gradient_rows import gradient_rows
from highlevel_jax.kernels import KERNELS
from highlevel_jax.partition import partitioned

__all__ = ["JaxBackend", "backend"]

Array = Any
Tree = Any


def _door(function: Callable) -> Any:
    """A static method; its types are those of the interface's method of that name."""
    return staticmethod(function)


class JaxBackend(Backend):
    """JAX, compiled by XLA. What the methods do is said in `highlevel_backend.Backend`."""

    name = "jax"
    xp = jnp
    compiles = True
    programs_take_numpy = True
    kernels = KERNELS

    # Arrays. Static methods of the class: one call less than a method that forwards.
    is_array = _door(arrays.is_array)
    is_abstract = _door(arrays.is_abstract)
    asarray = _door(arrays.asarray)
    adopt = _door(arrays.adopt)
    to_numpy = _door(arrays.to_numpy)
    cast = _door(arrays.cast)

    # Transforms.
    value_and_grad = _door(transforms.value_and_grad)
    vjp = _door(jax.vjp)
    jvp = _door(jax.jvp)
    vmap = _door(jax.vmap)
    remat = _door(jax.checkpoint)
    stop_gradient = _door(jax.lax.stop_gradient)
    custom_gradient = _door(transforms.custom_gradient)
    eval_shape = _door(abstract.eval_shape)
    gradient_rows = _door(gradient_rows)
    operations = _door(programs.operations)
    compiled = _door(programs.compiled)

    @staticmethod
    def flatten_registered(value: Any) -> tuple[list, Callable]:  # type: ignore[override]
        leaves, definition = jax.tree_util.tree_flatten(value)
        return leaves, definition.unflatten

    def compile(
        self,
        function: Callable,
        donate: Sequence[int] = (),
        note: Callable[[Compilation], None] | None = None,
    ) -> Callable:
        return compile_program(function, donate, self._count, note)

    cache_programs = _door(cache_programs)

    @property
    def slow_in_loops(self) -> tuple[str, ...]:  # type: ignore[override]
        # `convolution` says what is slow there.
        return ("conv",) if jax.default_backend() == "cpu" else ()

    @property
    def sequence_bytes(self) -> int | None:  # type: ignore[override]
        # A piece that stays in the cache; docs/design/products.md has what was measured.
        return 2**21 if jax.default_backend() == "cpu" else None

    def _count(self) -> None:
        self.compile_count += 1

    def nesting(self) -> Any:
        return get_opaque_trace_state(convention="flax")

    # Control flow.
    scan = _door(transforms.scan)
    while_loop = _door(transforms.while_loop)
    cond = _door(transforms.cond)

    # Primitives.
    conv = _door(convolution.conv)
    reduce_window = _door(pooling.reduce_window)
    random_bits = _door(bits.random_bits)

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
    devices = _door(device_names)
    put = _door(put)

    def device(self, name: str) -> Any:
        return jax.default_device(find_device(name))

    ready = _door(jax.block_until_ready)
    live_arrays = _door(jax.live_arrays)

    # Many devices, processes.
    connect = _door(together.connect)
    processes = _door(together.processes)
    agree = _door(together.agree)
    lost_process = _door(together.lost_process)
    all_devices = _door(shardings.device_names)
    mesh = _door(shardings.mesh)
    planned_mesh = _door(shardings.planned_mesh)
    partitioned = _door(partitioned)
    sharding = _door(shardings.sharding)
    shard = _door(shardings.shard)
    gathering_anew = _door(shardings.gathering_anew)

    def compile_sharded(self, function: Callable, sharding: Tree) -> Callable:
        return compile_program(function, (), self._count, out_shardings=sharding)

    def profile(self, directory: str) -> Any:
        return jax.profiler.trace(directory)

    def tell(self, function: Callable, *values: Array) -> None:
        jax.debug.callback(lambda *found: function(*map(np.asarray, found)), *values)

    told = _door(jax.effects_barrier)

    # Errors.
    explain = _door(explain)


backend = JaxBackend()
