"""Directories of checkpoints: one folder for each step, each there whole or not at all.

Where the arrays are JAX's and Orbax is installed, a step is written by Orbax: sharded arrays
in shards, by the processes that have them, and in the background. Otherwise it is written by
a thread of this process, as an archive of arrays and a JSON file, beside its place and then
moved there. Both kinds are recognised and read.
"""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from highlevel_backend import canonical_name, current_backend

from highlevel.saving.atomic import replacing_directory
from highlevel.saving.checkpoint_state import GROUPS, Checkpoint
from highlevel.saving.errors import reading
from highlevel.saving.orbax_files import (
    orbax_interface,
    payload,
    read_orbax,
    waiting_at_the_coordinator,
)

__all__ = [
    "CheckpointDirectory", "is_checkpoint", "process_index_and_count", "read_checkpoint",
]

_ARRAYS = "state.npz"
_RECORD = "checkpoint.json"
_REPLACED = ".replaced"
_UNFINISHED = ".orbax-checkpoint-tmp"
_ORBAX = ("_CHECKPOINT_METADATA", "orbax.checkpoint")


def _orbax_is_there() -> bool:
    return (
        importlib.util.find_spec("orbax") is not None
        and importlib.util.find_spec("orbax.checkpoint") is not None
    )


def process_index_and_count() -> tuple[int, int]:
    """The number of this process among those that train together, and how many there are."""
    if not current_backend().compiles or not _orbax_is_there():
        return 0, 1
    from orbax.checkpoint import multihost

    return multihost.process_index(), multihost.process_count()


class CheckpointDirectory:
    """Checkpoints of one training, by step.

    Args:
        path: the directory; made when the first checkpoint is written.
        max_to_keep: how many of the latest to keep; all where None.
        background: write while training goes on.
    """

    def __init__(self, path: Any, max_to_keep: int | None = None, background: bool = False) -> None:
        self.path = os.path.abspath(os.fspath(path))
        self.max_to_keep = max_to_keep
        self.background = background
        self._writing: tuple[int, Callable[[], Any]] | None = None
        self._writer: ThreadPoolExecutor | None = None

    def steps(self) -> list[int]:
        """Steps with a whole checkpoint, the one written last at the end."""
        found = [(os.stat(path).st_mtime_ns, step) for step, path in self._places().items()]
        return [step for _, step in sorted(found)]

    def _places(self) -> dict[int, str]:
        if not os.path.isdir(self.path):
            return {}
        found: dict[int, str] = {}
        for name in sorted(os.listdir(self.path), key=len, reverse=True):
            number = name.removesuffix(_REPLACED)
            place = os.path.join(self.path, name)
            if number.isdigit() and _is_step(place):
                found[int(number)] = place  # the plain name, being shorter, wins
        return found

    def save(self, step: int, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, or begin to; the one before is waited for.

        Raises:
            OSError: this one, or the one before it, could not be written.
        """
        self.wait()
        os.makedirs(self.path, exist_ok=True)
        place = os.path.join(self.path, str(step))
        arrays = [a for group in checkpoint.state.values() for a in group.values()]
        if _for_orbax(arrays):
            index, count = process_index_and_count()
            if not index:  # the others wait for it before Orbax writes
                if os.path.isdir(place):  # of an earlier training: stays until the new one is whole
                    shutil.rmtree(place + _REPLACED, ignore_errors=True)
                    os.rename(place, place + _REPLACED)
                shutil.rmtree(place + _UNFINISHED, ignore_errors=True)  # of one that was killed
            with waiting_at_the_coordinator(count):
                response = orbax_interface().save_checkpointables_async(place, payload(checkpoint))
            self._writing = step, response.result
        else:
            checkpoint = _on_host(checkpoint)  # training goes on and changes the arrays
            self._writer = self._writer or ThreadPoolExecutor(1, "highlevel-checkpoint")
            future: Future = self._writer.submit(_write_plain, place, checkpoint)
            self._writing = step, future.result
        if not self.background:
            self.wait()

    def wait(self) -> None:
        """Until what is being written is there, and no more than wanted are kept.

        Raises:
            OSError: it could not be written.
        """
        if self._writing is None:
            return
        (step, finish), self._writing = self._writing, None
        place = os.path.join(self.path, str(step))
        try:
            finish()
        except Exception as error:
            if not process_index_and_count()[0]:
                shutil.rmtree(place + _UNFINISHED, ignore_errors=True)
                if os.path.isdir(place + _REPLACED) and not os.path.isdir(place):
                    os.rename(place + _REPLACED, place)
            full = "No space left" in str(error)
            raise OSError(
                getattr(error, "errno", None) or (errno.ENOSPC if full else errno.EIO),
                f"The checkpoint of step {step} could not be written: {_shortly(error)}. Those "
                "before it stay as they were",
                place,
            ) from error
        if process_index_and_count()[0]:
            return  # the first process tidies up
        shutil.rmtree(place + _REPLACED, ignore_errors=True)
        if self.max_to_keep is not None:
            for old in self.steps()[: -self.max_to_keep]:
                shutil.rmtree(self._places()[old], ignore_errors=True)

    def close(self) -> None:
        """Wait, and end the writing thread."""
        try:
            self.wait()
        finally:
            if self._writer is not None:
                self._writer.shutdown()
                self._writer = None


def _shortly(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text if len(text) < 300 else f"{text[:300]}..."


def is_checkpoint(path: Any) -> bool:
    """Whether a path is a checkpoint or a directory of them."""
    path = os.fspath(path)
    return _is_step(path) or bool(CheckpointDirectory(path)._places())


def read_checkpoint(
    path: Any, layouts: Callable[[Checkpoint], dict[str, Any]] | None = None
) -> tuple[str, Checkpoint]:
    """Read a checkpoint, or the latest one of a directory.

    Args:
        path: of a step, or of the directory.
        layouts: see `layouts_for`; all arrays are read on the host where None.

    Returns:
        `(path of the step, the checkpoint)`.

    Raises:
        FileNotFoundError: there is none.
        FileError: it is damaged.
        ModuleNotFoundError: it was written by Orbax, which is not installed.
    """
    path = os.fspath(path)
    if not _is_step(path):
        directory = CheckpointDirectory(path)
        steps = directory.steps()
        if not steps:
            raise FileNotFoundError(f"There is no checkpoint in '{path}'.")
        path = directory._places()[steps[-1]]
    with reading(path):
        if os.path.exists(os.path.join(path, _RECORD)):
            return path, _read_plain(path)
        return path, read_orbax(path, layouts)


def _is_step(path: str) -> bool:
    return any(os.path.exists(os.path.join(path, name)) for name in (_RECORD, *_ORBAX))


# ------------------------------------------------------------------- by ourselves


def _on_host(checkpoint: Checkpoint) -> Checkpoint:
    to_numpy = current_backend().to_numpy
    state = {
        group: {name: np.array(to_numpy(value)) for name, value in values.items()}
        for group, values in checkpoint.state.items()
    }
    return Checkpoint(state, checkpoint.config, checkpoint.assets, checkpoint.run)


def _write_plain(place: str, checkpoint: Checkpoint) -> None:
    run = checkpoint.run
    arrays: dict[str, np.ndarray] = {}
    groups: dict[str, list] = {}
    for group, values in checkpoint.state.items():
        groups[group] = []
        for name, value in values.items():
            key = str(len(arrays))
            # What NumPy has no name for (bfloat16) is kept as bytes of its size.
            known = value.dtype.kind in "biufc"
            arrays[key] = value if known else value.view(f"u{value.dtype.itemsize}")
            groups[group].append([name, key, canonical_name(value.dtype)])
    arrays |= {f"run {key}": value for key, value in (run[1] if run else {}).items()}
    arrays |= {
        f"asset {name}": np.frombuffer(content, np.uint8)
        for name, content in checkpoint.assets.items()
    }
    record = {
        "format": "highlevel checkpoint", "version": 1, "groups": groups,
        "model_config": checkpoint.config, "run": run[0] if run else None,
    }
    with replacing_directory(place) as temporary:
        with open(os.path.join(temporary, _ARRAYS), "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        with open(os.path.join(temporary, _RECORD), "w", encoding="utf-8") as file:
            json.dump(record, file)


def _read_plain(path: str) -> Checkpoint:
    with open(os.path.join(path, _RECORD), encoding="utf-8") as file:
        record = json.load(file)
    with np.load(os.path.join(path, _ARRAYS), allow_pickle=False) as file:
        arrays = dict(file)
    state = {
        group: {
            name: arrays[key] if arrays[key].dtype.name == dtype else arrays[key].view(dtype)
            for name, key, dtype in values
        }
        for group, values in record["groups"].items() if group in GROUPS
    }
    run = None
    if record["run"] is not None:
        run = record["run"], {
            key.removeprefix("run "): value for key, value in arrays.items()
            if key.startswith("run ")
        }
    assets = {
        key.removeprefix("asset "): value.tobytes() for key, value in arrays.items()
        if key.startswith("asset ")
    }
    return Checkpoint(state, record["model_config"], assets, run)


def _for_orbax(arrays: list[Any]) -> bool:
    """Whether the arrays are of a kind that lies on devices, and Orbax is there."""
    return all(hasattr(array, "sharding") for array in arrays) and _orbax_is_there()
