"""`IndexLookup`: what `StringLookup` and `IntegerLookup` share, a vocabulary and its use."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, ClassVar

import numpy as np
from highlevel_backend import current_backend

from highlevel.errors import describe
from highlevel.layers.described import positive
from highlevel.layers.preprocessing.category_encoding import encoded_shape
from highlevel.layers.preprocessing.data_layer import as_numpy
from highlevel.layers.preprocessing.hashes import fingerprint, siphash
from highlevel.layers.preprocessing.host_layer import HostLayer, encode_on_host
from highlevel.serialization.limits import refuse_path
from highlevel.symbolic import SymbolicTensor

__all__ = ["IndexLookup", "as_key", "hashed", "read_vocabulary", "text_batches"]

_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_FILE, _EXACT = "vocabulary.txt", "vocabulary.json"


class IndexLookup(HostLayer):
    """Base of the lookups: tokens to indices (or back), encoded as the mode asks.

    The indices: 0 is the mask token's, where there is one and the mode is "int"; then come
    `num_oov_indices` for tokens that are not in the vocabulary, then the vocabulary.
    """

    _key_kind: ClassVar[str] = "string"
    oov_method = "farmhash"

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        # Files say how many tokens `adapt` found, for shapes before the tokens are read.
        self._size_in_file: int | None = kwargs.pop("vocabulary_size", None)
        super().__init__(**kwargs)
        kind = type(self).__name__
        self._no_sparse(sparse)
        self.sparse = False
        if output_mode == "binary":
            output_mode = "multi_hot"
        if output_mode == "tf-idf":
            output_mode = "tf_idf"
        self.output_mode = self._one_of("output_mode", output_mode, _MODES)
        if max_tokens is not None:
            positive(self, "max_tokens", max_tokens)
            if max_tokens <= 1:
                raise ValueError(
                    f"{kind} '{self.name}': `max_tokens` must be greater than 1; got {max_tokens}."
                )
        elif pad_to_max_tokens:
            raise ValueError(
                f"{kind} '{self.name}': `pad_to_max_tokens=True` needs `max_tokens`."
            )
        if not isinstance(num_oov_indices, int) or num_oov_indices < 0:
            raise ValueError(
                f"{kind} '{self.name}': `num_oov_indices` must be an integer of at least 0; got "
                f"{num_oov_indices!r}."
            )
        if invert and output_mode != "int":
            raise ValueError(
                f"{kind} '{self.name}': `invert=True` gives tokens and goes only with "
                f"`output_mode='int'`, not with {output_mode!r}."
            )
        if invert and num_oov_indices != 1:
            raise ValueError(
                f"{kind} '{self.name}': `invert=True` goes only with `num_oov_indices=1`; got "
                f"{num_oov_indices}."
            )
        self.max_tokens = max_tokens
        self.num_oov_indices = num_oov_indices
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.invert = invert
        self.pad_to_max_tokens = pad_to_max_tokens
        self.salt = salt
        self._key = as_key(self, salt)
        self.input_vocabulary = vocabulary
        self.input_idf_weights = idf_weights
        self._forget()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)
            if isinstance(vocabulary, (str, os.PathLike)):
                # The config holds the tokens: a path says nothing where the model is loaded.
                self.input_vocabulary = list(self._tokens)
        elif idf_weights is not None:
            raise ValueError(
                f"{kind} '{self.name}' was given `idf_weights` without a `vocabulary`."
            )

    def _forget(self) -> None:
        self._tokens: tuple = ()
        self._index: dict[Any, int] = {}
        self._idf: np.ndarray | None = None
        self._counts: Counter = Counter()
        self._documents: Counter = Counter()
        self._num_documents = 0

    # ------------------------------------------------------------------ vocabulary

    @property
    def _first_oov(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _first_token(self) -> int:
        return self._first_oov + self.num_oov_indices

    def _special(self) -> list:
        return [self.mask_token] * self._first_oov + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list:
        """The tokens in the order of their indices.

        Args:
            include_special_tokens: whether mask and out-of-vocabulary tokens stand first.
        """
        return (self._special() if include_special_tokens else []) + list(self._tokens)

    def vocabulary_size(self) -> int:
        """Number of tokens, the special ones included."""
        return self._first_token + len(self._tokens)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary in place of `adapt`.

        Args:
            vocabulary: list, tuple or 1-D array of tokens, with or without the special
                ones in front; or the path of a text file with a token per line.
            idf_weights: a number per entry of `vocabulary`, with `output_mode="tf_idf"`.

        Raises:
            ValueError: empty, a token twice, special tokens in the middle, more than
                `max_tokens`, weights missing, superfluous or of another number.
            FileNotFoundError: no such file.
        """
        who = f"{type(self).__name__} '{self.name}'"
        if self.output_mode == "tf_idf" and idf_weights is None:
            raise ValueError(
                f"{who} has `output_mode='tf_idf'`: its vocabulary needs `idf_weights`."
            )
        if self.output_mode != "tf_idf" and idf_weights is not None:
            raise ValueError(
                f"{who}: `idf_weights` goes only with `output_mode='tf_idf'`, not with "
                f"{self.output_mode!r}."
            )
        given = self._as_tokens(vocabulary)
        if not given:
            raise ValueError(f"{who}: the vocabulary is empty.")
        special = self._special()
        led = len(special) > 0 and given[: len(special)] == special
        tokens = given[len(special):] if led else given
        repeated = [token for token, count in Counter(tokens).items() if count > 1]
        if repeated:
            raise ValueError(
                f"{who}: the vocabulary holds tokens more than once: {_some(repeated)}. Leave "
                "each in it once (`list(dict.fromkeys(vocabulary))`)."
            )
        reserved = {"mask_token": self.mask_token}
        if self.invert:
            reserved["oov_token"] = self.oov_token
        for name, token in reserved.items():
            if token is not None and token in tokens:
                raise ValueError(
                    f"{who}: `{name}` {token!r} stands at place {tokens.index(token)} of the "
                    "vocabulary. Leave special tokens out, or put them all first, as "
                    f"{special}."
                )
        size = len(special) + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                f"{who}: the vocabulary has {size} tokens, special ones included, but "
                f"`max_tokens` is {self.max_tokens}."
            )
        if idf_weights is not None:
            self._set_idf(idf_weights, len(given), 0 if led else len(special))
        self._tokens = tuple(tokens)
        first = self._first_token
        self._index = {token: first + i for i, token in enumerate(tokens)}

    def _set_idf(self, weights: Any, expected: int, in_front: int) -> None:
        who = f"{type(self).__name__} '{self.name}'"
        weights = np.asarray(as_numpy(weights), "float32")
        if weights.ndim != 1 or len(weights) != expected:
            raise ValueError(
                f"{who}: `idf_weights` must have one number per entry of the vocabulary, "
                f"{expected}; its shape is {weights.shape}."
            )
        # Tokens outside the vocabulary weigh as much as one of it does on average.
        weights = np.concatenate([np.full(in_front, weights.mean(), "float32"), weights])
        if self.pad_to_max_tokens and self.max_tokens is not None:
            weights = np.pad(weights, (0, max(self.max_tokens - len(weights), 0)))
        self._idf = weights

    @property
    def idf_weights(self) -> Any:
        """The weights of "tf_idf" as an array, None in other modes."""
        return None if self._idf is None else current_backend().asarray(self._idf)

    def _as_tokens(self, vocabulary: Any) -> list:
        if isinstance(vocabulary, (str, os.PathLike)):
            return [self._token(line) for line in read_vocabulary(
                vocabulary, getattr(self, "encoding", "utf-8"), self)]
        array = as_numpy(vocabulary) if not isinstance(vocabulary, (list, tuple)) else vocabulary
        if isinstance(array, np.ndarray):
            if array.ndim != 1:
                raise ValueError(
                    f"{type(self).__name__} '{self.name}': a vocabulary has one axis; got an "
                    f"array of shape {array.shape}."
                )
            array = array.tolist()
        return [self._token(token) for token in array]

    def _token(self, value: Any) -> Any:
        """An entry of a vocabulary as the tokens of this layer are; subclasses say how."""
        raise NotImplementedError

    def _keys(self, array: np.ndarray) -> list:
        """The tokens of an array, flat; subclasses say how."""
        raise NotImplementedError

    # ----------------------------------------------------------------------- adapt

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary: the tokens of the data, the most frequent ones first.

        Tokens of equal number come in descending order. With "tf_idf" each row is a
        document (an array of one axis is a single one), and a token's weight is
        `log(1 + documents / (1 + documents that hold it))`.

        Args:
            data: array, list, pandas column, or an iterable of batches of them.
            steps: number of batches to look at; all where None.

        Raises:
            ValueError: the vocabulary was given.
        """
        self.reset_state()
        for index, batch in enumerate(text_batches(data)):
            if steps is not None and index >= steps:
                break
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch."""
        if self.input_vocabulary is not None:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' was made with a `vocabulary` and cannot "
                "adapt. Make it without one."
            )
        for document in self._split_documents(data):
            self._count(document)

    def _split_documents(self, data: Any) -> Iterator[list]:
        if isinstance(data, (list, tuple)) and data and isinstance(data[0], (list, tuple)):
            for row in data:  # rows of different lengths are welcome here
                yield self._keys(as_numpy(row))
            return
        array = as_numpy(data)
        if self.output_mode != "tf_idf" or array.ndim <= 1:
            yield self._keys(array)
            return
        for row in array:
            yield self._keys(row)

    def _count(self, document: Iterable) -> None:
        found = Counter(document)
        self._counts.update(found)
        self._num_documents += 1
        if self.output_mode == "tf_idf":
            self._documents.update(found.keys())

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        if self.input_vocabulary is not None or not self._num_documents:
            return
        special = {self.mask_token, self.oov_token}
        counted = [(n, token) for token, n in self._counts.items() if token not in special]
        counted.sort(reverse=True)
        if self.max_tokens is not None:
            counted = counted[: self.max_tokens - self._first_token]
        if not counted:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' was given data without any token to adapt to."
            )
        tokens = [token for _, token in counted]
        weights = None
        if self.output_mode == "tf_idf":
            seen = np.array([self._documents[token] for token in tokens], "float64")
            weights = np.log(1 + self._num_documents / (1 + seen))
        self.set_vocabulary(tokens, weights)
        self._counts, self._documents = Counter(), Counter()
        self._num_documents = 0

    def reset_state(self) -> None:
        """Forget the data seen, and the vocabulary learnt from it."""
        if self.input_vocabulary is None:
            self._forget()

    # ------------------------------------------------------------------------ call

    def _need_vocabulary(self) -> None:
        if not self._tokens:
            raise ValueError(
                f"{type(self).__name__} '{self.path}' has no vocabulary yet: call `adapt(data)` "
                "or `set_vocabulary(...)`, or make it with `vocabulary=`."
            )

    def call(self, inputs: Any) -> Any:
        self._need_vocabulary()
        if self.invert:
            return self._tokens_of(inputs)
        indices = self.indices_of(self._keys(inputs)).reshape(inputs.shape)
        return self.encoded(indices)

    def indices_of(self, keys: list) -> np.ndarray:
        """Indices of a list of tokens, int64; -1 for what is left out.

        Raises:
            ValueError: a token is not in the vocabulary and `num_oov_indices` is 0.
        """
        get = self._index.get
        indices = np.fromiter((get(key, -2) for key in keys), "int64", len(keys))
        unknown = np.flatnonzero(indices == -2)
        if not len(unknown):
            return indices
        if self.mask_token is not None:
            masked = np.fromiter(
                (keys[i] == self.mask_token for i in unknown), bool, len(unknown))
            indices[unknown[masked]] = 0 if self.output_mode == "int" else -1
            unknown = unknown[~masked]
        if not len(unknown):
            return indices
        others = [keys[i] for i in unknown]
        if self.num_oov_indices == 0:
            raise ValueError(
                f"{type(self).__name__} '{self.path}' has `num_oov_indices=0`, so that all inputs "
                f"must be in its vocabulary, but got {_some(list(dict.fromkeys(others)))}. Take "
                "`num_oov_indices=1` or add them to the vocabulary."
            )
        buckets: Any = 0
        if self.num_oov_indices > 1:
            if self.oov_method == "floormod":
                buckets = np.asarray(others, "int64") % self.num_oov_indices
            else:
                names = [str(key).encode("utf-8") for key in others]
                buckets = hashed(names, self.num_oov_indices, self._key)
        indices[unknown] = self._first_oov + buckets
        return indices

    def encoded(self, indices: np.ndarray) -> Any:
        """Indices as the output mode has them, an array of the current backend."""
        backend = current_backend()
        if self.output_mode == "int":
            return backend.asarray(indices)
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        dtype = self._float_dtype()
        result = encode_on_host(indices, self._depth(), mode, dtype)
        if self.output_mode == "tf_idf":
            result = result * self._idf
        return backend.cast(backend.asarray(result), dtype)

    def _tokens_of(self, indices: np.ndarray) -> Any:
        if indices.dtype.kind not in "iub":
            raise TypeError(
                f"{type(self).__name__} '{self.path}' with `invert=True` takes integers; got "
                f"{describe(indices)}."
            )
        table = self.get_vocabulary()
        last = len(table)
        found = [table[i] if 0 <= i < last else self.oov_token for i in indices.ravel().tolist()]
        return self._as_output(found, indices.shape)

    def _as_output(self, tokens: list, shape: tuple) -> Any:
        raise NotImplementedError

    def _depth(self) -> int:
        if self.pad_to_max_tokens and self.max_tokens is not None:
            return self.max_tokens
        if not self._tokens and self._size_in_file is not None:
            return self._size_in_file
        self._need_vocabulary()
        return self.vocabulary_size()

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The input's shape, or that of the encoded tokens."""
        if self.output_mode == "int":
            return tuple(input_shape)
        mode = "one_hot" if self.output_mode == "one_hot" else "count"
        return encoded_shape(input_shape, self._depth(), mode)

    def compute_output_spec(self, inputs: Any) -> SymbolicTensor:
        wanted = "int64" if self.invert else self._key_kind
        if (inputs.dtype == "string") != (wanted == "string") or "float" in inputs.dtype:
            raise TypeError(
                f"{type(self).__name__} '{self.path}' takes "
                f"{'strings' if wanted == 'string' else 'integers'}; the symbolic tensor it was "
                f"called with, '{inputs.name}', has dtype {inputs.dtype}. Begin with "
                f"`Input(shape, dtype={wanted!r})`."
            )
        dtype = self._float_dtype()
        if self.output_mode == "int":
            dtype = self._key_kind if self.invert else "int64"
        return SymbolicTensor.of(self.compute_output_shape(inputs.shape), dtype)

    # ----------------------------------------------------------------------- files

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer; a learnt vocabulary goes to the assets."""
        vocabulary = self.input_vocabulary
        if vocabulary is not None:
            vocabulary = self._as_tokens(vocabulary)
        weights = self.input_idf_weights
        return super().get_config() | {
            "invert": self.invert,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "oov_token": self.oov_token,
            "mask_token": self.mask_token,
            "output_mode": self.output_mode,
            "sparse": False,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "idf_weights": None if weights is None else as_numpy(weights).tolist(),
            "vocabulary": vocabulary,
            "vocabulary_size": self.vocabulary_size() if self._tokens else None,
            "salt": list(self.salt) if isinstance(self.salt, (list, tuple)) else self.salt,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that `get_config` described.

        Raises:
            ValueError: the vocabulary is a path, and safe mode is on (as it is by default).
        """
        refuse_path(cls, config)
        return super().from_config(config)

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary that `adapt` or `set_vocabulary` gave to a folder."""
        if self.input_vocabulary is not None or not self._tokens:
            return
        tokens = [str(token) for token in self.get_vocabulary()]
        with open(os.path.join(dir_path, _FILE), "w", encoding="utf-8", newline="") as file:
            file.write("\n".join(tokens))
        if any(len(token.splitlines()) > 1 or token.splitlines() == [""] for token in tokens):
            # Tokens with line breaks in them do not survive a file of lines.
            with open(os.path.join(dir_path, _EXACT), "w", encoding="utf-8") as file:
                json.dump(tokens, file)

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary that `save_assets` wrote."""
        if self.input_vocabulary is not None:
            return
        exact = os.path.join(dir_path, _EXACT)
        path = os.path.join(dir_path, _FILE)
        if os.path.isfile(exact):
            with open(exact, encoding="utf-8") as file:
                lines = json.load(file)
        elif os.path.isfile(path):
            lines = read_vocabulary(path, "utf-8", self)
        else:
            return
        tokens = [self._token(line) for line in lines]
        weights, self._idf = self._idf, None
        if weights is not None:
            weights = weights[: len(tokens)]
        self.set_vocabulary(tokens, weights)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the weights of "tf_idf" into `store`."""
        if self._idf is not None:
            store["idf_weights"] = self._idf

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Take the weights of "tf_idf" from `store`."""
        if self.output_mode == "tf_idf" and "idf_weights" in store:
            self._idf = np.asarray(store["idf_weights"], "float32")


def read_vocabulary(path: Any, encoding: str, layer: Any) -> list[str]:
    """The lines of a vocabulary file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is not text in that encoding.
    """
    who = f"{type(layer).__name__} '{layer.name}'"
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{who}: there is no vocabulary file '{os.fspath(path)}'.")
    try:
        with open(path, encoding=encoding) as file:
            lines = file.read().split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{who}: the vocabulary file '{os.fspath(path)}' is not text in {encoding}: {error}."
        ) from error
    return lines[:-1] if lines[-1] == "" and len(lines) > 1 else lines


def text_batches(data: Any) -> Iterator[Any]:
    """The batches of what `adapt` was given: arrays and lists are one, else each item is."""
    if isinstance(data, (str, bytes)) or hasattr(data, "shape") or hasattr(data, "to_numpy"):
        yield data
        return
    if isinstance(data, (list, tuple)) and not (data and hasattr(data[0], "shape")
                                                and len(data[0].shape)):
        yield data
        return
    items = iter(data) if hasattr(data, "__iter__") else (data[i] for i in range(len(data)))
    for item in items:
        pair = isinstance(item, tuple) and len(item) in (2, 3) and not isinstance(
            item[0], (str, bytes, int))
        yield item[0] if pair else item


def as_key(layer: Any, salt: Any) -> tuple[int, int] | None:
    """A salt as the two halves of a hash's key.

    Raises:
        ValueError: neither None, an integer nor a pair of integers.
    """
    if salt is None:
        return None
    if isinstance(salt, int) and not isinstance(salt, bool):
        return salt, salt
    if isinstance(salt, (list, tuple)) and len(salt) == 2 and all(
        isinstance(part, int) for part in salt
    ):
        return salt[0], salt[1]
    raise ValueError(
        f"{type(layer).__name__} '{layer.name}': `salt` must be an integer or a pair of integers; "
        f"got {salt!r}."
    )


def hashed(strings: list[bytes], bins: int, key: tuple[int, int] | None) -> np.ndarray:
    """The bin of each string, int64: by FarmHash, or with a key by SipHash."""
    values = fingerprint(strings) if key is None else siphash(strings, key)
    return (values % np.uint64(bins)).astype("int64")


def _some(values: list) -> str:
    shown = ", ".join(map(repr, values[:5]))
    return shown + (f" and {len(values) - 5} more" if len(values) > 5 else "")
