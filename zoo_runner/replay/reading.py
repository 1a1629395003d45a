"""Reading a replay file that anybody may have made: bounded, nothing unpickled, nothing outside its folder."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from zoo_runner.errors import UsageError, distribution, shortened
from zoo_runner.files.regular import read_regular
from zoo_runner.replay.packing import unpacked
from zoo_runner.replay.record import (
    FORMAT,
    FORMAT_VERSION,
    LARGEST,
    MAIN,
    MANIFEST,
    MOST_ENTRIES,
    REPORT,
    UNPACKED,
    ReplayRecord,
    array_entry,
    file_entry,
    stays_inside,
)
from zoo_runner.report.model import SCHEMA_VERSION

if TYPE_CHECKING:
    from numpy.typing import NDArray

AGAIN: Final = "name a replay.zip of a run, or make it again: `zoo-run MANIFEST --replay auto`"
_BROKEN: Final = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError),
    *(ValueError, KeyError, TypeError, ValidationError, MemoryError),
)
"""What zipfile, json and numpy raise for a damaged file."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ReplayFile:
    """A replay file that was read.

    Attributes:
        path: Where it is.
        record: What it says.
        manifest: The manifest in effect, as YAML.
        report: The report, as JSON.
        arrays: In the order of their numbers.
        files: Of each sample by place: content by kept name.
    """

    path: Path
    record: ReplayRecord
    manifest: bytes
    report: dict[str, Any]
    arrays: tuple[NDArray[Any], ...]
    files: tuple[dict[str, bytes], ...]


def read_replay(path: Path) -> ReplayFile:
    """Read a replay file.

    Raises:
        UsageError: There is none, it is no replay file, it is damaged or too large, or another major version wrote it.
    """
    with _refusing(path):
        content = read_regular(path, LARGEST.value, LARGEST.remedy)
        with zipfile.ZipFile(BytesIO(content)) as archive:
            entries = _entries(archive)
            main = json.loads(_read(archive, entries, MAIN))
            _require_version(path, main)
            record = ReplayRecord.model_validate_json(json.dumps(main))
            report = json.loads(_read(archive, entries, REPORT))
            _check_report(report)
            blobs = [_read(archive, entries, array_entry(number)) for number in range(len(record.arrays))]
            arrays = tuple(unpacked(data, each) for data, each in zip(blobs, record.arrays, strict=True))
            manifest = _read(archive, entries, MANIFEST)
            files = tuple(
                {name: _read(archive, entries, file_entry(place, _safe(name))) for name in sample.files}
                for place, sample in enumerate(record.samples)
            )
    return ReplayFile(path=path, record=record, manifest=manifest, report=report, arrays=arrays, files=files)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise UsageError(f"{path}: expected a replay file, found nothing there; {AGAIN}") from error
    except _BROKEN as error:
        why = _first(error) if isinstance(error, ValidationError) else f"{error}" or type(error).__name__
        raise UsageError(f"{path}: expected a replay file, found one that cannot be read ({why}); {AGAIN}") from error


def _first(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    return shortened(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}")


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return what is in the archive by name, within the bounds."""
    listed = archive.infolist()
    if len(listed) > MOST_ENTRIES:
        raise ValueError(f"it has {len(listed):,} entries, expected at most {MOST_ENTRIES:,}")
    total = sum(entry.file_size for entry in listed)
    if total > UNPACKED * LARGEST.value:
        raise ValueError(f"unpacked it has {total:,} bytes, expected at most {UNPACKED * LARGEST.value:,}")
    names = [_safe(entry.filename) for entry in listed]
    if len(set(names)) < len(names):
        raise ValueError("two entries have one name")
    return dict(zip(names, listed, strict=True))


def _safe(name: str) -> str:
    if not stays_inside(name):
        raise ValueError(f"a name in it leads elsewhere: {shortened(name)!r}")
    return name


def _read(archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], name: str) -> bytes:
    """Return an entry's content; no more of it is unpacked than it says that it has."""
    if name not in entries:
        raise ValueError(f"it has no {shortened(name)}")
    with archive.open(entries[name]) as file:
        content = file.read(entries[name].file_size + 1)
    if len(content) != entries[name].file_size:
        raise ValueError(f"{shortened(name)} has not as many bytes as it says")
    return content


def _require_version(path: Path, main: Any) -> None:
    """Refuse what another major version wrote; its release and this one are named."""
    if not isinstance(main, dict) or main.get("format") != FORMAT:
        raise ValueError(f"its {MAIN} is of something else")
    here, there = metadata.version(distribution()), str(main.get("runner", ""))
    if main.get("format_version") == FORMAT_VERSION and _major(there) == _major(here):
        return
    raise UsageError(
        f"{path}: expected a replay file of format {FORMAT_VERSION} and of a release {_major(here)}.x, as this is "
        f"{distribution()} {here}, found format {shortened(str(main.get('format_version')))} of {distribution()} "
        f"{shortened(there)}; replay it with that release: "
        f"pip install '{distribution()}=={shortened(there)}'"
    )


def _major(version: str) -> str:
    return version.partition(".")[0]


def _check_report(report: Any) -> None:
    if not isinstance(report, dict) or report.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"its {REPORT} is no report of schema version {SCHEMA_VERSION}")
