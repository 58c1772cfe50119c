"""The NumPy backend under the kit that every backend has to pass."""

from highlevel_backend.conformance import *  # noqa: F403

backend_name = "numpy"
