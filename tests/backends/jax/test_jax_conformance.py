"""The JAX backend passes the kit that every backend is held to."""

from highlevel_backend.conformance import *  # noqa: F403

backend_name = "jax"
