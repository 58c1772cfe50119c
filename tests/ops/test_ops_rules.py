"""Shape rules and abstract evaluation against what the ops really return."""

import functools

import numpy as np
import pytest
from awkward_cases import CASES
from highlevel_backend import tree, use_backend

from highlevel import ops
from highlevel.symbolic import SymbolicTensor

# The result's shape depends on values, or the arguments must be known.
BY_VALUE = {"nonzero", "unique", "bincount", "eigh_values", "arange", "linspace", "logspace",
            "geomspace", "kaiser", "repeat", "slice", "view"}  # fmt: skip
NAMES = sorted({name for name, _, _ in CASES} - BY_VALUE)


def find(name):
    return functools.reduce(getattr, name.split("."), ops)


def is_array(x):
    return isinstance(x, np.ndarray)


def symbolic(args, kwargs, unknown):
    """The arguments with symbolic tensors for their arrays; the first axis may be unknown."""

    def convert(leaf):
        if not is_array(leaf):
            return leaf
        shape = (None, *leaf.shape[1:]) if unknown and leaf.ndim > 1 else leaf.shape
        # Shape rules see what JAX would hold: 64-bit integers become 32-bit ones.
        dtype = {"int64": "int32", "float64": "float32"}.get(leaf.dtype.name, leaf.dtype.name)
        return SymbolicTensor(shape, dtype)

    return tree.map_leaves(convert, (args, kwargs))


def narrow(leaf):
    """No 64-bit numbers, as on JAX."""
    if is_array(leaf) and leaf.dtype.name in ("int64", "float64"):
        return leaf.astype(leaf.dtype.name.replace("64", "32"))
    return leaf


COUNTS = {"ndim", "size"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_rule_says_what_the_op_returns(name):
    with use_backend("numpy"):
        for _, args, kwargs in (row for row in CASES if row[0] == name):
            args, kwargs = tree.map_leaves(narrow, (args, kwargs))
            if not any(map(is_array, tree.leaves((args, kwargs)))) or (
                name == "where" and len(args) == 1
            ):
                continue
            wanted = [(tuple(np.shape(x)), ops.dtype(x)) for x in tree.leaves(find(name)(*args, **kwargs))]
            new_args, new_kwargs = symbolic(args, kwargs, unknown=False)
            found = tree.leaves(find(name)(*new_args, **new_kwargs))
            if name in COUNTS:  # known without the values: plain numbers in either case
                assert found == tree.leaves(find(name)(*args, **kwargs))
                continue
            assert [(x.shape, x.dtype) for x in found] == wanted, (args, kwargs)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    ["relu", "add", "matmul", "sum", "mean", "softmax", "concatenate", "stack", "transpose",
     "expand_dims", "moveaxis", "conv", "depthwise_conv", "conv_transpose", "max_pool",
     "average_pool", "layer_normalization", "one_hot", "dot_product_attention", "take",
     "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy",
     "einsum", "logsumexp", "argmax", "pad", "glu", "image.resize"],
)  # fmt: skip
def test_unknown_batch_stays_unknown_and_the_rest_is_exact(name):
    with use_backend("numpy"):
        rows = [row for row in CASES if row[0] == name and any(is_array(a) and a.ndim > 1 for a in tree.leaves(row[1]))]
        checked = 0
        for _, args, kwargs in rows:
            args, kwargs = tree.map_leaves(narrow, (args, kwargs))
            wanted = tree.leaves(find(name)(*args, **kwargs))
            if is_array(args[0]):
                new_args = (symbolic(args[:1], {}, unknown=True)[0][0], *args[1:])
            else:
                new_args = symbolic(args, {}, unknown=True)[0]
            try:
                found = tree.leaves(find(name)(*new_args, **kwargs))
            except ValueError:
                continue  # needs the length of the axis that was made unknown
            for x, value in zip(found, wanted):
                assert len(x.shape) == value.ndim
                assert all(n is None or n == m for n, m in zip(x.shape, value.shape)), (x, value.shape)
                assert x.dtype == ops.dtype(value)
            checked += 1
        assert checked


def test_common_ops_need_no_abstract_evaluation(monkeypatch):
    """A rule that falls through to it takes a thousand times as long."""
    from highlevel.ops import dispatch

    def refused(function, *_):
        raise AssertionError(f"{function.__name__} was evaluated abstractly")

    monkeypatch.setattr(dispatch, "evaluate_abstractly", refused)
    x = SymbolicTensor((None, 8, 8, 3))
    y = ops.relu(ops.add(ops.conv(x, np.zeros((3, 3, 3, 3), "float32"), padding="same"), x))
    ops.softmax(ops.reshape(ops.mean(ops.concatenate([y, x]), axis=(1, 2)), (-1, 3)))


def test_every_op_has_its_rows():
    """An ordinary and an awkward call at least, of every op there is."""
    from collections import Counter

    from awkward_cases import BY_FUNCTION

    rows = Counter(name for name, _, _ in CASES)
    public = {name for name in dir(ops) if not name.startswith("_") and callable(getattr(ops, name))}
    public |= {f"image.{name}" for name in dir(ops.image) if not name.startswith("_")}
    same = {name for name in public if f"image.{name}" in public}
    missing = sorted(
        name for name in public - same - set(BY_FUNCTION)
        if callable(find(name)) and rows[name] < 2
    )
    assert not missing
