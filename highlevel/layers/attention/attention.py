"""`Attention`: weights from the product of query and key."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import ops, random
from highlevel.layers.described import DescribedLayer
from highlevel.layers.layer import is_shape
from highlevel.random.seed_generator import SeedGenerator
from highlevel.symbolic import SymbolicTensor

__all__ = ["Attention"]


class Attention(DescribedLayer):
    """Averages values with weights `softmax(query @ key)` (Luong et al., 2015).

    Args:
        use_scale: multiply the scores by a weight.
        score_mode: "dot", or "concat" for `sum(tanh(query + key))`, with a weight of its own.
        dropout: rate at which weights are dropped in training.
        seed: seed of the dropout.

    Call arguments:
        inputs: list of query `(batch, T, dim)`, value `(batch, S, value_dim)` and, where it
            is another array than the value, key `(batch, S, dim)`.
        mask: list of the query's mask `(batch, T)` and the value's `(batch, S)`, either may
            be None. A masked query gives zeros; a masked value has no weight.
        training: whether dropout acts.
        return_attention_scores: return the weights as well.
        use_causal_mask: attend only to keys at the query's step or before.

    Returns:
        `(batch, T, value_dim)`; with `return_attention_scores` a tuple of that and the
        weights `(batch, T, S)`.

    Raises:
        ValueError: an unknown `score_mode`, or inputs that are no list of two or three.

    >>> import highlevel as hl
    >>> query, value = hl.ops.ones((2, 3, 4)), hl.ops.ones((2, 5, 4))
    >>> hl.layers.Attention()([query, value]).shape
    (2, 3, 4)
    """

    _fields = ("use_scale", "score_mode", "dropout", "seed")

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ValueError(
                f"{type(self).__name__} '{self.name}': `score_mode` must be 'dot' or 'concat'; "
                f"got {score_mode!r}."
            )
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = dropout
        self.seed = seed
        if dropout > 0:
            self.seed_generator = SeedGenerator(seed)
        self.scale: Any = None
        self.concat_score_weight: Any = None
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Make the scale and the weight of the concat scores, where they are used."""
        self._check_inputs(input_shape)
        if self.use_scale:
            self.scale = self.add_weight((), "ones", name="scale")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def _check_inputs(self, inputs: Any, mask: Any = None) -> None:
        who = f"{type(self).__name__} '{self.name}'"
        single = is_shape(inputs) or not isinstance(inputs, (list, tuple))
        if single or len(inputs) not in (2, 3):
            what = f"one array of shape {tuple(getattr(inputs, 'shape', inputs))}" if single \
                else f"{len(inputs)} of them"
            raise ValueError(
                f"{who} takes a list of arrays: [query, value] or [query, value, key]; got {what}."
            )
        shapes = [tuple(getattr(x, "shape", x)) for x in inputs]
        if any(len(shape) < 3 for shape in shapes) or not self._fit(shapes):
            raise ValueError(
                f"{who} takes query (batch, T, dim), value (batch, S, value_dim) and key "
                f"(batch, S, dim), which is the value where it is left out; got the shapes "
                f"{', '.join(map(str, shapes))}. Bring query and key to one last axis, with "
                "`Dense` say."
            )
        if mask is not None and (
            not isinstance(mask, (list, tuple)) or not 2 <= len(mask) <= len(inputs)
        ):
            raise ValueError(
                f"{who} takes as `mask` a list of the query's mask and the value's, None for "
                f"none; got {type(mask).__name__}"
                f"{f' of {len(mask)}' if isinstance(mask, (list, tuple)) else ''}."
            )

    def _fit(self, shapes: list) -> bool:
        query, value, key = shapes[0], shapes[1], shapes[-1]
        return all(
            a is None or b is None or a == b or (length == "dim" and 1 in (a, b) and self._adds)
            for a, b, length in (
                (query[-1], key[-1], "dim"), (value[1], key[1], "S"))
        )

    @property
    def _adds(self) -> bool:
        """Whether query and key are added, where a length of 1 is stretched."""
        return self.score_mode == "concat"

    def _scores(self, query: Any, key: Any) -> Any:
        """`(batch, T, S)` for query `(batch, T, dim)` and key `(batch, S, dim)`."""
        xp = current_backend().xp
        scale = None if self.scale is None else self.scale.value
        if self.score_mode == "dot":
            scores = ops.matmul(query, xp.swapaxes(key, 1, 2))
            return scores if scale is None else scores * scale
        total = query[:, :, None] + key[:, None]
        if scale is not None:
            total = total * scale
        return self.concat_score_weight.value * xp.sum(xp.tanh(total), axis=-1)

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool | None = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check_inputs(inputs, mask)
        backend = current_backend()
        xp = backend.xp
        query, value = inputs[0], inputs[1]
        key = inputs[2] if len(inputs) > 2 else value
        query_mask, value_mask = mask[:2] if mask else (None, None)
        scores = self._scores(query, key)
        allowed = None
        if value_mask is not None:
            allowed = backend.cast(value_mask, "bool")[:, None]
        if use_causal_mask:
            steps = xp.arange(scores.shape[1])[:, None] >= xp.arange(scores.shape[2])[None]
            allowed = steps[None] if allowed is None else xp.logical_and(allowed, steps[None])
        if allowed is not None:
            low = -3e4 if self.compute_dtype == "float16" else -1e9
            scores = xp.where(allowed, scores, backend.asarray(low, self.compute_dtype))
        weights = ops.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        output = ops.matmul(weights, value)
        if query_mask is not None:
            output = output * backend.cast(query_mask, self.compute_dtype)[..., None]
        return (output, weights) if return_attention_scores else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The query's mask, for the output; the weights have none."""
        return [mask[0]] if isinstance(mask, (list, tuple)) and mask else None

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The query's shape with the value's last axis."""
        self._check_inputs(input_shape)
        return (*input_shape[0][:-1], input_shape[1][-1])

    def compute_output_spec(
        self,
        inputs: Any,
        mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check_inputs(inputs, mask)
        shape = self.compute_output_shape([x.shape for x in inputs])
        output = SymbolicTensor.of(shape, self.compute_dtype)
        if not return_attention_scores:
            return output
        steps = inputs[1].shape[1]
        return output, SymbolicTensor.of((*shape[:2], steps), self.compute_dtype)
