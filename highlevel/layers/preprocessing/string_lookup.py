"""`StringLookup`: strings as integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from highlevel.layers.preprocessing.host_layer import texts
from highlevel.layers.preprocessing.index_lookup import IndexLookup

__all__ = ["StringLookup"]


class StringLookup(IndexLookup):
    """Maps strings to indices in a vocabulary, or indices to strings.

    It runs on the host, on every backend; in a functional or Sequential model it is run on
    each batch before the compiled program.

    Args:
        max_tokens: size of the vocabulary at most, special tokens included.
        num_oov_indices: indices for strings that are not in the vocabulary, among which
            they are spread by a hash; with 0 such a string is an error.
        mask_token: string that means "nothing here": index 0 with "int", left out of the
            encodings otherwise.
        oov_token: what `invert` gives for strings that are not in the vocabulary.
        vocabulary: list or array of strings, or the path of a file with one per line;
            otherwise `adapt` finds it.
        idf_weights: a number per string of the vocabulary, for "tf_idf".
        invert: map indices to strings.
        output_mode: "int"; "one_hot", a vector for each string; "multi_hot", "count" or
            "tf_idf", one vector for the strings along the last axis.
        pad_to_max_tokens: make vectors of length `max_tokens` however small the
            vocabulary.
        sparse: only False.
        encoding: of bytes and files.
        salt: an integer or two: SipHash with this key spreads strings, not FarmHash.

    Call arguments:
        inputs: array (dtype `<U`, `S` or object) or nested list of strings; integers with
            `invert`.

    Returns of a call: int64 of the inputs' shape (int32 where the backend has no 64 bits),
    or floating vectors.

    Raises:
        ValueError: arguments that exclude each other; see `set_vocabulary`.

    >>> import highlevel as hl
    >>> layer = hl.layers.StringLookup(vocabulary=["a", "b", "c"])
    >>> layer([["a", "c"], ["z", "b"]]).tolist()
    [[1, 3], [0, 2]]
    >>> hl.layers.StringLookup(vocabulary=["a", "b", "c"], invert=True)([1, 0]).tolist()
    ['a', '[UNK]']
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("oov_method", None)  # strings are always hashed
        kwargs.pop("vocabulary_dtype", None)
        self.encoding = encoding
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary=vocabulary,
            idf_weights=idf_weights, invert=invert, output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens, sparse=sparse, salt=salt, name=name, **kwargs,
        )

    def _token(self, value: Any) -> str:
        if isinstance(value, bytes):
            return value.decode(self.encoding)
        if not isinstance(value, str):
            raise ValueError(
                f"StringLookup '{self.name}': a vocabulary holds strings; got {value!r} of type "
                f"{type(value).__name__}."
            )
        return str(value)

    def _keys(self, array: np.ndarray) -> list:
        return texts(array, self, self.encoding)

    def _as_output(self, tokens: list, shape: tuple) -> Any:
        return np.array(tokens, "U").reshape(shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return super().get_config() | {"encoding": self.encoding}
