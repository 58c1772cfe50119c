"""The peers, each written as somebody who knows the library would write it.

A peer is a function `name of the workload -> activities`: a dict of functions without
arguments that a worker is asked for by name.

- `epoch` trains one shuffled epoch and returns its mean loss;
- `call` runs the model on one sample and waits for the result;
- `parameters` returns the number of trained parameters.

Further activities may be added; the first call of each is its warm-up. A library that is not
installed raises ImportError, a workload that a peer cannot do raises NotImplementedError.
Imports are inside the functions: only one peer's library is loaded in a worker.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

Activities = dict[str, Callable]

# peer → module and function
_PLACES = {
    "raw_jax": "raw_jax:raw_jax",
    "highlevel_jax": "keras_like:highlevel_jax",
    "highlevel_numpy": "keras_like:highlevel_numpy",
    "keras_jax": "keras_like:keras_jax",
    "flax_nnx": "flax_nnx:flax_nnx",
    "equinox": "equinox_peer:equinox",
    "torch_eager": "torch_peer:torch_eager",
    "torch_compile": "torch_peer:torch_compile",
    "raw_numpy": "raw_numpy:raw_numpy",
    "hips_autograd": "raw_numpy:hips_autograd",
    "sklearn": "sklearn_peer:sklearn",
}

GROUPS = {
    "jax": ["raw_jax", "highlevel_jax", "keras_jax", "flax_nnx", "equinox", "torch_eager"],
    "numpy": ["raw_numpy", "highlevel_numpy", "hips_autograd", "sklearn", "torch_eager"],
}


def names(text: str) -> list[str]:
    """Peers of a list in which groups may stand; ValueError for an unknown one."""
    found = [name for part in text.split(",") for name in GROUPS.get(part, [part])]
    unknown = [name for name in found if name not in _PLACES]
    if unknown:
        raise ValueError(
            f"Unknown peers {unknown}; there are {sorted(_PLACES)}, and the groups "
            f"{sorted(GROUPS)}."
        )
    return list(dict.fromkeys(found))


def activities(peer: str, workload: str) -> Activities:
    """What a worker of this peer can be asked for."""
    module, function = _PLACES[peer].split(":")
    return getattr(importlib.import_module(f"peers.{module}"), function)(workload)
