"""What all optimizers share: state, options, errors, compilation."""

import numpy as np
import pytest
from highlevel_backend import current_backend, use_backend

from highlevel import optimizers
from highlevel.optimizers.registry import OPTIMIZERS
from highlevel.state import StatelessScope
from highlevel.variable import Variable

PLAIN = [
    cls for name, cls in OPTIMIZERS.items() if name not in ("LossScaleOptimizer", "MultiOptimizer")
]


def variables():
    return [
        Variable(np.ones((2, 3), "float32"), name="kernel"),
        Variable(np.zeros(3, "float32"), name="bias"),
    ]


GRADS = [np.full((2, 3), 0.5, "float32"), np.array([1.0, -1.0, 0.5], "float32")]


@pytest.mark.parametrize("cls", PLAIN)
def test_stateless_apply_equals_apply(backend, cls):
    one, two = variables(), variables()
    optimizer, other = cls(learning_rate=0.1), cls(learning_rate=0.1)
    optimizer.build(one)
    other.build(two)
    values, state = [v.value for v in two], [v.value for v in other.variables]
    for _ in range(2):
        optimizer.apply(GRADS)
        values, state = other.stateless_apply(state, GRADS, values)
    for variable, value in zip(one, values):
        np.testing.assert_allclose(variable.numpy(), backend.to_numpy(value), rtol=1e-5)
    for variable, value in zip(optimizer.variables, state):
        np.testing.assert_allclose(variable.numpy(), backend.to_numpy(value), rtol=1e-5)
    assert [float(v) for v in two[0].numpy().ravel()] == [1.0] * 6, "nothing is assigned"


@pytest.mark.parametrize("cls", PLAIN)
def test_config_makes_an_equal_optimizer(cls):
    config = cls(learning_rate=0.25, clipnorm=2.0).get_config()
    assert cls.from_config(config).get_config() == config


@pytest.mark.parametrize("cls", PLAIN)
def test_minimises_a_parabola(backend, cls):
    weight = Variable(np.array([[1.0, -1.0], [0.5, 1.0]], "float32"), name="w")
    optimizer = cls(learning_rate=0.05)
    start = float(np.abs(weight.numpy()).sum())
    for _ in range(5):
        optimizer.apply([2 * weight.numpy()], [weight])
    assert float(np.abs(weight.numpy()).sum()) < start


@pytest.mark.parametrize("cls", PLAIN)
def test_keeps_the_dtype_of_half_precision(backend, cls):
    weight = Variable(np.ones((2, 2)), dtype="bfloat16", name="w")
    optimizer = cls(learning_rate=0.1)
    optimizer.apply([np.ones((2, 2), "float32")], [weight])
    assert str(weight.value.dtype) == "bfloat16"
    assert all(str(v.value.dtype) == v.dtype for v in optimizer.variables)


def test_building_allocates_nothing():
    optimizer = optimizers.Adam()
    big = Variable(lambda shape, dtype: np.zeros(shape, dtype), shape=(1 << 20, 1 << 20), name="w")
    optimizer.build([big])
    assert all(v.is_pending for v in optimizer.variables)


def test_moves_between_backends():
    found = []
    for order in (("numpy", "numpy"), ("jax", "numpy"), ("numpy", "jax")):
        optimizer = optimizers.Adam(0.1)
        with use_backend(order[0]):
            both = variables()
            optimizer.apply(GRADS, both)
        with use_backend(order[1]):
            optimizer.apply(GRADS, both)
            found.append(both[0].numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    np.testing.assert_allclose(found[0], found[2], rtol=1e-5)


def test_learning_rate_changes_without_compiling_again():
    with use_backend("jax") as backend:
        weights = variables()
        optimizer = optimizers.Adam(0.1)
        optimizer.apply(GRADS, weights)
        count = backend.compile_count
        optimizer.learning_rate = 0.0
        before = weights[0].numpy()
        optimizer.apply(GRADS, weights)
        np.testing.assert_array_equal(weights[0].numpy(), before)
        assert backend.compile_count == count
        revision = optimizer.revision
        optimizer.beta_1 = 0.5
        assert optimizer.revision > revision
        optimizer.apply(GRADS, weights)
        assert backend.compile_count == count + 1


def test_learning_rate_kinds(backend):
    rates = iter([0.5, 0.25])
    weight = Variable(np.zeros(1, "float32"), name="w")
    optimizer = optimizers.SGD(lambda: next(rates))
    for _ in range(2):
        optimizer.apply([np.ones(1)], [weight])
    assert weight.numpy()[0] == -0.75
    shared = Variable(2.0, name="rate", trainable=False)
    optimizer = optimizers.SGD(shared)
    assert optimizer.learning_rate is shared
    optimizer.apply([np.ones(1)], [weight])
    assert weight.numpy()[0] == -2.75
    optimizer = optimizers.SGD(optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 2.0]))
    assert len(optimizer.variables) == 1
    assert float(optimizer.learning_rate) == 1.0
    with pytest.raises(TypeError, match="follows the schedule PiecewiseConstantDecay"):
        optimizer.learning_rate = 0.1


def test_schedule_of_ones_own_may_branch(backend):
    class Branching(optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 1.0 if int(step) == 0 else 10.0

    weight = Variable(np.zeros(1, "float32"), name="w")
    optimizer = optimizers.SGD(Branching())
    for _ in range(2):
        optimizer.apply([np.ones(1)], [weight])
    assert weight.numpy()[0] == -11.0


def test_optimizer_written_with_update_step(backend):
    class Heavy(optimizers.Optimizer):
        def build(self, variables):
            if self.built:
                return
            super().build(variables)
            self.velocities = self.add_optimizer_variables(variables, "velocity")

        def update_step(self, gradient, variable, learning_rate):
            velocity = self.velocities[self._get_variable_index(variable)]
            self.assign(velocity, 0.9 * velocity.value - gradient * learning_rate)
            self.assign_add(variable, velocity.value)

    one, two = variables(), variables()
    optimizer = Heavy(0.1, clipnorm=0.5, name="heavy")
    peer = optimizers.SGD(0.1, 0.9, clipnorm=0.5)
    optimizer.build(one)
    assert optimizer.velocities[0].path == "heavy/kernel_velocity"
    for _ in range(3):
        optimizer.apply(GRADS, one)
        peer.apply(GRADS, two)
    np.testing.assert_allclose(one[0].numpy(), two[0].numpy(), rtol=1e-5)
    values, state = optimizer.stateless_apply(
        [v.value for v in optimizer.variables], GRADS, [v.value for v in one]
    )
    peer.apply(GRADS, two)
    np.testing.assert_allclose(backend.to_numpy(values[0]), two[0].numpy(), rtol=1e-5)
    assert int(state[0]) == 4


def test_subclass_that_calls_the_built_in_step(backend):
    class Halved(optimizers.Adam):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate * 0.5)

    one, two = variables(), variables()
    halved, plain = Halved(0.2), optimizers.Adam(0.1)
    for _ in range(3):
        halved.apply(GRADS, one)
        plain.apply(GRADS, two)
    np.testing.assert_allclose(one[1].numpy(), two[1].numpy(), rtol=1e-5)


def test_runs_inside_a_scope_and_a_trace(backend):
    weights = variables()
    optimizer = optimizers.Adam(0.1)
    optimizer.build(weights)
    all_variables = [*weights, *optimizer.variables]

    def step(values):
        with StatelessScope(zip(all_variables, values)) as scope:
            optimizer.apply([current_backend().asarray(g) for g in GRADS], weights)
        return [scope.get_current_value(v) for v in all_variables]

    new = backend.compile(step)([v.value for v in all_variables])
    assert weights[0].numpy()[0, 0] == 1.0
    optimizer.apply(GRADS)
    for variable, value in zip(all_variables, new):
        np.testing.assert_allclose(variable.numpy(), backend.to_numpy(value), rtol=1e-6)


def test_constraint_and_overwriting(backend):
    xp = backend.xp
    limited = Variable(np.ones(2, "float32"), name="a", constraint=lambda w: xp.maximum(w, 0.8))
    scale = Variable(np.ones(2, "float32"), name="b", overwrite_with_gradient=True)
    optimizer = optimizers.SGD(1.0)
    optimizer.apply([np.array([0.1, 5.0]), np.array([7.0, 8.0])], [limited, scale])
    np.testing.assert_allclose(limited.numpy(), [0.9, 0.8], rtol=1e-6)
    assert scale.numpy().tolist() == [7.0, 8.0]


def test_average_becomes_the_value_at_the_end(backend):
    weight = Variable(np.zeros(1, "float32"), name="w")
    optimizer = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    for _ in range(2):
        optimizer.apply([-np.ones(1)], [weight])
    assert weight.numpy()[0] == 2.0
    optimizer.finalize_variable_values([weight])
    assert weight.numpy()[0] == 1.5


def test_weight_decay_leaves_out(backend):
    weights = variables()
    weights[1].assign(np.ones(3))
    optimizer = optimizers.SGD(1.0, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bi.s"])
    optimizer.apply([np.zeros((2, 3)), np.zeros(3)], weights)
    assert weights[0].numpy()[0, 0] == 0.5
    assert weights[1].numpy()[0] == 1.0


def test_missing_gradient_warns_and_leaves_the_variable(backend):
    weights = variables()
    optimizer = optimizers.SGD(1.0)
    with pytest.warns(UserWarning, match=r"Gradients do not exist for variables \['bias'\]"):
        optimizer.apply([GRADS[0], None], weights)
    assert weights[1].numpy().tolist() == [0.0] * 3
    with pytest.raises(ValueError, match="No gradients provided for any variable of 'sgd"):
        optimizer.apply([None, None], weights)


def test_apply_gradients_returns_the_steps(backend):
    assert int(optimizers.SGD().apply_gradients(zip(GRADS, variables()))) == 1


def test_set_weights_and_files_that_do_not_fit(backend):
    optimizer = optimizers.SGD(0.5)
    optimizer.build(variables())
    optimizer.set_weights([np.array(7), 0.25])
    assert int(optimizer.iterations) == 7
    assert float(optimizer.learning_rate) == 0.25
    with pytest.raises(ValueError, match="has 2 variables and cannot take 1"):
        optimizer.set_weights([1])
    with pytest.warns(UserWarning, match="has 2 variables whereas the saved optimizer has 1"):
        optimizer.load_own_variables({"0": np.array(1)})


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: optimizers.Adam(clipnorm=1.0, clipvalue=1.0), "only one of `clipnorm`"),
        (lambda: optimizers.Adam(betta_1=0.9), "Did you mean `beta_1`?"),
        (lambda: optimizers.Adam("fast"), "learning rate of the optimizer 'adam.*' must be a numb"),
        (lambda: optimizers.Adam(use_ema=True, ema_momentum=2), r"in the range \[0, 1\]"),
        (lambda: optimizers.Adam(use_ema=True, ema_overwrite_frequency=0), "integer >= 1"),
        (lambda: optimizers.Adam(gradient_accumulation_steps=1), "integer >= 2"),
        (lambda: optimizers.SGD(momentum=2), "`momentum` of SGD"),
        (lambda: optimizers.AdamW(weight_decay=None), "Use Adam"),
        (lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0), "does not support"),
        (lambda: optimizers.schedules.CosineDecay(0.1, 0), "`decay_steps` of CosineDecay"),
        (lambda: optimizers.schedules.PiecewiseConstantDecay([1], [1]), "one value more"),
        (lambda: optimizers.get("adm"), "Did you mean 'Adam'?"),
        (lambda: optimizers.get(3), "Received: 3 of type int"),
    ],
)
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_errors_of_apply(backend):
    optimizer = optimizers.SGD(name="mine")
    with pytest.raises(ValueError, match="'mine' does not know which variables"):
        optimizer.apply(GRADS)
    with pytest.raises(ValueError, match="'mine' must be built before"):
        optimizer.stateless_apply([], [], [])
    known, unknown = variables()
    optimizer.build([known])
    with pytest.raises(ValueError, match=r"Unknown variable 'bias'.*'mine'.*Make a new"):
        optimizer.apply([GRADS[1]], [unknown])
    with pytest.raises(ValueError, match=r"for variable 'kernel' has the shape \(3,\)"):
        optimizer.apply([GRADS[1]], [known])
    with pytest.raises(ValueError, match="2 gradients for 1 variables"):
        optimizer.apply(GRADS, [known])
    with pytest.raises(ValueError, match="`grads` of `stateless_apply`"):
        optimizer.stateless_apply([0, 0.1], [], [known.value])


@pytest.mark.parametrize("name", ["adam", "ADAM", "rmsprop", "AdamW", "schedulefreeadamw"])
def test_get_by_name(name):
    assert type(optimizers.get(name)).__name__.lower() == name.lower()


def test_decay_argument_is_ignored_with_a_warning():
    with pytest.warns(UserWarning, match="ignores the argument `decay`"):
        optimizers.Adam(decay=0.1)
