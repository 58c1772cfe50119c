"""`DTypePolicyMap`: policies by layer path."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from highlevel.dtype_policies import current
from highlevel.dtype_policies.policy import DTypePolicy
from highlevel.serialization import deserialize_keras_object, serialize_keras_object

__all__ = ["DTypePolicyMap"]


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """A policy for each layer path, and one for the rest.

    Args:
        default_policy: policy of the paths that nothing matches; the global one where None.
        policy_map: path or regular expression of whole paths → policy.

    Raises:
        TypeError: `policy_map` is not a dict.

    >>> policies = DTypePolicyMap("float32", {"encoder/.*": DTypePolicy("mixed_bfloat16")})
    >>> policies["encoder/dense"].name, policies["head"].name
    ('mixed_bfloat16', 'float32')
    """

    by_path = True
    __slots__ = ("_default", "_given_default", "_policies")

    def __init__(
        self, default_policy: Any = None, policy_map: dict[str, DTypePolicy] | None = None
    ) -> None:
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(f"`policy_map` must be a dict; got {policy_map!r}.")
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("`default_policy` cannot itself be a DTypePolicyMap.")
        self._given_default = default_policy
        self._default = current.get(default_policy)
        self._policies: dict[str, DTypePolicy] = {}
        for key, policy in (policy_map or {}).items():
            self[key] = policy

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of the paths that nothing matches."""
        return self._default

    @property
    def name(self) -> str:
        """`map_` and the default policy's name."""
        return f"map_{self._default.name}"

    @property
    def compute_dtype(self) -> str:
        """The default policy's."""
        return self._default.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The default policy's."""
        return self._default.variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """The default policy's."""
        return self._default.quantization_mode

    def __getitem__(self, key: str) -> DTypePolicy:
        found = self._policies.get(key)
        if found is not None:
            return found
        matching = [pattern for pattern in self._policies if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(
                f"The path {key!r} matches several keys of the DTypePolicyMap: {matching}. "
                "Make them exclude one another."
            )
        return self._policies[matching[0]] if matching else self._default

    def __setitem__(self, key: str, policy: Any) -> None:
        if key in self._policies:
            raise ValueError(
                f"The DTypePolicyMap already has a policy for {key!r}: {self._policies[key]}. "
                "Delete it first."
            )
        if not isinstance(policy, (DTypePolicy, str)):
            raise TypeError(f"A policy or its name is needed for {key!r}; got {policy!r}.")
        self._policies[key] = current.get(policy)

    def __delitem__(self, key: str) -> None:
        del self._policies[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policies

    def get(self, key: str, default: Any = None) -> DTypePolicy:
        """The policy of a path, as `self[key]`."""
        return self[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __len__(self) -> int:
        return len(self._policies)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        default = self._given_default
        if isinstance(default, DTypePolicy):
            default = default.name
        return {
            "default_policy": default,
            "policy_map": {
                key: serialize_keras_object(policy) for key, policy in self._policies.items()
            },
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> DTypePolicyMap:
        """The map that `get_config` described."""
        policies = {
            key: deserialize_keras_object(policy, custom_objects=custom_objects)
            for key, policy in (config.get("policy_map") or {}).items()
        }
        return cls(config.get("default_policy"), policies)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        inner = ", ".join(f"{key!r}: {policy.name!r}" for key, policy in self._policies.items())
        return f"<DTypePolicyMap default={self._default.name!r}, {{{inner}}}>"
