"""Replay files that somebody else made: what is none, of another version or hostile is refused, with a cure."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from replay_edits import edit_record, edited, replayed
from zoo_runner.errors import UsageError
from zoo_runner.replay.record import MOST_ENTRIES

if TYPE_CHECKING:
    from tests.zoo_runner.replay.conftest import Red

Entries: TypeAlias = "dict[str, bytes]"


def _set(**values: Any) -> Callable[[Entries], None]:
    return lambda entries: edit_record(entries, lambda record: record.update(values))


def _sample(**values: Any) -> Callable[[Entries], None]:
    return lambda entries: edit_record(entries, lambda record: record["samples"][0].update(values))


def _field(name: str, value: Any) -> Callable[[Entries], None]:
    return lambda entries: edit_record(entries, lambda record: record["samples"][0]["fields"].update({name: value}))


def _array(**values: Any) -> Callable[[Entries], None]:
    return lambda entries: edit_record(entries, lambda record: record["arrays"][0].update(values))


def _entry(name: str, data: bytes) -> Callable[[Entries], None]:
    return lambda entries: entries.update({name: data})


def _without(name: str) -> Callable[[Entries], None]:
    def change(entries: Entries) -> None:
        del entries[name]

    return change


def _manifest(old: bytes, new: bytes) -> Callable[[Entries], None]:
    def change(entries: Entries) -> None:
        assert old in entries["manifest.yaml"]
        entries["manifest.yaml"] = entries["manifest.yaml"].replace(old, new)

    return change


HOSTILE: dict[str, tuple[Callable[[Entries], None], str]] = {
    "a newer format": (_set(format_version=2), "expected a replay file of format 1 and of a release 0.x, as this is "),
    "an older format": (_set(format_version=0), "found format 0 of zoo-runner 0.1.0; replay it with that release: pip"),
    "a newer major version": (_set(runner="1.0.0"), "found format 1 of zoo-runner 1.0.0; replay it with that release"),
    "a version that is none": (_set(runner=None), "found format 1 of zoo-runner None"),
    "something else": (_set(format="other"), "its replay.json is of something else"),
    "a list": (_entry("replay.json", b"[]"), "its replay.json is of something else"),
    "no JSON": (_entry("replay.json", b"{"), "cannot be read (Expecting property name"),
    "deep JSON": (_entry("replay.json", b"[" * 100_000), "maximum recursion depth exceeded"),
    "no main record": (_without("replay.json"), "it has no replay.json"),
    "no manifest": (_without("manifest.yaml"), "it has no manifest.yaml"),
    "no report": (_without("report.json"), "it has no report.json"),
    "another report": (_entry("report.json", b'{"schema_version": 99}'), "is no report of schema version"),
    "no samples": (_set(samples=[]), "samples: Tuple should have at least 1 item"),
    "an array without its bytes": (_without("arrays/000000.bin"), "it has no arrays/000000.bin"),
    "an array of objects": (_array(dtype="|O8"), "arrays.0.dtype: String should match pattern"),
    "an array of records": (_array(dtype="|V8"), "arrays.0.dtype: String should match pattern"),
    "a dtype that is none": (_array(dtype="<f3"), "cannot be read"),
    "a huge array": (_array(shape=[2**40, 2**40]), "bytes of an array, found"),
    "a negative size": (_array(shape=[-1]), "arrays.0.shape.0: Input should be greater than or equal to 0"),
    "a missing array": (_sample(prediction={"label": 999}), "it names an array that is not there"),
    "a name that leads out": (_entry("../outside", b"x"), "a name in it leads elsewhere: '../outside'"),
    "an absolute name": (_entry("/outside", b"x"), "a name in it leads elsewhere: '/outside'"),
    "a file that leads out": (_sample(files=["../../outside"]), "a name in it leads elsewhere: '../../outside'"),
    "a path that leads out": (_field("path", {"t": "path", "v": "../../x", "n": "x"}), "a path in it leads elsewhere"),
    "an absolute path": (_field("path", {"t": "path", "v": "/etc/passwd", "n": "x"}), "a path in it leads elsewhere"),
    "a class that is not loaded": (_sample(kind="antigravity:Sample"), "has no class of samples 'antigravity:Sample'"),
    "a class that is no sample": (_sample(kind="subprocess:Popen"), "has no class of samples 'subprocess:Popen'"),
    "a record of another package": (
        _field("weights", {"t": "record", "c": "subprocess:Popen", "v": {"args": "true"}}),
        "'subprocess:Popen' is no record of the plugin that is loaded here",
    ),
    "a record of the runner": (
        _field("weights", {"t": "record", "c": "zoo_runner.job.options:RunOptions", "v": {}}),
        "is no record of the plugin",
    ),
    "a function of the plugin": (
        _field("weights", {"t": "record", "c": "marked_plugin:zoo_dataset", "v": {}}),
        "is no record of the plugin",
    ),
    "a class of the plugin that is no record": (
        _field("weights", {"t": "record", "c": "marked_plugin:MarkedDataset", "v": {}}),
        "is no record of the plugin",
    ),
    "what the plugin imported": (
        _field("weights", {"t": "record", "c": "marked_plugin:Path", "v": {}}),
        "is no record of the plugin",
    ),
    "another kind of value": (_field("weights", {"t": "pickle", "v": []}), "cannot be made again here"),
    "an enumeration of a record": (
        _field("weights", {"t": "enum", "c": "marked_plugin:Mark", "v": "RED"}),
        "marked_plugin:Mark is no Enum",
    ),
    "a field that the class lacks": (_field("extra", 1), "TypeError: MarkedSample.__init__() got an unexpected"),
    "another field": (_field("weights", 1), "expected the fields that were scored, found others"),
    "another sample": (_sample(id="ant_999"), "its fields are another sample's"),
    "no fields": (_sample(fields=[]), "TypeError: no fields"),
    "a plugin that is not here": (
        _manifest(b"name: marked\n  config", b"name: absent\n  config"),
        "the replay file was made with plugin 'marked' (marked 1.0): install that here",
    ),
    "a manifest that is none": (_entry("manifest.yaml", b"name: 7"), "install that here"),
    "a manifest of two files": (_entry("manifest.yaml", b"extends: nowhere.yaml"), "install that here"),
    "a configuration of another release": (
        _manifest(b"    classes:", b"    unheard_of: 1\n    classes:"),
        "plugin.config.unheard_of",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_replayed_is_refused(name: str, red: Red, tmp_path: Path) -> None:
    """Always as wrong usage: with what is wrong, and without a file beside it."""
    change, text = HOSTILE[name]
    file = edited(red.file, tmp_path / "in" / "replay.zip", change)
    with pytest.raises(UsageError) as found:
        replayed(file, tmp_path / "page")
    assert text in str(found.value)
    assert str(file) in str(found.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
    assert "antigravity" not in sys.modules


def test_what_a_later_release_added_is_left_out(red: Red, tmp_path: Path) -> None:
    """A file of the same major version is read, whatever else it says."""

    def change(entries: Entries) -> None:
        edit_record(entries, lambda record: record.update(runner="0.9.3", later={"a": 1}))
        edit_record(entries, lambda record: record["samples"][0].update(later=[1]))
        report = json.loads(entries["report.json"])
        entries["report.json"] = json.dumps({**report, "later": 1}).encode()
        entries["golden/bundle.bin"] = b"of a later release"

    code, text = replayed(edited(red.file, tmp_path / "in" / "replay.zip", change), tmp_path / "page")
    assert code == 0
    assert "by release 0.9.3" in text


def _text(path: Path) -> None:
    path.write_text("no archive")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-500])


def _damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF
    path.write_bytes(data)


def _twice(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("replay.json", "{}")


def _many(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(MOST_ENTRIES):
            archive.writestr(f"x/{number}", "")


def _bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("x", "w") as file:
        for _ in range(1100):
            file.write(bytes(1 << 20))


def _large(path: Path) -> None:
    os.truncate(path, 20 * 10**6 + 1)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (Path.unlink, "expected a replay file, found nothing there; name a replay.zip of a run, or make it again"),
        (_text, "expected a replay file, found one that cannot be read (File is not a zip file)"),
        (_cut, "File is not a zip file"),
        (_damaged, "cannot be read ("),
        (_twice, "two entries have one name"),
        (_many, "entries, expected at most 20,000"),
        pytest.param(_bomb, "bytes, expected at most 1,000,000,000", marks=pytest.mark.long),
        (_large, "expected at most 20,000,000 bytes, found 20,000,001; set ZOO_RUNNER_REPLAY_LIMIT to accept more"),
        (_fifo, "expected a regular file, found a pipe (fifo)"),
    ],
)
def test_a_file_that_is_no_replay_file(make: Callable[[Path], object], text: str, red: Red, tmp_path: Path) -> None:
    """It is refused before any of it is believed."""
    file = edited(red.file, tmp_path / "in" / "replay.zip", lambda _: None)
    make(file)
    with pytest.raises(UsageError) as found:
        replayed(file, tmp_path / "page")
    assert text in str(found.value)
