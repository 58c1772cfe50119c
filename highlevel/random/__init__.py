"""Random numbers: the same seed gives the same numbers on every backend."""

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.random.distributions import categorical as categorical
    from highlevel.random.distributions import dropout as dropout
    from highlevel.random.distributions import normal as normal
    from highlevel.random.distributions import randint as randint
    from highlevel.random.distributions import shuffle as shuffle
    from highlevel.random.distributions import truncated_normal as truncated_normal
    from highlevel.random.distributions import uniform as uniform
    from highlevel.random.rejection import beta as beta
    from highlevel.random.rejection import binomial as binomial
    from highlevel.random.rejection import gamma as gamma
    from highlevel.random.seed_generator import SeedGenerator as SeedGenerator

__getattr__, __dir__, __all__ = lazy_package(__name__, {
    "highlevel.random.distributions":
        "categorical dropout normal randint shuffle truncated_normal uniform",
    "highlevel.random.rejection": "beta binomial gamma",
    "highlevel.random.seed_generator": "SeedGenerator",
})
