"""``zoo-run pack`` as users call it, on ONNX Runtime and on the stand-ins, and its files used elsewhere."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from ascend_host import SAMPLE, on
from zoo_runner.manifest.load import load
from zoo_runner.testing import stand_in_environment
from zoo_runner.testing.om_file import OmModel, read_om

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

PACK = ("pack", "trial.yaml", "--backend", "onnxruntime", "-o")
ON_ASCEND = ("pack", "trial.yaml", "--backend", "ascend", "-o")
TEXTS = ["README.md", "SHA256SUMS", "manifest.yaml"]


@pytest.fixture
def ascend(trial: ZooRun, tmp_path: Path) -> ZooRun:
    """The trial on a machine with stand-ins; both add to the import path."""
    return on(trial, stand_in_environment(tmp_path / "host"))


def packed(run: ZooRun, *words: str) -> Path:
    done = run(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return run.folder / words[words.index("-o") + 1]


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names(folder)}


Elsewhere: TypeAlias = "Callable[..., ZooRun]"


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    """Make a machine that has a pack, but for some files, and an empty store, and nothing else of the first one."""

    def make(run: ZooRun, pack: Path, *left: str) -> ZooRun:
        folder = tmp_path_factory.mktemp("elsewhere")
        shutil.copytree(pack, folder / "here", ignore=shutil.ignore_patterns(*left))
        return replace(run, folder=folder / "here").given(ZOO_RUNNER_CACHE=folder / "store")

    return make


def test_what_is_in_it(trial: ZooRun) -> None:
    folder = packed(trial, *PACK, "p")
    assert names(folder) == [*TEXTS, "trial.onnx", "weights.pth"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir() if path.name not in TEXTS} == {0o644}
    words = ["/bin/sh", "-c", "sha256sum -c SHA256SUMS"]
    checked = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    assert checked.stdout.splitlines() == [f"{name}: OK" for name in names(folder) if name != "SHA256SUMS"]
    assert checked.stderr == ""
    readme = (folder / "README.md").read_text()
    assert readme.startswith("# A pack of zoo-run: trial\n")
    assert "the checkpoint of the manifest, which had no hash for it: " in readme
    assert "    zoo-run manifest.yaml --data FOLDER\n" in readme  # its data set was a folder beside the manifest
    assert str(trial.folder) not in "".join((folder / name).read_text() for name in TEXTS)
    assert list(trial.folder.glob(".p.*")) == []


def test_a_manifest_with_a_line_end_in_its_name_adds_nothing(trial: ZooRun) -> None:
    strange = "a\ndescription: not mine.yaml"
    (trial.folder / strange).write_bytes((trial.folder / "trial.yaml").read_bytes())
    folder = packed(trial, "pack", strange, *PACK[2:], "p")
    assert (folder / "manifest.yaml").read_text().partition("\n")[0].endswith(" from a description: not mine.yaml.")
    assert "not mine" not in (load(folder / "manifest.yaml").manifest.description or "")


def test_it_runs_elsewhere(trial: ZooRun, elsewhere: Elsewhere) -> None:
    there = elsewhere(trial, packed(trial, *PACK, "p", "--set", "infer.batch=4"))
    shutil.move(trial.folder / "data", there.folder / "given")
    shutil.rmtree(trial.folder)
    assert there("manifest.yaml", "--output", "out").returncode == 3  # nobody says where the data set is
    done = there("manifest.yaml", "--data", "given", "--backend", "onnxruntime", "--output", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    report = there.report()
    assert (report["verdict"], report["metrics"][0]["value"], report["manifest"]["name"]) == ("pass", 100, "trial")
    (weights,) = (each for each in report["artifacts"] if each["name"] == "weights")
    assert weights["path"] == "weights.pth"


def test_weights_that_were_changed_in_the_pack_are_refused(trial: ZooRun, elsewhere: Elsewhere) -> None:
    there = elsewhere(trial, packed(trial, *PACK, "p"))
    (there.folder / "weights.pth").write_bytes(b"others")
    done = there("manifest.yaml", "--data", trial.folder / "data", "--backend", "onnxruntime")
    assert done.returncode == 3
    assert "weights.pth: the file is not the expected one." in done.stdout


@pytest.mark.long  # tests/ascend/test_split_hosts.py does it on two hosts
def test_the_sample_runs_again_from_its_pack(zoo_run: ZooRun, elsewhere: Elsewhere) -> None:
    """The data set comes from the package, wherever that is installed."""
    folder = packed(zoo_run, "pack", str(SAMPLE), "--backend", "onnxruntime", "-o", "p")
    there = elsewhere(zoo_run, folder)
    done = there(
        "manifest.yaml", "--backend", "onnxruntime", "--output", "out", "--set", "benchmark={batch: [8], loop: 2}"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = there.report()
    assert (report["verdict"], report["metrics"][0]["value"]) == ("pass", pytest.approx(92.6, abs=0.3))
    onnx = next(each for each in report["artifacts"] if each["name"] == "onnx")
    assert onnx["sha256"] == hashlib.sha256((folder / "refinedet320-sample.onnx").read_bytes()).hexdigest()
    assert onnx["origin"] == "refinedet320-sample.onnx"


@pytest.mark.long
def test_a_published_onnx_is_packed_unless_a_new_export_is_asked_for(zoo_run: ZooRun) -> None:
    words = ("pack", str(SAMPLE), "--backend", "onnxruntime", "-o")
    published = (SAMPLE.parents[1] / "refinedet_plugin" / "sample" / "model.onnx").read_bytes()
    assert (packed(zoo_run, *words, "p") / "refinedet320-sample.onnx").read_bytes() == published
    of_another = ("--set", "onnx.opset=17")  # as its metadata does not say
    done = zoo_run(*words, "q", *of_another)
    assert done.returncode == 3
    assert "publish a new export (zoo-run pack MANIFEST --export writes one)" in done.stderr
    folder = packed(zoo_run, *words, "q", *of_another, "--export")
    done = zoo_run(folder / "manifest.yaml", "--backend", "onnxruntime", "--until", "export", "--output", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "refinedet320-sample.onnx").read_bytes() != published


def test_an_onnx_that_was_changed_in_the_pack_is_refused(trial: ZooRun, elsewhere: Elsewhere) -> None:
    there = elsewhere(trial, packed(trial, *PACK, "p"))
    with (there.folder / "trial.onnx").open("ab") as file:
        file.write(b"\0")
    done = there("manifest.yaml", "--data", trial.folder / "data", "--backend", "onnxruntime")
    assert done.returncode == 3
    assert "trial.onnx: the file is not the expected one." in done.stdout


@pytest.mark.long
def test_on_ascend_there_is_an_om_for_each_batch_size(ascend: ZooRun, elsewhere: Elsewhere) -> None:
    folder = packed(ascend, *ON_ASCEND, "p")
    oms = ["trial_bs1.om", "trial_bs1.om.json", "trial_bs8.om", "trial_bs8.om.json"]
    assert names(folder) == [*TEXTS, "trial.onnx", *oms, "weights.pth"]
    for batch in (1, 8):
        stamp = json.loads((folder / f"trial_bs{batch}.om.json").read_text())
        assert stamp["om_sha256"] == hashlib.sha256((folder / f"trial_bs{batch}.om").read_bytes()).hexdigest()
        assert stamp["batch"] == batch
    commands = [line.strip() for line in (folder / "README.md").read_text().splitlines() if " --om " in line]
    assert commands == ["zoo-run manifest.yaml --backend ascend --om ."]
    there = elsewhere(ascend, folder)
    for words, batches in (
        (commands[0].split()[1:], "1, 8"),
        (["manifest.yaml", "--backend", "ascend", "--om", "trial_bs1.om", "--batch-size", "1"], "1"),
    ):
        done = there(*words, "--data", str(ascend.folder / "data"), "--output", "out")
        assert done.returncode == 0, done.stdout + done.stderr
        (convert,) = (stage for stage in there.report()["stages"] if stage["name"] == "convert")
        assert convert["why"] == f"{words[words.index('--om') + 1]} fits; batch {batches}"
    swapped = there(
        "manifest.yaml", "--backend", "ascend", "--om", "trial_bs8.om", "--batch-size", "1", "--until", "convert"
    )
    assert swapped.returncode == 3
    assert "batch size: expected 1, found 8" in swapped.stdout


def test_one_batch_size(ascend: ZooRun) -> None:
    folder = packed(ascend, *ON_ASCEND, "p", "--batch-size", "4")
    assert [name for name in names(folder) if name.endswith(".om")] == ["trial_bs4.om"]
    assert "infer: {batch: 4}" in (folder / "manifest.yaml").read_text()


def test_an_archive_is_the_same_whenever_it_is_made(trial: ZooRun) -> None:
    first = packed(trial, *PACK, "one.zip").read_bytes()
    folder = packed(trial, *PACK, "p")
    assert packed(trial, *PACK, "two.zip").read_bytes() == first
    with zipfile.ZipFile(trial.folder / "one.zip") as archive:
        archive.extractall(trial.folder / "unpacked")
    assert content(trial.folder / "unpacked" / "trial") == content(folder)
    assert sorted(path.name for path in trial.folder.glob(".*")) == []


@pytest.mark.parametrize("name", ["p", "p.zip"])
def test_a_pack_is_replaced_and_nothing_else_is(trial: ZooRun, name: str) -> None:
    target = packed(trial, *PACK, name)
    packed(trial, *PACK, name, "--set", "infer.batch=2")
    if target.is_dir():
        assert "infer: {batch: 2}" in (target / "manifest.yaml").read_text()
        (target / "notes.txt").write_text("mine")
    else:
        with zipfile.ZipFile(target, "a") as archive:
            archive.writestr("trial/notes.txt", "mine")
    before = content(target) if target.is_dir() else target.read_bytes()
    done = trial(*PACK, name)
    assert done.returncode == 2
    assert f"-o {name}: expected nothing, or a pack of zoo-run's as it was made, found something else" in done.stderr
    assert (content(target) if target.is_dir() else target.read_bytes()) == before


def with_hash(folder: Path) -> str:
    """Pin the trial's weights."""
    digest = hashlib.sha256((folder / "weights.pth").read_bytes()).hexdigest()
    text = (folder / "trial.yaml").read_text().replace("{url: weights.pth}", f"{{url: weights.pth, sha256: {digest}}}")
    (folder / "trial.yaml").write_text(text)
    return digest


def test_other_weights_are_not_packed_as_the_manifests(trial: ZooRun) -> None:
    torch: Any = pytest.importorskip("torch")
    digest = with_hash(trial.folder)
    torch.save({"weight": torch.zeros(4, 4), "bias": torch.zeros(4)}, trial.folder / "other.pth")
    done = trial(*PACK, "p", "--weights", "other.pth")
    assert done.returncode == 2
    assert f"--weights: expected the manifest's own, with sha256 {digest} (trial.yaml:4), found " in done.stderr
    assert not (trial.folder / "p").exists()
    shutil.copy(trial.folder / "weights.pth", trial.folder / "same.pth")
    assert names(packed(trial, *PACK, "p", "--weights", "same.pth"))[-1] == "weights.pth"


def test_secrets_stay_here(trial: ZooRun) -> None:
    url = "https://user:pa55word99@host.example/data.zip?token=abcdef123456"
    folder = packed(
        trial, *PACK, "p", "--set", f"dataset.url={url}", "--set", "description='see https://u:s3cretive@h/'"
    )
    text = "".join((folder / name).read_text() for name in TEXTS)
    assert "pa55word99" not in text
    assert "abcdef123456" not in text
    assert "s3cretive" not in text
    assert "give its folder with `--data FOLDER`" in text


def edited(folder: Path, text: str) -> None:
    with (folder / "trial.yaml").open("a") as file:
        file.write(text)


@pytest.mark.long
def test_files_of_the_conversion_come_along(ascend: ZooRun, elsewhere: Elsewhere) -> None:
    (ascend.folder / "conf").mkdir()
    for batch in (1, 8):
        (ascend.folder / "conf" / f"mix{batch}.json").write_text("{}")
    (ascend.folder / "conf" / "new.cfg").write_text("{}")
    unchecked = "unchecked_flags: {compression_optimize_conf: ./conf/new.cfg}"
    edited(ascend.folder, f"atc: {{flags: {{modify_mixlist: 'conf/mix{{batch}}.json'}}, {unchecked}}}\n")
    folder = packed(ascend, *ON_ASCEND, "p")
    assert {"conf/mix1.json", "conf/mix8.json", "conf/new.cfg"} < set(names(folder))
    there = elsewhere(ascend, folder)
    done = there("manifest.yaml", "--backend", "ascend", "--om", "trial_bs8.om", "--data", ascend.folder / "data")
    assert done.returncode == 0, done.stdout + done.stderr
    also_here = packed(ascend, *PACK, "q")
    assert {"conf/mix1.json", "conf/mix8.json"} < set(names(also_here))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("conf/none.json", "atc.flags.modify_mixlist: expected a file, found none at conf/none.json"),
        (
            "../mix.json",
            "expected a file beside or below the manifest, so that its path holds in the pack, found ../mix",
        ),
        ("README.md", "README.md: the name README.md is taken in the pack; rename that file"),
        ("./conf/none.json", "atc.unchecked_flags.new: expected a file, found none at conf/none.json"),
        ("link.json", "expected a file beside or below the manifest, found a link to "),
    ],
)
def test_files_that_cannot_come_along_are_named(trial: ZooRun, value: str, text: str) -> None:
    flag = "unchecked_flags: {new" if value.startswith("./") else "flags: {modify_mixlist"
    edited(trial.folder, f"atc: {{{flag}: {value}}}}}\n")
    (trial.folder / "README.md").write_text("mine")
    outside = trial.folder / "../mix.json"
    outside.write_text("{}")
    (trial.folder / "link.json").symlink_to(outside)
    done = trial(*PACK, "p")
    outside.unlink()
    assert done.returncode == 2
    assert text in done.stderr
    assert not (trial.folder / "p").exists()


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("pack", "trial.yaml"), 2, "Missing option '--output' / '-o'"),
        (("pack", "absent.yaml", "-o", "p"), 2, "absent.yaml: no such file"),
        ((*PACK, "p.tar.gz"), 2, "expected a folder or a file that ends in .zip, found .gz; write p.zip"),
        ((*PACK[:3], "onnx", "-o", "p"), 2, "did you mean 'onnxruntime'?"),
        ((*PACK, "p", "--weights", "absent.pth"), 3, "absent.pth"),
        ((*PACK, "p", "--require-hash"), 3, "expected a sha256 in the manifest (--require-hash), found none"),
        ((*PACK, "data"), 2, "-o data: expected nothing, or a pack"),
        ((*PACK, "trial.yaml/p"), 2, "-o trial.yaml/p: expected a folder above it, found a file at "),
    ],
)
def test_refusals(trial: ZooRun, words: tuple[str, ...], code: int, text: str) -> None:
    done = trial(*words)
    assert (done.returncode, text in done.stderr) == (code, True), done.stderr
    assert not (trial.folder / "p").exists()


def planned(run: ZooRun, *words: str, tool: str) -> list[list[str]]:
    """Return the commands of a tool that a plan shows."""
    done = run(*words, "--dry-run")
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith(f"{tool} ") or f" -m {tool} " in line]


@pytest.fixture
def paste(ascend: ZooRun) -> Callable[[list[str], Path], None]:
    """Run a command in a folder of the machine."""

    def run(words: list[str], folder: Path) -> None:
        environment = {**ascend.environment, "PATH": f"{ascend.environment['PATH']}:{Path(sys.executable).parent}"}
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_a_plan_names_the_command_that_packs_its_files(trial: ZooRun) -> None:
    given = ("--backend", "onnxruntime", "--weights", "weights.pth", "--batch-size", "4", "--set", "infer.threads=1")
    done = trial("trial.yaml", *given, "--dry-run")
    assert done.returncode == 0, done.stderr
    (line,) = (each for each in done.stdout.splitlines() if "`zoo-run pack " in each)
    words = shlex.split(line.split("`")[1])
    assert words == ["zoo-run", "pack", "trial.yaml", *given, "-o", "FOLDER"]
    folder = packed(trial, *words[1:])
    (atc,) = (shlex.split(each) for each in done.stdout.splitlines() if each.startswith("  atc "))
    (model,) = (each.partition("=")[2] for each in atc if each.startswith("--model="))
    assert (folder / model).is_file()


def compiled(folder: Path) -> dict[str, OmModel]:
    """Read all .om files, but for where ATC was told to read and write."""
    found = {path.name: read_om(path) for path in folder.glob("*.om")}
    paths = {"model", "output"}
    return {
        name: replace(om, flags={flag: value for flag, value in om.flags.items() if flag not in paths})
        for name, om in found.items()
    }


def test_commands_of_a_plan_run_on_the_names_of_the_pack(
    ascend: ZooRun, paste: Callable[[list[str], Path], None], elsewhere: Elsewhere
) -> None:
    folder = packed(ascend, *ON_ASCEND, "p")
    oms = compiled(folder)
    there = elsewhere(ascend, folder, *oms, *(f"{name}.json" for name in oms))
    data = str(ascend.folder / "data")
    plan = ("manifest.yaml", "--backend", "ascend", "--data", data, "--output", "my run")
    command = ("--set", "infer.tool=ais_bench-cli")
    for words in planned(there, *plan, *command, tool="atc"):
        paste(words, there.folder)
    assert compiled(there.folder) == oms
    assert there(*plan, "--until", "preprocess").returncode == 0
    (words,) = planned(there, *plan, *command, tool="ais_bench")
    paste(words, there.folder)
    done = there(
        "manifest.yaml", "--data", data, "--from", "postprocess", "--results", "my run/results", "--output", "out"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert there.report()["metrics"][0]["value"] == 100
    assert "results of unknown origin" in done.stdout
