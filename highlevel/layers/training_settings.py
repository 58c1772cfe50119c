"""How a layer's weights are trained, as properties: whether, how fast, with which decay."""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from typing import Any

from highlevel.layers.tracking import Tracked, note_change
from highlevel.variable import Variable

__all__ = ["TrainingSettings"]

_SETTINGS = ("trainable", "learning_rate_multiplier", "weight_decay")


class TrainingSettings(Tracked):
    """Base of layers; all settings take effect at the next training step."""

    _trainable: bool = True
    _learning_rate_multiplier: float = 1.0
    _weight_decay: float | None = None

    @property
    def trainable(self) -> bool:
        """Whether training changes the variables; settable, takes effect at the next step.

        State that the optimizer has for a variable is kept while the variable is frozen.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for variable in self._direct_variables():
            if variable.born_trainable:
                variable.trainable = self._trainable
        for layer in self._sublayers():
            layer.trainable = self._trainable

    @property
    def learning_rate_multiplier(self) -> float:
        """Factor of the learning rate for this layer's variables and those of its sublayers.

        1 by default. Settable, without `compile`; the next step compiles anew where the
        backend compiles.

        >>> import highlevel as hl
        >>> layer = hl.layers.Dense(2)
        >>> layer.learning_rate_multiplier = 0.1
        """
        return self._learning_rate_multiplier

    @learning_rate_multiplier.setter
    def learning_rate_multiplier(self, value: float) -> None:
        self._set("learning_rate_multiplier", self._number("learning_rate_multiplier", value))

    @property
    def weight_decay(self) -> float | None:
        """Weight decay of this layer's variables, instead of the optimizer's; None for that one.

        Settable as `learning_rate_multiplier` is.
        """
        return self._weight_decay

    @weight_decay.setter
    def weight_decay(self, value: float | None) -> None:
        self._set("weight_decay", None if value is None else self._number("weight_decay", value))

    def _number(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
            raise ValueError(
                f"`{name}` of '{self.name}' must be a number of at least 0; got {value!r}."
            )
        return float(value)

    def _set(self, name: str, value: float | None) -> None:
        object.__setattr__(self, f"_{name}", value)
        for variable in self._direct_variables():
            setattr(variable, name, value)
        for layer in self._sublayers():
            layer._set(name, value)
        note_change()

    def _apply_settings(self, variable: Variable) -> None:
        """Give a new variable what was set before it was made."""
        variable.learning_rate_multiplier = self._learning_rate_multiplier
        variable.weight_decay = self._weight_decay

    # -------------------------------------------------------------------- by pattern

    def set_training(self, pattern: str, **settings: Any) -> list[str]:
        """Set `trainable`, `learning_rate_multiplier` or `weight_decay` of layers by path.

        Args:
            pattern: path of layers below this one, with `*` and `?` (`fnmatch`), such as
                `"encoder/block_*"`. The first part, this layer's own name, may be left out.
            **settings: the properties to set.

        Returns:
            The paths of the layers that matched.

        Raises:
            ValueError: no layer matches, with the nearest path; or an unknown setting.

        >>> import highlevel as hl
        >>> model = hl.Sequential([hl.Input((3,)), hl.layers.Dense(2, name="head")], name="net")
        >>> model.set_training("head", learning_rate_multiplier=0.1, weight_decay=0.0)
        ['head']
        """
        unknown = sorted(set(settings) - set(_SETTINGS))
        if unknown or not settings:
            raise ValueError(
                f"`set_training` sets {', '.join(_SETTINGS)}; got {', '.join(unknown) or 'none'}."
            )
        paths = _paths_below(self)
        matched = [path for path in paths if fnmatchcase(path, pattern)]
        if not matched:
            near = difflib.get_close_matches(pattern, paths, n=1, cutoff=0)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise ValueError(f"No layer of '{self.name}' has a path like '{pattern}'.{hint}")
        for path in matched:
            for name, value in settings.items():
                setattr(paths[path], name, value)
        return matched

    def _training_settings(self) -> dict[str, dict[str, float]]:
        """Path below this layer → what differs from the default, for files; "" is itself."""
        found = {}
        for path, layer in {"": self, **_paths_below(self)}.items():
            own: dict[str, float] = {}
            if layer._learning_rate_multiplier != 1:
                own["learning_rate_multiplier"] = layer._learning_rate_multiplier
            if layer._weight_decay is not None:
                own["weight_decay"] = layer._weight_decay
            if own:
                found[path] = own
        return found

    def _take_training_settings(self, settings: dict[str, dict[str, float]]) -> None:
        paths = {"": self, **_paths_below(self)}
        for path, own in settings.items():
            if path in paths:  # parents come before children, whose own values stay
                for name, value in own.items():
                    if name in _SETTINGS:
                        setattr(paths[path], name, value)


def _paths_below(root: Any) -> dict[str, Any]:
    """Path from `root` by names → layer, parents first."""
    found: dict[str, Any] = {}
    seen = {id(root)}

    def walk(layer: Any, prefix: str) -> None:
        for child in layer._sublayers():
            if id(child) in seen:
                continue
            seen.add(id(child))
            path = f"{prefix}{child.name}"
            found[path] = child
            walk(child, f"{path}/")

    walk(root, "")
    return found
