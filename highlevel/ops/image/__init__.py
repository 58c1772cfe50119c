"""Ops on images."""

from highlevel.ops.image.color import *  # noqa: F403
from highlevel.ops.image.filters import *  # noqa: F403
from highlevel.ops.image.geometry import *  # noqa: F403
from highlevel.ops.image.resizing import *  # noqa: F403
from highlevel.ops.image.warping import *  # noqa: F403
