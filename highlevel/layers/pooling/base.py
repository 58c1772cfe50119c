"""What pooling layers with windows have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from highlevel import config, ops
from highlevel.layers.convolution.windows import checked_padding, window_shape
from highlevel.layers.described import DescribedLayer, sizes
from highlevel.layers.input_spec import InputSpec

__all__ = ["Pooling"]


class Pooling(DescribedLayer):
    """Reduces windows that move over `rank` spatial axes."""

    #: name of the op
    _operation: ClassVar[str] = ""
    _fields = ("pool_size", "padding", "strides", "data_format")

    def __init__(
        self,
        rank: int,
        pool_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = sizes(self, "pool_size", pool_size, rank)
        self.strides = (
            self.pool_size if strides is None else sizes(self, "strides", strides, rank)
        )
        self.padding = checked_padding(self, padding)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=rank + 2)

    def call(self, inputs: Any) -> Any:
        """The outputs for an image of the layer's layout."""
        self.compute_output_shape(inputs.shape)  # says where a window does not fit
        return getattr(ops, self._operation)(
            inputs, pool_size=self.pool_size, strides=self.strides, padding=self.padding,
            data_format=self.data_format,
        )

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Shape of the output, the input's layout."""
        return window_shape(
            self, input_shape, None, self.pool_size, self.strides, self.padding, self.data_format
        )
