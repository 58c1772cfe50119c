"""What a configuration from a file may ask for: no other files, no heaps of memory.

Weights are pending until something is known to fill them, so a huge layer costs nothing. A
few objects, though, compute tables when they are made or built, of sizes that their
arguments give. In safe mode these have bounds, far above what a real model uses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from highlevel.serialization.registry import in_safe_mode

__all__ = ["check_arguments", "check_build", "refuse_path"]

#: argument → largest value; what is computed grows with the argument or its square
_LARGEST = {
    "num_thresholds": 100_000,
    "num_classes": 10_000,
    "fft_length": 2**16,
    "frame_length": 2**16,
    "num_mel_bins": 4096,
    "ngrams": 64,
}
#: of layers that run a function of the user's on an array of ones when they are built
_RUN_WHEN_BUILT = ("JaxLayer", "FlaxLayer")
_ELEMENTS = 2**26


def check_arguments(cls: type, config: Mapping[str, Any]) -> None:
    """Whether a class may be made with these arguments.

    Raises:
        ValueError: an argument would have another file read or much memory filled.
    """
    if not in_safe_mode() or cls.__module__.split(".")[0] != "highlevel":
        return
    refuse_path(cls, config)
    for name, most in _LARGEST.items():
        value = config.get(name)
        if isinstance(value, (int, float)) and not value <= most:
            raise ValueError(
                f"The configuration of {cls.__name__} '{config.get('name')}' asks for "
                f"`{name}={value!r}`. In safe mode it may be {most:,} at most; pass "
                "`safe_mode=False` if you trust it."
            )


def refuse_path(cls: type, config: Mapping[str, Any]) -> None:
    """Whether a configuration gives a path in place of a vocabulary.

    Raises:
        ValueError: it does, and this is safe mode.
    """
    if isinstance(config.get("vocabulary"), (str, bytes)) and in_safe_mode():
        raise ValueError(
            f"The configuration of {cls.__name__} '{config.get('name')}' asks to read its "
            f"vocabulary from the file {config['vocabulary']!r}. In safe mode no file outside the "
            "saved model is opened; pass `safe_mode=False` if you trust it."
        )


def check_build(cls: type, config: Any) -> None:
    """Whether a layer may be built as a file says.

    Raises:
        ValueError: an array as large as its input is made for it, and that is huge.
    """
    if not in_safe_mode() or cls.__name__ not in _RUN_WHEN_BUILT:
        return
    waiting, counts = [config], []
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            waiting += item.values()
        elif isinstance(item, (list, tuple)):
            waiting += [part for part in item if isinstance(part, (Mapping, list, tuple))]
            counts.append(math.prod(part for part in item if isinstance(part, int) and part > 1))
    if any(count > _ELEMENTS for count in counts):
        raise ValueError(
            f"The configuration of a {cls.__name__} has it built for an input of "
            f"{max(counts):,} elements, and an array of that size would be made. In safe mode "
            f"they may be {_ELEMENTS:,}; pass `safe_mode=False` if you trust it."
        )
