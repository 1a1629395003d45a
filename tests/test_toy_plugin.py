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
    assert {artifact["name"] for artifact in found["artifacts"]} >= {"weights", "dataset", "onnx", "detections"}


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


def test_it_is_listed_beside_what_is_built_in(zoo_run: Run) -> None:
    plugins, backends = zoo_run("plugins"), zoo_run("backends")
    assert (plugins.returncode, plugins.stderr) == (0, "")
    assert "toy toy-plugin 1.0 toy_plugin" in [" ".join(line.split()) for line in plugins.stdout.splitlines()]
    assert {line.split()[0] for line in plugins.stdout.splitlines()} == {"refinedet", "toy"}
    assert {line.split()[0] for line in backends.stdout.splitlines()} == {"ascend", "onnxruntime", "onnx-reference"}


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
            "toy.yaml:6: outputs.0: expected scores float32['batch', 2], found scores float32['batch', 3]",
            id="tensors",
        ),
        pytest.param(
            ["validate", "toy.yaml", "--set", "expected.accuracy.protocol=top5"],
            "expected.accuracy: the plugin measures accuracy/top1, found accuracy/top5; did you mean 'accuracy/top1'?",
            id="metric",
        ),
        pytest.param(
            ["toy.yaml", "--backend", "onnx-refrence"],
            "no plugin is registered as 'onnx-refrence'; did you mean 'onnx-reference'?",
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
    assert "(registered: ascend, onnxruntime, refinedet)" in done.stderr
    assert not (tmp_path / "zoo-output").exists()
