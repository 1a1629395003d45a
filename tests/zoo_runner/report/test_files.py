from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree as ET

import pytest

from zoo_runner.errors import StageError
from zoo_runner.known_secrets import forget, learn
from zoo_runner.output.folder import make_folder
from zoo_runner.output.names import FILES, INVENTORY, PREVIOUS
from zoo_runner.output.previous import retire
from zoo_runner.report.files import remove_report, write_report
from zoo_runner.report.model import ManifestRecord, MetricRecord, Report, Verdict, clean_report
from zoo_runner.report.picture import Picture

FORMS = {"report.json", "report.html", "junit.xml", "summary.md", "report.sarif"}


def report(why: str = "", verdict: Verdict = Verdict.PASS) -> Report:
    manifest = ManifestRecord(name="m", path="m.yaml", files=("m.yaml",), digest="0" * 64)
    return Report(verdict=verdict, exit_code=0, why=(why,), manifest=manifest)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {INVENTORY}


def test_it_is_written_whole_and_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    make_folder(folder)
    assert write_report(folder, report("größer als 3 €")) == report("größer als 3 €")
    path = folder / "report.json"
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
    with pytest.raises(StageError, match="something that zoo-run did not write; it was left alone"):
        write_report(tmp_path, report())
    assert names(tmp_path) == {"report.json"}  # and no other form of a verdict that programs do not get


def test_one_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    class Interrupting(Sequence[Picture]):
        def __len__(self) -> int:
            raise KeyboardInterrupt

        def __getitem__(self, _place: object) -> NoReturn:
            raise KeyboardInterrupt

    write_report(tmp_path, report())  # as if it were of the same run
    with pytest.raises(KeyboardInterrupt):
        write_report(tmp_path, report(), Interrupting())
    assert names(tmp_path) == set()


@pytest.mark.parametrize("name", sorted(FORMS - {"report.json"}))
def test_a_form_that_cannot_be_written_does_not_cost_the_verdict(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    returned = write_report(tmp_path, report("fine"))
    written = Report.model_validate_json((tmp_path / "report.json").read_bytes())
    assert returned == written
    assert (written.verdict, written.why) == (Verdict.PASS, ("fine",))
    (warning,) = written.warnings
    assert warning.startswith(f"{name} could not be written: {tmp_path / name}: expected what an earlier run wrote, ")
    assert warning.endswith("; report.json has everything")
    assert names(tmp_path) == FORMS


def test_nor_does_one_that_cannot_be_made(tmp_path: Path) -> None:
    broken = Picture(id="a", index=1, score=None, errors={}, illustration=None)  # type: ignore[arg-type]  # a bug
    (warning,) = write_report(tmp_path, report("fine"), [broken]).warnings
    assert warning.startswith("report.html could not be written (AttributeError: ")
    assert names(tmp_path) == FORMS - {"report.html"}


def test_making_a_folder_again_keeps_what_is_in_it(tmp_path: Path) -> None:
    write_report(tmp_path, report())
    make_folder(tmp_path)
    assert (tmp_path / "report.json").exists()


def test_one_that_is_not_to_be_believed_goes_and_nothing_else(tmp_path: Path) -> None:
    write_report(tmp_path, report())
    (tmp_path / "summary.md").write_text("somebody else's by now")
    remove_report(tmp_path)
    assert names(tmp_path) == {"summary.md"}
    remove_report(tmp_path)


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.STOPPED, Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_a_new_verdict_ends_the_previous_report(tmp_path: Path, verdict: Verdict) -> None:
    write_report(tmp_path, report())
    retire(tmp_path)
    write_report(tmp_path, report(verdict=verdict))
    kept = set(PREVIOUS.values()) if verdict.value in {"error", "stopped"} else set()
    assert names(tmp_path) == FORMS | kept


@pytest.mark.parametrize(
    "call",
    [
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


@pytest.fixture
def learned() -> Iterator[Callable[..., None]]:
    forget()
    yield learn
    forget()


WORDS = ("metrics", "verdict", "results", "testcase", "exit_code", "warnings", "manifest", "message", "inconclusive")


@pytest.mark.parametrize("word", WORDS)
def test_a_password_that_is_a_word_of_the_forms_costs_none(
    tmp_path: Path, learned: Callable[..., None], word: str
) -> None:
    learned(f"https://app:{word}@db", "https://app:Pl4ntedSecret@db")
    given = report("Pl4ntedSecret was refused", Verdict.INCONCLUSIVE)
    written = write_report(tmp_path, given)
    assert written.verdict is Verdict.INCONCLUSIVE
    assert written.why == ("*** was refused",)
    assert Report.model_validate_json((tmp_path / "report.json").read_bytes()) == written
    (suite,) = ET.parse(tmp_path / "junit.xml").getroot()  # noqa: S314 - our own text
    assert [(case.tag, case[0].get("message")) for case in suite.iter("testcase")] == [("testcase", "*** was refused")]
    (run,) = json.loads((tmp_path / "report.sarif").read_bytes())["runs"]
    assert run["results"][0]["message"]["text"].endswith(": *** was refused")
    assert '<body class="v-inconclusive">' in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert all("Pl4ntedSecret" not in (tmp_path / name).read_text(encoding="utf-8") for name in FORMS)
    retire(tmp_path)
    kept = json.loads((tmp_path / PREVIOUS["report.json"]).read_bytes())
    assert kept["verdict"] == "inconclusive"
    assert kept["exit_code"] == 0


def test_names_that_become_equal_keep_all_their_values(learned: Callable[..., None]) -> None:
    learned("https://a:first1@h", "https://a:second2@h")
    given = report()
    settings = {"first1": "1", "second2": "2", "*** (2)": "3"}
    given = given.model_copy(update={"manifest": given.manifest.model_copy(update={"settings": settings})})
    assert sorted(clean_report(given).manifest.settings.values()) == ["1", "2", "3"]
