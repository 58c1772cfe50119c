"""The contract's older names of what `utils` and the preprocessing layers hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.preprocessing import sequence as sequence

__getattr__, __dir__, __all__ = lazy_package(__name__, {}, submodules=("sequence",))
