"""The core types, with the ops that their operators need."""

from typing import Any

from highlevel_backend import current_backend, registry

from highlevel import ops as _ops  # noqa: F401 - fills the operators of symbolic tensors
from highlevel.errors import public
from highlevel.naming import name_scope
from highlevel.rematerialization import RematScope, remat
from highlevel.state import StatelessScope, SymbolicScope
from highlevel.symbolic import SymbolicTensor
from highlevel.variable import Variable

KerasTensor = SymbolicTensor

set_backend = public(registry.set_backend)
use_backend = public(registry.use_backend)


@public
def device(device_name: str) -> Any:
    """Within the block, put new arrays on a device of the current backend.

    Args:
        device_name: such as `"cpu:0"` or `"gpu:1"`; `"gpu"` means `"gpu:0"`.

    Raises:
        ValueError: there is no such device; the message lists those there are.

    >>> with device("cpu:0"):
    ...     v = Variable([1.0, 2.0])
    """
    return current_backend().device(device_name)


__all__ = [
    "KerasTensor", "RematScope", "StatelessScope", "SymbolicScope", "SymbolicTensor", "Variable",
    "device", "name_scope", "remat",
    "set_backend", "use_backend",
]
