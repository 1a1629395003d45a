"""A world in which a whole run takes half a second: a store, an output folder, and runs in them."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from disk_points import Plan
from run_server import Call, Ended, RunServer

LONG = os.environ.get("ZOO_FAULTS") == "long"
"""Whether to try all; CI tries some of every class."""
CHUNK = 64
SAMPLES = 150
LEFTOVERS = ("*.tmp", ".*.new", ".*.old", ".*.made", ".*.check*", ".export-*")
"""What a killed process may leave, and the next run must not."""


@dataclass(frozen=True)
class World:
    """Places of one try: a store, an output folder, and runs in them.

    Attributes:
        folder: Holds both.
        server: Runs.
        manifest: The manifest of the trial.
        variables: Environment variables of its runs beside the store's.
        words: Arguments of each of its runs.
        samples: How many the manifest has.
    """

    folder: Path
    server: RunServer
    manifest: Path
    variables: dict[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    samples: int = SAMPLES

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def call(self, *arguments: str, output: str = "out", **plan: Any) -> Call:
        """Return a run of the trial; ``plan`` says what happens to its files."""
        log = plan.pop("log", "points")
        limit, trace = plan.pop("file_limit", 0), plan.pop("trace", "")
        disk = Plan(roots=(str(self.folder),), log=str(self.folder.parent / f"{self.folder.name}.{log}"), **plan)
        (self.folder / "tmp").mkdir(exist_ok=True)
        return Call(
            arguments=[str(self.manifest), "--output", output, *self.words, *arguments],
            folder=self.folder,
            variables={**self.variables, "ZOO_RUNNER_CACHE": str(self.store), "TMPDIR": str(self.folder / "tmp")},
            disk=disk if plan or log else None,
            file_limit=limit,
            trace=trace,
        )

    def command(self, *words: str) -> Ended:
        """Run another command of the program."""
        variables = {"ZOO_RUNNER_CACHE": str(self.store)}
        (ended,) = self.server(Call(arguments=words, folder=self.folder, variables=variables))
        return ended

    def log(self, name: str = "points") -> Path:
        return self.folder.parent / f"{self.folder.name}.{name}"

    def run(self, *arguments: str, output: str = "out", **plan: Any) -> Ended:
        (ended,) = self.server(self.call(*arguments, output=output, **{"log": "", **plan}))
        return ended

    def report(self, output: str = "out") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / output / "report.json").read_bytes())
        return found

    def figures(self, output: str = "out") -> dict[str, Any]:
        """Return what a run found out, without times."""
        report = self.report(output)
        return {
            "verdict": report["verdict"],
            "exit_code": report["exit_code"],
            "metrics": [(line["id"], line["value"], line["verdict"], line["samples"]) for line in report["metrics"]],
        }

    def predictions(self, output: str = "out") -> bytes:
        return (self.folder / output / "predictions.npz").read_bytes()

    def entries(self) -> dict[str, tuple[tuple[str, int, int], ...]]:
        """Return the complete entries of the store, each with inode and time of its files."""
        found = {}
        for stamp in self.store.glob("*/[!.]*/stamp.json"):
            files = sorted(path for path in (stamp.parent / "content").rglob("*") if path.is_file())
            states = ((str(path), path.stat().st_ino, path.stat().st_mtime_ns) for path in files)
            found[str(stamp.parent.relative_to(self.store))] = tuple(states)
        return found

    def left_over(self) -> list[str]:
        """Return what is nobody's, in store and output folders."""
        places = [self.store, *self.folder.glob("out*")]
        return sorted(
            str(found.relative_to(self.folder)) for place in places for each in LEFTOVERS for found in place.rglob(each)
        )


@dataclass(frozen=True)
class Reference:
    """What an undisturbed run comes to, where it left that, and stores at three stages of filling."""

    predictions: bytes
    figures: Mapping[str, Any]
    stores: Mapping[str, Path]
    output: Path


def spread(points: int, count: int, seed: str) -> list[int]:
    """Return that many numbers from 1 to ``points``: one at random of each part, or all of them."""
    assert points > 15, "the run changes few files: is anything seen?"
    if count >= points:
        return list(range(1, points + 1))
    draw = random.Random(f"{seed}:{count}")  # noqa: S311 - no secret
    edges = [round(1 + number * points / count) for number in range(count + 1)]
    return [draw.randrange(low, max(low + 1, high)) for low, high in itertools.pairwise(edges)]


def tree(folder: Path) -> dict[str, str]:
    """Return the hash of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def check_it_goes_on(world: World, reference: Reference, case: object = "") -> None:
    """Run again, and hold what comes of it against an undisturbed run."""
    before = world.entries()
    ended = world.run()
    assert (ended.code, "Traceback" in ended.stderr) == (0, False), (case, ended.stderr)
    assert world.predictions() == reference.predictions, case
    assert world.figures() == reference.figures, case
    after = world.entries()
    assert {name: after.get(name) for name in before} == before, ("a finished entry was made again", case)
    kept = [path for name, files in before.items() if name.startswith("predictions/") for path, _, _ in files]
    assert fresh(world) == world.samples - sum(map(predicted, kept)), (
        "finished predictions were made again",
        case,
        kept,
        ended.stderr,
    )
    assert world.left_over() == [], case


def predicted(path: str) -> int:
    """Return how many samples a file of the store has predictions of."""
    with np.load(path) as file:
        return int(file["count"])


def fresh(world: World) -> int:
    """Return how many samples the last run inferred."""
    (stage,) = (stage for stage in world.report()["stages"] if stage["name"] == "infer")
    found = re.match(rf"busy seconds; (\d+) of {world.samples} ", stage["why"])
    return int(found[1]) if found and not stage["skipped"] else 0


def check_it_is_an_answer(world: World, ended: Ended, reference: Reference, case: object) -> None:
    """Hold a run on a damaged machine to its only two ends: the right result, or an error that says what."""
    assert "Traceback" not in ended.stderr, (case, ended.stderr)
    assert "this is a bug" not in ended.stderr, (case, ended.stderr)
    if ended.code == 0:
        assert world.predictions() == reference.predictions, case
        assert world.figures() == reference.figures, case
        return
    assert ended.code in {2, 3}, (case, ended)
    report = world.folder / "out" / "report.json"
    said = ended.stdout + ended.stderr + (" ".join(world.report()["why"]) if report.exists() else "")
    assert "error" in said.lower(), (case, ended)
    assert not report.exists() or world.report()["verdict"] == "error", case
