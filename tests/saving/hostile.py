"""Hostile files, one of each kind: code that makes them, and a process that reads them.

The published ones carry their advisory or the thread where they were reported. Read in a
process whose memory is limited and whose files, processes, connections and imports are
watched (`fuzz.Watch`), each has to be refused with a clear error and to touch nothing.
"""

from __future__ import annotations

import base64
import io
import json
import marshal
import os
import resource
import stat
import struct
import sys
import tarfile
import tempfile
import traceback
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from fuzz import Watch

import highlevel as hl
from highlevel.serialization import table

MEMORY = 300 * 2**20  # what a refusal may take, beside the warm process


class Case(NamedTuple):
    """A hostile file: who reported it, what its refusal says, how it is made and read."""

    source: str
    match: str
    make: Callable[[Path], Path]
    read: Callable[[Path], Any]


CASES: dict[str, Case] = {}


def case(match: str, source: str = "", read: Any = None) -> Callable:
    """Decorator: add what a function makes to the corpus."""

    def decorator(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
        CASES[make.__name__] = Case(source, match, make, read or hl.saving.load_model)
        return make

    return decorator


# --------------------------------------------------------------------- materials


def small() -> Any:
    """A model of two layers."""
    return hl.Sequential([hl.Input((2,)), hl.layers.Dense(3, name="a")], name="m")


def load_weights(path: Path) -> Any:
    """Read a file of weights into it."""
    return hl.saving.load_weights(small(), path)


def get_file(path: Path) -> Any:
    """Unpack an archive, as after a download."""
    return hl.utils.get_file(origin=path.as_uri(), extract=True, cache_dir=path.parent / "cache")


def parts_of(folder: Path) -> dict[str, bytes]:
    """Entries of a sound file."""
    path = folder / "sound.keras"
    small().save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(folder: Path, parts: dict[str, bytes], compress: int = zipfile.ZIP_STORED) -> Path:
    """The file `bad.keras` of these entries."""
    path = folder / "bad.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "w", compress) as archive:
            for name, data in parts.items():
                archive.writestr(name, data)
    return path


def with_layer(folder: Path, **entry: Any) -> Path:
    """A model file with one more layer."""
    parts = parts_of(folder)
    config = json.loads(parts["config.json"])
    config["config"]["layers"].append({"registered_name": None, **entry})
    return packed(folder, {**parts, "config.json": json.dumps(config).encode()})


def with_function(folder: Path, **entry: Any) -> Path:
    """A model file whose dense layer has this activation."""
    parts = parts_of(folder)
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1]["config"]["activation"] = entry
    return packed(folder, {**parts, "config.json": json.dumps(config).encode()})


def with_weights(folder: Path, write: Callable[[Any], None]) -> Path:
    """A model file with these weights."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write(file)
    return packed(folder, {**parts_of(folder), "model.weights.h5": buffer.getvalue()})


def weights(folder: Path, write: Callable[[Any], None]) -> Path:
    """A file of weights."""
    path = folder / "bad.weights.h5"
    with h5py.File(path, "w") as file:
        write(file)
    return path


@hl.saving.register_keras_serializable("hostile", "init")
def init(rng: Any, inputs: Any) -> Any:
    """A user's own function, that a file may name."""
    return {"w": inputs}


@hl.saving.register_keras_serializable("hostile", "call")
def call(params: Any, inputs: Any) -> Any:
    """Another."""
    return inputs


PAYLOAD = "open('PWNED', 'w').write('x')"


def bytecode() -> str:
    """What Keras stores of a lambda, with something to run in it."""
    code = compile(f"lambda x: ({PAYLOAD}, x)[1]", "x", "eval").co_consts[0]
    return base64.b64encode(marshal.dumps(code)).decode()


def tar(folder: Path, *members: tuple[str, bytes, str]) -> Path:
    """A tar file of `(name, kind, target)`."""
    path = folder / "bad.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            data = b"x" * 10 if kind == tarfile.REGTYPE else b""
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


# -------------------------------------------------------------- code in configurations


@case("never run", "CVE-2024-3660")
def lambda_bytecode(folder: Path) -> Path:
    code = {"code": bytecode(), "defaults": None, "closure": None}
    return with_layer(folder, module="keras.layers", class_name="Lambda", config={
        "name": "l", "function": {"class_name": "__lambda__", "config": code}})


@case("Lambda", "keras#23055: Lambda.from_config")
def lambda_bytecode_of_keras_2(folder: Path) -> Path:
    return with_layer(folder, module="keras.layers", class_name="Lambda", config={
        "name": "l", "function": [bytecode(), None, None], "function_type": "lambda",
        "module": "__main__"})


@case("os.system' *, which is not known|os.system", "CVE-2025-1550")
def module_and_class_by_name(folder: Path) -> Path:
    return with_layer(folder, module="os", class_name="system", config={"command": "touch PWNED"})


@case("not known here", "CVE-2025-1550: functions")
def function_by_name(folder: Path) -> Path:
    return with_function(folder, module="subprocess", class_name="function", config="run",
                         registered_name="run")


@case("not known here", "CVE-2025-1550: builtins")
def built_in_function(folder: Path) -> Path:
    return with_function(folder, module="builtins", class_name="function", config="eval",
                         registered_name="function")


@case("not known here|does not have", "CVE-2025-8747: get_file as a gadget")
def download_by_name(folder: Path) -> Path:
    return with_layer(folder, module="keras.utils", class_name="get_file", config={
        "fname": "x", "origin": "http://127.0.0.1:9/x"})


@case("not known here", "CVE-2025-8747: get_file as a function")
def download_by_function(folder: Path) -> Path:
    return with_function(folder, module="keras.src.utils.file_utils", class_name="function",
                         config="get_file", registered_name="get_file")


@case("not known here|does not have", "CVE-2025-9906")
def safe_mode_switched_off(folder: Path) -> Path:
    return with_layer(folder, module="keras.config", class_name="enable_unsafe_deserialization",
                      config={})


@case("not known here", "CVE-2025-9906: as a function")
def safe_mode_switched_off_by_function(folder: Path) -> Path:
    return with_function(folder, module="keras.config", class_name="function",
                         config="enable_unsafe_deserialization", registered_name="function")


@case("never run", "CVE-2025-9905")
def bytecode_in_an_older_file(folder: Path) -> Path:
    path = folder / "bad.h5"
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 1], "name": "i"}},
        {"class_name": "Lambda", "config": {
            "name": "l", "function": [bytecode(), None, None], "function_type": "lambda",
            "module": "__main__", "output_shape_type": "raw", "arguments": {}}}]}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.15.0"
        file.create_group("model_weights").attrs["layer_names"] = [b"i", b"l"]
    return path


@case("does not have|not known here", "CVE-2025-49655")
def pickled_torch_module(folder: Path) -> Path:
    return with_layer(folder, module="keras.layers", class_name="TorchModuleWrapper", config={
        "name": "t", "module": base64.b64encode(b"cos\nsystem\n(S'touch PWNED'\ntR.").decode()})


@case("does not have|not known here|safe mode", "CVE-2026-1462")
def saved_model_elsewhere(folder: Path) -> Path:
    return with_layer(folder, module="keras.layers", class_name="TFSMLayer", config={
        "name": "t", "filepath": "/tmp/evil", "call_endpoint": "serve"})


@case("not known here", "huntr: modules on the path")
def module_in_the_current_folder(folder: Path) -> Path:
    Path("evil_module.py").write_text(PAYLOAD)
    return with_layer(folder, module="evil_module", class_name="Evil", config={})


@case("not known here|does not have", "CVE-2025-1550: dotted and private names")
def attributes_walked(folder: Path) -> Path:
    return with_layer(folder, module="keras.layers", class_name="Layer.__init__.__globals__",
                      config={})


@case("not known here", "CVE-2025-1550: registered names")
def registered_name_of_a_built_in(folder: Path) -> Path:
    return with_layer(folder, module="builtins", class_name="exec", registered_name="builtins>exec",
                      config={"source": PAYLOAD})


@case("does not have", "CVE-2025-1550: ops")
def op_that_is_none(folder: Path) -> Path:
    return with_layer(folder, module="keras.src.ops.numpy", class_name="__import__",
                      config={"name": "os"})


# ------------------------------------------------------------------ other files read


@case("vocabulary from the file", "CVE-2025-12058")
def vocabulary_of_strings(folder: Path) -> Path:
    return with_layer(folder, module="keras.layers", class_name="StringLookup", config={
        "name": "s", "vocabulary": "/etc/passwd"})


@case("vocabulary from the file", "CVE-2025-12058: IntegerLookup")
def vocabulary_of_numbers(folder: Path) -> Path:
    return with_layer(folder, module="keras.layers", class_name="IntegerLookup", config={
        "name": "s", "vocabulary": "/etc/passwd"})


@case("vocabulary from the file", "CVE-2025-12058: TextVectorization")
def vocabulary_of_texts(folder: Path) -> Path:
    return with_layer(folder, module="keras.layers", class_name="TextVectorization", config={
        "name": "s", "vocabulary": "/etc/passwd"})


@case("vocabulary from the file", "CVE-2025-12058: remote addresses")
def vocabulary_from_the_network(folder: Path) -> Path:
    return with_layer(folder, module="keras.layers", class_name="StringLookup", config={
        "name": "s", "vocabulary": "http://127.0.0.1:9/vocabulary"})


@case("vocabulary from the file", "keras#23050", lambda path: [
    hl.layers.StringLookup.from_config(json.loads(path.read_text()))])
def vocabulary_outside_of_loading(folder: Path) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({"name": "s", "vocabulary": "/etc/passwd"}))
    return path


@case("is a link", "keras#22899")
def external_link(folder: Path) -> Path:
    return with_weights(folder, lambda file: file.__setitem__(
        "layers/dense/vars/0", h5py.ExternalLink("/etc/passwd", "/")))


@case("is a link", "keras#22900")
def external_link_in_weights(folder: Path) -> Path:
    return weights(folder, lambda file: file.__setitem__(
        "layers/dense", h5py.ExternalLink("/etc/passwd", "/")))


@case("is a link", "keras#22900: soft links")
def soft_link(folder: Path) -> Path:
    return with_weights(folder, lambda file: file.__setitem__(
        "layers/dense/vars/0", h5py.SoftLink("/other")))


@case("other files", "CVE-2026-1669")
def external_storage(folder: Path) -> Path:
    return with_weights(folder, lambda file: file.create_dataset(
        "layers/dense/vars/0", (2, 3), "f4", external=[("/etc/passwd", 0, 24)]))


@case("other files", "keras#22976")
def virtual_array(folder: Path) -> Path:
    def write(file: Any) -> None:
        layout = h5py.VirtualLayout((2, 3), "f4")
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", (2, 3))
        file.create_virtual_dataset("layers/dense/vars/0", layout)

    return with_weights(folder, write)


@case("outside its folder", "", load_weights)
def list_of_files_elsewhere(folder: Path) -> Path:
    path = folder / "bad.weights.json"
    path.write_text(json.dumps({"weight_map": {"/vars": ["../../../etc/passwd"]}}))
    return path


# -------------------------------------------------------------------------- memory


@case(r"has the shape \(2, 3\)", "CVE-2026-0897")
def shape_bomb(folder: Path) -> Path:
    return with_weights(folder, lambda file: [
        file.create_dataset("layers/dense/vars/0", (2**22, 2**22), "f4", chunks=(1024, 1024)),
        file.create_dataset("layers/dense/vars/1", (3,), "f4")])


@case("claims", "CVE-2026-0897: where the model claims it as well")
def shape_bomb_with_a_layer_to_match(folder: Path) -> Path:
    parts = parts_of(folder)
    config = json.loads(parts["config.json"])
    layer = config["config"]["layers"][1]
    layer["config"]["units"] = 2**34
    layer.pop("build_config", None)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("layers/dense/vars/0", (2, 2**34), "f4", chunks=(2, 2**20))
        file.create_dataset("layers/dense/vars/1", (2**34,), "f4", chunks=(2**20,))
    return packed(folder, {**parts, "config.json": json.dumps(config).encode(),
                           "model.weights.h5": buffer.getvalue()})


@case("do not fit", "")
def layer_of_a_thousand_gigabytes(folder: Path) -> Path:
    parts = parts_of(folder)
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1]["config"]["units"] = 10**12
    config["config"]["layers"][1].pop("build_config", None)
    return packed(folder, {**parts, "config.json": json.dumps(config).encode()})


@case("do not fit", "")
def optimizer_of_three_thousand_gigabytes(folder: Path) -> Path:
    parts = parts_of(folder)
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1]["config"]["units"] = 10**12
    config["config"]["layers"][1].pop("build_config", None)
    config["compile_config"] = {"optimizer": "adam", "loss": "mse"}
    return packed(folder, {**parts, "config.json": json.dumps(config).encode()})


@case("far more bytes than the file has", "", None)
def many_arrays_that_are_large_together(folder: Path) -> Path:
    """Compressed almost as well as can be, each within what one array may claim."""
    count, units = 60, 2**20
    parts = parts_of(folder)
    config = json.loads(parts["config.json"])
    first = config["config"]["layers"][1]
    layers = [config["config"]["layers"][0]]
    buffer = io.BytesIO()
    values = np.zeros(2 * units, "f4")
    values[::4096] = np.random.default_rng(0).normal(size=2 * units // 4096)
    with h5py.File(buffer, "w") as file:
        for at in range(count):
            layer = json.loads(json.dumps(first))
            layer["config"] |= {"units": units if at % 2 == 0 else 2, "name": f"d{at}",
                                "use_bias": False}
            layer.pop("build_config", None)
            layers.append(layer)
            shape = (2, units) if at % 2 == 0 else (units, 2)
            file.create_dataset(f"layers/dense{f'_{at}' if at else ''}/vars/0",
                                data=values.reshape(shape), compression="gzip",
                                compression_opts=9, chunks=shape)
    config["config"]["layers"] = layers
    return packed(folder, {**parts, "config.json": json.dumps(config).encode(),
                           "model.weights.h5": buffer.getvalue()})


@case("would grow", "keras#23010")
def zip_bomb(folder: Path) -> Path:
    parts = {**parts_of(folder), "config.json": b" " * (300 * 2**20)}
    return packed(folder, parts, zipfile.ZIP_DEFLATED)


@case("would grow|claims", "keras#23010: weights")
def zip_bomb_of_weights(folder: Path) -> Path:
    parts = {**parts_of(folder), "model.weights.h5": b"\0" * (300 * 2**20)}
    return packed(folder, parts, zipfile.ZIP_DEFLATED)


@case("would grow", "keras#23212, #23655: many entries together")
def zip_bomb_of_assets(folder: Path) -> Path:
    parts = parts_of(folder) | {f"assets/{i}": b"\0" * (8 * 2**20) for i in range(40)}
    return packed(folder, parts, zipfile.ZIP_DEFLATED)


@case("lie over one another|twice", "zip quines: entries that share their bytes")
def overlapping_entries(folder: Path) -> Path:
    path = packed(folder, {**parts_of(folder), **{f"assets/{i}": b"x" * 20_000 for i in range(9)}})
    data = bytearray(path.read_bytes())
    first = data.find(b"assets/0") - 30
    name = 0
    while (at := data.find(b"PK\x01\x02", name)) >= 0:
        name = at + 4
        if b"assets/" in data[at:at + 60]:
            struct.pack_into("<I", data, at + 42, first)
    # The names differ from those at that place, but sizes are counted before.
    end = data.rfind(b"PK\x05\x06")
    start, size = struct.unpack_from("<II", data, end + 12)[::-1]
    listing = data[start:start + size]
    small_data = data[:first + 30 + 8 + 20_000]
    tail = bytearray(data[end:])
    struct.pack_into("<I", tail, 16, len(small_data))
    path.write_bytes(small_data + listing + tail)
    return path


@case("npz", "keras#23016")
def npz_weights(folder: Path) -> Path:
    parts = parts_of(folder)
    del parts["model.weights.h5"]
    buffer = io.BytesIO()
    header = b"\x93NUMPY\x01\x00" + struct.pack("<H", 70) + (
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }".ljust(69) + b"\n")
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("_layer_checkpoint_dependencies.npy", header)
    return packed(folder, {**parts, "model.weights.npz": buffer.getvalue()})


@case("method 14", "")
def dictionary_of_gigabytes(folder: Path) -> Path:
    return packed(folder, parts_of(folder), zipfile.ZIP_LZMA)


@case("cannot be read as JSON", "")
def nested_json(folder: Path) -> Path:
    return packed(folder, {**parts_of(folder), "config.json": b'{"a":' * 200_000})


@case("cannot be read as JSON", "")
def endless_number(folder: Path) -> Path:
    return packed(folder, {**parts_of(folder), "config.json": b'{"a":' + b"9" * 10**6 + b"}"})


@case("num_thresholds", "")
def table_of_thresholds(folder: Path) -> Path:
    parts = parts_of(folder)
    config = json.loads(parts["config.json"])
    config["compile_config"] = {"optimizer": "adam", "loss": "mse", "metrics": [{
        "module": "keras.metrics", "class_name": "AUC", "registered_name": None,
        "config": {"name": "auc", "num_thresholds": 10**10}}]}
    return packed(folder, {**parts, "config.json": json.dumps(config).encode()})


@case("fft_length", "")
def table_of_frequencies(folder: Path) -> Path:
    return with_layer(folder, module="keras.layers", class_name="MelSpectrogram", config={
        "name": "mel", "fft_length": 2**30, "num_mel_bins": 80})


@case("elements", "")
def layer_run_when_it_is_built(folder: Path) -> Path:
    def named(name: str) -> dict[str, Any]:
        return {"module": "builtins", "class_name": "function", "config": f"hostile>{name}",
                "registered_name": "function"}

    return with_layer(folder, module="keras.layers", class_name="JaxLayer", seed=1,
                      config={"name": "j", "call_fn": named("call"), "init_fn": named("init")},
                      build_config={"input_shape": [10**5, 10**5]})


@case("partly written|damaged", "", load_weights)
def header_of_a_terabyte(folder: Path) -> Path:
    path = folder / "bad.safetensors"
    path.write_bytes((2**40).to_bytes(8, "little") + b"{}")
    return path


@case("damaged|partly written|outside", "", load_weights)
def arrays_outside_of_the_file(folder: Path) -> Path:
    path = folder / "bad.safetensors"
    header = json.dumps({"m/a/kernel": {"dtype": "F32", "shape": [2, 2**40],
                                        "data_offsets": [0, 2**43]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


# ------------------------------------------------------------------------- archives


@case("leads out", "CVE-2025-12060: in .keras files")
def path_upwards(folder: Path) -> Path:
    return packed(folder, {**parts_of(folder), "assets/../../PWNED": b"x"})


@case("leads out", "")
def absolute_path(folder: Path) -> Path:
    return packed(folder, {**parts_of(folder), "/tmp/PWNED": b"x"})


@case("link or a special file", "keras#23055: symbolic links")
def link_in_the_archive(folder: Path) -> Path:
    path = packed(folder, parts_of(folder))
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("assets/x")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return path


@case("twice", "")
def two_configurations(folder: Path) -> Path:
    path = packed(folder, parts_of(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("config.json", "{}")
    return path


@case("link or a special file", "")
def folder_with_a_link(folder: Path) -> Path:
    path = folder / "model"
    small().save(path, zipped=False)
    (path / "assets").mkdir()
    os.symlink("/etc/passwd", path / "assets" / "x")
    return path


@case("link or a special file", "")
def folder_with_a_pipe(folder: Path) -> Path:
    path = folder / "model"
    small().save(path, zipped=False)
    os.remove(path / "config.json")
    os.mkfifo(path / "config.json")  # reading it would wait for ever
    return path


@case("leads out", "CVE-2025-12060", get_file)
def tar_upwards(folder: Path) -> Path:
    return tar(folder, ("../../PWNED", tarfile.REGTYPE, ""))


@case("leads out", "CVE-2025-12060: absolute", get_file)
def tar_absolute(folder: Path) -> Path:
    return tar(folder, ("/tmp/PWNED", tarfile.REGTYPE, ""))


@case("leads out|link|folder before", "CVE-2025-12060: through a symbolic link", get_file)
def tar_through_a_link(folder: Path) -> Path:
    return tar(folder, ("a", tarfile.SYMTYPE, "../.."), ("a/PWNED", tarfile.REGTYPE, ""))


@case("no file before it|leads out", "keras#23055: hard links", get_file)
def tar_with_a_hard_link(folder: Path) -> Path:
    return tar(folder, ("a", tarfile.LNKTYPE, "../../../../etc/passwd"))


@case("device or pipe", "", get_file)
def tar_with_a_device(folder: Path) -> Path:
    return tar(folder, ("a", tarfile.FIFOTYPE, ""))


@case("leads out", "CVE-2025-12060: zip", get_file)
def downloaded_zip_upwards(folder: Path) -> Path:
    path = folder / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../PWNED", "x")
    return path


@case(r"not a `\.keras` archive", "pickles under another name")
def pickle_as_a_model(folder: Path) -> Path:
    path = folder / "bad.keras"
    path.write_bytes(b"cos\nsystem\n(S'touch PWNED'\ntR.")
    return path


# ----------------------------------------------------------------- HDF5's own structure


@case("contains itself", "")
def group_in_itself(folder: Path) -> Path:
    def write(file: Any) -> None:
        group = file.create_group("layers")
        group["again"] = group

    return with_weights(folder, write)


@case("wrong length", "the HDF5 library hangs", load_weights)
def heap_without_end(folder: Path) -> Path:
    path = weights(folder, lambda file: file.create_group("layers/dense/vars").attrs.__setitem__(
        "name", "a"))
    data = bytearray(path.read_bytes())
    at = data.find(b"GCOL")
    used = struct.unpack_from("<Q", data, at + 24)[0]
    struct.pack_into("<Q", data, at + 16 + 16 + -(-used // 8) * 8 + 8, 0)  # the free place's size
    path.write_bytes(data)
    return path


@case("leads back to itself|wrong level|no tree|no table", "", load_weights)
def tree_in_a_circle(folder: Path) -> Path:
    path = weights(folder, lambda file: [file.create_group(f"g{i}") for i in range(40)])
    data = bytearray(path.read_bytes())
    at = data.find(b"TREE")
    data[at + 5] = 1  # an inner node,
    struct.pack_into("<Q", data, at + 32, at)  # whose first child it is itself
    path.write_bytes(data)
    return path


CASES["external_link_in_weights"] = CASES["external_link_in_weights"]._replace(read=load_weights)


# -------------------------------------------------------------------------- reading


def worker() -> None:
    """Read every file of the corpus; a line of JSON for each."""
    folder = Path(sys.argv[2])
    scratch = folder / "scratch"
    scratch.mkdir()
    tempfile.tempdir = str(scratch)
    os.chdir(scratch)
    sys.path.insert(0, "")
    warnings.simplefilter("ignore")
    paths = {}
    for name, entry in CASES.items():
        own = scratch / name
        own.mkdir()
        paths[name] = entry.make(own)
        hl.utils.clear_session()
    watch = Watch(str(scratch))
    sys.stdout, out = io.StringIO(), sys.stdout
    small().save("warm.keras")
    small().save_weights("warm.safetensors")
    hl.saving.load_model("warm.keras")
    load_weights(Path("warm.safetensors"))
    # What is imported on first use is not the file's doing.
    table.builtin_class(None, "Nothing")
    good = tar(scratch, ("x", tarfile.REGTYPE, ""))
    get_file(good)
    with open("/proc/self/statm") as statm:
        now = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
    for name, entry in CASES.items():
        hl.utils.clear_session()
        watch.seen.clear()
        out.write(json.dumps({"start": name}) + "\n")
        out.flush()
        kind, text = "loaded", ""
        watch.on = True
        try:
            entry.read(paths[name])
        except BaseException as error:
            kind, text = type(error).__name__, str(error)
            if not isinstance(error, ValueError):
                text = traceback.format_exc()
        watch.on = False
        seen = list(watch.seen)
        if entry.read is get_file:  # it reads the archive at an address, and keeps it
            seen = [s for s in seen if not s.startswith(("urllib.Request", "shutil."))]
        pwned = [str(p) for place in (folder.parent, Path("/tmp")) for p in place.glob("PWNED*")]
        pwned += [str(p) for p in folder.rglob("PWNED*")]
        out.write(json.dumps({"name": name, "error": kind, "text": text,
                              "touched": seen + pwned}) + "\n")
    out.flush()


if __name__ == "__main__":
    worker()
