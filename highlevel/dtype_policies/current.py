"""The policy in force where none is given, and policies by name."""

from __future__ import annotations

from typing import Any

from highlevel_backend import canonical_name

from highlevel import config
from highlevel.dtype_policies.policy import DTypePolicy
from highlevel.dtype_policies.quantized import quantized_policy
from highlevel.serialization import deserialize_keras_object, serialize_keras_object

__all__ = ["deserialize", "dtype_policy", "get", "serialize", "set_dtype_policy"]

_chosen: DTypePolicy | None = None
_by_name: dict[str, DTypePolicy] = {}


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are given none; the default float dtype unless set.

    >>> dtype_policy().name
    'float32'
    """
    return _chosen if _chosen is not None else _named(config.floatx())


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers made from now on without one.

    Args:
        policy: a policy or its name; None for the default float dtype again.
    """
    global _chosen
    _chosen = None if policy is None else get(policy)


def get(identifier: Any) -> DTypePolicy:
    """A policy from a name, a dtype, a configuration or itself; None gives the global one.

    Raises:
        ValueError: nothing of that name, or another kind of value.

    >>> get("mixed_float16").variable_dtype
    'float32'
    """
    if identifier is None:
        return _chosen if _chosen is not None else _named(config.floatx())
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, str):
        return _named(identifier)
    if isinstance(identifier, dict):
        return deserialize(identifier)
    try:
        return _named(canonical_name(identifier))
    except ValueError:
        raise ValueError(
            "A dtype must be given as a name, a policy's name or a `DTypePolicy`; got "
            f"{identifier!r}."
        ) from None


def _named(name: str) -> DTypePolicy:
    policy = _by_name.get(name)
    if policy is None:
        policy = _by_name[name] = quantized_policy(name) or DTypePolicy(name)
    return policy


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """The configuration of a policy.

    >>> serialize(DTypePolicy("bfloat16"))["config"]
    {'name': 'bfloat16'}
    """
    return serialize_keras_object(dtype_policy)


def deserialize(
    config: dict[str, Any], custom_objects: dict[str, Any] | None = None
) -> DTypePolicy:
    """The policy that a configuration describes.

    Raises:
        ValueError: the configuration is of something else.
    """
    if config.get("module") is None and "class_name" in config:
        config = {**config, "module": "keras.dtype_policies"}
    policy = deserialize_keras_object(config, custom_objects=custom_objects)
    if not isinstance(policy, DTypePolicy):
        raise ValueError(f"This is not the configuration of a dtype policy: {config!r}.")
    return policy
