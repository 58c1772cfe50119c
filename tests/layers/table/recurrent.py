"""Rows: recurrent layers, cells, wrappers over them."""

from __future__ import annotations

from .row import In, Made, row
from .shapes import SEQ

X4, X5, X6 = (2, 3, 4, 3), (2, 3, 4, 5, 2), (2, 2, 3, 2, 3, 2)
H = (2, 2)
MASK = In((2, 7), "mask")
MASKED = {"mask": MASK}
ALL = {"return_sequences": True, "return_state": True}
KINDS = ("SimpleRNN", "GRU", "LSTM")
STATES = {"SimpleRNN": [H], "GRU": [H], "LSTM": [H, H]}


def inner(make):
    """A layer in a wrapper; its name must be given, for the paths to be compared."""
    return Made(make)


ROWS = [
    *[row(n, SEQ, units=2, open=(1,)) for n in KINDS],
    *[row(n, SEQ, label="all", units=2, open=(1,), **ALL) for n in KINDS],
    *[row(n, SEQ, label="mask backwards state", units=2, go_backwards=True,
          call=MASKED | {"initial_state": STATES[n]}, **ALL) for n in KINDS],
    *[row(n, SEQ, label="unroll", units=2, unroll=True, call=MASKED, **ALL) for n in KINDS],
    *[row(n, SEQ, label="zero", units=2, zero_output_for_mask=True, return_sequences=True,
          call=MASKED) for n in KINDS],
    *[row(n, SEQ, label="options", units=2, use_bias=False, kernel_regularizer="l2",
          recurrent_constraint="max_norm",
          # Keras's SimpleRNN takes it and forgets it.
          activity_regularizer=None if n == "SimpleRNN" else "l1",
          astray=("mixed",) if n == "GRU" else ()) for n in KINDS],
    *[row(n, SEQ, label="activations", units=2, activation="relu", call=MASKED,
          recurrent_activation="hard_sigmoid") for n in ("GRU", "LSTM")],
    row("SimpleRNN", SEQ, label="linear", units=2, activation="linear", call=MASKED, **ALL),
    *[row(n, SEQ, label="dropout", units=2, dropout=0.3, recurrent_dropout=0.2, seed=1,
          random=True, return_sequences=True) for n in KINDS],
    *[row(n, SEQ, label="stateful", units=2, stateful=True, batch=True,
          astray=("variables",)) for n in KINDS],
    row("LSTM", SEQ, label="forget", units=3, unit_forget_bias=False, bias_initializer="ones"),
    row("GRU", SEQ, label="before", units=2, reset_after=False, **ALL),
    row("GRU", SEQ, label="before mask", units=2, reset_after=False, use_bias=False,
        call=MASKED),
    row("GRU", SEQ, label="unroll backwards", units=2, unroll=True, go_backwards=True,
        return_sequences=True, call=MASKED),

    row("SimpleRNNCell", (2, 3), [H], units=2),
    row("SimpleRNNCell", (2, 3), [H], label="bare", units=2, use_bias=False, activation="relu"),
    row("SimpleRNNCell", (2, 3), [H], label="dropout", units=2, dropout=0.2, random=True),
    row("GRUCell", (2, 3), [H], units=2),
    row("GRUCell", (2, 3), [H], label="before", units=2, reset_after=False),
    row("GRUCell", (2, 3), [H], label="bare", units=2, use_bias=False, activation="relu"),
    row("LSTMCell", (2, 3), [H, H], units=2),
    row("LSTMCell", (2, 3), [H, H], label="bare", units=2, use_bias=False),
    row("LSTMCell", (2, 3), [H, H], label="forget", units=2, unit_forget_bias=False,
        recurrent_activation="hard_sigmoid"),
    row("StackedRNNCells", (2, 3), [[H, H], [(2, 3)]], cells=inner(
        lambda L: [L.LSTMCell(2, name="a"), L.GRUCell(3, name="b")])),
    row("StackedRNNCells", (2, 3), [[H]], label="one", cells=inner(
        lambda L: [L.GRUCell(2, name="a")])),
    row("StackedRNNCells", (2, 3), [[(2, 4)], [H]], label="simple", cells=inner(
        lambda L: [L.SimpleRNNCell(4, name="a"), L.SimpleRNNCell(2, name="b")])),

    row("RNN", SEQ, cell=inner(lambda L: L.LSTMCell(2, name="in")), open=(1,), **ALL),
    row("RNN", SEQ, label="list", cell=inner(
        lambda L: [L.SimpleRNNCell(4, name="a"), L.LSTMCell(2, name="b")])),
    row("RNN", SEQ, label="stacked", call=MASKED, return_sequences=True, cell=inner(
        lambda L: L.StackedRNNCells(
            [L.LSTMCell(2, name="a"), L.GRUCell(3, name="b")], name="in"))),
    row("RNN", SEQ, label="stacked state", cell=inner(
        lambda L: [L.LSTMCell(2, name="a"), L.GRUCell(2, name="b")]),
        call=MASKED | {"initial_state": [[H, H], [H]]}),
    row("RNN", SEQ, label="unroll backwards", unroll=True, go_backwards=True, call=MASKED,
        cell=inner(lambda L: L.GRUCell(2, name="in")), **ALL),

    *[row("Bidirectional", SEQ, label=str(mode), merge_mode=mode, open=(1,),
          layer=inner(lambda L: L.LSTM(2, name="in", **ALL)))
      for mode in ("sum", "mul", "ave", "concat", None)],
    row("Bidirectional", SEQ, label="last", layer=inner(lambda L: L.LSTM(2, name="in"))),
    row("Bidirectional", SEQ, label="mask", call=MASKED,
        layer=inner(lambda L: L.GRU(2, name="in", return_sequences=True))),
    row("Bidirectional", SEQ, label="pair", call=MASKED, astray=("shape", "graph"),
        layer=inner(lambda L: L.LSTM(2, name="in", **ALL)),
        backward_layer=inner(lambda L: L.GRU(3, go_backwards=True, name="back", **ALL))),
    row("Bidirectional", SEQ, label="states", call={"initial_state": [H, H, H, H]},
        layer=inner(lambda L: L.LSTM(2, name="in", **ALL))),
    row("Bidirectional", SEQ, label="None last", merge_mode=None, call=MASKED,
        layer=inner(lambda L: L.GRU(2, return_state=True, name="in"))),
    row("Bidirectional", X4, label="conv",
        layer=inner(lambda L: L.ConvLSTM1D(2, 2, return_sequences=True, name="in"))),

    row("TimeDistributed", SEQ, open=(1,), layer=inner(lambda L: L.Dense(4, name="in"))),
    row("TimeDistributed", X4, label="conv", layer=inner(lambda L: L.Conv1D(2, 2, name="in"))),
    row("TimeDistributed", X4, label="rnn", layer=inner(lambda L: L.GRU(2, name="in"))),
    row("TimeDistributed", SEQ, label="mask", call=MASKED,
        layer=inner(lambda L: L.Dense(4, name="in"))),
    row("TimeDistributed", X4, label="twice", layer=inner(
        lambda L: L.TimeDistributed(L.Dense(2, name="deep"), name="in"))),

    row("ConvLSTM1D", X4, filters=2, kernel_size=3, strides=2,
        recurrent_activation="hard_sigmoid", **ALL),
    row("ConvLSTM1D", (2, 3, 3, 4), label="first", filters=2, kernel_size=2,
        data_format="channels_first", use_bias=False),
    row("ConvLSTM1D", X4, label="mask", filters=2, kernel_size=2, padding="same", keras="masks fail there",
        call={"mask": In((2, 3), "mask")}, return_sequences=True),
    row("ConvLSTM2D", X5, filters=2, kernel_size=(3, 2), padding="same", go_backwards=True,
        **ALL),
    row("ConvLSTM2D", X5, label="first", filters=2, kernel_size=1, dilation_rate=1,
        data_format="channels_first", use_bias=False),
    row("ConvLSTM2D", X5, label="state", filters=2, kernel_size=2, padding="same",
        bias_initializer="ones", kernel_regularizer="l2",
        call={"initial_state": [(2, 4, 5, 2), (2, 4, 5, 2)]}),
    row("ConvLSTM3D", X6, filters=2, kernel_size=2, padding="same", strides=2,
        unit_forget_bias=False),
    row("ConvLSTM3D", X6, label="first", filters=2, kernel_size=1, return_sequences=True,
        data_format="channels_first"),
    row("ConvLSTM3D", X6, label="state", filters=1, kernel_size=1, return_state=True,
        activation="relu"),
]
