"""`IntegerLookup`: any integers as consecutive ones."""

from __future__ import annotations

import operator
from typing import Any, ClassVar

import numpy as np
from highlevel_backend import current_backend

from highlevel.layers.preprocessing.index_lookup import IndexLookup

__all__ = ["IntegerLookup"]


class IntegerLookup(IndexLookup):
    """Maps integers (identifiers, codes) to indices in a vocabulary, or back.

    It runs on the host, on every backend, with all 64 bits; in a functional or Sequential
    model it is run on each batch before the compiled program.

    Args:
        max_tokens: size of the vocabulary at most, special tokens included.
        num_oov_indices: indices for integers that are not in the vocabulary; with 0 such
            an integer is an error.
        mask_token: integer that means "nothing here": index 0 with "int", left out of the
            encodings otherwise.
        oov_token: what `invert` gives for integers that are not in the vocabulary.
        vocabulary: list or array of integers, or the path of a file with one per line;
            otherwise `adapt` finds it.
        vocabulary_dtype: only "int64".
        idf_weights: a number per integer of the vocabulary, for "tf_idf".
        invert: map indices to integers.
        output_mode: as in `StringLookup`.
        sparse: only False.
        pad_to_max_tokens: make vectors of length `max_tokens` however small the
            vocabulary.
        oov_method: how several `num_oov_indices` are shared out: "floormod", by remainder,
            or "farmhash", by a hash of the integer's digits.
        salt: an integer or two, with "farmhash": SipHash with this key in its place.

    Raises:
        ValueError: arguments that exclude each other; see `set_vocabulary`.

    >>> import highlevel as hl
    >>> layer = hl.layers.IntegerLookup(vocabulary=[12, 36, 1138, 42])
    >>> layer([[12, 1138, 42], [42, 1000, 36]]).tolist()
    [[1, 3, 4], [4, 0, 2]]
    """

    _key_kind: ClassVar[str] = "int64"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.name = name or "integer_lookup"  # for the errors before the base is made
        if vocabulary_dtype != "int64":
            raise ValueError(
                f"IntegerLookup '{self.name}': `vocabulary_dtype` can only be 'int64'; got "
                f"{vocabulary_dtype!r}."
            )
        self.oov_method = self._one_of("oov_method", oov_method, ("floormod", "farmhash"))
        if salt is not None and oov_method != "farmhash":
            raise ValueError(
                f"IntegerLookup '{self.name}': `salt` goes only with `oov_method='farmhash'`."
            )
        self.vocabulary_dtype = vocabulary_dtype
        super().__init__(
            max_tokens, num_oov_indices, None if mask_token is None else int(mask_token),
            int(oov_token), vocabulary=vocabulary, idf_weights=idf_weights, invert=invert,
            output_mode=output_mode, pad_to_max_tokens=pad_to_max_tokens, sparse=sparse,
            salt=salt, name=name, **kwargs,
        )

    def _token(self, value: Any) -> int:
        try:
            return int(value) if isinstance(value, str) else operator.index(value)
        except (TypeError, ValueError):
            raise ValueError(
                f"IntegerLookup '{self.name}': a vocabulary holds integers; got {value!r} of type "
                f"{type(value).__name__}."
            ) from None

    def _keys(self, array: np.ndarray) -> list:
        if array.dtype.kind == "f" and array.size and (array == np.floor(array)).all():
            array = array.astype("int64")  # whole numbers, as tables with gaps hold them
        if array.dtype.kind not in "iub" and array.size:
            raise TypeError(
                f"IntegerLookup '{self.path}' takes integers; got an array of dtype "
                f"{array.dtype}. Strings? Take `StringLookup`. Floats? `Discretization`."
            )
        return array.astype("int64").ravel().tolist()

    def _as_output(self, tokens: list, shape: tuple) -> Any:
        return current_backend().asarray(np.array(tokens, "int64").reshape(shape))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return super().get_config() | {
            "vocabulary_dtype": self.vocabulary_dtype, "oov_method": self.oov_method,
        }
