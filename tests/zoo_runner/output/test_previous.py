"""The last report survives, marked; and no other of its forms does."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from reports import small_report as report
from zoo_runner.errors import UsageError
from zoo_runner.output.folder import claimed
from zoo_runner.output.names import FILES, LOCK, PREVIOUS
from zoo_runner.output.previous import NOTICE, forget, retire
from zoo_runner.report.files import write_report
from zoo_runner.report.model import Report, Verdict

KEPT = tuple(PREVIOUS.values())


def kept(folder: Path) -> Report:
    return Report.model_validate_json((folder / "previous-report.json").read_bytes())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_says_what_it_said_and_that_it_is_old(tmp_path: Path, language: str) -> None:
    write_report(tmp_path, report(), language=language)
    retire(tmp_path)
    assert kept(tmp_path) == report().model_copy(update={"notice": f"{NOTICE}; a notice"})
    page = (tmp_path / "previous-report.html").read_text(encoding="utf-8")
    assert (NOTICE in page, "旧报告" in page) == (True, language == "zh")
    assert [name for name in FILES if (tmp_path / name).exists()] == []


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.STOPPED])
def test_a_report_without_a_verdict_does_not_take_the_place_of_one_with(tmp_path: Path, verdict: Verdict) -> None:
    write_report(tmp_path, report(verdict, "first"))
    retire(tmp_path)
    assert kept(tmp_path).why == ("first",)
    for text in ("second", "third"):
        write_report(tmp_path, report(Verdict.FAIL, text))
        retire(tmp_path)
        assert kept(tmp_path).why == (text,)
        write_report(tmp_path, report(verdict, "fourth"))
        retire(tmp_path)
        retire(tmp_path)
        assert kept(tmp_path).why == (text,)
    forget(tmp_path)
    assert [name for name in (*FILES, *KEPT) if (tmp_path / name).exists()] == []


def test_both_are_of_one_run(tmp_path: Path) -> None:
    write_report(tmp_path, report(why="first"))
    retire(tmp_path)
    write_report(tmp_path, report(why="second"))
    retire(tmp_path)
    write_report(tmp_path, report(why="third"))
    (tmp_path / "report.html").unlink()
    retire(tmp_path)
    assert kept(tmp_path).why == ("third",)
    assert not (tmp_path / "previous-report.html").exists()


@pytest.mark.parametrize("cut", ["<title>", "<body "])
def test_a_page_that_cannot_be_marked_is_not_kept(tmp_path: Path, cut: str) -> None:
    write_report(tmp_path, report())
    page = tmp_path / "report.html"
    page.write_text(page.read_text(encoding="utf-8").replace(cut, "<p "), encoding="utf-8")
    retire(tmp_path)
    assert not (tmp_path / "previous-report.html").exists()


@pytest.mark.parametrize("name", KEPT)
def test_somebody_elses_is_left(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    write_report(tmp_path, report())
    retire(tmp_path)
    forget(tmp_path)
    assert (tmp_path / name).read_text() == "mine"
    assert [each for each in FILES if (tmp_path / each).exists()] == []


def test_it_is_marked_once(tmp_path: Path) -> None:
    write_report(tmp_path, report())
    retire(tmp_path)
    (tmp_path / "previous-report.json").rename(tmp_path / "report.json")
    retire(tmp_path)
    found = json.loads((tmp_path / "previous-report.json").read_bytes())
    assert found["notice"].count("PREVIOUS") == 1


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("where", ["inventory.new_file", "writing.new_file", "previous._marked"])
def test_a_full_disk_leaves_no_old_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    write_report(tmp_path, report())
    monkeypatch.setattr(f"zoo_runner.output.{where}", full)
    (note,) = retire(tmp_path)
    assert "the report of an earlier run was removed, and could not be kept as previous-report.json" in note
    assert [name for name in (*FILES, *KEPT) if (tmp_path / name).exists()] == []


def test_what_is_no_lock_leaves_no_old_verdict(tmp_path: Path) -> None:
    write_report(tmp_path, report())
    (tmp_path / LOCK).mkdir()
    with pytest.raises(UsageError, match="is no lock"), claimed(tmp_path):
        pytest.fail("it was not refused")
    assert [name for name in FILES if (tmp_path / name).exists()] == []
    assert kept(tmp_path).verdict == Verdict.PASS
