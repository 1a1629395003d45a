"""Shows what a verdict looks like: the bundled sample passes, and then four mistakes are made on purpose.

Each mistake runs against the good run as its baseline; its report must be red or inconclusive and name what changed.

    python tools/demo/run.py --output demo
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "manifests" / "refinedet320-sample.yaml"
DATA = ROOT / "refinedet_plugin" / "sample" / "VOCdevkit"
MISSING_CLASS = "red_disc"
STORE = "store"
ORIGIN = "zoo-run.origin.json"
"""What a folder of results says of where it comes from."""
BAD = {1: "fail", 4: "inconclusive"}
"""Exit codes that stop a merge, and the verdict that goes with each."""


@dataclass(frozen=True)
class Fault:
    """One mistake.

    Attributes:
        name: Of its folder.
        says: What was done.
        arguments: Makes it, in a folder of its own, and returns the arguments that run it.
        names: What the comparison with the baseline must say, as patterns.
    """

    name: str
    says: str
    arguments: Callable[[Path], list[str]]
    names: tuple[str, ...]


def outputs_swapped(folder: Path) -> list[str]:
    """Infer, then give the two location outputs, which have the same size, each other's files."""
    zoo_run(folder, "--until", "infer")
    swap(folder / "results")
    return ["--from", "postprocess"]


def swap(results: Path) -> None:
    """Exchange the files of outputs 0 and 2 of every image, as in a folder that was made by hand."""
    (results / ORIGIN).unlink(missing_ok=True)  # with it, files that changed are an error
    for path in sorted(results.glob("*_0.bin")):
        other = path.with_name(path.name.replace("_0.bin", "_2.bin"))
        aside = path.with_suffix(".aside")
        path.rename(aside)
        other.rename(path)
        aside.rename(other)


def class_missing(folder: Path) -> list[str]:
    """Take one class out of every second annotation."""
    devkit = folder / "VOCdevkit"
    shutil.copytree(DATA, devkit)
    pattern = re.compile(rf"\s*<object>\s*<name>{MISSING_CLASS}</name>.*?</object>", re.DOTALL)
    for path in sorted(devkit.glob("VOC2007/Annotations/*.xml"))[::2]:
        path.write_text(pattern.sub("", path.read_text()))
    return ["--data", str(devkit)]


FAULTS = (
    Fault(
        name="outputs-swapped",
        says="outputs 0 and 2 of the model taken for each other",
        arguments=outputs_swapped,
        names=(r"results came from files", r"localisation.*rose"),
    ),
    Fault(
        name="wrong-mean",
        says="no mean subtracted from the pixels",
        arguments=lambda _folder: ["--set", "plugin.config.mean=[0, 0, 0]"],
        names=(r"plugin\.config\.mean",),
    ),
    Fault(
        name="class-missing",
        says=f"{MISSING_CLASS} missing from half of the annotations",
        arguments=class_missing,
        names=(rf"{MISSING_CLASS}.*annotated objects", rf"{MISSING_CLASS} lost most"),
    ),
    Fault(
        name="nms-0.9",
        says="hardly any suppression: NMS threshold 0.9",
        arguments=lambda _folder: ["--set", "plugin.config.nms_threshold=0.9"],
        names=(r"plugin\.config\.nms_threshold", r"duplicate.*rose"),
    ),
)


def zoo_run(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run the sample, with its report in ``folder``; return the exit code and the report."""
    command = [str(Path(sys.executable).with_name("zoo-run")), str(MANIFEST), "--output", str(folder), *arguments]
    # A store of the demo's own keeps faults out of the user's history, and out of tolerances proposed from it.
    own = {**os.environ, "ZOO_RUNNER_CACHE": str(folder.parent / STORE)}
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "terminal.txt").open("w") as log:
        done = subprocess.run(command, env=own, stdout=log, stderr=subprocess.STDOUT, check=False)  # noqa: S603 - our own command
    report = folder / "report.json"
    if not report.is_file():
        raise SystemExit(f"zoo-run ended with {done.returncode} and left no report; {folder / 'terminal.txt'} says why")
    return done.returncode, json.loads(report.read_text())


def shows(fault: Fault, good: Path, folder: Path) -> list[str]:
    """Run with the fault, print what came of it, and return what is not as it must be."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    code, report = zoo_run(folder, *fault.arguments(folder), "--baseline", str(good))
    shutil.rmtree(folder / "results", ignore_errors=True)  # the raw outputs: 100 MB
    notes = (report["comparison"] or {"notes": []})["notes"]
    print(f"\n{fault.name}: {fault.says}\n  exit code {code}, verdict {report['verdict']}: {'; '.join(report['why'])}")
    for note in notes[:6]:
        print(f"  - {note}")
    problems = [f"no note about {pattern}" for pattern in fault.names if not any(re.search(pattern, n) for n in notes)]
    if BAD.get(code) != report["verdict"]:
        problems.append(f"exit code {code} and verdict {report['verdict']} where a red or inconclusive one was due")
    return [f"{fault.name}: {problem}" for problem in problems]


def main() -> int:
    """Run the demo; 0 if every verdict is as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("zoo-output/demo"), help="folder for the reports")
    parser.add_argument("--only", choices=[fault.name for fault in FAULTS], help="only this mistake")
    options = parser.parse_args()
    good = options.output / "good"
    code, report = zoo_run(good)
    print(f"good: the sample as it is\n  exit code {code}, verdict {report['verdict']}: {'; '.join(report['why'])}")
    problems = [] if (code, report["verdict"]) == (0, "pass") else ["good: did not pass"]
    for fault in FAULTS:
        if options.only in {None, fault.name}:
            problems += shows(fault, good, options.output / fault.name)
    print(f"\nopen {options.output}/*/report.html in a browser")
    for problem in problems:
        print(f"NOT AS IT MUST BE: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
