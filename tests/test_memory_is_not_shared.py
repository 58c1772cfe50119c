"""Memory that the caller holds as well is not a variable's, nor a batch on its way."""

import numpy as np
import pytest

import highlevel as hl

BATCHES = [np.random.default_rng(i).normal(size=(16, 8)).astype("float32") for i in range(6)]


def buffers(shape):
    """Arrays at sixteen successive offsets: libraries take over memory at round addresses."""
    size = int(np.prod(shape))
    memory = np.zeros(size + 16, "float32")
    return [memory[start:start + size].reshape(shape) for start in range(16)]


@pytest.mark.parametrize("way", ["initial value", "assign", "set_weights", "in a scope"])
def test_variables(backend, way):
    for given in buffers((4, 2)):
        given[:] = 1.0
        if way == "initial value":
            variable = hl.Variable(given)
        elif way == "set_weights":
            layer = hl.layers.Dense(2, use_bias=False)
            layer.build((None, 4))
            layer.set_weights([given])
            variable = layer.kernel
        else:
            variable = hl.Variable(np.zeros((4, 2), "float32"))
            if way == "assign":
                variable.assign(given)
            else:
                with hl.StatelessScope() as scope:
                    variable.assign(given)
                given[:] = 3.0
                variable.assign(scope.updates[variable])
                given[:] = 1.0
                assert np.all(variable.numpy() == 1.0)
        given[:] = 2.0
        assert np.all(variable.numpy() == 1.0)


def test_a_generator_that_fills_one_buffer_again(backend):
    def trained(batches):
        hl.utils.set_random_seed(0)
        model = hl.Sequential([hl.Input((8,)), hl.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(batches, verbose=0)
        return model.get_weights()[0]

    expected = trained((x, x[:, :1]) for x in BATCHES)
    for buffer in buffers((16, 8))[::4]:
        def again(buffer=buffer):
            for x in BATCHES:
                buffer[:] = x
                yield buffer, buffer[:, :1]

        np.testing.assert_array_equal(trained(again()), expected)


def test_what_is_given_out_is_the_callers(backend):
    model = hl.Sequential([hl.Input((8,)), hl.layers.Dense(2, name="dense"), hl.layers.Identity()])
    x = np.ones((3, 8), "float32")
    expected = np.array(model.predict(x, verbose=0))
    given = {
        "get_weights": model.get_weights()[0],
        "numpy": model.layers["dense"].kernel.numpy(),
        "convert_to_numpy": hl.ops.convert_to_numpy(model.layers["dense"].kernel),
        "predict": model.predict(x, verbose=0),
        "predict, whole batches": model.predict(x, batch_size=3, verbose=0),
        "predict_on_batch": model.predict_on_batch(x),
    }
    for name, array in given.items():
        array[...] = 7.0
        np.testing.assert_array_equal(model.predict(x, verbose=0), expected, err_msg=name)
