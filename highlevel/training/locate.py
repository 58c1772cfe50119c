"""Where in a model the numbers stopped being finite: one step taken apart, layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import canonical_name, current_backend, is_float, tree

from highlevel.layers.layer import CallContext, call_context
from highlevel.masking import get_mask, set_mask
from highlevel.state import StatelessScope
from highlevel.training.data.sources import unpack_x_y_sample_weight

__all__ = ["locate"]


def locate(model: Any, data: Any) -> str:
    """Which part of a training step first gave a number that is not finite, in words.

    The step is taken once more, outside of any compiled program, with the model's present
    weights and random states, and nothing of it is kept: forward, where each layer's output
    is looked at, then backward, where each layer's gradient is.

    Args:
        model: the model, with its state from before the step.
        data: `(x, y, sample_weight)` of the step.

    Returns:
        One or two sentences.
    """
    x, y, weight = unpack_x_y_sample_weight(data)
    for name, part in (("x", x), ("y", y), ("sample_weight", weight)):
        for path, leaf in _named(part, name):
            if (bad := _bad(leaf)) is not None:
                rows = np.flatnonzero(~np.isfinite(bad.reshape(len(bad), -1)).all(1))
                return (
                    f"The data of this batch is not finite: `{path}` ({_count(bad)}, first in "
                    f"row {rows[0]} of the batch)."
                )
    for variable in model.weights:
        if (bad := _bad(variable.raw_value())) is not None:
            return f"The weight '{variable.path}' was not finite before this batch ({_count(bad)})."
    try:
        return _Replay(model, x, y, weight).answer()
    except Exception as error:  # a custom step may take data that a plain call does not
        return (
            "Which layer it was could not be found out by a forward and a backward pass: "
            f"{type(error).__name__}: {error}"
        )


class _Replay:
    """One step, forward and backward, with every layer's output in sight."""

    def __init__(self, model: Any, x: Any, y: Any, weight: Any) -> None:
        self.model = model
        self.data = (x, y, weight)
        #: `(layer, its inputs, its outputs)` in the order in which the calls ended
        self.calls: list[tuple[Any, list, list]] = []

    def answer(self) -> str:
        model = self.model
        variables = model.trainable_variables
        values = [v.raw_value() for v in variables]
        own = "" if type(model).train_step is _plain_step(model) else (
            "(Looked for with `compute_loss` on a plain call; the model has a `train_step` of "
            "its own.) "
        )
        loss = self._forward(values, None)
        for layer, inputs, outputs in self.calls:
            for output in outputs:
                if (bad := _bad(output)) is not None:
                    return (
                        f"{own}The first layer whose output was not finite: {_name(layer)}: "
                        f"{_count(bad)}{_range(inputs)}."
                    )
        if _bad(loss) is not None:
            return (
                f"{own}The output of every layer was finite, the loss of them was not "
                f"({float(current_backend().to_numpy(loss))})."
            )
        found = self._backward(variables, values)
        if found is not None:
            return own + found
        rate = float(model.optimizer.learning_rate)
        return (
            f"{own}Outputs, loss and gradients were finite: it was the update by the optimizer "
            f"'{model.optimizer.name}' that was not (learning rate {rate:g})."
        )

    def _forward(self, values: list, shifts: dict[tuple[int, int], Any] | None) -> Any:
        """The loss; with `shifts` added to the outputs of layers, by call and position."""
        model = self.model
        x, y, weight = self.data
        calls: list[tuple[Any, list, list]] = []

        def observe(layer: Any, args: tuple, kwargs: dict, outputs: Any) -> Any:
            at = len(calls)
            if shifts is not None:
                outputs = _shifted(outputs, at, shifts)
            calls.append((layer, tree.leaves((args, kwargs)), tree.leaves(outputs)))
            return outputs

        mapping = zip(model.trainable_variables, values)
        token = call_context.set(CallContext(True, observe))
        try:
            with StatelessScope(mapping, collect_losses=True):
                y_pred = model(x, training=True)
                loss = model.compute_loss(
                    x=x, y=y, y_pred=y_pred, sample_weight=weight, training=True
                )
        finally:
            call_context.reset(token)
        if shifts is None:
            self.calls = calls
        return loss

    def _backward(self, variables: list, values: list) -> str | None:
        backend = current_backend()
        places = {
            (i, j): output
            for i, (_, _, outputs) in enumerate(self.calls)
            for j, output in enumerate(outputs) if _visible(output)
        }
        zeros = {key: backend.xp.zeros_like(output) for key, output in places.items()}
        keys = list(zeros)

        def loss(values: list, shifts: list) -> Any:
            return self._forward(values, dict(zip(keys, shifts)))

        pair = [values, [zeros[key] for key in keys]]
        _, (of_weights, of_outputs) = backend.value_and_grad(lambda both: loss(*both))(pair)
        bad_outputs = {
            key for key, gradient in zip(keys, of_outputs) if _bad(gradient) is not None
        }
        bad_weights = {
            id(v): gradient for v, gradient in zip(variables, of_weights)
            if gradient is not None and _bad(gradient) is not None
        }
        # Backward, a layer is at fault where what came to it was finite and what left was not.
        for at in range(len(self.calls) - 1, -1, -1):
            layer, inputs, outputs = self.calls[at]
            if any((at, j) in bad_outputs for j in range(len(outputs))):
                continue
            before = {id(x) for x in inputs}
            leaving = [
                key for key in bad_outputs
                if key[0] < at and id(self.calls[key[0]][2][key[1]]) in before
            ]
            inner = set(map(id, layer._flatten_layers(include_self=False)))
            if any(id(called) in inner for called, _, _ in self.calls[:at]):
                continue  # a layer inside will be named
            own = [v for v in layer.trainable_variables if id(v) in bad_weights]
            if leaving or own:
                gradient = (
                    f"that of its weight '{own[0].path}'" if own and not leaving
                    else "that of its input"
                )
                return (
                    "Outputs and loss were finite; going back, the first gradient that was not: "
                    f"{gradient}, in {_name(layer)}{_range(inputs)}."
                )
        if bad_outputs:
            layer = self.calls[max(bad_outputs)[0]][0]
            return (
                "Outputs and loss were finite; going back, the first gradient that was not: that "
                f"of the output of {_name(layer)}, by what uses it."
            )
        if bad_weights:
            path = next(v.path for v in variables if id(v) in bad_weights)
            return f"Outputs and loss were finite; the gradient of '{path}' was not."
        return None


def _plain_step(model: Any) -> Any:
    """`train_step` as the library has it."""
    return next(
        cls.__dict__["train_step"] for cls in reversed(type(model).__mro__)
        if "train_step" in cls.__dict__
    )


def _shifted(outputs: Any, at: int, shifts: dict[tuple[int, int], Any]) -> Any:
    position = iter(range(len(tree.leaves(outputs))))

    def shift(output: Any) -> Any:
        by = shifts.get((at, next(position)))
        if by is None:
            return output
        moved = output + by
        set_mask(moved, get_mask(output))
        return moved

    return tree.map_leaves(shift, outputs)


def _visible(value: Any) -> bool:
    """Whether it is a floating array whose values can be looked at now."""
    backend = current_backend()
    return (
        backend.is_array(value) and not backend.is_abstract(value)
        and is_float(canonical_name(value.dtype))
    )


def _bad(value: Any) -> np.ndarray | None:
    """An array as NumPy has it, if it has entries that are not finite; else None."""
    if not _visible(value):
        return None
    array = np.asarray(current_backend().to_numpy(value))
    return None if np.isfinite(array).all() else np.atleast_1d(array)


def _count(array: np.ndarray) -> str:
    nans = int(np.isnan(array).sum())
    infinite = int(np.isinf(array).sum())
    kinds = [f"{n} {what}" for n, what in ((nans, "NaN"), (infinite, "infinite")) if n]
    return f"{' and '.join(kinds)} of {array.size} entries"


def _range(inputs: list) -> str:
    arrays = [np.asarray(current_backend().to_numpy(x)) for x in inputs if _visible(x)]
    arrays = [a for a in arrays if a.size]
    if not arrays:
        return ""
    low, high = min(float(a.min()) for a in arrays), max(float(a.max()) for a in arrays)
    return f", from inputs between {low:.4g} and {high:.4g}"


def _name(layer: Any) -> str:
    return f"{type(layer).__name__} '{layer.name}' (path '{layer.path}')"


def _named(part: Any, name: str) -> list[tuple[str, Any]]:
    if part is None:
        return []
    leaves: list[tuple[str, Any]] = []

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(item, f"{path}[{key!r}]")
        elif isinstance(value, (list, tuple)):
            for i, item in enumerate(value):
                walk(item, f"{path}[{i}]")
        else:
            leaves.append((path, value))

    walk(part, name)
    return leaves
