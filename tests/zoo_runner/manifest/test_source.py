from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_runner.errors import ExitCode, ManifestError
from zoo_runner.manifest.source import MAX_BYTES, MAX_FILES, read
from zoo_runner.manifest.tree import origins, plain


def test_extends_chain(write: Callable[..., Path]) -> None:
    write("a: 1\nb: {x: 1, y: 2}\nc: [1, 2]\nd: {keep: 1}\ne: 1\n", "base/one.yaml")
    write("extends: one.yaml\nb: {y: 3, z: 4}\nc: [9]\ne: null\nd: {keep: 2}\n", "base/two.yaml")
    path = write("extends: base/two.yaml\nb: {x: null}\ne: back\nf: null\n", "three.yaml")

    source = read(path)

    assert plain(source.tree) == {
        "a": 1,
        "b": {"y": 3, "z": 4},
        "c": (9,),
        "d": {"keep": 2},
        "e": "back",
        "f": None,
    }
    assert [str(file) for file in source.files] == ["three.yaml", "base/two.yaml", "base/one.yaml"]
    assert {path: str(origin) for path, origin in origins(source.tree)} == {
        (): "three.yaml:1",
        ("a",): "base/one.yaml:1",
        ("b",): "three.yaml:2",
        ("b", "x"): "three.yaml:2",
        ("b", "y"): "base/two.yaml:2",
        ("b", "z"): "base/two.yaml:2",
        ("c",): "base/two.yaml:3",
        ("c", 0): "base/two.yaml:3",
        ("d",): "base/two.yaml:5",
        ("d", "keep"): "base/two.yaml:5",
        ("e",): "three.yaml:3",
        ("f",): "three.yaml:4",
    }


@pytest.mark.parametrize(
    ("base", "own", "merged"),
    [
        pytest.param("{}", "", {}, id="empty"),
        pytest.param("a: {b: 1}", "a: {}", {"a": {"b": 1}}, id="an empty mapping adds nothing"),
        pytest.param("a: {b: 1}", "a: [1]", {"a": (1,)}, id="list over mapping"),
        pytest.param("a: [1]", "a: {b: 1}", {"a": {"b": 1}}, id="mapping over list"),
        pytest.param("a: {b: 1}", "a: null", {}, id="null removes a section"),
        pytest.param("a: {b: {c: 1, d: 2}}", "a: {b: {c: null}}", {"a": {"b": {"d": 2}}}, id="null, deep"),
        pytest.param("{}", "a: null", {"a": None}, id="null removes nothing where nothing is"),
        pytest.param("a: null", "a: null", {}, id="null over null"),
        pytest.param("{1: a, '1': b}", "1: c", {1: "c", "1": "b"}, id="1 and '1' are two keys"),
    ],
)
def test_merge(write: Callable[..., Path], base: str, own: str, merged: object) -> None:
    write(base, "base.yaml")
    assert plain(read(write(f"extends: base.yaml\n{own}\n")).tree) == merged


def test_null_keys_keep_the_place_that_removed_them(write: Callable[..., Path]) -> None:
    write("a: 1\nb: 2\n", "base.yaml")
    tree = read(write("extends: base.yaml\n\nb: null\n")).tree
    assert str(dict(origins(tree))["b",]) == "m.yaml:3"


def test_paths_are_relative_to_the_file_that_says_them(write: Callable[..., Path]) -> None:
    write("a: x\nb: y\n", "base/one.yaml")
    folders = {path: origin.folder for path, origin in origins(read(write("extends: base/one.yaml\nb: z\n")).tree)}
    assert folders["a",] == Path("base")
    assert folders["b",] == Path()


def test_byte_order_mark(write: Callable[..., Path]) -> None:
    assert plain(read(write(b"\xef\xbb\xbfa: 1\n")).tree) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param(b"", "m.yaml: is empty; expected a manifest", id="empty"),
        pytest.param(b"# soon\n", "m.yaml: is empty; expected a manifest", id="only a comment"),
        pytest.param(b"- a\n", "m.yaml:1: expected a mapping at the top, found a list of 1", id="a list at the top"),
        pytest.param(
            b"zoo-run", "m.yaml:1: expected a mapping at the top, found 'zoo-run' (string)", id="text at the top"
        ),
        pytest.param(
            b"a: 1\nb: \xff\n",
            "m.yaml:2: expected UTF-8 text, found byte 0xff; is this the right file?",
            id="not UTF-8",
        ),
        pytest.param(
            b"#" * (MAX_BYTES + 1),
            "m.yaml: expected a manifest of at most 1 MiB, found more; is this the right file?",
            id="too large",
        ),
        pytest.param(
            b"a: 1\na: 2\nb: *c\n",
            "m.yaml:3:4: expected an anchor &c before its alias *c, found none; in a text, put quotes around it",
            id="alias",
        ),
        pytest.param(
            b"a: 1\na: 2\nb: 1\nb: 2\n",
            "m.yaml:2:1: key 'a' is given twice, first on line 1; remove one\n"
            "m.yaml:4:1: key 'b' is given twice, first on line 3; remove one",
            id="all repetitions",
        ),
        pytest.param(b"a: b: c\n", "m.yaml:1:5: not valid YAML: mapping values are not allowed here", id="syntax"),
        pytest.param(
            b"a: 1\nextends: m.yaml\n",
            "m.yaml:2: extends: leads in a circle: m.yaml -> m.yaml",
            id="extends itself",
        ),
        pytest.param(
            b"extends: https://example.com/m.yaml\n",
            "m.yaml:1: extends: expected a local path, found 'https://example.com/m.yaml'; download and name it",
            id="extends a URL",
        ),
        pytest.param(
            b"extends: [a.yaml]\n",
            "m.yaml:1: extends: expected the path of one manifest, relative to this file, found a list of 1",
            id="extends a list",
        ),
        pytest.param(
            b"extends:\n",
            "m.yaml:1: extends: expected the path of one manifest, relative to this file, found nothing (null)",
            id="extends nothing",
        ),
        pytest.param(
            b"\n\nextends: .\n",
            "m.yaml:3: extends: .: expected a manifest, found a folder; name a file in it: m.yaml",
            id="extends a folder",
        ),
        pytest.param(
            b"extends: n.yaml\n",
            "m.yaml:1: extends: n.yaml: no such file; the folder has m.yaml",
            id="extends a missing file",
        ),
        pytest.param(
            b"\nextends: loop\n",
            "m.yaml:2: extends: loop: expected a regular file, found symbolic links that lead in a circle",
            id="extends a circle of links",
        ),
        pytest.param(
            b"extends: pipe\n",
            "m.yaml:1: extends: pipe: expected a regular file, found a pipe (fifo)",
            id="extends a pipe",
        ),
        pytest.param(
            b"extends: /dev/zero\n",
            "m.yaml:1: extends: /dev/zero: expected a regular file, found a character device",
            id="extends a device",
        ),
        pytest.param(
            b'extends: "a\\0b"\n',
            "m.yaml:1:10: character #x00 is not allowed, written as an escape or not; remove it",
            id="extends what no file can be called",
        ),
        pytest.param(
            b"extends: " + b"n" * 5000,
            f"m.yaml:1: extends: {'n' * 225}...{'n' * 75} (5,000 characters): cannot be read: File name too long",
            id="extends a long name",
        ),
    ],
)
def test_refused(write: Callable[..., Path], content: bytes, text: str) -> None:
    path = write(content)
    os.mkfifo("pipe")
    Path("loop").symlink_to("loop")
    with pytest.raises(ManifestError) as caught:
        read(path)
    assert str(caught.value) == text
    assert caught.value.exit_code is ExitCode.USAGE


def test_circle_names_the_chain(write: Callable[..., Path]) -> None:
    write("extends: ../m.yaml\n", "base/two.yaml")
    write("extends: base/two.yaml\n")
    with pytest.raises(ManifestError) as caught:
        read(write("extends: m.yaml\n", "start.yaml"))
    text = "base/two.yaml:1: extends: leads in a circle: m.yaml -> base/two.yaml -> base/../m.yaml"
    assert str(caught.value) == text


def test_a_long_chain_is_refused_where_it_gets_too_long(write: Callable[..., Path]) -> None:
    for number in range(400):
        write(f"\nextends: {number + 1}.yaml\n", f"{number}.yaml")
    write("a: 1\n", f"{MAX_FILES - 1}.yaml")
    assert len(read(Path("0.yaml")).files) == MAX_FILES
    write(f"extends: {MAX_FILES}.yaml\n", f"{MAX_FILES - 1}.yaml")
    with pytest.raises(ManifestError) as caught:
        read(Path("0.yaml"))
    text = f"expected at most {MAX_FILES} manifests in all, each extending the next"
    assert str(caught.value) == f"{MAX_FILES - 1}.yaml:1: extends: {text}"


class Standard:
    """Stands in for what another program sends."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def test_standard_input_is_read_as_a_file_of_the_current_folder(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a: 1\nb: 2\n", "base/one.yaml")
    monkeypatch.setattr(sys, "stdin", Standard(b"extends: base/one.yaml\nb: 3\n"))
    source = read(Path("-"))
    assert plain(source.tree) == {"a": 1, "b": 3}
    assert source.files == (Path("-"), Path("base/one.yaml"))
    assert {path: (str(origin), origin.folder) for path, origin in origins(source.tree) if path} == {
        ("a",): ("base/one.yaml:1", Path("base")),
        ("b",): ("-:2", Path()),
    }


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        pytest.param(Standard(b""), "-: is empty; expected a manifest", id="nothing"),
        pytest.param(None, "-: is empty; expected a manifest", id="closed"),
        pytest.param(
            Standard(b"#" * (MAX_BYTES + 1)),
            "-: expected a manifest of at most 1 MiB, found more; is this the right file?",
            id="too much",
        ),
        pytest.param(Standard(b"a: ["), "-:1:5: not valid YAML", id="no YAML"),
    ],
)
def test_standard_input_is_refused(stream: Standard | None, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stream)
    with pytest.raises(ManifestError) as caught:
        read(Path("-"))
    assert str(caught.value).startswith(text)


def test_error_in_what_is_extended(write: Callable[..., Path]) -> None:
    write("a: [\n", "base.yaml")
    with pytest.raises(ManifestError, match=r"^base\.yaml:2:1: not valid YAML: expected the node content"):
        read(write("extends: base.yaml\n"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("refinedet32.yaml", "no such file; did you mean 'refinedet320.yaml'?", id="near"),
        pytest.param("refinedet320", "no such file; did you mean 'refinedet320.yaml'?", id="no suffix"),
        pytest.param("deep", "no such file; did you mean 'below/deep.yaml'?", id="a folder further down"),
        pytest.param("empty/deep", "no such file", id="not below this one"),
        pytest.param("x.yaml", "no such file; the folder has other.yml, refinedet320.yaml", id="nothing near"),
        pytest.param("none/x.yaml", "there is no folder none", id="no folder"),
        pytest.param(
            ".", "expected a manifest, found a folder; name a file in it: other.yml, refinedet320.yaml", id="folder"
        ),
        pytest.param("empty", "expected a manifest, found a folder", id="empty folder"),
        pytest.param("empty/x.yaml", "no such file", id="nothing there"),
        pytest.param("pipe", "expected a regular file, found a pipe (fifo)", id="pipe"),
        pytest.param("other.yml/x.yaml", "there is no folder other.yml", id="below a file"),
    ],
)
def test_no_file(write: Callable[..., Path], name: str, text: str) -> None:
    write("a: 1", "refinedet320.yaml")
    write("a: 1", "other.yml")
    write("a: 1", ".hooks.yaml")
    write("a: 1", ".tool/deep.yaml")
    write("a: 1", "below/deep.yaml")
    Path("empty").mkdir()
    os.mkfifo("pipe")
    with pytest.raises(ManifestError) as caught:
        read(Path(name))
    assert str(caught.value) == f"{name}: {text}"


def test_a_link_to_nothing_does_not_suggest_itself(write: Callable[..., Path]) -> None:
    Path("dang.yaml").symlink_to("gone/x.yaml")
    Path("dang2.yaml").symlink_to("gone/x.yaml")
    with pytest.raises(ManifestError) as caught:
        read(Path("dang.yaml"))
    assert str(caught.value) == "dang.yaml: is a link to gone/x.yaml, which is not there"
    write("a: 1", "dan.yaml")
    with pytest.raises(ManifestError, match=r"which is not there; did you mean 'dan\.yaml'\?$"):
        read(Path("dang.yaml"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable(write: Callable[..., Path]) -> None:
    path = write("a: 1")
    path.chmod(0)
    with pytest.raises(ManifestError, match=r"^m\.yaml: cannot be read: Permission denied$"):
        read(path)
