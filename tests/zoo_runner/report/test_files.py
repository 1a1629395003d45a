from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree as ET

import pytest

from zoo_runner.errors import StageError, UsageError
from zoo_runner.report.files import FILES, keep, make_folder, remove_report, write_report
from zoo_runner.report.model import ManifestRecord, MetricRecord, Report, Verdict
from zoo_runner.report.picture import Picture

FORMS = {"report.json", "report.html", "junit.xml", "summary.md", "report.sarif"}


def report(why: str = "", verdict: Verdict = Verdict.PASS) -> Report:
    manifest = ManifestRecord(name="m", path="m.yaml", files=("m.yaml",), digest="0" * 64)
    return Report(verdict=verdict, exit_code=0, why=(why,), manifest=manifest)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_it_is_written_whole_and_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    make_folder(folder)
    path = write_report(folder, report("größer als 3 €"))
    assert path == folder / "report.json"
    text = path.read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert '    "größer als 3 €"\n' in text
    assert Report.model_validate_json(text) == report("größer als 3 €")
    write_report(folder, report("shorter"))
    assert Report.model_validate_json(path.read_bytes()) == report("shorter")
    assert names(folder) == FORMS == set(FILES)


def test_every_form_says_the_same(tmp_path: Path) -> None:
    write_report(tmp_path, report("größer", Verdict.FAIL), language="zh")
    assert "größer" in (tmp_path / "report.html").read_text(encoding="utf-8")
    (failure,) = ET.parse(tmp_path / "junit.xml").iter("failure")  # noqa: S314 - our own text
    assert failure.attrib["message"] == "größer"
    assert "## ❌ 未通过 — m\n\n- größer\n" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    (result,) = json.loads((tmp_path / "report.sarif").read_bytes())["runs"][0]["results"]
    assert result["message"]["text"] == "m: größer"


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param("]]> </script><b> | ` % &amp;", id="markup"),
        pytest.param("a\x00b\x1b[31mc\x07\r\n\u202e", id="control characters"),
        pytest.param("\udcff\ud800", id="no text"),
        pytest.param("größe 精度 ≥ 🐟", id="far away"),
        pytest.param("n" * 5000, id="long"),
    ],
)
def test_odd_texts_do_not_cost_any_form(tmp_path: Path, odd: str) -> None:
    lines = tuple(
        MetricRecord(
            name=odd,
            protocol=odd,
            id=f"{odd}{number}",
            verdict=Verdict.FAIL,
            why=odd,
            where=odd,
            value=1.0,
            unit="percent",
            samples=1,
            dataset_samples=1,
        )
        for number in range(200)
    )
    write_report(tmp_path, report(odd, Verdict.FAIL).model_copy(update={"metrics": lines, "warnings": (odd,)}))
    assert names(tmp_path) == FORMS
    written = Report.model_validate_json((tmp_path / "report.json").read_bytes())
    assert (len(written.metrics), len(written.warnings)) == (200, 1)
    assert len(list(ET.parse(tmp_path / "junit.xml").iter("failure"))) == 200  # noqa: S314 - our own text
    assert len(json.loads((tmp_path / "report.sarif").read_bytes())["runs"][0]["results"]) == 201
    assert not re.search("[\x00\x1b\u202e]", (tmp_path / "summary.md").read_text(encoding="utf-8"))


def test_the_report_itself_comes_last(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()  # nothing can be put there
    with pytest.raises(StageError, match="cannot be written"):
        write_report(tmp_path, report())
    assert names(tmp_path) == {"report.json"}  # and no other form of a verdict that programs do not get


def test_one_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    class Interrupting(Sequence[Picture]):
        def __len__(self) -> int:
            raise KeyboardInterrupt

        def __getitem__(self, _place: object) -> NoReturn:
            raise KeyboardInterrupt

    (tmp_path / "junit.xml").write_text("of the same run")
    with pytest.raises(KeyboardInterrupt):
        write_report(tmp_path, report(), Interrupting())
    assert names(tmp_path) == set()


@pytest.mark.parametrize("name", sorted(FORMS - {"report.json"}))
def test_a_form_that_cannot_be_written_does_not_cost_the_verdict(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    path = write_report(tmp_path, report("fine"))
    written = Report.model_validate_json(path.read_bytes())
    assert (written.verdict, written.why) == (Verdict.PASS, ("fine",))
    (warning,) = written.warnings
    assert re.fullmatch(
        rf"{re.escape(name)} could not be written \(IsADirectoryError: .+\); report.json has everything", warning
    )
    assert names(tmp_path) == FORMS


def test_nor_does_one_that_cannot_be_made(tmp_path: Path) -> None:
    broken = Picture(id="a", index=1, score=None, errors={}, illustration=None)  # type: ignore[arg-type]  # a bug
    path = write_report(tmp_path, report("fine"), [broken])
    (warning,) = Report.model_validate_json(path.read_bytes()).warnings
    assert warning.startswith("report.html could not be written (AttributeError: ")
    assert names(tmp_path) == FORMS - {"report.html"}


def test_making_a_folder_again_keeps_what_is_in_it(tmp_path: Path) -> None:
    write_report(tmp_path, report())
    make_folder(tmp_path)
    assert (tmp_path / "report.json").exists()


def test_an_old_report_goes_and_nothing_else(tmp_path: Path) -> None:
    write_report(tmp_path, report())
    (tmp_path / "detections.npz").write_bytes(b"")
    (tmp_path / ".report.html.123.tmp").write_bytes(b"left by a run that was killed")
    remove_report(tmp_path)
    assert names(tmp_path) == {"detections.npz"}
    remove_report(tmp_path)


def test_where_there_was_none_none_is_made(tmp_path: Path) -> None:
    remove_report(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(remove_report, id="remove"),
        pytest.param(make_folder, id="make"),
        pytest.param(lambda folder: write_report(folder, report()), id="write"),
    ],
)
def test_a_folder_that_is_none_is_refused(tmp_path: Path, call: Callable[[Path], object]) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StageError) as caught:
            call(folder)
        text = str(caught.value)
        assert text.startswith(f"--output {folder}: cannot be written (")
        assert text.endswith("); choose another folder")
        assert caught.value.exit_code == 3


def test_a_report_that_cannot_be_replaced_stays_out_of_the_way(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(StageError, match="cannot be written"):
        write_report(tmp_path, report())
    with pytest.raises(StageError, match="cannot be written"):
        remove_report(tmp_path)


@pytest.mark.parametrize(
    "name", [".", "report.json", "link", "../run/"], ids=["folder", "report", "link", "roundabout"]
)
def test_a_run_must_not_write_over_its_baseline(tmp_path: Path, name: str) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "link").symlink_to(run)
    write_report(run, report())
    refused = pytest.raises(UsageError, match=r"expected another folder than --output .* choose another --output")
    with refused:
        keep(run / name, run)
    with refused:
        remove_report(run, run / name)
    assert names(run) == {*FORMS, "link"}


@pytest.mark.parametrize("output", ["..", "below", "../other"])
def test_a_run_may_write_beside_its_baseline(tmp_path: Path, output: str) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write_report(run, report())
    for baseline in (run, run / "report.json", None):
        keep(baseline, run / output)
        remove_report(run / output, baseline)
    assert names(run) == FORMS
