"""The NumPy backend under the kit that every backend has to pass."""

import numpy as np
from highlevel_backend.conformance import *  # noqa: F403

from highlevel.layers.recurrent.sequences import gru_sequence, lstm_sequence

backend_name = "numpy"


def _arrays(*shapes):
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=shape).astype("float32") for shape in shapes)


_LSTM = _arrays((5, 2, 12), (2, 3), (2, 3), (3, 12))
_GRU = _arrays((5, 2, 9), (2, 3), (3, 9), (9,))
_MASK = _arrays((2, 3))
kernel_cases = {
    "lstm_sequence": (lstm_sequence, [
        (_LSTM, {}), ((*_LSTM, *_MASK), {"reverse": True}), ((_LSTM[0][:1], *_LSTM[1:]), {}),
    ]),
    "gru_sequence": (gru_sequence, [
        (_GRU, {}), (_GRU[:3], {"reverse": True}), ((*_GRU, *_MASK), {"reverse": True}),
    ]),
}
