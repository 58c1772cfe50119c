"""For tests of your own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from highlevel.compilations import Compilations, watched

__all__ = ["max_compilations"]


@contextmanager
def max_compilations(n: int) -> Iterator[Compilations]:
    """Fail where the block compiles more than `n` programs.

    Counted are the programs of models and optimizers and of random numbers, not the single
    operations that a library compiles when they are called outside of any program.

    Args:
        n: how many are in order.

    Returns:
        A context manager that gives the list of programs, which grows as they are compiled.

    Raises:
        AssertionError: there were more; tells what each was for and why it was needed.
        ValueError: `n` is no whole number of at least 0.

    >>> import highlevel as hl
    >>> model = hl.Sequential([hl.Input((3,)), hl.layers.Dense(2)])
    >>> with hl.use_backend("jax"), max_compilations(1) as programs:
    ...     for rows in (1, 5, 2):
    ...         _ = model.predict(hl.ops.ones((rows, 3)), verbose=0)
    >>> programs[0].purpose
    'prediction'
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise ValueError(f"`max_compilations` takes a whole number of at least 0; got {n!r}.")
    programs = Compilations()
    watched.append(programs)
    try:
        yield programs
    finally:
        # By identity: two lists of equal programs are equal.
        watched[:] = [each for each in watched if each is not programs]
    if len(programs) > n:
        told = "\n".join(
            f"  {program.owner + ': ' if program.owner else ''}{program}" for program in programs
        )
        raise AssertionError(
            f"{len(programs)} programs were compiled, {n} at most were expected:\n{told}\n"
            "Bring arguments to one shape and dtype, or expect more."
        )
