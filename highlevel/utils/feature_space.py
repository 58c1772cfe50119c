"""`FeatureSpace`: the columns of a table as numbers for a model, in one object."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel import ops
from highlevel.errors import public, suggest
from highlevel.layers.core.identity import Identity
from highlevel.layers.input_layer import Input
from highlevel.layers.layer import Layer, call_context
from highlevel.layers.merging.concatenate import Concatenate
from highlevel.layers.preprocessing.category_encoding import CategoryEncoding
from highlevel.layers.preprocessing.data_layer import as_numpy
from highlevel.layers.preprocessing.discretization import Discretization
from highlevel.layers.preprocessing.hashed_crossing import HashedCrossing
from highlevel.layers.preprocessing.hashing import Hashing
from highlevel.layers.preprocessing.integer_lookup import IntegerLookup
from highlevel.layers.preprocessing.normalization import Normalization
from highlevel.layers.preprocessing.rescaling import Rescaling
from highlevel.layers.preprocessing.string_lookup import StringLookup
from highlevel.naming import unique_name
from highlevel.saving import save_model
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.symbolic import SymbolicTensor

__all__ = ["Cross", "Feature", "FeatureSpace", "TFDIdentity"]


class TFDIdentity(Identity):
    """What stands for a preprocessor where a feature needs none; the name is the files'."""


class Cross:
    """A combination of features, as one of a number of bins.

    Args:
        feature_names: names of the features.
        crossing_dim: number of bins.
        output_mode: "one_hot", or "int".

    Raises:
        ValueError: an unknown mode.
    """

    def __init__(
        self, feature_names: Iterable[str], crossing_dim: int, output_mode: str = "one_hot"
    ) -> None:
        if output_mode not in ("int", "one_hot"):
            raise ValueError(
                f"The `output_mode` of a cross is 'int' or 'one_hot'; got {output_mode!r}."
            )
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim
        self.output_mode = output_mode

    @property
    def name(self) -> str:
        """The features' names, joined by `_X_`."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal cross."""
        return {
            "feature_names": self.feature_names, "crossing_dim": self.crossing_dim,
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Cross:
        """The cross that `get_config` described."""
        return cls(**config)


class Feature:
    """How one column is read and prepared.

    Args:
        dtype: of the column: "float32", "int32", "string", ...
        preprocessor: layer that prepares it, or the config of one.
        output_mode: "one_hot", "int" or "float".

    Raises:
        ValueError: an unknown mode.
    """

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str) -> None:
        if output_mode not in ("int", "one_hot", "float"):
            raise ValueError(
                "The `output_mode` of a feature is 'int', 'one_hot' or 'float'; got "
                f"{output_mode!r}."
            )
        self.dtype = dtype
        if isinstance(preprocessor, dict):
            preprocessor = deserialize_keras_object(preprocessor)
        self.preprocessor = preprocessor
        self.output_mode = output_mode

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal feature."""
        return {
            "dtype": self.dtype,
            "preprocessor": serialize_keras_object(self.preprocessor),
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Feature:
        """The feature that `get_config` described."""
        return cls(**config)


class FeatureSpace(Layer):
    """Prepares the columns of a table: normalises, discretises, looks up, hashes, crosses.

    Make it, `adapt` it to the table, and then either call it on rows, or put it at the
    beginning of a model with `get_inputs()` and `get_encoded_features()`.

    Args:
        features: name of a column → `Feature` (`FeatureSpace.float_normalized()`, ...), or
            the name of a kind: "float", "float_normalized", "float_rescaled",
            "float_discretized", "integer_categorical", "string_categorical",
            "integer_hashed", "string_hashed".
        output_mode: "concat", one vector per row, features and then crosses in the order of
            their names; "dict", an array for each.
        crosses: tuples of names of columns, or `FeatureSpace.cross(...)`.
        crossing_dim: bins of crosses given as tuples.
        hashing_dim: bins of hashed features given by name.
        num_discretization_bins: bins of discretised features given by name.
        name: of the layer.

    Attributes:
        preprocessors, crossers, one_hot_encoders: name → layer.

    Raises:
        ValueError: no features, an unknown kind or mode, a cross of unknown features.

    >>> import highlevel as hl
    >>> data = {"size": [1.0, 3.0], "colour": ["red", "blue"]}
    >>> space = hl.utils.FeatureSpace(
    ...     {"size": "float_normalized", "colour": "string_categorical"})
    >>> space.adapt(data)
    >>> space(data).tolist()
    [[0.0, 1.0, 0.0, -1.0], [0.0, 0.0, 1.0, 1.0]]
    """

    accepts_strings = True

    # ----------------------------------------------------------- kinds of features

    @classmethod
    def cross(
        cls, feature_names: Iterable[str], crossing_dim: int, output_mode: str = "one_hot"
    ) -> Cross:
        """A cross of features; see `Cross`."""
        return Cross(feature_names, crossing_dim, output_mode=output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """A feature with a preprocessing layer of one's own; see `Feature`."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Numbers as they are."""
        return Feature("float32", TFDIdentity(name=_name(name, "float")), "float")

    @classmethod
    def float_rescaled(
        cls, scale: builtins.float = 1.0, offset: builtins.float = 0.0, name: str | None = None
    ) -> Feature:
        """Numbers times `scale` plus `offset`; see `Rescaling`."""
        layer = Rescaling(scale=scale, offset=offset, name=_name(name, "float_rescaled"))
        return Feature("float32", layer, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Numbers with mean 0 and variance 1; see `Normalization`."""
        layer = Normalization(axis=-1, name=_name(name, "float_normalized"))
        return Feature("float32", layer, "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int | None = None,
        bin_boundaries: Any = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """The range a number lies in; see `Discretization`."""
        if bin_boundaries is not None:
            num_bins = None
        layer = Discretization(
            num_bins=num_bins, bin_boundaries=bin_boundaries,
            name=_name(name, "float_discretized"))
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Integers that name categories; see `IntegerLookup`."""
        layer = IntegerLookup(
            max_tokens=max_tokens, num_oov_indices=num_oov_indices,
            name=_name(name, "integer_categorical"))
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Strings that name categories; see `StringLookup`."""
        layer = StringLookup(
            max_tokens=max_tokens, num_oov_indices=num_oov_indices,
            name=_name(name, "string_categorical"))
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Strings in bins by a hash; see `Hashing`."""
        layer = Hashing(num_bins=num_bins, name=_name(name, "string_hashed"))
        return Feature("string", layer, output_mode)

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Integers in bins by a hash; see `Hashing`."""
        layer = Hashing(num_bins=num_bins, name=_name(name, "integer_hashed"))
        return Feature("int32", layer, output_mode)

    # ---------------------------------------------------------------------- making

    @public
    def __init__(
        self,
        features: Mapping[str, Any],
        output_mode: str = "concat",
        crosses: Iterable[Any] | None = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if not features:
            raise ValueError(f"FeatureSpace '{self.name}' needs `features`; got {features!r}.")
        if output_mode not in ("concat", "dict"):
            raise ValueError(
                f"FeatureSpace '{self.name}': `output_mode` must be 'concat' or 'dict'; got "
                f"{output_mode!r}."
            )
        self.output_mode = output_mode
        self.crossing_dim = crossing_dim
        self.hashing_dim = hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.features: dict[str, Feature] = {
            key: self._as_feature(key, value) for key, value in features.items()
        }
        self.crosses: list[Cross] = [self._as_cross(cross) for cross in crosses or ()]
        self.preprocessors: dict[str, Any] = {
            key: feature.preprocessor for key, feature in self.features.items()
        }
        self.crossers: dict[str, HashedCrossing] = {
            cross.name: HashedCrossing(cross.crossing_dim, name=cross.name)
            for cross in self.crosses
        }
        self.one_hot_encoders: dict[str, CategoryEncoding] = {}
        self.concat = Concatenate(axis=-1) if output_mode == "concat" else None
        self.inputs: dict[str, SymbolicTensor] = {
            key: Input(shape=(1,), dtype=feature.dtype, name=key)
            for key, feature in self.features.items()
        }
        self.encoded_features: Any = None
        self._is_adapted = False

    def _as_feature(self, name: str, value: Any) -> Feature:
        if isinstance(value, dict):
            value = deserialize_keras_object(value)
        if isinstance(value, Feature):
            return value
        make: dict[str, Callable[[], Feature]] = {
            "float": lambda: self.float(name=name),
            "float_normalized": lambda: self.float_normalized(name=name),
            "float_rescaled": lambda: self.float_rescaled(name=name),
            "float_discretized": lambda: self.float_discretized(
                num_bins=self.num_discretization_bins, name=name),
            "integer_categorical": lambda: self.integer_categorical(name=name),
            "string_categorical": lambda: self.string_categorical(name=name),
            "integer_hashed": lambda: self.integer_hashed(self.hashing_dim, name=name),
            "string_hashed": lambda: self.string_hashed(self.hashing_dim, name=name),
        }
        if not isinstance(value, str) or value not in make:
            near = suggest(value, make) if isinstance(value, str) else ""
            raise ValueError(
                f"FeatureSpace '{self.name}': feature '{name}' is of the unknown kind {value!r}."
                f"{near} Known: {', '.join(make)}."
            )
        return make[value]()

    def _as_cross(self, value: Any) -> Cross:
        if isinstance(value, dict):
            value = deserialize_keras_object(value)
        names = value.feature_names if isinstance(value, Cross) else tuple(value)
        unknown = [name for name in names if name not in self.features]
        if unknown or len(names) < 2:
            raise ValueError(
                f"FeatureSpace '{self.name}': a cross takes the names of at least two features; "
                f"got {names}" + (f", of which {unknown} are none" if unknown else "")
                + f". Features: {', '.join(self.features)}."
            )
        if isinstance(value, Cross):
            return value
        if not self.crossing_dim:
            raise ValueError(f"FeatureSpace '{self.name}': `crosses` need a `crossing_dim`.")
        return Cross(names, crossing_dim=self.crossing_dim)

    # -------------------------------------------------------------------- adapting

    def _adaptable(self) -> list[str]:
        return [name for name, layer in self.preprocessors.items() if _must_adapt(layer)]

    @public
    def adapt(self, dataset: Any) -> None:
        """Let the preprocessing layers learn from a table.

        Args:
            dataset: dict of columns, a table (pandas), or an iterable of batches, each a
                dict of columns or a tuple that begins with one.

        Raises:
            TypeError: something else. ValueError: a column is missing, or there is no data.
        """
        wanted = self._adaptable()
        columns: dict[str, list[np.ndarray]] = {name: [] for name in wanted}
        if wanted:
            for batch in self._batches(dataset):
                for name in wanted:
                    columns[name].append(_column(self._take(batch, name)))
        for name in wanted:
            if not columns[name]:
                raise ValueError(f"FeatureSpace '{self.name}' was given no data to adapt to.")
            self.preprocessors[name].adapt(iter(columns[name]))
        self._is_adapted = True
        self.encoded_features = None
        self.get_encoded_features()
        self.built = True

    def _batches(self, dataset: Any) -> Iterable[Any]:
        if isinstance(dataset, Mapping) or hasattr(dataset, "columns"):
            return [dataset]
        if isinstance(dataset, (str, bytes)) or not hasattr(dataset, "__iter__") or hasattr(
            dataset, "shape"
        ):
            raise TypeError(
                f"FeatureSpace '{self.name}' adapts to a dict of columns, a table, or an iterable "
                f"of dicts; got {type(dataset).__name__}."
            )
        return (item[0] if isinstance(item, (tuple, list)) else item for item in dataset)

    def _take(self, data: Any, name: str) -> Any:
        try:
            return data[name]
        except (KeyError, TypeError, IndexError):
            known = list(data.keys()) if hasattr(data, "keys") else type(data).__name__
            raise ValueError(
                f"FeatureSpace '{self.name}' needs a column '{name}'; the data has {known}."
            ) from None

    def _need_adapted(self) -> None:
        if not self._is_adapted:
            if self._adaptable():
                raise ValueError(
                    f"FeatureSpace '{self.name}' has not seen any data: call `adapt(dataset)` "
                    f"first. Features that learn: {', '.join(self._adaptable())}."
                )
            self._is_adapted = True

    # --------------------------------------------------------------------- calling

    def get_inputs(self) -> dict[str, SymbolicTensor]:
        """Name → symbolic input, to begin a functional model with."""
        self._need_adapted()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """What the inputs become: a symbolic tensor, or a dict of them."""
        self._need_adapted()
        if self.encoded_features is None:
            token = call_context.set(None)
            try:
                self.encoded_features = self._encode(dict(self.inputs))
            finally:
                call_context.reset(token)
            self.built = True
        return self.encoded_features

    @public
    def __call__(self, data: Any) -> Any:
        """The encoded rows.

        Args:
            data: dict of columns `(rows,)` or `(rows, 1)`, a table, or a dict of single
                values for one row; symbolic tensors too.

        Returns:
            `(rows, width)`, or a dict of such arrays; without the first axis for one row.

        Raises:
            ValueError: not adapted, or a column is missing. TypeError: no dict.
        """
        self._need_adapted()
        if not isinstance(data, Mapping) and not hasattr(data, "columns"):
            raise TypeError(
                f"FeatureSpace '{self.name}' is called with a dict of columns or a table; got "
                f"{type(data).__name__}."
            )
        self.get_encoded_features()  # makes the encoders
        taken = {name: self._take(data, name) for name in self.features}
        if any(type(value) is SymbolicTensor for value in taken.values()):
            return self._encode(taken)
        arrays = {name: as_numpy(value) for name, value in taken.items()}
        single = all(array.ndim == 0 for array in arrays.values())
        columns = {
            name: _cast(_column(array), self.features[name].dtype)
            for name, array in arrays.items()
        }
        encoded = self._encode(columns)
        if not single:
            return encoded
        if isinstance(encoded, dict):
            return {name: value[0] for name, value in encoded.items()}
        return encoded[0]

    def _encode(self, columns: dict[str, Any]) -> Any:
        found = {name: self.preprocessors[name](columns[name]) for name in self.features}
        crossed = {
            cross.name: self.crossers[cross.name](
                tuple(found[name] for name in cross.feature_names))
            for cross in self.crosses
        }
        modes = {name: feature.output_mode for name, feature in self.features.items()}
        modes |= {cross.name: cross.output_mode for cross in self.crosses}
        encoded = {}
        for group in (found, crossed):
            for name in sorted(group):
                encoded[name] = self._encoded(name, group[name], modes[name])
        if self.concat is None:
            return encoded
        for name, value in encoded.items():
            if str(value.dtype) == "string" or getattr(value.dtype, "kind", "f") in "UO":
                raise ValueError(
                    f"FeatureSpace '{self.name}': feature '{name}' is still a string and cannot "
                    "be joined with others; encode it, or take `output_mode='dict'`."
                )
        values = [ops.cast(value, self.compute_dtype) for value in encoded.values()]
        return values[0] if len(values) == 1 else self.concat(values)

    def _encoded(self, name: str, value: Any, mode: str) -> Any:
        if mode != "one_hot":
            return value
        encoder = self.one_hot_encoders.get(name)
        if encoder is None:
            if "int" not in str(value.dtype):
                raise ValueError(
                    f"FeatureSpace '{self.name}': feature '{name}' has `output_mode='one_hot'`, "
                    f"but its preprocessor gives {value.dtype}, not integers. Take 'float'."
                )
            layer = self.crossers[name] if name in self.crossers else self.preprocessors[name]
            encoder = self.one_hot_encoders[name] = CategoryEncoding(
                num_tokens=self._cardinality(name, layer), output_mode="multi_hot")
        return encoder(value)

    def _cardinality(self, name: str, layer: Any) -> int:
        if isinstance(layer, (StringLookup, IntegerLookup)):
            return layer.vocabulary_size()
        if isinstance(layer, (Hashing, HashedCrossing)):
            return layer.num_bins
        if isinstance(layer, Discretization):
            return layer._depth()
        if isinstance(layer, CategoryEncoding):
            return layer.num_tokens
        raise ValueError(
            f"FeatureSpace '{self.name}': how many values {type(layer).__name__} '{layer.name}' of "
            f"feature '{name}' can give is not known, so they cannot be encoded one-hot. Take "
            "`output_mode='int'` and encode them with `CategoryEncoding`."
        )

    # ----------------------------------------------------------------------- files

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal object."""
        return {
            "features": serialize_keras_object(self.features),
            "output_mode": self.output_mode,
            "crosses": serialize_keras_object(self.crosses),
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FeatureSpace:
        """The object that `get_config` described."""
        return cls(**config)

    def get_build_config(self) -> dict[str, Any] | None:
        """What the preprocessing layers were built for, None before `adapt`."""
        if not self._is_adapted:
            return None
        return {
            name: feature.preprocessor.get_build_config()
            for name, feature in self.features.items()
        }

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the preprocessing layers as `get_build_config` described."""
        for name, inner in config.items():
            layer = self.preprocessors[name]
            if inner and not layer.built:
                layer.build_from_config(inner)
        self._is_adapted = True
        self.built = True

    @public
    def save(self, filepath: Any) -> None:
        """Write it to a `.keras` file; `models.load_model` reads it."""
        save_model(self, filepath)


def _name(name: str | None, kind: str) -> str:
    return f"{name or unique_name(kind)}_preprocessor"


def _must_adapt(layer: Any) -> bool:
    """Whether a layer learns from data and was not given what it would learn."""
    if isinstance(layer, Normalization):
        return layer.input_mean is None
    if isinstance(layer, Discretization):
        return layer.input_bin_boundaries is None
    given = getattr(layer, "_lookup_layer", layer)
    return hasattr(layer, "adapt") and getattr(given, "input_vocabulary", None) is None


def _column(value: Any) -> np.ndarray:
    """A column as `(rows, 1)`."""
    array = as_numpy(value)
    if array.ndim == 0:
        return array.reshape(1, 1)
    return array[:, None] if array.ndim == 1 else array


def _cast(column: np.ndarray, dtype: str) -> Any:
    """A column in its feature's dtype; strings and integers stay on the host."""
    if dtype == "string" or column.dtype.kind not in "iufb" or "float" not in dtype:
        return column
    return current_backend().asarray(column, dtype)
