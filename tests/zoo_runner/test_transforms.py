"""Runs whose manifest brings scripts that change the graph."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import Lab, redone
from zoo_runner.errors import ExitCode, ManifestError, UsageError
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load
from zoo_runner.pack.pack import pack
from zoo_runner.plan import plan
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import Listener, ZooRun

HARMLESS = """\
import os
import onnx

def transform(model):
    assert "SECRET_TOKEN" not in os.environ
    (output,) = model.graph.output
    node = next(node for node in model.graph.node if output.name in node.output)
    node.output[:] = ["inner" if name == output.name else name for name in node.output]
    model.graph.node.append(onnx.helper.make_node("Identity", ["inner"], [output.name], name="added"))
    return model
"""
"""Appends an operator that changes no number."""
SCRIPT = "change.py"
MANIFEST = "changed.yaml"


@pytest.fixture
def changed(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The trial, whose graph a script changes; nothing is trusted yet."""
    lab.cache = tmp_path / "cache"
    monkeypatch.setenv("SECRET_TOKEN", "hush")
    (lab.folder / SCRIPT).write_text(HARMLESS)
    (lab.folder / MANIFEST).write_text(f"extends: trial.yaml\nonnx:\n  transforms:\n    - {SCRIPT}\n")
    return lab


def graph(lab: Lab) -> list[str]:
    import onnx  # noqa: PLC0415 - half a second that most tests do not need

    (found,) = [each for each in lab.saved()["artifacts"] if each["name"] == "onnx"]
    return [node.name for node in onnx.load(found["path"]).graph.node]


def test_only_what_was_trusted_runs(changed: Lab, listener: Listener) -> None:
    with pytest.raises(UsageError) as caught:
        changed(manifest=MANIFEST)
    text = r"the manifest brings code of its own, which would run with all your rights:\n  \S+/change\.py "
    text += r"\(\S+changed\.yaml:4: onnx\.transforms\.0\), sha256 [0-9a-f]{64}\n  read it, and add --trust-code"
    assert re.match(text, str(caught.value))
    report = changed(manifest=MANIFEST, trust_code=True)
    assert (report.verdict.value, report.metrics[0].value) == ("pass", 100.0)
    assert graph(changed)[-1] == "added"
    (named,) = [each for each in report.artifacts if each.name == "transform"]
    assert (named.path, len(named.sha256 or "")) == (str(changed.folder / SCRIPT), 64)
    assert any(text.startswith("--trust-code: ") and "may run from now on" in text for text in listener.heard)
    (stage,) = [stage for stage in report.stages if stage.name == "export"]
    assert "change.py was applied (outputs differ by at most 0.0e+00 (relative) from those before)" in stage.why
    assert not redone(changed(manifest=MANIFEST))  # trusted by its content now
    (changed.folder / SCRIPT).write_text(HARMLESS.replace("added", "other"))
    with pytest.raises(UsageError, match="brings code of its own"):
        changed(manifest=MANIFEST)
    assert {"export", "infer"} <= redone(changed(manifest=MANIFEST, trust_code=True))
    assert graph(changed)[-1] == "other"


def test_what_loads_no_model_needs_no_trust(changed: Lab) -> None:
    assert changed(manifest=MANIFEST, last=Stage.PREPROCESS).verdict.value == "stopped"


def test_what_a_script_imports_counts(changed: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "surgery.py").write_text("NAME = 'first'\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=":")
    monkeypatch.syspath_prepend(tmp_path / "site")
    (changed.folder / SCRIPT).write_text(HARMLESS.replace("import os\n", "import os\nimport surgery\n"))
    assert "export" in redone(changed(manifest=MANIFEST, trust_code=True))
    (tmp_path / "site" / "surgery.py").write_text("NAME = 'second'\n")
    assert "export" in redone(changed(manifest=MANIFEST, trust_code=True))


def test_results_of_another_script_are_refused(changed: Lab) -> None:
    changed(manifest=MANIFEST, trust_code=True, last=Stage.INFER)
    assert changed(manifest=MANIFEST, first=Stage.POSTPROCESS).metrics[0].value == 100.0
    (changed.folder / SCRIPT).write_text(HARMLESS.replace("added", "other"))
    report = changed(manifest=MANIFEST, first=Stage.POSTPROCESS)
    assert report.exit_code == ExitCode.STAGE_FAILED
    assert "network: expected " in report.why[0]


def test_a_plan_runs_nothing(changed: Lab, listener: Listener) -> None:
    (changed.folder / SCRIPT).write_text("raise SystemExit('it ran')")
    options = RunOptions(output=changed.folder / "out")
    recipe = resolve(load(changed.folder / MANIFEST), options)
    lines = list(plan(recipe, options, store=Store(changed.cache), progress=listener))
    assert any("<node of scores>" in line for line in lines)
    assert any("the scripts of onnx.transforms are not run for a plan" in text for text in listener.heard)
    assert any(line.startswith("  then change.py, which runs with --trust-code (sha256 ") for line in lines)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        pytest.param("", r"failed with exit code 1:\nexpected a function transform\(model\) in the script", id="empty"),
        pytest.param(
            "def transform(model):\n    return 3",
            r"expected transform\(model\) to return an onnx.ModelProto, found int",
            id="type",
        ),
        pytest.param(
            "def transform(model):\n    1 / 0",
            r"File \"\S+/change.py\", line 2, in transform\n(?s:.*)ZeroDivisionError",
            id="error",
        ),
        pytest.param(
            "def transform(model):\n    model.graph.initializer[0].raw_data = bytes(64)\n    return model",
            r"changes what the graph computes; it differs from the graph before in scores by \S+ of the output's "
            r"largest value, at most 0\.001 is allowed; correct the script",
            id="other-numbers",
        ),
        pytest.param(
            "def transform(model):\n    model.graph.output[0].name = 'nothing'\n    return model",
            r"made a graph that is not valid ONNX: ",
            id="invalid",
        ),
        pytest.param(
            "def transform(model):\n    model.graph.input[0].type.tensor_type.elem_type = 11\n"
            "    model.graph.initializer.extend([])\n    return model",
            r"made a graph that (is not valid ONNX|does not run in ONNX Runtime): ",
            id="input-type",
        ),
        pytest.param(
            "def transform(model):\n    import time\n    time.sleep(60)\n    return model",
            r"took longer than 3 s and was stopped; set ZOO_RUNNER_SCRIPT_SECONDS to give it more",
            id="endless",
        ),
    ],
)
def test_a_script_that_does_something_else(
    changed: Lab, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    monkeypatch.setenv("ZOO_RUNNER_SCRIPT_SECONDS", "3" if "sleep" in script else "600")
    (changed.folder / SCRIPT).write_text(script)
    report = changed(manifest=MANIFEST, trust_code=True, last=Stage.EXPORT)
    assert report.exit_code == ExitCode.STAGE_FAILED
    assert re.search(r"changed\.yaml:4: onnx\.transforms\.0: \S+change\.py ", report.why[0])
    assert re.search(message, report.why[0])


def test_an_output_of_another_name_cannot_be_compared_and_must_be_the_manifests(changed: Lab) -> None:
    renamed = HARMLESS.replace("[output.name]", "['sums']") + "    return model\n"
    renamed = renamed.replace("    return model\n", "    output.name = 'sums'\n    return model\n", 1)
    (changed.folder / SCRIPT).write_text(renamed)
    report = changed(manifest=MANIFEST, trust_code=True)
    assert report.exit_code == ExitCode.STAGE_FAILED
    assert "scores" in report.why[0]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        pytest.param(
            "nowhere.py",
            r"onnx\.transforms\.0: expected a Python script, relative to the manifest, found nowhere.py: No such",
            id="missing",
        ),
        pytest.param(
            "change.sh",
            r"onnx\.transforms\.0: expected the path of a Python script \(\.py\), found 'change\.sh'",
            id="suffix",
        ),
        pytest.param("https://example.org/x.py", r"expected the path of a Python script \(\.py\)", id="address"),
    ],
)
def test_what_is_no_script(changed: Lab, written: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        changed(f"onnx.transforms=[{written}]", manifest=MANIFEST)


def test_the_command_line(trial: ZooRun) -> None:
    (trial.folder / SCRIPT).write_text(HARMLESS)
    (trial.folder / MANIFEST).write_text(f"extends: trial.yaml\nonnx: {{transforms: [{SCRIPT}]}}\n")
    words = (MANIFEST, "--backend", "onnxruntime", "--output", "out", "--until", "export")
    run = trial.given(ZOO_RUNNER_CACHE=trial.folder / "own")
    refused = run(*words)
    assert (refused.returncode, "--trust-code" in refused.stderr) == (ExitCode.USAGE, True)
    assert run(*words, "--trust-code").returncode == 0
    assert run(*words).returncode == 0
    (record,) = (trial.folder / "own" / "trusted-code").glob("*.json")
    assert json.loads(record.read_text())["key"] == "onnx.transforms.0"


@pytest.mark.long
def test_a_pack_has_the_scripts(changed: Lab, listener: Listener) -> None:
    loaded = load(changed.folder / MANIFEST)
    options = RunOptions(output=changed.folder / "out", last=Stage.CONVERT, trust_code=True)
    pack(loaded, options, changed.folder / "packed", store=Store(changed.cache), progress=listener)
    assert (changed.folder / "packed" / SCRIPT).read_text() == HARMLESS
    report = changed(manifest="packed/manifest.yaml", data=changed.folder / "data")
    assert report.metrics[0].value == 100.0


def test_a_script_elsewhere_is_not_packed(changed: Lab, tmp_path: Path, listener: Listener) -> None:
    (tmp_path / "elsewhere.py").write_text(HARMLESS)
    loaded = load(changed.folder / MANIFEST, [f"onnx.transforms=[{tmp_path / 'elsewhere.py'}]"])
    options = RunOptions(output=changed.folder / "out", last=Stage.CONVERT, trust_code=True)
    with pytest.raises(ManifestError, match=r"^onnx\.transforms\.0: expected a file beside or below the manifest"):
        pack(loaded, options, changed.folder / "packed", store=Store(changed.cache), progress=listener)
