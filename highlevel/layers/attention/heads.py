"""What attention layers with heads share: arguments, masks, and the call.

Inside, attention is always between arrays `(batch, steps, heads, length)`: axes that are
not attended over join the batch, and several attention axes become one.
"""

from __future__ import annotations

import math
from typing import Any

from highlevel_backend import current_backend

from highlevel import ops, regularizers
from highlevel.layers.activation.softmax import Softmax
from highlevel.layers.core.einsum_dense import EinsumDense
from highlevel.layers.described import DescribedLayer
from highlevel.layers.regularization.dropout import Dropout
from highlevel.serialization import serialize_keras_object
from highlevel.symbolic import SymbolicTensor

__all__ = ["HeadAttention"]


class HeadAttention(DescribedLayer):
    """Base of `MultiHeadAttention` and `GroupedQueryAttention`."""

    #: axes attended over, counted with the batch axis; None until built
    _axes: tuple[int, ...] | None = None
    kernel_initializer: Any
    kernel_regularizer: Any
    kernel_constraint: Any
    bias_initializer: Any
    bias_regularizer: Any
    bias_constraint: Any

    def _set_options(
        self, dropout: float, use_bias: bool, sliding_window: int | None,
        flash_attention: bool | None, kernel: tuple, bias: tuple,
        activity_regularizer: Any, use_gate: bool, seed: int | None,
    ) -> None:
        self.supports_masking = True
        who = f"{type(self).__name__} '{self.name}'"
        if sliding_window is not None and (
            isinstance(sliding_window, bool) or not isinstance(sliding_window, int)
            or sliding_window <= 0
        ):
            raise ValueError(
                f"{who}: `sliding_window` must be a positive integer or None; got "
                f"{sliding_window!r}."
            )
        if flash_attention and dropout > 0:
            raise ValueError(
                f"{who}: flash attention cannot drop attention scores; set `dropout=0` or leave "
                "`flash_attention` out."
            )
        self.dropout = dropout
        self.use_bias = use_bias
        self.sliding_window = sliding_window
        self.flash_attention = flash_attention
        self.use_gate = use_gate
        self.seed = seed
        # That of the projections' outputs; the base class would add it for ours.
        self._of_projections = regularizers.get(activity_regularizer)
        self._set_weight_options("kernel", *kernel)
        self._set_weight_options("bias", *bias)

    # ----------------------------------------------------------------- building

    def _make_dense(self, name: str, shape: Any, heads: int, length: int) -> EinsumDense:
        """The projection of the last axis onto heads, built for inputs of `shape`."""
        rank = len(shape)
        free = _LETTERS[:rank - 1]
        features, head, entry = _LETTERS[rank - 1:rank + 2]
        dense = EinsumDense(
            f"{free}{features},{features}{head}{entry}->{free}{head}{entry}",
            output_shape=(*[None] * (rank - 2), heads, length),
            bias_axes=f"{head}{entry}" if self.use_bias else None,
            **self._dense_options(name),
        )
        dense.build(tuple(shape))
        return dense

    def _make_output(self, shape: Any, heads: int, length: int, output: tuple) -> EinsumDense:
        """The projection of heads onto the output axes."""
        rank = len(shape)
        free, head, entry = _LETTERS[:rank - 1], *_LETTERS[rank - 1:rank + 1]
        out = _LETTERS[rank + 1:rank + 1 + len(output)]
        dense = EinsumDense(
            f"{free}{head}{entry},{head}{entry}{out}->{free}{out}",
            output_shape=(*[None] * (rank - 2), *output),
            bias_axes=out if self.use_bias else None,
            **self._dense_options("attention_output"),
        )
        dense.build((*shape[:-1], heads, length))
        return dense

    def _dense_options(self, name: str) -> dict[str, Any]:
        options: dict[str, Any] = {"name": name, "dtype": self.dtype_policy}
        for what in ("kernel", "bias"):
            options[f"{what}_initializer"] = _copy(getattr(self, f"{what}_initializer"))
            for kind in ("regularizer", "constraint"):
                options[f"{what}_{kind}"] = getattr(self, f"{what}_{kind}")
        options["activity_regularizer"] = self._of_projections
        return options

    def _make_weighting(self) -> None:
        """Softmax and dropout of the scores."""
        self._softmax = Softmax(axis=-1, dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self.dropout, dtype=self.dtype_policy, seed=self.seed)

    def _check_shapes(self, query_shape: Any, value_shape: Any, key_shape: Any) -> tuple:
        if key_shape is None:
            key_shape = value_shape
        who = f"{type(self).__name__} '{self.name}'"
        if len(value_shape) != len(query_shape):
            raise ValueError(
                f"{who} needs query and value of as many axes; got the shapes "
                f"{tuple(query_shape)} and {tuple(value_shape)}."
            )
        if not _fit(value_shape[:-1], key_shape[:-1]):
            raise ValueError(
                f"{who} needs value and key that agree in all axes but the last; got the shapes "
                f"{tuple(value_shape)} and {tuple(key_shape)}."
            )
        return tuple(key_shape)

    # -------------------------------------------------------------------- shapes

    def _scores_shape(self, query_shape: Any, value_shape: Any, heads: int) -> tuple:
        axes = self._axes or tuple(range(1, len(query_shape) - 1))
        others = [a for a in range(1, len(query_shape) - 1) if a not in axes]
        return (
            query_shape[0], *(query_shape[a] for a in others), heads,
            *(query_shape[a] for a in axes), *(value_shape[a] for a in axes),
        )

    def compute_output_spec(
        self, query: Any, value: Any, key: Any = None, query_mask: Any = None,
        value_mask: Any = None, key_mask: Any = None, attention_mask: Any = None,
        return_attention_scores: bool = False, training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        shape = self.compute_output_shape(
            query.shape, value.shape, None if key is None else key.shape)
        output = SymbolicTensor.of(shape, self.compute_dtype)
        if not return_attention_scores:
            return output
        scores = self._scores_shape(query.shape, value.shape, self._heads())
        return output, SymbolicTensor.of(scores, self.compute_dtype)

    def compute_mask(self, query: Any, previous_mask: Any = None, *args: Any, **kw: Any) -> Any:
        """The query's mask, for the output; scores have none."""
        return [previous_mask]

    def _heads(self) -> int:
        raise NotImplementedError

    # ---------------------------------------------------------------------- call

    def _mask(
        self, batch: Any, query_length: Any, key_length: Any, key_masks: tuple,
        attention_mask: Any, causal: bool, others: tuple, axes: int,
    ) -> Any:
        """All that says which scores count, as `(batch, heads or 1, query, key)` or None.

        The query's mask is not part of it: what comes of a masked query is masked in the
        output, and a row of scores with nothing allowed would only be noise.
        """
        backend = current_backend()
        xp = backend.xp
        mask = None

        def add(part: Any) -> None:
            nonlocal mask
            mask = part if mask is None else xp.logical_and(mask, part)

        for one in key_masks:
            if one is not None:
                add(xp.reshape(backend.cast(one, "bool"), (batch, 1, key_length)))
        window = self.sliding_window
        if causal or window is not None:
            i = xp.arange(query_length)[:, None]
            j = xp.arange(key_length)[None, :]
            if causal:
                add((i >= j)[None])
            if window is not None:
                add((abs(i - j) < window)[None])
        if mask is not None:
            mask = xp.expand_dims(mask, tuple(range(1, len(others) + 2)))
        if attention_mask is not None:
            given = backend.cast(attention_mask, "bool")
            missing = len(others) + 2 + 2 * axes - given.ndim
            front = given.ndim - 2 * axes  # the axes before those attended over
            given = xp.reshape(given, (
                *given.shape[:front], *(1,) * missing, query_length, key_length))
            mask = given if mask is None else xp.logical_and(mask, given)
        if mask is not None and others:
            mask = xp.broadcast_to(mask, (batch, *others, *mask.shape[-3:]))
            mask = xp.reshape(mask, (-1, *mask.shape[-3:]))
        return mask

    def _attend(
        self, query: Any, key: Any, value: Any, key_masks: tuple, attention_mask: Any,
        causal: bool, scale: float, return_scores: bool, training: bool | None,
    ) -> tuple[Any, Any]:
        """Attention between projected arrays `(batch, ..., heads, length)`."""
        xp = current_backend().xp
        rank = query.ndim
        axes = self._axes or tuple(range(1, rank - 2))
        outer = [a for a in range(1, rank - 2) if a not in axes]
        plain = rank == 4 and axes == (1,)
        batch = query.shape[0]
        others = tuple(query.shape[a] for a in outer)
        lengths = [tuple(x.shape[a] for a in axes) for x in (query, key)]
        order = (0, *outer, *axes, rank - 2, rank - 1)
        if not plain:
            query, key, value = (
                xp.reshape(
                    xp.transpose(x, order),
                    (batch * math.prod(others), math.prod(x.shape[a] for a in axes),
                     *x.shape[-2:]),
                ) for x in (query, key, value)
            )
        weigh = return_scores or bool(training and self.dropout > 0)
        mask = self._mask(
            batch, query.shape[1], key.shape[1], key_masks, attention_mask, causal and weigh,
            others, len(axes),
        )
        scores = None
        if weigh:
            repeats = query.shape[2] // key.shape[2]
            if repeats > 1:
                key, value = (xp.repeat(x, repeats, axis=2) for x in (key, value))
            scores = ops.einsum("btnh,bsnh->bnts", query * scale, key)
            scores = self._softmax(scores, mask=mask)
            weights = self._dropout_layer(scores, training=training) if self.dropout > 0 \
                else scores
            output = ops.einsum("bnts,bsnh->btnh", weights, value)
        else:
            output = ops.dot_product_attention(
                query, key, value, mask=mask, scale=scale, is_causal=causal,
                flash_attention=self.flash_attention,
            )
        if not plain:
            output = xp.reshape(output, (batch, *others, *lengths[0], *output.shape[-2:]))
            back = [order.index(axis) for axis in range(rank)]
            output = xp.transpose(output, back)
            if scores is not None:
                scores = xp.reshape(
                    scores, (batch, *others, scores.shape[1], *lengths[0], *lengths[1]))
        return output, scores

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = super().get_config()
        config["activity_regularizer"] = serialize_keras_object(self._of_projections)
        return config


_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _fit(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(
        a is None or b is None or a == b for a, b in zip(one, other)
    )


def _copy(initializer: Any) -> Any:
    """An initializer with the same arguments, so that equal shapes get other numbers."""
    if hasattr(initializer, "get_config"):
        return type(initializer).from_config(initializer.get_config())
    return initializer
