"""`Pipeline`: layers one after another, as one layer."""

from __future__ import annotations

from typing import Any

from highlevel_backend import tree

from highlevel.layers.call_info import call_info
from highlevel.layers.config import without_build
from highlevel.layers.layer import Layer
from highlevel.masking import get_mask, set_mask
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.symbolic import SymbolicTensor

__all__ = ["Pipeline"]


class Pipeline(Layer):
    """Calls layers one after another; for chains that prepare data.

    Unlike a `Sequential` it is a plain layer, not a model, and calls its layers as in
    training unless told otherwise, so that augmentation acts on the data it is mapped over.

    Args:
        layers: list of layers.
        name: name; made up where None.

    Call arguments:
        inputs: whatever the first layer takes.
        training: handed to all layers; True by default, and the model's within a model.
        mask: handed to the first layer.

    Returns:
        What the last layer returns; the inputs where there are no layers.

    Raises:
        ValueError: one of `layers` is none.

    >>> import highlevel as hl
    >>> pipeline = hl.layers.Pipeline([hl.layers.Rescaling(2.0), hl.layers.CenterCrop(2, 3)])
    >>> pipeline(hl.ops.ones((1, 4, 4, 1))).shape
    (1, 2, 3, 1)
    """

    def __init__(self, layers: list[Layer], name: str | None = None) -> None:
        super().__init__(name=name)
        wrong = [
            layer for layer in (layers if isinstance(layers, (list, tuple)) else [layers])
            if not isinstance(layer, Layer)
        ]
        if wrong or not isinstance(layers, (list, tuple)):
            raise ValueError(
                f"Pipeline '{self.name}' takes a list of layers; got "
                f"{wrong[0] if wrong else layers!r}. Put a function into `Lambda`."
            )
        self._layers = list(layers)
        self.supports_masking = True

    @property
    def layers(self) -> list[Layer]:
        """The layers in order."""
        return self._layers

    def call(self, inputs: Any, training: bool | None = True, mask: Any = None) -> Any:
        """What the last layer makes of what the others did."""
        for index, layer in enumerate(self._layers):
            arguments: dict[str, Any] = {"training": training}
            if mask is not None and not index and "mask" in call_info(type(layer), Layer).names:
                arguments["mask"] = mask
            inputs = layer(inputs, **arguments)
        return inputs

    def compute_output_spec(
        self, inputs: Any, training: bool | None = True, mask: Any = None
    ) -> Any:
        """The symbolic outputs, with the mask that the layers leave."""
        # Tensors of its own: the layers inside are no part of the graph around.
        return tree.map_leaves(
            _alike, self.call(tree.map_leaves(_alike, inputs), training, mask))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the last layer's output."""
        for layer in self._layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """None: the layers have put the mask on the outputs themselves."""
        return

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal pipeline."""
        return {
            "layers": [serialize_keras_object(layer) for layer in self._layers],
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Pipeline:
        """The pipeline that `get_config` described.

        Args:
            custom_objects: name → class, for layers of another's making.
        """
        layers = [
            deserialize_keras_object(without_build(layer), custom_objects=custom_objects)
            if isinstance(layer, dict) else layer
            for layer in config["layers"]
        ]
        return cls(layers, name=config.get("name"))


def _alike(tensor: Any) -> Any:
    if not isinstance(tensor, SymbolicTensor):
        return tensor
    copy = SymbolicTensor.of(tensor.shape, tensor.dtype)
    mask = get_mask(tensor)
    if mask is not None:
        set_mask(copy, mask)
    return copy
