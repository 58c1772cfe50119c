"""What ops say when arguments do not fit, for arrays and for symbolic tensors alike."""

import numpy as np
import pytest

from highlevel import ops
from highlevel.symbolic import SymbolicTensor


def z(*shape, dtype="float32"):
    return np.zeros(shape, dtype)


ERRORS = [
    ("matmul", (z(2, 3), z(4, 5)), {}, "matmul"),
    ("reshape", (z(2, 3), (4, 2)), {}, "reshape"),
    ("conv", (z(1, 8, 8, 3), z(3, 3, 4, 5)), {}, r"input has 3 channels .* needs 4"),
    ("conv", (z(1, 8, 8, 3), z(3, 3, 3, 5)), {"strides": 2, "dilation_rate": 2}, "not both"),
    ("conv", (z(1, 8, 8, 3), z(3, 3, 3, 5)), {"padding": "full"}, "'valid' or 'same'"),
    ("conv_transpose", (z(1, 8, 3), z(3, 5, 3)), {"strides": 2, "output_padding": 2}, "less than the strides"),
    ("max_pool", (z(1, 8, 8, 3), (2, 2, 2)), {}, "`pool_size` needs one number"),
    ("categorical_crossentropy", (z(3), z(3, 4)), {}, r"got \(3,\) and \(3, 4\).*sparse_categorical"),
    ("sparse_categorical_crossentropy", (z(3, 4), z(3, 4)), {}, r"got \(3, 4\).*`categorical_crossentropy`"),
    ("sparse_categorical_crossentropy", (z(2, dtype="int32"), z(3, 4)), {}, r"`target` of shape \(3,\)"),
    ("binary_crossentropy", (z(3, 1), z(3)), {}, r"\(3, 1\) and \(3,\)"),
    ("concatenate", ([z(2, 3), z(3, 3)], 1), {}, "concatenate"),
    ("expand_dims", (z(2), 4), {}, "axis"),
    ("glu", (z(2, 3),), {}, "odd"),
    ("cholesky", (z(2, 3),), {}, "square"),
    ("solve", (z(3, 3), z(4)), {}, "solve"),
    ("unfold", (z(3, 4), 2), {}, None),
    ("space_to_depth", (z(1, 3, 4, 1), 2), {}, "divides"),
    ("dot_product_attention", (z(1, 2, 3, 4), z(1, 2, 2, 4), z(1, 2, 2, 4)), {}, "multiple"),
    ("image.resize", (z(4, 4, 3), (2, 2)), {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "Only one"),
    ("image.pad_images", (z(4, 4, 3),), {"top_padding": 1}, "exactly two"),
]


@pytest.mark.parametrize("name, args, kwargs, text", ERRORS, ids=[f"{e[0]}-{i}" for i, e in enumerate(ERRORS)])
def test_arrays_that_do_not_fit(name, args, kwargs, text, backend):
    function = ops
    for part in name.split("."):
        function = getattr(function, part)
    match = text if text and text not in ("reshape", "concatenate", "expand_dims", "matmul", "axis") else None
    with pytest.raises((ValueError, TypeError), match=match):
        function(*args, **kwargs)


@pytest.mark.parametrize(
    "name, args, kwargs, text",
    [row for row in ERRORS if row[0] in (
        "matmul", "reshape", "conv", "max_pool", "categorical_crossentropy", "concatenate",
        "sparse_categorical_crossentropy", "binary_crossentropy", "glu", "space_to_depth",
        "dot_product_attention", "image.pad_images")],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_symbolic_tensors_that_do_not_fit(name, args, kwargs, text, backend):
    function = ops
    for part in name.split("."):
        function = getattr(function, part)
    from highlevel_backend import tree

    args = tree.map_leaves(
        lambda x: SymbolicTensor(x.shape, x.dtype.name) if isinstance(x, np.ndarray) else x, args
    )
    with pytest.raises(ValueError, match=text):
        function(*args, **kwargs)


def test_a_label_out_of_range_is_named(backend):
    with pytest.raises(ValueError, match=r"label 4 at \(1,\) is not one of the 4 classes, 0 to 3"):
        ops.sparse_categorical_crossentropy(np.array([0, 4, 9]), z(3, 4))
    with pytest.raises(ValueError, match="2 of 3 labels are out of range"):
        ops.sparse_categorical_crossentropy(np.array([0, -1, 9]), z(3, 4), from_logits=True)


def test_a_label_out_of_range_counts_nothing_where_values_are_unknown():
    from highlevel_backend import use_backend

    with use_backend("jax") as backend:
        program = backend.compile(
            lambda y, x: ops.sparse_categorical_crossentropy(y, x, from_logits=True)
        )
        found = backend.to_numpy(program(np.array([0, 7], "int32"), z(2, 4)))
        np.testing.assert_allclose(found, [np.log(4), 0.0], rtol=1e-6)


def test_sparse_arrays_are_refused(backend):
    for call in (
        lambda: ops.one_hot([1], 2, sparse=True),
        lambda: ops.bincount([1], sparse=True),
        lambda: ops.convert_to_tensor([1.0], sparse=True),
    ):
        with pytest.raises(ValueError, match=r"[Ss]parse|dense"):
            call()
