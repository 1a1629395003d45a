"""``--dry-run``: everything a run would do, down to the last flag of ``atc``, and nothing done."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dates import SOON
from places import MANIFESTS
from zoo_runner.job.options import Stage
from zoo_runner.testing import stand_in_environment

if TYPE_CHECKING:
    import subprocess

    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

STAGES = [stage.value for stage in Stage]
OUTPUTS = ("odm_loc", "odm_conf", "arm_loc", "arm_conf")
ALL_BATCHES = (1, 4, 8, 16, 32, 64)


def commands(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    """The commands of the plan, taken apart as a shell would."""
    return [shlex.split(line) for line in done.stdout.splitlines() if line.startswith("  atc ")]


def flags(command: list[str]) -> dict[str, str]:
    assert command[0] == "atc"
    return {name: value for name, _, value in (argument.partition("=") for argument in command[1:])}


def outputs_of(nodes: str, cache: Path, priors: int, classes: int) -> list[str]:
    """Which outputs of the exported graph the nodes of ``--out_nodes`` produce, as the graph itself says."""
    import onnx  # noqa: PLC0415 - an optional extra

    found = []
    for path in cache.glob("graph/[!.]*/content/*.onnx"):
        graph = onnx.load(path).graph
        shapes = {each.name: [axis.dim_value for axis in each.type.tensor_type.shape.dim] for each in graph.output}
        if shapes.get("odm_conf", [])[1:] == [priors, classes]:
            producers = {f"{node.name}:{index}": name for node in graph.node for index, name in enumerate(node.output)}
            found.append([producers[node] for node in nodes.split(";")])
    assert found
    assert all(each == found[0] for each in found)
    return found[0]


@pytest.mark.parametrize(
    ("name", "side", "priors", "classes", "batches", "soc"),
    [
        pytest.param("refinedet320", 320, 6375, 21, ALL_BATCHES, "Ascend310P3", id="320"),
        pytest.param(
            "refinedet512", 512, 16320, 21, ALL_BATCHES, "Ascend<chip from npu-smi>", marks=pytest.mark.long, id="512"
        ),
        pytest.param("refinedet320-sample", 320, 6375, 7, (1, 8), "Ascend<chip from npu-smi>", id="sample"),
    ],
)
@pytest.mark.long_rows("320")
def test_shipped_manifests(
    zoo_run: ZooRun, name: str, side: int, priors: int, classes: int, batches: tuple[int, ...], soc: str
) -> None:
    done = zoo_run(MANIFESTS / f"{name}.yaml", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    plan = done.stdout.splitlines()
    assert plan[0] == f"plan for {name} ({MANIFESTS / name}.yaml)"
    assert [line.rstrip(":") for line in plan[1:] if not line.startswith(" ")] == STAGES
    assert len(commands(done)) == len(batches)
    nodes = flags(commands(done)[0])["--out_nodes"]
    assert outputs_of(nodes, zoo_run.cache, priors, classes) == list(OUTPUTS)
    for batch, command in zip(batches, commands(done), strict=True):
        assert command == [
            "atc",
            "--framework=5",
            f"--model={name}.onnx",
            f"--output={name}_bs{batch}",
            "--input_format=NCHW",
            f"--input_shape=image:{batch},3,{side},{side}",
            f"--out_nodes={nodes}",
            "--log=error",
            f"--soc_version={soc}",
            "--precision_mode=allow_fp32_to_fp16",
        ]
    assert list(zoo_run.folder.iterdir()) == []


def test_the_published_recipe_says_what_it_would_fetch_and_gate(zoo_run: ZooRun) -> None:
    done = zoo_run(MANIFESTS / "refinedet320.yaml", "--dry-run")
    lines = done.stdout.splitlines()
    for expected in (
        "/PTH/RefineDet320_VOC_final.pth (no hash: trusted on first use)",
        "/VOCtest_06-Nov-2007.tar (md5 b6e924de25625d8de591ea690078ad9f)",
        "ONNX opset 11 with the torchscript exporter, simplified, compared with torch",
        "not needed by the backend onnxruntime; on an Ascend host:",
        "4952 images",
        "voc07_map/reference, voc07_map/devkit, voc10_map/devkit",
        "each with its interval over 1000 resamples",
        "batch sizes 1, 4, 8, 16, 32, 64; 1000 loops after 5 to warm up",
        "voc07_map (reference) at least 79.58 - 0.02 percent",
        "batch 16: at least 445.783 - 22.289 images/s (only on 310P3)",
    ):
        assert [line for line in lines if line.startswith("  ") and line.endswith(expected)]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param(["--batch-size", "2"], "batch sizes 2; 3 loops", id="batch size"),
        pytest.param(["--data", "here"], "  dataset  here (local)\n", id="data"),
        pytest.param(["--weights", "w.pth"], "  weights  w.pth (no hash: trusted on first use)\n", id="weights"),
        pytest.param(
            ["--from", "infer", "--until", "evaluate"],
            "export:   (not run: outside --from and --until)\n",
            id="a piece of it",
        ),
        pytest.param(["--limit", "7"], "  7 of 150 samples, no more than 7\n", id="limit"),
        pytest.param(
            [
                "--set",
                f"waivers=[{{line: accuracy/top1, owner: ann, issue: 'http://x.org/1', until: {SOON}, floor: 99}}]",
            ],
            f"  accuracy/top1: waived down to 99 until {SOON} (ann, http://x.org/1)\n",
            id="waiver",
        ),
        pytest.param(
            ["--set", "expected.accuracy={direction: within, value: 50}"],
            "  accuracy (top1) 50 ± 0.5 percent\n",
            id="direction",
        ),
        pytest.param(
            ["--set", "expected.chips={cpu@ascend: {throughput: {1: 9}}}"],
            "  batch 1: at least 9.0 - 0.000 images/s (only on cpu with the backend ascend)\n",
            id="another backend's figures",
        ),
        pytest.param(["--until", "evaluate"], "gate:   (not run: outside --from and --until)\n", id="beginning"),
        pytest.param(["--from", "postprocess", "--results", "r"], "postprocess:\n  of r\n", id="result files"),
        pytest.param(
            ["--backend", "ascend"], "this run would stop: backend 'ascend' cannot run here:\n", id="no backend"
        ),
    ],
)
def test_options_show_in_the_plan(trial: ZooRun, arguments: list[str], text: str) -> None:
    done = trial("trial.yaml", "--dry-run", "--output", "out", *arguments)
    assert done.returncode == 0, done.stderr
    assert text in done.stdout
    assert not (trial.folder / "out").exists()
    assert not (trial.folder / "zoo-output").exists()


SUBSETS = "subsets={pr: {every: 10, offset: 3, expected: {value: 90, tolerance: {rel: 0.05}}}, bare: {every: 50}}"


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        pytest.param(
            ["--subset", "pr"],
            [
                "preprocess:\n  15 of 150 samples, subset pr: every 10 from position 3\n",
                "gate:\n  accuracy (top1) at least 90 - 4.5 percent\n",
            ],
            id="its own figure",
        ),
        pytest.param(
            ["--subset", "bare", "--limit", "2"],
            [
                "preprocess:\n  2 of 150 samples, subset bare: every 50 from position 0, no more than 2\n",
                "gate:\n  accuracy: nothing expected of the subset bare\n",
            ],
            id="no figure",
        ),
        pytest.param(
            ["--baseline", "earlier"], ["evaluate:\n  accuracy/top1\n  compared with earlier\n"], id="baseline"
        ),
    ],
)
def test_what_is_scored_and_compared(trial: ZooRun, arguments: list[str], texts: list[str]) -> None:
    (trial.folder / "earlier").mkdir()
    done = trial("trial.yaml", "--dry-run", "--set", SUBSETS, *arguments)
    assert (done.returncode, [text for text in texts if text not in done.stdout]) == (0, []), done.stderr


@pytest.mark.parametrize(
    ("arguments", "soc"),
    [
        pytest.param([], "Ascend310P1", id="the chip that is here"),
        pytest.param(["--soc", "310P3"], "Ascend310P3", id="another one"),
        pytest.param(["--set", "atc.soc_version=Ascend310B4"], "Ascend310B4", id="the manifest's"),
    ],
)
def test_on_an_ascend_host(trial: ZooRun, tmp_path: Path, arguments: list[str], soc: str) -> None:
    variables = stand_in_environment(tmp_path / "host", chip="310P1")
    own = {name: value for name, value in variables.items() if os.environ.get(name) != value}
    own["PYTHONPATH"] += os.pathsep + trial.variables["PYTHONPATH"]
    done = trial.given(**own)("trial.yaml", "--dry-run", *arguments)
    assert done.returncode == 0, done.stderr
    assert "not needed" not in done.stdout
    assert {flags(command)["--soc_version"] for command in commands(done)} == {soc}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param(["--backend", "nonsense"], "no backend is registered as 'nonsense'", id="backend"),
        pytest.param(["--from", "gate"], "--from gate has nothing to gate", id="options"),
        pytest.param(["--set", "outputs.0.shape=[batch, 5]"], "expected scores float32[batch, 4]", id="tensors"),
    ],
)
def test_what_a_run_refuses_has_no_plan(trial: ZooRun, arguments: list[str], text: str) -> None:
    done = trial("trial.yaml", "--dry-run", *arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert commands(done) == []
