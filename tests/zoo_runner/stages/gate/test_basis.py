"""What a verdict depends on is all there, and what nobody knows is equal to nothing."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from zoo_runner.history.ledger import LEDGER, Ledger
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.job.recipe import Recipe, resolve
from zoo_runner.manifest.load import load
from zoo_runner.report.model import Environment
from zoo_runner.stages.gate import basis
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from lab import Lab

ASKED = {
    *("weights", "data", "batch_size", "limit", "first", "last", "results", "by_position", "soc", "om", "subset"),
    *("accept_unstamped", "om_outputs", "baseline", "accuracy_only", "other_weights", "trust_unwatched"),
}
HERE = Environment(
    backend="toy",
    backend_version="toy 1",
    chip="T1",
    devices=(0, 2),
    host="Linux",
    python="3.11",
    packages={"numpy": "2.0"},
)


def test_each_option_counts_or_is_said_not_to() -> None:
    names = {each.name for each in fields(RunOptions)}
    assert names >= basis.NO_BEARING
    assert names - basis.NO_BEARING == ASKED, "a new option: can a verdict without it stand for one with it?"


@pytest.mark.parametrize(
    "option",
    [{"limit": 3}, {"subset": "pr"}, {"last": Stage.EVALUATE}, {"data": Path("d")}, {"accuracy_only": True}],
    ids=str,
)
def test_what_was_asked_for(option: dict[str, Any]) -> None:
    plain = basis.asked(RunOptions(output=Path("a")))
    assert set(plain) == {f"option {name}" for name in ASKED}
    assert basis.asked(RunOptions(output=Path("b"), language="zh", keep_inputs=True)) == plain
    assert basis.asked(RunOptions(output=Path("a"), **option)) != plain


def test_secrets_in_options_are_not_kept() -> None:
    asked = basis.asked(RunOptions(output=Path(), weights="https://user:hush-hush@example.org/w.pth"))
    assert "hush-hush" not in str(asked)


def test_the_place() -> None:
    assert basis.place(None) == {}
    assert basis.place(HERE) == {
        "backend": "toy",
        "chip": "T1",
        "devices": "0, 2",
        "version of the backend": "toy 1",
        "host": "Linux",
        "Python": "3.11",
        "package numpy": "2.0",
    }


def recipe_of(lab: Lab, *overrides: str, **options: Any) -> tuple[Recipe, RunOptions]:
    given = RunOptions(output=lab.folder / "out", **options)
    return resolve(load(lab.folder / "trial.yaml", overrides), given), given


def test_files_are_known_by_their_content_or_by_the_manifest_or_not_at_all(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lab.folder)  # what --set names lies here
    digest = hashlib.sha256((lab.folder / "weights.pth").read_bytes()).hexdigest()
    here = basis.files(*recipe_of(lab))
    assert here["file weights"] == digest
    pinned = f"weights.sha256={'a' * 64}"
    assert basis.files(*recipe_of(lab, pinned))["file weights"] == digest, "the file that is there, not the one meant"
    away = "weights.url=https://example.org/w.pth"
    assert basis.files(*recipe_of(lab, away, pinned))["file weights"] == "a" * 64
    unknown = "unknown: the manifest has no hash of it, so that another file may be there now"
    assert basis.files(*recipe_of(lab, away))["file weights"] == unknown
    assert basis.files(*recipe_of(lab, away, downloads=lab.folder))["file weights"] == "unknown: it has no hash"
    assert basis.files(*recipe_of(lab, "weights.url=null"))["file weights"] == "unknown: no file is named"
    assert basis.files(*recipe_of(lab, "weights.url=none.pth"))["file weights"].startswith("unknown: ")
    (lab.folder / "t.py").write_text("a = 1\n")
    script = "onnx.transforms=[t.py]"
    before = basis.files(*recipe_of(lab, script))["file network"]
    (lab.folder / "t.py").write_text("a = 2\n")
    assert basis.files(*recipe_of(lab, script))["file network"] not in {before, here["file network"]}


def test_a_run_keeps_all_of_it_only_where_it_is_asked_to(lab: Lab) -> None:
    lab(keep_inputs=True)
    lab()
    plain, kept = Ledger(lab.cache / LEDGER).last("trial", 2)
    assert plain.inputs is not None
    assert kept.inputs is not None
    assert kept.inputs.keys() - plain.inputs.keys() == {"data", "code", "file weights", "file network", basis.WAIVERS}
    assert {**kept.inputs, **plain.inputs} == kept.inputs
    recipe, _ = recipe_of(lab)
    store = Store(lab.cache)
    folders = {basis.verdict_code(each, None, store).folder for each in (recipe, replace(recipe, package="other"))}
    assert len(folders) == 2
