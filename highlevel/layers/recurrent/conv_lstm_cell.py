"""`ConvLSTMCell`: one time step of an LSTM over images."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import activations, config, ops
from highlevel.layers.convolution.windows import checked_padding, window_shape
from highlevel.layers.described import known_length, sizes
from highlevel.layers.input_spec import InputSpec
from highlevel.layers.recurrent.cell import RecurrentCell, Step, filled
from highlevel.layers.recurrent.lstm import ForgetBias
from highlevel.symbolic import SymbolicTensor

__all__ = ["CONV_FIELDS", "ConvLSTMCell"]

CONV_FIELDS = (
    "filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate",
    "activation", "recurrent_activation", "use_bias",
    "kernel_initializer", "recurrent_initializer", "bias_initializer", "unit_forget_bias",
    "kernel_regularizer", "recurrent_regularizer", "bias_regularizer",
    "kernel_constraint", "recurrent_constraint", "bias_constraint",
    "dropout", "recurrent_dropout", "seed",
)


class ConvLSTMCell(RecurrentCell):
    """One time step of a convolutional LSTM (Shi et al., 2015, "Convolutional LSTM network").

    An LSTM whose products are convolutions: that of the input with strides, padding and
    dilation as asked for, that of the state such that its image keeps its size. The
    kernels hold the filters of the input gate, the forget gate, the candidate and the
    output gate, in this order.

    Args:
        rank: number of spatial axes.
        filters: number of channels of the output and of each of the two states.
        others: as in `ConvLSTM2D`.

    Call with `inputs` `(batch, *spatial, channels)` and `states` `[h, c]`, images of the
    output's shape; returns `(h, [h, c])`. `"channels_first"` has the channels after the
    batch in all of them.
    """

    _gates = 4
    _width_name = "filters"
    _fields = ("rank", *CONV_FIELDS)
    filters: int
    rank: int

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_options(
            filters, activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed,
        )
        self.rank = rank
        self.kernel_size = sizes(self, "kernel_size", kernel_size, rank)
        self.strides = sizes(self, "strides", strides, rank)
        self.padding = checked_padding(self, padding)
        self.data_format = config.standardize_data_format(data_format)
        self.dilation_rate = sizes(self, "dilation_rate", dilation_rate, rank)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': strides {self.strides} and dilation "
                f"{self.dilation_rate} cannot both be above 1."
            )
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self._channels_last = self.data_format == "channels_last"
        # The spatial lengths follow the input's.
        shape = self._state_shape((None,) * (rank + 2))[1:]
        self.state_size = [shape, shape]
        self.output_size = shape
        self.input_spec = InputSpec(ndim=rank + 2)

    def build(self, input_shape: Any) -> None:
        """Make kernel, recurrent kernel and bias."""
        axis = -1 if self._channels_last else 1
        channels = known_length(self, input_shape, axis)
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        self._state_shape(input_shape)
        width = 4 * self.filters
        self.kernel = self._add("kernel", (*self.kernel_size, channels, width))
        self.recurrent_kernel = self._add(
            "recurrent_kernel", (*self.kernel_size, self.filters, width), "recurrent")
        initializer = ForgetBias(self.bias_initializer, self.filters) \
            if self.unit_forget_bias else self.bias_initializer
        self.bias = self.add_weight(
            (width,), initializer, name="bias", regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        ) if self.use_bias else None

    def step_function(self, step_shape: Any, training: bool | None = False) -> Step:
        backend = current_backend()
        xp = backend.xp
        activate, gate = self.activation, self.recurrent_activation
        layout, dtype = self.data_format, self.compute_dtype
        axis = -1 if self._channels_last else 1
        input_mask, state_mask = self._masks(step_shape, training)
        kernel, recurrent = self.kernel.value, self.recurrent_kernel.value
        bias = None
        if self.bias is not None:
            bias = self.bias.value
            if not self._channels_last:
                bias = xp.reshape(bias, (-1,) + (1,) * self.rank)

        def project(inputs: Any) -> Any:
            inputs = backend.cast(inputs, dtype)
            if input_mask is not None:
                inputs = inputs * input_mask
            # The time steps join the batch for one convolution.
            lead = inputs.shape[: -self.rank - 1]
            merged = xp.reshape(inputs, (-1, *inputs.shape[-self.rank - 1:]))
            x = ops.conv(merged, kernel, self.strides, self.padding, layout, self.dilation_rate)
            x = xp.reshape(x, (*lead, *x.shape[1:]))
            return x if bias is None else x + bias

        def step(projected: Any, states: Any) -> tuple[Any, list[Any]]:
            h, c = states
            if state_mask is not None:
                h = h * state_mask
            z = projected + ops.conv(h, recurrent, 1, "same", layout)
            i, f, g, o = xp.split(z, 4, axis=axis)
            c = gate(f) * c + gate(i) * activate(g)
            h = gate(o) * activate(c)
            return h, [h, c]

        return project, step

    def _state_shape(self, step_shape: Any) -> tuple:
        """Shape of output and states for the shape of one time step's input."""
        return window_shape(
            self, step_shape, self.filters, self.kernel_size, self.strides, self.padding,
            self.data_format, self.dilation_rate,
        )

    def states_for(self, step_shape: Any) -> list[Any]:
        """Symbolic tensors of the two states for the shape of one time step's input."""
        shape = self._state_shape(step_shape)
        return [SymbolicTensor.of(shape, self.compute_dtype) for _ in range(2)]

    def zeros_for(self, step_shape: Any) -> list[Any]:
        """Zeros as the two states for the shape of one time step's input."""
        zeros = filled(current_backend(), self._state_shape(step_shape), 0.0, self.compute_dtype)
        return [zeros, zeros]

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Two images of zeros, for the input shape that the cell was built for.

        Args:
            batch_size: number of samples.

        Raises:
            ValueError: the cell is not built, or was built for images of unknown size.
        """
        shapes = self._build_shapes
        step = tuple(next(iter(shapes.values()))) if shapes else (None,) * (self.rank + 2)
        if None in step[1:]:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' does not know how large its states are: it "
                f"was built for {step if shapes else 'no input yet'}. Build it for images of "
                "known size, or give the initial state yourself."
            )
        return self.zeros_for((batch_size, *step[1:]))

    def compute_output_spec(
        self, inputs: Any, states: Any, training: bool | None = False
    ) -> Any:
        h, c = self.states_for(inputs.shape)
        return h, [h, c]
