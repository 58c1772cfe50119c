"""Connectionist temporal classification: labels without an alignment to the frames.

Source: A. Graves, S. Fernández, F. Gomez, J. Schmidhuber, "Connectionist temporal
classification", ICML 2006.
"""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.dispatch import (
    array,
    cast_to,
    dtype_name,
    floating,
    floating_dtype,
    op,
    shape_of,
)
from highlevel.ops.nn.activations import log_softmax
from highlevel.ops.rules import of

__all__ = ["ctc_decode", "ctc_loss"]

#: Logarithm of a probability that counts as 0; finite, so that differences have gradients.
_NEVER = -1e5


def _check_loss(target: tuple, output: tuple) -> None:
    if len(target) != 2 or len(output) != 3:
        raise ValueError(
            "`ctc_loss` needs a `target` of shape (batch, labels) and an `output` of shape "
            f"(batch, frames, classes); got {target} and {output}."
        )
    if isinstance(target[0], int) and isinstance(output[0], int) and target[0] != output[0]:
        raise ValueError(
            f"`ctc_loss` needs `target` and `output` of one batch; got {target} and {output}."
        )


def _loss_rule(target: Any, output: Any, *args: Any, **kwargs: Any) -> Any:
    shape = shape_of(output)
    _check_loss(shape_of(target), shape)
    return of((shape[0],), floating_dtype(output))


@op(spec=_loss_rule)
def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0
) -> Any:
    """Minus the logarithm of the probability of the labels, over all alignments.

    Args:
        target: `(batch, labels)` integers.
        output: `(batch, frames, classes)` logits.
        target_length: `(batch,)`, how many labels count.
        output_length: `(batch,)`, how many frames count.
        mask_index: the class that stands for no label.

    Returns:
        `(batch,)` losses.

    Raises:
        ValueError: the shapes do not fit.
    """
    backend = current_backend()
    xp = backend.xp
    target, output = cast_to(array(target), "int32"), floating(output)
    _check_loss(tuple(target.shape), tuple(output.shape))
    target_length = cast_to(array(target_length), "int32")
    output_length = cast_to(array(output_length), "int32")
    log = log_softmax(output, axis=-1)
    name = dtype_name(log.dtype)
    never, zero = array(_NEVER, name), array(0.0, name)
    batch, labels = target.shape
    # The path: blank, label, blank, label, ..., blank.
    blank = xp.broadcast_to(array(mask_index, "int32"), (batch, labels))
    path = xp.reshape(xp.stack((blank, target), axis=-1), (batch, 2 * labels))
    path = xp.concatenate((path, blank[:, :1]), axis=1)
    states = 2 * labels + 1
    # From two states before, over a blank, only to a label that is another one.
    other = xp.concatenate((xp.zeros_like(path[:, :2]), path[:, :-2]), axis=1)
    skips = xp.logical_and(path != mask_index, path != other)
    skips = xp.logical_and(skips, xp.arange(states) >= 2)
    emitted = xp.take_along_axis(
        log, xp.broadcast_to(path[:, None, :], (batch, log.shape[1], states)), axis=2
    )
    frames = xp.moveaxis(emitted, 1, 0)
    start = xp.where(xp.arange(states) < 2, frames[0], never)
    gap = xp.broadcast_to(never, (batch, 2))

    def step(alpha: Any, frame: Any) -> tuple:
        scores, index = frame
        before = xp.concatenate((gap[:, :1], alpha[:, :-1]), axis=1)
        skipped = xp.concatenate((gap, alpha[:, :-2]), axis=1)
        new = xp.logaddexp(alpha, before)
        new = xp.where(skips, xp.logaddexp(new, skipped), new) + scores
        inside = (index < output_length)[:, None]
        return xp.where(inside, new, alpha), ()

    times = xp.arange(1, log.shape[1], dtype="int32")
    alpha, _ = backend.scan(step, start, (frames[1:], times))
    last = 2 * target_length[:, None]
    ending = xp.take_along_axis(alpha, last, axis=1)[:, 0]
    label = xp.take_along_axis(alpha, xp.maximum(last - 1, 0), axis=1)[:, 0]
    label = xp.where(target_length > 0, label, never)
    return zero - xp.logaddexp(ending, label)


def _decode_rule(
    inputs: Any, sequence_lengths: Any, strategy: str = "greedy", beam_width: int = 100,
    top_paths: int = 1, merge_repeated: bool = True, mask_index: int = 0,
) -> Any:  # fmt: skip
    batch, frames, _ = shape_of(inputs)
    paths = 1 if strategy == "greedy" else top_paths
    scores = of((batch, paths), floating_dtype(inputs))
    return of((paths, batch, frames), "int32"), scores


@op(spec=_decode_rule)
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple:
    """The labels that frames of scores stand for.

    Args:
        inputs: `(batch, frames, classes)` logits.
        sequence_lengths: `(batch,)`, how many frames count.
        strategy: `"greedy"`, the best class of each frame, or `"beam_search"`.
        beam_width: how many prefixes are followed.
        top_paths: how many sequences are returned by the beam search.
        merge_repeated: whether equal labels of neighbouring frames are one.
        mask_index: the class that stands for no label.

    Returns:
        `(labels, scores)`: int32 `(paths, batch, frames)`, filled up with -1, and
        `(batch, paths)`: for `"greedy"` minus the sum of the best logits, for
        `"beam_search"` the logarithm of the probability.

    Raises:
        ValueError: an unknown strategy.
    """
    inputs = floating(inputs)
    lengths = cast_to(array(sequence_lengths), "int32")
    if strategy == "greedy":
        return _greedy(inputs, lengths, merge_repeated, mask_index)
    if strategy == "beam_search":
        return _beam_search(inputs, lengths, beam_width, top_paths, mask_index)
    raise ValueError(
        f"`strategy` of `ctc_decode` must be 'greedy' or 'beam_search'; got {strategy!r}."
    )


def _greedy(inputs: Any, lengths: Any, merge_repeated: bool, mask_index: int) -> tuple:
    xp = current_backend().xp
    batch, frames, classes = inputs.shape
    mask_index = mask_index % classes
    best = cast_to(xp.argmax(inputs, axis=-1), "int32")
    scores = xp.max(inputs, axis=-1)
    inside = xp.arange(frames) < lengths[:, None]
    keep = xp.logical_and(inside, best != mask_index)
    if merge_repeated:
        new = xp.concatenate(
            (xp.ones((batch, 1), dtype="bool"), best[:, 1:] != best[:, :-1]), axis=1
        )
        keep = xp.logical_and(keep, new)
    # Those kept move to the front, in their order.
    order = xp.argsort(cast_to(xp.logical_not(keep), "int32"), axis=1, stable=True)
    labels = xp.where(keep, best, array(-1, "int32"))
    labels = xp.take_along_axis(labels, order, axis=1)
    total = xp.sum(xp.where(inside, scores, xp.zeros_like(scores)), axis=1, keepdims=True)
    return labels[None], -total


def _beam_search(inputs: Any, lengths: Any, width: int, paths: int, mask_index: int) -> tuple:
    """Prefixes with two probabilities each: that they end in a blank, or in their last label.

    Source: A. Y. Hannun et al., arXiv:1408.2873.
    """
    backend = current_backend()
    xp = backend.xp
    log = log_softmax(inputs, axis=-1)
    name = dtype_name(log.dtype)
    batch, frames, classes = log.shape
    mask_index = mask_index % classes
    never = array(_NEVER * 1e4, name)
    is_blank = xp.arange(classes) == mask_index
    prefixes = xp.full((batch, width, frames), -1, dtype="int32")
    sizes = xp.zeros((batch, width), dtype="int32")
    first = xp.broadcast_to(xp.arange(width) == 0, (batch, width))
    in_blank = xp.where(first, xp.zeros((batch, width), dtype=log.dtype), never)
    in_label = xp.broadcast_to(never, (batch, width))
    places = xp.arange(frames, dtype="int32")
    symbols = xp.arange(classes, dtype="int32")

    def step(state: tuple, frame: tuple) -> tuple:
        prefixes, sizes, in_blank, in_label = state
        scores, time = frame
        total = xp.logaddexp(in_blank, in_label)
        last = xp.take_along_axis(prefixes, xp.maximum(sizes - 1, 0)[..., None], axis=2)[..., 0]
        last = xp.where(sizes > 0, last, array(-1, "int32"))
        blank = scores[:, mask_index][:, None]
        own = xp.take_along_axis(scores, xp.maximum(last, 0), axis=1)
        stay_blank = total + blank
        stay_label = xp.where(sizes > 0, in_label + own, never)
        # Longer by one label: its own last one only after a blank.
        same = last[..., None] == symbols
        grow = xp.where(same, in_blank[..., None], total[..., None]) + scores[:, None, :]
        grow = xp.where(is_blank, never, grow)
        # Prefix j may be prefix i and one label: then that growth is j's.
        parent = xp.where(places == (sizes - 1)[..., None], array(-1, "int32"), prefixes)
        child = xp.all(parent[:, None, :, :] == prefixes[:, :, None, :], axis=-1)
        child = xp.logical_and(child, sizes[:, None, :] == sizes[:, :, None] + 1)
        child = xp.logical_and(child, total[:, None, :] > never / 2)
        letter = xp.broadcast_to(xp.maximum(last, 0)[:, None, :], child.shape)
        gained = xp.where(child, xp.take_along_axis(grow, letter, axis=2), never)
        gained = xp.max(gained, axis=1)  # a prefix has one parent at most
        stay_label = xp.logaddexp(stay_label, gained)
        taken = xp.any(
            xp.logical_and(child[..., None], letter[..., None] == symbols), axis=2
        )
        grow = xp.where(taken, never, grow)
        candidates = xp.concatenate(
            (xp.logaddexp(stay_blank, stay_label), xp.reshape(grow, (batch, -1))), axis=1
        )
        _, chosen = backend.top_k(candidates, width)
        grows = chosen >= width
        beam = xp.where(grows, (chosen - width) // classes, chosen)
        label = xp.where(grows, (chosen - width) % classes, array(-1, "int32"))
        new_prefixes = xp.take_along_axis(prefixes, beam[..., None], axis=1)
        new_sizes = xp.take_along_axis(sizes, beam, axis=1)
        at_end = xp.logical_and(places == new_sizes[..., None], grows[..., None])
        new_prefixes = xp.where(at_end, label[..., None], new_prefixes)
        new_sizes = new_sizes + cast_to(grows, "int32")
        picked = xp.take_along_axis(candidates, chosen, axis=1)
        new_blank = xp.where(grows, never, xp.take_along_axis(stay_blank, beam, axis=1))
        new_label = xp.where(grows, picked, xp.take_along_axis(stay_label, beam, axis=1))
        inside = (time < lengths)[:, None]
        state = (
            xp.where(inside[..., None], new_prefixes, prefixes),
            xp.where(inside, new_sizes, sizes),
            xp.where(inside, new_blank, in_blank),
            xp.where(inside, new_label, in_label),
        )
        return state, ()

    # Fewer candidates than beams in the first frames are filled up by impossible ones.
    state, _ = backend.scan(
        step, (prefixes, sizes, in_blank, in_label), (xp.moveaxis(log, 1, 0), places)
    )
    prefixes, sizes, in_blank, in_label = state
    total = xp.logaddexp(in_blank, in_label)
    scores, order = backend.top_k(total, paths)
    labels = xp.take_along_axis(prefixes, order[..., None], axis=1)
    return xp.moveaxis(labels, 1, 0), scores
