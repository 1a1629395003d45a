"""``zoo-run zoo`` in this process; the runs that it would start are played."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zoo_runner import cli
from zoo_runner.report.model import ManifestRecord, Report, Verdict
from zoo_runner.zoo import runs

if TYPE_CHECKING:
    from tests.zoo_runner.zoo.conftest import World


@pytest.fixture
def folder(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOO_RUNNER_CACHE", str(world.store.root))
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(world.files, tmp_path / "z"))


@pytest.fixture
def zoo(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(["zoo", folder.name, "--backend", "onnxruntime", *words])
        shown = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, shown.out, shown.err

    return call


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The words of the runs that were started; each has the verdict of its manifest's name, as far as it is one."""
    started: list[Sequence[str]] = []

    def start(words: Sequence[str]) -> int:
        started.append(words)
        output = Path(words[words.index("--output") + 1])
        if output.name in {"pass", "fail"}:
            code = 0 if output.name == "pass" else 1
            manifest = ManifestRecord(name=output.name, path="", files=(), digest="")
            report = Report(verdict=Verdict(output.name), exit_code=code, manifest=manifest)
            output.mkdir(parents=True)
            (output / "report.json").write_text(report.to_json())
            return code
        return 3

    monkeypatch.setattr(runs, "start", start)
    return started


def of_trial(folder: Path, *names: str) -> None:
    for name in names:
        (folder / f"{name}.yaml").write_text(f"extends: trial.yaml\nname: {name}\n")


def test_a_zoo_whose_verdicts_hold_is_green_and_runs_nothing(
    zoo: Callable[..., tuple[int, str, str]], played: list[Sequence[str]], tmp_path: Path
) -> None:
    code, out, err = zoo("--changed", "--html", "o.html", "--markdown", "o.md", "--json", "o.json", "--lang", "zh")
    assert (code, played) == (0, []), err
    assert "没有变化" in out
    assert "1 个模型中有 1 个的通过判定仍然有效" in out
    assert "没有变化" in (tmp_path / "o.md").read_text(encoding="utf-8")
    held = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    assert [(each["name"], each["verdict"], each["changes"]) for each in held["models"]] == [("trial", "pass", [])]
    assert '<html lang="zh-Hans">' in (tmp_path / "o.html").read_text(encoding="utf-8")


def test_what_never_ran_is_not_green(zoo: Callable[..., tuple[int, str, str]], folder: Path) -> None:
    of_trial(folder, "pass")
    (folder / "other.yaml").write_text("a: 1\n")
    code, out, err = zoo()
    assert code == 4
    assert "there is no verdict on it yet" in out
    assert "not a model: z/other.yaml: is no manifest" in err


def test_changed_models_are_run_and_one_that_fails_stops_no_other(
    zoo: Callable[..., tuple[int, str, str]], played: list[Sequence[str]], folder: Path
) -> None:
    of_trial(folder, "crash", "fail", "pass")
    (folder / "a_typo.yaml").write_text("extends: trial.yaml\nname: a_typo\ninfer: {bacth: 3}\n")
    (folder / "broken.yaml").write_text("plugin: [")
    code, _, err = zoo("--changed", "--quiet", "--device", "0,1", "--output", "o")
    assert [words[1:-1] for words in played if "z/trial.yaml" not in words] == [
        [
            f"z/{name}.yaml",
            "--backend",
            "onnxruntime",
            *["--device", "0,1", "--lang", "en", "--quiet", "--output"],
            f"o/{name}",
        ]
        for name in ("crash", "fail", "pass")
    ]
    assert code == 1, "a failed gate comes before what could not be run"
    assert "error: z/a_typo.yaml:3: infer.bacth: unknown key" in err
    assert "error: z/broken.yaml" in err
    assert "error: z/crash.yaml: its run ended with exit code 3 and without a report" in err
    assert "crash: 1 of 4: there is no verdict on it yet" in err
    (folder / "fail.yaml").unlink()
    assert zoo()[0] == 2, "what is not valid comes before what was not run"


def test_an_unreadable_history_is_no_history(
    zoo: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "ledger.sqlite3").write_bytes(b"not SQLite" * 100)
    monkeypatch.setenv("ZOO_RUNNER_CACHE", str(tmp_path / "cache"))
    code, out, err = zoo()
    assert code == 4
    assert "there is no verdict on it yet" in out
    assert "no verdict is known, because the history cannot be read: " in err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        pytest.param(["--html", "no/o.html"], "no/o.html: there is no folder no; make it first", id="no folder"),
        pytest.param(["--json", "z/trial.yaml"], "expected an earlier overview or nothing", id="a manifest for json"),
        pytest.param(["--markdown", "z/trial.yaml"], "expected an earlier overview or nothing", id="a manifest"),
        pytest.param(["--subset", "small"], "expected a subset of the manifest trial", id="no such subset"),
    ],
)
def test_wrong_usage(zoo: Callable[..., tuple[int, str, str]], words: list[str], error: str, folder: Path) -> None:
    before = (folder / "trial.yaml").read_text()
    code, _, err = zoo(*words)
    assert code == 2
    assert error in err
    assert (folder / "trial.yaml").read_text() == before
