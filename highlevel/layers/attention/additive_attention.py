"""`AdditiveAttention`: weights from the sum of query and key."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.layers.attention.attention import Attention
from highlevel.layers.described import known_length

__all__ = ["AdditiveAttention"]


class AdditiveAttention(Attention):
    """Averages values with weights `softmax(sum(scale * tanh(query + key)))`.

    Bahdanau et al., 2015, arXiv:1409.0473.

    Args:
        use_scale: whether `scale`, a weight `(dim,)`, is there; 1 otherwise.
        dropout: rate at which weights are dropped in training.
        seed: seed of the dropout.

    Called as `Attention` is.

    >>> import highlevel as hl
    >>> query, value = hl.ops.ones((2, 3, 4)), hl.ops.ones((2, 5, 4))
    >>> hl.layers.AdditiveAttention()([query, value]).shape
    (2, 3, 4)
    """

    _fields = ("use_scale", "dropout", "seed")

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Make the scale, where it is used."""
        self._check_inputs(input_shape)
        if self.use_scale:
            dim = known_length(self, input_shape[0], -1)
            self.scale = self.add_weight((dim,), "glorot_uniform", name="scale")

    @property
    def _adds(self) -> bool:
        return True

    def _scores(self, query: Any, key: Any) -> Any:
        """`(batch, T, S)` for query `(batch, T, dim)` and key `(batch, S, dim)`."""
        xp = current_backend().xp
        total = xp.tanh(query[:, :, None] + key[:, None])
        if self.scale is not None:
            total = total * self.scale.value
        return xp.sum(total, axis=-1)
