"""``zoo-run downloads``, and runs that take what it lists from a folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from file_site import Site, site

if TYPE_CHECKING:
    from tests.conftest import ZooRun

__all__ = ["site"]  # a fixture
URL = "http://models.invalid/toy/weights.pth"


@pytest.fixture
def far(trial: ZooRun, tmp_path: Path) -> ZooRun:
    """The trial with weights on a server that nobody reaches."""
    digest = hashlib.sha256((trial.folder / "weights.pth").read_bytes()).hexdigest()
    weights = {"url": [f"{URL}?key=Pl4nted-w0rd", "http://mirror.invalid/w.pth"], "sha256": digest, "size": 1789}
    weights["size"] = (trial.folder / "weights.pth").stat().st_size
    (trial.folder / "far.yaml").write_text(json.dumps({"extends": "trial.yaml", "name": "far", "weights": weights}))
    (trial.folder / "downloads").mkdir()
    return trial.given(ZOO_RUNNER_CACHE=tmp_path / "cache", http_proxy="http://127.0.0.1:9", no_proxy="")


def digest(run: ZooRun) -> str:
    return hashlib.sha256((run.folder / "weights.pth").read_bytes()).hexdigest()


def test_what_to_put_there_is_listed(far: ZooRun) -> None:
    done = far("downloads", "far.yaml")
    size = (far.folder / "weights.pth").stat().st_size
    assert (done.returncode, done.stderr) == (0, "")
    name, what, *urls = done.stdout.splitlines()
    assert name == "weights.pth"
    assert what.startswith("  weights of far; ")
    assert what.endswith(f"; sha256 {digest(far)}")
    assert urls == [f"  {URL}?key=***", "  http://mirror.invalid/w.pth"]
    (row,) = json.loads(far("downloads", "far.yaml", "far.yaml", "--json").stdout)
    assert row == {
        "name": "weights.pth",
        "for": ["weights of far"],
        "size": size,
        "sha256": digest(far),
        "md5": None,
        "urls": [f"{URL}?key=***", "http://mirror.invalid/w.pth"],
        "there": None,
        "fault": None,
    }


def test_it_says_what_is_there(far: ZooRun) -> None:
    def listed(*more: str) -> tuple[int, str]:
        done = far("downloads", "far.yaml", "--downloads", "downloads", *more)
        return done.returncode, done.stdout

    assert listed()[0] == 3
    assert listed()[1].startswith("weights.pth: missing\n")
    shutil.copy(far.folder / "weights.pth", far.folder / "downloads")
    assert listed()[0] == 0
    assert listed()[1].startswith("weights.pth: there\n")
    (far.folder / "downloads" / "weights.pth").write_bytes(b"other")
    code, text = listed("--json")
    (row,) = json.loads(text)
    assert (code, row["there"]) == (3, False)
    assert f"expected sha256 {digest(far)}" in row["fault"]
    by_variable = far.given(ZOO_RUNNER_DOWNLOADS="downloads")("downloads", "far.yaml")
    assert (by_variable.returncode, "is another file" in by_variable.stdout) == (3, True)
    gone = far("downloads", "far.yaml", "--downloads", "gone")
    assert (gone.returncode, "found no folder gone" in gone.stderr) == (3, True)


@pytest.mark.slow  # whole runs of the command
def test_a_published_export_is_listed_and_taken(far: ZooRun) -> None:
    """That it is no export of these weights is found once it was taken from the folder."""
    content = b"no ONNX at all"
    published = {
        "url": ["http://models.invalid/toy.onnx", "http://b.invalid/t"],
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    manifest = {"extends": "far.yaml", "onnx": published}
    (far.folder / "both.yaml").write_text(json.dumps(manifest))
    weights, onnx = json.loads(far("downloads", "both.yaml", "--json").stdout)
    assert (weights["name"], onnx["name"], onnx["for"]) == ("weights.pth", "toy.onnx", ["published ONNX of far"])
    assert onnx["urls"] == published["url"]
    shutil.copy(far.folder / "weights.pth", far.folder / "downloads")
    (far.folder / "downloads" / "toy.onnx").write_bytes(content)
    run = far.given(ZOO_RUNNER_DOWNLOADS="downloads")
    assert f"  the published downloads/toy.onnx (sha256 {published['sha256']})" in run("both.yaml", "--dry-run").stdout
    done = run("both.yaml", "--output", "out", "--until", "export")
    assert done.returncode == 3
    assert "  both.yaml:1: onnx.url: downloads/toy.onnx: expected an ONNX model, found a" in done.stdout
    (far.folder / "downloads" / "toy.onnx").write_bytes(b"other")
    other = run("both.yaml", "--output", "out", "--until", "export")
    assert f"expected sha256 {published['sha256']}" in other.stdout


@pytest.mark.parametrize("pin", ["sha256", "md5"])
def test_an_archive_of_data(pin: str, far: ZooRun) -> None:
    folder = far.folder / "downloads"
    with tarfile.open(folder / "points.tar", "w") as tar:
        tar.add(far.folder / "data", "data")
    wanted = hashlib.new(pin, (folder / "points.tar").read_bytes(), usedforsecurity=False).hexdigest()
    urls = "[http://models.invalid/points.tar, http://b.invalid/p]"
    data = ("--set", f"dataset.url={urls}", "--set", f"dataset.{pin}={wanted}", "--set", "dataset.subdir=data")
    (row,) = json.loads(far("downloads", "trial.yaml", *data, "--json").stdout)
    assert (row["name"], row[pin], row["for"]) == ("points.tar", wanted, ["data set of trial"])
    run = far.given(ZOO_RUNNER_DOWNLOADS="downloads")
    done = run("trial.yaml", "--until", "fetch", "--output", "out", *data)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = [each for each in run.report("out")["artifacts"] if each["name"] == "dataset"]
    assert found["origin"] == "downloads/points.tar"
    (folder / "points.tar").write_bytes((folder / "points.tar").read_bytes() + b"more")
    other = run("trial.yaml", "--until", "fetch", "--output", "out", *data)
    assert other.returncode == 3
    assert f"expected {pin} {wanted}" in other.stdout


def test_what_is_not_downloaded_is_not_listed(far: ZooRun) -> None:
    done = far("downloads", "trial.yaml", "--set", "weights.url=null")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "nothing to download\nthe manifest trial names no weights: bring your own for --weights\n"
    assert far("downloads", "trial.yaml", "--json").stdout == "[]\n"
    unpinned = far("downloads", "trial.yaml", "--set", f"weights.url={URL}").stdout
    assert unpinned == f"weights.pth\n  weights of trial; size not known; no hash: trusted on first use\n  {URL}\n"
    wrong = far("downloads", "trial.yaml", "--set", "weights.url=ftp://h/x")
    assert (wrong.returncode, "expected http(s):" in wrong.stderr) == (2, True)


@pytest.mark.slow  # whole runs of the command
@pytest.mark.parametrize("variable", [False, True], ids=["option", "variable"])
def test_a_run_takes_them(variable: bool, far: ZooRun) -> None:
    shutil.copy(far.folder / "weights.pth", far.folder / "downloads")
    run = far.given(ZOO_RUNNER_DOWNLOADS="downloads") if variable else far
    option = () if variable else ("--downloads", "downloads")
    plan = run("far.yaml", "--dry-run", *option)
    assert f"  weights  downloads/weights.pth (sha256 {digest(far)})\n" in plan.stdout
    done = run("far.yaml", "--output", "out", "--require-hash", *option)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((run.folder / "out" / "report.json").read_text())
    (weights,) = [each for each in report["artifacts"] if each["name"] == "weights"]
    assert (weights["origin"], weights["sha256"]) == ("downloads/weights.pth", digest(far))
    assert report["warnings"] == []
    explained = run("cache", "explain", "far.yaml", *option)
    assert "onnx: would be reused" in explained.stdout
    (run.folder / "downloads" / "weights.pth").write_bytes(b"other")
    again = run("far.yaml", "--output", "out", *option)
    assert again.returncode == 3
    assert f"expected sha256 {digest(far)}" in again.stdout
    assert "got      sha256 " in again.stdout


def test_fetch_fills_the_folder(far: ZooRun, site: Site) -> None:
    """What cannot be had is told, and the rest downloaded; what lies there stays."""
    body = (far.folder / "weights.pth").read_bytes()
    site.facts.body = body
    manifest = {"extends": "far.yaml", "weights": {"url": ["http://127.0.0.1:9/w.pth", site.url]}}
    manifest["onnx"] = {"url": site.url.replace("net", "onnx"), "sha256": "a" * 64}
    (far.folder / "near.yaml").write_text(json.dumps(manifest))
    given = ("downloads", "near.yaml", "--downloads", "new/folder", "--fetch")
    done = far.given(no_proxy="127.0.0.1")(*given)
    folder = far.folder / "new" / "folder"
    assert done.returncode == 3
    assert "w.pth: there\n" in done.stdout
    assert "onnx_v1.pth: missing\n" in done.stdout
    assert f"expected sha256 {'a' * 64}" in done.stderr
    assert [each.name for each in folder.iterdir()] == ["w.pth"]
    assert (folder / "w.pth").read_bytes() == body
    (folder / "w.pth").write_bytes(b"other")
    asked = len(site.seen)
    again = far.given(no_proxy="127.0.0.1")(*given, "--set", "onnx.url=null", "--set", "onnx.sha256=null")
    assert (again.returncode, "w.pth is another file" in again.stdout, len(site.seen)) == (3, True, asked)
    (folder / "w.pth").unlink()
    kept = far.given(no_proxy="127.0.0.1")(*given, "--set", "onnx.url=null", "--set", "onnx.sha256=null")
    assert (kept.returncode, kept.stdout.startswith("w.pth: there\n")) == (0, True)
    assert len(site.seen) == asked  # the store has it


def test_fetch_needs_a_folder(far: ZooRun) -> None:
    done = far("downloads", "far.yaml", "--fetch")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --fetch puts files into a folder; say which with --downloads FOLDER\n"
    (far.folder / "file").touch()
    done = far("downloads", "far.yaml", "--fetch", "--downloads", "file")
    assert done.returncode == 3
    assert "put a download into" in done.stderr
