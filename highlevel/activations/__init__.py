"""Activation functions by name and as functions."""

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.activations.functions import celu as celu
    from highlevel.activations.functions import elu as elu
    from highlevel.activations.functions import exponential as exponential
    from highlevel.activations.functions import gelu as gelu
    from highlevel.activations.functions import glu as glu
    from highlevel.activations.functions import hard_shrink as hard_shrink
    from highlevel.activations.functions import hard_sigmoid as hard_sigmoid
    from highlevel.activations.functions import hard_silu as hard_silu
    from highlevel.activations.functions import hard_tanh as hard_tanh
    from highlevel.activations.functions import leaky_relu as leaky_relu
    from highlevel.activations.functions import linear as linear
    from highlevel.activations.functions import log_sigmoid as log_sigmoid
    from highlevel.activations.functions import log_softmax as log_softmax
    from highlevel.activations.functions import mish as mish
    from highlevel.activations.functions import relu as relu
    from highlevel.activations.functions import relu6 as relu6
    from highlevel.activations.functions import selu as selu
    from highlevel.activations.functions import sigmoid as sigmoid
    from highlevel.activations.functions import silu as silu
    from highlevel.activations.functions import soft_shrink as soft_shrink
    from highlevel.activations.functions import softmax as softmax
    from highlevel.activations.functions import softplus as softplus
    from highlevel.activations.functions import softsign as softsign
    from highlevel.activations.functions import sparse_plus as sparse_plus
    from highlevel.activations.functions import sparse_sigmoid as sparse_sigmoid
    from highlevel.activations.functions import sparsemax as sparsemax
    from highlevel.activations.functions import squareplus as squareplus
    from highlevel.activations.functions import tanh as tanh
    from highlevel.activations.functions import tanh_shrink as tanh_shrink
    from highlevel.activations.functions import threshold as threshold
    from highlevel.activations.lookup import deserialize as deserialize
    from highlevel.activations.lookup import get as get
    from highlevel.activations.lookup import serialize as serialize

    hard_swish = hard_silu
    swish = silu

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
