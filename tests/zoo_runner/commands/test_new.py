"""``zoo-run new``: a valid manifest from files, or an error that names the flag; never another file's loss."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from places import ROOT

if TYPE_CHECKING:
    from tests.conftest import ZooRun

DRAFTING = """\
from trial_plugin import *

from zoo_runner.plugin.drafting import Draft, UndecidedError
from zoo_runner.plugin.hookspecs import hookimpl


@hookimpl
def zoo_draft(material):
    if "classes" not in material.config:
        raise UndecidedError("classes", f"{len(material.tensors)} sets of tensors do not tell it", "ant,bee,cat,dog")
    if material.config["classes"][0] == "zebra":
        raise UndecidedError("classes", "no zebras")
    if len(material.config["classes"]) == 2:
        raise UndecidedError("pace", "nobody knows how fast")
    if material.config.get("pace") == 8:
        return {"classes": []}
    kinds = {"other": ""} if material.config.get("pace") == 9 else {"scores": "logits"}
    return Draft(config={"pace": 0.25, "classes": ["x"]}, kinds=kinds, notes=["pace: a guess\\n"])
"""
FILES = ("--from", "drafting", "--weights", "weights.pth", "--data", "data")
NAMES = ("--classes", "ant, bee,cat,dog")


@pytest.fixture(scope="module")
def site(trial_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trial plugin, and one that drafts manifests beside it."""
    site = tmp_path_factory.mktemp("drafting") / "site"
    shutil.copytree(trial_site, site)
    (site / "drafting_plugin.py").write_text(DRAFTING)
    info = site / "drafting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: drafting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo_runner]\ndrafting = drafting_plugin\n")
    return site


@pytest.fixture
def drafting(trial: ZooRun, site: Path) -> ZooRun:
    return trial.given(PYTHONPATH=site)


def test_a_manifest_that_is_valid_and_runs(drafting: ZooRun) -> None:
    done = drafting("new", "mine", *FILES, *NAMES)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "mine.yaml: written, and valid: 150 samples",
        "  pace: a guess",
        "next, to measure:",
        "  zoo-run mine.yaml",
        "Nothing is expected yet, so this ends in exit code 4. Then write what the",
        "model has to reach into mine.yaml, at its end.",
    ]
    text = (drafting.folder / "mine.yaml").read_text()
    assert yaml.safe_load(text)["plugin"]["config"] == {"pace": 0.25, "classes": ["ant", "bee", "cat", "dog"]}
    assert yaml.safe_load(text)["outputs"] == [
        {"name": "scores", "dtype": "float32", "shape": ["batch", 4], "kind": "logits"}
    ]
    assert not list(drafting.folder.glob(".*")), "nothing is left of how it was written"
    assert drafting("validate", "mine.yaml").returncode == 0


@pytest.mark.slow
def test_it_is_inconclusive_until_something_is_expected(drafting: ZooRun) -> None:
    assert drafting("new", "mine", *FILES, *NAMES, "--set", "plugin.config.pace=0").returncode == 0
    assert drafting("mine.yaml", "--output", "out").returncode == 4
    metric = drafting.report()["metrics"][0]
    names = f"metric: {metric['name']}, protocol: {metric['protocol']}, unit: {metric['unit']}"
    with (drafting.folder / "mine.yaml").open("a") as manifest:
        manifest.write(f"expected: {{accuracy: {{{names}, value: {metric['value']}, tolerance: {{abs: 1}}}}}}\n")
    assert drafting("mine.yaml").returncode == 0
    wrong = "plugin.config.classes=[bee, ant, cat, dog]"
    assert drafting("mine.yaml", "--set", wrong).returncode == 1, "the order of the classes is that of the weights"


ERRORS = {
    "no plugin": (("mine",), "expected the plugin that knows the model (classify, detect, "),
    "no weights": (
        ("mine", "--from", "drafting"),
        "expected the model (a checkpoint or ONNX), found none; give --weights FILE",
    ),
    "no data": (
        ("mine", *FILES[:4]),
        "expected the folder of the data set, found none; give --data FOLDER",
    ),
    "undecided": (("mine", *FILES), "1 sets of tensors do not tell it; give --classes ant,bee,cat,dog"),
    "undecided again": (("mine", *FILES, "--classes", "zebra"), "no zebras; give --classes A,B"),
    "undecided key": (
        ("mine", *FILES, "--classes", "a,b"),
        "nobody knows how fast; give --set plugin.config.pace=VALUE",
    ),
    "an empty name": (
        ("mine", *FILES, "--classes", "a,,b"),
        "--classes 'a,,b': expected names with commas between them, found an empty one",
    ),
    "a wrong key": (("mine", *FILES, "--set", "plugin.config.pase=1"), "unknown key; did you mean 'pace'?"),
    "a wrong value": (("mine", *FILES, "--set", "plugin.config.pace=x"), "expected a number, found 'x' (string)"),
    "another key": (
        ("mine", *FILES, "--set", "infer.batch=2"),
        "--set infer.batch=2: expected plugin.config.KEY=VALUE; other keys can be changed in the file",
    ),
    "an unknown plugin": (
        ("mine", "--from", "draftin"),
        "no plugin is registered as 'draftin'; did you mean 'drafting'?",
    ),
    "a backend": (("mine", "--from", "onnxruntime", *FILES[2:]), "'onnxruntime' is a backend, not a model plugin"),
    "a plugin that drafts nothing": (
        ("mine", "--from", "trial", *FILES[2:]),
        "it does not implement zoo_draft(material); those that do: classify, detect, drafting,",
    ),
    "other outputs": (
        ("mine", *FILES, *NAMES, "--set", "plugin.config.pace=9"),
        "plugin 'drafting': zoo_draft gives kinds of the outputs other, expected scores",
    ),
    "no draft": (
        ("mine", *FILES, *NAMES, "--set", "plugin.config.pace=8"),
        "plugin 'drafting': zoo_draft(material) returned {'classes': []}, expected a zoo_runner.plugin.drafting.Draft",
    ),
    "other weights": (("mine", *FILES, "--classes", "a,b,c"), "checkpoint weights.pth does not match the network"),
    "no such weights": (
        ("mine", *FILES[:2], "--weights", "gone.pth", "--data", "data"),
        "--weights gone.pth: expected the file of a checkpoint, found none: No such file or directory",
    ),
    "no such data": (
        ("mine", *FILES[:4], "--data", "gone"),
        "--data gone: expected the folder of a data set, found no",
    ),
    "a file's name": (("mine.yaml",), "mine.yaml: expected the manifest's name, found a file's; write mine"),
    "no name": (("My Model",), "'My Model': expected lower-case letters, digits, '.', '_' and '-', beginning with"),
    "another folder": (("../mine",), "'../mine': expected lower-case letters"),
}


@pytest.mark.parametrize(("arguments", "text"), ERRORS.values(), ids=ERRORS)
def test_errors_name_the_cure(drafting: ZooRun, arguments: tuple[str, ...], text: str) -> None:
    before = set(drafting.folder.iterdir())
    done = drafting("new", *arguments)
    assert done.returncode == (3 if "does not match" in text else 2), done.stderr
    assert text in done.stderr
    assert done.stdout == ""
    assert set(drafting.folder.iterdir()) == before, "nothing was written"


THERE: dict[str, Callable[[Path], None]] = {
    "file": Path.touch,
    "folder": Path.mkdir,
    "dangling link": lambda path: path.symlink_to("gone.yaml"),
}


@pytest.mark.parametrize("put", THERE.values(), ids=THERE)
def test_nothing_is_replaced(drafting: ZooRun, put: Callable[[Path], None]) -> None:
    put(drafting.folder / "mine.yaml")
    done = drafting("new", "mine", *FILES, *NAMES)
    assert done.returncode == 2
    assert "mine.yaml: expected no such file, found one; choose another name, or move it away" in done.stderr
    assert not (drafting.folder / "gone.yaml").exists()


def test_a_sample_without_its_file(drafting: ZooRun) -> None:
    """The trial plugin lists the files it finds: one of them leads nowhere."""
    (drafting.folder / "data" / "ant_999.txt").symlink_to("gone.txt")
    done = drafting("new", "mine", *FILES, *NAMES)
    assert done.returncode == 3
    assert "data: expected the files of 151 samples, found none of 1:\n  'ant_999': data/ant_999.txt\n" in done.stderr


def test_no_samples(drafting: ZooRun) -> None:
    (drafting.folder / "none").mkdir()
    done = drafting("new", "mine", *FILES[:4], "--data", "none", *NAMES)
    assert done.returncode == 3
    assert "none: expected" in done.stderr


def on_a_terminal(run: ZooRun, arguments: Sequence[str], answers: str) -> tuple[int, str]:
    """Run ``zoo-run`` with a terminal to read from; return the exit code, and what went to standard error."""
    ours, its = pty.openpty()
    try:
        os.write(ours, answers.encode())
        path = os.pathsep.join((run.variables["PYTHONPATH"], str(ROOT)))
        done = subprocess.run(
            [sys.executable, "-m", "zoo_runner", *arguments],
            cwd=run.folder,
            env={**run.environment, "PYTHONPATH": path},
            stdin=its,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(its)
    return done.returncode, done.stderr


@pytest.mark.slow  # a new process
def test_on_a_terminal_what_is_missing_is_asked_for(drafting: ZooRun) -> None:
    answers = "drafting\n~/weights.pth\ndata\nzebra, x\nant, bee, cat, dog\n"
    code, said = on_a_terminal(drafting.given(HOME=drafting.folder), ["new", "mine"], answers)
    assert code == 0, said
    for question in (
        "the plugin that knows the model (classify, detect, ",
        "the model (a checkpoint or ONNX) (--weights FILE): ",
        "the folder of the data set (--data FOLDER): ",
        "1 sets of tensors do not tell it\nplugin.config.classes (--classes A,B) [ant,bee,cat,dog]: ",
        "no zebras\nplugin.config.classes (--classes A,B): ",
    ):
        assert question in said
    assert drafting("validate", "mine.yaml").returncode == 0


@pytest.mark.slow  # a new process
def test_what_is_suggested_needs_one_key(drafting: ZooRun) -> None:
    code, said = on_a_terminal(drafting, ["new", "mine", *FILES], "\n")
    assert code == 0, said
    config = yaml.safe_load((drafting.folder / "mine.yaml").read_text())["plugin"]["config"]
    assert config["classes"] == ["ant", "bee", "cat", "dog"]


@pytest.mark.slow  # a new process
def test_nobody_has_to_answer(drafting: ZooRun) -> None:
    code, said = on_a_terminal(drafting, ["new", "mine", *FILES], "\x04")
    assert (code, "interrupted" in said) == (130, True), said
    assert not (drafting.folder / "mine.yaml").exists()


@pytest.mark.slow  # a new process
def test_an_answer_may_be_a_mapping(drafting: ZooRun) -> None:
    """What no file tells of a detector is a section of the manifest."""
    model, data = ROOT / "zoo_detection" / "sample" / "ssd.onnx", ROOT / "refinedet_plugin" / "sample" / "VOCdevkit"
    given = ["--from", "detect", "--weights", str(model), "--data", str(data), "--classes"]
    classes = "red_disc,blue_disc,red_box,blue_box,red_triangle,blue_triangle"
    answer = "{type: ssd, boxes: boxes, scores: scores, form: xyxy}"
    code, said = on_a_terminal(drafting, ["new", "mine", *given, classes], f"{answer}\n")
    assert code == 0, said
    assert "no file tells how its priors are laid out" in said
    config = yaml.safe_load((drafting.folder / "mine.yaml").read_text())["plugin"]["config"]
    assert config["postprocess"] == yaml.safe_load(answer)
