"""Joining the processes of one training."""

from __future__ import annotations

import os
import random
import zlib
from typing import Any

from highlevel_backend import current_backend

from highlevel.random.seed_generator import reset_global_seed

__all__ = ["ProcessLost", "initialize"]

_PREFIXES = ("HIGHLEVEL_DISTRIBUTION_", "KERAS_DISTRIBUTION_")
_NEEDED = (
    "`initialize` needs `job_addresses`, e.g. '10.0.0.1:1234', or the environment variable "
    "HIGHLEVEL_DISTRIBUTION_JOB_ADDRESSES."
)


class ProcessLost(RuntimeError):
    """Another process of the training ended or cannot be reached any more.

    `fit`, `evaluate` and `predict` raise it, from the error of the backend.

    Args:
        reason: what the backend says.
    """

    def __init__(self, reason: str) -> None:
        index, count = current_backend().processes()
        super().__init__(
            f"Process {index} of the {count} that train together cannot go on: another one has "
            "ended, or the connection to it broke. Look for the error in the output of the others; "
            "end what is left of them and start all anew: with the callback "
            "`OrbaxCheckpoint(directory, resume=True)` training goes on from its last checkpoint. "
            f"The backend says: {reason.strip()[:300]}"
        )


def _setting(name: str) -> str | None:
    for prefix in _PREFIXES:
        if os.environ.get(prefix + name):
            return os.environ[prefix + name]
    return None


def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    *,
    heartbeat_timeout_seconds: int | None = None,
    shutdown_timeout_seconds: int | None = None,
) -> None:
    """Join the other processes; to be called before anything else touches a device.

    Without arguments and without the environment's variables JAX asks the launcher: under Slurm,
    Open MPI, on Cloud TPU and in an indexed job of Kubernetes it knows the rest.

    Where the processes' generators behind `seed=None` differ, that is where nobody has called
    `utils.set_random_seed` alike, all take a seed from the first one's: initial weights and
    dropout must be the same everywhere.

    Args:
        job_addresses: `"host:port"` of the processes, separated by commas; the first alone is
            enough. The environment's `HIGHLEVEL_DISTRIBUTION_JOB_ADDRESSES` where None.
        num_processes: how many there are; `..._NUM_PROCESSES`, or the number of addresses.
        process_id: the number of this one, from 0; `..._PROCESS_ID`.
        heartbeat_timeout_seconds: a process that gives no sign of life for so long counts as
            dead, and the others end; `..._HEARTBEAT_TIMEOUT_SECONDS`, or 100.
        shutdown_timeout_seconds: a process that ends, by an error too, waits so long for the
            others to end; then all do. `..._SHUTDOWN_TIMEOUT_SECONDS`, or 300.

    Raises:
        ValueError: an argument is missing, or the number is not that of a process; nothing is
            given and there is no launcher.
        NotImplementedError: the backend runs in one process alone.
    """
    job_addresses = job_addresses or _setting("JOB_ADDRESSES")
    count = num_processes if num_processes is not None else _setting("NUM_PROCESSES")
    number = process_id if process_id is not None else _setting("PROCESS_ID")
    heartbeat = _seconds("heartbeat_timeout_seconds", heartbeat_timeout_seconds, 100)
    shutdown = _seconds("shutdown_timeout_seconds", shutdown_timeout_seconds, 300)
    backend = current_backend()
    if not job_addresses and count is None and number is None:
        try:
            backend.connect(None, None, None, heartbeat, shutdown)
        except ValueError as error:
            raise ValueError(f"{_NEEDED} There is no launcher to ask: {error}") from error
    else:
        address, count, number = _checked(job_addresses, count, number)
        backend.connect(address, count, number, heartbeat, shutdown)
    states = backend.agree(str(zlib.crc32(repr(random.getstate()).encode())), "seed")
    if len(set(states)) > 1:
        random.seed(int(states[0]))
        reset_global_seed()


def _checked(addresses: str | None, count: Any, number: Any) -> tuple[str, int, int]:
    """Address of the first process, number of processes and of this one."""
    if not addresses:
        raise ValueError(_NEEDED)
    first, *others = addresses.split(",")
    if count is None and others:
        count = 1 + len(others)
    if count is None or number is None:
        raise ValueError(
            f"`initialize` needs `num_processes` and `process_id`; got {count} and {number}."
        )
    count, number = int(count), int(number)
    if not 0 <= number < count:
        raise ValueError(f"`process_id` must be from 0 to {count - 1}; got {number}.")
    return first, count, number


def _seconds(name: str, given: int | None, default: int) -> int:
    value = given if given is not None else _setting(name.upper())
    try:
        seconds = int(default if value is None else value)
    except ValueError:
        seconds = 0
    if seconds < 1:
        raise ValueError(f"`{name}` must be a number of seconds, 1 or more; got {value!r}.")
    return seconds
