"""Remedies for JAX's own errors."""

from __future__ import annotations

__all__ = ["explain"]


def explain(error: BaseException) -> str | None:
    """See `Backend.explain`."""
    return None
