"""What every initializer is: a callable that makes the first value of a weight."""

from __future__ import annotations

from typing import Any

__all__ = ["Initializer"]


class Initializer:
    """Base class of initializers: subclass it and define `__call__`.

    Weights are initialised when they are first needed, so an initializer must give the
    same values whenever it is called; one that draws from a stream of random numbers says
    so by `draws_from_state = True` and is called at once.

    >>> import highlevel as hl
    >>> class Halves(hl.initializers.Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return hl.ops.full(shape, 0.5, dtype=dtype)
    >>> layer = hl.layers.Dense(1, kernel_initializer=Halves())
    >>> layer.build((None, 2))
    >>> [float(x) for x in layer.kernel.numpy().ravel()]
    [0.5, 0.5]
    """

    #: whether each call gives other values
    draws_from_state: bool = False

    def __call__(self, shape: Any, dtype: str | None = None) -> Any:
        """The first value of a weight.

        Args:
            shape: shape of the result.
            dtype: dtype name; `config.floatx()` where None.

        Returns:
            Array of `shape` and `dtype`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} is an Initializer without `__call__(shape, dtype)`; "
            "define it."
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON can hold them."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """An initializer with the arguments of a config."""
        return cls(**config)

    def clone(self) -> Initializer:
        """Another initializer with the same arguments."""
        return type(self).from_config(self.get_config())

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"
