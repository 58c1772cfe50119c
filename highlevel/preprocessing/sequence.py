"""The contract's `preprocessing.sequence` namespace."""

from __future__ import annotations

from highlevel.utils.arrays import pad_sequences

__all__ = ["pad_sequences"]
