"""The contract's older names of what `utils` holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.preprocessing import image as image
    from highlevel.preprocessing import sequence as sequence
    from highlevel.utils.directories import (
        image_dataset_from_directory as image_dataset_from_directory,
    )
    from highlevel.utils.directories import (
        text_dataset_from_directory as text_dataset_from_directory,
    )
    from highlevel.utils.timeseries import (
        timeseries_dataset_from_array as timeseries_dataset_from_array,
    )

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.utils.directories": (
            "image_dataset_from_directory text_dataset_from_directory"
        ),
        "highlevel.utils.timeseries": "timeseries_dataset_from_array",
    },
    submodules=("image", "sequence"),
)
