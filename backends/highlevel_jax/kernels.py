"""Faster definitions of single operations; the conformance kit compares each with its reference."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["KERNELS"]

KERNELS: dict[str, Callable] = {}
