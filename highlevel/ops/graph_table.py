"""How saved graphs name ops: a class name and, of a call's arguments, which are inputs.

A saved functional model lists each op as an object: what was given to its constructor
stands in its config, what it was called with in the graph's connections. In this library
an op is one function, so both are arguments of it; the table says which is which.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from highlevel.naming import snake_case

__all__ = ["GraphOp", "graph_op", "graph_op_of_class", "split_call"]

# module → number of leading arguments that are inputs → class names
_CLASSES = {
    "core": {
        1: "StopGradient Unstack Cast SaturateCast ConvertToTensor",
        2: "Map AssociativeScan Scatter Slice",
        3: "Scan ScatterUpdate SliceUpdate Switch Cond",
    },
    "nn": {
        1: "Relu Relu6 Sigmoid SparseSigmoid Softplus Softsign SoftShrink SparsePlus Silu "
           "Squareplus LogSigmoid LeakyRelu HardSigmoid HardSilu Elu Selu Gelu Celu Glu "
           "TanhShrink HardTanh HardShrink Threshold Softmax LogSoftmax Sparsemax MaxPool "
           "AdaptiveMaxPool AveragePool AdaptiveAveragePool OneHot MultiHot Moments Normalize "
           "Unfold Fold DepthToSpace SpaceToDepth",
        2: "Conv DepthwiseConv ConvTranspose BinaryCrossentropy CategoricalCrossentropy "
           "SparseCategoricalCrossentropy CTCDecode PSNR RMSNorm Polar",
        3: "SeparableConv",
        4: "CTCLoss",
        6: "DotProductAttention",
    },
    "numpy": {
        1: "Rot90 Absolute Abs Fabs All Angle Any Amax Amin Arccos Arccosh Arcsin Arcsinh "
           "Arctan Arctanh Argmax Argmin Argsort Array View Bincount BitwiseInvert BitwiseNot "
           "BroadcastTo Cbrt Ceil Clip Concatenate Conjugate Conj Copy Cos Cosh CountNonzero "
           "Cumprod Cumsum Deg2rad Rad2deg Diag Diagflat Diagonal Diff Dstack EmptyLike Exp "
           "Exp2 ExpandDims Expm1 Flip Fliplr Flipud Floor Hstack Hsplit Imag I0 Isfinite "
           "Isinf Isnan Isneginf Isposinf Isreal Log Log10 Log1p Log2 LogicalNot Max Median "
           "Meshgrid Min Moveaxis Nanargmax Nanargmin Nancumsum Nancumprod Nanmax Nanmean "
           "Nanmedian Nanmin Nanprod Nanstd Nansum Nanvar NanToNum Ndim Nonzero OnesLike "
           "ZerosLike Prod Ptp Ravel UnravelIndex Real Reciprocal Repeat Reshape Roll Round "
           "Sign Signbit Sin Sinc Sinh Size Sort Split Stack Std Swapaxes Tan Tanh Tile Trace "
           "Tril Triu Trunc Vstack Vsplit Negative Square Sqrt Squeeze Transpose Trapezoid "
           "Mean Vander Var Sum Corrcoef Slogdet Argpartition Histogram ArraySplit Unique "
           "Dsplit",
        2: "Add AllClose Append Arctan2 Heaviside BitwiseAnd BitwiseOr BitwiseXor "
           "BitwiseLeftShift LeftShift BitwiseRightShift RightShift Cross Digitize Dot Equal "
           "FullLike Gcd Geomspace GetItem Greater GreaterEqual Hypot IsIn Kron Lcm Ldexp Less "
           "LessEqual Linspace Logaddexp Logaddexp2 LogicalAnd LogicalOr Logspace Matmul "
           "Maximum Fmax Minimum Fmin Mod Fmod Nanpercentile Nanquantile NotEqual Outer "
           "Percentile Quantile SearchSorted Take TakeAlongAxis Tensordot Vdot Inner Subtract "
           "Multiply Divide DivideNoNan TrueDivide Power Nextafter FloorDivide LogicalXor "
           "Correlate",
        3: "Arange Where Select",
        4: "Isclose",
    },
    "math": {
        1: "TopK Logsumexp ExtractSequences FFT FFT2 IFFT2 RFFT IRFFT STFT ISTFT Rsqrt Erf "
           "Erfc Erfinv Logdet ViewAsComplex ViewAsReal",
        2: "SegmentSum SegmentMax SegmentMin SegmentProd InTopK CDist",
    },
    "linalg": {
        1: "Cholesky CholeskyInverse Det Eig Eigh Inv LuFactor Norm Qr SVD MatrixRank Pinv",
        2: "Solve SolveTriangular Lstsq",
        3: "JVP",
    },
    "image": {
        1: "RGBToGrayscale RGBToHSV HSVToRGB Resize ExtractPatches PadImages CropImages "
           "GaussianBlur ElasticTransform SobelEdges",
        2: "AffineTransform MapCoordinates SSIM",
        3: "PerspectiveTransform",
        4: "ScaleAndTranslate",
    },
}

# module, class → names of the inputs, where they are not the leading arguments
_NAMED = {
    ("core", "WhileLoop"): ("loop_vars",),
    ("core", "ForiLoop"): ("init_val",),
    ("core", "VectorizedMap"): ("elements",),
    ("nn", "BatchNorm"): ("x", "mean", "variance", "offset", "scale"),
    ("nn", "LayerNorm"): ("x", "gamma", "beta"),
    ("numpy", "Average"): ("x", "weights"),
    ("numpy", "Einsum"): ("operands",),
    ("numpy", "Full"): ("fill_value",),
    ("numpy", "Pad"): ("x", "constant_values"),
}

# class → function name, where it is not the class name in snake case
_FUNCTIONS = {
    "AllClose": "allclose", "BatchNorm": "batch_normalization", "CDist": "cdist",
    "CTCDecode": "ctc_decode", "CTCLoss": "ctc_loss",
    "HSVToRGB": "hsv_to_rgb", "IsIn": "isin", "LayerNorm": "layer_normalization",
    "PSNR": "psnr", "RGBToGrayscale": "rgb_to_grayscale", "RGBToHSV": "rgb_to_hsv",
    "RMSNorm": "rms_normalization", "SearchSorted": "searchsorted",
}


class GraphOp(NamedTuple):
    """How a saved graph writes an op.

    Attributes:
        module: module name in the file.
        class_name: class name in the file.
        function: name of the op here.
        inputs: how many leading arguments are inputs, or the inputs' names.
    """

    module: str
    class_name: str
    function: str
    inputs: int | tuple[str, ...]


@functools.cache
def _tables() -> tuple[dict[str, GraphOp], dict[tuple[str, str], GraphOp]]:
    by_function: dict[str, GraphOp] = {}
    by_class: dict[tuple[str, str], GraphOp] = {}
    entries: list[tuple[str, str, Any]] = [
        (module, name, count)
        for module, counts in _CLASSES.items()
        for count, names in counts.items()
        for name in names.split()
    ]
    entries += [(module, name, inputs) for (module, name), inputs in _NAMED.items()]
    for module, name, inputs in entries:
        function = _FUNCTIONS.get(name) or snake_case(name)
        entry = GraphOp(f"keras.src.ops.{module}", name, function, inputs)
        by_function.setdefault(function, entry)
        by_class[entry.module, name] = entry
    return by_function, by_class


def graph_op(function: Callable) -> GraphOp | None:
    """How files write an op, None for one that only this library has."""
    return _tables()[0].get(function.__name__)


def graph_op_of_class(module: str, class_name: str) -> GraphOp | None:
    """The op a file means, or None."""
    return _tables()[1].get((module, class_name))


def input_names(entry: GraphOp, signature: inspect.Signature) -> tuple[str, ...]:
    """Names of an op's inputs among its parameters."""
    names = entry.inputs
    return tuple(signature.parameters)[:names] if isinstance(names, int) else names


def split_call(
    function: Callable, args: tuple, kwargs: dict[str, Any]
) -> tuple[tuple, dict[str, Any], dict[str, Any]]:
    """A call of an op as files have it.

    Returns:
        `(inputs, keyword inputs, config)`: what stands in the connections, and the
        remaining arguments, defaults included.
    """
    entry = graph_op(function)
    if entry is None:
        return args, kwargs, {}
    signature = inspect.signature(function)
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    names = input_names(entry, signature)
    inputs: list[Any] = []
    keyword: dict[str, Any] = {}
    config: dict[str, Any] = {}
    skipped = False
    for name in names:
        parameter, value = signature.parameters[name], bound.arguments[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            inputs += value
        elif parameter.default is not parameter.empty and value is parameter.default:
            skipped = True  # what follows must go by name
        elif skipped:
            keyword[name] = value
        else:
            inputs.append(value)
    for name, value in bound.arguments.items():
        if name in names:
            continue
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            config |= value
        else:
            config[name] = value
    return tuple(inputs), keyword, config
