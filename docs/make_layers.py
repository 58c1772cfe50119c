"""Writes `docs/layers.md` from the layers' docstrings and from what they make of shapes.

    python docs/make_layers.py
"""

from __future__ import annotations

import inspect
import pathlib
import sys
from typing import Any

import numpy as np

import highlevel as hl

PATH = pathlib.Path(__file__).with_name("layers.md")
HEAD = """\
# Layers

Made by `python docs/make_layers.py`; do not edit by hand. `B` is the batch; the lengths are those
of one example of each layer, called as shown. What a layer's arguments are is in its docstring:
`help(hl.layers.Dense)`.
"""
FAMILIES = {
    "": "Base classes", "core": "Core", "activation": "Activation", "convolution": "Convolution",
    "pooling": "Pooling", "normalization": "Normalization", "merging": "Merging",
    "reshaping": "Reshaping", "regularization": "Regularization", "recurrent": "Recurrent",
    "attention": "Attention", "interop": "Other libraries", "preprocessing": "Preprocessing",
}
SEQ, IMG, VOL = (8, 3), (8, 8, 3), (8, 8, 8, 3)
BY_RANK = {"1D": SEQ, "2D": IMG, "3D": VOL}

#: constructor arguments of the examples where any must be given
ARGUMENTS: dict[str, dict[str, Any]] = {
    "Dense": {"units": 5}, "EinsumDense": {"equation": "abc,cd->abd", "output_shape": (None, 5)},
    "Embedding": {"input_dim": 10, "output_dim": 4},
    "ReversibleEmbedding": {"input_dim": 10, "output_dim": 4},
    "Lambda": {"function": hl.ops.tanh}, "Activation": {"activation": "relu"},
    "Dot": {"axes": 2}, "Reshape": {"target_shape": (4, 6)}, "Permute": {"dims": (2, 1)},
    "RepeatVector": {"n": 4}, "GroupNormalization": {"groups": 3},
    "LSTM": {"units": 5}, "GRU": {"units": 5}, "SimpleRNN": {"units": 5},
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 4},
    "GroupedQueryAttention": {"head_dim": 4, "num_query_heads": 2, "num_key_value_heads": 1},
    "Rescaling": {"scale": 2.0}, "Discretization": {"bin_boundaries": [0.0, 1.0]},
    "CategoryEncoding": {"num_tokens": 4}, "Hashing": {"num_bins": 5},
    "HashedCrossing": {"num_bins": 5}, "Normalization": {"mean": 0.0, "variance": 1.0},
    "CenterCrop": {"height": 4, "width": 4}, "Resizing": {"height": 4, "width": 4},
    "StringLookup": {"vocabulary": ["a", "b"]}, "IntegerLookup": {"vocabulary": [3, 4]},
    "TextVectorization": {"vocabulary": ["a", "b"], "output_sequence_length": 6},
    "STFTSpectrogram": {"frame_length": 16, "frame_step": 8, "fft_length": 16},
    "MelSpectrogram": {"fft_length": 64, "sequence_stride": 16, "num_mel_bins": 10},
    "SpatialDropout1D": {"rate": 0.5}, "SpatialDropout2D": {"rate": 0.5},
    "SpatialDropout3D": {"rate": 0.5}, "Dropout": {"rate": 0.5}, "AlphaDropout": {"rate": 0.5},
    "GaussianDropout": {"rate": 0.5}, "GaussianNoise": {"stddev": 0.5},
    "RandomPosterization": {"factor": 4}, "SpectralNormalization": {"layer": hl.layers.Dense(5)},
    "Repeat": {"layer": hl.layers.Dense(3), "times": 2},
    "TimeDistributed": {"layer": hl.layers.Dense(5)},
    "Bidirectional": {"layer": hl.layers.LSTM(5)}, "RNN": {"cell": hl.layers.LSTMCell(5)},
}
#: shapes of the examples' inputs without the batch; a list for several
INPUTS: dict[str, Any] = {
    "Embedding": (8,), "ReversibleEmbedding": (8,), "RepeatVector": (3,), "UnitNormalization": SEQ,
    "Hashing": (8,), "HashedCrossing": [(1,), (1,)], "CategoryEncoding": (8,), "Flatten": IMG,
    "StringLookup": (8,), "IntegerLookup": (8,), "TextVectorization": (), "CenterCrop": IMG,
    "Resizing": IMG, "STFTSpectrogram": (64, 1), "MelSpectrogram": (128,), "Rescaling": IMG,
    "Normalization": (3,), "Discretization": (3,), "GroupNormalization": IMG,
    "ConvLSTM1D": (4, 8, 3), "ConvLSTM2D": (4, 8, 8, 3), "ConvLSTM3D": (4, 8, 8, 8, 3),
}
INTEGERS = {"Embedding", "ReversibleEmbedding", "Hashing", "HashedCrossing", "CategoryEncoding",
            "IntegerLookup"}
STRINGS = {"StringLookup", "TextVectorization"}
#: what has no shapes of its own to show
SHAPELESS = {"Layer", "Wrapper", "InputLayer", "InputSpec", "LSTMCell", "GRUCell", "SimpleRNNCell",
             "StackedRNNCells", "JaxLayer", "FlaxLayer", "Pipeline"}


def layer_classes() -> dict[str, list[type]]:
    """Family → its layer classes by name, aliases aside."""
    found: dict[str, list[type]] = {family: [] for family in FAMILIES}
    for name in dir(hl.layers):
        cls = getattr(hl.layers, name, None)
        if not inspect.isclass(cls) or cls.__name__ != name or name == "InputSpec":
            continue
        parts = cls.__module__.split(".")
        family = parts[2] if len(parts) > 3 and parts[1] == "layers" else ""
        found.setdefault(family, []).append(cls)
    return found


def default_arguments(cls: type) -> dict[str, Any]:
    """Arguments that make an example of a layer that is in no table."""
    given = {
        "filters": 5, "kernel_size": 3, "pool_size": 2, "output_size": 2, "factor": 0.2,
        "height_factor": 0.2, "width_factor": 0.2, "height": 4, "width": 4,
    }
    known = inspect.signature(cls).parameters
    return {
        name: value for name, value in given.items()
        if name in known and known[name].default is inspect.Parameter.empty
    }


def input_shapes(cls: type, family: str) -> Any:
    """The shapes, without the batch, that an example is called with."""
    name = cls.__name__
    if name in INPUTS:
        return INPUTS[name]
    for mark, shape in BY_RANK.items():
        if mark in name:
            return shape
    if family == "merging" or name in ("Attention", "AdditiveAttention"):
        return [SEQ, SEQ]
    return IMG if family == "preprocessing" else SEQ


def example(cls: type, family: str) -> tuple[str, str]:
    """The shapes of an example's inputs and outputs, as text; empty where none can be made."""
    name = cls.__name__
    if name in SHAPELESS:
        return "", ""
    try:
        return shapes_of(cls, family)
    except (TypeError, ValueError):
        if family != "preprocessing":
            raise
        return "", ""  # it takes more than one array, images with labels say


def shapes_of(cls: type, family: str) -> tuple[str, str]:
    """As `example`, for a layer that can be called on arrays alone."""
    name = cls.__name__
    layer = cls(**ARGUMENTS.get(name, default_arguments(cls)))
    shapes = input_shapes(cls, family)
    dtype = "string" if name in STRINGS else "int32" if name in INTEGERS else "float32"
    many = isinstance(shapes, list)
    tensors = [hl.Input(shape, dtype=dtype) for shape in (shapes if many else [shapes])]
    if name in ("MultiHeadAttention", "GroupedQueryAttention"):
        outputs = layer(tensors[0], tensors[0])
    else:
        outputs = layer(tensors if many else tensors[0])
    leaves = hl.tree.flatten(outputs)
    return ", ".join(shown(t.shape) for t in tensors), ", ".join(shown(t.shape) for t in leaves)


def shown(shape: tuple) -> str:
    """A shape as text, `B` for the batch."""
    rest = ["?" if length is None else str(length) for length in shape[1:]]
    return f"`({', '.join(['B', *rest])}{'' if rest else ','})`"


def call_of(cls: type) -> str:
    """How the example was made, where it took arguments."""
    arguments = ARGUMENTS.get(cls.__name__, default_arguments(cls))
    parts = []
    for name, value in arguments.items():
        if isinstance(value, hl.layers.Layer):
            value = f"{type(value).__name__}({value.units})"
        elif callable(value):
            value = f"ops.{value.__name__}"
        else:
            value = repr(value)
        parts.append(f"{name}={value}")
    return f"`{cls.__name__}({', '.join(parts)})`"


def render() -> str:
    """The whole page."""
    lines = [HEAD]
    for family, classes in layer_classes().items():
        if not classes:
            continue
        lines += [f"\n## {FAMILIES.get(family, family.capitalize())}\n",
                  "| layer | input | output | what it does |", "|---|---|---|---|"]
        for cls in sorted(classes, key=lambda c: c.__name__):
            ins, outs = example(cls, family)
            what = (inspect.getdoc(cls) or "").partition("\n\n")[0].replace("\n", " ")
            what = what.replace("|", "\\|")
            label = call_of(cls) if ins else f"`{cls.__name__}`"
            lines.append(f"| {label} | {ins} | {outs} | {what} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    np.random.seed(0)
    with hl.use_backend("numpy"):
        page = render()
    if "--check" in sys.argv:
        sys.exit(0 if PATH.read_text() == page else 1)
    PATH.write_text(page)
