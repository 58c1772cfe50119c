"""The rows of `op_cases.py`, and awkward ones: empty arrays, numbers and lists for arrays,
negative axes, half precision, booleans, dimensions of length 1.

Import `CASES` from here.
"""

import ml_dtypes
import numpy as np
from op_cases import CASES, b, case, f, h, i, inf, nan, p, spd, special

__all__ = ["BY_FUNCTION", "CASES"]

#: ops that take functions, change nothing, or answer with no array: where they are tested
BY_FUNCTION = {
    "associative_scan": "test_ops_control", "cond": "test_ops_control",
    "custom_gradient": "test_ops_control", "fori_loop": "test_ops_control",
    "map": "test_ops_control", "scan": "test_ops_control", "switch": "test_ops_control",
    "vectorized_map": "test_ops_control", "while_loop": "test_ops_control",
    "vectorize": "test_ops_control", "jvp": "test_derivatives", "grad": "test_derivatives",
    "value_and_grad": "test_derivatives", "vjp": "test_derivatives",
    "jacobian": "test_derivatives", "hessian": "test_derivatives", "vmap": "test_derivatives",
    "convert_to_numpy": "test_ops_control", "dtype": "test_ops_control",
    "is_tensor": "test_ops_control", "shape": "test_ops_control",
    "stop_gradient": "test_derivatives", "empty": "test_ops_control",
    "empty_like": "test_ops_control", "image.elastic_transform": "test_ops_image",
    "eig": "test_ops_control", "eigh": "op_cases as eigh_values",
    "qr": "test_ops_control", "svd": "test_ops_control",
    "argpartition": "test_ops_control", "print": "tests/inspection/test_debug",
}  # fmt: skip

ONE = np.float32(0.7)  # no axis
NONE = np.zeros((0, 3), "float32")  # no entry
HALF = f(3).astype(ml_dtypes.bfloat16)

for name in ["exp", "tanh", "abs", "negative", "sqrt", "square", "sigmoid", "relu", "softplus",
             "floor", "sign", "isnan", "sin", "erf", "gelu", "log1p", "reciprocal"]:
    case(name, np.abs(ONE))
    case(name, NONE)
    case(name, np.abs(HALF) + 1)
    case(name, 0.5)
    case(name, [[0.5, 1.5]])
for name in ["add", "multiply", "maximum", "divide", "power", "equal", "less", "subtract"]:
    case(name, f(3, 1) + 3, f(1, 4) + 3)
    case(name, NONE, f(3))
    case(name, HALF, i(3))
    case(name, HALF, h(3))
    case(name, ONE, [1.0, 2.0])
    case(name, p(2, 1, 3), p(4, 1))
for name in ["sum", "mean", "max", "min", "prod", "any", "all", "var", "std", "logsumexp"]:
    case(name, f(2, 3, 4), axis=-2, keepdims=True)
    case(name, f(2, 3, 4), axis=(0, -1))
    case(name, HALF)
    case(name, ONE)
for name in ["sum", "prod", "any", "all"]:
    case(name, NONE)
    case(name, NONE, axis=0)
for name in ["cumsum", "cumprod", "sort", "argsort", "flip", "softmax", "log_softmax"]:
    case(name, f(2, 3, 4), axis=-2)
    case(name, HALF)

# Ops with a single row so far.
case("allclose", f(2, 3), f(2, 3) + 1, rtol=1e-3, atol=2.0)
case("allclose", special, special, equal_nan=True)
case("array_split", f(7, 2), 3)
case("array_split", i(2, 5), 2, axis=-1)
case("bitwise_invert", i(3))
case("bitwise_not", i(2, 2, dtype="uint8"))
case("corrcoef", f(3, 5))
case("corrcoef", f(6))
case("corrcoef", i(2, 4))
case("dsplit", f(2, 3, 4), 2)
case("dsplit", f(2, 3, 4), [1, 3])
case("hsplit", f(2, 4), 2)
case("hsplit", f(4), [1])
case("vsplit", f(4, 2), 2)
case("vsplit", f(4, 2, 3), [1, 2])
case("erfc", f(2, 3))
case("erfc", i(3))
case("fft", (f(5), np.zeros(5, "float32")))
case("fft2", (f(2, 4, 5), f(2, 4, 5, seed=4)))
case("ifft2", (f(2, 3, 5), f(2, 3, 5, seed=4)))
case("fliplr", f(2, 3))
case("fliplr", i(2, 3, 2))
case("flipud", f(3))
case("flipud", b(2, 3))
case("gcd", i(2, 1, high=30), i(3, high=30))
case("lcm", i(2, 1, high=9, low=1), i(3, high=9, low=1))
case("geomspace", 1.0, 100.0, 5)
case("geomspace", p(2), p(2) + 3, 3, endpoint=False)
case("identity", 3)
case("identity", 2, dtype="int32")
case("inner", f(2, 3), f(4, 3))
case("inner", 2.0, f(3))
case("outer", f(2), f(3))
case("outer", i(2, 2), f(3))
case("vdot", f(3), f(3, seed=4))
case("vdot", f(2, 2), f(2, 2, seed=4))
case("kaiser", 5, 2.0)
case("kaiser", 1, 0.5)
case("ldexp", ONE, i(3))
case("nancumsum", np.array([1.0, nan, 2.0], "float32"))
case("nancumsum", np.array([[1.0, nan], [2.0, 3.0]], "float32"), axis=-1)
case("nancumprod", np.array([1.0, nan, 2.0], "float32"))
case("nancumprod", np.array([[1.0, nan], [2.0, 3.0]], "float32"), axis=0)
case("nanpercentile", np.array([[1.0, nan, 3.0], [2.0, 5.0, 4.0]], "float32"), 40)
case("nanpercentile", np.array([[1.0, nan, 3.0], [2.0, 5.0, 4.0]], "float32"), [25, 50], axis=1)
case("percentile", f(2, 5), 30)
case("percentile", f(2, 5), [10, 90], axis=-1, keepdims=True)
case("ndim", f(2, 3))
case("ndim", 3.0)
case("size", f(2, 3))
case("size", NONE)
case("nextafter", ONE, 2.0)
case("nonzero", i(4))
case("nonzero", i(2, 3, high=2))
case("polar", p(3), f(3))
case("polar", p(2, 2), f(2, 2))
case("ravel", f(2, 3))
case("ravel", i(2, 3, 1))
case("segment_min", f(5), np.array([0, 0, 1, 1, 2], "int32"), num_segments=3)
case("segment_min", f(5, 2), np.array([2, 0, 2, 1, 0], "int32"), num_segments=4)
case("segment_prod", f(5), np.array([0, 0, 1, 1, 2], "int32"), num_segments=4)
case("segment_prod", i(5), np.array([2, 0, 2, 1, 0], "int32"), num_segments=3)
case("select", [np.array([True, False, False]), np.array([True, True, False])], [f(3), f(3) + 9], 5.0)
case("select", [b(2, 3)], [f(3)])
case("slice_update", f(4, 3), [1, 0], f(2, 2))
case("slice_update", i(5), [2], i(2, seed=9))
case("sparsemax", f(2, 4))
case("sparsemax", f(2, 3, 4), axis=1)
case("swapaxes", f(2, 3, 4), 0, -1)
case("swapaxes", i(2, 3), 1, 0)
case("threshold", f(2, 3), 0.2, -1.0)
case("threshold", i(4), 2, 0)
case("triu", f(3, 4), 1)
case("triu", i(2, 3, 3), -1)
case("view_as_complex", f(2, 3, 2))
case("view_as_real", (f(2, 3) + 1j * f(2, 3, seed=2)).astype("complex64"))
case("zeros", (2, 3))
case("zeros", (), dtype="int32")
# Keras takes images for channels first where no format is given, whatever the configured one.
case("image.gaussian_blur", p(2, 6, 7, 3), (3, 3), (1.0, 0.5), data_format="channels_last")
case("image.gaussian_blur", p(2, 6, 7, 3), (3, 5), (1.0, 2.0), data_format="channels_last")
case("image.gaussian_blur", p(3, 6, 7), (5, 3), data_format="channels_first")
case("image.sobel_edges", p(1, 5, 4, 1))
case("where", b(2, 3), f(3), 0)
case("where", b(3), HALF, h(3))
case("concatenate", [NONE, f(2, 3)], axis=0)
case("concatenate", [i(2, 3), f(2, 3)], axis=-1)
case("stack", [i(3), f(3), b(3)], axis=-1)
case("matmul", f(4), f(3, 4, 2))
case("matmul", HALF, i(3))
case("matmul", np.zeros((2, 0), "float32"), np.zeros((0, 3), "float32"))
case("take", f(3, 4), i(2, 2, high=3), axis=-2)
case("take", f(3, 4), -1, axis=1)
case("reshape", NONE, (0, 3, 1))
case("norm", spd(3), axis=(-2, -1))
case("clip", HALF, -0.5, 0.5)
case("clip", special, -inf, 1.0)
