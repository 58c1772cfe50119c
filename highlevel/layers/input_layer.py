"""`Input` and `InputLayer`: where a graph begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highlevel import config
from highlevel.layers.layer import Layer
from highlevel.symbolic import Node, SymbolicTensor

__all__ = ["Input", "InputLayer"]


class InputLayer(Layer):
    """The beginning of a graph: hands on what the model is called with.

    Args:
        shape: shape of one sample, without the batch axis.
        batch_size: length of the batch axis where it is fixed.
        dtype: dtype name of the data.
        batch_shape: shape with the batch axis, instead of `shape` and `batch_size`.
        input_tensor: an existing symbolic tensor to stand for the input.
        optional: None may be given for it.
        name: name, also the key of the data where inputs are given as a dict.

    Raises:
        ValueError: neither or both of `shape` and `batch_shape`.

    >>> InputLayer(shape=(3,), name="x").output.shape
    (None, 3)
    """

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: str | None = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: SymbolicTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if sparse or ragged:
            raise ValueError(
                f"Input '{self.name}': sparse and ragged inputs are not supported; give dense "
                "arrays (and a mask where lengths differ)."
            )
        if input_tensor is not None:
            if shape is None and batch_shape is None:
                batch_shape = input_tensor.shape
            dtype = dtype or input_tensor.dtype
        if (shape is None) == (batch_shape is None):
            raise ValueError(
                f"Input '{self.name}' needs either `shape` (without the batch axis) or "
                f"`batch_shape` (with it); got shape={shape!r} and batch_shape={batch_shape!r}."
            )
        if shape is not None:
            batch_shape = (batch_size, *_as_tuple(shape, self.name))
        self._batch_shape = _as_tuple(batch_shape, self.name)
        self._input_dtype = str(dtype) if dtype is not None else config.floatx()
        self.optional = optional
        self.built = True
        tensor = input_tensor
        if tensor is None or tensor.node is not None:
            tensor = SymbolicTensor(self._batch_shape, self._input_dtype, name=self.name)
        Node(self, (), {}, tensor)

    def call(self) -> None:  # a graph never calls its input layers
        """Nothing: the model puts the data in."""

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """Shape of the input, the batch axis included."""
        return self._batch_shape

    @property
    def dtype(self) -> str:
        """dtype of the data."""
        return self._input_dtype

    @property
    def input(self) -> SymbolicTensor:
        """The symbolic tensor itself."""
        return self._inbound_nodes[0].outputs[0]

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            "batch_shape": self._batch_shape,
            "dtype": self._input_dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": self.optional,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputLayer:
        """The layer that `get_config` described."""
        return cls(**config)


def _as_tuple(shape: Any, name: str) -> tuple[int | None, ...]:
    if isinstance(shape, int):
        raise ValueError(
            f"Input '{name}': `shape` must be a tuple such as ({shape},), not the number {shape}."
        )
    return tuple(None if entry is None else int(entry) for entry in shape)


def Input(
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: SymbolicTensor | None = None,
    optional: bool = False,
) -> SymbolicTensor:
    """A symbolic tensor to begin a functional model with.

    Args:
        shape: shape of one sample, without the batch axis; `None` for unknown lengths.
        batch_size: length of the batch axis where it is fixed.
        dtype: dtype name; `config.floatx()` by default.
        batch_shape: shape with the batch axis, instead of `shape` and `batch_size`.
        name: name, also the key of the data where inputs are given as a dict.
        tensor: an existing symbolic tensor to stand for the input.
        optional: None may be given for it.

    Returns:
        A symbolic tensor of shape `(batch_size, *shape)`.

    Raises:
        ValueError: neither or both of `shape` and `batch_shape`.

    >>> Input((28, 28, 1)).shape
    (None, 28, 28, 1)
    """
    layer = InputLayer(
        shape=shape, batch_size=batch_size, dtype=dtype, sparse=sparse, ragged=ragged,
        batch_shape=batch_shape, input_tensor=tensor, optional=optional, name=name,
    )
    return layer.output
