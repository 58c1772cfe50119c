"""Constraints: projections that weights go through after each step."""

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.constraints.lookup import deserialize as deserialize
    from highlevel.constraints.lookup import get as get
    from highlevel.constraints.lookup import serialize as serialize
    from highlevel.constraints.projections import Constraint as Constraint
    from highlevel.constraints.projections import MaxNorm as MaxNorm
    from highlevel.constraints.projections import MinMaxNorm as MinMaxNorm
    from highlevel.constraints.projections import NonNeg as NonNeg
    from highlevel.constraints.projections import UnitNorm as UnitNorm

    max_norm = MaxNorm
    min_max_norm = MinMaxNorm
    non_neg = NonNeg
    unit_norm = UnitNorm

_PROJECTIONS = "highlevel.constraints.projections"

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        _PROJECTIONS: "Constraint MaxNorm MinMaxNorm NonNeg UnitNorm",
        "highlevel.constraints.lookup": "deserialize get serialize",
    },
    {
        "max_norm": f"{_PROJECTIONS}:MaxNorm",
        "min_max_norm": f"{_PROJECTIONS}:MinMaxNorm",
        "non_neg": f"{_PROJECTIONS}:NonNeg",
        "unit_norm": f"{_PROJECTIONS}:UnitNorm",
    },
)
