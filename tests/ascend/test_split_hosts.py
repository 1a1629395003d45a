"""Convert on one host, infer on another: two fresh environments that share nothing but the pack."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from ascend_host import NO_GOLDEN, SAMPLE
from places import ROOT
from zoo_runner.testing import stand_in_environment

pytestmark = pytest.mark.slow  # whole runs of the command

EXPORTING = {"torch", "onnx", "onnxsim", "onnxscript", "safetensors"}
LOADED = """\
import atexit, multiprocessing, os, sys

def tell():
    if sys.argv[0].endswith("zoo_runner/__main__.py") and multiprocessing.parent_process() is None:
        with open(os.environ["LOADED"], "a") as file:
            print(sorted({"onnxruntime", "onnx", "torch"} & sys.modules.keys()), file=file)

atexit.register(tell)
"""
"""Tells what zoo-run itself loaded; the processes of its devices are stand-ins, which run graphs."""


@dataclass(frozen=True)
class Computer:
    """An environment of its own: packages, tools, store and folder."""

    python: Path
    folder: Path
    variables: Mapping[str, str]

    def __call__(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [self.python, "-m", "zoo_runner", *words]
        return subprocess.run(
            command, cwd=self.folder, env=self.variables, capture_output=True, text=True, check=False, timeout=300
        )

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "out" / "report.json").read_text())
        return found

    @property
    def loaded(self) -> list[str]:
        """What each command loaded of the packages that read or run graphs."""
        return Path(self.variables["LOADED"]).read_text().splitlines()


Computers: TypeAlias = "Callable[..., Computer]"


@pytest.fixture(scope="module")
def computers(tmp_path_factory: pytest.TempPathFactory) -> Computers:
    def make(name: str, *without: str, **host: Any) -> Computer:
        base = tmp_path_factory.mktemp(name)
        for folder in ("site", "work"):
            (base / folder).mkdir()
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if entry.name.split("-")[0] not in without and entry.suffix != ".pth":
                (base / "site" / entry.name).symlink_to(entry)
        venv.create(base / "venv", symlinks=True)
        (packages,) = (base / "venv" / "lib").glob("python*/site-packages")
        (packages / "here.pth").write_text(f"{base / 'site'}\n{ROOT}\n")
        (packages / "sitecustomize.py").write_text(LOADED)
        variables = dict(stand_in_environment(base / "host", **host))
        own = variables["PYTHONPATH"].removesuffix(os.environ.get("PYTHONPATH", ""))  # nothing of this process's
        variables["PYTHONPATH"] = own.rstrip(os.pathsep)
        variables |= {"ZOO_RUNNER_CACHE": str(base / "store"), "LOADED": str(base / "loaded"), "NO_COLOR": "1"}
        return Computer(base / "venv" / "bin" / "python", base / "work", variables)

    return make


@pytest.fixture(scope="module")
def builder(computers: Computers) -> Computer:
    """A host that has atc and no card."""
    return computers("builder", role="build")


@pytest.fixture(scope="module")
def pack(builder: Computer) -> Path:
    """The sample, exported and converted there."""
    few = "benchmark={batch: [4, 8], loop: 2, warmup: 0}"
    done = builder("pack", SAMPLE, "--soc", "Ascend310P3", "--export", "--set", few, "-o", "s.zip")
    assert done.returncode == 0, done.stdout + done.stderr
    return builder.folder / "s.zip"


@pytest.fixture(scope="module")
def inferring(computers: Computers) -> Computer:
    """A host that has a card and ais_bench, and neither atc nor torch nor onnx."""
    return computers("inferring", *EXPORTING, role="inference")


@pytest.fixture
def unpacked(pack: Path, tmp_path: Path) -> Path:
    shutil.unpack_archive(pack, tmp_path)
    return tmp_path / "refinedet320-sample"


@pytest.mark.parametrize("form", ["archive", "folder", "file"])
@pytest.mark.long_rows("folder", "file")
def test_a_pack_is_run_where_nothing_converts(inferring: Computer, unpacked: Path, pack: Path, form: str) -> None:
    om = {"archive": pack, "folder": unpacked, "file": unpacked / "refinedet320-sample_bs8.om"}[form]
    done = inferring(unpacked / "manifest.yaml", "--om", om, "--output", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    report = inferring.report()
    assert (report["verdict"], report["metrics"][0]["value"]) == ("pass", pytest.approx(92.6, abs=0.3))
    assert sorted(row["batch"] for row in report["performance"]) == ([8] if form == "file" else [4, 8])
    (convert,) = (stage["why"] for stage in report["stages"] if stage["name"] == "convert")
    assert convert == f"{om} fits; batch {'8' if form == 'file' else '4, 8'}"
    assert {*inferring.loaded} == {"[]"}


def changed_stamp(folder: Path, **values: object) -> None:
    path = folder / "refinedet320-sample_bs8.om.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def with_other_graph(folder: Path) -> None:
    """Put the graph of other weights in the place of the pack's, with its own hash in manifest and stamps."""
    onnx = pytest.importorskip("onnx")
    path = folder / "refinedet320-sample.onnx"
    old = hashlib.sha256(path.read_bytes()).hexdigest()
    model = onnx.load(path)
    said = {item.key: item.value for item in model.metadata_props}
    onnx.helper.set_model_props(model, said | {"zoo_runner.weights_sha256": "0" * 64})
    onnx.save(model, path)
    new = hashlib.sha256(path.read_bytes()).hexdigest()
    for each in (*folder.glob("*.json"), folder / "manifest.yaml"):
        each.write_text(each.read_text().replace(old, new))


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "model": (
        lambda folder: (folder / "refinedet320-sample_bs8.om").write_bytes(b"x"),
        "content: the file has SHA-256 ",
    ),
    "graph of the stamp": (
        lambda folder: changed_stamp(folder, onnx_sha256="0" * 64),
        f"found {'0' * 64}",
    ),
    "CANN": (lambda folder: changed_stamp(folder, cann="7.0.0"), "CANN release: expected 8.0.0-stand-in, found 7.0.0"),
    "chip": (lambda folder: changed_stamp(folder, chip="Ascend310"), "chip: expected Ascend310P3, found Ascend310"),
    "order": (
        lambda folder: changed_stamp(folder, outputs=["a", "b"]),
        "output order: expected ",
    ),
    "nodes": (lambda folder: changed_stamp(folder, out_nodes=["a:0"]), "found a:0"),
    "no stamp": (lambda folder: (folder / "refinedet320-sample_bs8.om.json").unlink(), "there is no stamp of this"),
    "no model": (
        lambda folder: (folder / "refinedet320-sample_bs4.om").unlink(),
        "expected one *_bs4.om, for batch 4, found refinedet320-sample_bs8.om; pack again",
    ),
    "weights": (with_other_graph, f"found {'0' * 64}"),
    "no graph": (
        lambda folder: (folder / "refinedet320-sample.onnx").unlink(),
        "refinedet320-sample.onnx: expected a file at ",
    ),
}
"""What may be wrong with a pack, and what is said of it."""


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.long_rows("order", "graph of the stamp", "no model", "no graph")
def test_what_does_not_fit_is_refused(inferring: Computer, unpacked: Path, name: str) -> None:
    change, text = REFUSED[name]
    change(unpacked)
    done = inferring(unpacked / "manifest.yaml", "--om", unpacked, "--until", "convert", "--output", "out")
    assert done.returncode == 3, done.stdout + done.stderr
    assert text in inferring.report()["why"][0]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        pytest.param(["--set", "atc.precision_mode=force_fp16"], "ATC arguments: expected ", id="flags"),
        pytest.param(["--batch-size", "2"], "expected one *_bs2.om, for batch 2", id="batch"),
        pytest.param(["--soc", "Ascend310"], "chip: expected Ascend310, found Ascend310P3", id="chip"),
    ],
)
def test_another_conversion_is_refused(
    inferring: Computer, pack: Path, unpacked: Path, words: list[str], text: str
) -> None:
    done = inferring(unpacked / "manifest.yaml", "--om", pack, "--until", "convert", "--output", "out", *words)
    assert done.returncode == 3, done.stdout + done.stderr
    assert text in inferring.report()["why"][0]


def test_another_card_or_release_is_refused(computers: Computers, unpacked: Path) -> None:
    there = computers("other", *EXPORTING, role="inference", chip="910B3", cann="7.0.0")
    done = there(unpacked / "manifest.yaml", "--om", unpacked, "--until", "convert", "--output", "out")
    assert done.returncode == 3, done.stdout + done.stderr
    (why,) = there.report()["why"]
    assert "CANN release: expected 7.0.0-stand-in, found 8.0.0-stand-in" in why
    assert "chip: the model is for Ascend310P3, the card here is Ascend910B3" in why


def test_a_pack_of_another_graph_than_the_manifest_names_is_refused(inferring: Computer, pack: Path) -> None:
    other = ("--set", f"onnx.sha256={'a' * 64}")
    done = inferring(SAMPLE, "--om", pack, "--until", "convert", "--output", "out", *other)
    assert done.returncode == 3, done.stdout + done.stderr
    (why,) = inferring.report()["why"]
    assert why.startswith(
        f"--om {pack}: expected a pack of the ONNX file that the manifest names, with sha256 {'a' * 64} "
    )


def test_other_weights_are_refused(inferring: Computer, pack: Path, unpacked: Path) -> None:
    (unpacked / "other.pth").write_bytes((unpacked / "weights.pth").read_bytes() + b"x")
    words = ("--weights", unpacked / "other.pth", "--other-weights", "--until", "convert", "--output", "out")
    done = inferring(unpacked / "manifest.yaml", "--om", pack, *words)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "the weights' sha256: expected " in inferring.report()["why"][0]


def test_each_host_is_told_what_it_lacks_for_what(builder: Computer, inferring: Computer) -> None:
    assert builder("doctor", "--backend", "ascend").returncode == 3
    at_builder = builder("doctor", "--backend", "ascend", "--for", "convert")
    assert at_builder.returncode == 0
    assert "to convert (zoo-run pack): ready\n" in at_builder.stdout
    assert "to infer with what was packed (--om PACK): lacks npu-smi, aclruntime, ais_bench\n" in at_builder.stdout
    assert builder("doctor", "--backend", "ascend", "--for", "infer").returncode == 3
    assert inferring("doctor", "--backend", "ascend", "--for", "convert").returncode == 3
    at_inferring = inferring("doctor", "--backend", "ascend", "--for", "infer")
    assert at_inferring.returncode == 0
    assert "to convert (zoo-run pack): lacks atc\n" in at_inferring.stdout


def test_a_host_without_a_card_must_be_told_the_chip(builder: Computer) -> None:
    done = builder("pack", SAMPLE, "--backend", "ascend", "-o", "never")
    assert done.returncode == 3
    assert "or name the chip, as in --soc Ascend310P3" in done.stderr
    assert not (builder.folder / "never").exists()


OUTPUTS = "odm_loc,odm_conf,arm_loc,arm_conf"


@pytest.fixture
def unstamped(unpacked: Path) -> Path:
    """An .om of the user's own: there is nothing beside it."""
    mine = unpacked.parent / "mine"
    mine.mkdir()
    return Path(shutil.copy(unpacked / "refinedet320-sample_bs8.om", mine / "mine.om"))


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        pytest.param((), 3, "to convert again, or add --accept-unstamped to take it unchecked", id="not accepted"),
        pytest.param(
            ("--accept-unstamped",),
            2,
            "--accept-unstamped: outputs odm_loc and arm_loc have one shape, so that nothing tells their order in the "
            f".om: give it, as in --om-outputs {OUTPUTS}",
            id="no order",
        ),
        pytest.param(
            ("--accept-unstamped", "--om-outputs", "odm_loc,odm_conf,arm_loc,arm_cnf"),
            2,
            "--om-outputs: the manifest has no output 'arm_cnf'; did you mean 'arm_conf' or 'arm_loc'?",
            id="a wrong name",
        ),
        pytest.param(
            ("--accept-unstamped", "--om-outputs", "arm_loc,odm_loc"),
            2,
            "--om-outputs: expected each of odm_loc, odm_conf, arm_loc, arm_conf once, found arm_loc, odm_loc",
            id="too few",
        ),
        pytest.param(
            ("--accept-unstamped", "--om-outputs", "arm_conf,arm_loc,odm_loc,odm_conf"),
            3,
            "output 0 of the model",
            id="other shapes",
        ),
        pytest.param(("--om-outputs", OUTPUTS), 2, "add --accept-unstamped, or drop it", id="a stamp has the order"),
    ],
)
@pytest.mark.long_rows("too few", "a wrong name")
def test_an_om_without_a_stamp_is_not_just_used(
    inferring: Computer, unstamped: Path, words: tuple[str, ...], code: int, text: str
) -> None:
    done = inferring(SAMPLE, "--om", unstamped, "--batch-size", "8", "--limit", "8", "--output", "out", *words)
    assert (done.returncode, text in f"{done.stderr}{done.stdout}") == (code, True), done.stdout + done.stderr


@pytest.mark.long
def test_an_om_without_a_stamp_is_taken_as_the_user_says(inferring: Computer, unstamped: Path) -> None:
    words = ("--om", unstamped, "--batch-size", "8", "--accept-unstamped", "--output", "out", "--om-outputs")
    done = inferring(SAMPLE, *words, OUTPUTS)
    assert done.returncode == 0, done.stdout + done.stderr
    report = inferring.report()
    assert (report["verdict"], report["metrics"][0]["value"]) == ("pass", pytest.approx(92.6, abs=0.3))
    said = (
        "the .om has no stamp and was taken as --accept-unstamped allows: nobody checked of which weights it is; its "
        "outputs are in the order that --om-outputs says (odm_loc, odm_conf, arm_loc, arm_conf)"
    )
    assert said in report["remarks"]
    assert inferring.loaded[-1] == "[]"
    order = "arm_loc,odm_conf,odm_loc,arm_conf"
    done = inferring(SAMPLE, *words, order, *NO_GOLDEN)  # the user's own mistake shows in the figure
    assert done.returncode == 1, done.stdout + done.stderr


def test_a_stamp_that_does_not_fit_is_never_passed_over(inferring: Computer, unpacked: Path) -> None:
    changed_stamp(unpacked, cann="7.0.0")
    words = ("--accept-unstamped", "--om-outputs", OUTPUTS, "--until", "convert", "--output", "out")
    done = inferring(unpacked / "manifest.yaml", "--om", unpacked, *words)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "CANN release: expected 8.0.0-stand-in, found 7.0.0" in inferring.report()["why"][0]


@pytest.mark.long
def test_where_the_graph_can_be_run_outputs_that_look_exchanged_are_refused(
    computers: Computers, unstamped: Path
) -> None:
    there = computers("complete")
    words = ("--limit", "8", "--until", "infer", "--output", "out", "--accept-unstamped", "--om-outputs")
    done = there(SAMPLE, "--om", unstamped, "--batch-size", "8", *words, "arm_loc,odm_conf,odm_loc,arm_conf")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "odm_loc" in there.report()["why"][0]
    assert "exchanged" in there.report()["why"][0]
