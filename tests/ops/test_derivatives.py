"""Derivatives of functions of arrays, of variables and of models, on every backend."""

import numpy as np
import pytest

import highlevel as hl
from highlevel import layers, ops

A = np.array([[1.0, 2.0, -1.0], [0.5, -0.3, 2.0]], "float32")
X = np.array([0.3, -0.7, 1.2], "float32")


def close(found, expected, tolerance=1e-5):
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=tolerance,
                               atol=tolerance)


def mlp(seed=0):
    hl.utils.set_random_seed(seed)
    model = hl.Sequential([
        hl.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
    for v in model.weights:
        v.assign(np.random.default_rng(seed + v.size).normal(size=v.shape))
    return model


# ------------------------------------------------------------------------ of arrays


def test_gradients_by_chosen_arguments(backend):
    def f(x, scale, y):
        return ops.sum(x["a"] * scale * y)

    x, y = {"a": ops.array(X)}, ops.array(X + 1)
    close(ops.grad(f)(x, 2.0, y)["a"], 2 * (X + 1))
    close(ops.grad(f, argnums=2)(x, 2.0, y), 2 * X)
    by_x, by_scale = ops.grad(f, argnums=(0, 1))(x, 2.0, y)
    close(by_x["a"], 2 * (X + 1))
    close(by_scale, np.sum(X * (X + 1)))
    value, gradient = ops.value_and_grad(f, argnums=-1)(x, 2.0, y)
    close(value, 2 * np.sum(X * (X + 1)))
    close(gradient, 2 * X)


def test_aux_is_passed_through(backend):
    gradient, aux = ops.grad(lambda x: (ops.sum(x**2), {"twice": 2 * x}), has_aux=True)(X)
    close(gradient, 2 * X)
    close(aux["twice"], 2 * X)
    value, pull, aux = ops.vjp(lambda x: (ops.sin(x), x + 1), X, has_aux=True)
    close(aux, X + 1)
    close(pull(X)[0], X * np.cos(X))
    value, slope, aux = ops.jvp(lambda x: (ops.sin(x), x + 1), (X,), (X,), has_aux=True)
    close(value, np.sin(X))
    close(slope, X * np.cos(X))
    close(aux, X + 1)


def test_vjp_and_jvp_of_several_arguments(backend):
    def f(x, y):
        return ops.matmul(A, x) * y, ops.sum(y)

    y = np.array([2.0, 3.0], "float32")
    (value, _), pull = ops.vjp(f, X, y)
    close(value, A @ X * y)
    by_x, by_y = pull((np.array([1.0, 10.0], "float32"), np.float32(7)))
    close(by_x, A.T @ (y * [1, 10]))
    close(by_y, A @ X * [1, 10] + 7)
    _, (slope, slope_of_total) = ops.jvp(f, (X, y), (np.ones(3, "float32"), y))
    close(slope, A @ np.ones(3) * y + A @ X * y)
    close(slope_of_total, 5)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_jacobian(backend, mode):
    found = ops.jacobian(lambda x: ops.tanh(ops.matmul(A, x)), mode=mode)(X)
    close(found, (1 - np.tanh(A @ X) ** 2)[:, None] * A)
    # Trees in and out, by several arguments.
    both = ops.jacobian(
        lambda x, y: {"outer": x[:, None] * y, "sum": ops.sum(x)}, argnums=(0, 1), mode=mode
    )(X, X[:2])
    close(both["outer"][0], np.einsum("ik,j->ijk", np.eye(3), X[:2]))
    close(both["outer"][1], np.einsum("i,jk->ijk", X, np.eye(2)))
    close(both["sum"][0], np.ones(3))
    close(both["sum"][1], np.zeros(2))


def test_hessian(backend):
    close(ops.hessian(lambda x: ops.sum(x**3))(X), np.diag(6 * X))
    close(ops.hessian(lambda x: ops.exp(x[0] * x[1]))(np.float32([0.5, 2])),
          np.e * np.array([[4, 2], [2, 0.25]]), 1e-4)


def test_nested_derivatives(backend):
    def f(x):
        return ops.sin(x) * x

    x = ops.array(0.4)
    third = ops.grad(ops.grad(ops.grad(f)))
    close(third(x), -3 * np.sin(0.4) - 0.4 * np.cos(0.4), 1e-4)
    _, along = ops.jvp(ops.grad(lambda x: ops.sum(x**3)), (X,), (X,))
    close(along, 6 * X * X)


def test_vmap(backend):
    close(ops.vmap(ops.dot)(A, A), np.sum(A * A, 1))
    close(ops.vmap(ops.matmul, in_axes=(None, 0), out_axes=1)(A, np.stack([X, 2 * X])),
          np.stack([A @ X, 2 * A @ X], 1))
    per_sample = ops.vmap(ops.grad(lambda x: ops.sum(ops.sin(x) * x)))(A)
    close(per_sample, np.cos(A) * A + np.sin(A))
    close(ops.grad(lambda a: ops.sum(ops.vmap(lambda row: ops.max(row) ** 2)(a)))(A),
          2 * A * (A.max(1, keepdims=True) == A))


# ----------------------------------------------------------------------- of variables


def test_by_variables(backend):
    w, b = hl.Variable(A), hl.Variable([1.0, -1.0])

    def f(x):
        return ops.matmul(w, x) + b

    by_w, by_b = ops.jacobian(f, [w, b])(X)
    close(by_w, np.einsum("ij,k->ijk", np.eye(2), X))
    close(by_b, np.eye(2))
    _, pull = ops.vjp(f, X, variables=[w])
    close(pull(np.float32([1, 10]))[0], np.outer([1, 10], X))
    _, slope = ops.jvp(f, (X,), [np.ones_like(A)], variables=[w])
    close(slope, np.full(2, X.sum()))
    (ww, wb), (bw, bb) = ops.hessian(lambda: ops.sum(f(X) ** 2), [w, b])()
    close(ww, 2 * np.einsum("ik,j,l->ijkl", np.eye(2), X, X))
    close(wb, 2 * np.einsum("ik,j->ijk", np.eye(2), X))
    close(bw, 2 * np.einsum("ik,j->ikj", np.eye(2), X))
    close(bb, 2 * np.eye(2))


def test_nothing_traced_stays_in_a_variable(backend):
    count = hl.Variable(0.0, trainable=False)

    def f(x):
        count.assign_add(ops.sum(x))
        return ops.sum(x * x)

    x = ops.array(X)
    ops.grad(f)(x)
    ops.vjp(f, x)
    ops.jvp(f, (x,), (x,))
    ops.jacobian(f)(x)
    close(count.value, 4 * X.sum())
    ops.grad(lambda x: ops.sum(ops.grad(f)(x)))(x)
    close(count.value, 5 * X.sum())


# --------------------------------------------------------------------------- of models


def test_by_weights_and_by_inputs_of_a_model(backend):
    model = mlp()
    x = ops.array(A)
    (w0, b0, w1, _) = [v.numpy() for v in model.weights]
    hidden = np.tanh(A @ w0 + b0)
    gradients = ops.grad(lambda: ops.sum(model(x)), model.trainable_variables)()
    close(gradients[2], hidden.sum(0)[:, None])
    close(gradients[3], [2.0])
    close(ops.grad(lambda x: ops.sum(model(x)))(x), ((1 - hidden**2) * w1[:, 0]) @ w0.T)
    full = ops.jacobian(lambda x: model(x[None])[0])(x[0])
    close(full[0], ((1 - hidden[0] ** 2) * w1[:, 0]) @ w0.T)
    per_sample = ops.vmap(ops.grad(lambda x: model(x[None])[0, 0]))(x)
    close(per_sample, ((1 - hidden**2) * w1[:, 0]) @ w0.T)


def test_state_of_layers_moves_on(backend):
    model = hl.Sequential([hl.Input((3,)), layers.BatchNormalization(), layers.Dropout(0.5)])
    seed = model.layers[1].seed_generator.state
    before, drawn = model.layers[0].moving_mean.numpy(), int(seed.numpy()[1])
    ops.grad(lambda x: ops.sum(model(x, training=True)))(ops.array(A))
    assert not np.allclose(model.layers[0].moving_mean.numpy(), before)
    assert int(seed.numpy()[1]) == drawn + 1


def test_gradient_penalty(backend):
    """A gradient by the inputs inside of one by the weights, against differences."""
    model = mlp()
    x = ops.array(A)

    def penalty():
        slopes = ops.grad(lambda x: ops.sum(model(x)))(x)
        return ops.mean((ops.sqrt(ops.sum(slopes**2, axis=1)) - 1) ** 2)

    found = ops.grad(penalty, model.trainable_variables)()
    kernel, step = model.weights[0], 1e-2
    value = kernel.numpy()
    for i, j in ((0, 0), (2, 3)):
        ends = []
        for sign in (1, -1):
            moved = value.copy()
            moved[i, j] += sign * step
            kernel.assign(moved)
            ends.append(float(penalty()))
        kernel.assign(value)
        close(found[0][i, j], (ends[0] - ends[1]) / (2 * step), 5e-3)


def test_inside_a_compiled_training_step(backend):
    class Penalised(hl.Model):
        def __init__(self):
            super().__init__()
            self.inner = mlp()

        def call(self, x):
            return self.inner(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            slopes = ops.grad(lambda x: ops.sum(self.inner(x)))(x)
            return ops.mean((y - y_pred) ** 2) + 0.1 * ops.mean(slopes**2)

    model = Penalised()
    model.compile("sgd", run_eagerly=False)
    history = model.fit(A, A[:, :1], epochs=8, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]


# ------------------------------------------------------------------------------ errors


def test_mistakes_are_told(backend):
    f = lambda x: ops.sum(x * x)  # noqa: E731
    with pytest.raises(TypeError, match="scalar"):
        ops.grad(lambda x: x * x)(X)
    with pytest.raises(TypeError, match="int"):
        ops.grad(lambda x: ops.sum(x) * 1.0)(np.arange(3))
    with pytest.raises(TypeError, match=r"position 1.*called with 1 positional"):
        ops.grad(f, argnums=1)(X)
    with pytest.raises(TypeError, match="must be a list of Variables"):
        ops.grad(f, [X])
    with pytest.raises(TypeError, match=r"variables=\[variable\]"):
        ops.jacobian(f, hl.Variable(1.0))
    with pytest.raises(ValueError, match=r"\[\(3,\)\]; it has \[\(2,\)\]"):
        ops.jvp(f, (X,), (X[:2],))
    with pytest.raises(ValueError, match="'reverse' or 'forward'"):
        ops.jacobian(f, mode="sideways")
    with pytest.raises(ValueError, match="differ in length"):
        ops.vmap(ops.add)(A, X)
    with pytest.raises(ValueError, match="all `in_axes` are None"):
        ops.vmap(f, in_axes=None)(A)
    with pytest.raises(ValueError, match="maps axis 2 of argument 0"):
        ops.vmap(f, in_axes=2)(A)
    seen = hl.Variable(0.0, name="seen")
    with pytest.raises(ValueError, match="assigns to 'seen'"):
        ops.vmap(lambda x: (seen.assign(ops.sum(x)), x)[1])(A)
