"""Writing a replay file."""

from __future__ import annotations

import zipfile
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import yaml

from zoo_runner.errors import ManifestError
from zoo_runner.files.named_errors import naming
from zoo_runner.manifest.schema import Manifest
from zoo_runner.redaction import cleaned
from zoo_runner.replay.record import LARGEST, MAIN, MANIFEST, REPORT, ReplayRecord, array_entry, file_entry
from zoo_runner.report.model import clean_report

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_runner.replay.describing import Kept
    from zoo_runner.report.model import Report

_TIME: Final = (1980, 1, 1, 0, 0, 0)
_SHAPING: Final = ("plugin", "inputs", "outputs", "onnx", "infer")
"""Sections of a manifest whose values are more than words for people."""


def write_replay(path: Path, record: ReplayRecord, report: Report, manifest: Manifest, kept: Kept) -> None:
    """Write the file; without times, so that the same content has the same bytes.

    Raises:
        ManifestError: The manifest holds a secret where it shapes the model.
        ValueError: The file would be too large.
    """
    with naming(path), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, MAIN, record.model_dump_json(exclude_defaults=True).encode())
        _add(archive, MANIFEST, _manifest_text(manifest).encode())
        _add(archive, REPORT, clean_report(report).encodable().to_json().encode())
        blobs = [data for parcel in kept.parcels for _, data in parcel.arrays]
        for number, data in enumerate(blobs):
            _add(archive, array_entry(number), data)
        for place, parcel in enumerate(kept.parcels):
            for name, data in parcel.files.items():
                _add(archive, file_entry(place, name), data)
    if path.stat().st_size > LARGEST.value:
        raise ValueError(f"it has {path.stat().st_size:,} bytes, expected at most {LARGEST.value:,}; {LARGEST.remedy}")


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)


def _manifest_text(manifest: Manifest) -> str:
    """Return the manifest in effect as YAML, without secrets."""
    values = manifest.model_dump(exclude_unset=True)
    clean: dict[str, Any] = cleaned(values)
    for section in _SHAPING:
        if clean.get(section) != cleaned_form(values.get(section)):
            raise ManifestError(
                f"{section}: expected values that may be handed on, found one with a user, password or token in an "
                "address; take it out of the manifest"
            )
    return yaml.safe_dump(_words(clean), sort_keys=False, allow_unicode=True)


def cleaned_form(value: Any) -> Any:
    """Return a value with its lists as :func:`~zoo_runner.redaction.cleaned` returns them."""
    if isinstance(value, dict):
        return {key: cleaned_form(each) for key, each in value.items()}
    return tuple(map(cleaned_form, value)) if isinstance(value, tuple | list) else value


def _words(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _words(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_words(each) for each in value]
    return value.value if isinstance(value, Enum) else value
