"""A workplace where faults are made: a copy of the plugin to edit, one warm store, and runs of the bundled sample.

The copy stands before the installed plugin on the import path and is edited in place. So a run with a fault finds
whatever the runs before it left in the store, as it would on a developer's machine: a fault that is masked by an old
result is seen.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from faults.ran import NotAppliedError, Ran

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("refinedet_plugin", "zoo_detection", "zoo_text", "zoo_images")
"""What is edited: the plugin, and what it takes from the package that detectors share."""
PLUGIN: Final = PACKAGES[0]
TIMEOUT_S: Final = 900
FOREIGN: Final = ("ZOO_RUNNER_", "ZOO_STAND_IN", "GITHUB_", "CI_PROJECT_DIR", "VOCDEVKIT", "ASCEND_", "PYTHON")
"""How variables begin that would change what is tried."""
ALIKE: Final = (
    *("--set", "benchmark={batch: [8], loop: 1, warmup: 0}", "--set", "uncertainty.resamples=100"),
    *("--replay", "never"),
)
"""Timing, intervals and replay files are not what is looked at."""
MISTAKES: Final = re.compile(
    r"\b(?:Name|Attribute|Syntax|Indentation|Import|ModuleNotFound|UnboundLocal|Type|Index|Assertion|Validation|Value|Key)Error\b"
)
"""What a run says only if something breaks that has no words of its own: then the fault is written wrongly."""
LABELS: Final = {"pr": ("--subset", "pr"), "whole": ()}

Command: TypeAlias = "tuple[str | Path, ...]"


@dataclass(frozen=True)
class Edit:
    """A change of one file of the packages.

    Attributes:
        file: Its path, which begins with the package.
        added: Code that is put at its end, where every name of the module is known and can be given a new meaning.
        old: Text to replace instead, which must be there exactly once.
        new: What takes its place.
    """

    file: str
    added: str = ""
    old: str = ""
    new: str = ""

    def applied(self, text: str) -> str:
        """Return the file's text with the change.

        Raises:
            NotAppliedError: The old text is not there, or more than once.
        """
        if not self.old:
            return f"{text}\n\n{self.added}\n"
        if text.count(self.old) != 1:
            raise NotAppliedError(f"{self.file} has {self.old!r} {text.count(self.old)} times; expected once")
        return text.replace(self.old, self.new)


@dataclass
class Bench:
    """The workplace.

    Attributes:
        work: Its folder.
        chosen: ``pr`` for the manifest's subset, ``whole`` for the whole sample.
        script: The ``zoo-run`` to try.
        manifest: Of the sample.
        number: Of the runs so far.
        search: Whether a red run looks for the stage at fault, and by which golden samples; at first it does not.
    """

    work: Path
    chosen: str = "pr"
    script: Path = field(default_factory=lambda: Path(sys.executable).with_name("zoo-run"))
    manifest: Path = ROOT / "manifests" / "refinedet320-sample.yaml"
    number: int = 0
    search: tuple[str, ...] = ("--explain", "never")

    @property
    def site(self) -> Path:
        """The folder that is first on the import path."""
        return self.work / "site"

    @property
    def store(self) -> Path:
        """What all runs share."""
        return self.work / "store"

    @property
    def sample(self) -> Path:
        """The sample's data set."""
        return self.site / PLUGIN / "sample" / "VOCdevkit"

    def prepare(self) -> None:
        """Lay out the copy of the plugin."""
        shutil.rmtree(self.site, ignore_errors=True)
        for package in PACKAGES:
            shutil.copytree(ROOT / package, self.site / package, ignore=shutil.ignore_patterns("__pycache__"))

    def record_golden(self) -> None:
        """Record golden samples of the sample without a fault, which all runs have from then on.

        Raises:
            SystemExit: They cannot be recorded.
        """
        bundle = self.work / "sample.golden.npz"
        done = subprocess.run(  # noqa: S603 - our own command
            [str(self.script), "golden", "record", str(self.manifest), "--output", str(bundle)],
            env={**self.environment, "ZOO_RUNNER_CACHE": str(self.store)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"golden samples cannot be recorded ({done.returncode}):\n{done.stdout}")
        content = hashlib.sha256(bundle.read_bytes()).hexdigest()
        named = f"golden={{url: '{bundle.as_uri()}', sha256: {content}}}"
        self.search = ("--set", named, "--explain", "always")  # on a busy machine 30 s may be too few

    def folder(self, name: str) -> Path:
        """Return an empty folder for something that a fault needs."""
        self.number += 1
        folder = self.work / "made" / f"{self.number:03d}-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def run(self, *arguments: str | Path, by: Command = (), keep: bool = False, store: Path | None = None) -> Ran:
        """Run the sample.

        Args:
            arguments: Of ``zoo-run``, after the manifest.
            by: A command that runs ``zoo-run``.
            keep: Whether to keep the raw outputs.
            store: Another store than all runs share.

        Raises:
            NotAppliedError: The run broke because the fault is written wrongly.
        """
        return self.run_bare(*LABELS[self.chosen], *ALIKE, *self.search, *arguments, by=by, keep=keep, store=store)

    def run_bare(self, *arguments: str | Path, by: Command = (), keep: bool = False, store: Path | None = None) -> Ran:
        """Do the same without what all runs have in common."""
        output = self.folder("run")
        command = [*by, self.script, self.manifest, "--output", output, *arguments]
        done = subprocess.run(  # noqa: S603 - our own command
            list(map(str, command)),
            env={**self.environment, "ZOO_RUNNER_CACHE": str(store or self.store)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        report = output / "report.json"
        found = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
        if not keep:
            shutil.rmtree(output / "results", ignore_errors=True)  # raw outputs: tens of megabytes
        if mistake := MISTAKES.search(done.stdout):
            line = next(line for line in done.stdout.splitlines() if mistake.group() in line)
            raise NotAppliedError(f"the fault is written wrongly: {' '.join(line.split())}")
        return Ran(code=done.returncode, report=found, text=done.stdout, folder=output)

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of all runs."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        # An edit that changes neither size nor second would be hidden by byte code of before.
        fixed = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(self.site), "NUMBA_CACHE_DIR": str(self.work)}
        return {**own, **fixed}

    @contextmanager
    def edited(self, *edits: Edit) -> Iterator[None]:
        """Change the plugin for a while.

        Raises:
            NotAppliedError: A file or a text is not there.
        """
        before: dict[Path, bytes] = {}
        try:
            for edit in edits:
                path = self.site / edit.file
                if not path.is_file():
                    raise NotAppliedError(f"there is no file {edit.file}")
                before.setdefault(path, path.read_bytes())
                path.write_text(edit.applied(path.read_text(encoding="utf-8")), encoding="utf-8")
            yield
        finally:
            for path, content in before.items():
                path.write_bytes(content)

    @contextmanager
    def files(self, files: Mapping[str, str]) -> Iterator[None]:
        """Put files beside the plugin for a while; folders in their names are theirs alone."""
        try:
            for name, text in files.items():
                path = self.site / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            yield
        finally:
            for top in {Path(name).parts[0] for name in files}:
                path = self.site / top
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def data(self, change: Callable[[Path], None]) -> Path:
        """Return a copy of the data set after ``change`` was at its folder ``VOC2007``.

        Files are links: :func:`replace` them, do not write through.
        """
        devkit = self.folder("data") / "VOCdevkit"
        shutil.copytree(self.sample, devkit, copy_function=os.link)
        before = digest(devkit)
        change(devkit / "VOC2007")
        if digest(devkit) == before:
            raise NotAppliedError("the data set is what it was")
        return devkit


def digest(folder: Path) -> list[tuple[str, int, int]]:
    """Name the content of a folder by what replacing a file changes."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [(str(path.relative_to(folder)), path.stat().st_ino, path.stat().st_size) for path in paths]


def replace(path: Path, content: bytes | str) -> None:
    """Put another file in the place of one that may be a link."""
    path.unlink()
    path.write_bytes(content.encode() if isinstance(content, str) else content)
