"""Ops of neural networks: activations, convolution, pooling, normalization, losses."""

from highlevel.ops.nn.activations import *  # noqa: F403
from highlevel.ops.nn.activations import hard_silu, silu
from highlevel.ops.nn.attention import *  # noqa: F403
from highlevel.ops.nn.convolution import *  # noqa: F403
from highlevel.ops.nn.ctc import *  # noqa: F403
from highlevel.ops.nn.encoding import *  # noqa: F403
from highlevel.ops.nn.losses import *  # noqa: F403
from highlevel.ops.nn.normalization import *  # noqa: F403
from highlevel.ops.nn.patches import *  # noqa: F403
from highlevel.ops.nn.pooling import *  # noqa: F403

swish = silu
hard_swish = hard_silu
