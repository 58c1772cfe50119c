"""What a checkpoint holds, and how it goes back into a model."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from highlevel.saving.errors import FileError
from highlevel.saving.report import LoadReport
from highlevel.saving.walk import walk
from highlevel.state import active_distribution

__all__ = [
    "GROUPS", "Checkpoint", "by_path", "layouts_for", "put_assets", "put_state", "variables_of",
]

#: groups of variables, under the names that Keras gives them
GROUPS = (
    "trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables",
)


@dataclass
class Checkpoint:
    """A model, and perhaps a training, at one moment.

    Attributes:
        state: group → path of the variable → array.
        config: the model's config as JSON; None where it is not kept.
        assets: place → bytes of files that layers keep beside their weights.
        run: where the training stood: `(record, arrays)`, or None.
        ordered: whether the arrays are in the order of the variables.
    """

    state: dict[str, dict[str, Any]]
    config: str | None = None
    assets: dict[str, bytes] = field(default_factory=dict)
    run: tuple[Any, dict[str, Any]] | None = None
    ordered: bool = True


def variables_of(model: Any) -> dict[str, list[Any]]:
    """A model's variables by group."""
    optimizer = getattr(model, "optimizer", None)
    return {
        "trainable_variables": list(model.trainable_variables),
        "non_trainable_variables": list(model.non_trainable_variables),
        "optimizer_variables": list(optimizer.variables) if optimizer is not None else [],
        "metrics_variables": list(getattr(model, "metrics_variables", [])),
    }


def by_path(variables: list[Any]) -> dict[str, Any]:
    """Variables by their paths; those of one path are told apart by a number."""
    found: dict[str, Any] = {}
    for variable in variables:
        path, number = variable.path, 1
        while path in found:
            path, number = f"{variable.path}_{number}", number + 1
        found[path] = variable
    return found


def put_state(model: Any, checkpoint: Checkpoint, path: str) -> LoadReport:
    """Assign a checkpoint's values to a model's variables, all or none.

    Variables are matched by path; with the model's own name left out on one side or both; or by
    order, where the order is known and a group has as many of the same shapes (a model made a
    second time in a process has other names).

    Args:
        model: a built model; if it is compiled, its optimizer and metrics are set too.
        checkpoint: what was read.
        path: of the checkpoint, for errors and the report.

    Raises:
        FileError: a variable without value, or of another shape; all are listed.
    """
    report = LoadReport(path)
    pairs: list[tuple[Any, Any]] = []
    problems: list[str] = []
    for group, (mine, names) in _matches(model, checkpoint).items():
        values = checkpoint.state[group]
        for name, variable in mine.items():
            value = values[names[name]] if name in names else None
            if value is None:
                report.missing.append(name)
                problems.append(f"'{name}' is not in the checkpoint")
            elif tuple(value.shape) != tuple(variable.shape):
                report.differing.append((name, tuple(variable.shape), tuple(value.shape)))
                problems.append(
                    f"'{name}' has the shape {tuple(variable.shape)}, in the checkpoint "
                    f"{tuple(value.shape)}"
                )
            else:
                pairs.append((variable, value))
                report.loaded.append(name)
        report.unused += [name for name in names if name not in mine]
    if problems:
        raise FileError(
            f"The checkpoint '{path}' does not fit model '{model.name}'; nothing was changed.\n"
            + "\n".join(f"  {text}" for text in problems)
        )
    for variable, value in pairs:
        variable.assign(value)
    return report


def layouts_for(model: Any) -> Callable[[Checkpoint], dict[str, Any]]:
    """How the arrays of a checkpoint are to lie on devices, so that no process reads all of one.

    Returns:
        A function from a checkpoint whose arrays have only shapes to the backend's layouts, by
        `group/path`; arrays that the model does not divide are left out.
    """

    def layouts(checkpoint: Checkpoint) -> dict[str, Any]:
        distribution = active_distribution()
        found = {}
        for group, (mine, names) in _matches(model, checkpoint).items():
            for name, variable in mine.items():
                if name not in names or tuple(variable.shape) != tuple(
                    checkpoint.state[group][names[name]].shape
                ):
                    continue
                if distribution is not None:
                    found[f"{group}/{names[name]}"] = distribution.fitting(variable).backend_layout
                    continue
                for _, array in variable.held():
                    layout = getattr(array, "sharding", None)
                    if layout is not None and len(layout.device_set) > 1:
                        found[f"{group}/{names[name]}"] = layout
        return found

    return layouts


def _matches(
    model: Any, checkpoint: Checkpoint
) -> dict[str, tuple[dict[str, Any], dict[str, str]]]:
    """Per group the model's variables by path, and for each path its name in the checkpoint.

    Values without a variable have their own name. The optimizer is built where the checkpoint has
    its state.
    """
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and not optimizer.built and checkpoint.state.get(
        "optimizer_variables"
    ):
        optimizer.build(model.trainable_variables)
    own = variables_of(model)
    weights = set(map(id, model.weights))
    strip = _stripping(own, checkpoint)
    found = {}
    for group, variables in own.items():
        values = checkpoint.state.get(group)
        if values is None or (not values and group != "trainable_variables"):
            continue
        mine = by_path(variables)
        names = {name: name for name in values}
        if mine.keys() != values.keys():
            here = {strip(name, group, 0): name for name in mine}
            there = {strip(name, group, 1): name for name in values}
            if here.keys() <= there.keys():
                names = {here.get(short, short): name for short, name in there.items()}
            elif checkpoint.ordered and [tuple(v.shape) for v in variables] == [
                tuple(a.shape) for a in values.values()
            ]:
                names = dict(zip(mine, values))
        if group == "metrics_variables" and mine.keys() != names.keys():
            continue  # of another compilation; they begin anew
        if group == "non_trainable_variables":  # random states of other names are no fault
            mine = {n: v for n, v in mine.items() if id(v) in weights or n in names}
        found[group] = mine, names
    return found


def _stripping(own: dict[str, list[Any]], checkpoint: Checkpoint) -> Callable[[str, str, int], str]:
    """What takes the model's name off a path, where paths agree without it.

    A model made from a config may have names without the model's, which the saved one had.
    """
    sides = (
        [v.path for v in own["trainable_variables"]],
        list(checkpoint.state.get("trainable_variables", ())),
    )
    found = ("", "")
    for here, there in ((0, 0), (0, 1), (1, 0), (1, 1)):
        names = tuple(
            _common(side) if wanted else "" for side, wanted in zip(sides, (here, there))
        )
        if {p.removeprefix(names[0]) for p in sides[0]} == {
            p.removeprefix(names[1]) for p in sides[1]
        }:
            found = names
            break

    def strip(path: str, group: str, side: int) -> str:
        if group != "optimizer_variables":
            return path.removeprefix(found[side])
        # Slots are named `optimizer/model_layer_variable_slot`.
        return path.partition("/")[2].removeprefix(found[side].replace("/", "_"))

    return strip


def _common(paths: list[str]) -> str:
    """The first part that all paths share, with its `/`."""
    first = {path.partition("/")[0] for path in paths}
    return f"{first.pop()}/" if len(first) == 1 else ""


def put_assets(model: Any, checkpoint: Checkpoint, path: str) -> None:
    """Let layers read the files that a checkpoint keeps for them.

    Raises:
        FileError: one has a place outside of its folder.
    """
    owners = [(place, obj) for place, obj in walk(model) if hasattr(obj, "load_assets")]
    if not owners or not checkpoint.assets:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, content in checkpoint.assets.items():
            parts = name.split("/")
            if any(p in ("", ".", "..") or "\\" in p or ":" in p or "\0" in p for p in parts):
                raise FileError(f"'{path}' holds the file '{name}', outside its folder: refused.")
            target = os.path.join(folder, *parts)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "xb") as file:
                file.write(content)
        for place, obj in owners:
            inner = os.path.join(folder, *place.split("/"))
            if os.path.isdir(inner):
                obj.load_assets(inner)
