"""A third party's package, installed into an environment of its own, brings a plugin and a backend.

It is the package that ``docs/write-a-plugin.md`` shows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from places import MODELS

pytestmark = pytest.mark.slow  # installs the plugin and starts new processes

SOURCE = Path(__file__).parent / "toy_plugin"
CLASSES = "abc"
SAMPLES = 6
ZOO_RUN = ("-c", "from zoo_runner.cli import main; main()")


@pytest.fixture(scope="module")
def toy_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that has the toy package beside everything installed here."""
    folder = tmp_path_factory.mktemp("toy")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
    here = [entry for entry in sys.path if Path(entry).name == "site-packages"]
    lines = [f"import site; site.addsitedir({entry!r})\n" for entry in here]  # with the .pth files in it
    (site / "packages_of_the_tests.pth").write_text("".join(lines))
    shutil.copytree(SOURCE, folder / "source")
    command = "-m pip install --quiet --no-index --no-deps --no-build-isolation --disable-pip-version-check"
    done = run(python, *command.split(), folder / "source")
    assert done.returncode == 0, done.stderr
    return python


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def zoo_run(cache: Path, tmp_path: Path, toy_python: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``zoo-run`` in the toy environment, beside a manifest, a checkpoint and data that belong together."""
    shutil.copy(SOURCE / "toy.yaml", tmp_path)
    weight = torch.eye(len(CLASSES), 4)
    torch.save({"weight": weight, "bias": torch.zeros(len(CLASSES))}, tmp_path / "toy.pth")
    (tmp_path / "data").mkdir()
    for index in range(SAMPLES):
        write_sample(tmp_path / "data", index, label=index % len(CLASSES))

    def run_there(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run(toy_python, *ZOO_RUN, *arguments, cwd=tmp_path, env={"ZOO_RUNNER_CACHE": str(cache)})

    return run_there


def write_sample(folder: Path, index: int, *, label: int) -> None:
    """Numbers whose largest is at ``index % 3``, in a file that says ``label``."""
    numbers = [0.25, -1.0, 0.5, 9.0]
    numbers[index % len(CLASSES)] = 2.0 + index
    (folder / f"{CLASSES[label]}_{index}.txt").write_text(" ".join(map(str, numbers)))


def run(
    python: Path, *arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        timeout=300,
    )


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "zoo-output" / "toy" / "report.json").read_text())
    return found


Run = Callable[..., subprocess.CompletedProcess[str]]


def test_it_passes(zoo_run: Run, tmp_path: Path) -> None:
    done = zoo_run("toy.yaml")
    assert done.returncode == 0, done.stderr
    found = report(tmp_path)
    assert (found["verdict"], found["environment"]["backend"]) == ("pass", "onnxruntime")
    (metric,) = found["metrics"]
    assert (metric["name"], metric["protocol"], metric["value"]) == ("accuracy", "top1", 100.0)
    assert (metric["samples"], metric["dataset_samples"]) == (SAMPLES, SAMPLES)
    assert {artifact["name"] for artifact in found["artifacts"]} >= {"weights", "dataset", "onnx", "predictions"}


def test_one_wrong_label_fails_the_gate(zoo_run: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    next(data.glob("*_0.txt")).unlink()
    write_sample(data, 0, label=1)
    done = zoo_run("toy.yaml")
    assert done.returncode == 1, done.stderr
    found = report(tmp_path)
    assert (found["verdict"], found["exit_code"]) == ("fail", 1)
    assert found["metrics"][0]["value"] == pytest.approx(100 * 5 / 6)


def test_its_backend_runs_it(zoo_run: Run, tmp_path: Path) -> None:
    done = zoo_run("toy.yaml", "--backend", "onnx-reference")
    assert done.returncode == 0, done.stderr
    found = report(tmp_path)
    environment = found["environment"]
    assert (environment["backend"], environment["chip"]) == ("onnx-reference", "cpu")
    assert environment["backend_version"].startswith("onnx ")
    (timing,) = found["performance"]
    assert (timing["backend"], timing["loops"]) == ("onnx-reference", 5)


def accelerated(zoo_run: Run, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run on the accelerator; a chip without figures needs to be told that accuracy is enough."""
    return zoo_run("toy.yaml", "--backend", "toy-accelerator", "--accuracy-only", *arguments)


def converted(folder: Path) -> dict[str, dict[str, Any]]:
    """What the last run loaded, by its origin."""
    return {each["origin"]: each for each in report(folder)["artifacts"] if each["name"] == "toy"}


def stage(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in report(folder)["stages"] if each["name"] == name)
    return found


def test_its_accelerator_runs_what_its_own_conversion_makes(
    zoo_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = accelerated(zoo_run)
    assert first.returncode == 0, first.stderr
    environment, made = report(tmp_path)["environment"], converted(tmp_path)
    assert (environment["backend"], environment["chip"]) == ("toy-accelerator", "T1")
    assert made.keys() == {"batch 1", "batch 4"}
    assert made["batch 1"]["sha256"] != made["batch 4"]["sha256"]
    assert Path(made["batch 4"]["path"]).read_bytes().startswith(b'{"model": "')
    assert not stage(tmp_path, "convert")["skipped"]
    assert accelerated(zoo_run).returncode == 0
    again = stage(tmp_path, "convert")
    assert (converted(tmp_path), again["skipped"], again["why"]) == (made, True, "unchanged; batch 1, 4")
    monkeypatch.setenv("TOYC_LEVEL", "2")
    assert accelerated(zoo_run).returncode == 0
    assert not stage(tmp_path, "convert")["skipped"]
    assert converted(tmp_path)["batch 4"]["sha256"] != made["batch 4"]["sha256"]


@pytest.mark.long
def test_its_accelerator_takes_a_file_of_the_users_own_that_fits(zoo_run: Run, tmp_path: Path) -> None:
    assert accelerated(zoo_run, "--until", "convert").returncode == 0
    mine, foreign = tmp_path / "mine.toy", tmp_path / "foreign.toy"
    shutil.copy(converted(tmp_path)["batch 4"]["path"], mine)
    done = accelerated(zoo_run, "--om", str(mine))
    assert done.returncode == 0, done.stderr
    assert stage(tmp_path, "convert")["why"] == f"{mine} fits; batch 4"
    foreign.write_bytes(mine.read_bytes().replace(b'"batch": 4', b'"batch": 8') + b"x")
    refused = accelerated(zoo_run, "--om", str(foreign))
    assert refused.returncode == 3
    (reason,) = report(tmp_path)["why"]
    assert reason.startswith(f"--om {foreign}: not the model of this manifest\n  model: expected ")
    assert "\n  batch: expected 4, found 8\n" in reason


@pytest.mark.long
def test_results_of_its_accelerator_are_refused_where_the_compiler_was_told_something_else(zoo_run: Run) -> None:
    assert accelerated(zoo_run, "--until", "infer").returncode == 0
    scoring = ("toy.yaml", "--from", "postprocess", "--accuracy-only")
    assert zoo_run(*scoring).returncode == 0
    done = zoo_run(*scoring, "--set", "atc.precision_mode=force_fp16")
    assert done.returncode == 3
    assert "atc.precision_mode" in done.stdout


def test_the_plan_shows_the_commands_of_its_accelerator(zoo_run: Run) -> None:
    done = accelerated(zoo_run, "--dry-run")
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert [line for line in lines if line.startswith(("toyc", "atc"))] == [
        "toyc --batch=1 toy.onnx -o toy_bs1.toy",
        "toyc --batch=4 toy.onnx -o toy_bs4.toy",
    ]


def test_it_is_listed_beside_what_is_built_in(zoo_run: Run) -> None:
    plugins, backends = zoo_run("plugins"), zoo_run("backends")
    assert (plugins.returncode, plugins.stderr) == (0, "")
    assert "toy toy-plugin 1.0 toy_plugin" in [" ".join(line.split()) for line in plugins.stdout.splitlines()]
    assert {line.split()[0] for line in plugins.stdout.splitlines()} == {*MODELS, "toy"}
    own = {"onnx-reference", "toy-accelerator"}
    assert {line.split()[0] for line in backends.stdout.splitlines()} == {"ascend", "onnxruntime", *own}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["validate", "toy.yaml", "--set", "plugin.config.clases=[a]"],
            "--set plugin.config.clases: unknown key; did you mean 'classes'?",
            id="configuration",
        ),
        pytest.param(
            ["validate", "toy.yaml", "--set", "plugin.config.classes=[a, b]"],
            "toy.yaml:6: outputs.0: expected scores float32[batch, 2], found scores float32[batch, 3]",
            id="tensors",
        ),
        pytest.param(
            ["validate", "toy.yaml", "--set", "expected.accuracy.protocol=top5"],
            "expected.accuracy: the plugin measures accuracy/top1, found accuracy/top5; did you mean 'accuracy/top1'?",
            id="metric",
        ),
        pytest.param(
            ["toy.yaml", "--backend", "onnx-refrence"],
            "no backend is registered as 'onnx-refrence'; did you mean 'onnx-reference'?",
            id="backend",
        ),
        pytest.param(["toy.yaml", "--backend", "toy"], "'toy' is a model plugin, not a backend", id="no backend"),
        pytest.param(
            ["validate", "toy.yaml", "--set", "plugin.name=onnx-reference"],
            "'onnx-reference' is a backend, not a model plugin",
            id="no model plugin",
        ),
    ],
)
def test_a_manifest_that_does_not_fit_it(zoo_run: Run, arguments: list[str], message: str) -> None:
    done = zoo_run(*arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr


def test_elsewhere_it_is_unknown(tmp_path: Path) -> None:
    manifest = tmp_path / "toy.yaml"
    shutil.copy(SOURCE / "toy.yaml", manifest)
    done = run(Path(sys.executable), *ZOO_RUN, str(manifest), cwd=tmp_path)
    assert done.returncode == 2
    assert "no plugin is registered as 'toy'; install the package that registers it" in done.stderr
    assert f"(registered: {', '.join(MODELS)})" in done.stderr
    assert not (tmp_path / "zoo-output").exists()
