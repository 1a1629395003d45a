"""A golden bundle as one file: a ``.npz`` with a text that says what its arrays are. Nothing in it is run."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo_runner.errors import FetchError
from zoo_runner.files.bounds import Bound
from zoo_runner.golden.bundle import DeviceLimits, GoldenBundle, GoldenSample, Provenance

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays

FORMAT: Final = 1
LIMIT: Final = Bound("ZOO_RUNNER_GOLDEN_LIMIT", 64_000_000)
"""Bytes of a bundle, and of what it unpacks to."""
MOST: Final = 64
"""Samples of a bundle."""
MOST_ARRAYS: Final = 4096
ABOUT: Final = "about"
_KINDS: Final = frozenset("biuf")
Short = Annotated[str, Field(max_length=4096)]
Digest = Annotated[str, Field(pattern="[0-9a-f]{8,64}")]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class _Provenance(_Record):
    manifest: Short
    plugin: Short
    weights: Digest
    network: Annotated[str, Field(max_length=1_000_000)]
    preprocess: Annotated[str, Field(max_length=1_000_000)]
    postprocess: Annotated[str, Field(max_length=1_000_000)]
    backend: Short
    chip: Short
    versions: Mapping[Short, Short]
    recorded: Short
    untrusted: Short = ""


class _Sample(_Record):
    id: Short
    files: Annotated[tuple[Digest, ...], Field(max_length=1000)]
    annotations: Digest
    hashes: Mapping[Short, Digest]
    inputs: tuple[Short, ...] = ()
    outputs: tuple[Short, ...]
    prediction: tuple[Short, ...]


class _Device(_Record):
    of: Literal["run", "emulation"]
    chip: Short
    backend: Short
    conversion: Short
    outputs: Mapping[Short, Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    basis: Short
    recorded: Short


class _About(_Record):
    format: int
    provenance: _Provenance
    limits: Mapping[Short, Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    samples: Annotated[tuple[_Sample, ...], Field(min_length=1, max_length=MOST)]
    annotations: Digest
    support: Mapping[Short, int] = {}
    basis: Short = ""
    devices: Annotated[tuple[_Device, ...], Field(max_length=1000)] = ()


def write_bundle(path: Path, bundle: GoldenBundle) -> None:
    """Write a bundle; the same bundle gives the same bytes."""
    arrays: dict[str, Any] = {}
    samples = []
    for place, each in enumerate(bundle.samples):
        for kind in ("inputs", "outputs", "prediction"):
            arrays.update({f"{place}/{kind}/{name}": array for name, array in getattr(each, kind).items()})
        samples.append(
            {
                "id": each.id,
                "files": list(each.files),
                "annotations": each.annotations,
                "hashes": dict(each.hashes),
                "inputs": list(each.inputs),
                "outputs": list(each.outputs),
                "prediction": list(each.prediction),
            }
        )
    about = {
        "format": FORMAT,
        "provenance": {**asdict(bundle.provenance), "versions": dict(bundle.provenance.versions)},
        "limits": dict(bundle.limits),
        "samples": samples,
        "annotations": bundle.annotations,
        "support": dict(bundle.support),
        "basis": bundle.basis,
        "devices": [{**asdict(each), "outputs": dict(each.outputs)} for each in bundle.devices],
    }
    text = np.frombuffer(json.dumps(about, sort_keys=True).encode(), dtype=np.uint8)
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **{ABOUT: text}, **arrays)


def read_bundle(path: Path) -> GoldenBundle:
    """Read a bundle.

    Raises:
        FetchError: It is none, is damaged, is too large, or is of another format.
    """
    try:
        _check_sizes(path)
        with path.open("rb") as data, np.load(data, allow_pickle=False) as file:
            about = _about(path, bytes(file[ABOUT]))
            samples = tuple(_sample(place, each, file) for place, each in enumerate(about.samples))
    except FetchError:
        raise
    except Exception as error:  # of whatever type zipfile, zlib and numpy choose
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    return GoldenBundle(
        provenance=Provenance(**about.provenance.model_dump()),
        limits=dict(about.limits),
        samples=samples,
        annotations=about.annotations,
        support=dict(about.support),
        basis=about.basis,
        devices=tuple(DeviceLimits(**each.model_dump()) for each in about.devices),
    )


def _check_sizes(path: Path) -> None:
    """Refuse a file that unpacks to more than a bundle has, before it is unpacked."""
    size = path.stat().st_size
    if size > LIMIT.value:
        raise _damaged(path, f"it has {size} bytes, expected at most {LIMIT.value}; {LIMIT.remedy}")
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        total = sum(each.file_size for each in members)
        if len(members) > MOST_ARRAYS or total > LIMIT.value:
            raise _damaged(path, f"it unpacks to {len(members)} arrays of {total} bytes; {LIMIT.remedy}")


def _about(path: Path, text: bytes) -> _About:
    found = json.loads(text)
    if isinstance(found, dict) and found.get("format") != FORMAT:
        raise FetchError(
            f"{path}: expected a golden bundle of format {FORMAT}, found {found.get('format')!r}; record it anew with "
            "zoo-run golden record, or use the release that made it"
        )
    try:
        return _About.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        raise _damaged(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _sample(place: int, about: _Sample, file: Mapping[str, Any]) -> GoldenSample:
    def arrays(kind: str, names: tuple[str, ...]) -> Arrays:
        found = {name: file[f"{place}/{kind}/{name}"] for name in names}
        if any(array.dtype.kind not in _KINDS for array in found.values()):
            raise ValueError(f"{kind} of sample {about.id!r}: expected numbers")
        return found

    return GoldenSample(
        id=about.id,
        files=about.files,
        annotations=about.annotations,
        hashes=dict(about.hashes),
        inputs=arrays("inputs", about.inputs),
        outputs=arrays("outputs", about.outputs),
        prediction=arrays("prediction", about.prediction),
    )


def _damaged(path: Path, why: str) -> FetchError:
    return FetchError(f"{path}: expected a golden bundle, as zoo-run golden record writes it: {why}")
