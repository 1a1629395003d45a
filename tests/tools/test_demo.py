"""The demo's parts. ``docs/how-to/demo.md`` is run as it stands: there, real runs show that the good one passes."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from defusedxml.ElementTree import parse

from demo import run

if TYPE_CHECKING:
    from collections.abc import Callable

FAKE = """#!{python}
import json, os, sys
from pathlib import Path
plan = json.loads(Path(__file__).with_name("plan.json").read_text())
folder = Path(sys.argv[sys.argv.index("--output") + 1])
print("arguments", *sys.argv[1:])
print("store", os.environ["ZOO_RUNNER_CACHE"])
code, report = plan[folder.name]
if report:
    (folder / "report.json").write_text(json.dumps(report))
sys.exit(code)
"""
SWAPPED, MEAN, MISSING, NMS = run.FAULTS
GOOD = [0, {"verdict": "pass", "why": ["92.6"], "comparison": None}]
FROM_FILES = "results came from files, not from onnxruntime 1.20.0 on cpu"
Plan = dict[str, list[Any]]


def ended(code: int, verdict: str, *notes: str) -> list[Any]:
    return [code, {"verdict": verdict, "why": ["because"], "comparison": {"notes": list(notes)}}]


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Plan], Path]:
    """Puts a ``zoo-run`` beside Python that ends as it is told, by the name of its output folder."""

    def plan(ends: Plan) -> Path:
        script = tmp_path / "bin" / "zoo-run"
        script.parent.mkdir()
        script.write_text(FAKE.format(python=sys.executable))
        script.chmod(0o755)
        (script.parent / "plan.json").write_text(json.dumps(ends))
        monkeypatch.setattr(sys, "executable", str(script.with_name("python")))
        return tmp_path / "out"

    return plan


def test_outputs_0_and_2_are_exchanged(tmp_path: Path) -> None:
    for name in ("a_0", "a_1", "a_2", "a_3", "b_0_0", "b_0_2"):
        (tmp_path / f"{name}.bin").write_text(name)
    run.swap(tmp_path)
    assert {path.stem: path.read_text() for path in tmp_path.iterdir()} == {
        "a_0": "a_2",
        "a_1": "a_1",
        "a_2": "a_0",
        "a_3": "a_3",
        "b_0_0": "b_0_2",
        "b_0_2": "b_0_0",
    }


def test_the_class_is_gone_from_every_second_annotation(tmp_path: Path) -> None:
    arguments = run.class_missing(tmp_path)
    assert arguments == ["--data", str(tmp_path / "VOCdevkit")]
    folder = Path("VOC2007", "Annotations")
    names = sorted(path.name for path in (run.DATA / folder).iterdir())
    lost = []
    for place, name in enumerate(names):
        before, after = (
            [
                each.group(1)
                for each in re.finditer(r"<object>\s*<name>(\w+)</name>", (root / folder / name).read_text())
            ]
            for root in (run.DATA, tmp_path / "VOCdevkit")
        )
        parse(tmp_path / "VOCdevkit" / folder / name)
        kept = [each for each in before if each != run.MISSING_CLASS] if place % 2 == 0 else before
        assert after == kept, name
        lost.append(len(before) - len(after))
    assert sum(lost) > 50


@pytest.mark.parametrize(
    ("fault", "end", "problems"),
    [
        pytest.param(MEAN, ended(1, "fail", "setting plugin.config.mean: not set -> 0"), [], id="red"),
        pytest.param(MEAN, ended(4, "inconclusive", "setting plugin.config.mean: x"), [], id="inconclusive"),
        pytest.param(
            MEAN, ended(0, "pass", "setting plugin.config.mean: x"), ["exit code 0 and verdict pass"], id="pass"
        ),
        pytest.param(MEAN, ended(3, "error", "setting plugin.config.mean: x"), ["verdict error"], id="broken"),
        pytest.param(MEAN, ended(1, "inconclusive", "plugin.config.mean"), ["exit code 1"], id="two that do not agree"),
        pytest.param(
            MEAN, ended(1, "fail", "every class lost"), [r"no note about plugin\.config\.mean"], id="no cause"
        ),
        pytest.param(
            MEAN, [1, {"verdict": "fail", "why": [], "comparison": None}], ["no note about"], id="not compared"
        ),
        pytest.param(
            NMS,
            ended(0, "pass", "setting plugin.config.nms_threshold: not set -> 0.9"),
            ["no note about duplicate.*rose", "exit code 0"],
            id="two things missing",
        ),
    ],
)
def test_what_a_report_must_show(
    planned: Callable[[Plan], Path], fault: run.Fault, end: list[Any], problems: list[str]
) -> None:
    output = planned({fault.name: end})
    found = run.shows(fault, output / "good", output / fault.name)
    assert len(found) == len(problems)
    assert all(each.startswith(f"{fault.name}: ") for each in found)
    assert [problem for problem, text in zip(problems, found, strict=True) if problem not in text] == []


def test_a_fault_is_compared_with_the_good_run_and_leaves_the_store_of_others_alone(
    planned: Callable[[Plan], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_RUNNER_CACHE", "of the user")
    output = planned({NMS.name: ended(1, "fail")})
    (output / NMS.name).mkdir(parents=True)
    (output / NMS.name / "old").write_text("from an earlier demo")
    run.shows(NMS, output / "good", output / NMS.name)
    said = (output / NMS.name / "terminal.txt").read_text().splitlines()
    arguments = f"arguments {run.MANIFEST} --output {output / NMS.name}"
    assert said[0] == f"{arguments} --set plugin.config.nms_threshold=0.9 --baseline {output / 'good'}"
    assert said[1] == f"store {output / 'store'}"
    assert not (output / NMS.name / "old").exists()


def test_the_outputs_are_swapped_between_two_runs(planned: Callable[[Plan], Path]) -> None:
    output = planned({SWAPPED.name: ended(1, "fail", FROM_FILES, "localisation errors rose from 1 to 2")})
    results = output / SWAPPED.name / "results"

    def with_results(folder: Path) -> list[str]:
        results.mkdir()
        (results / "a_0.bin").write_text("0")
        (results / "a_2.bin").write_text("2")
        arguments = SWAPPED.arguments(folder)
        assert (results / "a_0.bin").read_text() == "2"
        return arguments

    assert run.shows(replace(SWAPPED, arguments=with_results), output / "good", output / SWAPPED.name) == []
    said = (output / SWAPPED.name / "terminal.txt").read_text().splitlines()[0]
    assert said.endswith(f"--from postprocess --baseline {output / 'good'}")
    assert not results.exists()


NAMED = {
    SWAPPED.name: ended(1, "fail", FROM_FILES, "localisation errors rose from 42 to 295"),
    MEAN.name: ended(1, "fail", "setting plugin.config.mean: not set -> [0, 0, 0]"),
    MISSING.name: ended(
        1, "fail", "class red_disc: 121 annotated objects -> 57 annotated objects", "red_disc lost most by that: 9, 5"
    ),
    NMS.name: ended(1, "fail", "setting plugin.config.nms_threshold: not set", "duplicate errors rose from 4 to 9"),
}


@pytest.mark.parametrize(
    ("ends", "arguments", "code", "complaints"),
    [
        pytest.param({"good": GOOD, **NAMED}, [], 0, [], id="all as they must be"),
        pytest.param({"good": GOOD, NMS.name: NAMED[NMS.name]}, ["--only", NMS.name], 0, [], id="one"),
        pytest.param(
            {"good": GOOD, **NAMED, MEAN.name: ended(0, "pass", "plugin.config.mean")},
            [],
            1,
            ["wrong-mean: exit code 0 and verdict pass"],
            id="a fault that passes",
        ),
        pytest.param(
            {"good": ended(4, "inconclusive"), **NAMED}, [], 1, ["good: did not pass"], id="a good run that does not"
        ),
    ],
)
def test_the_exit_code_says_whether_all_is_as_it_must_be(
    planned: Callable[[Plan], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ends: Plan,
    arguments: list[str],
    code: int,
    complaints: list[str],
) -> None:
    output = planned(ends)
    monkeypatch.setattr(sys, "argv", ["run.py", "--output", str(output), *arguments])
    assert run.main() == code
    said = capsys.readouterr()
    assert len(said.err.splitlines()) == len(complaints)
    assert [text for text in complaints if text not in said.err] == []
    shown = [fault.name for fault in run.FAULTS if f"\n{fault.name}: {fault.says}\n" in said.out]
    assert shown == [fault.name for fault in run.FAULTS if fault.name in ends]
    assert f"open {output}/*/report.html" in said.out


def test_a_run_without_a_report_says_where_to_look(planned: Callable[[Plan], Path]) -> None:
    output = planned({"good": [2, None]})
    with pytest.raises(SystemExit, match=r"zoo-run ended with 2 and left no report; .*terminal\.txt says why"):
        run.zoo_run(output / "good")
