"""`EinsumDense`: a dense layer over any axes, written as an einsum."""

from __future__ import annotations

from typing import Any

from highlevel import ops
from highlevel.layers.adaptation.lora import AdaptedWeight, LowRankAdaptable
from highlevel.layers.input_spec import InputSpec
from highlevel.ops.mask_rules import einsum_mask

__all__ = ["EinsumDense"]


class EinsumDense(LowRankAdaptable):
    """`activation(einsum(equation, inputs, kernel) + bias)`.

    Args:
        equation: such as `"abc,cd->abd"`; `...` stands for any axes of the input.
        output_shape: shape of the output without the batch axis; None where a length is
            unknown or not changed. Must give the lengths that are in the kernel alone.
        activation: name, function or layer; None for none.
        bias_axes: letters of the output that the bias has; None for no bias.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        kernel_constraint, bias_constraint: applied to the weights after an update.
        lora_rank, lora_alpha: of `enable_lora`, called when the layer is built.
        gptq_unpacked_column_size, quantization_config: only None is supported.

    Weights: `kernel`, shaped by the equation; `bias`, shaped by `bias_axes`.

    Raises:
        ValueError: the equation is malformed, or does not fit the shapes.

    >>> import highlevel as hl
    >>> layer = hl.layers.EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de")
    >>> layer(hl.ops.ones((1, 3, 5))).shape, layer.bias.shape
    ((1, 3, 2, 4), (2, 4))
    """

    _fields = (
        "output_shape", "equation", "activation", "bias_axes", "kernel_initializer",
        "bias_initializer", "kernel_regularizer", "bias_regularizer", "activity_regularizer",
        "kernel_constraint", "bias_constraint", "quantization_config",
    )

    kernel = AdaptedWeight()
    kernel_initializer: Any
    kernel_regularizer: Any
    kernel_constraint: Any
    bias_initializer: Any
    bias_regularizer: Any
    bias_constraint: Any

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._refuse(
            quantization_config=quantization_config,
            gptq_unpacked_column_size=gptq_unpacked_column_size,
        )
        self._set_lora(lora_rank, lora_alpha)
        self.equation = equation
        self._terms = _parse(equation, self.name)
        if isinstance(output_shape, int):
            output_shape = (output_shape,)
        self.partial_output_shape = tuple(output_shape)
        self.bias_axes = bias_axes
        self.quantization_config = None
        self._set_activation(activation)
        self._set_weight_options(
            "kernel", kernel_initializer, kernel_regularizer, kernel_constraint
        )
        self._set_weight_options("bias", bias_initializer, bias_regularizer, bias_constraint)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of the output without the batch axis, as given."""
        return self.partial_output_shape

    def build(self, input_shape: Any) -> None:
        """Make kernel and bias."""
        lengths, _ = self._lengths(tuple(input_shape))
        _, kernel_term, output_term = self._terms
        shape = tuple(self._length(lengths, letter, input_shape) for letter in kernel_term)
        self.kernel = self._add("kernel", shape)
        self.bias = None
        if self.bias_axes:
            letters = output_term.replace("...", "")
            strange = [letter for letter in self.bias_axes if letter not in letters]
            if strange:
                raise ValueError(
                    f"EinsumDense '{self.name}': `bias_axes={self.bias_axes!r}` names "
                    f"{strange}, which the output of {self.equation!r} has not."
                )
            # The bias has an axis of length 1 wherever a bias axis stands further left.
            first = min(letters.index(letter) for letter in self.bias_axes)
            shape = tuple(
                self._length(lengths, letter, input_shape) if letter in self.bias_axes else 1
                for letter in letters[first:]
            )
            self.bias = self._add("bias", shape)
        source, kernel_term, _ = self._terms
        before, _, after = source.partition("...")
        self.input_spec = InputSpec(ndim=len(input_shape), axes={
            axis: input_shape[axis]
            for axis, letter in [*enumerate(before), *enumerate(after, -len(after))]
            if letter in kernel_term
        })
        self._adapt_if_asked()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The outputs, shaped by the equation."""
        x = ops.einsum(self.equation, inputs, self.kernel)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return x if self._activate is None else self._activate(x)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The input's, where the equation leaves the axes that it is over in front."""
        source, _, output = (term.partition("...") for term in self._terms)
        if mask is None:
            return None
        if source[0] == output[0] == "" and source[1] and output[1]:
            covered = len(inputs.shape) - len(source[2])
            return mask if len(mask.shape) <= covered else None
        return einsum_mask(mask, source[0], output[0])

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The shape that the equation makes of `input_shape`."""
        return self._lengths(tuple(input_shape))[1]

    def _length(self, lengths: dict[str, int | None], letter: str, input_shape: Any) -> int:
        length = lengths.get(letter)
        if length is None:
            raise ValueError(
                f"EinsumDense '{self.name}' with the equation {self.equation!r} cannot tell the "
                f"length of the axis {letter!r} from the input shape {tuple(input_shape)} and "
                f"`output_shape={self.partial_output_shape}`; say it in one of them."
            )
        return length

    def _lengths(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[dict[str, int | None], tuple[int | None, ...]]:
        """Letter → length, and the shape of the output."""
        input_term, _, output_term = self._terms
        before, dots, after = input_term.partition("...")
        letters = before + after
        if (len(letters) > len(input_shape)) if dots else (len(letters) != len(input_shape)):
            raise ValueError(
                f"EinsumDense '{self.name}' with the equation {self.equation!r} takes inputs of "
                f"{'at least ' if dots else ''}{len(letters)} axes; got the shape {input_shape}."
            )
        cut = len(input_shape) - len(after)
        lengths: dict[str, int | None] = dict(zip(before, input_shape))
        lengths |= dict(zip(after, input_shape[cut:]))
        skipped = input_shape[len(before):cut] if dots else ()
        out_before, out_dots, out_after = output_term.partition("...")
        given = self.partial_output_shape
        # `output_shape` leaves the batch axis out, and with it whatever `...` covers first.
        places = list(out_before) + ["..."] * (len(skipped) if out_dots else 0) + list(out_after)
        if len(given) > len(places):
            raise ValueError(
                f"EinsumDense '{self.name}': `output_shape={given}` has more axes than the "
                f"output of {self.equation!r}."
            )
        for letter, length in zip(reversed(places), reversed(given)):
            if letter == "..." or length is None:
                continue
            known = lengths.get(letter)
            if known is not None and known != length and letter in letters:
                raise ValueError(
                    f"EinsumDense '{self.name}': the axis {letter!r} has the length {known} in "
                    f"the input {input_shape}, but {length} in `output_shape={given}`."
                )
            lengths[letter] = length
        output: list[int | None] = []
        rest = iter(skipped)
        for letter in places:
            output.append(next(rest) if letter == "..." else lengths.get(letter))
        return lengths, tuple(output)


def _parse(equation: str, name: str) -> tuple[str, str, str]:
    """The three terms of `"input,kernel->output"`."""
    left, arrow, output = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if not arrow or len(terms) != 2:
        raise ValueError(
            f"EinsumDense '{name}': the equation {equation!r} is not of the form "
            "'input,kernel->output', such as 'abc,cd->abd'."
        )
    source, kernel = terms
    for letter in kernel:
        if letter not in source and letter not in output:
            raise ValueError(
                f"EinsumDense '{name}': the axis {letter!r} of the kernel is neither in the input "
                f"nor in the output of {equation!r}."
            )
    for letter in output.replace("...", ""):
        if letter not in source and letter not in kernel:
            raise ValueError(
                f"EinsumDense '{name}': the axis {letter!r} of the output is neither in the input "
                f"nor in the kernel of {equation!r}."
            )
    return source, kernel, output
