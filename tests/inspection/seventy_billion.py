"""A Transformer of 70 billion parameters is built and looked at; tells what that took.

Run by `test_large_models.py` in a process of its own.
"""

import json
import re
import time

began = time.process_time()  # of the processor: other programs on the machine do not count

import highlevel as hl  # noqa: E402
from highlevel import layers  # noqa: E402


def block(width, heads, groups, inner, name):
    x = inputs = hl.Input((None, width))
    y = layers.RMSNormalization(name="attention_norm")(x)
    attention = layers.GroupQueryAttention(width // heads, heads, groups, use_bias=False, name="attention")
    x = layers.Add(name="attended")([x, attention(y, y, use_causal_mask=True)])
    y = layers.RMSNormalization(name="inner_norm")(x)
    gate = layers.Dense(inner, "silu", use_bias=False, name="gate")(y)
    y = layers.Multiply(name="gated")([gate, layers.Dense(inner, use_bias=False, name="up")(y)])
    y = layers.Dense(width, use_bias=False, name="down")(y)
    return hl.Model(inputs, layers.Add(name="out")([x, y]), name=name)


def transformer(blocks=80, width=8192, heads=64, groups=8, inner=28672, words=128256):
    x = tokens = hl.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(words, width, name="embedding")(x)
    for at in range(blocks):
        x = block(width, heads, groups, inner, f"block_{at}")(x)
    x = layers.RMSNormalization(name="norm")(x)
    return hl.Model(tokens, layers.Dense(words, use_bias=False, name="words")(x), name="large")


def main():
    times = {}

    def lap(name):
        times[name] = round(time.process_time() - began - sum(times.values()), 2)

    lap("import")
    model = transformer()
    lap("build")
    text = []
    model.summary(print_fn=text.append, expand_nested=True)
    html = model._repr_html_()
    lap("summary")
    drawing = model.plot(expand_nested=True)
    svg = drawing.svg
    lap("plot")
    attention = model.layers["block_79/attention"]
    attention._repr_html_()
    costs = [(layer.parameters, layer.flops, layer.memory) for layer in model.layers[-2:]]
    seen = [len(layer.inbound) + len(layer.outbound) for layer in model.layers]
    shapes = [layer.output.shape for layer in model.layers]
    lap("properties")
    with open("/proc/self/status") as status:
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1])
    print(json.dumps({
        "parameters": model.count_params(), "pending": all(v.is_pending for v in model.weights),
        "peak_mib": peak // 1024, "boxes": drawing.graph.count(), "svg": len(svg),
        "html": len(html), "summary": len("".join(text)), "of_attention": attention.count_params(),
        "neighbours": sum(seen), "last": shapes[-1], "costs": [cost[0] for cost in costs],
        "seconds": times,
    }))


if __name__ == "__main__":
    main()
