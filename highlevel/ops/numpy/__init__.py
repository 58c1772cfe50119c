"""Ops with the names of NumPy's functions."""

from highlevel.ops.core.conversion import view as view
from highlevel.ops.linalg import slogdet as slogdet
from highlevel.ops.numpy.arithmetic import *  # noqa: F403
from highlevel.ops.numpy.bitwise import *  # noqa: F403
from highlevel.ops.numpy.comparison import *  # noqa: F403
from highlevel.ops.numpy.creation import *  # noqa: F403
from highlevel.ops.numpy.exponents import *  # noqa: F403
from highlevel.ops.numpy.indexing import *  # noqa: F403
from highlevel.ops.numpy.joining import *  # noqa: F403
from highlevel.ops.numpy.mapping import *  # noqa: F403
from highlevel.ops.numpy.missing import *  # noqa: F403
from highlevel.ops.numpy.products import *  # noqa: F403
from highlevel.ops.numpy.reductions import *  # noqa: F403
from highlevel.ops.numpy.rounding import *  # noqa: F403
from highlevel.ops.numpy.shaping import *  # noqa: F403
from highlevel.ops.numpy.sorting import *  # noqa: F403
from highlevel.ops.numpy.trigonometry import *  # noqa: F403
