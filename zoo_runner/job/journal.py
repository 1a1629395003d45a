"""What happened in a run so far, and the report made of it."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import distribution
from zoo_runner.manifest.settings import settings
from zoo_runner.plugin.interfaces import STAND_IN
from zoo_runner.redaction import redacted, redacted_url
from zoo_runner.report.evidence import ConfusionsRecord, CurveRecord, DiagnosisRecord
from zoo_runner.report.model import (
    EXIT_CODES,
    ArtifactRecord,
    DamagedRecord,
    Environment,
    ManifestRecord,
    MetricRecord,
    PerformanceRecord,
    Report,
    StageRecord,
    Verdict,
    WaiverRecord,
)
from zoo_runner.report.references import ReferenceRecord

if TYPE_CHECKING:
    from pydantic import BaseModel

    from zoo_runner.causes import Doubt
    from zoo_runner.comparison.placements import Placement
    from zoo_runner.job.options import Stage
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.plugin.interfaces import Progress
    from zoo_runner.report.golden import GoldenRecord

PACKAGES = (
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "onnxsim",
    "opencv-python-headless",
    "simplejpeg",
    "torch",
    "ais_bench",
    "aclruntime",
)
"""Distributions whose version can change a result."""


LONG: Final = {"export", "convert"}
"""Stages that can take minutes, and of which nobody knows how far they are."""
STAND_IN_NOTICE = "made with stand-ins: no figure here is an NPU's"


@dataclass
class StageNote:
    """What a stage says about itself while it runs."""

    why: str = ""
    skipped: bool = False

    def skip(self, why: str) -> None:
        """Say that the stage had nothing to do."""
        self.why, self.skipped = why, True


@dataclass
class Journal:
    """Collects what a run does; also the run's :class:`~zoo_runner.plugin.interfaces.Progress`.

    Attributes:
        loaded: The manifest in effect.
        progress: Where everything said here is shown as well.
        subset: Name of the subset that is scored.
        noun: What the data set calls its samples, in the plural; empty where it does not say.
        inferences: Whether throughput counts inferences, of which a sample takes several.
        config: What the plugin is configured with; ``None`` where nobody asked.
        command: The words that started the run.
        started: When the run began, in UTC.
        end_to_end: Samples per second from file to prediction, where this run inferred all of them.
        inferred: How many of the scored samples this run inferred; ``None`` before that is known.
        damaged: Damaged files that the manifest accepts and this run scores.
        golden: Says what came of the golden samples; ``None`` without any.
        remarks: What stands beside the verdict, on its line, because the verdict does not say it.
        watched: How the devices were before and after they were timed.
        doubts: What makes the run inconclusive beside its lines; the gate adds what was not measured.
        inputs: What the verdict depends on, by name, as far as it is kept in the history.
        placements: Where outputs that this run inferred or read come from, by the sample's index.
    """

    loaded: LoadedManifest
    progress: Progress
    subset: str | None = None
    noun: str = ""
    inferences: bool = False
    config: BaseModel | None = None
    command: Sequence[str] = ()
    started: datetime = field(default_factory=lambda: datetime.now(tz=timezone.utc))
    environment: Environment | None = None
    stages: list[StageRecord] = field(default_factory=list)
    metrics: tuple[MetricRecord, ...] = ()
    performance: list[PerformanceRecord] = field(default_factory=list)
    waivers: tuple[WaiverRecord, ...] = ()
    references: tuple[ReferenceRecord, ...] = ()
    curves: tuple[CurveRecord, ...] = ()
    diagnosis: DiagnosisRecord | None = None
    confusions: ConfusionsRecord | None = None
    end_to_end: float | None = None
    inferred: int | None = None
    damaged: DamagedRecord | None = None
    golden: Callable[[], GoldenRecord] | None = None
    artifacts: list[ArtifactRecord] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    watched: list[str] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    placements: dict[int, Placement] = field(default_factory=dict)
    _clock: float = field(default_factory=time.perf_counter, repr=False)

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[StageNote]:
        """Time a stage; it is recorded also when it fails."""
        note = StageNote()
        start = time.perf_counter()
        try:
            with self.track(stage.value, None, "") if stage.value in LONG else nullcontext():
                yield note
        except BaseException:
            note.why, note.skipped = "failed", False
            raise
        finally:
            self.record(stage, time.perf_counter() - start, note)

    def record(self, stage: Stage, seconds: float, note: StageNote) -> None:
        """Add a stage that was timed elsewhere."""
        self.stages.append(StageRecord(name=stage.value, seconds=round(seconds, 4), skipped=note.skipped, why=note.why))
        if note.skipped:
            self.progress.note(f"{stage.value}: {note.why}")

    def artifact(self, name: str, path: Path, *, sha256: str | None = None, origin: str = "") -> None:
        """Add a file or folder the run used or made."""
        self.artifacts.append(ArtifactRecord(name=name, path=str(path), sha256=sha256, origin=origin))

    def track(self, label: str, total: int | None, unit: str) -> AbstractContextManager[Callable[[int], None]]:
        """Show long work."""
        return self.progress.track(label, total, unit)

    def note(self, text: str) -> None:
        """Say something worth a line."""
        self.progress.note(text)

    def warn(self, text: str) -> None:
        """Show a warning and keep it for the report."""
        self.warnings.append(text)
        self.progress.warn(text)

    def describe(self, *, backend: str, version: str, chip: str, devices: Sequence[int]) -> None:
        """Record where the run takes place."""
        self.environment = Environment(
            backend=backend,
            backend_version=version,
            chip=chip,
            devices=tuple(devices),
            host=platform.platform(),
            python=platform.python_version(),
            packages=dict(_versions()),
        )

    def report(self, verdict: Verdict, why: Sequence[str], *, exit_code: int | None = None) -> Report:
        """Make the report of everything recorded so far."""
        manifest = self.loaded.manifest
        imitated = self.environment is not None and self.environment.chip.endswith(STAND_IN)
        return Report(
            notice=STAND_IN_NOTICE if imitated else "",
            verdict=verdict,
            exit_code=EXIT_CODES[verdict] if exit_code is None else exit_code,
            why=tuple(why),
            started=self.started.isoformat(timespec="seconds"),
            seconds=round(time.perf_counter() - self._clock, 4),
            subset=self.subset,
            noun=self.noun,
            inferences=self.inferences,
            inferred=self.inferred,
            manifest=ManifestRecord(
                name=manifest.name,
                path=str(self.loaded.path),
                files=tuple(str(path) for path in self.loaded.sources),
                digest=self.loaded.digest,
                overrides=tuple(redacted(override) for override in self.loaded.overrides),
                source=redacted_url(manifest.source.url) if manifest.source else None,
                imported=manifest.imported.shown if manifest.imported else None,
                settings=settings(manifest),
                config=settings(self.config) if self.config else {},
                command=tuple(redacted(redacted_url(word)) for word in self.command),
            ),
            environment=self.environment,
            stages=tuple(self.stages),
            metrics=self.metrics,
            performance=tuple(self.performance),
            waivers=self.waivers,
            references=self.references,
            curves=self.curves,
            diagnosis=self.diagnosis,
            confusions=self.confusions,
            golden=self.golden() if self.golden else None,
            damaged=self.damaged,
            artifacts=tuple(self.artifacts),
            warnings=tuple(self.warnings),
            remarks=tuple(self.remarks),
            watched=tuple(self.watched),
        )


def _versions() -> Iterator[tuple[str, str]]:
    for package in (distribution(), *PACKAGES):
        try:
            yield package, metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
