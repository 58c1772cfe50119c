"""The backend object: the interface's methods, each a function of another module here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from highlevel_backend import Backend

from highlevel_numpy import (
    abstract,
    arrays,
    control_flow,
    convolution,
    mapping,
    pooling,
    random_bits,
    rules,  # noqa: F401 - fills the tables of gradient rules
    step_plan,
    transforms,
)
from highlevel_numpy.kernels import KERNELS
from highlevel_numpy.origins import Origins
from highlevel_numpy.recorded import FUNCTIONS, Recorded, strip, strip_tree
from highlevel_numpy.rules.indexing import index_add, index_max, index_min, index_set
from highlevel_numpy.traced import is_traced

__all__ = ["NumpyBackend"]

_UPDATES = {"set": index_set, "add": index_add, "max": index_max, "min": index_min}


class NumpyBackend(Backend):
    """NumPy that trains: `xp` is `numpy`, gradients are recorded while they are asked for."""

    name = "numpy"
    xp = np
    compiles = False
    kernels = KERNELS

    # ------------------------------------------------------------------ arrays

    def is_array(self, x: Any) -> bool:
        return isinstance(x, arrays.ARRAYS)

    def is_abstract(self, x: Any) -> bool:
        return False

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        return arrays.as_array(x, dtype)

    def to_numpy(self, x: Any) -> np.ndarray:
        x = strip(x)
        return x if is_traced(x) else np.asarray(x)

    def cast(self, x: Any, dtype: str) -> Any:
        return arrays.cast(x if self.is_array(x) else arrays.as_array(x), dtype)

    # -------------------------------------------------------------- transforms

    def value_and_grad(self, function: Callable, has_aux: bool = False) -> Callable:
        return transforms.value_and_grad(function, has_aux)

    def vjp(self, function: Callable, *primals: Any, has_aux: bool = False) -> tuple:
        return transforms.vjp(function, *primals, has_aux=has_aux)

    def jvp(
        self, function: Callable, primals: tuple, tangents: tuple, has_aux: bool = False
    ) -> tuple:
        return transforms.jvp(function, primals, tangents, has_aux)

    def plan_steps(self, step: Callable) -> Callable:
        return step_plan.planned(step)

    def vmap(self, function: Callable, in_axes: Any = 0, out_axes: Any = 0) -> Callable:
        return control_flow.in_loop(mapping.vmap(function, in_axes, out_axes))

    def stop_gradient(self, x: Any) -> Any:
        return transforms.stop_gradient(x)

    def custom_gradient(self, function: Callable) -> Callable:
        return transforms.custom_gradient(function)

    def remat(self, function: Callable) -> Callable:
        return transforms.remat(function)

    def eval_shape(self, function: Callable, *specs: Any) -> Any:
        return abstract.eval_shape(function, *specs)

    def operations(self, function: Callable, *specs: Any) -> Any:
        from highlevel_numpy.programs import operations  # it is made of this class

        return operations(function, *specs)

    def nesting(self) -> int:
        return control_flow.depth.get()

    # ------------------------------------------------------------ control flow

    def scan(
        self,
        function: Callable,
        init: Any,
        xs: Any,
        length: int | None = None,
        reverse: bool = False,
    ) -> tuple[Any, Any]:
        return control_flow.scan(function, init, xs, length, reverse)

    def while_loop(self, condition: Callable, body: Callable, init: Any) -> Any:
        return control_flow.while_loop(condition, body, init)

    def cond(
        self, predicate: Any, true_function: Callable, false_function: Callable, *operands: Any
    ) -> Any:
        return control_flow.cond(predicate, true_function, false_function, *operands)

    # -------------------------------------------------------------- primitives

    def index_update(self, x: Any, index: Any, values: Any, mode: str = "set") -> Any:
        index = strip_tree(index)
        if type(values) is not Recorded:
            values = arrays.as_array(values, arrays.dtype_name(x.dtype))
        elif values.dtype != x.dtype:
            values = FUNCTIONS["astype"](values, x.dtype)
        if mode in _UPDATES:
            return _UPDATES[mode](x, values, index)
        if mode != "multiply":
            raise ValueError(
                f"index_update takes mode 'set', 'add', 'multiply', 'max' or 'min', not {mode!r}."
            )
        if type(x) is Recorded or type(values) is Recorded:
            raise NotImplementedError(
                "index_update(mode='multiply') has no gradient; the other modes have one."
            )
        out = np.array(x)
        np.multiply.at(out, index, values)
        return out

    def conv(
        self,
        x: Any,
        kernel: Any,
        strides: Sequence[int],
        padding: Sequence[tuple[int, int]],
        input_dilation: Sequence[int],
        kernel_dilation: Sequence[int],
        groups: int,
    ) -> Any:
        return convolution.conv(
            x, kernel, strides, padding, input_dilation, kernel_dilation, groups
        )

    def reduce_window(
        self,
        x: Any,
        mode: str,
        window: Sequence[int],
        strides: Sequence[int],
        padding: Sequence[tuple[int, int]],
    ) -> Any:
        return pooling.reduce_window(x, mode, window, strides, padding)

    def top_k(self, x: Any, k: int) -> tuple[Any, Any]:
        values = strip(x)
        n = values.shape[-1]
        if not 0 <= k <= n:
            raise ValueError(f"top_k: k = {k} is not between 0 and the last axis's length, {n}.")
        if k == 1:
            order = np.argmax(values, axis=-1)[..., None]
        else:
            # Ascending from the back, read backwards: equal entries keep their order, and
            # nothing is negated, which the least integer and unsigned ones could not be.
            order = n - 1 - np.argsort(values[..., ::-1], axis=-1, kind="stable")[..., ::-1]
            order = order[..., :k]
        return np.take_along_axis(x, order, axis=-1), order.astype(np.int32)

    def random_bits(self, key: Any, shape: Sequence[int]) -> np.ndarray:
        return random_bits.random_bits(key, shape)

    def origins(self, note: Callable[[], Any]) -> Any:
        return Origins(note).active()

    # ------------------------------------------------------------------ errors

    def explain(self, error: BaseException) -> str | None:
        text = str(error)
        if isinstance(error, ValueError) and "mismatch in its core dimension" in text:
            return (
                "A matrix product needs the last axis of the left array as long as the last but "
                "one of the right array; the two lengths are at the end of the message."
            )
        if isinstance(error, ValueError) and "could not be broadcast together" in text:
            return (
                "Shapes broadcast when, counted from the last axis, lengths are equal or one of "
                "them is 1. Insert an axis with `np.expand_dims`, or reduce with `keepdims=True`."
            )
        return None
