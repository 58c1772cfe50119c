"""Windows of time series and datasets in two parts."""

import numpy as np
import pytest

import highlevel as hl

windows_of = hl.utils.timeseries_dataset_from_array
split = hl.utils.split_dataset


def test_windows_by_their_definition():
    data, targets = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40)
    dataset = windows_of(data, targets, 4, sequence_stride=3, sampling_rate=2, batch_size=5,
                         start_index=2, end_index=35)
    x, y = (np.concatenate(parts) for parts in zip(*dataset))
    starts = [s for s in range(2, 35, 3) if s + 3 * 2 < 35]
    np.testing.assert_array_equal(x, [[data[s + 2 * i] for i in range(4)] for s in starts])
    assert y.tolist() == starts
    assert len(dataset) == -(-len(starts) // 5)


def test_shuffled_windows_keep_their_targets():
    dataset = windows_of(np.arange(30), np.arange(30) * 10, 3, batch_size=4, shuffle=True, seed=0)
    first = [(x[:, 0].tolist(), y.tolist()) for x, y in dataset]
    second = [(x[:, 0].tolist(), y.tolist()) for x, y in dataset]
    assert first != second
    for epoch in (first, second):
        assert all([10 * s for s in starts] == y for starts, y in epoch)
        assert sorted(s for starts, _ in epoch for s in starts) == list(range(28))
    again = windows_of(np.arange(30), None, 3, batch_size=4, shuffle=True, seed=0)
    assert [x[:, 0].tolist() for x in again] == [starts for starts, _ in first]


@pytest.mark.parametrize("options, message", [
    ({"sequence_length": 0}, "sequence_length"), ({"sequence_length": 2.0}, "sequence_length"),
    ({"sequence_stride": 0}, "sequence_stride"), ({"sampling_rate": 10}, "sampling_rate"),
    ({"start_index": -1}, "start_index"), ({"start_index": 10}, "start_index"),
    ({"end_index": 10}, "end_index"), ({"start_index": 5, "end_index": 5}, "end_index"),
    ({"format": "x"}, "format"), ({"batch_size": 0}, "batch_size"),
])
def test_windows_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        windows_of(np.arange(10), None, **({"sequence_length": 3} | options))


def test_a_model_learns_the_next_value(backend):
    hl.utils.set_random_seed(0)
    series = np.sin(np.arange(200) / 5).astype("float32")
    dataset = windows_of(series[:-1], series[4:], 4, batch_size=32, shuffle=True, seed=1)
    model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(1)])
    model.compile(hl.optimizers.Adam(0.05), "mse")
    assert model.fit(dataset, epochs=25, verbose=0).history["loss"][-1] < 1e-2


# -------------------------------------------------------------------------- splits


def test_parts_of_arrays():
    x, y = np.arange(20).reshape(10, 2), np.arange(10)
    left, right = split((x, y), left_size=0.7)
    assert (len(left), len(right)) == (7, 3)
    assert [int(b) for _, b in right] == [7, 8, 9] and left[0][0].tolist() == [0, 1]
    only, rest = split(x, right_size=4)
    assert (len(only), len(rest)) == (6, 4)
    batches = list(left.batch(3))
    assert [len(b) for _, b in batches] == [3, 3, 1]
    as_dict, _ = split({"a": x, "b": y}, left_size=5)
    assert as_dict[4]["b"] == 4
    small = split(y, left_size=0.2, right_size=0.3)
    assert [[int(v) for v in part] for part in small] == [[0, 1], [7, 8, 9]]


def test_a_list_of_arrays_gives_tuples():
    left, right = hl.utils.split_dataset([np.arange(4), np.arange(4) * 2], left_size=3)
    assert [tuple(map(int, sample)) for sample in right] == [(3, 6)]
    assert all(isinstance(sample, tuple) for sample in left)


def test_drawn_parts_follow_the_seed():
    def parts(seed):
        return [[int(v) for v in p] for p in split(np.arange(50), 0.5, shuffle=True, seed=seed)]

    assert parts(1) == parts(1) != parts(2)
    left, right = parts(1)
    assert sorted(left + right) == list(range(50))


def test_parts_of_datasets():
    windows = windows_of(np.arange(12), np.arange(12), 3, batch_size=4)
    left, right = split(windows, left_size=0.5)
    assert [x.shape for x, _ in left] == [(4, 3), (1, 3)]
    assert [y.tolist() for _, y in right] == [[5, 6, 7, 8], [9]]
    first, _ = split([(np.ones(2), 0), (np.ones(2), 1)], left_size=1)  # as of a torch Dataset
    assert first[0][0].tolist() == [1, 1]
    single, _ = split(windows_of(np.arange(12), None, 3, batch_size=None), left_size=4)
    assert len(single) == 4 and single[0].shape == (3,)
    streamed, _ = split((b for b in windows), left_size=3)
    assert len(streamed) == 1 and streamed[0][0].shape == (3, 3)


def test_fit_takes_a_part(backend):
    left, right = split((np.ones((10, 2), "float32"), np.ones((10, 1), "float32")), left_size=0.8)
    model = hl.Sequential([hl.Input((2,)), hl.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(left.batch(4), validation_data=right.batch(4), verbose=0).history
    assert set(history) == {"loss", "val_loss"}


@pytest.mark.parametrize("arguments, error, message", [
    ({}, ValueError, "left_size"), ({"left_size": 1.5}, ValueError, "left_size"),
    ({"left_size": 0}, ValueError, "left_size"), ({"right_size": 10}, ValueError, "right_size"),
    ({"left_size": "a"}, TypeError, "str"), ({"left_size": True}, TypeError, "bool"),
    ({"left_size": 0.6, "right_size": 0.6}, ValueError, "more than"),
    ({"left_size": 6, "right_size": 6}, ValueError, "more than"),
    ({"left_size": 0.01}, ValueError, "left part empty"),
    ({"left_size": 0.5, "preferred_backend": "mxnet"}, ValueError, "preferred_backend"),
])
def test_sizes_that_do_not_fit(arguments, error, message):
    with pytest.raises(error, match=message):
        split(np.arange(10), **arguments)


def test_what_cannot_be_split():
    with pytest.raises(ValueError, match="number of rows"):
        split((np.arange(3), np.arange(4)), left_size=1)
    with pytest.raises(TypeError, match="int"):
        split(5, left_size=1)
    with pytest.raises(ValueError, match="no samples"):
        split(iter([]), left_size=1)


def test_parts_for_grain():
    pytest.importorskip("grain")
    left, _ = split(np.arange(10), left_size=4, preferred_backend="grain")
    assert [int(v) for v in left] == [0, 1, 2, 3]
