"""Several processes: JAX's distributed runtime, and what they tell each other beside the device."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax._src import distributed  # the store of the coordinator, which JAX itself does not offer

__all__ = ["agree", "connect", "lost_process", "processes"]

#: milliseconds after which a wait looks whether it is still wanted
_PATIENCE = 200
_counts: dict[str, Iterator[int]] = defaultdict(itertools.count)

#: what an error says when the connection to another process broke: of gloo, NCCL, the coordinator
_BROKEN = (
    "Gloo", "gloo", "NCCL operation", "ncclRemoteError", "Socket closed", "CoordinationService",
    "coordination service", "Connection reset by peer", "Connection closed by peer",
    "heartbeat timeout",
)


def connect(
    coordinator: str | None, processes: int | None, process: int | None,
    heartbeat_timeout: int, shutdown_timeout: int,
) -> None:
    """See `Backend.connect`."""
    # How processes on CPUs talk; devices of other kinds have ways of their own.
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(
        coordinator, num_processes=processes, process_id=process,
        heartbeat_timeout_seconds=heartbeat_timeout, shutdown_timeout_seconds=shutdown_timeout,
    )


def processes() -> tuple[int, int]:
    """See `Backend.processes`."""
    return jax.process_index(), jax.process_count()


def agree(
    text: str, channel: str = "", while_waiting: Callable[[], None] | None = None
) -> list[str]:
    """See `Backend.agree`.

    By the store of the coordinator, not by a collective: that would wait for what the device
    has to do, and two threads may agree at a time. The first process gathers, so that there
    are three messages per process, however many there are.
    """
    client: Any = distributed.global_state.client
    if client is None:
        return [text]
    index, count = distributed.global_state.process_id, distributed.global_state.num_processes
    number = next(_counts[channel])

    def key(number: int, what: Any) -> str:
        return f"highlevel/{channel}/{number}/{what}"

    def get(what: Any) -> str:
        while True:
            try:
                return client.blocking_key_value_get(key(number, what), _PATIENCE)
            except jax.errors.JaxRuntimeError as error:
                if "DEADLINE_EXCEEDED" not in str(error):
                    raise
            if while_waiting is not None:
                while_waiting()

    if index:
        client.key_value_set(key(number, index), text)
        return json.loads(get("all"))
    found = [text, *map(get, range(1, count))]
    client.key_value_set(key(number, "all"), json.dumps(found))
    if number:  # who has told this time has read what was agreed upon the time before
        client.key_value_delete(f"highlevel/{channel}/{number - 1}/")
    return found


def lost_process(error: BaseException) -> bool:
    """See `Backend.lost_process`."""
    return (
        distributed.global_state.client is not None
        # JAX raises a ValueError or an error of its runtime; files that are written together may
        # fail by it, too.
        and isinstance(error, (ValueError, RuntimeError, OSError))
        and any(part in str(error) for part in _BROKEN)
    )
