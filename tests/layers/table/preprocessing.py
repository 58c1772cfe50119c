"""Rows: preprocessing of numbers, categories, texts, sounds and images."""

from __future__ import annotations

from .row import In, row
from .shapes import IMG, IMG_FIRST, OPEN, OPEN_FIRST, SEQ

CF = "channels_first"
CLASSES, WORDS = In((2, 5), "int", 4), In((2, 5), "text")
SIGNAL, SOUND = (2, 40, 2), (2, 120)
NO_TF = "needs TensorFlow there"
MEL = {"fft_length": 32, "sequence_stride": 8, "num_mel_bins": 5, "sampling_rate": 1000}
VOCABULARY = ["a", "b", "c"]


def host(name, *inputs, **options):
    """A row of a layer for strings or wide integers, which is run on the host."""
    return row(name, *inputs, trains=False, keras=NO_TF, **options)


ROWS = [
    row("Rescaling", SEQ, scale=0.5, open=OPEN[1]),
    row("Rescaling", IMG, label="offset", scale=1 / 255, offset=-1.0),
    row("Rescaling", SEQ, label="channels", scale=[1.0, 2.0, 3.0], offset=-1.0),
    row("Rescaling", In((2, 3), "int", 9), label="integers", scale=2.0, trains=False),
    row("Normalization", SEQ, mean=[0.0, 1.0, 2.0], variance=[1.0, 4.0, 9.0], open=(1,)),
    row("Normalization", SEQ, label="axes", axis=(1, 2), invert=True),
    row("Normalization", (2, 4), label="all", axis=None, mean=1.0, variance=2.0),
    row("Normalization", (2, 4), label="weights"),
    row("CategoryEncoding", CLASSES, num_tokens=4, trains=False, astray=("mixed",)),
    row("CategoryEncoding", CLASSES, label="one", num_tokens=4, output_mode="one_hot",
        trains=False, astray=("mixed",)),
    row("CategoryEncoding", CLASSES, label="count", num_tokens=4, output_mode="count",
        trains=False, astray=("mixed",)),
    row("CategoryEncoding", CLASSES, label="weights", num_tokens=4, output_mode="count",
        call={"count_weights": In((2, 5))}, trains=False),
    row("Discretization", SEQ, bin_boundaries=[-0.5, 0.1, 0.6], trains=False),
    row("Discretization", (2, 5), label="count", bin_boundaries=[-0.5, 0.1],
        output_mode="count", trains=False),
    row("Discretization", (2, 5), label="one", bin_boundaries=[0.0], output_mode="one_hot",
        trains=False),
    row("Discretization", (2, 5), label="multi", bin_boundaries=[0.0, 1.0],
        output_mode="multi_hot", trains=False),
    row("Resizing", IMG, height=4, width=3, open=OPEN[2]),
    row("Resizing", IMG_FIRST, label="first", height=8, width=9, data_format=CF,
        interpolation="nearest", open=OPEN_FIRST[2]),
    row("Resizing", IMG, label="crop", height=3, width=5, crop_to_aspect_ratio=True),
    row("Resizing", IMG, label="pad", height=9, width=4, pad_to_aspect_ratio=True,
        fill_value=0.5),
    row("CenterCrop", IMG, height=2, width=3, open=OPEN[2]),
    row("CenterCrop", IMG_FIRST, label="first", height=4, width=5, data_format=CF),
    row("CenterCrop", IMG, label="small", height=9, width=3),
    *[row("STFTSpectrogram", SIGNAL, label=mode, mode=mode, frame_length=10, frame_step=3,
          astray=("mixed",))
      for mode in ("log", "magnitude", "psd", "real", "imag", "stft")],
    row("STFTSpectrogram", (2, 2, 40), label="first", mode="real", data_format=CF,
        frame_length=10, expand_dims=True, astray=("mixed",)),
    row("STFTSpectrogram", SIGNAL, label="same", mode="psd", padding="same", frame_length=8,
        fft_length=16, scaling="spectrum", window="hamming", periodic=True,
        astray=("mixed",)),
    # Decibels need more digits of the input than bfloat16 has.
    row("MelSpectrogram", SOUND, full=False, **MEL),
    row("MelSpectrogram", SOUND, label="hamming", window="hamming", sequence_length=20,
        full=False, **MEL),
    row("MelSpectrogram", SOUND, label="power", power_to_db=False, mag_exp=1.0, **MEL),
    host("StringLookup", WORDS, vocabulary=VOCABULARY),
    host("StringLookup", WORDS, label="hot", vocabulary=VOCABULARY, output_mode="multi_hot"),
    host("StringLookup", In((2, 5), "int", 4), label="invert", vocabulary=VOCABULARY,
         invert=True),
    host("IntegerLookup", CLASSES, vocabulary=[1, 2, 7]),
    host("IntegerLookup", CLASSES, label="count", vocabulary=[1, 2], num_oov_indices=2,
         output_mode="count"),
    host("IntegerLookup", CLASSES, label="mask", vocabulary=[1, 2], mask_token=0),
    host("Hashing", WORDS, num_bins=4),
    host("Hashing", WORDS, label="hot", num_bins=4, output_mode="multi_hot", salt=[1, 2]),
    host("Hashing", CLASSES, label="mask", num_bins=5, mask_value=0),
    host("HashedCrossing", [In((2, 1), "text"), In((2, 1), "text")], num_bins=5),
    host("HashedCrossing", [In((2, 1), "text"), In((2, 1), "int", 5)], label="hot", num_bins=5,
         output_mode="one_hot"),
    host("HashedCrossing", [In((2, 1), "text")] * 2, label="many", num_bins=50),
    host("TextVectorization", In((2, 1), "text"), vocabulary=VOCABULARY),
    host("TextVectorization", In((2, 1), "text"), label="hot", vocabulary=VOCABULARY,
         output_mode="multi_hot"),
    host("TextVectorization", In((2, 1), "text"), label="long", vocabulary=VOCABULARY,
         output_sequence_length=3, standardize=None),
]
