"""Calls of a model outside of any other: as one compiled program, the short way if it can be.

`CallProgram` is the program for one structure of arguments. `Shortcut` goes from `model(x)`
straight to it, for an array, or a list, tuple or dict of arrays, like those that took the long
way before: what the long way finds out (which program, which conversion) is then known, and what
could have changed in the meantime is asked in a few comparisons, however large the model is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend, tree

from highlevel.layers.call_info import call_info
from highlevel.layers.layer import (
    CallContext,
    Layer,
    any_losses,
    call_context,
    current_context,
    eager_losses,
)
from highlevel.layers.tracking import same_structure, structure_version, what_changed
from highlevel.masking import get_masks, peek_mask, set_mask
from highlevel.state import StatelessScope, active_distribution, current_scope
from highlevel.variable import KeptArrays

__all__ = ["CallProgram", "Shortcut"]


class CallProgram:
    """A compiled call of a model for one structure of arguments.

    Args:
        model: what is called.
        definition: structure of `(args, kwargs)`.
        places: which leaves are arrays.
        rest: the other leaves, None where there is an array.
        masked: which of the arrays have masks; these follow the arrays.
        cause: why it takes another one's place, if it does.
    """

    def __init__(
        self, model: Any, definition: Any, places: tuple, rest: tuple, masked: tuple,
        cause: str | None,
    ) -> None:
        self._structure = model.structure()
        self._checked = structure_version()
        self._model = model
        self._backend = current_backend()
        self._kept = KeptArrays()
        self._losses_seen = -1
        self._variables = variables = [*model.trainable_variables, *model.non_trainable_variables]
        index = {variable: i for i, variable in enumerate(variables)}

        def run(values: list, arrays: list) -> tuple:
            filled = list(rest)
            for place, array in zip(places, arrays):
                filled[place] = array
            for place, mask in zip(masked, arrays[len(places):]):
                set_mask(arrays[place], mask)
            args, kwargs = tree.unflatten(definition, filled)
            token = call_context.set(CallContext())
            try:
                with StatelessScope(zip(variables, values), collect_losses=True) as scope:
                    outputs = model._call_inside(current_context(), args, kwargs)
            finally:
                call_context.reset(token)
            updates = {index[v]: value for v, value in scope.updates.items() if v in index}
            return outputs, get_masks(outputs), updates, scope.losses

        def names(place: tuple) -> str:
            if place[0] == 0:
                return f"variable '{variables[place[1]].path}'"
            if place[1] >= len(places):
                return f"the mask of {named[masked[place[1] - len(places)]]}"
            return named[place[1]]

        #: `(values of the variables, arrays) -> (outputs, masks, updates, losses)`
        self.function = run
        self.variables = variables
        named = _names_of_arrays(model, definition, places, rest)
        ledger = model._compiled_programs
        ledger.owner = model.name
        note = ledger.noting(
            "call", names, _static(model, definition, rest), cause, _remedy
        )
        self._run = self._backend.compile(run, note=note)

    def stale(self, model: Any) -> bool:
        """Whether the model has changed since it was compiled: a layer, an attribute."""
        version = structure_version()
        if version == self._checked:
            return False
        # One that is stale stays so, for whoever else holds it.
        changed = not same_structure(self._structure, model.structure())
        self._checked = -1 if changed else version
        return changed

    def why_stale(self, model: Any) -> str:
        """What has changed since, in words."""
        return what_changed(self._structure, model.structure())

    def __call__(self, arrays: list) -> Any:
        model, kept = self._model, self._kept
        values = kept.get()
        if values is None:
            since = KeptArrays.assignments
            values = [variable.raw_value() for variable in self._variables]
            kept.keep(values, since)
        outputs, masks, updates, losses = self._run(values, arrays)
        if updates:
            known = kept.get() is not None
            for index, value in updates.items():
                self._variables[index].set_raw(value, self._backend)
                values[index] = value
            if known:
                kept.keep(values, KeptArrays.assignments)
        if self._losses_seen != eager_losses[0]:
            model._clear_losses()
            self._losses_seen = eager_losses[0]
        if losses:
            any_losses[0] = True
        # Past `__setattr__`: it is no change of the model.
        model.__dict__["_loss_values"] = losses
        if masks is not None:
            for value, mask in zip(tree.leaves(outputs), tree.leaves(masks)):
                set_mask(value, mask)
        return outputs


class Shortcut:
    """From an array, or arrays in a list, tuple or dict, straight to a model's program for them.

    Args:
        program: the program.
        given: what the model was called with.
        taken: what the program was handed for it, in the same structure.
    """

    __slots__ = ("_kinds", "_names", "_program", "_several")

    def __init__(self, program: CallProgram, given: Any, taken: Any) -> None:
        self._program = program
        self._several = isinstance(given, (list, tuple, dict))
        #: keys in the order in which the program takes their arrays
        self._names = None
        if isinstance(given, dict):
            places = tree.unflatten(tree.flatten(given)[1], range(len(given)))
            self._names = sorted(places, key=places.__getitem__)
        backend = program._backend
        #: of each array: its type, its dtype, and the dtype to convert to, or None
        self._kinds = [
            (type(x), x.dtype, None if x is y else backend.to_numpy(y).dtype)
            for x, y in zip(tree.leaves(given), tree.leaves(taken))
        ]

    @staticmethod
    def leads(given: Any, taken: Any, arrays: list, backend: Any) -> bool:
        """Whether a later call with `given`'s like can go straight to the program.

        Args:
            taken: what it was made to, of which `arrays` are the arrays.
        """
        leaves, definition = tree.flatten(given)
        parts = len(given) if isinstance(given, (list, tuple, dict)) else 1
        if not parts == len(leaves) == len(arrays) or definition != tree.flatten(taken)[1]:
            return False
        return all(
            y is array and (backend.is_array(x) if x is y else (
                backend.programs_take_numpy and type(x) is np.ndarray and x.dtype.kind in "fiub"
            ))
            for x, y, array in zip(leaves, tree.leaves(taken), arrays)
        )

    def fits(self, x: Any) -> bool:
        """Whether all is as it was for the arrays that this was made for, shapes aside."""
        program = self._program
        if (
            current_scope.get() is not None
            or current_backend() is not program._backend
            or structure_version() != program._checked
            or active_distribution() is not None
        ):
            return False
        if not self._several:
            return x.dtype == self._kinds[0][1] and peek_mask(x) is None
        kinds = self._kinds
        if len(x) != len(kinds):
            return False
        try:
            arrays = x if self._names is None else [x[name] for name in self._names]
        except KeyError:
            return False
        for one, (kind, dtype, _) in zip(arrays, kinds):
            if type(one) is not kind or one.dtype != dtype or peek_mask(one) is not None:
                return False
        return True

    def __call__(self, x: Any) -> Any:
        if not self._several:
            target = self._kinds[0][2]
            # A copy: the program may still read it when the caller changes the array.
            return self._program([x if target is None else np.array(x, target)])
        arrays = x if self._names is None else [x[name] for name in self._names]
        return self._program([
            one if target is None else np.array(one, target)
            for one, (_, _, target) in zip(arrays, self._kinds)
        ])


def _names_of_arrays(model: Any, definition: Any, places: tuple, rest: tuple) -> list[str]:
    """How to call each array among the arguments of a call: by the parameters of `call`."""
    parameters = call_info(type(model), Layer).names
    marked = tree.unflatten(definition, range(len(rest)))
    by_leaf = {}
    for path, leaf in tree.flatten_with_path(marked):
        part, key, *inside = path
        known = part == 0 and key < len(parameters)
        name = parameters[key] if known else str(key) if part else f"argument {key}"
        by_leaf[leaf] = f"`{name}{''.join(f'[{key!r}]' for key in inside)}`"
    return [by_leaf[place] for place in places]


def _static(model: Any, definition: Any, rest: tuple) -> dict[str, Any]:
    """The arguments of a call that are no arrays, and how many arrays there are, by name."""
    places = tuple([place for place, value in enumerate(rest) if value is not None])
    names = _names_of_arrays(model, definition, places, rest)
    return {name.strip("`"): rest[place] for name, place in zip(names, places)}


def _remedy(axes: tuple[int, ...]) -> str:
    if axes == (0,):
        return (
            "`model.predict(x)` brings batches of any number of rows to one; in a loop of your "
            "own, give batches of one size."
        )
    return "Bring sequences to one length, or to a few: `utils.pad_sequences(x, maxlen=...)`."
