"""The XLA backend: `jax.numpy` as it is, compiled for CPU, GPU and TPU.

Importing this package imports JAX, so `highlevel_backend.registry` does it only when the
backend is first used. What is ours here, and in which file:

- `arrays`: values into and out of JAX, by the contract's dtype rules;
- `transforms`: gradients, mapping, compilation, control flow;
- `abstract`: shapes with unknown dimensions;
- `convolution`, `pooling`: lowerings chosen by platform and shape, with what was measured;
- `bits`, `kernels`: random bits and faster definitions of single operations;
- `devices`, `sharding`: device names; arrays over many devices and processes;
- `memory`: what the allocator keeps of the memory that programs need for a while;
- `explain`: remedies for JAX's own errors.
"""

import numpy as np

# JAX draws from NumPy's global generator while it is imported. What a script draws after
# seeding must not depend on when the backend is loaded.
_generator = np.random.get_state()

from highlevel_jax.implementation import JaxBackend, backend  # noqa: E402
from highlevel_jax.memory import keep_freed_memory  # noqa: E402

np.random.set_state(_generator)
keep_freed_memory()

__all__ = ["JaxBackend", "backend"]
