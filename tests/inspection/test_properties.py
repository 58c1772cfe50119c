"""Layers by position, name and path, and their neighbours."""

import pytest

import highlevel as hl
from highlevel import layers


def two_towers():
    a, b = hl.Input((4,), name="a"), hl.Input((4,), name="b")
    shared = layers.Dense(3, name="shared")
    inner = hl.Input((3,), name="inner")
    block = hl.Model(inner, layers.ReLU(name="act")(layers.Dense(3, name="conv")(inner)), name="block")
    joined = layers.Add(name="joined")([block(shared(a)), shared(b)])
    return hl.Model([a, b], layers.Dense(1, name="head")(joined * 2.0), name="towers")


class Block(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = [layers.Dense(3, name="one"), layers.Dense(3, name="two")]

    def call(self, x):
        return self.parts[1](self.parts[0](x))


def test_indexing():
    model = two_towers()
    found = model.layers
    names = ["a", "shared", "b", "block", "joined", "head"]
    assert sorted(layer.name for layer in found) == sorted(names)
    assert found["head"] is found[-1] and found[0].name == "a"
    assert [layer.name for layer in found[-2:]] == ["joined", "head"]
    assert found[-2:]["head"] is found["head"]
    conv = found["block"].layers["conv"]
    assert found["block/conv"] is conv and found["towers/block/conv"] is conv
    assert found["shared"].path == "shared" and found["block"].layers["act"].output.shape == (None, 3)


@pytest.mark.parametrize("key, error, words", [
    ("heda", KeyError, r"Functional 'towers' has no layer 'heda'. Did you mean 'head'\? Its layers: "),
    ("block/covn", KeyError, "Did you mean 'block/conv'"),
    (6, IndexError, "'towers' has 6 layers; there is none at position 6"),
])
def test_errors_tell_the_likely_name(key, error, words):
    with pytest.raises(error, match=words):
        two_towers().layers[key]


def test_paths_through_layers_of_subclasses():
    class Net(hl.Model):
        def __init__(self):
            super().__init__(name="net")
            self.block = Block(name="block")

        def call(self, x):
            return self.block(x)

    net = Net()
    net(hl.ops.ones((2, 3)))
    one = net.block.parts[0]
    assert net.layers["block/one"] is one and one.path == "net/block/one"
    assert net.layers["net/block/one"] is one and one.input.shape == (None, 3)
    with pytest.raises(AttributeError, match=r"'one' was never called .*trace\(x\)"):
        one.inbound  # noqa: B018


def test_a_path_that_two_nested_layers_have():
    def tower(name):
        x = hl.Input((3,))
        return hl.Model(x, layers.Dense(3, name="conv")(x), name=name)

    x = hl.Input((3,))
    left, right = tower("left"), tower("right")
    model = hl.Model(x, layers.add([left(x), right(x)]))
    assert model.layers["right/conv"] is right.layers["conv"]
    with pytest.raises(KeyError, match=r"no layer 'conv'\. Did you mean 'left/conv'"):
        model.layers["conv"]
    assert hl.Model(x, left(x)).layers["conv"] is left.layers["conv"]


def test_neighbours():
    model = two_towers()
    shared, joined = model.layers["shared"], model.layers["joined"]
    assert [layer.name for layer in shared.inbound] == ["a", "b"]
    assert [layer.name for layer in shared.outbound] == ["block", "joined"]
    assert joined.inbound == [model.layers["block"], shared]
    (product,) = joined.outbound
    assert product.outbound == [model.layers["head"]] and product.inbound == [joined]
    assert model.layers["block/conv"].outbound == [model.layers["block/act"]]
    assert model.layers["head"].outbound == []


def test_a_layer_that_holds_the_one_above_it():
    block = Block(name="block")
    block.parts[0].owner = block
    model = hl.Sequential([hl.Input((3,)), block])
    with pytest.raises(KeyError, match="Did you mean 'block/two'"):
        model.layers["two"]
