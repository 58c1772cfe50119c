"""The base class of learning-rate schedules."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

__all__ = ["LearningRateSchedule"]

Array = Any


class LearningRateSchedule:
    """A learning rate as a function of the step.

    Subclasses write `__call__(step)` with array functions, so that it can be part of a
    compiled training step, and `get_config()`, so that it can be saved.

    Example:

    >>> class Halving(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5 ** step
    ...     def get_config(self):
    ...         return {}
    >>> Halving()(2)
    0.025
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step.

        Args:
            step: number of updates done so far, an integer or a scalar array.

        Returns:
            Scalar array, float32.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define `__call__(self, step)` and return the "
            "learning rate at that step."
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as plain values."""
        raise NotImplementedError(
            f"{type(self).__name__} must define `get_config(self)` to be saved: return a dict "
            "of the constructor's arguments."
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        """A schedule made from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        try:
            config = self.get_config()
        except NotImplementedError:
            return f"<{type(self).__name__}>"
        shown = ", ".join(f"{k}={v!r}" for k, v in config.items() if k != "name")
        return f"{type(self).__name__}({shown})"


def as_float(value: Any) -> Array:
    """A number or step as float32 scalar array."""
    backend = current_backend()
    return backend.cast(backend.asarray(value), "float32")


def check_positive(schedule: str, **arguments: Any) -> None:
    """Raise ValueError for numbers of steps that are not above 0."""
    for name, value in arguments.items():
        if value <= 0:
            raise ValueError(
                f"Argument `{name}` of {schedule} must be > 0, a number of steps. "
                f"Received: {name}={value!r}."
            )
