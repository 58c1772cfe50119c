"""All variables of a model as nested dicts by path, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from highlevel_backend import current_backend

from highlevel.errors import suggest

__all__ = ["state_tree", "take_state_tree"]

FORMATS = ("backend_tensor", "numpy_array")


def _groups(model: Any) -> dict[str, list]:
    optimizer = model.optimizer
    return {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "optimizer_variables": list(optimizer.variables) if optimizer is not None else [],
        "metrics_variables": model.metrics_variables,
    }


def state_tree(model: Any, value_format: str) -> dict[str, Any]:
    """See `Trainer.get_state_tree`."""
    if value_format not in FORMATS:
        raise ValueError(
            f"`value_format` must be one of {', '.join(map(repr, FORMATS))}; got {value_format!r}."
            f"{suggest(value_format, FORMATS)}"
        )
    return {
        group: _nested(variables, value_format == "numpy_array")
        for group, variables in _groups(model).items()
    }


def _nested(variables: list, numpy: bool) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    backend = current_backend()
    for variable in variables:
        *parents, last = variable.path.split("/")
        node = tree
        for part in parents:
            node = node.setdefault(part, {})
        if last in node:
            raise ValueError(
                f"Two variables have the path '{variable.path}': a tree cannot hold both. Give "
                "the layers different names."
            )
        node[last] = variable.numpy() if numpy else backend.asarray(variable.value)
    return tree


def take_state_tree(model: Any, tree: Mapping[str, Any]) -> None:
    """See `Trainer.set_state_tree`."""
    groups = _groups(model)
    if (tree.get("optimizer_variables") and model.optimizer is not None
            and not model.optimizer.built):
        model.optimizer.build(model.trainable_variables)
        groups = _groups(model)
    wanted = []
    for group, values in tree.items():
        if group not in groups:
            raise ValueError(
                f"A state tree has no entry {group!r}.{suggest(group, groups)} Its entries: "
                f"{', '.join(groups)}."
            )
        known = {variable.path: variable for variable in groups[group]}
        for path, value in _flat(values, ""):
            if path not in known:
                raise ValueError(
                    f"Model '{model.name}' has no variable '{path}' among its `{group}`."
                    f"{suggest(path, known)}"
                )
            wanted.append((known[path], value))
    for variable, value in wanted:  # all names are right: nothing is left half done
        variable.assign(value)


def _flat(values: Any, path: str) -> list[tuple[str, Any]]:
    if not isinstance(values, Mapping):
        return [(path, values)]
    return [
        pair for name, value in values.items()
        for pair in _flat(value, f"{path}/{name}" if path else name)
    ]
