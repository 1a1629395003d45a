"""What a run finds in its output folder: its own files go, other people's stay, and no old verdict is left."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from reports import small_report as report
from zoo_runner.errors import StageError, UsageError
from zoo_runner.output.folder import (
    claimed,
    clear_default_folders,
    require_baseline_elsewhere,
    require_no_strangers,
)
from zoo_runner.output.inventory import name_manifest
from zoo_runner.output.names import FILES, INPUTS, INVENTORY, LOGS, PREDICTIONS, PREVIOUS, RESULTS, SBOM
from zoo_runner.output.writing import replacing, replacing_folder
from zoo_runner.report.files import write_report

EVERYTHING = (PREDICTIONS, INPUTS, RESULTS)
OWN = (*FILES, *EVERYTHING, SBOM)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "mine").touch()


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(path.parent)  # addresses are short
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


STRANGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda path: path.write_text("mine"), "a file that zoo-run did not write, or that was changed since"),
    "empty": (lambda path: path.write_bytes(b""), "a file that zoo-run did not write, or that was changed since"),
    "folder": (
        make_folder,
        "a folder that zoo-run did not make, or that was changed since",
    ),
    "empty folder": (Path.mkdir, "a folder that zoo-run did not make, or that was changed since"),
    "link to a file": (lambda path: path.symlink_to("elsewhere"), "a symbolic link"),
    "link to nothing": (lambda path: path.symlink_to("nowhere"), "a symbolic link"),
    "fifo": (os.mkfifo, "a fifo"),
    "socket": (make_socket, "a socket"),
}


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize("name", OWN)
def test_what_somebody_else_left_is_refused_by_name_and_stays(tmp_path: Path, name: str, kind: str) -> None:
    make, shown = STRANGE[kind]
    (tmp_path / "elsewhere").write_text("mine")
    make(tmp_path / name)
    before = (tmp_path / name).lstat()
    with pytest.raises(UsageError) as caught, claimed(tmp_path, OWN):
        pytest.fail("it was not refused")
    text = str(caught.value)
    assert text.startswith(f"--output {tmp_path}: expected a folder without files of others under the names that a run")
    assert f"\n  {name}: {shown}\n" in text
    assert text.endswith("choose another --output, or move them away")
    after = (tmp_path / name).lstat()
    assert (before.st_ino, before.st_mtime_ns, before.st_size) == (after.st_ino, after.st_mtime_ns, after.st_size)
    assert (tmp_path / "elsewhere").read_text() == "mine"


@pytest.mark.parametrize("name", OWN)
def test_it_is_not_written_over_either(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("elsewhere")
    (tmp_path / "elsewhere").write_text("mine")
    put = replacing_folder if name in {INPUTS, RESULTS} else replacing
    refused = pytest.raises(StageError, match="something that zoo-run did not write; it was left alone")
    with refused, put(tmp_path / name):
        pytest.fail("there was nothing to fill")
    assert (tmp_path / name).is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "mine"
    assert names(tmp_path) == {name, "elsewhere"}


def test_what_nobody_writes_to_is_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / INPUTS).mkdir()
    (tmp_path / INPUTS / "mine").touch()
    (tmp_path / "notes.txt").touch()
    with claimed(tmp_path, (PREDICTIONS,)):
        pass
    assert names(tmp_path) == {INPUTS, "notes.txt"}


def test_own_files_are_taken_and_the_report_becomes_the_previous_one(folder: Path) -> None:
    with claimed(folder, EVERYTHING) as warnings:
        assert warnings == ()
        left = {*EVERYTHING, LOGS, INVENTORY, *PREVIOUS.values()}
        assert names(folder) == left | {".zoo-run.lock"}
    assert names(folder) == left
    found = json.loads((folder / "previous-report.json").read_bytes())
    assert (found["verdict"], found["notice"]) == (
        "pass",
        "PREVIOUS REPORT: of an earlier run, not of the latest one; a notice",
    )
    page = (folder / "previous-report.html").read_text(encoding="utf-8")
    assert "<title>PREVIOUS · " in page
    assert (
        page.index('<body class="v-pass">\n<p role="alert"')
        < page.index("PREVIOUS REPORT: of an")
        < page.index("<main")
    )


def test_a_folder_of_a_release_without_an_inventory_is_taken_over(folder: Path) -> None:
    (folder / INVENTORY).unlink()
    with claimed(folder, EVERYTHING):
        pass
    assert names(folder) >= set(PREVIOUS.values())
    assert not names(folder) & set(FILES)


@pytest.mark.parametrize("name", [name for name in FILES if name != "report.json"])
def test_what_is_strange_does_not_save_the_rest_of_an_old_report(folder: Path, name: str) -> None:
    (folder / name).write_text("mine")
    with pytest.raises(UsageError, match=name), claimed(folder):
        pytest.fail("it was not refused")
    assert names(folder) & set(FILES) == {name}
    assert (folder / name).read_text() == "mine"


@pytest.mark.parametrize("name", FILES)
def test_a_form_that_was_edited_is_kept_under_another_name(folder: Path, name: str) -> None:
    text = (folder / name).read_text(encoding="utf-8") + "\n "
    for number, target in enumerate((f"{name}.edited", f"{name}.edited-2"), start=1):
        (folder / name).write_text(text + " " * number, encoding="utf-8")
        with claimed(folder) as warnings:
            assert warnings == (f"{folder / name}: was changed after zoo-run wrote it; it is kept as {target}",)
        assert (folder / target).read_text(encoding="utf-8") == text + " " * number
        assert not names(folder) & set(FILES)
        write_report(folder, report())
    assert (folder / f"{name}.edited").read_text(encoding="utf-8") == text + " "
    (folder / name).write_text(text, encoding="utf-8")
    (folder / f"{name}.edited-2").write_text("mine")
    with claimed(folder):
        pass
    assert (folder / f"{name}.edited-2").read_text() == "mine"
    assert (folder / f"{name}.edited-3").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: (folder / "mine").touch(), id="another file"),
        pytest.param(lambda folder: next(folder.iterdir()).write_bytes(b"4321"), id="other content"),
        pytest.param(lambda folder: next(folder.iterdir()).unlink(), id="a file less"),
        pytest.param(lambda folder: (folder / "link").symlink_to("/"), id="a link"),
    ],
)
@pytest.mark.parametrize("name", [INPUTS, RESULTS])
def test_a_folder_that_was_changed_is_not_zoo_runs_any_more(
    folder: Path, name: str, change: Callable[[Path], object]
) -> None:
    change(folder / name)
    before = names(folder / name)
    with pytest.raises(UsageError, match=f"{name}: a folder that zoo-run did not make, or that was changed since"):
        require_no_strangers(folder, EVERYTHING)
    assert names(folder / name) == before


@pytest.mark.parametrize("name", [INPUTS, RESULTS])
def test_a_copied_folder_still_is(folder: Path, name: str) -> None:
    for path in (folder / name).iterdir():
        os.utime(path, (1, 1))
    require_no_strangers(folder, EVERYTHING)
    with replacing_folder(folder / name):
        pass
    assert names(folder / name) == set()


@pytest.mark.parametrize("name", ["logs", "logs/atc_bs1.log", "logs/ais_bench.log"])
def test_logs_are_not_written_over_strange_ones(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to("elsewhere")
    with pytest.raises(UsageError, match=f"\n  {name}: a symbolic link\n"), claimed(tmp_path):
        pytest.fail("it was not refused")


STRANGE_LISTS = ["", "[]", "{}", '{"files": 3}', '{"files": {"a": 1}}', '{"files": {}}', "x" * (17 << 20)]


@pytest.mark.parametrize("content", STRANGE_LISTS, ids=lambda content: content[:20])
@pytest.mark.parametrize("left", [(), FILES], ids=["alone", "beside a report"])
def test_an_inventory_that_cannot_be_read_is_somebody_elses(
    folder: Path, tmp_path: Path, content: str, left: tuple[str, ...]
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    for name in left:
        shutil.copy(folder / name, place)
    (place / INVENTORY).write_text(content)
    with pytest.raises(UsageError, match=rf"\n  {INVENTORY}: a file that zoo-run did not write"), claimed(place):
        pytest.fail("it was not refused")
    assert (place / INVENTORY).read_text() == content
    assert names(place) == {INVENTORY} | (set(PREVIOUS.values()) if left else set())
    write_report(place, report())
    assert (place / INVENTORY).read_text() == content


def test_what_killed_runs_left_goes(folder: Path) -> None:
    for name in (".report.html.12.tmp", ".predictions.npz.1.tmp", ".inputs.3.tmp", "..zoo-run.json.3.tmp"):
        (folder / name).write_text("half")
    for name in (".results.5.old", ".ais_bench-abcd_123"):
        (folder / name).mkdir()
        (folder / name / "file").touch()
    strange = {".report.html.tmp", ".mine.12.tmp", ".ais_bench-mine"}
    for name in strange:
        (folder / name).touch()
    before = names(folder)
    with claimed(folder):
        pass
    assert {name for name in names(folder) if name.startswith(".")} == strange | {INVENTORY}
    assert before > strange


def test_where_there_is_no_folder_none_is_made(tmp_path: Path) -> None:
    with claimed(tmp_path / "a" / "b", EVERYTHING) as warnings:
        assert warnings == ()
    assert names(tmp_path) == set()


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_is_none_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    refused = pytest.raises(StageError, match=r"cannot be written \(Not a directory\); choose another folder")
    with refused, claimed(tmp_path / place):
        pytest.fail("it was not refused")


@pytest.mark.parametrize(
    "name", [".", "report.json", "link", "../out/"], ids=["folder", "report", "link", "roundabout"]
)
def test_a_run_must_not_write_over_its_baseline(folder: Path, name: str) -> None:
    (folder / "link").symlink_to(folder)
    before = names(folder)
    with pytest.raises(UsageError, match=r"expected another folder than --output .* choose another --output"):
        require_baseline_elsewhere(folder / name, folder)
    with pytest.raises(UsageError, match="expected another folder"), claimed(folder, (), folder / name):
        pytest.fail("it was not refused")
    assert names(folder) == before


@pytest.mark.parametrize("output", ["..", "below", "../other"])
def test_a_run_may_write_beside_its_baseline(folder: Path, output: str) -> None:
    before = names(folder)
    for baseline in (folder, folder / "report.json", None):
        with claimed(folder / output, (), baseline):
            pass
    assert names(folder) == before


def test_of_a_manifest_that_cannot_be_read_the_folders_are_known(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name_manifest(folder, Path("m.yaml"))
    clear_default_folders(Path("other.yaml"), tmp_path)
    assert names(folder) >= set(FILES)
    clear_default_folders(Path("m.yaml"), tmp_path)
    assert not names(folder) & set(FILES)
    assert names(folder) >= set(PREVIOUS.values())
