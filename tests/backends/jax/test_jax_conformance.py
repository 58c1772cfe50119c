"""The JAX backend passes the kit that every backend is held to."""

import numpy as np
from highlevel_backend.conformance import *  # noqa: F403

from highlevel.ops.math.special import _erf, _erfc
from highlevel.ops.nn.activations import _sigmoid

backend_name = "jax"

_RANGE = np.linspace(-5, 5, 101, dtype="float32")
kernel_cases = {
    "erf": (_erf, [((_RANGE,), {})]),
    "erfc": (_erfc, [((_RANGE,), {})]),
    "sigmoid": (_sigmoid, [((_RANGE,), {})]),
}
