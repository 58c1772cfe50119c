"""`LayerList`: a model's layers by position, by name and by path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, overload

from highlevel.errors import suggest
from highlevel.layers.layer import Layer

__all__ = ["LayerList", "below", "relative_paths"]

#: how many names an error lists
_SHOWN = 20


class LayerList(list[Any]):
    """A model's layers: a list whose items can be asked for by name or path too.

    A path is the names on the way down joined by `/`, `"block/conv"`, through models and
    other layers that hold layers; it may begin with the model's own name, as `layer.path` does.

    Args:
        layers: the layers in their order.
        owner: the layer or model they belong to, for paths and errors.

    >>> import highlevel as hl
    >>> block = hl.Sequential([hl.Input((3,)), hl.layers.Dense(2, name="conv")], name="block")
    >>> model = hl.Sequential([hl.Input((3,)), block, hl.layers.ReLU(name="act")], name="net")
    >>> model.layers["act"] is model.layers[1] is model.layers[-1]
    True
    >>> model.layers["block/conv"] is block.layers[0] is model.layers["net/block/conv"]
    True
    >>> [layer.name for layer in model.layers[:1]]
    ['block']
    """

    def __init__(self, layers: Any, owner: Any = None) -> None:
        super().__init__(layers)
        self._owner = owner

    @overload
    def __getitem__(self, key: slice) -> LayerList: ...
    @overload
    def __getitem__(self, key: Any) -> Any: ...
    def __getitem__(self, key: Any) -> Any:
        """The layer at a position or of a name or path; a slice's layers.

        Raises:
            KeyError: no layer has that name or path; tells the likely one.
            IndexError: no layer has that position.
        """
        if isinstance(key, str):
            return self._named(key)
        if isinstance(key, slice):
            return LayerList(super().__getitem__(key), self._owner)
        try:
            return super().__getitem__(key)
        except IndexError:
            raise IndexError(
                f"{self._whose()} has {len(self)} layers; there is none at position {key}."
            ) from None

    def _named(self, key: str) -> Any:
        for layer in self:
            if key in (layer.name, layer.path):
                return layer
        parts = key.split("/")
        for first in (0, 1):
            if first and (self._owner is None or parts[0] != self._owner.name):
                break
            found = _down(list(self), parts[first:])
            if found is not None:
                return found
        paths = dict(relative_paths(list(self)))
        of_path = dict.fromkeys(layer for layer in paths.values() if layer.path == key)
        if len(of_path) == 1:  # a nested model's layers have paths that begin there
            return next(iter(of_path))
        raise KeyError(
            f"{self._whose()} has no layer {key!r}.{_likely(key, paths)} Its layers: "
            f"{', '.join(layer.name for layer in self[:_SHOWN])}"
            f"{f' and {len(self) - _SHOWN} more' if len(self) > _SHOWN else ''}."
        )

    def _whose(self) -> str:
        if self._owner is None:
            return "This list"
        return f"{type(self._owner).__name__} '{self._owner.name}'"


def _likely(key: str, paths: dict[str, Any]) -> str:
    """The path of the layer that was probably meant."""
    ends = [path for path in paths if path.endswith(f"/{key}")]
    return f" Did you mean {ends[0]!r}?" if ends else suggest(key, paths)


def below(layer: Any) -> list[Any]:
    """The layers that a layer or model holds, in their order."""
    found = getattr(layer, "layers", None)
    if isinstance(found, (list, tuple)) and all(isinstance(item, Layer) for item in found):
        return list(found)
    return layer._sublayers()


def _down(layers: list[Any], parts: list[str]) -> Any:
    """The layer at the end of a way by names, or None."""
    for layer in layers:
        if parts and layer.name == parts[0]:
            found = layer if len(parts) == 1 else _down(below(layer), parts[1:])
            if found is not None:
                return found
    return None


def relative_paths(
    layers: list[Any], before: str = "", above: frozenset[int] = frozenset()
) -> Iterator[tuple[str, Any]]:
    """`(path, layer)` of layers and all below them, each way down once.

    Args:
        layers: where the ways begin.
        before: what every path begins with.
        above: ids of the layers on the way: one that holds a layer above it is no way back.
    """
    for layer in layers:
        if id(layer) in above:
            continue
        path = f"{before}{layer.name}"
        yield path, layer
        yield from relative_paths(below(layer), f"{path}/", above | {id(layer)})
