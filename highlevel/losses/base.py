"""`Loss`: what is common to all losses, and how entries become one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from highlevel_backend import tree

from highlevel import config, dtype_policies, errors, ops
from highlevel.losses.shapes import as_floats, broadcasts, match_ranks
from highlevel.masking import get_mask, mask_scope
from highlevel.naming import auto_name
from highlevel.serialization import deserialize_keras_object, serialize_keras_object

__all__ = ["FunctionLoss", "Loss", "apply_mask", "reduce_weighted"]

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def check_reduction(reduction: Any, owner: str) -> str | None:
    """The reduction, if there is one of that name.

    Raises:
        ValueError: there is none; the message lists them.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(
            f"{owner}: `reduction` must be one of {', '.join(map(repr, REDUCTIONS))}; "
            f"got {reduction!r}.{errors.suggest(reduction, REDUCTIONS)}"
        )
    return reduction


class Loss:
    """Base class of losses: subclass it and define `call(y_true, y_pred)`.

    Args:
        name: name; made from the class's where None.
        reduction: how the entries become one number: `"sum"`; `"sum_over_batch_size"` or
            `"mean"`, the weighted sum over their number; `"mean_with_sample_weight"`, the
            sum over the sum of weights; `"none"` or None keeps them.
        dtype: dtype name or policy to compute in; `config.floatx()` where None,
            whatever the current policy is.

    Raises:
        ValueError: the reduction is none of these.

    >>> import highlevel as hl
    >>> class Quartic(hl.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return hl.ops.mean((y_true - y_pred) ** 4, axis=-1)
    >>> float(Quartic()([[0.0, 0.0]], [[1.0, 2.0]]))
    8.5
    """

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        self.name = auto_name(type(self)) if name is None else name
        self.reduction = check_reduction(reduction, f"Loss '{self.name}'")
        self._given_dtype = dtype
        self._dtype_policy = dtype_policies.get(dtype or config.floatx())

    @property
    def dtype(self) -> str:
        """dtype name the loss is computed in."""
        return self._dtype_policy.compute_dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each entry, before weights and reduction.

        Args:
            y_true, y_pred: arrays, or trees of arrays.
        """
        raise NotImplementedError(
            f"{type(self).__name__} is a Loss without `call(y_true, y_pred)`; define it."
        )

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss.

        Args:
            y_true: what is right.
            y_pred: what was predicted; a mask set on it leaves entries out.
            sample_weight: weights that broadcast with the losses of the entries.

        Returns:
            Scalar array, or the entries' losses where nothing is reduced.

        Raises:
            ValueError: shapes do not fit.
        """
        mask = get_mask(y_pred)
        token = mask_scope.set(None)  # what becomes of the mask is said here
        try:
            y_pred, y_true = self._as_arrays(y_pred), self._as_arrays(y_true)
            losses = self.call(y_true, y_pred)
            found = get_mask(losses)
            if mask is None:
                mask = found
            elif found is not None:
                mask = ops.logical_and(mask, found)
            return reduce_weighted(losses, sample_weight, mask, self.reduction, self.dtype)
        except (ValueError, TypeError) as error:
            errors.add_note(
                error,
                f"In the loss '{self.name}' ({type(self).__name__}) of "
                f"y_true={errors.describe(y_true)}, y_pred={errors.describe(y_pred)}"
                + ("." if sample_weight is None else
                   f", sample_weight={errors.describe(sample_weight)}."),
            )
            raise
        finally:
            mask_scope.reset(token)

    def _as_arrays(self, structure: Any) -> Any:
        """A tree's leaves in the loss's dtype; lists of Python numbers are arrays themselves."""
        if isinstance(structure, (list, tuple)) and all(
            isinstance(leaf, (bool, int, float)) for leaf in tree.leaves(structure)
        ):
            return as_floats(structure, self.dtype)
        return tree.map_leaves(lambda leaf: as_floats(leaf, self.dtype), structure)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON can hold them."""
        config: dict[str, Any] = {"name": self.name, "reduction": self.reduction}
        if self._given_dtype is not None:
            config["dtype"] = self._dtype_policy.name
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """A loss with the arguments of a config."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class FunctionLoss(Loss):
    """A loss made of a function of `(y_true, y_pred)`.

    Args:
        fn: gives the loss of each entry.
        reduction, name, dtype: see `Loss`.
        kwargs: further arguments of `fn`.
    """

    #: arguments that stay out of the config while they have this value
    _silent: dict[str, Any] = {}

    def __init__(
        self,
        fn: Callable,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if hasattr(y_true, "shape") and hasattr(y_pred, "shape"):
            y_true, y_pred = match_ranks(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if type(self) is FunctionLoss:
            config["fn"] = serialize_keras_object(self.fn)
        for key, value in self._fn_kwargs.items():
            if key not in self._silent or value != self._silent[key]:
                config[key] = serialize_keras_object(value)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        if "fn" in config:
            config = {**config, "fn": deserialize_keras_object(config["fn"])}
        return cls(**config)


def reduce_weighted(
    values: Any,
    sample_weight: Any = None,
    mask: Any = None,
    reduction: str | None = "sum_over_batch_size",
    dtype: str | None = None,
) -> Any:
    """Losses of entries, weighted and reduced.

    Args:
        values: floating array.
        sample_weight: weights that broadcast with `values`; a last axis of length 1 more
            or less makes no difference.
        mask: booleans of the shape of `values` or of its first axes; entries where it is
            false do not count, in a mean neither above nor below the line.
        reduction: see `Loss`.
        dtype: dtype of the result; that of `values` where None.

    Returns:
        Scalar array, or an array of the shape of `values`.

    Raises:
        ValueError: the weights do not broadcast with the values.
    """
    values = as_floats(values, dtype)
    dtype = values.dtype
    if mask is not None:
        counted = ops.cast(mask, dtype)
        missing = range(len(counted.shape), len(values.shape))
        if missing:  # a mask over the first axes says the same of all that is behind them
            counted = ops.expand_dims(counted, tuple(missing))
        if reduction in ("sum_over_batch_size", "mean"):
            # Raise the weights of what counts, so that the mean is one over what counts.
            counted = counted * (ops.sum(ops.ones_like(counted)) / _never_zero(ops.sum(counted)))
        sample_weight = apply_mask(sample_weight, counted, dtype)
    if sample_weight is not None:
        sample_weight = as_floats(sample_weight, dtype)
        values, sample_weight = match_ranks(values, sample_weight)
        _check_weights(values, sample_weight)
        values = values * sample_weight
    if reduction in ("none", None) or not len(values.shape):
        return values
    if reduction == "sum":
        return ops.sum(values)
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        return ops.sum(values) / _never_zero(ops.sum(sample_weight))
    return ops.mean(values)


def apply_mask(sample_weight: Any, mask: Any, dtype: Any) -> Any:
    """Weights that are 0 where `mask` is false.

    Args:
        sample_weight: weights that broadcast with the mask, or None for ones.
        mask: booleans, or numbers to multiply by.
        dtype: floating dtype of the result.

    Raises:
        ValueError: the weights do not broadcast with the mask.
    """
    mask = ops.cast(mask, dtype)
    if sample_weight is None:
        return mask
    sample_weight, mask = match_ranks(as_floats(sample_weight, dtype), mask)
    _check_weights(mask, sample_weight)
    return sample_weight * mask


def _never_zero(total: Any) -> Any:
    return ops.where(ops.equal(total, 0), ops.ones_like(total), total)


def _check_weights(values: Any, weights: Any) -> None:
    if not broadcasts(weights.shape, values.shape):
        raise ValueError(
            f"`sample_weight` of shape {tuple(weights.shape)} does not fit losses of shape "
            f"{tuple(values.shape)}: there must be one weight for each, or one for a whole "
            "sample with an axis of length 1 for each further axis."
        )
