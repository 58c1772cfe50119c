"""What type checkers and editors see: the names that are loaded late, and the signatures."""

import ast
import importlib
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest

import highlevel

ROOT = pathlib.Path(highlevel.__file__).parent


def dotted(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


#: the modules that load names on first use
LAZY = [dotted(path) for path in sorted(ROOT.rglob("*.py"))
        if "import lazy_package" in path.read_text()]


def names_of(statements):
    """Names that top-level statements bind: name -> `(module, name there)`, None elsewhere."""
    found = {}
    for statement in statements:
        if isinstance(statement, ast.ImportFrom):
            found |= {a.asname or a.name: (statement.module, a.name) for a in statement.names}
        elif isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            found[statement.name] = None
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    found[target.id] = statement.value.id if isinstance(
                        statement.value, ast.Name) else None
    return found


def declared_and_bound(module):
    """Names under `if TYPE_CHECKING:`, and those that the module really binds."""
    body = ast.parse(pathlib.Path(module.__file__).read_text()).body
    blocks = [s for s in body if isinstance(s, ast.If) and ast.unparse(s.test) == "TYPE_CHECKING"]
    declared = names_of([s for block in blocks for s in block.body])
    return declared, names_of(body)


@pytest.mark.parametrize("name", LAZY)
def test_type_checkers_see_every_name_that_is_loaded_late(name):
    module = importlib.import_module(name)
    declared, bound = declared_and_bound(module)
    assert sorted(set(module.__all__) - set(bound)) == sorted(set(declared) & set(module.__all__))
    unknown = [one for one in declared if one not in dir(module) and not hasattr(module, one)]
    assert not unknown


@pytest.mark.parametrize("name", LAZY)
def test_no_module_hides_a_name_that_is_loaded_late(name):
    """Importing `package.name` sets the package's attribute of that name to the module."""
    module = importlib.import_module(name)
    declared, _ = declared_and_bound(module)
    modules = {path.stem for path in pathlib.Path(module.__file__).parent.iterdir()}
    if hasattr(module, "__path__"):
        hidden = {one for one in modules & set(declared) if declared[one] != (name, one)}
        assert not hidden


@pytest.mark.parametrize("name", LAZY)
def test_what_type_checkers_see_is_what_is_loaded(name):
    module = importlib.import_module(name)
    declared, _ = declared_and_bound(module)
    for one, origin in declared.items():
        if isinstance(origin, str):  # another name of one declared above
            assert getattr(module, one) is getattr(module, origin), one
            continue
        source = importlib.import_module(origin[0])
        if hasattr(source, origin[1]):
            expected = getattr(source, origin[1])
        else:
            expected = importlib.import_module(".".join(origin))
        assert getattr(module, one) is expected, one


# ------------------------------------------------------------------- with a type checker

RIGHT = """
    import highlevel as hl
    import numpy as np

    # every way to make a model
    inputs = hl.Input((8,), name="features")
    x = hl.layers.Dense(16, activation="relu", kernel_regularizer=hl.regularizers.l2(0.01))(inputs)
    x = hl.layers.Dropout(0.5)(x) + x * 2.0 - 1.0
    x = hl.layers.Concatenate()([x, inputs / 2.0])
    model = hl.Model(inputs, hl.layers.Dense(1, kernel_initializer="he_normal")(x))
    stack = hl.Sequential([hl.Input((8, 8, 1)), hl.layers.Conv2D(4, 3), hl.layers.MaxPool2D(),
                           hl.layers.Flatten(), hl.layers.Dense(10)])
    stack.add(hl.layers.Softmax())

    class Scale(hl.layers.Layer):
        def __init__(self, factor: float = 1.0, **kwargs) -> None:
            super().__init__(**kwargs)
            self.factor = factor

        def build(self, input_shape) -> None:
            self.offset = self.add_weight((input_shape[-1],), "zeros", name="offset")

        def call(self, inputs, training: bool | None = None):
            return self.factor * inputs + self.offset

    class Net(hl.Model):
        def __init__(self) -> None:
            super().__init__(name="net")
            self.scale = Scale(2.0)
            self.head = hl.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.scale(inputs))

    net = Net()
    factor: float = net.scale.factor

    # training
    rate = hl.optimizers.schedules.CosineDecay(0.1, decay_steps=100)
    model.compile(hl.optimizers.AdamW(rate, weight_decay=0.01), loss="mse",
                  metrics=["mae", hl.metrics.RootMeanSquaredError()])
    stop = hl.callbacks.EarlyStopping(monitor="loss", patience=3)
    history = model.fit(np.ones((4, 8)), np.ones((4, 1)), epochs=2, callbacks=[stop], verbose=0)
    losses = history.history["loss"]
    result = model.evaluate(np.ones((4, 8)), np.ones((4, 1)), return_dict=True)
    model.save("model.keras")
    again = hl.models.load_model("model.keras")
    again.summary()

    # looking in
    kernel = model.get_layer("dense").kernel.numpy()
    dense = hl.layers.Dense(4)
    dense.build((None, 8))
    units: int = dense.units
    initializer = dense.kernel_initializer
    shapes = [v.shape for v in dense.trainable_variables]
    total: int = model.count_params()
    first = stack.layers[0].output

    # functions on arrays
    y = hl.ops.matmul(hl.ops.ones((2, 3)), hl.random.normal((3, 4), seed=1))
    z = hl.activations.swish(y)
    w = hl.Variable(np.zeros((3,)), name="w")
    w.assign(w * 2 + 1)
    with hl.use_backend("numpy"):
        total_loss = hl.losses.MeanSquaredError()(y, z)
    hl.utils.set_random_seed(0)
    constraint, start = hl.constraints.max_norm(2.0), hl.initializers.constant(0.5)
    hl.config.set_floatx("float32")
"""

WRONG = """
    import highlevel as hl

    hl.layers.Dense(unitz=3)  # reportCallIssue
    hl.layers.Dense("3")  # reportArgumentType
    hl.layers.Conv2D(4)  # reportCallIssue
    hl.layers.Densee(3)  # reportAttributeAccessIssue
    hl.optimizers.Adan()  # reportAttributeAccessIssue
    hl.opps  # reportAttributeAccessIssue
    hl.ops.matmull  # reportAttributeAccessIssue
    hl.ops.matmul([[1.0]])  # reportCallIssue
    hl.layers.Dense(3).unitz  # reportAttributeAccessIssue
    hl.layers.Dense(3).units.shape  # reportAttributeAccessIssue
    hl.Input(shap=(3,))  # reportCallIssue
    hl.Sequential().fitt  # reportAttributeAccessIssue
    hl.Sequential().compile(optimiser="adam")  # reportCallIssue
    hl.Sequential().fit(epochs="3")  # reportArgumentType
    hl.callbacks.EarlyStopping(patience="3")  # reportArgumentType
    hl.metrics.Mean().reslut()  # reportAttributeAccessIssue
"""

pyright = pytest.mark.skipif(
    importlib.util.find_spec("pyright") is None,
    reason="pyright is not installed (it is in the extra `dev`)",
)


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """`right` and `wrong` -> what pyright says: a list of `(line, rule, message)`."""
    folder = tmp_path_factory.mktemp("types")
    for name, program in (("right", RIGHT), ("wrong", WRONG)):
        (folder / f"{name}.py").write_text(textwrap.dedent(program))
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "basic"}')
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable,
         "--project", str(folder)],
        capture_output=True, text=True, cwd=folder,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = {"right": [], "wrong": []}
    for one in json.loads(done.stdout)["generalDiagnostics"]:
        if one["severity"] == "error":
            found[pathlib.Path(one["file"]).stem].append(
                (one["range"]["start"]["line"] + 1, one.get("rule"), one["message"])
            )
    return found


@pyright
def test_a_right_program_passes_the_type_checker(complaints):
    assert complaints["right"] == []


@pyright
def test_mistakes_are_found_by_the_type_checker(complaints):
    expected = {
        (number, match[1])
        for number, line in enumerate(textwrap.dedent(WRONG).splitlines(), 1)
        if (match := re.search(r"# (report\w+)$", line))
    }
    assert {(line, rule) for line, rule, _ in complaints["wrong"]} == expected
