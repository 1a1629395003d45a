"""Compare what two checkouts say of the bundled sample: predictions, figures, exit codes and reports.

    python tools/compare/run.py OLD NEW

Each is a checkout with an environment in ``.venv``. Every way to run the sample is tried with both, each with a store
of its own; the new one also has to read the old one's reports as baselines. Exit code 0 says that all is equal.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MANIFEST: Final = "manifests/refinedet320-sample.yaml"
QUICK: Final = ("--set", "benchmark={batch: [8], loop: 2, warmup: 0}", "--set", "uncertainty.resamples=100")
ASCEND: Final = ("--backend", "ascend", "--limit", "64")
TIMEOUT_S: Final = 900
RENAMED: Final = {"detections", "predictions"}
"""What runs call their predictions, before and after."""
PREDICTIONS: Final = ("predictions.npz", "detections.npz")
MOVING: Final = frozenset(
    {
        "started",
        "seconds",
        "path",
        "paths",
        "files",
        "performance",
        "packages",
        "end_to_end",
        "backend_version",
        "host",
        "stages",
        "warnings",
    }
)
"""Keys of reports that differ between two runs of one checkout: times and places."""


@dataclass(frozen=True)
class Way:
    """One way to run the sample.

    Attributes:
        name: What the table calls it.
        words: Of ``zoo-run``, after the manifest.
        stand_ins: Whether it runs under the stand-ins for the Ascend tools.
    """

    name: str
    words: tuple[str, ...]
    stand_ins: bool = False


WAYS: Final = (
    Way("ONNX Runtime", QUICK),
    Way("ONNX Runtime, a subset", (*QUICK, "--subset", "pr")),
    Way("a bad model", (*QUICK, "--set", "plugin.config.nms_threshold=0.9")),
    Way("a part of the data", (*QUICK, "--limit", "16")),
    Way("a misspelt key", ("--set", "expected.acuracy=1")),
    Way("weights that are not there", ("--weights", "absent.pth")),
    Way("inference only", (*QUICK, "--limit", "16", "--until", "infer")),
    Way("Ascend", (*QUICK, *ASCEND), stand_ins=True),
    Way("Ascend, ais_bench's command", (*QUICK, *ASCEND, "--set", "infer.tool=ais_bench-cli"), stand_ins=True),
    Way("Ascend, AIPP", (*QUICK, *ASCEND, "--set", "atc.aipp=auto"), stand_ins=True),
    Way("Ascend, two devices", (*QUICK, *ASCEND, "--device", "0,1"), stand_ins=True),
)


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        code: Its exit code.
        report: Its report.json; empty if it left none.
        predictions: Bytes of the file with its predictions.
        folder: Its output.
    """

    code: int
    report: dict[str, Any]
    predictions: bytes
    folder: Path


def run(checkout: Path, way: Way, work: Path, *more: str) -> Outcome:
    """Run the sample with the program of a checkout."""
    output = work / "out" / way.name.replace(" ", "-").replace(",", "").replace("'", "")
    python, script = checkout / ".venv/bin/python", checkout / ".venv/bin/zoo-run"
    before = (python, "-m", "zoo_runner.testing", "--devices", "2", "--") if way.stand_ins else ()
    command = [*before, script, MANIFEST, "--output", output, *way.words, *more]
    done = subprocess.run(  # noqa: S603 - our own programs
        [str(word) for word in command],
        cwd=checkout,
        env={**os.environ, "ZOO_RUNNER_CACHE": str(work / "store")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_S,
        check=False,
    )
    report = output / "report.json"
    text = report.read_text(encoding="utf-8").replace(str(checkout), "CHECKOUT") if report.is_file() else "{}"
    kept = next((output / name for name in PREDICTIONS if (output / name).is_file()), None)
    return Outcome(
        code=done.returncode,
        report=_without_oms(json.loads(text)),
        predictions=kept.read_bytes() if kept else b"",
        folder=output,
    )


def _without_oms(report: dict[str, Any]) -> dict[str, Any]:
    """Leave out the hashes of .om files: the stand-in for ATC writes its command into them, paths included."""
    for artifact in report.get("artifacts", ()):
        if artifact["name"] == "om":
            artifact["sha256"] = None
    return report


def differences(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """Yield what is not equal in two reports, but for times, places and the name of the file with the predictions."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted((old.keys() | new.keys()) - MOVING):
            yield from differences(old.get(key), new.get(key), f"{place}.{key}".lstrip("."))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif old != new and not (place.startswith("artifacts") and {old, new} == RENAMED):
        yield f"{place}: {old!r} became {new!r}"


def compare(way: Way, old: Outcome, new: Outcome) -> list[str]:
    """List what differs between two runs of the same."""
    found = [] if old.code == new.code else [f"exit code {old.code} became {new.code}"]
    if old.predictions != new.predictions:
        found.append(f"predictions: {len(old.predictions)} bytes became {len(new.predictions)} others")
    if way.name != "inference only" and not old.predictions and old.code in {0, 1, 4}:
        found.append("no predictions to compare")
    return [*found, *differences(old.report, new.report)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both, print a row for each way, and return 0 if all is equal."""
    parser = argparse.ArgumentParser(description="Compare what two checkouts say of the sample.")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    given = parser.parse_args(arguments)
    unequal = 0
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        for way in WAYS:
            pair = [
                run(checkout.resolve(), way, Path(folder, name))
                for name, checkout in (("old", given.old), ("new", given.new))
            ]
            found = compare(way, *pair)
            if pair[0].report.get("metrics"):  # a run with figures can be a baseline
                again = run(given.new.resolve(), way, Path(folder, "new"), "--baseline", str(pair[0].folder))
                if again.code != pair[1].code or not again.report.get("comparison"):
                    found.append(f"as a baseline: exit code {again.code}, expected {pair[1].code} and a comparison")
            unequal += bool(found)
            print(
                f"{way.name:28} exit {pair[0].code} {pair[1].code}  {'equal' if not found else 'DIFFERENT'}", flush=True
            )
            for text in found:
                print(f"    {text}")
    print("all is equal" if not unequal else f"{unequal} of {len(WAYS)} differ")
    return min(unequal, 1)


if __name__ == "__main__":
    sys.exit(main())
