"""`Discretization`: numbers as the bins they fall in."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel import dtype_policies
from highlevel.layers.described import positive
from highlevel.layers.preprocessing.category_encoding import encode, encoded_shape
from highlevel.layers.preprocessing.data_layer import DataLayer, batches_of
from highlevel.symbolic import SymbolicTensor

__all__ = ["Discretization"]

_MODES = ("int", "one_hot", "multi_hot", "count")


class Discretization(DataLayer):
    """Maps numbers to the index of the range they lie in.

    Args:
        bin_boundaries: where ranges begin, ascending: `[0, 1]` makes the three ranges
            below 0, from 0 and from 1 on.
        num_bins: number of ranges that `adapt` finds, equally full.
        epsilon: share of the data by which a range's border may be off: `adapt` keeps at
            most `1 / epsilon` values, times ten.
        output_mode: "int", or "one_hot", "multi_hot" or "count" of `CategoryEncoding`.
        sparse: only False.

    Raises:
        ValueError: neither or both of `bin_boundaries` and `num_bins`; an unknown mode.

    >>> import highlevel as hl
    >>> hl.layers.Discretization([0.0, 1.0])(hl.ops.array([-3.0, 0.0, 0.5, 7.0])).tolist()
    [0, 1, 1, 2]
    """

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if (bin_boundaries is None) == (num_bins is None):
            raise ValueError(
                f"Discretization '{self.name}' needs either `bin_boundaries` or `num_bins`; got "
                f"{bin_boundaries!r} and {num_bins!r}."
            )
        if output_mode not in _MODES:
            raise ValueError(
                f"Discretization '{self.name}': `output_mode` must be one of {_MODES}; got "
                f"{output_mode!r}."
            )
        if sparse:
            raise ValueError(
                f"Discretization '{self.name}': sparse outputs are not supported; leave "
                "`sparse` out."
            )
        if num_bins is not None:
            positive(self, "num_bins", num_bins)
        self.input_bin_boundaries = bin_boundaries
        self.bin_boundaries = None if bin_boundaries is None else [float(b) for b in bin_boundaries]
        if self.bin_boundaries is not None and sorted(self.bin_boundaries) != self.bin_boundaries:
            raise ValueError(
                f"Discretization '{self.name}': `bin_boundaries` must ascend; got "
                f"{bin_boundaries!r}."
            )
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.output_mode = output_mode
        self.sparse = False
        #: values that stand for the data seen: sorted, with how many each stands for
        self.summary = np.empty((2, 0), "float64")

    @property
    def output_dtype(self) -> str:
        """dtype of the outputs: int32 bins, or the compute dtype of vectors."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def build(self, input_shape: Any = None) -> None:
        """There is nothing to make."""

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find ranges that hold equally much of the data.

        Args:
            data: array, or an iterable of batches.
            steps: number of batches to look at; all where None.

        Raises:
            ValueError: the boundaries were given.
        """
        if self.input_bin_boundaries is not None:
            raise ValueError(
                f"Discretization '{self.name}' was made with `bin_boundaries` and cannot adapt. "
                "Make it with `num_bins`."
            )
        self.reset_state()
        for index, batch in enumerate(batches_of(data, f"Discretization '{self.name}'")):
            if steps is not None and index >= steps:
                break
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take a batch into the summary."""
        values = np.sort(np.asarray(data, "float64").ravel())
        merged = np.concatenate([self.summary, [values, np.ones_like(values)]], axis=1)
        merged = merged[:, np.argsort(merged[0], kind="stable")]
        most = int(np.ceil(10 / self.epsilon))
        if merged.shape[1] > most:
            # Each kept value stands for those around its place in the sorted row.
            ends = np.cumsum(merged[1])
            places = (np.arange(most) + 0.5) * (ends[-1] / most)
            chosen = np.searchsorted(ends, places)
            merged = np.stack([merged[0, chosen], np.full(most, ends[-1] / most)])
        self.summary = merged

    def finalize_state(self) -> None:
        """Make the boundaries of the summary."""
        if self.input_bin_boundaries is not None or not self.summary.size:
            return
        ends = np.cumsum(self.summary[1])
        bins = self.num_bins or 1
        places = np.arange(1, bins) * (ends[-1] / bins)
        at = np.minimum(np.searchsorted(ends, places), self.summary.shape[1] - 1)
        self.bin_boundaries = [float(v) for v in self.summary[0, at]]

    def reset_state(self) -> None:
        """Forget the data seen."""
        if self.input_bin_boundaries is None:
            self.summary = np.empty((2, 0), "float64")
            self.bin_boundaries = None

    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise ValueError(
                f"Discretization '{self.name}' has no boundaries yet: call `adapt(data)` first."
            )
        backend = current_backend()
        boundaries = backend.asarray(np.asarray(self.bin_boundaries, "float32"))
        bins = backend.cast(
            backend.xp.searchsorted(boundaries, backend.cast(inputs, "float32"), side="right"),
            "int32")
        if self.output_mode == "int":
            return bins
        return encode(bins, self._depth(), self.output_mode, self.compute_dtype)

    def _depth(self) -> int:
        if self.bin_boundaries is not None:
            return len(self.bin_boundaries) + 1
        return self.num_bins or 1

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The input's shape, or that of the encoded bins."""
        if self.output_mode == "int":
            return tuple(input_shape)
        return encoded_shape(input_shape, self._depth(), self.output_mode)

    def compute_output_spec(self, inputs: Any) -> SymbolicTensor:
        return SymbolicTensor.of(self.compute_output_shape(inputs.shape), self.output_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer, boundaries found by `adapt` included."""
        found = self.input_bin_boundaries is None
        return {
            "bin_boundaries": self.bin_boundaries,
            "num_bins": None if found and self.bin_boundaries is not None else self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": False,
            "name": self.name,
            "dtype": dtype_policies.serialize(self._dtype_policy)
            if self.compute_dtype != self.variable_dtype else self.compute_dtype,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The layer that `get_config` described."""
        config = dict(config)
        if config.get("bin_boundaries") is not None:
            config["num_bins"] = None  # files say both of a layer that has adapted
        return cls(**config)
