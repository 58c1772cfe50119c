"""Checkpoints as Orbax writes them: what goes into one, how its arrays are read onto devices."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from highlevel.saving.checkpoint_state import GROUPS, Checkpoint
from highlevel.saving.errors import FileError

__all__ = ["orbax_interface", "payload", "read_orbax", "waiting_at_the_coordinator"]


def orbax_interface() -> Any:
    """The version of Orbax's interface that Keras uses, too."""
    from orbax.checkpoint import v1  # heavy, and optional

    log = logging.getLogger("absl")
    if _not_about_texts not in log.filters:
        log.addFilter(_not_about_texts)
    return v1


def _not_about_texts(record: logging.LogRecord) -> bool:
    """Leaves out that parts of a checkpoint without arrays have no arrays to merge."""
    return "Skipping merge of OCDBT checkpoints" not in str(record.msg)


def payload(checkpoint: Checkpoint) -> dict[str, Any]:
    """What Keras puts into a checkpoint, under its names, and a part of our own."""
    order = {group: list(values) for group, values in checkpoint.state.items()}
    own: dict[str, Any] = {"order": json.dumps(order)}
    if checkpoint.run is not None:
        buffer = io.BytesIO()
        np.savez(buffer, **checkpoint.run[1])
        own["record"] = json.dumps(checkpoint.run[0])
        own["arrays"] = np.frombuffer(buffer.getvalue(), np.uint8)
    payload: dict[str, Any] = {
        "pytree": {group: _nested(values) for group, values in checkpoint.state.items()},
        "highlevel": own,
    }
    if checkpoint.config is not None:
        payload["model_config"] = {"config": checkpoint.config}
    if checkpoint.assets:
        payload["assets"] = _nested({
            name: np.frombuffer(content, np.uint8) for name, content in checkpoint.assets.items()
        })
    return payload


@contextlib.contextmanager
def waiting_at_the_coordinator(processes: int) -> Iterator[None]:
    """Let Orbax's processes wait for each other without the devices.

    Otherwise it may ask those from a thread of its own, amid the programs of the training.
    """
    if processes == 1:
        yield
        return
    context = orbax_interface().Context()
    context.multiprocessing_options.active_processes = set(range(processes))
    with context:
        yield


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *folders, name = path.split("/")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return tree


def _flat(tree: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(tree, Mapping):
        return {path: tree}
    found: dict[str, Any] = {}
    for name, value in tree.items():
        found |= _flat(value, f"{path}/{name}" if path else str(name))
    return found


@dataclass
class _Target:
    """As what an array is to be read."""

    shape: tuple[int, ...]
    dtype: Any
    sharding: Any = None


def read_orbax(path: str, layouts: Callable[[Checkpoint], dict[str, Any]] | None) -> Checkpoint:
    try:
        v1 = orbax_interface()
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"The checkpoint '{path}' was written by Orbax; to read it, `pip install "
            "highlevel[orbax]`."
        ) from error
    path = os.path.abspath(path)
    there = v1.checkpointables_metadata(path).metadata
    others = {name: None for name in ("highlevel", "model_config", "assets") if name in there}
    loaded = v1.load_checkpointables(path, others) if others else {}
    own = loaded.get("highlevel") or {}
    order = json.loads(own["order"]) if "order" in own else {}
    state: dict[str, dict[str, Any]] = {}
    for group in GROUPS:
        if group in there["pytree"]:
            shapes = {
                name: _Target(tuple(leaf.shape), leaf.dtype)
                for name, leaf in (_flat(there["pytree"][group] or {})).items()
            }
            names = [name for name in order.get(group, ()) if name in shapes]
            state[group] = {name: shapes[name] for name in names or shapes}
    found = layouts(Checkpoint(state, ordered=bool(order))) if layouts is not None else {}
    wanted = _nested({
        name: _target(leaf, found.get(name)) for name, leaf in _flat(there["pytree"]).items()
    })
    for group in there["pytree"]:  # empty ones are part of the tree
        wanted.setdefault(group, {})
    loaded |= v1.load_checkpointables(path, {"pytree": wanted})
    for group, leaves in state.items():
        values = _flat(loaded["pytree"][group]) if loaded["pytree"][group] else {}
        state[group] = {name: values[name] for name in leaves}
    run = None
    if "record" in own:
        with np.load(io.BytesIO(np.asarray(own["arrays"]).tobytes()), allow_pickle=False) as file:
            run = json.loads(own["record"]), dict(file)
    assets = {
        name: np.asarray(value).tobytes()
        for name, value in (_flat(loaded["assets"]) if loaded.get("assets") else {}).items()
    }
    config = (loaded.get("model_config") or {}).get("config")
    if not state:
        raise FileError(f"'{path}' is a checkpoint, but not of a model.")
    return Checkpoint(state, config, assets, run, ordered=bool(order))


def _target(leaf: Any, layout: Any) -> Any:
    """`leaf` on devices as a layout says, or on the host."""
    if layout is None:
        return np.broadcast_to(np.zeros((), leaf.dtype), tuple(leaf.shape))
    return _Target(tuple(leaf.shape), leaf.dtype, layout)
