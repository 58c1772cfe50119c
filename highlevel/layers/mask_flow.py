"""How masks go through a layer's call: from its inputs to its arguments and its outputs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from highlevel_backend import tree

from highlevel.layers.call_info import CallInfo
from highlevel.masking import get_mask, get_masks, set_mask

__all__ = ["MaskFlow"]


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
        self, info: CallInfo, args: tuple, kwargs: dict, outputs: Any, masks: Any
    ) -> None:
        if not self._supports_masking:
            if not self._mask_end_told and get_masks(args[0]) is not None:
                self._mask_end_told = True
                warnings.warn(
                    f"Layer '{self.path}' ({type(self).__name__}) does not support masking: "
                    "the mask of its input ends here. Set `self.supports_masking = True` if "
                    "its output has the input's time steps.",
                    stacklevel=6,
                )
            return
        flat = tree.leaves(outputs)
        if any(get_mask(value) is not None for value in flat):
            return  # `call` has set them itself
        computed = self.compute_mask(args[0], masks)
        if computed is None:
            return
        if len(flat) == 1:
            one = computed[0] if type(computed) in (list, tuple) else computed
            set_mask(flat[0], one)
        elif type(computed) in (list, tuple):
            # None is a mask's absence here, not an empty node: walk by hand.
            for value, mask in zip(flat, computed):
                if mask is not None:
                    set_mask(value, mask)
        else:
            for value in flat:
                set_mask(value, computed)
