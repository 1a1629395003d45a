"""What a plugin's check finds in samples' files: looked for once for each content, and kept."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from zoo_runner.errors import DatasetError
from zoo_runner.files.remedies import refused
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.interfaces import SAMPLES, Finding
from zoo_runner.stages.fetch.sample_keys import sample_files
from zoo_runner.stages.iterators import ordered
from zoo_runner.stages.threads import workers
from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.store.kept_table import Row, add_to_table, read_table
from zoo_runner.store.snapshots import Snapshot, State, snapshot_of

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import CheckedPreprocess, Progress, Sample

Found: TypeAlias = "Finding | DatasetError | None"
"""A finding, or why the files could not be looked at; ``None`` for files without fault."""


@dataclass(frozen=True)
class _Look:
    """One sample looked at: its files as they were hashed, the key of their content, and what was found."""

    files: Sequence[Snapshot]
    key: str
    found: Found


@dataclass
class SampleFindings:
    """Findings by content, and contents by what the file system says of a file.

    One table has the findings, so that a data set that is moved or copied is not looked at again. Another has the
    hashes of the files of one folder, so that files that did not change are not read again.

    Attributes:
        preprocess: Looks.
        folder: Where the tables are kept.
        noun: What the samples are called, in the plural.
        again: Whether to look at everything again, whatever the tables say.
    """

    preprocess: CheckedPreprocess
    folder: Path
    noun: str = SAMPLES
    again: bool = False
    _findings: dict[str, Row] = field(default_factory=dict, init=False, repr=False)
    _hashes: dict[str, Row] = field(default_factory=dict, init=False, repr=False)

    def of(self, samples: Sequence[Sample], progress: Progress) -> list[Found]:
        """Return what was found in each sample's files, now or earlier.

        Raises:
            ChangedError: A file changed while it was looked at.
            PrerequisiteError: The check needs something that is missing.
        """
        findings = self.folder / f"findings-{fingerprint(self.preprocess.check_identity)[:32]}"
        hashes = self.folder / f"hashes-{fingerprint(str(_absolute(samples[0].path).parent))[:32]}" if samples else None
        if hashes is None:
            return []
        if not self.again:
            self._findings, self._hashes = read_table(findings), read_table(hashes)
        known = {position: key for position, sample in enumerate(samples) if (key := self._known(sample)) is not None}
        rest = [(position, sample) for position, sample in enumerate(samples) if position not in known]
        looks: dict[int, _Look] = {}
        try:
            self._look(rest, looks, progress)
        finally:
            _keep(findings, hashes, looks.values(), progress)
        return [
            looks[position].found if position in looks else _finding(self._findings[known[position]])
            for position in range(len(samples))
        ]

    def _known(self, sample: Sample) -> str | None:
        """Return the key of a sample's content when its files did not change and its content was looked at."""
        digests = []
        for path in sample_files(sample):
            row = self._hashes.get(str(_absolute(path)))
            try:
                if row is None or tuple(row[1:]) != State.of(os.stat(path)):  # noqa: PTH116 - half the time of Path's
                    return None
            except OSError:
                return None
            digests.append(str(row[0]))
        key = _key(digests)
        return key if key in self._findings else None

    def _look(self, rest: Sequence[tuple[int, Sample]], looks: dict[int, _Look], progress: Progress) -> None:
        if not rest:
            return
        count = workers()
        with (
            ThreadPoolExecutor(count, thread_name_prefix="check") as pool,
            progress.track("check", len(rest), self.noun) as advance,
            closing(ordered(pool, self._looked_at, [sample for _, sample in rest], ahead=4 * count)) as found,
        ):
            for (position, _), look in zip(rest, found, strict=True):
                looks[position] = look
                advance(1)

    def _looked_at(self, sample: Sample) -> _Look:
        files = sample_files(sample)
        regular = all(path.is_file() for path in files)  # others are looked at again each time
        snapshots = [snapshot_of(path) for path in files] if regular else []
        key = _key([each.sha256 for each in snapshots]) if snapshots else ""
        if key in self._findings:
            return _Look(snapshots, key, _finding(self._findings[key]))
        try:
            with calling("zoo_preprocess", sample):
                found = self.preprocess.check(sample)
        except DatasetError as error:
            return _Look((), "", error)
        for each in snapshots:
            each.check()
        return _Look(snapshots, key, found)


def _keep(findings: Path, hashes: Path, looks: Iterable[_Look], progress: Progress) -> None:
    rows: dict[str, Row] = {}
    contents: dict[str, Row] = {}
    for look in looks:
        if look.key and not isinstance(look.found, DatasetError):
            contents[look.key] = [] if look.found is None else [look.found.text, look.found.damage]
        for each in look.files:
            if each.settled and each.state is not None:
                rows[str(_absolute(each.path))] = [each.sha256, *each.state]
    for path, new in ((findings, contents), (hashes, rows)):
        try:
            _add(path, new)
        except OSError as problem:
            progress.note(f"{refused(problem, 'keep what was found in', path)}; the next run looks again")


def _add(path: Path, rows: Mapping[str, Row]) -> None:
    if rows:
        add_to_table(path, rows)


def _key(digests: Sequence[str]) -> str:
    return digests[0] if len(digests) == 1 else fingerprint(list(digests))


def _finding(row: Row) -> Finding | None:
    return Finding(text=str(row[0]), damage=bool(row[1])) if row else None


def _absolute(path: Path) -> Path:
    return path if path.is_absolute() else Path.cwd() / path
