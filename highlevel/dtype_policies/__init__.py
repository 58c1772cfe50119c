"""Dtypes of layers: `DTypePolicy`, mixed and quantized ones, and the global default."""

from highlevel.dtype_policies.current import (
    deserialize,
    dtype_policy,
    get,
    serialize,
    set_dtype_policy,
)
from highlevel.dtype_policies.policy import DTypePolicy, FloatDTypePolicy
from highlevel.dtype_policies.policy_map import DTypePolicyMap
from highlevel.dtype_policies.quantized import (
    AWQDTypePolicy,
    GPTQDTypePolicy,
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    QuantizedFloat8DTypePolicy,
)

__all__ = [
    "AWQDTypePolicy",
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "GPTQDTypePolicy",
    "Int4DTypePolicy",
    "QuantizedDTypePolicy",
    "QuantizedFloat8DTypePolicy",
    "deserialize",
    "dtype_policy",
    "get",
    "serialize",
    "set_dtype_policy",
]
