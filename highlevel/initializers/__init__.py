"""Initializers: what weights start as."""

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.initializers.base import Initializer as Initializer
    from highlevel.initializers.chance import GlorotNormal as GlorotNormal
    from highlevel.initializers.chance import GlorotUniform as GlorotUniform
    from highlevel.initializers.chance import HeNormal as HeNormal
    from highlevel.initializers.chance import HeUniform as HeUniform
    from highlevel.initializers.chance import LecunNormal as LecunNormal
    from highlevel.initializers.chance import LecunUniform as LecunUniform
    from highlevel.initializers.chance import Orthogonal as Orthogonal
    from highlevel.initializers.chance import RandomInitializer as RandomInitializer
    from highlevel.initializers.chance import RandomNormal as RandomNormal
    from highlevel.initializers.chance import RandomUniform as RandomUniform
    from highlevel.initializers.chance import TruncatedNormal as TruncatedNormal
    from highlevel.initializers.chance import VarianceScaling as VarianceScaling
    from highlevel.initializers.fixed import STFT as STFT
    from highlevel.initializers.fixed import Constant as Constant
    from highlevel.initializers.fixed import Identity as Identity
    from highlevel.initializers.fixed import Ones as Ones
    from highlevel.initializers.fixed import Zeros as Zeros
    from highlevel.initializers.lookup import deserialize as deserialize
    from highlevel.initializers.lookup import get as get
    from highlevel.initializers.lookup import serialize as serialize

    IdentityInitializer = Identity
    OrthogonalInitializer = Orthogonal
    STFTInitializer = STFT
    constant = Constant
    glorot_normal = GlorotNormal
    glorot_uniform = GlorotUniform
    he_normal = HeNormal
    he_uniform = HeUniform
    identity = Identity
    lecun_normal = LecunNormal
    lecun_uniform = LecunUniform
    ones = Ones
    orthogonal = Orthogonal
    random_normal = RandomNormal
    random_uniform = RandomUniform
    stft = STFT
    truncated_normal = TruncatedNormal
    variance_scaling = VarianceScaling
    zeros = Zeros

_CHANCE = "highlevel.initializers.chance"
_FIXED = "highlevel.initializers.fixed"

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.initializers.base": "Initializer",
        _CHANCE: (
            "GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform Orthogonal "
            "RandomInitializer RandomNormal RandomUniform TruncatedNormal VarianceScaling"
        ),
        _FIXED: "STFT Constant Identity Ones Zeros",
        "highlevel.initializers.lookup": "deserialize get serialize",
    },
    {
        "IdentityInitializer": f"{_FIXED}:Identity",
        "OrthogonalInitializer": f"{_CHANCE}:Orthogonal",
        "STFTInitializer": f"{_FIXED}:STFT",
        "constant": f"{_FIXED}:Constant",
        "glorot_normal": f"{_CHANCE}:GlorotNormal",
        "glorot_uniform": f"{_CHANCE}:GlorotUniform",
        "he_normal": f"{_CHANCE}:HeNormal",
        "he_uniform": f"{_CHANCE}:HeUniform",
        "identity": f"{_FIXED}:Identity",
        "lecun_normal": f"{_CHANCE}:LecunNormal",
        "lecun_uniform": f"{_CHANCE}:LecunUniform",
        "ones": f"{_FIXED}:Ones",
        "orthogonal": f"{_CHANCE}:Orthogonal",
        "random_normal": f"{_CHANCE}:RandomNormal",
        "random_uniform": f"{_CHANCE}:RandomUniform",
        "stft": f"{_FIXED}:STFT",
        "truncated_normal": f"{_CHANCE}:TruncatedNormal",
        "variance_scaling": f"{_CHANCE}:VarianceScaling",
        "zeros": f"{_FIXED}:Zeros",
    },
)
