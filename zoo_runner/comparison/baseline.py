"""An earlier run to compare with: its report, and its predictions where it left them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from zoo_runner.errors import UsageError
from zoo_runner.files.bounds import Bound
from zoo_runner.files.regular import open_regular, oversized, read_regular
from zoo_runner.output.names import PREDICTIONS
from zoo_runner.report.model import SCHEMA_VERSION, ArtifactRecord, Report, Verdict
from zoo_runner.report.predictions import read_digests, read_ids, read_predictions
from zoo_runner.store.fingerprints import file_digest

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample

REPORT: Final = "report.json"
NAMES: Final = (PREDICTIONS, "detections.npz")
"""What the file with the predictions is called, now and by the first releases; reports call it so without the end."""
LARGEST_REPORT: Final = Bound("ZOO_RUNNER_REPORT_LIMIT", 256 * 10**6)
"""Bytes of a report."""
LARGEST_PREDICTIONS: Final = Bound("ZOO_RUNNER_PREDICTIONS_LIMIT", 4 * 10**9)
"""Bytes that a baseline's predictions unpack to."""
_UNNAMED: Final = (
    "the baseline's predictions do not say which sample each is of: they are taken in the data set's order"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Baseline:
    """An earlier run.

    Attributes:
        path: Its report.
        report: What that says.
        predictions: What it predicted, by sample id; ``None`` if that is not known.
        unnamed: What it predicted, in data-set order, where the ids are not known.
        notes: What a reader of the comparison must know of it.
        digests: Of the annotations that each sample had, by sample id; empty if they are not known.
    """

    path: Path
    report: Report
    predictions: Mapping[str, Arrays] | None = None
    unnamed: tuple[Arrays, ...] = ()
    notes: tuple[str, ...] = ()
    digests: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many samples it has predictions of."""
        return len(self.unnamed) if self.predictions is None else len(self.predictions)

    def of(self, samples: Sequence[Sample]) -> tuple[Arrays | None, ...]:
        """Return its prediction of each sample; ``None`` for a sample it did not have.

        Predictions without ids are those of the samples only if there are as many of both.
        """
        if self.predictions is not None:
            return tuple(self.predictions.get(sample.id) for sample in samples)
        return self.unnamed if len(self.unnamed) == len(samples) else (None,) * len(samples)


def read_baseline(path: Path) -> Baseline:
    """Read an earlier run.

    Args:
        path: Its output folder, or its ``report.json``; the predictions are looked for beside the report, and then
            where the report says they were.

    Raises:
        UsageError: There is no such run, it has no figures, or its files are damaged or not of one run.
    """
    file = path / REPORT if path.is_dir() else path
    report = _report(path, file)
    if report.verdict in {Verdict.ERROR, Verdict.STOPPED}:
        why = f" ({report.why[0]})" if report.why else ""
        raise UsageError(
            f"--baseline {path}: expected a run that went through to the gate, found one with the verdict "
            f"{report.verdict.value}{why}: it has nothing to compare with; name another run, or run that one again"
        )
    kept, note = _find_predictions(path, file, report)
    if kept is None:
        return Baseline(path=file, report=report, notes=(note,))
    predictions, ids, digests = _read_predictions(path, kept)
    if ids is None or len(set(ids)) < len(ids):
        return Baseline(path=file, report=report, unnamed=predictions, notes=(_UNNAMED,))
    return Baseline(
        path=file,
        report=report,
        predictions=dict(zip(ids, predictions, strict=True)),
        digests=dict(zip(ids, digests, strict=True)) if digests else {},
    )


def _report(path: Path, file: Path) -> Report:
    try:
        text = read_regular(file, LARGEST_REPORT.value, LARGEST_REPORT.remedy)
    except FileNotFoundError as error:
        found = "a folder without one (did its run finish?)" if path.is_dir() else "nothing there"
        raise UsageError(
            f"--baseline {path}: expected a run's output folder or its {REPORT}, found {found}; "
            "name one, or make it with `zoo-run MANIFEST --output DIR`"
        ) from error
    except OSError as error:
        raise UsageError(
            f"--baseline {path}: expected a readable {REPORT}, found: {error.strerror}; "
            "make it readable, or name another run"
        ) from error
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"--baseline {path}: expected the JSON of a report, found something else ({error}); "
            f"name the output folder of a run, or its {REPORT}"
        ) from error
    if not isinstance(content, dict) or "verdict" not in content or "manifest" not in content:
        raise UsageError(
            f"--baseline {path}: expected a report, found other JSON; name the output folder of a run, or its {REPORT}"
        )
    version = content.get("schema_version")
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"--baseline {path}: expected a report of schema version {SCHEMA_VERSION}, found {version!r}; "
            "run the baseline again with this release, or compare with the release that made it"
        )
    return _validated(path, content)


def _validated(path: Path, content: dict[str, Any]) -> Report:
    """Make the record; what a later release of the same schema version added is left out."""
    try:
        return Report.model_validate(content)
    except ValidationError as error:
        faults = error.errors(include_url=False)
    for fault in faults:
        if fault["type"] == "extra_forbidden":
            _remove(content, fault["loc"])
    try:
        return Report.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"--baseline {path}: expected a report, found one with {error.error_count()} faults, such as {place}: "
            f"{first['msg']}; it was edited or damaged: run the baseline again"
        ) from error


def _remove(content: Any, place: tuple[str | int, ...]) -> None:
    for step in place[:-1]:
        content = content[step]
    del content[place[-1]]


def _find_predictions(path: Path, file: Path, report: Report) -> tuple[Path | None, str]:
    """Return the file with the predictions, or why there is none."""
    recorded = next((each for each in report.artifacts if f"{each.name}.npz" in NAMES), None)
    names = (f"{recorded.name}.npz",) if recorded else NAMES
    beside = next((file.parent / name for name in names if (file.parent / name).is_file()), None)
    if beside is not None:
        if recorded and recorded.sha256 and file_digest(beside) != recorded.sha256:
            raise UsageError(
                f"--baseline {path}: expected the predictions that the report was made with (sha256 "
                f"{recorded.sha256[:12]}), found others in {beside}; take report and predictions from the same run"
            )
        return beside, ""
    if recorded and _still_there(recorded):
        return Path(recorded.path), ""
    return None, f"the baseline has no {names[0]} beside its report: only the figures are compared"


def _still_there(recorded: ArtifactRecord) -> bool:
    """Say whether the file has not become another run's since; without a hash nobody knows."""
    try:
        there = Path(recorded.path)
        return recorded.sha256 is not None and there.is_file() and file_digest(there) == recorded.sha256
    except (OSError, ValueError):  # unreadable, or not a path on this system
        return False


def _check_size(file: Path) -> None:
    """Refuse what is no regular file, or would fill the memory when it is unpacked."""
    with open_regular(file) as data, zipfile.ZipFile(data) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > LARGEST_PREDICTIONS.value:
        raise oversized(file, LARGEST_PREDICTIONS.value, f"{unpacked:,} unpacked", LARGEST_PREDICTIONS.remedy)


def _read_predictions(
    path: Path, file: Path
) -> tuple[tuple[Arrays, ...], tuple[str, ...] | None, tuple[bytes, ...] | None]:
    try:
        _check_size(file)
        predictions, ids, digests = tuple(read_predictions(file)), read_ids(file), read_digests(file)
        if digests is not None and len(digests) != len(predictions):
            raise ValueError(f"{len(digests)} digests of {len(predictions)} predictions")  # noqa: TRY301 - as below
        if ids is not None and len(ids) != len(predictions):
            raise ValueError(f"{len(ids)} ids of {len(predictions)} predictions")  # noqa: TRY301 - like any other fault
    except Exception as error:  # what zipfile and numpy raise for a damaged file is not documented
        raise UsageError(
            f"--baseline {path}: expected the predictions of a run in {file}, found a file that cannot be read "
            f"({error}); run the baseline again, or remove that file to compare the figures only"
        ) from error
    return predictions, ids, digests
