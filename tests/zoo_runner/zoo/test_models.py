"""A verdict counts only as long as nothing that it depends on has changed; each row is a way to a false green."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from zoo_runner.errors import ExitCode
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load
from zoo_runner.report.model import Verdict
from zoo_runner.stages.gate.basis import WAIVERS, waivers
from zoo_runner.zoo.models import NEVER, NOT_KEPT, Model, namesakes

if TYPE_CHECKING:
    from tests.zoo_runner.zoo.conftest import World

FUTURE = (datetime.now(tz=timezone.utc) + timedelta(days=1)).isoformat(timespec="seconds")
LONG_AGO = datetime(2001, 1, 1, tzinfo=timezone.utc).isoformat()


@pytest.fixture
def copy(world: World, tmp_path: Path) -> Path:
    return Path(shutil.copytree(world.files, tmp_path / "files"))


def test_a_verdict_holds_where_nothing_changed_and_files_lie_elsewhere(world: World, copy: Path) -> None:
    found = world.look(copy, world.entry)
    assert (found.verdict, found.changes, found.code, found.error) == (Verdict.PASS, (), ExitCode.PASS, "")
    assert (found.name, found.task, found.expected) == ("trial", "", ("accuracy (top1) ≥ 100.00 %",))


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return change


def one_more(folder: Path) -> None:
    (folder / "data" / "ant_150.txt").write_text("9 0 0 0")


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()


@pytest.mark.parametrize(
    ("change", "verdict", "why"),
    [
        pytest.param(edit("trial.yaml", "abs: 0.5", "abs: 0.6"), None, NEVER, id="manifest"),
        pytest.param(lambda folder: (folder / "weights.pth").write_bytes(b"x"), None, NEVER, id="weights"),
        pytest.param(without("weights.pth"), Verdict.PASS, "file weights: unknown: ", id="no weights"),
        pytest.param(
            lambda folder: (folder / "data" / "ant_000.txt").write_text("0 1 0 0"),
            Verdict.PASS,
            "data changed",
            id="a file of the data set",
        ),
        pytest.param(
            lambda folder: (folder / "data" / "ant_000.txt").rename(folder / "data" / "bee_000.txt"),
            Verdict.PASS,
            "data changed",
            id="a sample's name",
        ),
        pytest.param(
            one_more, Verdict.PASS, "data: unknown: .*expected the 150 samples of numbers, found 151", id="more"
        ),
        pytest.param(without("data"), Verdict.PASS, "data: unknown: .*data", id="no data set"),
    ],
)
def test_what_changed_in_the_files(
    world: World, copy: Path, change: Callable[[Path], None], verdict: Verdict | None, why: str
) -> None:
    change(copy)
    found = world.look(copy, world.entry)
    assert found.verdict is verdict
    assert re.match(why, found.changes[0]), found.changes
    assert found.code == ExitCode.INCONCLUSIVE


@pytest.mark.parametrize(
    ("facts", "verdict", "why", "code"),
    [
        pytest.param({"digest": "other"}, None, NEVER, 4, id="another manifest"),
        pytest.param({"inputs": None}, None, NEVER, 4, id="an earlier release"),
        pytest.param({"inputs": {}}, None, NEVER, 4, id="nothing known"),
        pytest.param({"verdict": Verdict.FAIL, "exit_code": 1}, Verdict.FAIL, None, 1, id="failed"),
        pytest.param({"verdict": Verdict.INCONCLUSIVE, "exit_code": 4}, Verdict.INCONCLUSIVE, "the last", 4, id="open"),
        pytest.param(
            {"verdict": Verdict.ERROR, "exit_code": 3}, Verdict.ERROR, "the last verdict on it", 3, id="error"
        ),
        pytest.param({"verdict": Verdict.ERROR, "exit_code": 0}, Verdict.ERROR, "the last verdict on it", 3, id="odd"),
        pytest.param({"exit_code": 1}, Verdict.PASS, "the history has pass with exit code 1", 4, id="contradiction"),
        pytest.param({"started": FUTURE}, Verdict.PASS, "the verdict is of the future", 4, id="clock went back"),
        pytest.param({"started": "soon"}, Verdict.PASS, "the history does not say when .* 'soon'", 4, id="no time"),
        pytest.param({"started": "2026-11-01"}, Verdict.PASS, "the history does not say when", 4, id="no time zone"),
        pytest.param({"started": LONG_AGO}, Verdict.PASS, None, 0, id="old"),
        pytest.param({"weights": "0" * 64}, Verdict.PASS, None, 0, id="weights are known better from the inputs"),
    ],
)
def test_what_the_ledger_may_say(
    world: World, facts: dict[str, Any], verdict: Verdict | None, why: str | None, code: int
) -> None:
    found = world.judge(replace(world.entry, **facts))
    assert (found.verdict, found.code) == (verdict, code)
    assert (found.changes == ()) if why is None else re.match(why, found.changes[0]), found.changes


@pytest.mark.parametrize(
    ("name", "value", "verdict", "why"),
    [
        pytest.param("backend", "ascend", None, NEVER, id="another backend"),
        pytest.param("chip", "310P3 (stand-in)", None, NEVER, id="stand-ins"),
        pytest.param("option limit", "10", None, NEVER, id="limit"),
        pytest.param("option subset", '"pr"', None, NEVER, id="subset"),
        pytest.param("option last", '"evaluate"', None, NEVER, id="a part of the stages"),
        pytest.param("option accuracy_only", "true", None, NEVER, id="less asked for"),
        pytest.param("option of_tomorrow", None, None, None, id="an option that there is not yet"),
        pytest.param("file weights", "0" * 64, None, NEVER, id="other weights"),
        pytest.param("file network", "0" * 64, None, NEVER, id="another network"),
        pytest.param("version of the backend", "onnxruntime 0.1", Verdict.PASS, "version of .* was onnx", id="tool"),
        pytest.param("package numpy", "0.1", Verdict.PASS, "package numpy was 0.1, is ", id="package"),
        pytest.param("package gone", "1.0", Verdict.PASS, "package gone was 1.0, is not there", id="no package"),
        pytest.param("host", "another", Verdict.PASS, "host was another, is ", id="host"),
        pytest.param("devices", "1", Verdict.PASS, "devices was 1, is 0", id="device"),
        pytest.param("overdue waivers", "x/y", Verdict.PASS, "overdue waivers was x/y, is not there", id="waiver"),
        pytest.param("data", "0" * 64, Verdict.PASS, "data changed", id="data"),
        pytest.param("data", "unknown: why", Verdict.PASS, "data changed", id="data nobody knew"),
        pytest.param("code", "0" * 64, Verdict.PASS, "code: nothing is known of what", id="no record of the code"),
        pytest.param("code", "../../x", Verdict.PASS, "code: nothing is known of what", id="no digest"),
        pytest.param("code", None, Verdict.PASS, NOT_KEPT, id="code was not kept"),
        pytest.param("data", None, Verdict.PASS, NOT_KEPT, id="data were not kept"),
    ],
)
def test_what_the_run_depended_on(
    world: World, name: str, value: str | None, verdict: Verdict | None, why: str | None
) -> None:
    inputs = {**(world.entry.inputs or {}), name: value}
    kept = {key: text for key, text in inputs.items() if text is not None}
    found = world.judge(replace(world.entry, inputs=kept))
    if why is None:
        assert found.changes == ()
        return
    assert found.verdict is verdict
    assert re.match(why, found.changes[0]), found.changes
    assert found.code == ExitCode.INCONCLUSIVE


def test_a_later_run_of_something_else_does_not_count_and_a_later_one_of_this_does(world: World) -> None:
    limited = {**(world.entry.inputs or {}), "option limit": "10"}
    other = replace(world.entry, verdict=Verdict.FAIL, exit_code=1, inputs=limited)
    same = replace(world.entry, verdict=Verdict.FAIL, exit_code=1)
    assert world.judge(other, world.entry).code == ExitCode.PASS
    assert world.judge(same, world.entry).code == ExitCode.GATE_FAILED
    assert world.judge(world.entry, same).code == ExitCode.PASS


@pytest.mark.parametrize("options", [{"subset": "half"}, {"accuracy_only": True}, {"soc": "310P3"}], ids=str)
def test_options_of_the_zoo_are_those_of_the_verdict(world: World, copy: Path, options: dict[str, Any]) -> None:
    edit("trial.yaml", "infer:", "subsets: {half: {every: 2}}\ninfer:")(copy)
    digest = world.look(copy).digest
    entry = replace(world.entry, digest=digest)
    assert world.look(copy, entry).changes == ()
    assert world.look(copy, entry, **options).verdict is None


def test_code_that_changed(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Path(shutil.copytree(world.site, tmp_path / "site"))
    monkeypatch.syspath_prepend(site)
    assert world.look(world.files, world.entry).changes == (), "the same code elsewhere"
    with (site / "trial_plugin.py").open("a") as file:
        file.write("# edited\n")
    found = world.look(world.files, world.entry)
    assert any(each.startswith("code: trial_plugin") for each in found.changes), found.changes


def test_a_waiver_that_ran_out_since(world: World, copy: Path) -> None:
    waiver = "{line: accuracy/top1, owner: me, issue: 'https://example.org/1', until: %s, floor: 99}"
    edit("trial.yaml", "infer:", f"waivers: [{waiver % '2026-01-31'}]\ninfer:")(copy)
    recipe = resolve(load(copy / "trial.yaml"), RunOptions(output=copy))
    assert waivers(recipe, date(2026, 1, 31)) == {WAIVERS: ""}
    assert waivers(recipe, date(2026, 2, 1)) == {WAIVERS: "accuracy/top1"}
    found = world.judge(world.entry, **waivers(recipe))
    assert found.changes == ("overdue waivers was not there, is accuracy/top1",)
    assert found.code == ExitCode.INCONCLUSIVE


def test_without_a_history_there_is_no_verdict(world: World) -> None:
    found = world.look(world.files)
    assert (found.verdict, found.changes, found.code) == (None, (NEVER,), ExitCode.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("text", "code", "error"),
    [
        pytest.param(
            "extends: trial.yaml\nname: x\ninfer: {bacth: 3}\n", 2, "infer.bacth: unknown key", id="wrong key"
        ),
        pytest.param("extends: trial.yaml\nname: x\nplugin: {name: trail}\n", 2, "did you mean 'trial'", id="plugin"),
        pytest.param(
            "extends: trial.yaml\nname: x\nplugin: {config: {breaks: {hook: exit 0}}}\n", 3, "SystemExit", id="exit 0"
        ),
    ],
)
def test_a_manifest_that_is_not_valid(world: World, copy: Path, text: str, code: int, error: str) -> None:
    (copy / "x.yaml").write_text(text)
    found = world.look(copy, manifest="x.yaml")
    assert found.code == code
    assert error in found.error
    assert found.verdict is None


def test_models_of_one_name_are_all_refused(world: World, copy: Path) -> None:
    (copy / "again.yaml").write_text("extends: trial.yaml\n")
    pair = [world.look(copy, world.entry, manifest=name) for name in ("trial.yaml", "again.yaml")]
    wrong = Model(path=Path("trial.yml"), name="trial", error="wrong", code=2)
    found = namesakes([*pair, wrong])
    assert [each.code for each in found] == [2, 2, 2]
    assert all("are all named 'trial': give each a name of its own" in each.error for each in found[:2])
    assert found[2] is wrong
    assert namesakes([pair[0], wrong]) == (pair[0], wrong)
