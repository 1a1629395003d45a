"""A machine with stand-ins for the Ascend tools, and runs on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from places import ROOT
from zoo_runner.output.names import FILES, INVENTORY, PREVIOUS
from zoo_runner.testing.environment import stand_ins

if TYPE_CHECKING:
    from tests.conftest import ZooRun


SCRIPT = Path(sys.executable).with_name("zoo-run")
SAMPLE = ROOT / "manifests" / "refinedet320-sample.yaml"
DATA = ROOT / "refinedet_plugin" / "sample" / "VOCdevkit"
ASCEND = ("--backend", "ascend")
COMMAND = ("--set", "infer.tool=ais_bench-cli")
TRIAL = ("trial.yaml", *ASCEND, "--output", "out")
QUICK = ("--set", "benchmark={batch: [8], loop: 2, warmup: 0}")
"""Timing is not what is looked at; the batch size that is converted anyway."""
NOTICE = "made with stand-ins: no figure here is an NPU's"
CHIP = "310P3 stand-in"
TIMEOUT_S = 300
DEVICE_TIMEOUT_S = "5"
NO_GOLDEN = ("--set", "golden=null")
"""No golden batches among the others: what is counted, or broken, are those of the samples."""
SIXTY_FOUR = (
    SAMPLE,
    *ASCEND,
    *NO_GOLDEN,
    "--limit",
    "64",
    "--batch-size",
    "4",
    "--until",
    "evaluate",
    "--output",
    "out",
)
TABLE = """\
extends: {path}
expected:
  chips:
    310P3: {{accuracy: {{8: 99.9}}, throughput: {{8: 1000000}}, tolerance: {{rel: 0.1}}, confirm: a test}}
"""
"""Figures of a real chip, none of which the stand-ins reach."""
GATED = f"""\
extends: trial.yaml
name: gated
expected: {{chips: {{Ascend{CHIP}: {{throughput: {{1: 100}}, tolerance: {{rel: 0.1}}, confirm: a test}}}}}}
"""
"""At least 90 images/s at batch 1, that is at most 11.1 ms; the chip as ATC calls it."""
SMALL = f"""\
extends: {SAMPLE}
name: small
dataset: {{samples: 24}}
golden: null
expected: {{accuracy: {{value: 97, tolerance: {{abs: 3}}, too_good: null}}}}
"""


@dataclass(frozen=True)
class Finished:
    """A run that is over."""

    done: subprocess.CompletedProcess[str]
    report: dict[str, Any]
    folder: Path

    @property
    def code(self) -> int:
        return self.done.returncode

    @property
    def text(self) -> str:
        return self.done.stdout + self.done.stderr

    @property
    def detections(self) -> bytes:
        return (self.folder / "predictions.npz").read_bytes()

    def stage(self, name: str) -> dict[str, Any]:
        (found,) = (stage for stage in self.report["stages"] if stage["name"] == name)
        return dict(found)

    def artifact(self, name: str) -> Path:
        (path,) = (each["path"] for each in self.report["artifacts"] if each["name"] == name)
        return Path(path)


@dataclass(frozen=True)
class Host:
    """A machine with stand-ins, on which commands are run in a folder with a store of its own."""

    run: ZooRun

    def command(
        self, *words: str | Path, faults: tuple[str, ...] = (), devices: int = 1, generation: int = 2023
    ) -> subprocess.CompletedProcess[str]:
        asked = [word for fault in faults for word in ("--fault", fault)]
        host = ["--devices", str(devices), "--generation", str(generation)]
        start = [sys.executable, "-m", "zoo_runner.testing", *host, *asked, "--", *words]
        return subprocess.run(
            start,
            cwd=self.run.folder,
            env=self.run.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def __call__(
        self,
        *arguments: str | Path,
        output: str = "out",
        faults: tuple[str, ...] = (),
        devices: int = 1,
        generation: int = 2023,
    ) -> Finished:
        with stand_ins(devices=devices, faults=faults, generation=generation) as host:
            done = on(self.run, host)(*arguments)
        folder = self.run.folder / output
        report = self.run.report(output) if (folder / "report.json").exists() else {}
        return Finished(done, report, folder)

    def kept(self, kind: str) -> list[str]:
        """Complete entries of the store."""
        return sorted(path.name for path in (self.run.cache / kind).glob("[!.]*"))


def on(run: ZooRun, host: Mapping[str, str]) -> ZooRun:
    """Return the same on a machine with stand-ins that a test lays out itself."""
    added = {name: value for name, value in host.items() if os.environ.get(name) != value}
    for name in ("PATH", "PYTHONPATH"):
        ahead = host[name].removesuffix(os.environ.get(name, "")).rstrip(os.pathsep)
        added[name] = os.pathsep.join(filter(None, (ahead, run.environment.get(name, ""))))
    return run.given(**added)


def copied(source: Path, destination: Path, *kinds: str) -> Path:
    """Copy what a store has of these kinds, with the records of the code that made it."""
    for kind in (*kinds, "code"):
        if (source / kind).is_dir():
            shutil.copytree(
                source / kind, destination / kind, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=kind == "code"
            )
    return destination


def beside(run: ZooRun, files: Path, site: Path) -> ZooRun:
    shutil.copytree(files, run.folder, dirs_exist_ok=True)
    (run.folder / "gated.yaml").write_text(GATED, encoding="utf-8")
    return run.given(PYTHONPATH=site, ZOO_RUNNER_DEVICE_TIMEOUT=DEVICE_TIMEOUT_S)


def ended_in_an_error(ran: Finished, *texts: str) -> None:
    """Exit code 3, the reason in report and terminal, and nothing scored."""
    assert ran.code == 3, ran.text
    report = ran.report
    assert (report["verdict"], report["exit_code"], report["notice"]) == ("error", 3, NOTICE)
    assert (report["metrics"], report["performance"]) == ([], [])
    for text in texts:
        assert text in report["why"][0]
        assert text in ran.done.stdout
    assert {path.name for path in ran.folder.iterdir()} <= {*FILES, *PREVIOUS.values(), INVENTORY, "logs"}
    assert "Traceback" not in ran.text
