"""Files from `file://` and from a local server, and archives, friendly and hostile."""

import functools
import gzip
import hashlib
import http.server
import io
import pathlib
import stat
import subprocess
import sys
import tarfile
import threading
import zipfile

import pytest

from highlevel.utils import archives, get_file


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source" / "words.txt"
    path.parent.mkdir()
    path.write_text("hello")
    return path


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def _tar(path, *members, mode="w:gz"):
    """Members: (name, content), or a TarInfo."""
    with tarfile.open(path, mode) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            name, content = member
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def _link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def _left(folder):
    """Everything below a folder, hidden parts of broken work included."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


# ------------------------------------------------------------------------- files


def test_a_file_is_fetched_once(source, cache, capsys):
    path = get_file(origin=source.as_uri(), cache_dir=cache)
    assert path == str(cache / "datasets" / "words.txt")
    assert pathlib.Path(path).read_text() == "hello"
    source.write_text("changed")
    assert pathlib.Path(get_file(origin=source.as_uri(), cache_dir=cache)).read_text() == "hello"
    assert capsys.readouterr().out.count("Downloading data from") == 1
    fresh = get_file(origin=source.as_uri(), cache_dir=cache, force_download=True)
    assert pathlib.Path(fresh).read_text() == "changed"
    other = get_file("other.txt", source.as_uri(), cache_dir=cache, cache_subdir="a")
    assert other == str(cache / "a" / "other.txt")
    assert _left(cache) == ["a", "a/other.txt", "datasets", "datasets/words.txt"]


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
@pytest.mark.parametrize("named", [False, True])
def test_the_hash_is_checked(source, cache, algorithm, named):
    right = hashlib.new(algorithm, b"hello").hexdigest()
    options = {"hash_algorithm": algorithm} if named else {}
    path = get_file(origin=source.as_uri(), cache_dir=cache, file_hash=right, **options)
    assert pathlib.Path(path).read_text() == "hello"
    get_file(origin=source.as_uri(), cache_dir=cache, file_hash=right.upper())
    wrong = hashlib.new(algorithm, b"other").hexdigest()
    with pytest.raises(ValueError, match=f"{right}.*{wrong}"):
        get_file("b.txt", source.as_uri(), cache_dir=cache, file_hash=wrong, **options)
    assert _left(cache) == ["datasets", "datasets/words.txt"]


def test_a_cached_file_of_another_hash_is_fetched_again(source, cache):
    get_file(origin=source.as_uri(), cache_dir=cache)
    source.write_text("new")
    path = get_file(origin=source.as_uri(), cache_dir=cache,
                    md5_hash=hashlib.md5(b"new").hexdigest())
    assert pathlib.Path(path).read_text() == "new"


def test_a_failed_download_keeps_the_old_file(source, cache):
    path = get_file(origin=source.as_uri(), cache_dir=cache)
    with pytest.raises(ValueError, match="hash"):
        get_file(origin=source.as_uri(), cache_dir=cache, force_download=True, file_hash="0" * 64)
    assert pathlib.Path(path).read_text() == "hello"


@pytest.mark.parametrize("options, message", [
    ({"origin": None}, "origin"), ({"origin": "no address"}, "http"),
    ({"origin": "data:text/plain,hello"}, "http"), ({"origin": "file:///"}, "fname"),
    ({"fname": "../x"}, "without folders"), ({"fname": "/tmp/x"}, "without folders"),
    ({"fname": ".."}, "without folders"), ({"origin": "http://h/a/%2e%2e"}, "fname"),
    ({"origin": "http://h/..%2f..%2fx/.."}, "fname"),
    ({"file_hash": "0", "hash_algorithm": "crc"}, "hash_algorithm"),
    ({"extract": True, "archive_format": "rar"}, "archive_format"),
    ({"extract": True}, "no archive"),
])
def test_what_makes_no_sense_is_refused(source, cache, options, message):
    with pytest.raises(ValueError, match=message):
        get_file(**({"origin": source.as_uri(), "cache_dir": cache} | options))


def test_a_missing_file(cache, tmp_path):
    with pytest.raises(OSError, match=r"nowhere.*could not be downloaded"):
        get_file(origin=(tmp_path / "nowhere").as_uri(), cache_dir=cache)
    assert _left(cache) == ["datasets"]


def test_the_cache_follows_the_environment(source, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    assert get_file(origin=source.as_uri()).startswith(str(tmp_path / "keras"))
    monkeypatch.setenv("HIGHLEVEL_HOME", str(tmp_path / "own"))
    assert get_file(origin=source.as_uri()).startswith(str(tmp_path / "own"))


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        if self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"only this")
        else:
            super().do_GET()


@pytest.fixture
def server(source):
    handler = functools.partial(_Handler, directory=source.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


def test_downloads_from_a_server(server, cache, source):
    source.write_bytes(bytes(5_000_000))
    path = get_file(origin=f"{server}/words.txt?version=2", cache_dir=cache)
    assert pathlib.Path(path).name == "words.txt"
    assert pathlib.Path(path).stat().st_size == 5_000_000
    with pytest.raises(OSError, match="404"):
        get_file(origin=f"{server}/missing.txt", cache_dir=cache)
    with pytest.raises(OSError, match="9 of 1,000"):
        get_file(origin=f"{server}/short", cache_dir=cache)
    assert _left(cache) == ["datasets", "datasets/words.txt"]


def test_two_processes_at_once_leave_one_whole_file(source, cache):
    source.write_bytes(b"x" * 3_000_000)
    code = ("import sys; from highlevel.utils import get_file; "
            "print(get_file(origin=sys.argv[1], cache_dir=sys.argv[2], force_download=True))")
    runs = [
        subprocess.Popen([sys.executable, "-c", code, source.as_uri(), str(cache)],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for run in runs:
        _, errors = run.communicate(timeout=60)
        assert run.returncode == 0, errors
    assert _left(cache) == ["datasets", "datasets/words.txt"]
    assert (cache / "datasets" / "words.txt").stat().st_size == 3_000_000


# ---------------------------------------------------------------------- archives


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_unpacked(tmp_path, cache, mode):
    run = tarfile.TarInfo("d/run")
    run.mode = 0o4755
    path = _tar(tmp_path / "some.tar.gz", ("d/a.txt", b"one"), ("d/e/b.txt", b"two"), run,
                _link("d/to_a", "a.txt"), _link("d/e/up", "../a.txt"),
                _link("hard", "d/a.txt", tarfile.LNKTYPE), mode=mode)
    folder = pathlib.Path(get_file("some.tar.gz", path.as_uri(), extract=True, cache_dir=cache))
    assert folder == cache / "datasets" / "some_extracted"
    assert _left(folder) == ["d", "d/a.txt", "d/e", "d/e/b.txt", "d/e/up", "d/run", "d/to_a", "hard"]
    for name in ("d/a.txt", "d/to_a", "d/e/up", "hard"):
        assert (folder / name).read_text() == "one"
    assert stat.S_IMODE((folder / "d/run").stat().st_mode) == 0o755  # no set-user-id bit


def test_a_zip_is_unpacked(tmp_path, cache):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("d/a.txt", "one")
        archive.writestr("empty/", "")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "d/a.txt")
    folder = pathlib.Path(get_file(origin=path.as_uri(), extract=True, cache_dir=cache))
    assert folder == cache / "datasets" / "z.zip"  # the name that Keras gives it
    assert _left(folder) == ["d", "d/a.txt", "empty", "link"]
    assert (folder / "link").read_text() == "one"
    (folder / "d/a.txt").write_text("mine")
    get_file(origin=path.as_uri(), extract=True, cache_dir=cache)
    assert (folder / "d/a.txt").read_text() == "mine"  # it is not unpacked again
    get_file(origin=path.as_uri(), extract=True, cache_dir=cache, force_download=True)
    assert (folder / "d/a.txt").read_text() == "one"


def test_untar_and_the_format_asked_for(tmp_path, cache):
    path = _tar(tmp_path / "a.tar", ("x", b"1"), mode="w")
    folder = get_file("plain", path.as_uri(), untar=True, cache_dir=cache)
    assert folder == str(cache / "datasets" / "plain")
    assert _left(cache / "datasets") == ["plain", "plain/x", "plain_archive"]
    with pytest.raises(ValueError, match="no archive of format 'zip'"):
        get_file("q", path.as_uri(), extract=True, archive_format="zip", cache_dir=cache)


def _device():
    info = tarfile.TarInfo("null")
    info.type, info.devmajor, info.devminor = tarfile.CHRTYPE, 1, 3
    return info


def _pipe():
    info = tarfile.TarInfo("pipe")
    info.type = tarfile.FIFOTYPE
    return info


@pytest.mark.parametrize("members, message", [
    ([("../evil", b"x")], "out of the folder"),
    ([("a/../../evil", b"x")], "out of the folder"),
    ([("/tmp/evil", b"x")], "out of the folder"),
    ([("..\\evil", b"x")], "out of the folder"),
    ([_link("l", "/etc/passwd")], "out of the folder"),
    ([_link("l", "../secret")], "out of the folder"),
    ([_link("d/l", "../../secret")], "out of the folder"),
    # Each of these two lies inside by its name; together they lead out.
    ([("x/y/f", b""), _link("x/y/z", "../.."), _link("w", "x/y/z/../secret")], "out of the folder"),
    ([_link("w", "x/y/z/../secret"), ("x/y/f", b""), _link("x/y/z", "../..")], "out of the folder"),
    ([_link("l", "/etc/passwd", tarfile.LNKTYPE)], "out of the folder"),
    ([_link("l", "../secret", tarfile.LNKTYPE)], "out of the folder"),
    ([_link("l", "none", tarfile.LNKTYPE)], "no file before it"),
    ([("d/a", b"x"), _link("d", ".")], "folder before"),
    ([_link("d", "e"), ("d/a", b"x")], "name of another"),
    ([_device()], "device"), ([_pipe()], "device or pipe"),
    ([(".", b"x")], "no name"),
])
def test_a_hostile_tar_leaves_nothing(tmp_path, cache, members, message):
    (cache / "datasets").mkdir(parents=True)
    (cache / "datasets" / "secret").write_text("secret")
    path = _tar(tmp_path / "evil.tar", *members)
    with pytest.raises(ValueError, match=message):
        get_file("e", path.as_uri(), extract=True, cache_dir=cache)
    assert _left(cache) == ["datasets", "datasets/e_archive", "datasets/secret"]
    assert not pathlib.Path("/tmp/evil").exists()


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil"])
def test_a_hostile_zip_leaves_nothing(tmp_path, cache, name):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(ValueError, match="out of the folder"):
        get_file("e", path.as_uri(), extract=True, cache_dir=cache)
    assert _left(cache) == ["datasets", "datasets/e_archive"]


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_growth_is_bounded(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives, "MOST_BYTES", 100_000)
    path = tmp_path / "bomb"
    if kind == "tar":
        _tar(path, ("a", bytes(90_000)), ("b", bytes(2_000_000)))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a", bytes(90_000))
            archive.writestr("b", bytes(2_000_000))
    with pytest.raises(ValueError, match="grow beyond"):
        archives.extract_archive(path, tmp_path / "out")
    assert _left(tmp_path) == ["bomb"]


def test_a_header_that_asks_for_memory_is_refused(tmp_path):
    """An extended header is read as a whole: its size is forged here, and no data follow."""
    header = tarfile.TarInfo("header")
    header.type, header.size = tarfile.XHDTYPE, 2**33
    first = tarfile.TarInfo("a")
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb") as file:
        file.write(first.tobuf(tarfile.GNU_FORMAT) + header.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(ValueError, match="asks for"):
        archives.extract_archive(path, tmp_path / "out")


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_damaged_archive(tmp_path, kind):
    path = tmp_path / "damaged"
    content = bytes(range(256)) * 2000
    if kind == "tar":
        _tar(path, ("a", content))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a", content)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"damaged.* was not unpacked"):
        archives.extract_archive(path, tmp_path / "out")
    assert _left(tmp_path) == ["damaged"]
