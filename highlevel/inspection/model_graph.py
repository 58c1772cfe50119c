"""What is drawn of a model: a box for every call of a layer or op, and lines between them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from highlevel_backend import tree

from highlevel.inspection.tables import readable_count
from highlevel.layers.layer import Layer
from highlevel.symbolic import SymbolicTensor

__all__ = ["Box", "BoxGraph", "Shows", "graph_of"]

FAMILIES = (
    "input", "core", "convolution", "pooling", "normalization", "activation", "regularization",
    "attention", "recurrent", "merging", "reshaping", "preprocessing", "model", "op", "own",
)


@dataclass(frozen=True)
class Shows:
    """What the boxes say.

    Args:
        shapes, dtypes: of the outputs.
        names: of layers.
        activations: what a layer's activation is called.
        trainable: whether a layer's weights are trained.
        parameters: the number of weights' entries.
        expand: whether the models inside are drawn out; or patterns of the names or paths of
            those that are.
    """

    shapes: bool = True
    dtypes: bool = False
    names: bool = True
    activations: bool = False
    trainable: bool = False
    parameters: bool = True
    expand: bool | Collection[str] = False

    def expands(self, layer: Layer, path: str) -> bool:
        """Whether a nested model is drawn out."""
        if isinstance(self.expand, bool):
            return self.expand
        patterns = [self.expand] if isinstance(self.expand, str) else self.expand
        return any(fnmatchcase(name, p) for p in patterns for name in (layer.name, path))


@dataclass
class Box:
    """One call.

    Attributes:
        operation: the layer or op that is called.
        name, kind: its name, or `""`; what it is, such as `Dense`.
        details: a line that stands below.
        marks: short remarks, such as `shared, call 1 of 2`.
        family: one of `FAMILIES`, for the colour.
        tells: everything about the call, in lines.
        inner: the graph inside, where it is drawn.
    """

    operation: Any
    name: str
    kind: str
    details: str
    marks: list[str]
    family: str
    tells: str
    inner: BoxGraph | None = None


@dataclass
class BoxGraph:
    """Boxes, and lines as pairs of their positions.

    Attributes:
        ordered: whether the lines are known; where they aren't (a `call` written in Python),
            the pairs only say in what order the boxes stand.
    """

    name: str
    kind: str
    boxes: list[Box] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)
    ordered: bool = True

    def count(self) -> int:
        """How many boxes there are, those inside of others included."""
        return sum(1 + (box.inner.count() if box.inner else 0) for box in self.boxes)


def graph_of(model: Any, shows: Shows) -> BoxGraph:
    """What is drawn of a model; no weight is computed for it.

    Args:
        model: a model, built or not. Of one whose `call` is written in Python the layers are
            drawn without lines: which goes into which stands in that code alone.
        shows: what the boxes say.
    """
    return _graph(model, shows, "", set())


def _graph(model: Any, shows: Shows, path: str, drawn: set[int]) -> BoxGraph:
    found = BoxGraph(model.name, type(model).__name__)
    drawn = drawn | {id(model)}
    inside = getattr(model, "_graph_inside", None)
    graph = inside() if inside is not None else None
    if graph is None:
        layers = list(getattr(model, "layers", None) or model._sublayers())
        found.boxes = [_box(layer, None, [], shows, path, drawn) for layer in layers]
        found.edges = [(i, i + 1) for i in range(len(layers) - 1)]
        found.ordered = inside is not None  # a Sequential that was never built
        return found
    calls: dict[Any, list] = {}
    for node in graph.nodes:
        calls.setdefault(node.operation, []).append(node)
    given = {id(tensor) for tensor in graph._flat_outputs}
    position = {node: i for i, node in enumerate(graph.nodes)}
    starts = set(graph.inputs)
    opened: set[int] = set()  # a shared model is drawn out at its first call
    for at, node in enumerate(graph.nodes):
        marks = []
        of_layer = calls[node.operation]
        if len(of_layer) > 1:
            marks.append(f"shared, call {of_layer.index(node) + 1} of {len(of_layer)}")
        behind = any(node in other.parent_nodes for other in node.operation._outbound_nodes
                     if other in position)
        if behind and any(id(tensor) in given for tensor in node.outputs):
            marks.append("output")
        found.boxes.append(_box(node.operation, node, marks, shows, path, drawn | opened))
        opened.add(id(node.operation))
        if not all(tensor in starts for tensor in node.outputs):
            found.edges += [(position[parent], at) for parent in node.parent_nodes]
    return found


def _box(
    operation: Any, node: Any, marks: list[str], shows: Shows, path: str, drawn: set[int]
) -> Box:
    is_layer = isinstance(operation, Layer)
    function = getattr(operation, "function", None)
    kind = type(operation).__name__
    if function is not None and not is_layer:
        kind = "op" if shows.names and operation.name.startswith(function.__name__) else (
            function.__name__)
    activation = _activation(operation) if is_layer else None
    outputs = _outputs(operation, node)
    inputs = [] if node is None else node.inputs
    own_path = f"{path}/{operation.name}" if path else operation.name
    count = sum(v.size for v in operation.weights) if is_layer and operation.built else None
    details = []
    if shows.shapes or shows.dtypes:
        details.append(_tensors(outputs, shows.shapes, shows.dtypes))
    if shows.parameters and count:
        details.append(readable_count(count))
    if shows.trainable and count:
        details.append("trainable" if operation.trainable else "frozen")
    tells = [f"{own_path} ({kind})"]
    if activation:
        tells.append(f"activation: {activation}")
    tells += [
        f"{what}: {_tensors(tensors, True, True)}"
        for what, tensors in (("takes", inputs), ("gives", outputs)) if tensors
    ]
    if count is not None:
        trained = "" if not count or operation.trainable else ", not trained"
        tells.append(f"parameters: {count:,}{trained}")
    box = Box(
        operation, operation.name if shows.names else "",
        f"{kind} {activation}" if shows.activations and activation else kind,
        " · ".join(filter(None, details)), marks, _family(operation), "\n".join(tells + marks),
    )
    if _is_model(operation) and id(operation) not in drawn and shows.expands(
        operation, own_path
    ):
        box.inner = _graph(operation, shows, own_path, drawn)
    return box


def _is_model(operation: Any) -> bool:
    """Whether it is a model, which may be drawn out: models have a loss."""
    return isinstance(operation, Layer) and hasattr(operation, "compute_loss")


def _activation(layer: Layer) -> str | None:
    found = getattr(layer, "activation", None)
    name = getattr(found, "name", None) or getattr(found, "__name__", None)
    return str(name) if name and name != "linear" else None


def _outputs(operation: Any, node: Any) -> list[SymbolicTensor]:
    if node is not None:
        return node.outputs
    try:
        found = operation.output
    except AttributeError:
        return []
    return [leaf for leaf in tree.leaves(found) if type(leaf) is SymbolicTensor]


def _tensors(tensors: list[SymbolicTensor], shapes: bool, dtypes: bool) -> str:
    """Shapes and dtypes, the first few of many."""
    most = 3
    texts = [
        " ".join([*([t.dtype] if dtypes else []), *([str(tuple(t.shape))] if shapes else [])])
        for t in tensors[:most]
    ]
    more = [f"and {len(tensors) - most} more"] if len(tensors) > most else []
    return ", ".join(texts + more) if tensors else "?"


def _family(operation: Any) -> str:
    if not isinstance(operation, Layer):
        return "op"
    if _is_model(operation):
        return "model"
    parts = type(operation).__module__.split(".")
    if parts[:2] != ["highlevel", "layers"]:
        return "own"
    name = {"input_layer": "input", "adaptation": "preprocessing"}.get(parts[2], parts[2])
    return name if name in FAMILIES else "core"
