"""The store: complete entries or none, whatever happens to the files or the process."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo_runner.artifacts import (
    Built,
    Store,
    default_root,
    file_digest,
    fingerprint,
    source_fingerprint,
    write_durably,
)
from zoo_runner.errors import FetchError, PluginError

ROOT = Path(__file__).resolve().parents[2]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


class Color(IntEnum):
    RED = 1


def reverse(value: Any) -> Any:
    """Rebuild a value with every dictionary in the opposite order and lists as tuples."""
    if isinstance(value, dict):
        return {key: reverse(item) for key, item in reversed(value.items())}
    if isinstance(value, list):
        return tuple(reverse(item) for item in value)
    return value


@settings(deadline=None, max_examples=50)
@given(st.lists(JSON, max_size=4))
def test_fingerprint_depends_on_values_only(parts: list[Any]) -> None:
    assert fingerprint(*parts) == fingerprint(*[reverse(part) for part in parts])
    assert fingerprint(*parts) != fingerprint(*parts, None)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param((), "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945", id="nothing"),
        pytest.param(
            ("onnx", 11, {"b": [1.5, None], "a": True}),
            hashlib.sha256(b'["onnx",11,{"a":true,"b":[1.5,null]}]').hexdigest(),
            id="written-out",
        ),
        pytest.param(("\u00e9", Color.RED), hashlib.sha256(b'["\\u00e9",1]').hexdigest(), id="text-and-enum"),
    ],
)
def test_fingerprint_is_the_same_on_every_machine(parts: tuple[object, ...], expected: str) -> None:
    assert fingerprint(*parts) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("ab", "c"), ("a", "bc"), id="boundaries"),
        pytest.param((1,), ("1",), id="number-or-text"),
        pytest.param((1,), (1.0,), id="int-or-float"),
        pytest.param(([],), ({},), id="list-or-dict"),
        pytest.param((None,), (), id="none-or-nothing"),
    ],
)
def test_fingerprint_tells_apart(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    assert fingerprint(*one) != fingerprint(*other)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        pytest.param({"weights": Path("x")}, r"part 2\['weights'\] is a PosixPath; expected text", id="path"),
        pytest.param([Built(Path(), reused=False, files=())], r"part 2\[0\] is a Built", id="dataclass"),
        pytest.param({1: 2}, "part 2 has the key 1; keys must be text", id="key"),
        pytest.param(float("nan"), "part 2 is nan, which JSON cannot express", id="nan"),
        pytest.param({1}, "part 2 is a set", id="set"),
        pytest.param(b"x", "part 2 is a bytes", id="bytes"),
    ],
)
def test_fingerprint_refuses_what_has_no_json_form(part: object, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        fingerprint("first", part)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) + 1])
def test_file_digest(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    assert file_digest(path) == hashlib.sha256(b"x" * size).hexdigest()
    assert file_digest(path, "md5") == hashlib.md5(b"x" * size, usedforsecurity=False).hexdigest()


def test_source_fingerprint_follows_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "some_plugin_xyz"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "inner" / "part.py").write_text("x = 1")
    (tmp_path / "single_xyz.py").write_text("")
    first, single = source_fingerprint("some_plugin_xyz"), source_fingerprint("single_xyz")
    (folder / "notes.txt").write_text("not code")
    assert source_fingerprint("some_plugin_xyz.inner.part") == first
    (folder / "inner" / "part.py").write_text("x = 2")
    changed = source_fingerprint("some_plugin_xyz")
    (folder / "inner" / "part.py").rename(folder / "part.py")
    assert len({first, single, changed, source_fingerprint("some_plugin_xyz")}) == 4


@pytest.mark.parametrize("name", ["no_such_package_xyz", "sys", "empty_package_xyz"])
def test_source_fingerprint_without_source(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "empty_package_xyz").mkdir()
    with pytest.raises(PluginError, match=f"expected .*'{name}'"):
        source_fingerprint(name)


def test_default_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_RUNNER_CACHE", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.setenv("ZOO_RUNNER_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_root() == tmp_path / "cache" / "zoo-runner"


def test_write_durably_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a" / "record.json"
    write_durably(path, b"old")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def two_files(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "model.bin").write_bytes(b"weights")
    (folder / "empty").touch()
    (folder / "link").symlink_to("sub")


def test_an_entry_is_made_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.lookup("onnx", "k") is None
    made = store.build("onnx", "k", two_files)
    again = store.build("onnx", "k", lambda _: pytest.fail("made twice"))
    assert (made.reused, again.reused) == (False, True)
    assert made.path == again.path == store.lookup("onnx", "k")
    assert made.files == again.files
    assert {(file.path, file.size) for file in made.files} == {("empty", 0), ("link", 3), ("sub/model.bin", 7)}
    assert made.files[-1].sha256 == hashlib.sha256(b"weights").hexdigest()


def test_an_entry_of_no_files_and_of_many(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.build("kind", "empty", lambda _: None)
    store.build("kind", "many", many_files)
    assert store.lookup("kind", "empty") is not None
    assert len(store.build("kind", "many", two_files).files) == 100


def many_files(folder: Path) -> None:
    for number in range(100):
        (folder / str(number)).touch()


def turn_link(content: Path) -> None:
    (content / "link").unlink()
    (content / "link").symlink_to("xyz")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "changed": lambda content: (content / "sub" / "model.bin").write_bytes(b"WEIGHTS"),
    "shortened": lambda content: (content / "sub" / "model.bin").write_bytes(b"wei"),
    "removed": lambda content: (content / "empty").rename(content.parent / "moved"),
    "added": lambda content: (content / "extra").touch(),
    "link-turned": turn_link,
    "stamp-cut": lambda content: (content.parent / "stamp.json").write_text('{"files": [{"path"'),
    "stamp-empty": lambda content: (content.parent / "stamp.json").write_text("{}"),
    "stamp-gone": lambda content: (content.parent / "stamp.json").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_entry_is_made_again(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    store = Store(tmp_path)
    damage(store.build("onnx", "k", two_files).path)
    assert store.lookup("onnx", "k") is None
    assert not store.build("onnx", "k", two_files).reused
    assert store.build("onnx", "k", two_files).reused


def test_size_verification_sees_sizes_only(tmp_path: Path) -> None:
    store = Store(tmp_path)
    content = store.build("dataset", "k", two_files, verify="size").path
    DAMAGE["changed"](content)
    assert store.build("dataset", "k", two_files, verify="size").reused
    assert store.lookup("dataset", "k", verify="hash") is None
    DAMAGE["shortened"](content)
    assert store.lookup("dataset", "k", verify="size") is None


def test_accept_has_the_last_word(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.build("kind", "k", two_files)
    assert store.build("kind", "k", two_files, accept=lambda built: len(built.files) == 3).reused
    assert not store.build("kind", "k", two_files, accept=lambda _: False).reused


def test_a_failed_build_leaves_what_was_there(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        two_files(folder)
        raise RuntimeError("half-way")

    store = Store(tmp_path)
    with pytest.raises(RuntimeError, match="half-way"):
        store.build("kind", "k", fail)
    assert store.lookup("kind", "k") is None
    assert [path.name for path in (tmp_path / "kind").iterdir() if path.is_dir()] == []
    store.build("kind", "k", two_files)
    with pytest.raises(RuntimeError, match="half-way"):
        store.build("kind", "k", fail, accept=lambda _: False)
    assert store.lookup("kind", "k") is not None


def test_a_killed_build_leaves_nothing_that_is_taken_for_an_entry(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from zoo_runner.artifacts import Store\n"
        "def make(folder):\n"
        "    (folder / 'half').write_bytes(b'x')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "Store(Path(sys.argv[1])).build('kind', 'k', make)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    store, remains = Store(tmp_path), tmp_path / "kind" / ".k.new"
    assert remains.is_dir()
    assert store.lookup("kind", "k") is None
    built = store.build("kind", "k", two_files)
    assert not (built.path / "half").exists()
    assert not remains.exists()


def test_one_builds_while_the_other_waits(tmp_path: Path) -> None:
    waiting, results = threading.Event(), []

    def make(folder: Path) -> None:
        assert waiting.wait(30)
        two_files(folder)

    def build() -> None:
        results.append(Store(tmp_path).build("kind", "k", make, on_wait=waiting.set).reused)

    threads = [threading.Thread(target=build) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == [False, True]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 200])
def test_names_are_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="expected a plain file name"):
        Store(tmp_path).build("kind", name, two_files)


def test_space_is_checked(tmp_path: Path) -> None:
    Store(tmp_path).require_space(0, "nothing")
    text = r"weights: expected 1,152,921,504,606,846,976 bytes of free disk at .*ZOO_RUNNER_CACHE"
    with pytest.raises(FetchError, match=text):
        Store(tmp_path).require_space(1 << 60, "weights")


def test_an_unreadable_entry_is_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    content = store.build("kind", "k", two_files).path
    os.replace(content, content.with_name("moved"))  # noqa: PTH105 - as another program would
    assert store.lookup("kind", "k") is None
