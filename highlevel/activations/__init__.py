"""Activation functions by name and as functions."""

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.activations.functions import *  # noqa: F403
    from highlevel.activations.functions import hard_silu as hard_swish  # noqa: F401
    from highlevel.activations.functions import silu as swish  # noqa: F401
    from highlevel.activations.lookup import (
        deserialize as deserialize,
    )
    from highlevel.activations.lookup import (
        get as get,
    )
    from highlevel.activations.lookup import (
        serialize as serialize,
    )

_FUNCTIONS = "highlevel.activations.functions"

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        _FUNCTIONS: (
            "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh "
            "leaky_relu linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu "
            "soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax "
            "squareplus tanh tanh_shrink threshold"
        ),
        "highlevel.activations.lookup": "deserialize get serialize",
    },
    {"swish": f"{_FUNCTIONS}:silu", "hard_swish": f"{_FUNCTIONS}:hard_silu"},
)
