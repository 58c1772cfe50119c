"""Faster definitions of single operations; the conformance kit compares each with its reference."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from highlevel_backend.random_mask import random_mask
from jax import lax

from highlevel_jax.attention import flash_attention
from highlevel_jax.gelu import gelu
from highlevel_jax.moments import moments
from highlevel_jax.products import matrix_product
from highlevel_jax.recurrence import gru_sequence, lstm_sequence, simple_rnn_sequence
from highlevel_jax.standardized import standardized

__all__ = ["KERNELS"]

KERNELS: dict[str, Callable] = {
    "erf": lax.erf,
    "erfc": lax.erfc,
    "flash_attention": flash_attention,
    "gelu": gelu,
    "gru_sequence": gru_sequence,
    "lstm_sequence": lstm_sequence,
    "matrix_product": matrix_product,
    "moments": moments,
    "random_mask": partial(random_mask, jnp),
    "sigmoid": lax.logistic,
    "simple_rnn_sequence": simple_rnn_sequence,
    "standardized": standardized,
}
