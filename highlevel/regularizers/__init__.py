"""Regularizers: penalties on weights and activations."""

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.regularizers.lookup import deserialize as deserialize
    from highlevel.regularizers.lookup import get as get
    from highlevel.regularizers.lookup import serialize as serialize
    from highlevel.regularizers.penalties import L1 as L1
    from highlevel.regularizers.penalties import L1L2 as L1L2
    from highlevel.regularizers.penalties import L2 as L2
    from highlevel.regularizers.penalties import OrthogonalRegularizer as OrthogonalRegularizer
    from highlevel.regularizers.penalties import Regularizer as Regularizer

    l1 = L1
    l1_l2 = L1L2
    l2 = L2
    orthogonal_regularizer = OrthogonalRegularizer

_PENALTIES = "highlevel.regularizers.penalties"

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        _PENALTIES: "L1 L1L2 L2 OrthogonalRegularizer Regularizer",
        "highlevel.regularizers.lookup": "deserialize get serialize",
    },
    {
        "l1": f"{_PENALTIES}:L1",
        "l1_l2": f"{_PENALTIES}:L1L2",
        "l2": f"{_PENALTIES}:L2",
        "orthogonal_regularizer": f"{_PENALTIES}:OrthogonalRegularizer",
    },
)
