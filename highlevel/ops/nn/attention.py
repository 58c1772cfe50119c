"""Scaled dot-product attention."""

from __future__ import annotations

import math
from typing import Any

from highlevel_backend import current_backend

from highlevel.config import is_flash_attention_enabled
from highlevel.ops.dispatch import array, cast_to, dtype_name, floating, op, promote, shape_of
from highlevel.ops.numpy.products import matmul
from highlevel.ops.rules import of, promoted

__all__ = ["dot_product_attention"]


def _check(query: tuple, key: tuple, value: tuple) -> None:
    for name, shape in (("query", query), ("key", key), ("value", value)):
        if len(shape) != 4:
            raise ValueError(
                f"`dot_product_attention` needs `{name}` of shape (batch, length, heads, size); "
                f"got {shape}."
            )
    heads, shared = query[2], key[2]
    known = isinstance(heads, int) and isinstance(shared, int)
    if known and (shared == 0 or heads % shared):
        raise ValueError(
            f"The heads of `query`, {heads}, must be a multiple of those of `key` and `value`, "
            f"{shared} (shapes {query}, {key}, {value})."
        )
    if isinstance(query[3], int) and isinstance(key[3], int) and query[3] != key[3]:
        raise ValueError(
            f"`query` and `key` must have heads of one size; got {query[3]} and {key[3]} "
            f"(shapes {query} and {key})."
        )


def _attention_rule(query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
    q, k, v = shape_of(query), shape_of(key), shape_of(value)
    _check(q, k, v)
    return of((*q[:3], v[3]), promoted(query, key, value, 1.0))


@op(spec=_attention_rule, kernel="dot_product_attention")
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: Any = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """`softmax(query @ key * scale + bias) @ value`, of each head.

    Args:
        query: `(batch, T, heads, size)`.
        key: `(batch, S, shared_heads, size)`; each of its heads serves
            `heads // shared_heads` of the query's.
        value: `(batch, S, shared_heads, value_size)`.
        bias: added to the scores; broadcasts to `(batch, heads, T, S)`.
        mask: boolean, True where attention is allowed; broadcasts like `bias`.
        scale: factor of the scores; `1 / sqrt(size)` where None.
        is_causal: entry t sees the entries up to t only.
        flash_attention: False keeps the backend from using a kernel that never holds the
            scores; None leaves it to `config.enable_flash_attention` and
            `disable_flash_attention`. Where the backend has no such kernel for these
            arguments, True changes nothing: the results are the same but for rounding.
        attn_logits_soft_cap: bound put softly on the scores by a hyperbolic tangent.

    Returns:
        `(batch, T, heads, value_size)`. The softmax is computed in float32 for half
        precision. A row in which everything is masked attends to everything alike.

    Raises:
        ValueError: the shapes do not fit.

    Source: A. Vaswani et al., arXiv:1706.03762; for shared heads arXiv:2305.13245.
    """
    xp = current_backend().xp
    query, key, value = promote(query, key, value)
    query, key, value = floating(query), floating(key), floating(value)
    _check(tuple(query.shape), tuple(key.shape), tuple(value.shape))
    name = dtype_name(query.dtype)
    _, length, heads, size = query.shape
    factor = 1 / math.sqrt(size) if scale is None else scale
    flash = is_flash_attention_enabled() if flash_attention is None else flash_attention
    kernel = current_backend().kernels.get("flash_attention")
    if kernel is not None and flash is not False and attn_logits_soft_cap is None:
        bias = None if bias is None else array(bias)
        mask = None if mask is None else array(mask)
        out = kernel(query, key, value, bias, mask, factor, is_causal)
        if out is not NotImplemented:
            return out
    shared = key.shape[2]
    if shared != heads:
        key = xp.repeat(key, heads // shared, axis=2)
        value = xp.repeat(value, heads // shared, axis=2)
    wide = "float32" if name in ("float16", "bfloat16") else name
    if name == wide:
        query = query * array(factor, wide)  # a smaller array than the scores
    scores = matmul(xp.transpose(query, (0, 2, 1, 3)), xp.transpose(key, (0, 2, 3, 1)))
    if name != wide:
        scores = cast_to(scores, wide) * array(factor, wide)
    if attn_logits_soft_cap is not None:
        cap = array(attn_logits_soft_cap, wide)
        scores = xp.tanh(scores / cap) * cap
    if bias is not None:
        scores = scores + array(bias, wide)
    # Finite, so that a row with nothing allowed gives no NaN, nor its gradient.
    lowest = array(0.7 * float(xp.finfo(wide).min), wide)
    if mask is not None:
        scores = xp.where(cast_to(array(mask), "bool"), scores, lowest)
    if is_causal:
        before = xp.tri(length, key.shape[1], dtype="bool")
        scores = xp.where(before, scores, lowest)
    top = current_backend().stop_gradient(xp.max(scores, axis=-1, keepdims=True))
    powers = xp.exp(scores - top)
    total = xp.sum(powers, axis=-1, keepdims=True)
    if name == wide:  # after the product: an array of values' size, not one of scores'
        out = matmul(powers, xp.transpose(value, (0, 2, 1, 3))) / total
    else:  # before it, or the sums of many values could leave the range of float16
        out = matmul(cast_to(powers / total, name), xp.transpose(value, (0, 2, 1, 3)))
    return xp.transpose(out, (0, 2, 1, 3))
