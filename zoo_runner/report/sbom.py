"""``sbom.cdx.json``: what a run was made of, as CycloneDX: distributions, tools, models and data, with their hashes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from email.message import Message
from importlib import metadata
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID, uuid5

from cyclonedx.contrib.license.exceptions import InvalidSpdxLicenseException
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseAcknowledgement
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from zoo_runner.errors import distribution
from zoo_runner.manifest.settings import addresses
from zoo_runner.plugin.hookspecs import PROJECT
from zoo_runner.redaction import clean
from zoo_runner.used_code.collecting import Loaded
from zoo_runner.used_code.installed import normalised
from zoo_runner.used_code.record import Disk

if TYPE_CHECKING:
    from cyclonedx.model.license import License

    from zoo_runner.report.model import ArtifactRecord, Report

DATA: Final = {"dataset", "inputs", "predictions", "results"}
"""Artifacts that are no models."""
_NAMESPACE: Final = UUID("4f3ce4a4-2b0c-5a0f-9d0b-6f5e0b7a6c11")
"""Of the serial numbers, which follow from the content."""
_HASHES: Final = {"sha256": (HashAlgorithm.SHA_256, 64), "md5": (HashAlgorithm.MD5, 32)}
_SHORT: Final = 100
"""Characters of a licence's name; longer ones are its text."""
_REQUIRED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def sbom(report: Report, loaded: Iterable[str]) -> str:
    """Write what a run was made of; for the same report and distributions the same bytes.

    Args:
        report: Of the run, without secrets.
        loaded: Distributions that the run used, as :func:`used_distributions` returns them.
    """
    # What a backend names may be loaded in processes of its own, as aclruntime is.
    used = {normalised(name) for name in (*loaded, *(name for name, _ in _backend(report)))}
    names = used | set(map(normalised, report.environment.packages if report.environment else ()))
    found = {name: each for name in sorted(names) if (each := _distribution(name))}
    packages = {name: _package(each, is_loaded=name in used) for name, each in found.items()}
    others = [*_platform(report, packages), *_artifacts(report)]
    runner = _component(distribution(), metadata.version(distribution()), ComponentType.APPLICATION, "tool")
    run = _component(report.manifest.name, report.manifest.digest, ComponentType.APPLICATION, "run")
    started = datetime.fromisoformat(report.started)
    bom = Bom(
        components=[*packages.values(), *others],
        metadata=BomMetaData(
            component=run,
            tools=ToolRepository(components=[runner]),
            timestamp=started if started.tzinfo else started.replace(tzinfo=timezone.utc),
        ),
        serial_number=_NAMESPACE,
    )
    bom.register_dependency(run, [*(packages[name] for name in sorted(used & packages.keys())), *others])
    for name, each in found.items():
        required = {normalised(text[0]) for line in each.requires or () if (text := _REQUIRED.match(line))}
        bom.register_dependency(packages[name], [packages[other] for other in sorted(required & packages.keys())])
    bom.serial_number = uuid5(_NAMESPACE, str(JsonV1Dot6(bom).output_as_string()))
    return str(JsonV1Dot6(bom).output_as_string(indent=2)) + "\n"


def used_distributions(report: Report) -> tuple[str, ...]:
    """Return the distributions of which this process has loaded a module, and those of the run's plugin and backend."""
    registered = {report.manifest.settings.get("plugin.name", "")}
    if report.environment:
        registered.add(report.environment.backend)
    points = metadata.entry_points(group=PROJECT)
    dists = [point.dist for point in points if point.name in registered]
    names = [distribution(), *(each.name for each in dists if each is not None), *Loaded.now(Disk()).by_distribution]
    return tuple(sorted(set(map(normalised, names))))


def licences(found: Mapping[str, str]) -> Iterator[License]:
    """Yield the licences that a distribution's metadata declares: an SPDX expression where it has one, else names.

    Args:
        found: The metadata.
    """
    message, factory, declared = cast("Message", found), LicenseFactory(), LicenseAcknowledgement.DECLARED
    text = message.get("License", "").strip()
    expression = message.get("License-Expression", "") or (text if len(text) <= _SHORT else "")
    if expression and (made := factory.make_from_string(clean(expression), license_acknowledgement=declared)):
        named = getattr(made, "name", None)
        if named is None:  # an identifier or expression of SPDX
            yield made
            return
    classifiers = [line for line in message.get_all("Classifier", []) if line.startswith("License :: ")]
    for name in [line.rpartition(" :: ")[2] for line in classifiers] or [
        expression or text[:_SHORT].partition("\n")[0]
    ]:
        try:
            yield factory.make_with_id(clean(name), acknowledgement=declared)
        except InvalidSpdxLicenseException:
            if name:
                yield factory.make_with_name(clean(name), acknowledgement=declared)


def _distribution(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _package(found: metadata.Distribution, *, is_loaded: bool) -> Component:
    """Describe a distribution; one that was not taken from a package index has no address there."""
    name, version = clean(found.name), clean(found.version)
    kind = "generic" if found.read_text("direct_url.json") else "pypi"
    address = PackageURL(kind, name=normalised(name), version=version)
    component = _component(name, version, ComponentType.LIBRARY, address.to_string())
    component.purl = address
    component.licenses = licences(cast("Mapping[str, str]", found.metadata))
    component.properties.add(Property(name="zoo-run:loaded", value=str(is_loaded).lower()))
    return component


def _platform(report: Report, packages: Mapping[str, Component]) -> Iterator[Component]:
    """Describe Python, and the backend's software that is no distribution, such as CANN."""
    if report.environment is None:
        return
    yield _component("Python", report.environment.python, ComponentType.PLATFORM, "python")
    for name, version in _backend(report):
        if normalised(name) not in packages:
            yield _component(name, version, ComponentType.PLATFORM, f"backend/{name} {version}".rstrip())


def _backend(report: Report) -> Iterator[tuple[str, str]]:
    """Yield name and version of the backend's software: ``ais_bench 0.0.2, CANN 8.0`` is two."""
    text = report.environment.backend_version if report.environment else ""
    for part in filter(None, text.split(", ")):
        name, _, version = part.rpartition(" ")
        yield (name, version) if name else (version, "")


def _artifacts(report: Report) -> Iterator[Component]:
    for number, each in enumerate(report.artifacts):
        kind = ComponentType.DATA if each.name in DATA else ComponentType.MACHINE_LEARNING_MODEL
        component = _component(each.name, None, kind, f"artifact/{number}/{each.name}")
        component.hashes = [
            HashType(alg=_HASHES[name][0], content=digest) for name, digest in _digests(each, report.manifest.settings)
        ]
        if each.origin:
            component.properties.add(Property(name="zoo-run:origin", value=each.origin))
        yield component


def _digests(artifact: ArtifactRecord, settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the digests of a file; of a data set those of the archive, which fetching has compared with it."""
    digests = {"sha256": artifact.sha256 or ""}
    if artifact.name == "dataset" and artifact.origin and artifact.origin in addresses(settings.get("dataset.url", "")):
        digests = {name: settings.get(f"dataset.{name}", "").lower() for name in _HASHES}
    for name, digest in digests.items():
        if re.fullmatch(rf"[0-9a-f]{{{_HASHES[name][1]}}}", digest):
            yield name, digest


def _component(name: str, version: str | None, kind: ComponentType, reference: str) -> Component:
    return Component(name=name, version=version or None, type=kind, bom_ref=reference)
