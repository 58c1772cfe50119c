"""A small Transformer that learns to write Python from the standard library's sources.

It reads the last 64 characters and gives the probabilities of the next one (A. Vaswani et al.,
arXiv:1706.03762); text is made by drawing one character after the other. It needs less than 2.5
bits for each character of modules that it never read, where the characters' frequencies alone
need 4.5, after 1,000 steps in about a minute and a half on two cores.

    python examples/character_language_model.py
"""

import pathlib
import string
import sysconfig

import numpy as np

import highlevel as hl
from highlevel import layers, ops

SYMBOLS = "\n" + string.printable[:95]
# Names that every supported version of Python has as a single file.
TRAIN = (
    "argparse ast calendar configparser csv difflib doctest enum fractions functools gettext "
    "inspect logging/__init__ optparse pdb pickle shutil statistics subprocess tarfile tempfile "
    "textwrap threading typing unittest/case uuid"
)
TEST = "heapq random string shlex dataclasses"


def read(modules):
    """The modules' sources as one array of codes; characters beyond ASCII are left out."""
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    paths = [library / f"{name}.py" for name in modules.split()]
    text = "".join(path.read_text("utf-8") for path in paths)
    codes = {symbol: code for code, symbol in enumerate(SYMBOLS)}
    return np.array([codes[symbol] for symbol in text if symbol in codes], "int32")


class Embed(layers.Layer):
    """Codes `(batch, length)` → vectors of the characters plus vectors of their places."""

    def __init__(self, length, width):
        super().__init__()
        self.characters = layers.Embedding(len(SYMBOLS), width)
        self.places = layers.Embedding(length, width)

    def call(self, codes):
        return self.characters(codes) + self.places(ops.arange(codes.shape[1]))


def block(x, heads, width):
    """Every place looks at itself and the places before it, then thinks for itself."""
    y = layers.LayerNormalization()(x)
    # Without the causal mask, the model would see the character that it is to foretell.
    x = x + layers.MultiHeadAttention(heads, width // heads)(y, y, use_causal_mask=True)
    y = layers.LayerNormalization()(x)
    y = layers.Dense(4 * width, activation="gelu")(y)
    return x + layers.Dense(width)(y)


def build(length, width, blocks, heads=4):
    inputs = hl.Input((length,), dtype="int32")
    x = Embed(length, width)(inputs)
    for _ in range(blocks):
        x = block(x, heads, width)
    x = layers.LayerNormalization()(x)
    return hl.Model(inputs, layers.Dense(len(SYMBOLS))(x), name="writer")


def windows(text, starts, length):
    """Pieces of the text, and the same pieces one character later: what is to be foretold."""
    rows = text[np.asarray(starts)[:, None] + np.arange(length + 1)]
    return rows[:, :-1], rows[:, 1:]


def generate(model, prompt, count, length, temperature=0.7, seed=0):
    """The prompt and `count` characters drawn after it."""
    rng = np.random.default_rng(seed)
    codes = [SYMBOLS.index(symbol) for symbol in prompt]
    for _ in range(count):
        # Always the same shape, so that one compiled program serves. What stands after the
        # last character doesn't matter: the causal mask hides it.
        recent = codes[-length:]
        window = np.zeros((1, length), "int32")
        window[0, :len(recent)] = recent
        logits = model.predict_on_batch(window)[0, len(recent) - 1]
        # Gumbel noise makes the largest logit a draw from the softmax. A temperature below 1
        # prefers likely characters.
        codes.append(int(np.argmax(logits / temperature + rng.gumbel(size=len(logits)))))
    return "".join(SYMBOLS[code] for code in codes)


def main(steps=1000, batch=32, length=64, width=96, blocks=3, characters=300):
    hl.utils.set_random_seed(0)
    train, test = read(TRAIN), read(TEST)
    rng = np.random.default_rng(0)
    x, y = windows(train, rng.integers(0, len(train) - length, steps * batch), length)
    x_test, y_test = windows(test, range(0, len(test) - length, 4 * length), length)

    model = build(length, width, blocks)
    model.compile(
        hl.optimizers.AdamW(hl.optimizers.schedules.CosineDecay(
            0.0, steps, warmup_target=3e-3, warmup_steps=steps // 10), clipnorm=1.0),
        hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, batch_size=batch, verbose=2)

    # Bits for each character, of modules never read; beside it, what counting characters gives.
    bits = model.evaluate(x_test, y_test, batch_size=batch, verbose=0) / np.log(2)
    counts = np.bincount(train, minlength=len(SYMBOLS)) + 1
    counted = -np.log2(counts / counts.sum())[y_test].mean()
    text = generate(model, "def ", characters, length)
    print(f"\n{bits:.2f} bits per character of modules never read; {counted:.2f} by the "
          f"characters' frequencies alone\n\n{text}")
    return float(bits), float(counted), text


if __name__ == "__main__":
    main()
