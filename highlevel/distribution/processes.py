"""Joining the processes of one training."""

from __future__ import annotations

import os

from highlevel_backend import current_backend

__all__ = ["initialize"]

_PREFIXES = ("HIGHLEVEL_DISTRIBUTION_", "KERAS_DISTRIBUTION_")


def _setting(name: str) -> str | None:
    for prefix in _PREFIXES:
        if os.environ.get(prefix + name):
            return os.environ[prefix + name]
    return None


def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
) -> None:
    """Join the other processes; to be called before anything else touches a device.

    Args:
        job_addresses: `"host:port"` of the processes, separated by commas; the first alone is
            enough. The environment's `HIGHLEVEL_DISTRIBUTION_JOB_ADDRESSES` where None.
        num_processes: how many there are; `..._NUM_PROCESSES`, or the number of addresses.
        process_id: the number of this one, from 0; `..._PROCESS_ID`.

    Raises:
        ValueError: an argument is missing, or the number is not that of a process.
        NotImplementedError: the backend runs in one process alone.
    """
    job_addresses = job_addresses or _setting("JOB_ADDRESSES")
    if not job_addresses:
        raise ValueError(
            "`initialize` needs `job_addresses`, e.g. '10.0.0.1:1234', or the environment "
            "variable HIGHLEVEL_DISTRIBUTION_JOB_ADDRESSES."
        )
    addresses = job_addresses.split(",")
    count = num_processes if num_processes is not None else _setting("NUM_PROCESSES")
    number = process_id if process_id is not None else _setting("PROCESS_ID")
    if count is None and len(addresses) > 1:
        count = len(addresses)
    if count is None or number is None:
        raise ValueError(
            f"`initialize` needs `num_processes` and `process_id`; got {count} and {number}."
        )
    count, number = int(count), int(number)
    if not 0 <= number < count:
        raise ValueError(f"`process_id` must be from 0 to {count - 1}; got {number}.")
    current_backend().connect(addresses[0], count, number)
