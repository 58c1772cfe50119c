"""Programs: compiled, counted, and told of.

JAX traces a function when it is called with arguments of a new kind, and compiles what it has
traced right afterwards, in the same thread. The trace is where we learn of it; how long the
compiler took, and whether the program lay in the cache on disk, JAX tells its listeners.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
from highlevel_backend import ArraySpec
from highlevel_backend.compilation import Compilation
from jax import monitoring

__all__ = ["cache_programs", "compile_program"]

_COMPILED = "/jax/core/compile/backend_compile_duration"
_FROM_DISK = "/jax/compilation_cache/cache_hits"


class _Now(threading.local):
    """What this thread is compiling.

    Attributes:
        depth: how deep it is inside functions being traced. A program that is called while
            another one is traced becomes part of it and is not compiled by itself.
        waiting: the program that was traced and is not compiled yet, and when that began.
        hit: whether it was found on disk.
    """

    depth = 0
    waiting: tuple[Compilation, float] | None = None
    hit = False


_now = _Now()


def compile_program(
    function: Callable,
    donate: Sequence[int],
    on_compile: Callable[[], None],
    note: Callable[[Compilation], None] | None = None,
    **options: Any,
) -> Callable:
    """`function` as a jitted program.

    The function is wrapped anew each time, because JAX shares traces between functions
    that compare equal: the methods of one object would keep the trace made before the
    object changed.

    Args:
        function: of trees of arrays.
        donate: positions of arguments whose memory the program may reuse.
        on_compile: called each time it is traced.
        note: called with a `Compilation` when it has been traced; its seconds follow.
        options: further ones of `jax.jit`.
    """

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        outermost = _now.depth == 0
        began = time.perf_counter()
        if outermost:
            on_compile()
            _now.waiting = None
        _now.depth += 1
        try:
            result = function(*args, **kwargs)
        finally:
            _now.depth -= 1
        if outermost and note is not None:
            told = Compilation(_specs(args))
            note(told)
            _now.waiting, _now.hit = (told, began), False
        return result

    return jax.jit(traced, donate_argnums=tuple(donate), **options)


def _specs(args: tuple) -> dict[tuple, ArraySpec]:
    return {
        tuple([getattr(key, "idx", getattr(key, "key", None)) for key in path]):
            ArraySpec(tuple(leaf.shape), leaf.dtype.name)
        for path, leaf in jax.tree_util.tree_flatten_with_path(args)[0]
    }


def _on_duration(event: str, duration_secs: float, **kwargs: Any) -> None:
    waiting = _now.waiting
    if event == _COMPILED and waiting is not None and _now.depth == 0:
        told, began = waiting
        told.seconds = time.perf_counter() - began
        told.cached = _now.hit
        _now.waiting = None


def _on_event(event: str, **kwargs: Any) -> None:
    if event == _FROM_DISK and _now.depth == 0:
        _now.hit = True


monitoring.register_event_duration_secs_listener(_on_duration)
monitoring.register_event_listener(_on_event)


def cache_programs(directory: str | None) -> None:
    """See `Backend.cache_programs`."""
    # Imported here: it is an extension of JAX's that not every start needs.
    from jax.experimental.compilation_cache import compilation_cache

    jax.config.update("jax_compilation_cache_dir", directory)
    if directory is not None:
        # By default JAX leaves out what compiled in less than a second: most of what we have.
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    compilation_cache.reset_cache()  # it looks at the setting once, when it is first used
