"""The fault suite's parts. ``.ci/run`` tries some faults of every area for real."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from faults import run, table
from faults.bench import Bench, Edit
from faults.data import END, cut, normalised, scan_of, size_of
from faults.ran import NotAppliedError, Ran
from faults.records import AREAS, EITHER, HARMLESS, REFUSED, STOPPED, Fault, Row, State
from faults.trial import Good, good_run, row_of
from zoo_images.decoding import jpeg_is_truncated

if TYPE_CHECKING:
    from collections.abc import Callable

FAKE = """#!{python}
import json, sys
from pathlib import Path
plan = json.loads(Path(__file__).with_name("plan.json").read_text())
folder = Path(sys.argv[sys.argv.index("--output") + 1])
end = plan["bad" if any("=" in word and "benchmark" not in word and "uncertainty" not in word
                        for word in sys.argv) else "good"]
print(end["text"])
line = {{"value": end["figure"], "expected": 97.7, "tolerance": 0.3}}
folder.mkdir(parents=True, exist_ok=True)
(folder / "report.json").write_text(json.dumps({{"metrics": [line], "why": ["because"]}}))
sys.exit(end["code"])
"""
GOOD = Good(figure=97.7, tolerance=0.3, room=0.3, rise=0.3)
FAULT = Fault(name="one", area="metric", what="something is wrong", act=lambda bench: bench.run("--set", "a=b"))
MADE_BY_CODE = {"preprocessing", "network", "postprocess", "metric"}
Plan = dict[str, dict[str, Any]]


def ends(code: int, figure: float, text: str = "") -> dict[str, Any]:
    return {"code": code, "figure": figure, "text": text}


@pytest.fixture
def planned(tmp_path: Path) -> Callable[[Plan], Bench]:
    """A workplace whose ``zoo-run`` ends as it is told, with and without a fault."""

    def plan(plan: Plan) -> Bench:
        script = tmp_path / "zoo-run"
        script.write_text(FAKE.format(python=sys.executable))
        script.chmod(0o755)
        (tmp_path / "plan.json").write_text(json.dumps(plan))
        return Bench(tmp_path / "work", script=script)

    return plan


class Dry(Bench):
    """A workplace whose runs only look whether the plugin is still Python."""

    def run_bare(self, *_: object, **__: object) -> Ran:
        for path in self.site.rglob("*.py"):
            compile(path.read_text(encoding="utf-8"), path.name, "exec")
        return Ran(code=1, report={}, text="")


@pytest.fixture(scope="module")
def dry(tmp_path_factory: pytest.TempPathFactory) -> Dry:
    bench = Dry(tmp_path_factory.mktemp("dry"))
    bench.prepare()
    return bench


class TestTheTable:
    def test_has_faults_of_every_area(self) -> None:
        counts = Counter(fault.area for fault in table.FAULTS)
        assert set(counts) == set(AREAS)
        assert counts.total() >= 60
        assert min(counts.values()) >= 5

    def test_names_are_unique_and_every_fault_says_what_it_is(self) -> None:
        names = [fault.name for fault in table.FAULTS]
        assert len(names) == len(set(names))
        for fault in table.FAULTS:
            assert re.fullmatch(r"[a-z0-9.-]{3,27}", fault.name), fault.name
            assert fault.what
            assert fault.expect in (STOPPED, HARMLESS, EITHER, REFUSED, {State.RED}), fault.name

    def test_the_part_for_ci_is_of_every_area(self) -> None:
        quick = [fault for fault in table.FAULTS if fault.quick]
        assert {fault.area for fault in quick} == set(AREAS)
        assert 15 <= len(quick) <= 25

    @pytest.mark.parametrize(
        "fault", [fault for fault in table.FAULTS if fault.area in MADE_BY_CODE], ids=lambda fault: fault.name
    )
    def test_edits_fit_the_plugin_of_today(self, fault: Fault, dry: Dry) -> None:
        before = {path: path.read_bytes() for path in dry.site.rglob("*.py")}
        assert fault.act(dry).code == 1
        assert {path: path.read_bytes() for path in dry.site.rglob("*.py")} == before

    @pytest.mark.parametrize(
        "fault", [fault for fault in table.FAULTS if fault.area == "data"], ids=lambda fault: fault.name
    )
    def test_changes_of_data_change_something(self, fault: Fault, dry: Dry) -> None:
        before = {path: path.read_bytes() for path in dry.sample.rglob("*.xml")}
        assert fault.act(dry).code == 1
        assert {path: path.read_bytes() for path in dry.sample.rglob("*.xml")} == before
        shutil.rmtree(dry.work / "made")


class TestEdits:
    def test_code_goes_to_the_end(self) -> None:
        assert Edit("a.py", added="b = 2").applied("a = 1\n") == "a = 1\n\n\nb = 2\n"

    def test_text_is_replaced_once(self) -> None:
        assert Edit("a.py", old="1", new="2").applied("a = 1\n") == "a = 2\n"

    @pytest.mark.parametrize(
        ("text", "times"), [pytest.param("a = 0\n", 0, id="gone"), pytest.param("a = 1\nb = 1\n", 2, id="twice")]
    )
    def test_a_text_that_is_not_there_once_is_no_fault(self, text: str, times: int) -> None:
        with pytest.raises(NotAppliedError, match=rf"a\.py has '1' {times} times; expected once"):
            Edit("a.py", old="1", new="2").applied(text)

    def test_a_file_that_is_gone_is_no_fault(self, dry: Dry) -> None:
        with pytest.raises(NotAppliedError, match=r"there is no file gone\.py"), dry.edited(Edit("gone.py")):
            pass

    def test_a_change_of_data_that_changes_nothing_is_no_fault(self, dry: Dry) -> None:
        with pytest.raises(NotAppliedError, match="the data set is what it was"):
            dry.data(lambda _folder: None)

    def test_images_are_cut_inside_their_data(self, dry: Dry) -> None:
        content = next(dry.sample.rglob("*.jpg")).read_bytes()
        half = cut(content)
        assert scan_of(content) < len(half) < len(content)
        assert jpeg_is_truncated(half)
        assert not jpeg_is_truncated(half + END)

    def test_fractions_lie_between_0_and_1(self, dry: Dry) -> None:
        text = next(dry.sample.rglob("*.xml")).read_text(encoding="utf-8")
        values = [float(value) for value in re.findall(r"<[xy]m(?:in|ax)>([\d.]+)<", normalised(text))]
        assert values
        assert all(0 <= value <= 1 for value in values)
        assert min(size_of(text)) > 1


@pytest.mark.parametrize(
    ("ran", "fault", "state", "problem"),
    [
        pytest.param(ends(1, 90), FAULT, State.RED, "", id="red"),
        pytest.param(ends(2, 90), FAULT, State.ERROR, "", id="refused"),
        pytest.param(ends(3, 90), FAULT, State.ERROR, "", id="failed"),
        pytest.param(ends(4, 90), FAULT, State.INCONCLUSIVE, "", id="inconclusive"),
        pytest.param(ends(0, 90), FAULT, State.FALSE_GREEN, "beyond the tolerance, and the run is green", id="green"),
        pytest.param(ends(0, 98.1), FAULT, State.FALSE_GREEN, "beyond the tolerance", id="green, too good"),
        pytest.param(ends(0, 97.6), FAULT, State.GREEN, "expected error or inconclusive or red", id="no effect"),
        pytest.param(ends(0, 97.6), replace(FAULT, expect=HARMLESS), State.GREEN, "", id="harmless"),
        pytest.param(ends(0, 97.4), replace(FAULT, expect=HARMLESS), State.GREEN, "", id="on the bound"),
        pytest.param(ends(0, 97.39), replace(FAULT, expect=HARMLESS), State.FALSE_GREEN, "beyond", id="below"),
        pytest.param(ends(0, 90), replace(FAULT, expect=EITHER), State.FALSE_GREEN, "beyond", id="never expected"),
        pytest.param(ends(0, 97.7), replace(FAULT, shows=False), State.FALSE_GREEN, "beyond", id="not in the figure"),
        pytest.param(ends(1, 97.6), replace(FAULT, expect=HARMLESS), State.RED, "expected green", id="false red"),
        pytest.param(ends(1, 90), replace(FAULT, expect=REFUSED), State.RED, "expected error", id="found too late"),
        pytest.param(ends(2, 90, "a.jpg"), replace(FAULT, names=r"\.jpg"), State.ERROR, "", id="named"),
        pytest.param(ends(2, 90, "a"), replace(FAULT, names=r"\.jpg"), State.ERROR, "nothing in the", id="not named"),
        pytest.param(ends(130, 90), FAULT, State.NOT_APPLIED, "ended with 130", id="killed"),
    ],
)
def test_what_a_run_comes_to(ran: dict[str, Any], fault: Fault, state: State, problem: str) -> None:
    report = {"metrics": [{"value": ran["figure"]}], "why": ["because"]}
    row = row_of(fault, Ran(code=ran["code"], report=report, text=ran["text"]), GOOD)
    assert (row.state, row.code, row.why) == (state, ran["code"], "because")
    assert row.change == pytest.approx(ran["figure"] - 97.7)
    assert problem in row.problem
    assert bool(row.problem) == bool(problem)


@pytest.mark.parametrize(
    ("ran", "change"),
    [
        pytest.param({"truth": 50.0}, -47.7, id="an old figure"),
        pytest.param({"against": 98.7}, -1.0, id="other samples"),
        pytest.param({"report": {}, "code": 2}, None, id="nothing scored"),
    ],
)
def test_what_a_figure_is_held_against(ran: dict[str, Any], change: float | None) -> None:
    good = Ran(code=0, report={"metrics": [{"value": 97.7}]}, text="")
    assert row_of(FAULT, replace(good, **ran), GOOD).change == (change if change is None else pytest.approx(change))


class TestTheScript:
    @pytest.fixture
    def ended(
        self, planned: Callable[[Plan], Bench], monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[dict[str, Any], Fault], int]:
        def end(bad: dict[str, Any], fault: Fault) -> int:
            bench = planned({"good": ends(0, 97.7), "bad": bad})
            monkeypatch.setattr(run, "FAULTS", (fault,))
            monkeypatch.setattr(run, "Bench", lambda work, chosen: replace(bench, work=work, chosen=chosen))
            return run.main(["--all", "--work", str(bench.work), "--json", str(bench.work / "rows.json")])

        return end

    @pytest.mark.parametrize(
        ("bad", "code", "cells"),
        [
            pytest.param(ends(1, 90), 0, "red 1", id="red"),
            pytest.param(ends(0, 90), 1, "FALSE GREEN 0", id="a gate that is always green"),
            pytest.param(ends(0, 97.7), 3, "green, within the tolerance 0", id="a fault without effect"),
            pytest.param(ends(2, 90, "NameError: x"), 3, "NOT APPLIED", id="a fault that is written wrongly"),
        ],
    )
    def test_exit_code_and_row(
        self,
        ended: Callable[[dict[str, Any], Fault], int],
        bad: dict[str, Any],
        code: int,
        cells: str,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        assert ended(bad, FAULT) == code
        said = capsys.readouterr()
        (row,) = (line for line in said.out.splitlines() if line.startswith("metric  "))
        assert f" {cells} " in " ".join(row.split())
        assert ("NOT AS IT MUST BE: metric/one: " in said.err) == (code != 0)
        assert "1 faults, tolerance 0.3: 1 " in said.out
        head = next(line for line in said.out.splitlines() if line.startswith("area "))
        assert head.split("  ")[-1] == "s"
        assert "stage named" in head
        (kept,) = json.loads((tmp_path / "work" / "rows.json").read_text())["rows"]
        assert (kept["fault"], kept["area"], kept["stage_named"]) == ("one", "metric", None)
        assert kept["verdict"] == cells.rstrip(" 0123456789")

    def test_a_wrong_verdict_outweighs_a_fault_that_was_not_made(self) -> None:
        rows = [Row(fault=FAULT, state=state, problem="because") for state in (State.NOT_APPLIED, State.FALSE_GREEN)]
        assert [run.exit_code(some) for some in (rows, rows[:1], [])] == [1, 3, 0]

    def test_nothing_is_tried_if_the_sample_does_not_pass(self, planned: Callable[[Plan], Bench]) -> None:
        with pytest.raises(SystemExit, match=r"without a fault ended with 4, expected 0:\nwhy"):
            good_run(planned({"good": ends(4, 97.7, "why")}))

    def test_unknown_names_are_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit, match="2"):
            run.main(["--only", "no-such-fault"])
        assert "unknown faults: no-such-fault; --list --all shows all" in capsys.readouterr().err

    def test_the_list_has_a_line_for_each_fault(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run.main(["--list"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == len(table.FAULTS)
