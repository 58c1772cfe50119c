"""`CellLayer`: a recurrent layer made around one cell, whose options it shows as its own."""

from __future__ import annotations

from typing import Any, ClassVar

from highlevel.layers.input_spec import InputSpec
from highlevel.layers.recurrent.rnn import RNN

__all__ = ["CellLayer", "OfCell"]


class OfCell:
    """An attribute that is the cell's."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        return self if layer is None else getattr(layer.cell, self._name)


class CellLayer(RNN):
    """Base of `LSTM`, `GRU`, `SimpleRNN` and the convolutional LSTMs.

    Args:
        cell: the cell, made by the subclass.
        use_cudnn: True, False or "auto"; checked, otherwise without effect.
        **kwargs: of `RNN`.
    """

    #: constructor arguments that are the cell's
    _cell_fields: ClassVar[tuple[str, ...]] = ()

    activation = OfCell()
    use_bias = OfCell()
    kernel_initializer = OfCell()
    recurrent_initializer = OfCell()
    bias_initializer = OfCell()
    kernel_regularizer = OfCell()
    recurrent_regularizer = OfCell()
    bias_regularizer = OfCell()
    kernel_constraint = OfCell()
    recurrent_constraint = OfCell()
    bias_constraint = OfCell()
    dropout = OfCell()
    recurrent_dropout = OfCell()
    seed = OfCell()

    def __init__(self, cell: Any, use_cudnn: bool | str = "auto", **kwargs: Any) -> None:
        kwargs.pop("implementation", None)
        super().__init__(cell, **kwargs)
        if use_cudnn not in (True, False, "auto"):
            raise ValueError(
                f"{type(self).__name__} '{self.name}': `use_cudnn` must be True, False or "
                f"'auto'; got {use_cudnn!r}."
            )
        self.use_cudnn = use_cudnn
        self.input_spec = InputSpec(ndim=3)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = super().get_config()
        config.pop("cell")
        of_cell = self.cell.get_config()
        config |= {name: of_cell[name] for name in self._cell_fields}
        config.setdefault("activity_regularizer", None)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The layer that `get_config` described."""
        return super(RNN, cls).from_config(config)
