"""Mutated files by the thousand: each loads, or raises the library's own error.

    python tests/saving/fuzz.py --cases 20000 --seed 0 --workers 1

A case is a seed: it picks a file, changes it, and reads it in a worker process whose memory
is limited and which is watched: for time, for exceptions of other classes, for files opened
for writing outside its scratch folder, for processes, connections and imports of modules.
A worker that dies or hangs is a failure of the case it was at. `--only SEED` runs one.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import json
import os
import random
import resource
import select
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEMORY = 2 * 2**30  # beside what the worker has once it is warm
SECONDS = 10.0  # of processor time
PATIENCE = 90.0  # of waiting, on a busy machine

# ------------------------------------------------------------------------- files


def make_files(folder: Path) -> None:
    """The sound files that are changed, small and of every kind."""
    import h5py
    import numpy as np

    import highlevel as hl

    layers = hl.layers
    x = hl.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, padding="same", name="conv")(x)
    y = layers.BatchNormalization()(y)
    y = layers.ReLU()(hl.ops.add(y, layers.DepthwiseConv2D(3, padding="same")(y)))
    y = layers.SeparableConv2D(4, 3)(y)
    y = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(y))
    picture = hl.Model(x, layers.Dense(3, activation="softmax", kernel_regularizer="l2")(y))
    picture.compile("adam", "categorical_crossentropy",
                    metrics=["accuracy", hl.metrics.AUC(num_thresholds=5)])
    text = hl.Sequential([
        layers.Embedding(11, 4), layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
        layers.TimeDistributed(layers.Dense(2)), layers.GRU(2), layers.Dense(1),
    ])
    text.build((None, 5))
    text.compile(hl.optimizers.SGD(hl.optimizers.schedules.CosineDecay(0.1, 10), momentum=0.9),
                 hl.losses.Huber(), metrics=[hl.metrics.MeanIoU(2)])
    words = layers.TextVectorization(output_sequence_length=4)
    words.adapt(["one two three", "two three", "three"])
    lookup = hl.Sequential([hl.Input((1,), dtype="string"), words, layers.Embedding(6, 2)])
    a, b = hl.Input((4, 6)), hl.Input((4, 6))
    shared = layers.EinsumDense("abc,cd->abd", 6)
    c = layers.MultiHeadAttention(2, 3)(shared(a), shared(b))
    c = layers.LayerNormalization()(layers.Concatenate()([c, a]))
    c = layers.Reshape((-1,))(hl.ops.reshape(c, (-1, 48)) * 2.0)
    attention = hl.Model([a, b], layers.Dense(2)(c))
    number = hl.Input((1,))
    table = hl.Model(number, layers.Concatenate()([
        layers.Normalization(mean=[1.0], variance=[2.0])(number),
        layers.CategoryEncoding(4)(layers.Discretization([0.0, 1.0])(number)),
        layers.Rescaling(0.5)(number),
    ]))
    sound = hl.Sequential([
        hl.Input((512,)),
        layers.MelSpectrogram(num_mel_bins=8, fft_length=64, sequence_stride=32)])
    models = {"picture": picture, "text": text, "lookup": lookup, "attention": attention,
              "table": table, "sound": sound}
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
    small = small_model(hl)
    places = ["layers/dense", "layers/dense_1"]
    small.save_weights(folder / "small.weights.h5")
    small.save_weights(folder / "shards.weights.json", max_shard_size=1e-7)
    with h5py.File(folder / "latest.weights.h5", "w", libver="latest") as file, \
            h5py.File(folder / "packed.weights.h5", "w") as packed:
        for at, layer in zip(places, small.layers):
            for key, value in enumerate(layer.weights):
                place = f"{at}/vars/{key}"
                file[place] = value.numpy()
                packed.create_dataset(place, data=np.asarray(value.numpy()), compression="gzip",
                                      chunks=tuple(value.shape))
    small.compile("adam", "mse")
    small.optimizer.build(small.trainable_variables)
    small.save(folder / "new.h5")
    picture.save(folder / "picture.h5")
    with h5py.File(folder / "old.h5", "w") as file:
        config = {"class_name": "Sequential", "config": small.get_config()}
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"], file.attrs["backend"] = "3.15.0", "jax"
        top = file.create_group("model_weights")
        top.attrs["layer_names"] = [layer.name.encode() for layer in small.layers]
        for layer in small.layers:
            group = top.create_group(layer.name)
            group.attrs["weight_names"] = [v.path.encode() for v in layer.weights]
            for v in layer.weights:
                group[v.path] = v.numpy()
    (folder / "small.json").write_text(small.to_json())
    (folder / "attention.json").write_text(attention.to_json())
    try:
        small.save_weights(folder / "small.safetensors")
    except (ImportError, ValueError):
        (folder / "small.safetensors").unlink(missing_ok=True)


def small_model(hl: Any) -> Any:
    """The model into which weights are loaded."""
    hl.utils.clear_session()
    return hl.Sequential([
        hl.Input((3,)), hl.layers.Dense(4, name="a"), hl.layers.Dense(2, name="b")])


# --------------------------------------------------------------------- mutations

NASTY: list[Any] = [
    None, True, -1, 0, 1, 2**31, 10**9, 10**12, 2**63, 10**30, 1e308, -1e-320, float("nan"), "",
    "a" * 5000, "../../x", "/etc/passwd", "os.system", "keras", "relu", "__class__", "\0", "\ud800",
    [], {}, [[]], [None], {"class_name": "function", "config": "eval", "module": "builtins"},
    {"class_name": "__lambda__", "config": {"code": "4wEA", "defaults": None, "closure": None}},
    {"class_name": "__numpy__", "config": {"value": [1, [2]], "dtype": "float32"}},
    {"class_name": "__tensor__", "config": {"value": [1.0], "dtype": "int99"}},
    {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}},
    {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/x"}},
    {"module": "os", "class_name": "system", "config": {"command": "true"}},
    ["float32"], "float8_e4m3fn", "mixed_float16", 3.5, "channels_first", [1, 2, 3, 4, 5, 6, 7],
    [10**6] * 8,
]


def flip(data: bytes, r: random.Random) -> bytes:
    """Bits, bytes and ranges of a file, its length too."""
    result = bytearray(data)
    for _ in range(r.choice([1, 1, 1, 2, 4, 16, 64])):
        if not result:
            break
        at = r.randrange(len(result))
        kind = r.random()
        if kind < 0.5:
            result[at] ^= 1 << r.randrange(8)
        elif kind < 0.65:
            result[at] = r.choice([0, 255, 127, 128, 1])
        elif kind < 0.8:
            result[at:at + 8] = r.choice([b"\0" * 8, b"\xff" * 8, r.randbytes(8)])[: len(result) - at]
        elif kind < 0.9:
            other, length = r.randrange(len(result)), r.randrange(1, 65)
            result[at:at + length] = result[other:other + length]
        elif kind < 0.95:
            del result[at:]
        else:
            del result[at:at + r.randrange(1, 200)]
    return bytes(result)


def edit(value: Any, r: random.Random) -> Any:
    """Plain data with a few places changed."""
    for _ in range(r.choice([1, 1, 2, 3])):
        places: list[tuple[Any, Any]] = []
        waiting = [value]
        while waiting:
            item = waiting.pop()
            keys = item if isinstance(item, dict) else range(len(item))
            for key in keys:
                places.append((item, key))
                if isinstance(item[key], (dict, list)):
                    waiting.append(item[key])
        if not places:
            return r.choice(NASTY)
        holder, key = r.choice(places)
        kind = r.random()
        if kind < 0.6:
            holder[key] = json.loads(json.dumps(r.choice(NASTY)))
        elif kind < 0.75:
            del holder[key]
        elif kind < 0.9:
            other, there = r.choice(places)
            with contextlib.suppress(KeyError, IndexError):
                holder[key] = json.loads(json.dumps(other[there]))
        elif isinstance(holder, list):
            holder.extend(json.loads(json.dumps(holder[:3])))
        else:
            holder[r.choice(["name", "module", "extra", "shape", "dtype"])] = r.choice(NASTY)
    return value


def edit_hdf5(data: bytes, r: random.Random) -> bytes:
    """An HDF5 file changed by way of the HDF5 library: other shapes, dtypes, links."""
    import h5py
    import numpy as np

    buffer = io.BytesIO(data)
    try:
        with h5py.File(buffer, "a") as file:
            names: list[str] = []
            file.visit(names.append)
            for _ in range(r.choice([1, 1, 2])):
                place = r.choice(names)
                if place not in file:
                    continue
                kind = r.randrange(9)
                if kind < 8:
                    del file[place]
                if kind == 0:
                    file[place] = h5py.SoftLink("/" + r.choice(names))
                elif kind == 1:
                    file[place] = h5py.ExternalLink(r.choice(["/etc/passwd", "x.h5"]), "/")
                elif kind == 2:
                    file[place] = np.zeros(r.choice([(), (0,), (3,), (4, 3), (2, 2, 2)]))
                elif kind == 3:
                    file.create_dataset(place, (2**r.randrange(40), 4), "f4", chunks=(64, 4))
                elif kind == 4:
                    file[place] = r.choice(["text", b"bytes", 3, [b"a", b"b"], True, 1j])
                elif kind == 5:
                    file.create_group(place + "/vars/x/y")
                elif kind == 6:
                    file[place] = np.zeros(3, [("a", "f4"), ("b", "i8")])
                elif kind == 8:
                    file[place].attrs[r.choice(["name", "dtype", "layer_names", "model_config"])] = (
                        r.choice(["x", 3, "float8_e4m3fn", "bfloat16", [b"a"], "{}"]))
    except Exception:  # the library refused the edit: what is there now is a case as well
        pass
    return buffer.getvalue()


def edit_zip(data: bytes, others: list[bytes], r: random.Random) -> bytes:
    """An archive with members changed, swapped, dropped, added; its check sums are right."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = r.choice(list(parts))
    kind = r.random()
    if kind < 0.55:
        which = name if r.random() < 0.3 else "config.json"
        if which.endswith(".json"):
            parts[which] = json.dumps(edit(json.loads(parts[which]), r)).encode(
                "utf-8", "surrogatepass")
        else:
            parts[which] = flip(parts[which], r)
    elif kind < 0.7:
        which = "model.weights.h5"
        parts[which] = edit_hdf5(parts[which], r) if r.random() < 0.5 else flip(parts[which], r)
    elif kind < 0.8:
        with zipfile.ZipFile(io.BytesIO(r.choice(others))) as other:
            which = r.choice(other.namelist())
            parts[which] = other.read(which)
    elif kind < 0.85:
        other_name = r.choice(list(parts))
        parts[name], parts[other_name] = parts[other_name], parts[name]
    elif kind < 0.9:
        del parts[name]
    elif kind < 0.95:
        parts[r.choice(["../x", "assets/../../x", "/x", "assets/x", name + "/x", "a\\b"])] = b"x"
    else:
        parts[r.choice(["config.json", "assets/big"])] = b" " * 20_000_000
    buffer = io.BytesIO()
    packing = r.choice([zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(buffer, "w", packing) as archive:
            for name, part in parts.items():
                archive.writestr(name, part)
    result = buffer.getvalue()
    return flip(result, r) if r.random() < 0.1 else result


def edit_safetensors(data: bytes, r: random.Random) -> bytes:
    """A safetensors file with its header changed."""
    size = int.from_bytes(data[:8], "little")
    header = json.dumps(edit(json.loads(data[8:8 + size]), r)).encode("utf-8", "replace")
    length = len(header) if r.random() < 0.9 else r.choice([0, 1, 2**40, 2**63])
    return length.to_bytes(8, "little") + header + data[8 + size:]


def mutate(name: str, files: dict[str, bytes], r: random.Random) -> bytes:
    """One of the files, changed."""
    data = files[name]
    if r.random() < 0.25:
        return flip(data, r)
    if name.endswith(".keras"):
        return edit_zip(data, [d for n, d in files.items() if n.endswith(".keras")], r)
    if name.endswith(".json"):
        return json.dumps(edit(json.loads(data), r)).encode("utf-8", "replace")
    if name.endswith(".safetensors"):
        return edit_safetensors(data, r)
    return edit_hdf5(data, r) if r.random() < 0.5 else flip(data, r)


# ------------------------------------------------------------------------ worker


def readers(hl: Any, name: str) -> list[tuple[str, Callable[[str], Any]]]:
    """The ways in which a file of a kind is read."""
    saving = hl.saving
    if name.endswith((".keras", "old.h5", "new.h5", "picture.h5")):
        found = [("load_model", saving.load_model)]
    elif name in ("small.json", "attention.json"):
        return [("model_from_json", lambda path: hl.models.model_from_json(
            Path(path).read_text("utf-8", "surrogateescape")))]
    else:
        found = [("load_weights", lambda path: saving.load_weights(small_model(hl), path))]
    if hasattr(saving, "inspect_file"):
        found.append(("inspect_file", lambda path: repr(saving.inspect_file(path))))
    if hasattr(saving, "KerasFileEditor") and name.endswith((".keras", ".weights.h5")):
        found.append(("KerasFileEditor", saving.KerasFileEditor))
    return found


class Watch:
    """What a case does beside reading: files written, processes, connections, imports."""

    _EVENTS = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect",
               "socket.getaddrinfo", "urllib.Request", "shutil.", "os.symlink", "os.link", "exec",
               "marshal.loads", "pickle.find_class")

    def __init__(self, scratch: str) -> None:
        self.scratch = scratch
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, args: tuple) -> None:
        if not self.on:
            return
        if event == "open" and isinstance(args[0], (str, bytes)):
            path, flags = os.fsdecode(args[0]), args[2] or 0
            inside = path.startswith((self.scratch, "/dev/null"))
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and not inside:
                self.seen.append(f"wrote {path}")
            elif not inside and path.startswith("/etc"):
                self.seen.append(f"read {path}")
        elif event == "import" and args[0].split(".")[0] not in sys.stdlib_module_names | {
                "highlevel", "highlevel_numpy", "highlevel_backend", "highlevel_jax"}:
            if args[0] not in sys.modules:
                self.seen.append(f"imported {args[0]}")
        elif event.startswith(self._EVENTS) and not self._inside(event, args):
            self.seen.append(f"{event}{args!r:.100}")

    def _inside(self, event: str, args: tuple) -> bool:
        if event == "marshal.loads":  # how Python reads compiled modules
            return sys._getframe(2).f_code.co_filename.startswith("<frozen importlib")
        # `exec` is how Python itself runs a module of ours that is imported on first use.
        if event == "exec":
            name = getattr(args[0], "co_filename", "")
            return "highlevel" in name or name.startswith((sys.prefix, sys.base_prefix, "<frozen",
                                                           "<string>"))
        return event.startswith("shutil.") and str(args[0]).startswith(self.scratch)


def worker(folder: Path, cases: list[int]) -> None:
    """Run cases and print a line of JSON for each."""
    scratch = tempfile.mkdtemp(dir=folder.parent)
    tempfile.tempdir = scratch
    import h5py  # noqa: F401 - so that it counts as there

    import highlevel as hl

    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    warnings.simplefilter("ignore")
    sys.stdout, out = io.StringIO(), sys.stdout
    watch = Watch(scratch)
    for name in files:  # warm: everything is imported that sound files need
        if not name.startswith("shards_"):
            for _, read in readers(hl, name):
                try:
                    read(str(folder / name))
                except hl.saving.FileError as error:
                    raise AssertionError(f"the sound file {name} is refused") from error
    small_model(hl)(hl.ops.ones((1, 3)))  # a compiler loads parts of itself late
    with open("/proc/self/statm") as statm:
        now = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
    names = [name for name in files if not name.startswith("shards_")]
    for case in cases:
        out.write(json.dumps({"start": case}) + "\n")
        out.flush()
        r = random.Random(case)
        name = r.choice(names)
        data = mutate(name, files, r)
        path = os.path.join(scratch, f"case-{case}.{name.partition('.')[2]}")
        Path(path).write_bytes(data)
        if name.startswith("shards"):
            for other in files:
                if other.startswith("shards_"):
                    Path(scratch, other).write_bytes(files[other])
        for way, read in readers(hl, name):
            watch.seen.clear()
            sys.stdout = io.StringIO()
            start = time.process_time()
            outcome, text = "loaded", ""
            watch.on = True
            try:
                read(path)
            except hl.saving.FileError as error:
                outcome, text = "refused", f"{type(error).__name__}: {error}"[:300]
            except FileNotFoundError as error:
                # A list of weight files may name one that is not there.
                fine = name.endswith(".weights.json") and "There is no file" in str(error)
                outcome, text = ("refused" if fine else "foreign"), f"{error}"
            except BaseException:
                outcome, text = "foreign", traceback.format_exc()[-3000:]
            watch.on = False
            seconds = time.process_time() - start
            if seconds > SECONDS:
                outcome, text = "slow", f"{seconds:.1f} s; {text}"
            if watch.seen:
                outcome, text = "touched", f"{watch.seen[:5]}; {text}"
            out.write(json.dumps({"case": case, "file": name, "way": way, "outcome": outcome,
                                  "text": text, "seconds": seconds}) + "\n")
        for left in os.listdir(scratch):
            full = os.path.join(scratch, left)
            if os.path.isfile(full):
                os.remove(full)
            else:
                out.write(json.dumps({"case": case, "file": name, "way": "all", "seconds": 0,
                                      "outcome": "touched", "text": f"left {left}"}) + "\n")
                os.rmdir(full)
    with open("/proc/self/status") as status:
        peak = next(line for line in status if line.startswith("VmHWM"))
    out.write(json.dumps({"peak": int(peak.split()[1]) * 1024}) + "\n")
    out.flush()
    os.rmdir(scratch)


# ------------------------------------------------------------------------ parent


def run(cases: list[int], folder: Path, report: Callable[[dict], None]) -> dict[str, int]:
    """Run cases in worker processes, one at a time; counts by outcome."""
    counts: collections.Counter[str] = collections.Counter()
    waiting = list(cases)
    while waiting:
        process = subprocess.Popen(
            [sys.executable, __file__, "--folder", str(folder), "--worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONFAULTHANDLER": "1", "HIGHLEVEL_BACKEND": os.environ.get(
                "HIGHLEVEL_BACKEND", "numpy")})
        assert process.stdin and process.stdout and process.stderr
        batch = waiting[:2000]
        process.stdin.write(json.dumps(batch).encode())
        process.stdin.close()
        at, hung, rest = None, False, b""
        while True:
            ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
            if not ready:
                hung = True
                process.kill()
                break
            chunk = os.read(process.stdout.fileno(), 2**16)
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                result = json.loads(line)
                if "start" in result:
                    at = result["start"]
                elif "peak" in result:
                    counts["peak MiB"] = max(counts["peak MiB"], result["peak"] // 2**20)
                else:
                    counts[result["outcome"]] += 1
                    counts["cases"] += result["way"] != "inspect_file" and \
                        result["way"] != "KerasFileEditor"
                    if result["outcome"] not in ("loaded", "refused"):
                        report(result)
        errors = process.stderr.read().decode(errors="replace")
        process.stdout.close()
        process.stderr.close()
        process.wait()
        if process.returncode == 0 and not hung:
            waiting = waiting[len(batch):]
            continue
        if at is None:
            raise RuntimeError(f"The worker did not start: {errors[-3000:]}")
        kind = "hang" if hung else "crash"
        counts[kind] += 1
        report({"case": at, "file": "?", "way": "?", "outcome": kind,
                "text": f"exit {process.returncode}: {errors[-3000:]}"})
        waiting = waiting[waiting.index(at) + 1:]
    return dict(counts)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--worker", action="store_true")
    given = parser.parse_args()
    if given.worker:
        worker(given.folder, json.loads(sys.stdin.read()))
        return
    with tempfile.TemporaryDirectory() as top:
        folder = given.folder or Path(top, "sound")
        if not given.folder:
            folder.mkdir()
            make_files(folder)
        cases = [given.only] if given.only is not None else list(
            range(given.seed, given.seed + given.cases))
        start = time.monotonic()
        counts = run(cases, folder, lambda result: print(json.dumps(result), flush=True))
        print(f"{counts} in {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
