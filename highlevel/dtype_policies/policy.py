"""`DTypePolicy`: in which dtype a layer computes and in which it keeps its variables."""

from __future__ import annotations

from typing import Any

from highlevel_backend import canonical_name, current_backend, is_float

from highlevel import config

__all__ = ["DTypePolicy", "FloatDTypePolicy"]

_MIXED = {
    "mixed_float16": ("float16", "float32"),
    "mixed_bfloat16": ("bfloat16", "float32"),
}


class DTypePolicy:
    """The dtypes of a layer.

    Args:
        name: a dtype name, for computation and variables alike, or `"mixed_float16"` /
            `"mixed_bfloat16"`: variables in float32, computation in the half dtype. The
            default float dtype where None.

    Raises:
        ValueError: no dtype or mixed policy of that name.
        TypeError: the name is not a string.

    >>> policy = DTypePolicy("mixed_bfloat16")
    >>> policy.compute_dtype, policy.variable_dtype
    ('bfloat16', 'float32')
    """

    #: whether it is a map that has another policy for each layer path
    by_path = False
    __slots__ = ("_compute_dtype", "_name", "_variable_dtype")

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            name = config.floatx()
        if not isinstance(name, str):
            raise TypeError(f"The name of a dtype policy must be a string; got {name!r}.")
        self._name = name
        self._compute_dtype, self._variable_dtype = dtypes_of(name)

    @property
    def name(self) -> str:
        """The policy's name."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """dtype that the layer computes in and returns."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """dtype of the layer's variables."""
        return self._variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """How the layer is quantized; None for a floating layer."""
        return None

    def convert_input(self, x: Any, autocast: bool, dtype: Any) -> Any:
        """An input as the layer takes it.

        Args:
            x: array, symbolic tensor or any other value.
            autocast: cast floating arrays.
            dtype: dtype to cast them to.

        Returns:
            An array of the current backend or a symbolic tensor; other values unchanged.
        """
        wanted = canonical_name(dtype)
        found = getattr(x, "dtype", None)
        if found is None or not hasattr(x, "shape"):
            return x
        cast = autocast and is_float(canonical_name(found)) and canonical_name(found) != wanted
        backend = current_backend()
        if hasattr(x, "node") and hasattr(x, "index"):  # symbolic
            if not cast:
                return x
            converted = type(x).of(x.shape, wanted)
            converted.node, converted.index = x.node, x.index
            return converted
        array = x if backend.is_array(x) else backend.asarray(getattr(x, "value", x))
        return backend.cast(array, wanted) if cast else array

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """The policy that `get_config` described."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DTypePolicy) and type(other) is type(self)
            and other.get_config() == self.get_config()
        )

    def __hash__(self) -> int:
        return hash((type(self), self._name))

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


class FloatDTypePolicy(DTypePolicy):
    """A policy of floating dtypes; kept for code that names it."""

    __slots__ = ()


def dtypes_of(name: str) -> tuple[str, str]:
    """`(compute dtype, variable dtype)` of a policy's name.

    Raises:
        ValueError: no such dtype or mixed policy.
    """
    if name in _MIXED:
        return _MIXED[name]
    try:
        dtype = canonical_name(name)
    except ValueError:
        import difflib

        near = difflib.get_close_matches(name, [*_MIXED, "float32", "bfloat16", "float16"], n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"{name!r} is no dtype policy. Known are 'mixed_float16', 'mixed_bfloat16' and "
            f"the names of dtypes, such as 'float32'.{hint}"
        ) from None
    return dtype, dtype
