"""No figure of damaged files: all of them are named before anything is made of the data set."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from zoo_runner.errors import DatasetError, ManifestError, did_you_mean, listed
from zoo_runner.plugin.interfaces import CheckedPreprocess, Finding
from zoo_runner.report.model import DamagedRecord
from zoo_runner.stages.fetch.sample_findings import SampleFindings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.job.job import Job
    from zoo_runner.manifest.schema import DamagedSamples
    from zoo_runner.plugin.interfaces import Sample
    from zoo_runner.stages.fetch.sample_findings import Found

FOLDER = "checks"
"""Of the store, where findings are kept."""
NAMED = 10
"""Ids and notes in one line; the rest are counted."""


def sound(job: Job, samples: Sequence[Sample]) -> Sequence[Sample]:
    """Look for damage in the files that this run scores, where the plugin can.

    Args:
        job: The run. Damage that is accepted is noted in its journal, as is what changes nothing.
        samples: The whole data set.

    Returns:
        The data set; samples with something found say so.

    Raises:
        DatasetError: Files are damaged, missing or unreadable, and not accepted by ``dataset.damaged``; or that names
            what the data set does not have.
        ManifestError: It stands in a manifest whose plugin has no check.
    """
    damaged = job.recipe.manifest.dataset.damaged
    if damaged is not None:
        _check_ids(damaged, samples)
    preprocess = job.recipe.parts.preprocess
    if not isinstance(preprocess, CheckedPreprocess):
        if damaged is None:
            return samples
        where = job.recipe.loaded.locate(("dataset", "damaged"))
        plugin = job.recipe.manifest.plugin.name
        msg = (
            f"{where}: dataset.damaged: would have no effect: the preprocessing of plugin {plugin!r} does not look for "
            "damage (see CheckedPreprocess in zoo_runner.plugin.interfaces); remove it"
        )
        raise ManifestError(msg)
    scored = job.scored(samples)
    look = SampleFindings(preprocess, job.store.root / FOLDER, noun=job.recipe.noun, again=job.options.no_cache)
    found = look.of(scored, job.journal)
    pairs = [(sample, each) for sample, each in zip(scored, found, strict=True) if each is not None]
    accepted = frozenset(damaged.ids) if damaged else frozenset[str]()
    _refuse([(sample, each) for sample, each in pairs if _faulty(each) and sample.id not in accepted], job)
    findings = {sample.id: each for sample, each in pairs if isinstance(each, Finding)}
    _tell(job, damaged, {sample.id for sample in scored}, findings)
    return [replace(sample, finding=findings.get(sample.id)) if sample.id in findings else sample for sample in samples]


def _faulty(found: Found) -> bool:
    return isinstance(found, DatasetError) or (found is not None and found.damage)


def _refuse(faults: Sequence[tuple[Sample, Found]], job: Job) -> None:
    """Name all faults at once, and what a manifest must say to have the damaged files scored all the same."""
    if not faults:
        return
    texts = [
        str(found) if isinstance(found, DatasetError) else f"sample {sample.id!r}: {sample.path}: {found.text}"
        for sample, found in faults
        if found is not None
    ]
    ids = [sample.id for sample, found in faults if isinstance(found, Finding)]
    accept = (
        "To score damaged files as the decoder fills them, the manifest has to name all of them, as in\n"
        f"  dataset: {{damaged: {{ids: [{', '.join(map(repr, ids[:NAMED]))}{', ...' if len(ids) > NAMED else ''}], "
        "reason: published with the data set}}"
    )
    msg = (
        f"{job.recipe.manifest.dataset.name}: expected whole files, found {len(texts)} that are damaged or "
        f"missing:\n{listed(texts)}\nRestore them from the data set's archive.{f' {accept}' if ids else ''}"
    )
    raise DatasetError(msg)


def _check_ids(damaged: DamagedSamples, samples: Sequence[Sample]) -> None:
    known = {sample.id for sample in samples}
    unknown = [f"{name!r}{did_you_mean(name, known)}" for name in damaged.ids if name not in known]
    if unknown:
        msg = f"dataset.damaged: the data set has no samples\n{listed(unknown)}\ncorrect or remove these ids"
        raise DatasetError(msg)


def _tell(job: Job, damaged: DamagedSamples | None, scored: set[str], findings: dict[str, Finding]) -> None:
    notes = [f"{name}: {finding.text}" for name, finding in findings.items() if not finding.damage]
    if notes:
        job.journal.note(f"files with what changes no input, {len(notes)} in all:\n{listed(notes)}")
    if damaged is None:
        return
    whole = [name for name in damaged.ids if name in scored and not (name in findings and findings[name].damage)]
    if whole:
        job.journal.warn(f"dataset.damaged names files that are not damaged; remove from it: {_few(whole)}")
    bad = {name: finding.text for name, finding in findings.items() if finding.damage}
    if bad:
        job.journal.damaged = DamagedRecord(reason=damaged.reason, samples=bad)
        job.journal.warn(
            f"{len(bad)} damaged files are scored, as the manifest accepts ({damaged.reason}): {_few(bad)}"
        )


def _few(names: Sequence[str] | dict[str, str]) -> str:
    shown = list(names)[:NAMED]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")
