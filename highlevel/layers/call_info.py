"""What the signatures of a layer class's `call` and `build` say, read once per class."""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["CallInfo", "call_info"]

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class CallInfo:
    """Facts about a layer class.

    Attributes:
        names: parameters of `call` in order, without `self`.
        takes_training: whether `call` accepts `training`.
        training_default: its default, None if it has none.
        mask_arguments: pairs `(argument, its mask argument)` of `call`.
        build_names: parameters of `build`, without `self`.
        build_takes_any: whether `build` has `**kwargs`.
        foreign: whether `call` was written outside of this library.
    """

    __slots__ = (
        "build_names",
        "build_takes_any",
        "foreign",
        "makes_mask",
        "mask_arguments",
        "names",
        "output_rule",
        "own_build",
        "takes_training",
        "training_default",
    )

    def __init__(self, cls: Any, base: Any) -> None:
        parameters = list(inspect.signature(cls.call).parameters.values())[1:]
        self.names = [p.name for p in parameters if p.kind not in _VARIADIC]
        takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
        self.takes_training = "training" in self.names or (
            takes_any and "training" not in self.names
        )
        default = next((p.default for p in parameters if p.name == "training"), None)
        self.training_default = None if default is inspect.Parameter.empty else default
        self.mask_arguments: list[tuple[str, str]] = []
        for index, name in enumerate(self.names):
            mask_name = "mask" if index == 0 and "mask" in self.names else f"{name}_mask"
            if mask_name in self.names and name not in ("mask", "training"):
                self.mask_arguments.append((name, mask_name))
        self.own_build = cls.build is not base.build and not getattr(
            cls.build, "only_on_request", False
        )
        build = list(inspect.signature(cls.build).parameters.values())[1:]
        self.build_names = [p.name for p in build if p.kind not in _VARIADIC]
        self.build_takes_any = any(p.kind is p.VAR_KEYWORD for p in build)
        module = getattr(cls.call, "__module__", None) or ""
        self.foreign = module.partition(".")[0] != "highlevel"
        self.makes_mask = cls.compute_mask is not base.compute_mask
        if cls.compute_output_spec is not base.compute_output_spec:
            self.output_rule = "spec"
        elif cls.compute_output_shape is not base.compute_output_shape:
            self.output_rule = "shape"
        else:
            self.output_rule = None


_known: dict[type, CallInfo] = {}


def call_info(cls: type, base: type) -> CallInfo:
    """The facts about a layer class; `base` is `Layer` itself."""
    found = _known.get(cls)
    if found is None:
        found = _known[cls] = CallInfo(cls, base)
    return found
