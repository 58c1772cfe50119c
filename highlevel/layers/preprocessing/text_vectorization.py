"""`TextVectorization`: texts as sequences of integers, or as vectors over a vocabulary."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.layers.described import positive
from highlevel.layers.preprocessing.data_layer import as_numpy
from highlevel.layers.preprocessing.host_layer import HostLayer, texts
from highlevel.layers.preprocessing.index_lookup import text_batches
from highlevel.layers.preprocessing.string_lookup import StringLookup
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.serialization.limits import refuse_path
from highlevel.symbolic import SymbolicTensor

__all__ = ["TextVectorization"]

_MODES = ("int", "multi_hot", "count", "tf_idf")
_STANDARDS = (None, "lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLITS = (None, "whitespace", "character")
# ASCII alone, so that the same tokens come out as in Keras, which works on bytes.
_LOWER = {ord(c): c.lower() for c in string.ascii_uppercase}
_STRIP: dict[int, Any] = dict.fromkeys(map(ord, string.punctuation))
_TABLES: dict[Any, dict] = {
    "lower": _LOWER, "strip_punctuation": _STRIP,
    "lower_and_strip_punctuation": _LOWER | _STRIP,
}
_SPACE = re.compile("[ \t\n\v\f\r]+")


class TextVectorization(HostLayer):
    """Turns texts into integers: standardise, split, make n-grams, look up in a vocabulary.

    It runs on the host, on every backend; in a functional or Sequential model, which then
    begins with `Input(shape=(1,), dtype="string")`, it is run on each batch before the
    compiled program. Without `output_sequence_length` outputs are as long as the longest
    text of the batch, which costs the JAX backend a compilation per length.

    Args:
        max_tokens: size of the vocabulary at most, special tokens included.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation" (ASCII
            letters and punctuation), None, or a function of a NumPy array of strings that
            returns one.
        split: "whitespace", "character", None for texts that are tokens already, or a
            function of a NumPy array of strings that returns a list of tokens for each.
        ngrams: an integer, for n-grams of up to so many tokens, or a tuple of lengths.
        output_mode: "int", indices with 0 as padding; "multi_hot", "count" or "tf_idf", a
            vector over the vocabulary for each text.
        output_sequence_length: with "int": cut or pad to this length.
        pad_to_max_tokens: make vectors of length `max_tokens` however small the
            vocabulary.
        vocabulary: list or array of tokens, or the path of a file with one per line;
            otherwise `adapt` finds it.
        idf_weights: a number per token of the vocabulary, for "tf_idf".
        sparse, ragged: only False.
        encoding: of bytes and files.

    Call arguments:
        inputs: strings of shape `(batch,)`, `(batch, 1)` or a single one; of any shape with
            `split=None`.

    Returns of a call: int64 `(batch, length)` (int32 where the backend has no 64 bits), or
    floating `(batch, vocabulary)`.

    Raises:
        ValueError: an unknown option, ragged or sparse outputs; see
            `StringLookup.set_vocabulary`.

    >>> import highlevel as hl
    >>> layer = hl.layers.TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> layer(["Foo, qux bar", "qux baz"]).tolist()
    [[4, 1, 3, 0], [1, 2, 0, 0]]
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Callable | None = "lower_and_strip_punctuation",
        split: str | Callable | None = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        size = kwargs.pop("vocabulary_size", None)
        super().__init__(name=name, **kwargs)
        who = f"TextVectorization '{self.name}'"
        self._no_sparse(sparse)
        if ragged:
            raise ValueError(
                f"{who}: ragged outputs are not supported; leave `ragged` out. Texts are padded "
                "with 0, which `Embedding(mask_zero=True)` leaves out."
            )
        self.output_mode = self._one_of("output_mode", output_mode, _MODES)
        if not callable(standardize):
            self._one_of("standardize", standardize, _STANDARDS)
        if not callable(split):
            self._one_of("split", split, _SPLITS)
        if output_sequence_length is not None:
            positive(self, "output_sequence_length", output_sequence_length)
            if output_mode != "int":
                raise ValueError(
                    f"{who}: `output_sequence_length` goes only with `output_mode='int'`, not "
                    f"with {output_mode!r}."
                )
        self.max_tokens = max_tokens
        self.standardize = standardize
        self.split = split
        self.ngrams = ngrams
        self._widths = self._as_widths(ngrams)
        self.output_sequence_length = output_sequence_length
        self.pad_to_max_tokens = pad_to_max_tokens
        self.encoding = encoding
        self.sparse = self.ragged = False
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens, vocabulary=vocabulary, idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens, mask_token="", output_mode=output_mode,
            encoding=encoding, name=f"{self.name}_lookup", dtype=self._dtype_policy,
            vocabulary_size=size,
        )

    def _as_widths(self, ngrams: Any) -> tuple[int, ...]:
        if ngrams is None:
            return ()
        try:
            if isinstance(ngrams, int):
                return tuple(range(1, positive(self, "ngrams", ngrams) + 1))
            return tuple(positive(self, "ngrams", width) for width in ngrams)
        except TypeError:
            raise ValueError(
                f"TextVectorization '{self.name}': `ngrams` must be a positive integer or a tuple "
                f"of them; got {ngrams!r}."
            ) from None

    # ------------------------------------------------------------------ vocabulary

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens in the order of their indices; see `StringLookup.get_vocabulary`."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Number of tokens, the special ones included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary in place of `adapt`; see `StringLookup.set_vocabulary`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary: the tokens of the texts, the most frequent ones first.

        Args:
            data: array or list of texts, a pandas column, or an iterable of batches of
                texts.
            batch_size: kept for the contract.
            steps: number of batches to look at; all where None.

        Raises:
            ValueError: the vocabulary was given, or there are no tokens.
        """
        self.reset_state()
        for index, batch in enumerate(text_batches(data)):
            if steps is not None and index >= steps:
                break
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch of texts."""
        lookup = self._lookup_layer
        if lookup.input_vocabulary is not None:
            raise ValueError(
                f"TextVectorization '{self.name}' was made with a `vocabulary` and cannot adapt. "
                "Make it without one."
            )
        for document in self._documents(as_numpy(data))[0]:
            lookup._count(document)

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget the texts seen, and the vocabulary learnt from them."""
        self._lookup_layer.reset_state()

    # ------------------------------------------------------------------------ call

    def _documents(self, array: np.ndarray) -> tuple[list[list[str]], tuple[int, ...]]:
        """The tokens of each text, and the shape of what they are the rows of."""
        flat = self._standardized(texts(array, self, self.encoding))
        if self.split is None:
            length = array.shape[-1] if array.ndim > 1 else 1
            shape = array.shape[:-1] if array.ndim > 1 else array.shape
            documents = [flat[i:i + length] for i in range(0, len(flat), length)]
        else:
            shape = array.shape
            if array.ndim == 2 and shape[1] == 1:
                shape = shape[:1]
            if len(shape) > 1:
                raise ValueError(
                    f"TextVectorization '{self.path}' splits texts of shape `(batch,)` or "
                    f"`(batch, 1)`; got {array.shape}. For tokens that are split already take "
                    "`split=None`."
                )
            documents = self._split_up(flat)
        if self._widths:
            documents = [self._joined(document) for document in documents]
        return documents, shape

    def _standardized(self, flat: list[str]) -> list[str]:
        if self.standardize is None:
            return flat
        if callable(self.standardize):
            return self._from_function(self.standardize, flat, "standardize")
        table = _TABLES[self.standardize]
        return [text.translate(table) for text in flat]

    def _split_up(self, flat: list[str]) -> list[list[str]]:
        if callable(self.split):
            return self._from_function(self.split, flat, "split")
        if self.split == "character":
            return [list(text) for text in flat]
        return [
            text.split() if text.isascii() and text.isprintable()
            else [token for token in _SPACE.split(text) if token]
            for text in flat
        ]

    def _from_function(self, function: Callable, flat: list[str], what: str) -> list:
        result = function(np.array(flat, "U"))
        found = result.tolist() if hasattr(result, "tolist") else list(result)
        nested = what == "split"
        fits = len(found) == len(flat) and all(
            isinstance(item, Iterable) and not isinstance(item, (str, bytes)) if nested
            else isinstance(item, (str, bytes)) for item in found
        )
        if not fits:
            raise ValueError(
                f"TextVectorization '{self.path}': the function given as `{what}` must return "
                f"{'a list of tokens' if nested else 'one string'} for each of the {len(flat)} "
                f"strings of the array it gets; it returned {type(result).__name__} of "
                f"{len(found)}: {str(found[:1])[:80]}."
            )
        if nested:
            return [texts(np.asarray(list(item), object), self, self.encoding) for item in found]
        return texts(np.asarray(found, object), self, self.encoding)

    def _joined(self, tokens: list[str]) -> list[str]:
        return [
            " ".join(tokens[i:i + width])
            for width in self._widths
            for i in range(len(tokens) - width + 1)
        ]

    def call(self, inputs: Any) -> Any:
        lookup = self._lookup_layer
        if not lookup._tokens:
            raise ValueError(
                f"TextVectorization '{self.path}' has no vocabulary yet: call `adapt(texts)` or "
                "`set_vocabulary(...)`, or make it with `vocabulary=`."
            )
        documents, shape = self._documents(inputs)
        length = self.output_sequence_length
        if length is None:
            length = max(map(len, documents), default=0)
        elif self.split is None and inputs.ndim <= 1:
            length = 1
        # Pads to a rectangle: the mask's index is 0 with "int", and -1 counts nowhere.
        table = np.full((len(documents), length), 0 if self.output_mode == "int" else -1, "int64")
        lengths = np.fromiter((min(len(d), length) for d in documents), "int64", len(documents))
        flat = [token for document in documents for token in document[:length]]
        table[np.arange(length) < lengths[:, None]] = lookup.indices_of(flat)
        if self.output_mode == "int":
            result = table.reshape(*shape, length)
            if self.split is None and inputs.ndim <= 1:
                result = table.reshape(inputs.shape)
            return current_backend().asarray(result)
        return lookup.encoded(table.reshape(*shape, length))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """`(batch, length)` with "int", else `(batch, vocabulary)`."""
        shape = tuple(input_shape)
        if self.split is None:
            rows = shape[:-1] if len(shape) > 1 else shape
            length = shape[-1] if len(shape) > 1 and not self._widths else None
            if self.output_mode == "int" and len(shape) <= 1:
                return shape
        else:
            rows, length = shape[:1], None
        if self.output_mode == "int":
            return (*rows, self.output_sequence_length or length)
        return (*rows, self._lookup_layer._depth())

    def compute_output_spec(self, inputs: Any) -> SymbolicTensor:
        if inputs.dtype != "string":
            raise TypeError(
                f"TextVectorization '{self.path}' takes strings; the symbolic tensor it was "
                f"called with, '{inputs.name}', has dtype {inputs.dtype}. Begin with "
                "`Input((1,), dtype='string')`."
            )
        dtype = "int64" if self.output_mode == "int" else self._float_dtype()
        return SymbolicTensor.of(self.compute_output_shape(inputs.shape), dtype)

    # ----------------------------------------------------------------------- files

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer; a learnt vocabulary goes to the assets."""
        lookup = self._lookup_layer.get_config()
        return super().get_config() | {
            "max_tokens": self.max_tokens,
            "standardize": serialize_keras_object(self.standardize),
            "split": serialize_keras_object(self.split),
            "ngrams": self.ngrams,
            "output_mode": self.output_mode,
            "output_sequence_length": self.output_sequence_length,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "sparse": False,
            "ragged": False,
            "vocabulary": lookup["vocabulary"],
            "idf_weights": lookup["idf_weights"],
            "encoding": self.encoding,
            "vocabulary_size": lookup["vocabulary_size"],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that `get_config` described.

        Raises:
            ValueError: the vocabulary is a path, and safe mode is on (as it is by default).
        """
        refuse_path(cls, config)
        config = dict(config)
        for name in ("standardize", "split"):
            if isinstance(config.get(name), dict):
                config[name] = deserialize_keras_object(config[name])
        if isinstance(config.get("ngrams"), list):
            config["ngrams"] = tuple(config["ngrams"])
        return super().from_config(config)

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary to a folder."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary that `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the weights of "tf_idf" into `store`."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Take the weights of "tf_idf" from `store`."""
        self._lookup_layer.load_own_variables(store)
