"""Products cut between devices: which layers of a model make pairs, and the layouts for them.

Of two `Dense` layers, one on the other, the first is divided by its features and the second by
what it sums over: what lies between them is divided by features, and one sum over the devices
after the second makes it whole again. So what a layer makes is followed through the graph: as
long as nothing but operations on single entries comes, it stays divided.
"""

from __future__ import annotations

from typing import Any

from highlevel.distribution.layouts import LayoutMap, TensorLayout
from highlevel.distribution.mesh import DeviceMesh

__all__ = ["tensor_parallel"]

#: layers and ops of graphs whose entries are made of the entries of the same place
_ENTRY_BY_ENTRY = frozenset((
    "Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average", "Dropout", "ELU",
    "Elu", "GaussianDropout", "GaussianNoise", "Gelu", "Identity", "LeakyReLU", "LeakyRelu",
    "Maximum", "Minimum", "Multiply", "ReLU", "Relu", "Sigmoid", "Silu", "Subtract", "Tanh",
))
_NORMALIZATION = "BatchNormalization"  # works on each feature by itself
_ATTENTION = ("GroupedQueryAttention", "MultiHeadAttention")


def tensor_parallel(model: Any, device_mesh: DeviceMesh, axis: str = "model") -> LayoutMap:
    """Products cut between the devices of an axis of the mesh (Megatron's pairs).

    Of two `Dense` layers, one on the other, the first is divided by its features and the second
    by what it sums over, so that one exchange per pair suffices; two first ones whose outputs are
    multiplied or added (a gated pair) count as one. A first one without a second is divided all
    the same, and its output gathered, unless it is the model's. Attention is divided by heads,
    embeddings by features. Source: Shoeybi et al., 2019, "Megatron-LM: training
    multi-billion parameter language models using model parallelism", arXiv:1909.08053.

    Args:
        model: built; its weights need not exist yet. In the graph of a Functional or Sequential
            model, models within it included, pairs are found; the `Dense` layers of
            others are paired in the order of `layers`.
        device_mesh: the mesh.
        axis: name of its axis for products.

    Returns:
        The `LayoutMap`, by the variables' paths, and of outputs that have to be whole; what does
        not divide evenly stays whole.
    """
    return _Divided(device_mesh, axis).of(model)


class _Divided:
    """The layouts found so far."""

    def __init__(self, device_mesh: DeviceMesh, axis: str) -> None:
        self.mesh, self.axis = device_mesh, axis
        self.parts = device_mesh.length(axis)
        self.layouts = LayoutMap(device_mesh)
        self.seen: set[int] = set()

    def of(self, model: Any) -> LayoutMap:
        layers = list(model._flatten_layers(recursive=True))
        for layer in layers:
            inside = getattr(layer, "_graph_inside", None)
            graph = inside() if inside is not None else None
            if graph is not None:
                self.graph(graph, layer is model)
        first = False  # whether the last Dense layer's features are divided
        for layer in layers:
            kind = type(layer).__name__
            if kind in _ATTENTION:
                self.attention(layer)
                first = False
            elif kind == "Embedding" and self.divide(layer.embeddings, 1):
                self.whole(layer)
            elif kind == "Dense" and id(layer) not in self.seen:
                first = self.second(layer) if first else self.first(layer)
        for layer in layers:
            if type(layer).__name__ == "Repeat":
                self.repeated(layer)
        return self.layouts

    def repeated(self, layer: Any) -> None:
        """The weights of all blocks lie as those of the pattern, after the axis of blocks."""
        for pattern, stack in layer.stacked():
            layout = self.layouts[pattern.path]
            if layout is not None:
                self.layouts[stack.path] = TensorLayout((None, *layout.axes), self.mesh)

    def divide(self, variable: Any, place: int) -> bool:
        """Divide one axis of a variable; tells whether that can be done evenly."""
        if variable is None or variable.shape[place] % self.parts:
            return False
        if variable.path not in self.layouts:
            axes: list[Any] = [None] * len(variable.shape)
            axes[place] = self.axis
            self.layouts[variable.path] = TensorLayout(axes, self.mesh)
        return True

    def whole(self, layer: Any, axes: tuple = (..., None)) -> None:
        """Demand that the layer's output has all features on every device."""
        path = f"{layer.path}/output"
        if path not in self.layouts:
            self.layouts[path] = TensorLayout(axes, self.mesh)

    def first(self, layer: Any) -> bool:
        if not self.divide(layer.kernel, 1):
            return False
        self.divide(layer.bias, 0)
        return True

    def second(self, layer: Any) -> bool:
        """Divide by what it sums over; its own output is not divided."""
        if self.divide(layer.kernel, 0):
            self.whole(layer)
        return False

    def attention(self, layer: Any) -> None:
        def projection(name: str) -> Any:
            return getattr(layer, f"{name}_dense", None) or getattr(layer, f"_{name}_dense", None)

        for name in ("query", "key", "value", "gate"):
            dense = projection(name)
            if dense is None:
                continue
            if self.divide(dense.kernel, 1):
                self.divide(dense.bias, 0)
            else:  # such as few shared heads: every device makes all, for one exchange less
                self.whole(dense, (..., None, None))
        dense = projection("output")
        if dense is not None and self.divide(dense.kernel, 0):
            self.whole(layer)

    # ------------------------------------------------------------------ graphs

    def graph(self, graph: Any, outermost: bool) -> None:
        """Find the pairs among the calls of a graph."""
        made: dict[Any, tuple] = {}  # tensor → the layers whose divided features it is made of
        seconds: list[Any] = []
        between: list[Any] = []
        open_: dict[Any, None] = {}  # layers whose features something needs whole
        firsts: list[Any] = []
        for node in graph.nodes:
            layer = node.operation
            kind = type(layer).__name__
            given = [made.get(tensor, ()) for tensor in node.inputs]
            sources = tuple(dict.fromkeys(each for some in given for each in some))
            divided = bool(given) and all(given)
            if kind == "Dense" and id(layer) not in self.seen:
                self.seen.add(id(layer))
                if divided:
                    seconds.append(layer)
                    continue
                if layer.kernel is not None and not layer.kernel.shape[1] % self.parts:
                    firsts.append(layer)
                    made[node.outputs[0]] = (layer,)
                continue
            if divided and (kind in _ENTRY_BY_ENTRY or kind == _NORMALIZATION):
                made[node.outputs[0]] = sources
                if kind == _NORMALIZATION:
                    between.append(layer)
                continue
            open_ |= dict.fromkeys(sources)
        if not outermost:
            open_ |= dict.fromkeys(
                layer for tensor in graph._flat_outputs for layer in made.get(tensor, ()))
        for layer in firsts:
            self.first(layer)
            if layer in open_:
                self.whole(layer)
        for layer in seconds:
            self.second(layer)
        for layer in between:
            for variable in layer.weights:
                self.divide(variable, 0)
