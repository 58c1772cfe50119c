"""Imports point downward only, without cycles; no module names an array library."""

import ast
import pathlib

import highlevel

ROOT = pathlib.Path(highlevel.__file__).parent

# Floors from the ground up; what stands on one floor may import one another, cycles aside.
FLOORS = [
    ["config", "naming", "tree", "serialization", "dtype_policies", "_lazy", "_typing",
     "utils.naming", "inspection.tables", "inspection.sheets"],
    ["state", "symbolic", "operation", "variable", "masking", "errors", "rematerialization",
     "compilations"],
    ["ops"],
    ["core", "random", "activations", "regularizers", "constraints", "losses", "optimizers",
     "saving", "distribution", "backend", "mixed_precision"],
    ["initializers", "metrics"],
    ["layers", "training", "inspection", "callbacks", "utils", "preprocessing", "testing", "visualization",
     "_version"],
    ["models"],
    ["distillation", "estimators", "applications", "export"],
    ["studio"],
]
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        yield path, parts


def imports_of(path, top_level_only=False):
    """Absolute names imported in a file, `from a import b` as both a and a.b."""
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree)
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            skipped |= {id(inner) for inner in ast.walk(node)}
        if top_level_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            skipped |= {id(inner) for inner in ast.walk(node)}
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def level_of(parts):
    for length in range(len(parts), 0, -1):
        found = LEVEL.get(".".join(parts[:length]))
        if found is not None:
            return found
    return None


def test_every_module_stands_on_a_floor():
    lost = [".".join(parts) for _, parts in modules() if parts and level_of(parts) is None]
    assert not lost


def test_imports_point_downward():
    wrong = []
    for path, parts in modules():
        if not parts:
            continue
        own = level_of(parts)
        for name, line in imports_of(path):
            target = name.split(".")
            if target[0] != "highlevel" or len(target) < 2:
                continue
            other = level_of(target[1:])
            if other is not None and other > own:
                wrong.append(f"{'.'.join(parts)}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_no_module_of_highlevel_names_an_array_library():
    banned = {"jax", "jaxlib", "torch", "tensorflow", "highlevel_jax", "highlevel_numpy"}
    wrong = [
        f"{path}:{line}" for path, _ in modules() for name, line in imports_of(path)
        if name.split(".")[0] in banned
    ]
    assert not wrong, "\n".join(wrong)


def test_plug_ins_import_only_the_interface():
    backends = pathlib.Path(__import__("highlevel_backend").__file__).parent.parent
    wrong = []
    for package in ("highlevel_numpy", "highlevel_jax"):
        for path in (backends / package).rglob("*.py"):
            for name, line in imports_of(path):
                root = name.split(".")[0]
                if root.startswith("highlevel") and root not in ("highlevel_backend", package):
                    wrong.append(f"{path}:{line} imports {name}")
    for path in (backends / "highlevel_backend").rglob("*.py"):
        if "conformance" in path.parts:
            continue
        for name, line in imports_of(path):
            root = name.split(".")[0]
            if root.startswith("highlevel") and root != "highlevel_backend":
                wrong.append(f"{path}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_no_import_cycle():
    known = {".".join(("highlevel", *parts)): path for path, parts in modules()}
    edges = {}
    for name, path in known.items():
        targets = set()
        for imported, _ in imports_of(path, top_level_only=True):
            while imported and imported not in known:
                imported = imported.rpartition(".")[0]
            if imported and imported != "highlevel" and imported != name:
                targets.add(imported)
        edges[name] = targets
    state = {}

    def visit(name, trail):
        state[name] = "open"
        for target in sorted(edges[name]):
            if state.get(target) == "open":
                raise AssertionError(" -> ".join([*trail, name, target]))
            if target not in state:
                visit(target, [*trail, name])
        state[name] = "done"

    for name in known:
        if name not in state:
            visit(name, [])


def test_imports_inside_functions_are_of_other_libraries():
    """A local import is for a heavy optional library, not to dodge a cycle."""
    wrong = []
    for path, _ in modules():
        top = {line for _, line in imports_of(path, top_level_only=True)}
        for name, line in imports_of(path):
            if name.startswith("highlevel.") and line not in top:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)
