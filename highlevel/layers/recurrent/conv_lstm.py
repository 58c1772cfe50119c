"""`ConvLSTM1D`, `ConvLSTM2D`, `ConvLSTM3D`."""

from __future__ import annotations

from typing import Any

from highlevel.layers.input_spec import InputSpec
from highlevel.layers.recurrent.cell import Step
from highlevel.layers.recurrent.conv_lstm_cell import CONV_FIELDS, ConvLSTMCell
from highlevel.layers.recurrent.gated import CellLayer, OfCell
from highlevel.layers.recurrent.protocol import step_of

__all__ = ["ConvLSTM", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"]


class ConvLSTM(CellLayer):
    """Base of the convolutional LSTMs: a `ConvLSTMCell` along the time axis."""

    _cell_fields = CONV_FIELDS

    filters = OfCell()
    kernel_size = OfCell()
    strides = OfCell()
    padding = OfCell()
    data_format = OfCell()
    dilation_rate = OfCell()
    recurrent_activation = OfCell()
    unit_forget_bias = OfCell()

    def __init__(self, rank: int, *options: Any, **kwargs: Any) -> None:
        cell = ConvLSTMCell(
            rank, *options, dtype=kwargs.get("dtype"), trainable=kwargs.get("trainable", True),
            name="conv_lstm_cell",
        )
        super().__init__(cell, **kwargs)
        self.input_spec = InputSpec(ndim=rank + 3)

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Build the cell for one time step; with `stateful`, make the states' variables."""
        super().build(sequences_shape, initial_state_shape)
        axis = -1 if self.data_format == "channels_last" else 2
        self.input_spec = InputSpec(
            ndim=len(sequences_shape), axes={axis: sequences_shape[axis]})

    def _step_shape(self, sequences_shape: Any) -> tuple:
        if sequences_shape is None:
            return (None,) * (self.cell.rank + 2)
        return (sequences_shape[0], *sequences_shape[2:])

    # What a state measures follows from the images, so the hooks that need it read it there.

    def _make_states(self, sequences_shape: Any) -> None:
        if None in sequences_shape[2:]:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' is stateful and needs images of a fixed "
                f"size, but its input is {tuple(sequences_shape)}. Give the lengths in "
                "`Input(shape=...)`."
            )
        super()._make_states(sequences_shape)

    def _state_specs(self, batch: int | None, sequences_shape: Any = None) -> list[Any]:
        return self.cell.states_for((batch, *self._step_shape(sequences_shape)[1:]))

    def _output_size(self, sequences_shape: Any) -> tuple[Any, ...]:
        return self._state_specs(None, sequences_shape)[0].shape[1:]

    def _zero_states(self, sequences_shape: Any) -> list[Any]:
        return self.cell.zeros_for(self._step_shape(sequences_shape))

    def _step(self, sequences_shape: Any, training: bool | None) -> Step:
        return step_of(self.cell, self._step_shape(sequences_shape), training)


class ConvLSTM1D(ConvLSTM):
    """An LSTM over sequences of sequences, such as signals in frames.

    The products of an LSTM with its kernels are convolutions, so that the states are
    sequences (Shi et al., 2015, "Convolutional LSTM network: a machine learning
    approach for precipitation nowcasting").

    Args:
        filters: number of channels of the output and of the two states.
        kernel_size: length of both windows per spatial axis.
        strides: step of the input's window per spatial axis.
        padding: `"valid"` or `"same"`, for the input's window.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        dilation_rate: spacing of the entries of the input's window.
        activation: of the candidate and of the output.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        unit_forget_bias: start the forget gate's bias at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: added to the loss.
        activity_regularizer: of the output, added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after updates.
        dropout: rate at which inputs are dropped, the same ones at every time step.
        recurrent_dropout: the same for the state on its way into its convolution.
        seed: seed of the dropout.
        return_sequences: return the outputs of all time steps, not only the last one.
        return_state: return the last states `h` and `c` as well.
        go_backwards: go from the last time step to the first.
        stateful: start each batch with the states that the last one ended with.

    Call arguments:
        sequences: `(batch, steps, length, channels)`.
        initial_state: `[h, c]`, each of the shape of one output; zeros where None.
        mask: `(batch, steps)` boolean; a false step leaves state and output as they are.
        training: whether dropout acts.

    Returns:
        `(batch, new length, filters)`,
        with a `steps` axis after the batch with `return_sequences`; with `return_state` a
        tuple of that, `h` and `c`. With `"channels_first"` the channels come before the
        spatial axes in all of them.

    Weights: `kernel` `(*kernel_size, channels, 4 * filters)`, `recurrent_kernel`
    `(*kernel_size, filters, 4 * filters)`, `bias` `(4 * filters,)`.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> hl.layers.ConvLSTM1D(4, 3)(hl.ops.ones((2, 3, 8, 2))).shape
    (2, 6, 4)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int],
        strides: int | tuple[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int] = 1,
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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            1, filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
            recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer,
            bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed, return_sequences=return_sequences,
            return_state=return_state, go_backwards=go_backwards, stateful=stateful,
            activity_regularizer=activity_regularizer, **kwargs,
        )


class ConvLSTM2D(ConvLSTM):
    """An LSTM over sequences of images, such as films.

    The products of an LSTM with its kernels are convolutions, so that the states are
    images (Shi et al., 2015, "Convolutional LSTM network: a machine learning
    approach for precipitation nowcasting").

    Args:
        filters: number of channels of the output and of the two states.
        kernel_size: length of both windows per spatial axis.
        strides: step of the input's window per spatial axis.
        padding: `"valid"` or `"same"`, for the input's window.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        dilation_rate: spacing of the entries of the input's window.
        activation: of the candidate and of the output.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        unit_forget_bias: start the forget gate's bias at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: added to the loss.
        activity_regularizer: of the output, added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after updates.
        dropout: rate at which inputs are dropped, the same ones at every time step.
        recurrent_dropout: the same for the state on its way into its convolution.
        seed: seed of the dropout.
        return_sequences: return the outputs of all time steps, not only the last one.
        return_state: return the last states `h` and `c` as well.
        go_backwards: go from the last time step to the first.
        stateful: start each batch with the states that the last one ended with.

    Call arguments:
        sequences: `(batch, steps, rows, columns, channels)`.
        initial_state: `[h, c]`, each of the shape of one output; zeros where None.
        mask: `(batch, steps)` boolean; a false step leaves state and output as they are.
        training: whether dropout acts.

    Returns:
        `(batch, new rows, new columns, filters)`,
        with a `steps` axis after the batch with `return_sequences`; with `return_state` a
        tuple of that, `h` and `c`. With `"channels_first"` the channels come before the
        spatial axes in all of them.

    Weights: `kernel` `(*kernel_size, channels, 4 * filters)`, `recurrent_kernel`
    `(*kernel_size, filters, 4 * filters)`, `bias` `(4 * filters,)`.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> hl.layers.ConvLSTM2D(4, 3)(hl.ops.ones((2, 3, 8, 8, 2))).shape
    (2, 6, 6, 4)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int] = 1,
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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            2, filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
            recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer,
            bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed, return_sequences=return_sequences,
            return_state=return_state, go_backwards=go_backwards, stateful=stateful,
            activity_regularizer=activity_regularizer, **kwargs,
        )


class ConvLSTM3D(ConvLSTM):
    """An LSTM over sequences of volumes, such as scans taken again and again.

    The products of an LSTM with its kernels are convolutions, so that the states are
    volumes (Shi et al., 2015, "Convolutional LSTM network: a machine learning
    approach for precipitation nowcasting").

    Args:
        filters: number of channels of the output and of the two states.
        kernel_size: length of both windows per spatial axis.
        strides: step of the input's window per spatial axis.
        padding: `"valid"` or `"same"`, for the input's window.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        dilation_rate: spacing of the entries of the input's window.
        activation: of the candidate and of the output.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        unit_forget_bias: start the forget gate's bias at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: added to the loss.
        activity_regularizer: of the output, added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after updates.
        dropout: rate at which inputs are dropped, the same ones at every time step.
        recurrent_dropout: the same for the state on its way into its convolution.
        seed: seed of the dropout.
        return_sequences: return the outputs of all time steps, not only the last one.
        return_state: return the last states `h` and `c` as well.
        go_backwards: go from the last time step to the first.
        stateful: start each batch with the states that the last one ended with.

    Call arguments:
        sequences: `(batch, steps, depth, rows, columns, channels)`.
        initial_state: `[h, c]`, each of the shape of one output; zeros where None.
        mask: `(batch, steps)` boolean; a false step leaves state and output as they are.
        training: whether dropout acts.

    Returns:
        `(batch, new depth, new rows, new columns, filters)`,
        with a `steps` axis after the batch with `return_sequences`; with `return_state` a
        tuple of that, `h` and `c`. With `"channels_first"` the channels come before the
        spatial axes in all of them.

    Weights: `kernel` `(*kernel_size, channels, 4 * filters)`, `recurrent_kernel`
    `(*kernel_size, filters, 4 * filters)`, `bias` `(4 * filters,)`.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> hl.layers.ConvLSTM3D(4, 3)(hl.ops.ones((2, 2, 4, 4, 4, 1))).shape
    (2, 2, 2, 2, 4)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int, int],
        strides: int | tuple[int, int, int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int, int] = 1,
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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            3, filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
            recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer,
            bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed, return_sequences=return_sequences,
            return_state=return_state, go_backwards=go_backwards, stateful=stateful,
            activity_regularizer=activity_regularizer, **kwargs,
        )
