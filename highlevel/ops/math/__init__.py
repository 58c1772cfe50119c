"""Ops that NumPy has not: special functions, segments, spectra."""

from highlevel.ops.math.distances import *  # noqa: F403
from highlevel.ops.math.reducing import *  # noqa: F403
from highlevel.ops.math.signal import *  # noqa: F403
from highlevel.ops.math.special import *  # noqa: F403
