"""Runs whose network is made with code that the manifest brings along."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab import Lab, redone
from zoo_runner.errors import ExitCode, ManifestError, UsageError
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load
from zoo_runner.plan import plan
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    import torch

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NET = """\
import torch

from upstream_layers import Layer


def make(classes):
    return Layer(4, classes)
"""
LAYERS = """\
import torch


class Layer(torch.nn.Linear):
    scale = 2.0

    def forward(self, numbers):
        return super().forward(numbers) * self.scale * CONSTANT
"""
PATCH = """\
--- a/lib/upstream_layers.py
+++ b/lib/upstream_layers.py
@@ -4,2 +4,3 @@
 class Layer(torch.nn.Linear):
     scale = 2.0
+    CONSTANT = 1.0
@@ -8,1 +9,1 @@
-        return super().forward(numbers) * self.scale * CONSTANT
+        return super().forward(numbers) * self.scale * self.CONSTANT
"""
"""The code does not run without it, as upstream code is."""


def archive(path: Path, **more: str) -> str:
    """Write an archive as hosts of repositories make it, and return its hash."""
    files = {"lib/upstream_net.py": NET, "lib/upstream_layers.py": LAYERS, "README": "x\n", **more}
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"net-{COMMIT}/{name}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def manifest(lab: Lab, sha256: str, **more: str) -> None:
    keys = {"url": "net-{commit}.tar.gz", "commit": COMMIT, "sha256": sha256, "subdir": "lib", "patches": "[fix.patch]"}
    lines = [f"  {key}: {value}" for key, value in {**keys, **more}.items()]
    (lab.folder / "coded.yaml").write_text("\n".join(["extends: trial.yaml", "code:", *lines, ""]))


@pytest.fixture
def coded(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The trial, whose network is somebody else's."""
    import trial_plugin  # type: ignore[import-not-found] # noqa: PLC0415 - on the path of tests with a lab only

    def build(self: Any) -> torch.nn.Module:
        from upstream_net import make  # type: ignore[import-not-found] # noqa: PLC0415 - it is there now

        made: torch.nn.Module = make(self.outputs[0].sample_shape()[0])
        return made.eval()

    monkeypatch.setattr(trial_plugin.TrialNetwork, "build", build)
    lab.cache = tmp_path / "cache"
    (lab.folder / "fix.patch").write_text(PATCH)
    manifest(lab, archive(lab.folder / f"net-{COMMIT}.tar.gz"))
    return lab


def test_a_run_to_the_verdict(coded: Lab) -> None:
    text = (
        rf"net-{COMMIT}\.tar\.gz \(\S+coded\.yaml:3: code\), sha256 [0-9a-f]{{64}} \(of code\.sha256, code\.subdir and"
    )
    with pytest.raises(UsageError, match=text):
        coded(manifest="coded.yaml")
    report = coded(manifest="coded.yaml", trust_code=True)
    assert (report.verdict.value, report.metrics[0].value) == ("pass", 100.0)
    (named,) = [each for each in report.artifacts if each.name == "code"]
    assert named.sha256 == hashlib.sha256((coded.folder / f"net-{COMMIT}.tar.gz").read_bytes()).hexdigest()
    assert not [name for name in sys.modules if name.startswith("upstream_")]
    assert not redone(coded(manifest="coded.yaml"))
    three = ("plugin.config.classes=[ant, bee, cat]", "outputs=[{name: scores, shape: [batch, 3]}]")
    with pytest.raises(UsageError, match=r"(?s)called by the network: 3\n.* for just this content and this use of it"):
        coded(*three, manifest="coded.yaml")  # the same archive, called in another way, is other code


def test_the_plan_names_it(coded: Lab) -> None:
    options = RunOptions(output=coded.folder / "out")
    recipe = resolve(load(coded.folder / "coded.yaml"), options)
    lines = list(plan(recipe, options, store=Store(coded.cache), progress=coded.listener))
    sha256 = hashlib.sha256((coded.folder / f"net-{COMMIT}.tar.gz").read_bytes()).hexdigest()
    assert f"  code  net-{COMMIT}.tar.gz (sha256 {sha256}), which runs only with --trust-code" in lines[:5]
    assert "  in a folder with the exported network (a manifest with code is not packed):" in lines
    assert not [line for line in lines if "zoo-run pack" in line]


def test_another_patch_is_other_code(coded: Lab) -> None:
    assert "export" in redone(coded(manifest="coded.yaml", trust_code=True))
    (coded.folder / "fix.patch").write_text(PATCH.replace("CONSTANT = 1.0", "CONSTANT = -1.0"))
    with pytest.raises(UsageError, match="--trust-code"):
        coded(manifest="coded.yaml")
    report = coded(manifest="coded.yaml", trust_code=True)
    assert {"export", "infer"} <= redone(report)
    assert report.verdict.value == "fail"


def test_modules_of_the_same_name_do_not_stand_in(coded: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "upstream_layers", sys)
    report = coded(manifest="coded.yaml", trust_code=True)
    assert report.exit_code == ExitCode.STAGE_FAILED
    assert "expected to import upstream_layers of the manifest's code, found modules of these names" in report.why[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(("scale = 2.0", "scale = 3.0"), "does not fit at line 5 of lib/upstream_layers.py", id="other"),
        pytest.param(("@@ -4,2", "@@ -3,2"), "does not fit at line 3 of lib/upstream_layers.py", id="moved"),
        pytest.param(("lib/", "../lib/"), "expected names of files in the code, such as a/model.py", id="out"),
        pytest.param(("_layers.py", "_x.py"), "expected the file lib/upstream_x.py, found none", id="missing"),
        pytest.param(("@@ -8,1 +9,1", "@@ -8,2 +9,1"), "expected a unified diff, found a damaged one", id="cut"),
        pytest.param((PATCH, ""), "expected a unified diff, found nothing that changes a file", id="empty"),
    ],
)
def test_a_patch_that_does_not_fit(coded: Lab, change: tuple[str, str], message: str) -> None:
    (coded.folder / "fix.patch").write_text(PATCH.replace(*change))
    report = coded(manifest="coded.yaml", trust_code=True, last=Stage.EXPORT)
    assert report.exit_code == ExitCode.STAGE_FAILED
    assert f"coded.yaml:7: code.patches.0: {coded.folder / 'fix.patch'}: {message}" in report.why[0]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        pytest.param("code.commit=main", r"code\.commit: expected 40 lower-case hex digits \(a commit\)", id="branch"),
        pytest.param("code.patches=[fix.py]", r"code\.patches\.0: expected the path of a unified diff", id="patch"),
        pytest.param(
            "weights.url=net.onnx",
            r"coded\.yaml:2: code: would have no effect: the weights are an ONNX file",
            id="onnx",
        ),
    ],
)
def test_what_a_manifest_may_not_say(coded: Lab, override: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        coded(override, manifest="coded.yaml", trust_code=True)
