"""More calls of ops, of the form of `op_cases.CASES`, for what matters to gradients: equal
entries, zeros, ends of ranges, complex arguments, every method and mode, decompositions."""

import numpy as np
from op_cases import b, f, i, image, images, p, spd

inf, nan = np.inf, np.nan
CASES: list[tuple] = []


def case(name, *args, **kwargs):
    CASES.append((name, args, kwargs))


def c(*shape, seed=0):
    """Complex numbers."""
    return (f(*shape, seed=seed) + 1j * f(*shape, seed=seed + 50)).astype("complex64")


def a(*entries):
    return np.array(entries, "float32")


def hpd(n, *batch):
    """Hermitian positive definite matrices."""
    x = c(*batch, n, n)
    return (x @ np.conj(np.swapaxes(x, -1, -2)) + n * np.eye(n)).astype("complex64")


equal = a(1.0, 3.0, 3.0, -2.0, 3.0, -2.0)
rows_equal = np.array([[1, 3, 3, 0], [2, 2, 2, 2], [0, 5, 0, 5]], "float32")
zeros = np.zeros((2, 3), "float32")
some_zero = np.array([[0, 2, 3], [0, 4, 0], [1, 5, 6]], "float32")
ends = a(-0.5, 0.5, 0.0, 2.0, -2.0)

# ------------------------------------------------------------------ equal entries
for name in ["maximum", "minimum", "fmax", "fmin", "logaddexp", "logaddexp2", "hypot", "arctan2",
             "subtract", "divide"]:
    case(name, a(1.0, 2.0, -1.0, 0.5), a(1.0, 1.0, 3.0, 0.5))
for name in ["maximum", "minimum", "fmax", "fmin"]:
    case(name, a(nan, 1.0, nan, inf, -inf), a(1.0, nan, nan, inf, 1.0))
for name in ["logaddexp", "logaddexp2"]:
    case(name, a(-inf, inf, 1.0, -inf, 300.0), a(-inf, 1.0, -inf, inf, -300.0))
for name in ["max", "min", "amax", "amin", "ptp", "sort", "median", "std", "var", "logsumexp",
             "nanmax", "nanmin", "nanmedian", "nanstd", "softmax", "log_softmax"]:
    case(name, rows_equal, axis=1)
    case(name, equal)
for name in ["max", "min", "nanmax", "nanmin", "amax", "amin"]:
    case(name, a(1.0, nan, 3.0, 3.0))
for name in ["max", "amax"]:
    case(name, rows_equal, axis=1, initial=3.0)
for name in ["quantile", "nanquantile"]:
    for method in ["linear", "lower", "higher", "midpoint", "nearest"]:
        case(name, rows_equal, 0.5, axis=1, method=method)
    case(name, f(3, 5), a(0.0, 0.3, 1.0), axis=1)
for name in ["percentile", "nanpercentile"]:
    case(name, rows_equal, 50.0, axis=1)
    case(name, f(3, 5), a(0.0, 33.0, 100.0), axis=0)
for name in ["argmax", "argsort", "unique", "searchsorted"]:
    case(name, equal, *((f(3),) if name == "searchsorted" else ()))
case("unique", f(5), size=7, fill_value=0.5)
case("top_k", rows_equal, 3)
case("max_pool", np.reshape(rows_equal, (1, 3, 4, 1)), 2, strides=1, data_format="channels_last")
case("max_pool", np.reshape(rows_equal, (1, 12, 1)), 3, strides=2, padding="same", data_format="channels_last")
case("adaptive_max_pool", np.reshape(rows_equal, (1, 3, 4, 1)), 2, data_format="channels_last")
case("clip", ends, -0.5, 0.5)
case("clip", ends, a(-0.5), a(0.5))
case("clip", ends, ends, a(0.5))
for name in ["relu", "relu6", "leaky_relu", "hard_sigmoid", "hard_silu", "hard_tanh", "elu", "selu",
             "celu", "hard_shrink", "soft_shrink", "sparse_plus", "sparse_sigmoid", "softsign",
             "squareplus", "tanh_shrink", "log_sigmoid", "silu", "gelu", "sigmoid", "softplus"]:
    case(name, a(-6.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0))
    case(name, a(-inf, inf, nan, -1e4, 1e4))
case("threshold", a(0.5, 1.0, 0.0), 0.5, -1.0)
case("glu", c(2, 4).real.copy(), axis=-1)
case("abs", a(0.0, -0.0, -1.0, 2.0, nan, inf))
case("sign", a(0.0, -1.0, 2.0))
case("where", equal > 0, equal, nan)
case("select", [equal > 2, equal > 0], [equal, equal * 2], default=1.5)

# ------------------------------------------------------------------ zeros
for name in ["sqrt", "cbrt", "log", "log1p", "reciprocal", "rsqrt", "square", "sinc", "arcsin",
             "arccos", "arctanh", "arccosh", "exp2", "i0", "tan", "arctan", "tanh", "angle",
             "expm1", "sinh", "fabs", "log2", "log10"]:
    case(name, a(0.0, 1.0, -1.0, 0.25, -0.0))
case("i0", a(-30.0, 12.0, 4.0))
case("sinc", a(1e-4, -0.3, 1.0, 2.0, 1e-7))
for x, y in [(a(0.0, 0.0, 2.0, -2.0), a(0.0, 2.0, 0.0, 3.0)), (some_zero, a(2.0, 0.5, 1.0))]:
    case("power", x, y)
case("power", a(0.0, 2.0, -1.5), 0)
case("power", a(0.0, 2.0, -1.5), 1)
case("power", a(0.0, 2.0, -1.5), 2)
case("power", a(0.0, 2.0), 0.5)
case("power", a(4.0, 2.0), -1)
case("power", 2.0, f(3))
case("hypot", a(0.0, 3.0, 0.0), a(0.0, 0.0, 2.0))
case("arctan2", a(0.0, 1.0, 0.0), a(0.0, 0.0, 2.0))
case("divide_no_nan", a(1.0, 0.0, 2.0), a(0.0, 0.0, 4.0))
for name in ["prod", "nanprod"]:
    case(name, some_zero, axis=0)
    case(name, some_zero, axis=1)
    case(name, some_zero)
for name in ["cumprod", "nancumprod"]:
    case(name, some_zero, axis=0)
    case(name, some_zero, axis=1)
case("std", zeros, axis=1)
case("var", zeros, axis=1)
for order in (None, 1, 2, 3, inf, -inf, 0):
    case("norm", some_zero, ord=order, axis=0)
    case("norm", zeros, ord=order, axis=1)
for order in ("fro", "nuc", 1, -1, 2, -2, inf, -inf):
    case("norm", rows_equal, ord=order, axis=(0, 1))
case("norm", zeros)
case("norm", c(3, 2), axis=1)
case("norm", c(3, 2), ord=1, axis=1)
for order in ("nuc", 2, 1, "fro"):
    case("norm", c(3, 2), ord=order, axis=(0, 1))
case("cdist", zeros[:, :2], zeros[:, :2])
case("normalize", zeros, axis=1, order=1)
case("layer_normalization", zeros)
case("rms_normalization", zeros)
case("mod", a(5.0, -5.0, 4.0), a(3.0, 3.0, -2.0))
case("fmod", a(5.0, -5.0, 4.0), a(3.0, 3.0, -2.0))
case("psnr", zeros, p(2, 3), 1.0)

# ------------------------------------------------------------------ complex numbers
for name in ["abs", "absolute", "negative", "square", "real", "imag", "conj", "conjugate", "angle",
             "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "log", "sqrt", "reciprocal",
             "log1p", "expm1", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh",
             "exp2", "log2", "log10", "sum", "mean", "prod", "cumsum", "cumprod", "var", "std", "diff", "flip",
             "ravel", "transpose", "tril", "trace", "isfinite", "copy", "view_as_real", "nan_to_num"]:
    case(name, c(2, 3) * np.complex64(0.4))
case("abs", np.array([0, 3 + 4j], "complex64"))
case("angle", np.array([0, 3 + 4j], "complex64"))
for name in ["add", "subtract", "multiply", "divide", "power"]:
    case(name, c(2, 3), c(3, seed=4))
    case(name, c(2, 3), p(3))
    case(name, p(3), c(2, 3))
for name in ["matmul", "dot", "inner", "tensordot"]:
    case(name, c(3, 3), c(3, 3, seed=4), *((1,) if name == "tensordot" else ()))
case("vdot", c(3), c(3, seed=2))
case("outer", c(2), f(3))
case("einsum", "ij,kj->ik", c(2, 3), c(4, 3))
case("where", b(3), c(3), f(3))
case("concatenate", [c(2), f(3)])
case("cast", c(3), "float32")
case("cast", f(3), "complex64")
case("polar", p(3) * 0, f(3))

# ------------------------------------------------------------------ linear algebra
case("cholesky", hpd(3))
case("cholesky", hpd(2, 2), upper=True)
case("cholesky_inverse", np.linalg.cholesky(hpd(3)))
case("logdet", hpd(3))
for name in ["det", "inv", "slogdet"]:
    case(name, c(3, 3))
    case(name, hpd(2, 2))
case("det", np.diag(a(2.0, 0.0, 3.0)))
case("det", a(0.7).reshape(1, 1))
case("solve", hpd(3), c(3))
case("solve", f(3, 3) + 3 * np.eye(3, dtype="float32"), f(3, 2))
case("solve_triangular", np.tril(hpd(3)), c(3, 2), lower=True)
case("solve_triangular", np.triu(spd(34)), f(34, 2))
case("eigh", spd(3))
case("eigh", spd(3, 2))
case("eigh", hpd(3))
case("eig", f(3, 3))
for shape in [(4, 3), (3, 3), (2, 4, 2)]:
    case("qr", f(*shape))
    case("qr", c(*shape))
case("qr", f(3, 3), mode="complete")
case("qr", f(2, 4))
case("qr", f(4, 3), mode="complete")
for shape in [(3, 3), (4, 3), (2, 2, 4)]:
    case("svd", f(*shape), full_matrices=False)
    case("svd", f(*shape), compute_uv=False)
case("svd", f(3, 3))
case("svd", f(4, 3))
case("svd", c(4, 3), compute_uv=False)
case("pinv", c(3, 2))
case("pinv", spd(3))
case("lu_factor", spd(3))
case("lstsq", f(4, 4), f(4, 2))
case("kron", f(2, 2), f(2))
case("trace", f(3, 4), offset=1)
case("diag", f(2, 3), k=-1)

# ------------------------------------------------------------------ products, shapes
case("einsum", "ij,jk,kl->il", f(2, 3), f(3, 4), f(4, 2))
case("einsum", "bij,bij->b", f(2, 3, 2), f(2, 3, 2, seed=5))
case("einsum", "ij->j", f(2, 3))
case("einsum", "iji->j", f(3, 2, 3))
case("einsum", "i,j->", f(2), f(3))
case("einsum", "...i,...i->...", f(2, 3), f(3))
case("rearrange", f(4, 6), "(a b) (c d) -> a c (b d)", a=2, c=3)
case("tensordot", f(2, 3, 4), f(3, 4, 2), axes=2)
case("vander", a(0.0, 2.0, -1.0), N=4)
case("logspace", f(2), f(2, seed=4), 4)
case("logspace", f(2), f(2, seed=4), 3, base=2.0, axis=1, endpoint=False)
case("geomspace", p(2), p(2, seed=4) + 1, 4)
case("geomspace", p(2), p(2, seed=4) + 1, 3, axis=1, endpoint=False)
case("linspace", f(2), f(2, seed=4), 4, endpoint=False)
case("linspace", f(2), f(2, seed=4), 4, retstep=True)
case("full", (2, 2), f(2))
case("full_like", i(2, 3), f(3), dtype="float32")
case("array", f(3))
case("convert_to_tensor", f(3))
case("kaiser", 5, a(3.0).reshape(()))
case("triu", f(3, 4), k=1)
case("trapezoid", f(2, 5), x=np.sort(f(2, 5)))
case("average", f(2, 3), axis=1, weights=np.zeros((2, 3), "float32") + p(2, 3))
case("view", f(4), "float32")
case("view", f(4), "uint8")
case("corrcoef", c(2, 5).real.copy())

# ------------------------------------------------------------------ placing
places = np.array([[0], [2], [0], [2], [3]])
for reduction in [None, "add", "max", "min", "mul"]:
    case("scatter_update", a(1.0, 2.0, 3.0, 4.0), places, a(1.0, 3.0, 1.0, 2.0, 7.0), reduction=reduction)
    case("scatter_update", f(4, 2), np.array([[1], [3]]), f(2, 2), reduction=reduction)
for name in ["segment_sum", "segment_max", "segment_min", "segment_prod"]:
    case(name, a(2.0, 2.0, 0.0, 1.0, 2.0, 0.0), np.array([0, 0, 1, 1, 0, 1]), num_segments=3)
    case(name, f(6, 2), np.array([0, -1, 2, 2, 7, 1]), num_segments=3)
case("slice_update", f(4, 5), np.array([3, 0]).astype("int32"), f(2, 2))
case("get_item", f(3, 4), i(2, 2, high=3))
case("get_item", f(3, 4), (np.array([0, 0, 2]), np.array([1, 1, 3])))
case("take", f(3, 4), np.array([1, 1, -1]).astype("int32"), axis=1)
case("take_along_axis", f(3, 4), np.array([[0, 0], [1, 1], [2, -1]]), axis=1)
case("repeat", f(2, 3), np.array([2, 0]), axis=0)

# ------------------------------------------------------------------ transforms
case("fft", (c(8).real.copy(), c(8).imag.copy()))
case("fft2", (f(2, 3, 4), f(2, 3, 4, seed=9)))
case("ifft2", (f(2, 3, 4), f(2, 3, 4, seed=9)))
case("rfft", f(7))
case("rfft", f(8), fft_length=6)
case("irfft", (f(4), f(4, seed=3)), fft_length=6)
case("irfft", (f(4), f(4, seed=3)), fft_length=9)
case("stft", f(16), 8, 3, 16, window=np.hanning(8).astype("float32"))
case("istft", (f(4, 9), f(4, 9, seed=2)), 12, 4, 16)

# ------------------------------------------------------------------ nn
case("binary_crossentropy", a(0.0, 1.0, 1.0, 0.0, 0.3), a(0.0, 1.0, 0.0, 1.0, 0.3))
case("binary_crossentropy", a(0.0, 1.0, 1.0, 0.3), a(1e4, -1e4, 0.0, 50.0), from_logits=True)
case("categorical_crossentropy", np.eye(3, dtype="float32"), np.eye(3, dtype="float32"))
case("categorical_crossentropy", np.eye(3, dtype="float32"), 1e4 * f(3, 3), from_logits=True)
case("sparse_categorical_crossentropy", i(3, high=3), np.eye(3, dtype="float32"))
case("sparse_categorical_crossentropy", i(3, high=3), 1e4 * f(3, 3), from_logits=True)
case("sparsemax", f(3, 5))
case("sparsemax", rows_equal, axis=0)
case("dot_product_attention", f(1, 2, 1, 3), f(1, 3, 1, 3), f(1, 3, 1, 3), mask=np.zeros((1, 1, 2, 3), bool))

# ------------------------------------------------------------------ images
for mode in ("constant", "nearest", "wrap", "mirror", "reflect"):
    case("image.map_coordinates", f(4, 5), f(2, 3, low=-6, high=9), 0, fill_mode=mode)
case("image.map_coordinates", f(4, 5), np.array([[0, 3, 1, 2], [0, 4, 4, 1]], "float32"), 1)
case("image.gaussian_blur", images)
case("image.gaussian_blur", image, kernel_size=(5, 3), sigma=(0.8, 1.3))
case("image.elastic_transform", image, alpha=3.0, sigma=2.0, seed=1)
case("image.elastic_transform", images, alpha=3.0, sigma=2.0, seed=1, interpolation="nearest", fill_mode="constant", fill_value=0.2)
case("image.rgb_to_hsv", np.array([[[0, 0, 0], [0.5, 0.5, 0.5], [1, 0, 0], [0.2, 0.2, 0.9]]], "float32"))
case("image.hsv_to_rgb", np.array([[[0, 0, 0], [0.5, 0, 0.5], [1, 1, 1], [1 / 3, 0.2, 0.9]]], "float32"))
case("image.resize", images, (6, 8), interpolation="bilinear")
case("image.resize", images, (4, 12), interpolation="bicubic", antialias=True)
