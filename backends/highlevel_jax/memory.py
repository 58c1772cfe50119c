"""What the allocator of the process does with the memory that XLA gives back.

On a CPU XLA takes the temporary memory of a program as one block, and frees it at the end of
each call. glibc maps blocks from some size on afresh, and the kernel then fills every page with
zeros when it is first touched: a program that needs 36 MB for some 20 ms of work spends as much
processor time on its page faults as on half of that work. glibc moves that size up as it sees
blocks come and go, but stops at 32 MiB. Here it stops at 64 MiB, which is as much as it
ever keeps for a thread other than the main one: XLA computes in threads of its own.

What is kept so is at most 128 MiB of free memory at the end of the heap, 64 MiB for each
thread that computed. `MALLOC_MMAP_THRESHOLD_` or `MALLOC_TRIM_THRESHOLD_` in the environment, or
glibc's tunables of these names, leave everything as it is. `docs/performance.md` has figures.
"""

from __future__ import annotations

import ctypes
import os

__all__ = ["keep_freed_memory"]

# Parameters of glibc's `mallopt`.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_KEPT = 64 << 20


def keep_freed_memory() -> bool:
    """Let blocks of up to 64 MiB be used again; whether that was done."""
    names = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if any(name in os.environ for name in names) or "malloc.mmap_threshold" in tunables or (
        "malloc.trim_threshold" in tunables
    ):
        return False
    try:
        os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):  # no glibc, which alone has these parameters
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(
        mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT) and mallopt(_TRIM_THRESHOLD, 2 * _LARGEST_KEPT)
    )
