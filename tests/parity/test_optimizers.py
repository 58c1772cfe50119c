"""Each optimizer, ten steps with each option, against Keras."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import numpy as np
import pytest

keras = pytest.importorskip("keras")

from highlevel import optimizers as ours  # noqa: E402
from highlevel.naming import name_scope  # noqa: E402
from highlevel.variable import Variable  # noqa: E402

theirs = keras.optimizers

# Ten steps of 0.1 in float32: libraries' powers differ in the last digit, and 1 - 0.999**t of
# the first steps makes some 1e-6 of a step of that.
RTOL, ATOL = 2e-5, 2e-6

COMMON = {
    "plain": {},
    "weight_decay": {"weight_decay": 0.1},
    "clipnorm": {"clipnorm": 0.5},
    "clipvalue": {"clipvalue": 0.3},
    "global_clipnorm": {"global_clipnorm": 0.5},
    "ema": {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 3},
    "accumulation": {"gradient_accumulation_steps": 3},
    "accumulated_ema": {
        "gradient_accumulation_steps": 2,
        "use_ema": True,
        "ema_momentum": 0.5,
        "ema_overwrite_frequency": 2,
        "weight_decay": 0.05,
    },
    "loss_scale": {"loss_scale_factor": 4.0},
}

OWN = [
    ("SGD", {"learning_rate": 0.1}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adam", {"learning_rate": 0.1}),
    ("Adam", {"learning_rate": 0.1, "amsgrad": True, "beta_1": 0.8}),
    ("AdamW", {"learning_rate": 0.1}),
    ("RMSprop", {"learning_rate": 0.1}),
    ("RMSprop", {"learning_rate": 0.1, "momentum": 0.5, "centered": True}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("Adadelta", {"learning_rate": 1.0, "epsilon": 1e-3}),
    ("Adamax", {"learning_rate": 0.1}),
    ("Nadam", {"learning_rate": 0.1}),
    ("Lamb", {"learning_rate": 0.1}),
    ("Lion", {"learning_rate": 0.1}),
    ("Ftrl", {"learning_rate": 0.1}),
    (
        "Ftrl",
        {
            "learning_rate": 0.1,
            "l1_regularization_strength": 0.1,
            "l2_regularization_strength": 0.2,
            "l2_shrinkage_regularization_strength": 0.3,
            "beta": 0.4,
            "learning_rate_power": -0.7,
        },
    ),
    ("ScheduleFreeAdamW", {"learning_rate": 0.1}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.1, "warmup_steps": 4, "beta_1": 0.8}),
    ("Adafactor", {"learning_rate": 0.5}),
    ("Adafactor", {"learning_rate": 0.1, "relative_step": False, "clip_threshold": 0.5}),
    ("Muon", {"learning_rate": 0.1}),
    ("Muon", {"learning_rate": 0.1, "nesterov": False, "rms_rate": None, "adam_lr_ratio": 2.0}),
    ("Muon", {"learning_rate": 0.1, "exclude_layers": ["den.e"]}),
]


def gradients(count=10):
    random = np.random.default_rng(0)
    return [
        [random.normal(size=(3, 4)).astype("float32"), random.normal(size=4).astype("float32")]
        for _ in range(count)
    ]


def first_values():
    random = np.random.default_rng(1)
    return [random.normal(size=(3, 4)).astype("float32"), np.zeros(4, "float32")]


def make(module, name_scope, variable):
    kernel, bias = first_values()
    with name_scope("dense"):
        return [variable(kernel, name="kernel"), variable(bias, name="bias")]


def run(module, scope, variable, name, options, schedule=None):
    options = dict(options)
    if schedule is not None:
        kind, arguments = schedule
        options["learning_rate"] = getattr(module.schedules, kind)(*arguments)
    optimizer = getattr(module, name)(**options)
    variables = make(module, scope, variable)
    optimizer.build(variables)
    if module is theirs and options.get("gradient_accumulation_steps"):
        compiled_steps(optimizer, variables)
    else:
        for grads in gradients():
            optimizer.apply(grads, variables)
    optimizer.finalize_variable_values(variables)
    return optimizer, variables


def compiled_steps(optimizer, variables):
    """Ten steps of Keras by one program: outside of any, each step's condition is compiled."""
    step = jax.jit(optimizer.stateless_apply)
    values = [v.value for v in variables]
    state = [v.value for v in optimizer.variables]
    for grads in gradients():
        values, state = step(state, grads, values)
    for variable, value in zip([*variables, *optimizer.variables], [*values, *state]):
        variable.assign(value)


_expected = {}


def expected(name, options, schedule=None):
    key = repr((name, options, schedule))
    if key not in _expected:
        optimizer, variables = run(
            theirs, keras.name_scope, keras.Variable, name, options, schedule
        )
        _expected[key] = (
            [v.numpy() for v in variables],
            [(v.path.partition("/")[2], v.numpy()) for v in optimizer.variables],
            optimizer.get_config(),
        )
    return _expected[key]


def check(name, options, schedule=None):
    values, state, config = expected(name, options, schedule)
    optimizer, variables = run(ours, name_scope, Variable, name, options, schedule)
    for variable, value in zip(variables, values):
        np.testing.assert_allclose(variable.numpy(), value, rtol=RTOL, atol=ATOL)
    found = optimizer.variables
    assert len(found) == len(state)
    for variable, (path, value) in zip(found, state):
        if path:
            assert variable.path.partition("/")[2] == path
        assert variable.shape == value.shape
        assert variable.dtype == value.dtype.name
        np.testing.assert_allclose(variable.numpy(), value, rtol=RTOL, atol=ATOL)
    own = optimizer.get_config()
    assert {k: v for k, v in own.items() if k != "name"} == {
        k: v for k, v in config.items() if k != "name"
    }


# Every option with the first of every optimizer on NumPy; on JAX the two that meet most of the code.
CASES = [
    pytest.param(backend, name, options, common, id=f"{backend}-{name}-{i}-{common}",
                 marks=pytest.mark.xdist_group(f"{name}-{i}-{common}"))
    for i, (name, options) in enumerate(OWN)
    for common in COMMON
    for backend in ("numpy", "jax")
    if common in ("plain", "accumulated_ema")
    or (backend == "numpy" and name not in [other for other, _ in OWN[:i]])
]


@pytest.mark.parametrize(("backend", "name", "options", "common"), CASES, indirect=["backend"])
def test_ten_steps(backend, name, options, common):
    check(name, {**options, **COMMON[common]})


SCHEDULES = [
    ("ExponentialDecay", (0.1, 3, 0.5)),
    ("ExponentialDecay", (0.1, 3, 0.5, True)),
    ("InverseTimeDecay", (0.1, 3, 0.5)),
    ("InverseTimeDecay", (0.1, 3, 0.5, True)),
    ("PiecewiseConstantDecay", ([2, 4], [1.0, 0.5, 0.1])),
    ("PolynomialDecay", (0.1, 4, 0.01, 2.0)),
    ("PolynomialDecay", (0.1, 4, 0.01, 2.0, True)),
    ("CosineDecay", (0.1, 5)),
    ("CosineDecay", (0.1, 5, 0.1, "CosineDecay", 0.5, 3)),
    ("CosineDecayRestarts", (0.1, 3)),
    ("CosineDecayRestarts", (0.1, 3, 2.0, 0.5, 0.1)),
    ("CosineDecayRestarts", (0.1, 3, 1.0, 0.5)),
]


@pytest.mark.parametrize(("name", "arguments"), SCHEDULES)
def test_schedules(backend, name, arguments):
    schedule = getattr(ours.schedules, name)(*arguments)
    peer = getattr(theirs.schedules, name)(*arguments)
    assert schedule.get_config() == peer.get_config()
    for step in range(14):
        assert float(schedule(step)) == pytest.approx(float(peer(step)), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("schedule", SCHEDULES[::4])
@pytest.mark.parametrize("options", [{}, {"gradient_accumulation_steps": 2}], ids=str)
def test_ten_steps_with_a_schedule(backend, schedule, options):
    check("Adam", options, schedule)
