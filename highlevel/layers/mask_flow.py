"""How masks go through a layer's call: from its inputs to its arguments and its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from highlevel_backend import current_backend, tree

from highlevel.layers.call_info import CallInfo
from highlevel.masking import (
    MaskScope,
    end_message,
    get_mask,
    get_masks,
    mask_scope,
    peek_mask,
    set_mask,
    warn_user,
)
from highlevel.symbolic import SymbolicTensor, evaluate_abstractly

__all__ = ["MaskFlow", "without_masked"]


def without_masked(value: Any) -> Any:
    """An array with zeros where its mask says that entries do not count."""
    mask = peek_mask(value)
    if mask is None:
        return value
    backend = current_backend()
    counts = backend.cast(mask, "bool")
    counts = backend.xp.reshape(counts, (*counts.shape, *(1,) * (value.ndim - counts.ndim)))
    return backend.xp.where(counts, value, backend.asarray(0, value.dtype.name))


class MaskFlow:
    """What a layer does with masks."""

    _supports_masking: bool
    #: whether it has said already that a mask ends here
    _mask_end_told = False
    if TYPE_CHECKING:
        path: Any
        compute_mask: Any
        input: Any
        output: Any
        call: Any
        _runs_graph: bool
        _flatten_layers: Any

    @property
    def supports_masking(self) -> bool:
        """Whether the outputs have a mask where the inputs do; settable.

        False at first, except in classes with a `compute_mask` of their own.
        """
        return self._supports_masking

    @supports_masking.setter
    def supports_masking(self, value: bool) -> None:
        self._supports_masking = bool(value)

    @property
    def input_mask(self) -> Any:
        """The mask of `input`, symbolic like it; None where it has none.

        A model up to here, `Model(inputs, layer.output_mask)`, computes its values.

        Raises:
            AttributeError: the layer was never called.
        """
        return get_masks(self.input)

    @property
    def output_mask(self) -> Any:
        """The mask of `output`, symbolic like it; None where it has none.

        Raises:
            AttributeError: the layer was never called.
        """
        return get_masks(self.output)

    def _put_masks(self, info: CallInfo, args: tuple, kwargs: dict) -> Any:
        """Fill the mask arguments of `call`; returns the mask of the first argument."""
        if not args:
            return None
        first = get_masks(args[0])
        for name, mask_name in info.mask_arguments:
            if kwargs.get(mask_name) is not None or mask_name in info.names[: len(args)]:
                scope = mask_scope.get()
                if scope is not None:  # masks are handed on by hand here
                    scope.unread.clear()
                    scope.told = scope.path is not None
                continue
            index = info.names.index(name)
            value = args[index] if index < len(args) else kwargs.get(name)
            if value is not None:
                mask = first if index == 0 else get_masks(value)
                if mask is not None:
                    kwargs[mask_name] = mask
        if first is None and info.mask_arguments:
            first = kwargs.get(info.mask_arguments[0][1])
        return first

    def _set_output_masks(
        self, info: CallInfo, args: tuple, kwargs: dict, outputs: Any, masks: Any,
        scope: MaskScope | None,
    ) -> None:
        """Give the outputs their masks, or say that there is none any more.

        Args:
            masks: the mask of the first argument.
            scope: what went on with masks inside of `call`.
        """
        flat = tree.leaves(outputs)
        outer = mask_scope.get()
        if scope is not None and scope.ended and not (scope.told or self._mask_end_told):
            self._mask_end_told = True
            warn_user(end_message(f"'{scope.ended}' in layer '{self.path}'"))
        if all(peek_mask(value) is None for value in flat):
            token = mask_scope.set(None)
            try:
                found = self._own_masks(args, flat, masks)
            finally:
                mask_scope.reset(token)
            if not found:
                self._tell_mask_end(info, args, masks, scope)
        if outer is not None and outer.path is not None:
            for value in flat:
                if peek_mask(value) is not None:
                    outer.unread[id(value)] = self.path

    def _uses_masks(self, info: CallInfo) -> bool:
        """Whether `call` does something with the mask of its input."""
        return bool(info.mask_arguments) or self._runs_graph

    def _infer_following(self, args: tuple, kwargs: dict) -> Any:
        """Symbolic outputs of `call`, with those masks of the inputs that its ops keep."""
        inputs = tree.leaves(args[0])
        places = [i for i, x in enumerate(inputs) if peek_mask(x) is not None]
        masks = [peek_mask(inputs[i]) for i in places]
        kept: list[Any] = []

        def call(arrays: list, *args: Any, **kwargs: Any) -> Any:
            values = tree.leaves(args[0])
            for place, array in zip(places, arrays):
                set_mask(values[place], array)
            outputs = self.call(*args, **kwargs)
            for value in tree.leaves(outputs):
                found = get_mask(value)
                kept.append(next((i for i, m in enumerate(arrays) if m is found), found))
            return outputs

        outputs = evaluate_abstractly(call, (masks, *args), kwargs)
        for value, index in zip(tree.leaves(outputs), kept[-len(tree.leaves(outputs)):]):
            if type(index) is int:
                set_mask(value, masks[index])
            elif index is not None:  # made inside; only the call itself can tell its values
                scope = mask_scope.get()
                if scope is not None:
                    scope.told = True
        return outputs

    def _own_masks(self, args: tuple, flat: list, masks: Any) -> bool:
        """Set what `compute_mask` says; whether that was any mask."""
        if not args:
            return False
        if self._runs_graph:
            return self._graph_masks(args[0], flat)
        if not self._supports_masking:
            return False
        computed = self.compute_mask(args[0], masks)
        if computed is None:
            return False
        if len(flat) == 1:
            one = computed[0] if type(computed) in (list, tuple) else computed
            set_mask(flat[0], one)
            return one is not None
        if type(computed) in (list, tuple):
            # None is a mask's absence here, not an empty node: walk by hand.
            for value, mask in zip(flat, computed):
                if mask is not None:
                    set_mask(value, mask)
            return any(mask is not None for mask in computed)
        for value in flat:
            set_mask(value, computed)
        return True

    def _tell_mask_end(
        self, info: CallInfo, args: tuple, masks: Any, scope: MaskScope | None
    ) -> None:
        """Warn, once, where a mask came in or up inside that goes no further unused."""
        if self._mask_end_told:
            return
        if scope is not None and scope.told:
            self._mask_end_told = True
            return
        lost = None
        if scope is not None and scope.path is not None and not info.makes_mask:
            lost = next(iter(scope.unread.values()), None)
        ends = masks is not None and bool(args) and not self._uses_masks(info) and not (
            self._supports_masking and info.foreign)  # who wrote it says what becomes of masks
        if lost:
            what = (
                f"In layer '{self.path}' ({type(self).__name__}) the mask of what '{lost}' returns "
                "is lost: an operator or a function of arrays, which know no masks, comes next. "
                "Use functions of `ops` there, which hand masks on, or hand the mask on as an "
                "argument (`mask=...`)."
            )
        elif ends:
            what = (
                f"Layer '{self.path}' ({type(self).__name__}) does not support masking: the mask "
                "of its input ends here. "
                + ("Set `self.supports_masking = True` if its output has the input's time steps."
                   if info.foreign else
                   "Padding counts in its output as far as it is not zero in its input.")
            )
        else:
            return
        self._mask_end_told = True
        warn_user(what)

    def _graph_masks(self, inputs: Any, flat: list) -> bool:
        """Set the masks of a nested graph's symbolic outputs; arrays have theirs already."""
        given = tree.leaves(inputs)
        if not all(type(x) is SymbolicTensor for x in (*given, *flat)) or all(
            peek_mask(x) is None for x in (*given, *self._own_outputs())
        ):
            return False
        # The graph is called on the outer tensors for their masks alone: what that notes down
        # in the layers is taken back.
        holders = [*self._flatten_layers(), *(x.node.operation for x in given if x.node)]
        lists = [(h._inbound_nodes, h._outbound_nodes) for h in holders]
        before = [(len(a), len(b)) for a, b in lists]
        token = mask_scope.set(MaskScope())
        try:
            outputs = self.call(inputs)
        finally:
            mask_scope.reset(token)
            for (inbound, outbound), (a, b) in zip(lists, before):
                del inbound[a:], outbound[b:]
        masks = [peek_mask(x) for x in tree.leaves(outputs)]
        for value, mask in zip(flat, masks):
            if mask is not None:
                set_mask(value, mask)
        return any(mask is not None for mask in masks)

    def _own_outputs(self) -> list:
        """The symbolic outputs that a graph was made with."""
        return []
