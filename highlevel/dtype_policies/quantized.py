"""Policies of quantized layers: a way of quantizing, and the policy it starts from."""

from __future__ import annotations

from typing import Any

from highlevel import config
from highlevel.dtype_policies.policy import DTypePolicy, dtypes_of

__all__ = [
    "AWQDTypePolicy",
    "GPTQDTypePolicy",
    "Int4DTypePolicy",
    "QuantizedDTypePolicy",
    "QuantizedFloat8DTypePolicy",
    "quantized_policy",
]


class QuantizedDTypePolicy(DTypePolicy):
    """The dtypes of a layer whose kernels are stored in few bits.

    Args:
        mode: `"int8"` or `"int4"`.
        source_name: name of the floating policy that computation follows; the default
            float dtype where None.

    Raises:
        ValueError: a mode this class does not know.

    >>> QuantizedDTypePolicy("int8", "mixed_bfloat16").name
    'int8_from_mixed_bfloat16'
    """

    __slots__ = ("mode", "source_name")
    _modes: tuple[str, ...] = ("int8", "int4")
    _pattern = "'int8' or 'int4'"

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        if not self._knows(mode):
            raise ValueError(
                f"`mode` of a {type(self).__name__} must be {self._pattern}; got {mode!r}."
            )
        self.mode = mode
        self.source_name = source_name if source_name is not None else config.floatx()
        self._name = f"{mode}_from_{self.source_name}"
        self._compute_dtype, self._variable_dtype = dtypes_of(self.source_name)

    @classmethod
    def _knows(cls, mode: Any) -> bool:
        return mode in cls._modes

    @property
    def quantization_mode(self) -> str:
        """How the layer is quantized: the part of the mode before the first `/`."""
        return self.mode.split("/")[0]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"mode": self.mode, "source_name": self.source_name}


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """The dtypes of a layer that multiplies in 8-bit floats with running scales.

    Args:
        mode: `"float8"`.
        source_name: name of the floating policy that computation follows.
        amax_history_length: steps over which the largest magnitudes are kept.
    """

    __slots__ = ("_amax_history_length",)
    _modes = ("float8",)
    _pattern = "'float8'"

    def __init__(
        self, mode: str, source_name: str | None = None, amax_history_length: int = 1024
    ) -> None:
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            raise TypeError(
                f"`amax_history_length` must be an integer; got {amax_history_length!r}."
            )
        self._amax_history_length = amax_history_length

    @property
    def amax_history_length(self) -> int:
        """Steps over which the largest magnitudes are kept."""
        return self._amax_history_length

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "amax_history_length": self._amax_history_length}


class _Grouped(QuantizedDTypePolicy):
    """Modes written `name/number/...`."""

    __slots__ = ()
    _parts: tuple[str, ...] = ()

    @classmethod
    def _knows(cls, mode: Any) -> bool:
        if not isinstance(mode, str):
            return False
        name, *numbers = mode.split("/")
        return (
            name == cls._modes[0]
            and len(numbers) == len(cls._parts)
            and all(number.lstrip("-").isdigit() and int(number) != 0 for number in numbers)
        )

    def _number(self, index: int) -> int:
        return int(self.mode.split("/")[1 + index])


class GPTQDTypePolicy(_Grouped):
    """The dtypes of a layer quantized by GPTQ.

    Args:
        mode: `"gptq/<weight bits>/<group size>"`, such as `"gptq/4/128"`.
        source_name: name of the floating policy that computation follows.
    """

    __slots__ = ()
    _modes = ("gptq",)
    _parts = ("weight_bits", "group_size")
    _pattern = "'gptq/<weight bits>/<group size>', such as 'gptq/4/128'"

    @property
    def weight_bits(self) -> int:
        """Bits per weight."""
        return self._number(0)

    @property
    def group_size(self) -> int:
        """Weights that share a scale."""
        return self._number(1)


class AWQDTypePolicy(_Grouped):
    """The dtypes of a layer quantized by activation-aware scaling.

    Args:
        mode: `"awq/<weight bits>/<group size>"`, such as `"awq/4/128"`.
        source_name: name of the floating policy that computation follows.
    """

    __slots__ = ()
    _modes = ("awq",)
    _parts = ("weight_bits", "group_size")
    _pattern = "'awq/<weight bits>/<group size>', such as 'awq/4/128'"

    weight_bits = GPTQDTypePolicy.weight_bits
    group_size = GPTQDTypePolicy.group_size


class Int4DTypePolicy(_Grouped):
    """The dtypes of a layer with 4-bit weights that share scales by block.

    Args:
        mode: `"int4/<block size>"`, such as `"int4/128"`; -1 for one block per channel.
        source_name: name of the floating policy that computation follows.
    """

    __slots__ = ()
    _modes = ("int4",)
    _parts = ("block_size",)
    _pattern = "'int4/<block size>', such as 'int4/128'"

    @property
    def block_size(self) -> int:
        """Weights that share a scale; -1 for one block per channel."""
        return self._number(0)


def quantized_policy(name: str) -> QuantizedDTypePolicy | None:
    """The policy called `"<mode>_from_<source>"`, or None for a name of another form.

    Raises:
        ValueError: the form is right but the mode is not known.
    """
    mode, separator, source = name.partition("_from_")
    if not separator:
        return None
    for cls in (
        QuantizedDTypePolicy, QuantizedFloat8DTypePolicy, GPTQDTypePolicy, AWQDTypePolicy,
        Int4DTypePolicy,
    ):
        if cls._knows(mode):
            return cls(mode, source)
    raise ValueError(
        f"The dtype policy {name!r} has the unknown mode {mode!r}. Known are 'int8', 'int4', "
        "'float8', 'int4/<block size>', 'gptq/<bits>/<group>' and 'awq/<bits>/<group>'."
    )
