"""A table of calls of ops: `(op name, arguments, keywords)`.

`tests/parity/test_ops.py` compares the values with Keras, `tests/ops/test_ops_rules.py` the
shape rules with the values.

An argument that is an `np.ndarray` stands for an array; everything else is passed as it is.
"""

import numpy as np

inf, nan = np.inf, np.nan


def f(*shape, low=-2.0, high=2.0, seed=0, dtype="float32"):
    """Floats that differ, from a seed."""
    rng = np.random.default_rng(seed + sum(shape))
    return rng.uniform(low, high, shape).astype(dtype)


def p(*shape, seed=1):
    """Positive floats away from 0."""
    return f(*shape, low=0.2, high=0.9, seed=seed)


def i(*shape, low=0, high=5, seed=2, dtype="int32"):
    """Integers."""
    return np.random.default_rng(seed + sum(shape)).integers(low, high, shape).astype(dtype)


def b(*shape, seed=3):
    """Booleans."""
    return np.random.default_rng(seed + sum(shape)).integers(0, 2, shape).astype(bool)


def spd(n, *batch):
    """Symmetric positive definite matrices."""
    a = f(*batch, n, n)
    return (a @ np.swapaxes(a, -1, -2) + n * np.eye(n)).astype("float32")


def h(*shape):
    return f(*shape).astype("float16")


CASES: list[tuple] = []


def case(name, *args, **kwargs):
    CASES.append((name, args, kwargs))


special = np.array([0.0, -0.0, 1.5, -inf, inf, nan, -2.5, 0.5], "float32")

# elementwise, one argument
for name in ["abs", "absolute", "negative", "sign", "square", "real", "imag", "conj", "conjugate"]:
    case(name, f(2, 3))
    case(name, i(2, 3, low=-3))
    case(name, h(3))
case("square", b(3))
case("absolute", b(3))
for name in ["exp", "exp2", "expm1", "sin", "cos", "tan", "arctan", "sinh", "cosh", "tanh", "arcsinh",
             "cbrt", "deg2rad", "rad2deg", "sinc", "floor", "ceil", "trunc", "round", "fabs", "i0",
             "isfinite", "isinf", "isnan", "isneginf", "isposinf", "signbit", "isreal", "angle",
             "nan_to_num", "logical_not", "copy", "zeros_like", "ones_like"]:
    case(name, f(2, 3))
    case(name, i(2, 3, low=-3))
    if name not in ("i0", "copy", "cbrt"):
        case(name, special)
    if name not in ("angle",):
        case(name, h(3))
for name in ["log", "log2", "log10", "log1p", "sqrt", "reciprocal", "arccosh"]:
    case(name, p(2, 3) + 1)
    case(name, i(2, 3, low=1))
    case(name, special)
for name in ["arcsin", "arccos", "arctanh"]:
    case(name, f(2, 3, low=-0.9, high=0.9))
    case(name, special)
case("round", f(5, low=-100, high=100), 1)
case("round", f(5, low=-100, high=100), -1)
case("round", np.array([0.5, 1.5, 2.5, -0.5], "float32"))
case("nan_to_num", special, nan=7.0, posinf=1.0, neginf=-1.0)
case("clip", f(2, 3), -0.5, 0.5)
case("clip", i(5, low=-5), -1, 2)
case("clip", i(5, low=-5), -1.5, 2)
case("clip", f(3), f(3) - 0.1, f(3) + 0.1)
case("saturate_cast", np.array([-5.0, 3.5, 300.0], "float32"), "uint8")
case("saturate_cast", np.array([-5, 3, 300], "int32"), "int8")
case("saturate_cast", np.array([3e9, -3e9], "float32"), "int32")
case("saturate_cast", np.array([1e6, -1e6], "float32"), "float16")
case("cast", f(3), "int32")
case("cast", f(3), "bool")
case("cast", special[:5], "float16")

# elementwise, two arguments
# Keras reads the Python number as an array here, which makes float32 of float16.
WIDENS_SCALARS = ("arctan2", "logaddexp", "logaddexp2")
for name in ["add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum", "fmax",
             "fmin", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
             "hypot", "arctan2", "logaddexp", "logaddexp2", "floor_divide", "mod", "fmod"]:
    case(name, f(2, 3), p(3))
    case(name, i(2, 3), i(2, 3, low=1, seed=5))
    case(name, f(2, 3), 2)
    case(name, 3.0, i(2, 3, low=1))
    if name not in WIDENS_SCALARS:
        case(name, h(3), 2.0)
    case(name, h(3), f(3) + 3)
    case(name, i(3, dtype="uint8"), i(3, dtype="int8", low=1))
for name in ["add", "multiply", "maximum", "logical_and", "logical_or", "logical_xor", "equal"]:
    case(name, b(4), b(4, seed=8))
case("add", i(3), True)
for name in ["logical_and", "logical_or", "logical_xor"]:
    case(name, f(3), np.array([0.0, 1.0, 0.0], "float32"))
case("power", p(3), 2)
case("power", f(3), 3)
case("power", i(3), i(3, seed=9))
case("power", i(3), 2.0)
case("divide_no_nan", f(3), np.array([0.0, 1.0, 2.0], "float32"))
case("divide_no_nan", i(3), np.array([0, 1, 2]).astype("int32"))
case("nextafter", f(3), f(3, seed=4))
case("heaviside", np.array([-1.0, 0.0, 2.0], "float32"), 0.5)
case("heaviside", i(3), i(3))
case("ldexp", f(3), i(3))
case("gcd", i(4, high=30), i(4, high=30, seed=7))
case("lcm", i(4, high=9, low=1), i(4, high=9, low=1, seed=7))
case("isclose", f(3), f(3) + 1e-6)
case("isclose", special, special, equal_nan=True)
case("allclose", f(3), f(3))
case("isin", i(2, 3), i(4, high=3))
case("isin", i(2, 3), i(4, high=3), invert=True)
for name in ["bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift",
             "bitwise_right_shift", "left_shift", "right_shift"]:
    case(name, i(4), i(4, seed=6))
    case(name, i(4), 2)
case("bitwise_not", i(4))
case("bitwise_invert", i(4, dtype="uint8"))

# reductions
for name in ["sum", "mean", "var", "std", "max", "min", "amax", "amin", "prod", "any", "all", "ptp",
             "argmax", "argmin", "median", "logsumexp"]:
    case(name, f(2, 3))
    case(name, f(2, 3, 4), axis=1)
    case(name, f(2, 3, 4), axis=-1, keepdims=True)
    case(name, i(2, 3))
    if name not in ("argmax", "argmin"):
        case(name, f(2, 3, 4), axis=(0, 2))
        case(name, h(2, 3), axis=0)
    if name not in ("ptp", "logsumexp", "median"):
        case(name, b(2, 3), axis=0)
for name in ["sum", "prod", "cumsum", "cumprod", "mean", "max"]:
    for dtype in ["int8", "uint8", "int16", "uint16", "uint32"]:
        case(name, i(2, 3, dtype=dtype), axis=0)
case("prod", i(2, 3), dtype="float32")
case("max", f(2, 3), axis=1, initial=1.0)
case("min", f(0, 3), axis=0, initial=1.0)
case("count_nonzero", i(2, 3), axis=0)
case("count_nonzero", f(2, 3))
case("cumsum", f(2, 3))
case("cumsum", f(2, 3), axis=1)
case("cumsum", b(2, 3), axis=1)
case("cumprod", f(2, 3), axis=0)
case("cumsum", i(3), axis=0, dtype="float32")
case("average", f(2, 3), axis=1)
case("average", f(2, 3), axis=1, weights=p(3))
case("average", i(2, 3), weights=i(2, 3, low=1))
case("diff", f(2, 5))
case("diff", i(5), n=2)
case("diff", f(3, 4), axis=0)
case("trapezoid", f(2, 5))
case("trapezoid", f(5), x=np.sort(f(5)), axis=0)
case("trapezoid", f(3, 4), dx=0.5, axis=0)
case("logsumexp", np.array([-inf, -inf], "float32"))
case("logsumexp", np.array([inf, 1.0], "float32"))
case("logsumexp", np.array([1000.0, -1000.0], "float32"))
with_nan = f(3, 4)
with_nan[0, 1] = with_nan[2, 3] = nan
for name in ["nansum", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nanprod", "nanargmax",
             "nanargmin", "nanmedian"]:
    case(name, with_nan)
    case(name, with_nan, axis=1)
    case(name, with_nan, axis=0, keepdims=True)
    case(name, i(2, 3), axis=0)
case("nancumsum", with_nan, axis=1)
case("nancumprod", with_nan, axis=0)
case("nansum", np.full((2,), nan, "float32"))
case("nanargmax", np.full((2, 2), nan, "float32"), axis=1)

# quantiles, order
for method in ["linear", "lower", "higher", "midpoint", "nearest"]:
    case("quantile", f(3, 5), 0.3, axis=1, method=method)
    case("nanquantile", with_nan, 0.4, axis=1, method=method)
case("quantile", f(3, 5), np.array([0.1, 0.45], "float32"))
case("quantile", f(3, 5, 2), np.array([0.1, 0.45], "float32"), axis=(0, 2), keepdims=True)
case("quantile", i(7), 0.25)
case("percentile", f(3, 5), 30.0, axis=0)
case("nanpercentile", with_nan, 30.0, axis=0)
case("median", with_nan, axis=1)
case("sort", f(3, 4))
case("sort", i(3, 4), axis=0)
case("argsort", f(3, 4))
case("argsort", i(3, 4), axis=0)
case("argsort", f(3, 4), axis=None)
case("searchsorted", np.sort(f(6)), f(3))
case("searchsorted", np.sort(i(6)), i(2, 3), side="right")
case("digitize", f(6), np.array([-1.0, 0.0, 1.0], "float32"))
case("digitize", i(6), np.array([1, 3]).astype("int32"))
case("bincount", i(7))
case("bincount", i(7), weights=p(7), minlength=8)
case("bincount", i(2, 7), minlength=5)
case("histogram", f(20), bins=5)
case("histogram", f(20), bins=5, range=(-1.0, 1.0))
case("histogram", i(20), bins=4)
case("unique", i(8))
case("unique", i(2, 4), return_index=True, return_inverse=True, return_counts=True)
case("unique", i(8), size=6, fill_value=-1)
case("unique", i(2, 4), size=9, return_index=True, return_inverse=True, return_counts=True)
case("unique", i(6, 2, high=2), axis=0)
case("top_k", f(3, 6), 2)
case("top_k", i(6), 3)
case("in_top_k", i(4), f(4, 5), 2)
case("in_top_k", i(4), i(4, 5).astype("float32"), 1)

# shapes
case("reshape", f(2, 6), (3, -1))
case("reshape", f(2, 6), (12,))
case("reshape", f(2, 6), -1)
case("ravel", f(2, 3))
case("transpose", f(2, 3, 4))
case("transpose", f(2, 3, 4), (1, 0, 2))
case("expand_dims", f(2, 3), 1)
case("expand_dims", f(2, 3), (0, -1))
case("squeeze", f(2, 1, 3, 1))
case("squeeze", f(2, 1, 3, 1), axis=1)
case("squeeze", f(2, 1, 3, 1), axis=(1, -1))
case("moveaxis", f(2, 3, 4), 0, -1)
case("moveaxis", f(2, 3, 4), [0, 1], [2, 0])
case("swapaxes", f(2, 3, 4), 0, -1)
case("broadcast_to", f(1, 3), (2, 3))
case("broadcast_to", f(3), (2, 2, 3))
case("flip", f(2, 3))
case("flip", f(2, 3), axis=1)
case("fliplr", f(2, 3))
case("flipud", f(2, 3))
case("roll", f(2, 3), 1)
case("roll", f(2, 3), 2, axis=1)
case("roll", f(2, 3), (1, 1), axis=(0, 1))
case("rot90", f(2, 3))
case("rot90", f(2, 3, 4), k=3, axes=(1, 2))
case("tile", f(2, 3), 2)
case("tile", f(2, 3), (2, 1, 2))
case("repeat", f(2, 3), 2)
case("repeat", f(2, 3), 2, axis=1)
case("repeat", f(2, 3), np.array([1, 2]), axis=0)
case("concatenate", [f(2, 3), i(2, 1)], axis=1)
case("concatenate", [f(2, 3), f(1, 3)])
case("stack", [f(2, 3), f(2, 3, seed=4)])
case("stack", [f(2), i(2)], axis=-1)
for name in ["hstack", "vstack", "dstack"]:
    case(name, [f(2, 3), f(2, 3, seed=4)])
    case(name, [f(3), i(3)])
case("append", f(2, 3), f(2, 3))
case("append", f(2, 3), i(1, 3), axis=0)
case("split", f(4, 6), 3, axis=1)
case("split", f(4, 6), [1, 3], axis=0)
case("array_split", f(7, 2), 3)
case("hsplit", f(4, 6), 3)
case("vsplit", f(4, 6), 2)
case("dsplit", f(2, 2, 4), 2)
case("unstack", f(3, 2))
case("unstack", f(3, 2), axis=1)
case("pad", f(2, 3), 1)
case("pad", f(2, 3), ((1, 0), (2, 1)), constant_values=3.0)
case("pad", f(3, 4), ((1, 1), (2, 1)), mode="reflect")
case("pad", f(3, 4), (1, 2), mode="symmetric")
case("pad", f(3, 4), (1, 2), mode="edge")
case("pad", i(3), (1, 2), mode="wrap")
case("rearrange", f(2, 12, 3), "b (h w) c -> b c h w", h=4)
case("rearrange", f(2, 3, 4), "a b c -> (c a) b")

# indexing
case("take", f(3, 4), i(2, high=3), axis=0)
case("take", f(3, 4), i(2, 2, high=4), axis=-1)
case("take", f(3, 4), i(2, high=12))
case("take", f(3, 4), np.array([-1]).astype("int32"), axis=1)
case("take", f(5), 2)
case("take_along_axis", f(3, 4), i(3, 2, high=4), axis=1)
case("take_along_axis", f(3, 4), i(5, high=12))
case("get_item", f(3, 4), 1)
case("get_item", f(3, 4), (slice(None), slice(0, 4, 2)))
case("get_item", f(3, 4), (Ellipsis, None, -1))
case("where", b(2, 3), f(2, 3), i(3))
case("where", b(3), 1, 2.5)
case("where", b(3), 1, 2)
case("where", f(3) > 0)
case("nonzero", i(2, 3))
case("select", [b(3), b(3, seed=9)], [f(3), i(3)], default=7)
case("tril", f(3, 4))
case("tril", f(2, 3, 3), k=-1)
case("triu", i(3, 4), k=1)
case("diag", f(3))
case("diag", f(3), k=-1)
case("diag", f(3, 4), k=1)
case("diagflat", f(2, 2))
case("diagflat", f(3), k=2)
case("diagonal", f(3, 4))
case("diagonal", f(2, 3, 4), offset=1, axis1=1, axis2=2)
case("trace", f(3, 4))
case("trace", i(2, 3, 3, dtype="int8"), axis1=1, axis2=2)
case("unravel_index", i(3, high=6), (2, 3))
case("unravel_index", -2, (2, 3))
case("slice", f(4, 5), (1, 2), (2, 3))
case("slice", f(4, 5), np.array([3, 0]).astype("int32"), (2, 2))
case("slice_update", f(4, 5), (1, 2), f(2, 2, seed=9))
case("scatter", np.array([[0], [2], [0]]), f(3), (4,))
case("scatter", np.array([[0, 1], [1, 1]]), f(2, 3), (2, 2, 3))
case("scatter_update", f(4), np.array([[0], [2]]), f(2))
for reduction in ["add", "max", "min", "mul"]:
    case("scatter_update", f(4), np.array([[0], [2], [0]]), f(3), reduction=reduction)
case("segment_sum", f(4, 2), np.array([0, 0, 2, 1]), num_segments=3)
case("segment_sum", i(4), np.array([0, 0, 2, 1]), num_segments=4)
case("segment_max", f(4, 2), np.array([0, 0, 2, 1]), num_segments=4)
case("segment_max", i(4), np.array([0, 0, 2, 1]), num_segments=5)
case("segment_min", f(4, 2), np.array([0, 0, 2, 1]), num_segments=4)
case("segment_prod", f(4, 2), np.array([0, 0, 2, 1]), num_segments=3)

# creation
case("zeros", (2, 3))
case("ones", 3)
case("ones", (2,), dtype="int32")
case("full", (2, 2), 5.0)
case("full", (2, 2), 5, dtype="int32")
case("full_like", i(2, 3), 2.7)
case("full_like", f(2, 3), 2, dtype="int32")
case("eye", 3)
case("eye", 2, 4, k=1, dtype="int32")
case("identity", 3)
case("tri", 3)
case("tri", 2, 4, k=1, dtype="bool")
case("arange", 5)
case("arange", 1.0, 2.0, 0.25)
case("arange", 2, 8, 3, dtype="float32")
case("arange", 3, 0, -1)
case("linspace", 0, 1, 5)
case("linspace", 0.0, 1.0, 5, endpoint=False)
case("linspace", f(2), f(2, seed=4), 3, axis=1)
case("linspace", 0, 10, 4, dtype="int32")
case("linspace", 0.0, 1.0, 3, retstep=True)
case("logspace", 0, 2, 3)
case("logspace", 0.0, 2.0, 4, base=2.0, endpoint=False)
case("geomspace", 1.0, 8.0, 4)
case("meshgrid", f(2), f(3))
case("meshgrid", f(2), i(3), indexing="ij")
case("vander", f(3))
case("vander", i(3), N=2, increasing=True)
for name in ["bartlett", "blackman", "hamming", "hanning"]:
    case(name, 5)
    case(name, 1)
case("kaiser", 5, 3.0)
case("array", [1, 2])
case("array", [1.5], dtype="int32")
case("convert_to_tensor", [True, False])
case("convert_to_tensor", 3)

# products
case("matmul", f(2, 3), f(3, 4))
case("matmul", f(2, 2, 3), f(3))
case("matmul", f(3), f(3))
case("matmul", i(2, 3), f(3, 2))
case("matmul", i(2, 3), i(3, 2))
case("matmul", i(2, 3, dtype="int8"), i(3, 2, dtype="int8"))
case("dot", f(2, 3), f(3, 4))
case("dot", f(2, 3), f(4, 3, 2))
case("dot", f(2), 2.0)
case("inner", f(2, 3), f(4, 3))
case("outer", f(2), f(3))
case("vdot", f(2, 3), f(2, 3, seed=3))
case("tensordot", f(2, 3), f(3, 4), axes=1)
case("tensordot", f(2, 3, 4), f(4, 3, 2), axes=[[1, 2], [1, 0]])
case("tensordot", f(2, 3), f(3, 4), axes=0)
case("einsum", "ij,jk->ik", f(2, 3), f(3, 4))
case("einsum", "...ij,...jk", f(2, 2, 3), f(2, 3, 4))
case("einsum", "ii->i", f(3, 3))
case("einsum", "ij,ij->", i(2, 3), f(2, 3))
case("kron", f(2, 2), f(2, 3))
case("kron", f(2), f(3))
case("cross", f(4, 3), f(3))
case("cross", f(2), f(2, seed=3))
case("cross", f(3, 2), f(3, 2, seed=4), axis=0)
for mode in ["valid", "same", "full"]:
    case("correlate", f(6), f(3), mode=mode)
    case("correlate", f(3), f(6), mode=mode)
    case("correlate", f(4), f(4, seed=2), mode=mode)
case("correlate", i(4), i(2))
case("corrcoef", f(3, 6))
case("cdist", f(3, 2), f(4, 2))
case("cdist", f(2, 3, 2), f(2, 4, 2))

# nn: activations
for name in ["relu", "relu6", "sigmoid", "softplus", "softsign", "silu", "swish", "log_sigmoid",
             "leaky_relu", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "elu", "selu",
             "celu", "gelu", "softmax", "log_softmax", "squareplus", "sparse_plus",
             "sparse_sigmoid", "hard_shrink", "soft_shrink", "tanh_shrink"]:
    case(name, f(3, 4, low=-8, high=8))
    case(name, np.array([-200.0, -1.0, 0.0, 1.0, 200.0], "float32"))
    case(name, h(4))
    if name not in ("relu", "relu6", "sigmoid", "silu", "swish"):
        case(name, i(3, low=-3))
case("relu", i(3, low=-3))
case("gelu", f(5), approximate=False)
case("celu", f(5), alpha=0.3)
case("elu", f(5), alpha=0.3)
case("leaky_relu", f(5), negative_slope=0.5)
case("threshold", f(5), 0.5, -1.0)
case("softmax", f(2, 3, 4), axis=(1, 2))
case("softmax", f(2, 3, 4), axis=1)
case("softmax", f(2, 3), axis=None)
case("log_softmax", f(2, 3, 4), axis=(0, 1))
case("glu", f(2, 4))
case("glu", f(4, 3), axis=0)
case("erf", f(6, low=-4, high=4))
case("erf", special)
case("erfc", f(6, low=-4, high=9))
case("erfinv", f(6, low=-0.999, high=0.999))
case("erfinv", np.array([-1.0, 1.0, 0.0, 1.5], "float32"))
case("rsqrt", p(4))
case("rsqrt", p(2, 2))

# nn: encodings, losses, normalization
case("one_hot", i(2, 3), 4)
case("one_hot", i(2, 3, low=-1, high=6), 4, axis=0, dtype="int32")
case("one_hot", i(2), 3, axis=1)
case("multi_hot", i(2, 3), 5)
case("multi_hot", i(4), 5, dtype="int32")
case("multi_hot", i(2, 3, 2), 5)
case("polar", p(3), f(3))
probabilities = p(3, 4) / p(3, 4).sum(-1, keepdims=True)
targets = np.eye(4, dtype="float32")[[0, 3, 1]]
for logits in (False, True):
    case("categorical_crossentropy", targets, probabilities, from_logits=logits)
    case("categorical_crossentropy", targets.T, probabilities.T, from_logits=logits, axis=0)
    case("sparse_categorical_crossentropy", i(3, high=4), probabilities, from_logits=logits)
    case("sparse_categorical_crossentropy", i(3, 1, high=4), probabilities, from_logits=logits)
    case("sparse_categorical_crossentropy", i(2, 3, high=4), p(2, 3, 4), from_logits=logits)
    case("binary_crossentropy", targets, probabilities, from_logits=logits)
    case("binary_crossentropy", targets, f(3, 4, low=-30, high=30), from_logits=logits)
case("categorical_crossentropy", targets, f(3, 4, low=-100, high=100), from_logits=True)
case("psnr", p(2, 3), p(2, 3, seed=4), 1.0)
case("psnr", p(2, 3), p(2, 3, seed=4), 255)
case("moments", f(3, 4), axes=0)
case("moments", f(3, 4, 2), axes=(0, 1), keepdims=True)
case("moments", h(3, 4), axes=[0, 1])
case("normalize", f(3, 4))
case("normalize", f(3, 4), axis=0, order=1)
case("normalize", f(3, 4), axis=0, order=3)
case("normalize", np.zeros((2, 2), "float32"))
case("batch_normalization", f(3, 4), f(4), p(4), -1)
case("batch_normalization", f(3, 4, 2), f(4), p(4), 1, offset=f(4), scale=p(4), epsilon=0.1)
case("layer_normalization", f(3, 4))
case("layer_normalization", f(3, 4), p(4), f(4), epsilon=0.1)
case("layer_normalization", f(3, 4, 2), p(4, 2), f(4, 2), axis=(1, 2))
case("rms_normalization", f(3, 4))
case("rms_normalization", f(3, 4), p(4), epsilon=0.1)
case("rms_normalization", f(3, 4), 2.0, axis=0)
q = f(2, 3, 4, 5)
case("dot_product_attention", q, f(2, 6, 4, 5), f(2, 6, 4, 5, seed=4))
case("dot_product_attention", q, f(2, 6, 2, 5), f(2, 6, 2, 5, seed=4), scale=0.3)
case("dot_product_attention", q, q, q, is_causal=True)
case("dot_product_attention", q, q, q, mask=b(2, 1, 3, 3), bias=f(1, 4, 3, 3))

# nn: convolution, pooling
for padding in ("valid", "same"):
    for data_format in ("channels_last", "channels_first"):
        last = data_format == "channels_last"
        x1 = f(2, 7, 4) if last else f(2, 4, 7)
        x2 = f(2, 7, 6, 4) if last else f(2, 4, 7, 6)
        x3 = f(1, 4, 5, 4, 2) if last else f(1, 2, 4, 5, 4)
        options = {"padding": padding, "data_format": data_format}
        case("conv", x1, f(3, 4, 5), strides=2, **options)
        case("conv", x2, f(3, 2, 4, 5), strides=(2, 1), **options)
        case("conv", x2, f(3, 2, 2, 6), **options)
        case("conv", x2, f(3, 2, 4, 5), dilation_rate=(2, 1), **options)
        case("conv", x3, f(2, 3, 2, 2, 3), **options)
        case("depthwise_conv", x1, f(3, 4, 2), **options)
        case("depthwise_conv", x2, f(3, 2, 4, 1), strides=2, **options)
        case("depthwise_conv", x2, f(3, 2, 4, 2), dilation_rate=2, **options)
        case("separable_conv", x1, f(3, 4, 2), f(1, 8, 3), strides=2, **options)
        case("separable_conv", x2, f(3, 2, 4, 1), f(1, 1, 4, 3), **options)
        case("conv_transpose", x1, f(3, 5, 4), strides=2, **options)
        case("conv_transpose", x2, f(3, 2, 5, 4), strides=(2, 3), **options)
        case("conv_transpose", x2, f(3, 3, 5, 4), strides=2, output_padding=1, **options)
        case("conv_transpose", x2, f(2, 2, 5, 4), dilation_rate=2, **options)
        case("conv_transpose", x3, f(2, 3, 2, 3, 2), strides=2, **options)
        for name in ("max_pool", "average_pool"):
            case(name, x1, 3, strides=2, **options)
            case(name, x2, (2, 3), strides=(2, 3), **options)
            case(name, x2, 3, strides=(1, 2), **options)
            case(name, x3, 2, strides=2, **options)
for name in ("adaptive_average_pool", "adaptive_max_pool"):
    case(name, f(2, 7, 3), 3, data_format="channels_last")
    case(name, f(2, 7, 6, 3), (3, 4), data_format="channels_last")
    case(name, f(2, 3, 7, 6), 2, data_format="channels_first")
    case(name, f(1, 5, 4, 6, 2), (2, 2, 4), data_format="channels_last")
case("unfold", f(2, 3, 5, 6), 2)
case("unfold", f(2, 3, 5, 6), (2, 3), dilation=2, padding=(1, 2), stride=2)
case("fold", f(2, 12, 20), (5, 6), 2)
case("fold", f(2, 12, 12), (5, 7), 2, padding=1, stride=2)
for data_format in ("channels_last", "channels_first"):
    case("depth_to_space", f(2, 4, 8, 4), 2, data_format=data_format)
    case("depth_to_space", f(2, 8, 3, 8), 2, data_format=data_format)
    case("space_to_depth", f(2, 4, 8, 4), 2, data_format=data_format)

# ctc
case("ctc_loss", i(2, 3, low=1), f(2, 7, 6), np.array([3, 2]), np.array([7, 5]))
case("ctc_loss", np.array([[1, 1, 2], [2, 2, 2]]), f(2, 7, 4), np.array([3, 2]), np.array([7, 4]), mask_index=3)
case("ctc_decode", f(2, 7, 4), np.array([7, 5]))
case("ctc_decode", f(2, 7, 4), np.array([7, 5]), merge_repeated=False, mask_index=3)
case("ctc_decode", f(2, 6, 4), np.array([6, 5]), strategy="beam_search", beam_width=20, top_paths=3)
case("ctc_decode", f(2, 6, 4), np.array([6, 5]), strategy="beam_search", beam_width=20, top_paths=2, mask_index=3)

# linalg
case("cholesky", spd(3))
case("cholesky", spd(3, 2), upper=True)
case("cholesky_inverse", np.linalg.cholesky(spd(3)))
case("cholesky_inverse", np.swapaxes(np.linalg.cholesky(spd(3)), -1, -2), upper=True)
case("det", f(3, 3))
case("det", f(2, 3, 3))
case("slogdet", f(3, 3))
case("slogdet", f(2, 2, 2))
case("logdet", spd(3))
case("logdet", spd(3, 2))
case("inv", spd(3))
case("inv", spd(3, 2))
case("lu_factor", f(4, 4))
case("lu_factor", f(2, 3, 3))
case("matrix_rank", f(3, 4))
case("matrix_rank", np.ones((2, 3, 3), "float32"))
case("norm", f(3, 4))
case("norm", f(3, 4), axis=1)
for order in (1, 2, 3, 0, inf, -inf):
    case("norm", f(3, 4), ord=order, axis=0)
for order in ("fro", "nuc", 1, -1, 2, -2, inf, -inf):
    case("norm", f(2, 3, 4), ord=order, axis=(1, 2), keepdims=True)
case("norm", i(3, 4))
case("norm", f(3, 4), ord=2)
case("pinv", f(3, 4))
case("pinv", f(2, 4, 3))
case("lstsq", f(5, 3), f(5))
case("lstsq", f(3, 5), f(3, 2))
case("solve", spd(3), f(3))
case("solve", spd(3, 2), f(2, 3, 4))
case("solve_triangular", np.tril(spd(3)), f(3, 2), lower=True)
case("solve_triangular", np.triu(spd(3)), f(3))
case("svd", f(3, 4), compute_uv=False)
case("eigh_values", spd(3))

# signal
case("fft", (f(2, 5), f(2, 5, seed=4)))
case("fft2", (f(4, 5), f(4, 5, seed=4)))
case("ifft2", (f(4, 5), f(4, 5, seed=4)))
case("rfft", f(2, 6))
case("rfft", f(2, 6), fft_length=9)
case("irfft", (f(2, 5), f(2, 5, seed=4)))
case("irfft", (f(2, 5), f(2, 5, seed=4)), fft_length=7)
case("extract_sequences", f(2, 9), 4, 2)
case("extract_sequences", i(9), 3, 3)
case("stft", f(2, 20), 8, 4, 8)
case("stft", f(20), 6, 3, 8, window="hamming", center=False)
case("stft", f(20), 6, 3, 7, window=None)
case("istft", (f(2, 5, 5), f(2, 5, 5, seed=4)), 8, 4, 8)
case("istft", (f(5, 5), f(5, 5, seed=4)), 6, 3, 8, length=15, window="hamming", center=False)
case("view_as_complex", f(3, 2))
case("view_as_real", (f(3) + 1j * f(3, seed=2)).astype("complex64"))
case("view", f(4), "int32")
case("view", i(2, 4, dtype="uint8"), "uint16")

# image
images, image = p(2, 6, 8, 3), p(6, 8, 3)
bytes_ = i(2, 6, 8, 3, high=256, dtype="uint8")
case("image.rgb_to_grayscale", images)
case("image.rgb_to_grayscale", bytes_)
case("image.rgb_to_hsv", images)
case("image.rgb_to_hsv", image)
case("image.hsv_to_rgb", images)
case("image.hsv_to_rgb", image.transpose(2, 0, 1), data_format="channels_first")
for interpolation in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
    case("image.resize", images, (9, 5), interpolation=interpolation)
    case("image.resize", images, (3, 4), interpolation=interpolation, antialias=True)
    case("image.resize", bytes_, (9, 5), interpolation=interpolation)
case("image.resize", image, (5, 5), crop_to_aspect_ratio=True)
case("image.resize", images, (5, 5), pad_to_aspect_ratio=True, fill_value=0.5)
case("image.resize", images.transpose(0, 3, 1, 2), (9, 5), data_format="channels_first")
case("image.scale_and_translate", f(6, 5, 2), (8, 4, 2), np.array([1.3, 0.7], "float32"),
     np.array([0.4, -0.2], "float32"), (0, 1), "linear")
case("image.scale_and_translate", f(6, 5), (8, 5), np.array([1.3], "float32"),
     np.array([0.4], "float32"), (0,), "cubic", antialias=False)
# No coordinate lies halfway between two pixels, where the last digit decides for one of them.
turn = np.array([0.9, -0.3, 1.03, 0.2, 1.1, -0.47, 0.0, 0.0], "float32")
for mode in ("constant", "nearest", "wrap", "mirror", "reflect"):
    for interpolation in ("nearest", "bilinear"):
        case("image.affine_transform", image, turn, interpolation=interpolation, fill_mode=mode, fill_value=0.3)
    case("image.map_coordinates", f(4, 5), f(2, 3, 2, low=-6, high=9), 1, fill_mode=mode)
    case("image.map_coordinates", i(4, 5), f(2, 3, low=-6, high=9), 0, fill_mode=mode, fill_value=1)
case("image.affine_transform", image.transpose(2, 0, 1), turn, data_format="channels_first")
case("image.affine_transform", images, np.stack([turn, turn * 0.9]))
corners = np.array([[0, 0], [7, 0], [0, 5], [7, 5]], "float32")
moved = corners + f(4, 2, low=-1, high=1)
case("image.perspective_transform", image, corners, moved)
case("image.perspective_transform", images, np.stack([corners, moved]), np.stack([moved, corners]), interpolation="nearest", fill_value=0.5)
case("image.sobel_edges", images)
case("image.ssim", p(2, 12, 13, 3), p(2, 12, 13, 3, seed=7))
case("image.ssim", p(12, 13, 1), p(12, 13, 1, seed=7), filter_size=5, max_val=2.0)
case("image.pad_images", images, top_padding=1, left_padding=2, target_height=9, target_width=12)
case("image.pad_images", image, top_padding=1, left_padding=2, bottom_padding=1, right_padding=0)
case("image.crop_images", images, top_cropping=1, left_cropping=2, target_height=3, target_width=4)
case("image.crop_images", image, top_cropping=1, left_cropping=2, bottom_cropping=1, right_cropping=0)
case("image.extract_patches", images, (3, 2))
case("image.extract_patches", images, 3, strides=1, dilation_rate=2, padding="same")
case("image.extract_patches_3d", p(2, 4, 4, 6, 2), (2, 2, 3))
case("image.extract_patches_3d", p(4, 4, 6, 2), 2, strides=1, padding="same")
