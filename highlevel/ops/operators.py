"""The operators of symbolic tensors (`a + b`, `a[0]`, ...) are ops."""

from highlevel.ops.numpy import (
    arithmetic,
    comparison,
    indexing,
    products,
    rounding,
    shaping,
)
from highlevel.symbolic import operators

operators.update(
    add=arithmetic.add,
    subtract=arithmetic.subtract,
    multiply=arithmetic.multiply,
    true_divide=arithmetic.true_divide,
    floor_divide=arithmetic.floor_divide,
    mod=arithmetic.mod,
    power=arithmetic.power,
    matmul=products.matmul,
    logical_and=comparison.logical_and,
    logical_or=comparison.logical_or,
    logical_xor=comparison.logical_xor,
    logical_not=comparison.logical_not,
    less=comparison.less,
    less_equal=comparison.less_equal,
    greater=comparison.greater,
    greater_equal=comparison.greater_equal,
    equal=comparison.equal,
    not_equal=comparison.not_equal,
    negative=rounding.negative,
    absolute=rounding.absolute,
    getitem=indexing.get_item,
    reshape=shaping.reshape,
    squeeze=shaping.squeeze,
)
