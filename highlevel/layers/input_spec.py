"""`InputSpec`: what a layer demands of its inputs, and the check of it."""

from __future__ import annotations

from typing import Any

from highlevel_backend import canonical_name, tree

__all__ = ["InputSpec", "check_inputs"]


class InputSpec:
    """Rank, shape and dtype that a layer expects of one input.

    Args:
        dtype: dtype name.
        shape: full shape, `None` for dimensions that may be anything.
        ndim: exact rank.
        max_ndim, min_ndim: bounds of the rank.
        axes: axis → the length it must have.
        allow_last_axis_squeeze: a last axis of length 1 may be missing or extra.
        name: key of the input where inputs come as a dict.
        optional: the input may be None.

    >>> InputSpec(ndim=3, axes={-1: 8})
    InputSpec(ndim=3, axes={-1: 8})
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = canonical_name(dtype) if dtype is not None else None
        self.shape = tuple(shape) if shape is not None else None
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(axis): length for axis, length in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional

    def __repr__(self) -> str:
        shown = {
            "dtype": self.dtype, "shape": self.shape,
            "ndim": None if self.shape is not None else self.ndim,
            "max_ndim": self.max_ndim, "min_ndim": self.min_ndim, "axes": self.axes or None,
        }
        inner = ", ".join(f"{k}={v}" for k, v in shown.items() if v is not None)
        return f"InputSpec({inner})"

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal spec."""
        return {
            "dtype": self.dtype, "shape": self.shape, "ndim": self.ndim,
            "max_ndim": self.max_ndim, "min_ndim": self.min_ndim, "axes": self.axes,
            "optional": self.optional,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """The spec that `get_config` described."""
        return cls(**config)


def check_inputs(spec: Any, inputs: Any, layer: Any) -> None:
    """Hold a layer's inputs against its `input_spec`.

    Raises:
        ValueError: they do not fit; names the layer, what came and what was expected.
    """
    if type(spec) is InputSpec and hasattr(inputs, "shape"):
        _check_one(spec, inputs, None, layer)
        return
    specs = tree.leaves(spec, is_leaf=lambda s: isinstance(s, InputSpec))
    if isinstance(inputs, dict) and all(s.name is not None for s in specs):
        missing = [s.name for s in specs if s.name not in inputs and not s.optional]
        if missing:
            raise ValueError(
                f"{_who(layer)} expects inputs named {[s.name for s in specs]}; "
                f"{missing} are missing from {sorted(inputs)}."
            )
        values = [inputs.get(s.name) for s in specs]
    else:
        values = tree.leaves(inputs) if type(inputs) in (list, tuple, dict) else [inputs]
        if len(values) != len(specs):
            if any(s.optional for s in specs):
                return
            raise ValueError(
                f"{_who(layer)} expects {len(specs)} input(s), but it received {len(values)}: "
                f"{[tuple(getattr(v, 'shape', ())) for v in values]}."
            )
    for index, (one, value) in enumerate(zip(specs, values)):
        if value is None and one.optional:
            continue
        if one is not None and not hasattr(value, "shape"):
            raise ValueError(
                f"{_who(layer)} needs arrays as inputs; input {index} is {value!r} of type "
                f"{type(value).__name__}."
            )
        if one is not None:
            _check_one(one, value, index if len(specs) > 1 else None, layer)


def _who(layer: Any) -> str:
    return f"{type(layer).__name__} '{layer.name}' (path '{layer.path}')"


def _check_one(spec: InputSpec, value: Any, index: int | None, layer: Any) -> None:
    shape = tuple(value.shape)
    rank = len(shape)
    which = "an input" if index is None else f"input {index}"

    def fail(expected: str, remedy: str) -> None:
        raise ValueError(
            f"{_who(layer)} cannot take {which} of shape {shape}: it expects {expected}. "
            f"{remedy}"
        )

    wanted = spec.shape
    if wanted is not None and spec.allow_last_axis_squeeze:
        if shape and shape[-1] == 1 and rank == len(wanted) + 1:
            shape, rank = shape[:-1], rank - 1
        elif wanted and wanted[-1] == 1 and rank == len(wanted) - 1:
            wanted = wanted[:-1]
    ndim = len(wanted) if wanted is not None else spec.ndim
    if ndim is not None and rank != ndim:
        more = "Add the missing axes with `ops.expand_dims` or a `Reshape` layer." \
            if rank < ndim else "Remove axes with `Flatten`, `Reshape` or a pooling layer."
        if rank == ndim - 1:
            more = (
                "Is the batch axis missing (`x[None]` adds it), or the channels axis "
                "(`x[..., None]`)?"
            )
        fail(f"{ndim} axes, batch included, not {rank}", more)
    if spec.max_ndim is not None and rank > spec.max_ndim:
        fail(f"at most {spec.max_ndim} axes, not {rank}", "Reshape the input first.")
    if spec.min_ndim is not None and rank < spec.min_ndim:
        fail(
            f"at least {spec.min_ndim} axes, batch included, not {rank}",
            "Is the batch axis missing? `x[None]` adds it.",
        )
    if spec.dtype is not None and canonical_name(value.dtype) != spec.dtype:
        fail(f"the dtype {spec.dtype}, not {value.dtype}", "Cast it with `ops.cast`.")
    for axis, length in spec.axes.items():
        if length is not None and -rank <= axis < rank and shape[axis] not in (length, None):
            last = axis in (-1, rank - 1)
            where = "last axis" if last else f"axis {axis}"
            remedy = (
                f"Give it {length} features, or make a new {type(layer).__name__} for inputs "
                f"of {shape[axis]}: this one was built for {length}."
            )
            formats = getattr(layer, "data_format", None)
            if formats and rank > 2 and shape[1 if last else -1] == length:
                other = "channels_first" if last else "channels_last"
                move = "1, -1" if last else "-1, 1"
                remedy += (
                    f" Is the input {other}? The layer's `data_format` is '{formats}': set it to "
                    f"'{other}', or move the axis with `ops.moveaxis(x, {move})`."
                )
            fail(f"a {where} of length {length}, not {shape[axis]}", remedy)
    if wanted is not None:
        for axis, (length, given) in enumerate(zip(wanted, shape)):
            if length is not None and given is not None and length != given:
                fail(
                    f"the shape {wanted}, and axis {axis} is {given}, not {length}",
                    "Reshape the data, or build the model with another `Input(shape=...)`.",
                )
