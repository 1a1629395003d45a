"""A wheel of a package index, or one file of it, by pip's own client and the user's settings of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import FetchError
from zoo_runner.files.remedies import refused
from zoo_runner.manifest.wheel_address import FORM, WheelAddress, wheel_address
from zoo_runner.process import printed, run_logged, seconds_from
from zoo_runner.redaction import clean
from zoo_runner.stages.fetch.archive_member import Wanted, unpack_one
from zoo_runner.stages.fetch.kept import Kept
from zoo_runner.stages.fetch.limits import DOWNLOAD, PATIENCE, PATIENCE_S, SLOWEST
from zoo_runner.stages.fetch.names import file_name
from zoo_runner.stages.fetch.source import OWN_FILE, mismatch
from zoo_runner.store.entries import remove
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.store.store import ELSEWHERE, Built, Store

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Progress
    from zoo_runner.stages.fetch.download import RetryPolicy
    from zoo_runner.stages.fetch.source import FileSource

_PIP: Final = (
    "import runpy, sys; sys.path[:] = [each for each in sys.path if each]; "
    "runpy.run_module('pip', run_name='__main__', alter_sys=True)"
)
"""What ``python -m pip`` does, without looking for modules in the current folder."""
_OPTIONS: Final = (
    "download",
    *("--no-deps", "--only-binary", ":all:"),  # a source distribution would run its code here
    *("--no-input", "--disable-pip-version-check", "--progress-bar", "off"),
    "--no-cache-dir",  # the store keeps the file, and its size is bounded
)
_WINDOWS: Final = 3
"""Windows of time without a byte in which pip may ask an index, several times."""
_LINES: Final = 6
_WORK: Final = ".wheel"
"""Folder in which the file is made; no file is called so."""
_PLACE: Final = "pip"
"""Folder in it that pip writes to."""
_NO_FILE: Final = "Name a file that is in it; pip download --no-deps NAME==VERSION and unzip -l show which there are"


def download_wheel(
    source: FileSource, store: Store, progress: Progress, retry: RetryPolicy, *, refetch: bool = False
) -> Built:
    """Return the store's entry with a wheel, or one file of it; if it is not there or not right, have pip get it.

    Hash and size are those of the file that is named, or of the wheel where none is.

    Raises:
        FetchError: The address is none, pip is missing or fails, or the wheel lacks the file.
        IntegrityError: It is another file than the manifest, or an earlier download, says.
    """
    address = wheel_address(source.url)
    if address is None:
        raise FetchError(f"{source.shown}: expected {FORM}")
    kept = Kept.of(source, store, refetch=refetch)
    window_s = retry.window_s or seconds_from(PATIENCE) or PATIENCE_S
    return kept.build(store, _WheelDownload(kept, address, store, progress, window_s).make, progress)


@dataclass(frozen=True)
class _WheelDownload:
    kept: Kept
    address: WheelAddress
    store: Store
    progress: Progress
    window_s: float

    @property
    def shown(self) -> str:
        return self.kept.source.shown

    def make(self, folder: Path) -> None:
        work = folder / _WORK
        try:
            for each in (work, work / _PLACE, work / _PLACE / "temporary", work / _PLACE / "wheel", work / "member"):
                each.mkdir()
            wheel = path = self._wheel(work)
            if self.address.member:
                path = self._member(wheel, work / "member")
            wrong = mismatch(self.kept.expected, path, file_digest(path))
            if wrong:
                raise self.kept.wrong_file(path, wrong, "downloaded")
            path.replace(folder / file_name(self.kept.source.url))
        except OSError as why:
            raise FetchError(
                f"{self.shown}: {refused(why, 'write the download into', work, instead=ELSEWHERE)}"
            ) from why
        finally:
            remove(work)
        self.kept.trust.failed.unlink(missing_ok=True)

    def _wheel(self, work: Path) -> Path:
        """Have pip download the wheel."""
        if find_spec("pip") is None:
            raise FetchError(
                f"{self.shown}: expected pip beside {sys.executable}, to ask the package index with the user's "
                f"settings, found none; get it with {sys.executable} -m ensurepip. {OWN_FILE}"
            )
        log, place = work / "pip.log", work / _PLACE
        target = place / "wheel"
        command = [sys.executable, "-c", _PIP, *_OPTIONS, "--dest", str(target), "--", self.address.requirement]
        environment = {**os.environ, "TMPDIR": str(place / "temporary")}
        with self.progress.track(self.address.requirement, None, "B") as advance:
            watch = _Watch(place, self._most(), self.window_s, self.shown, advance)
            try:
                code = run_logged(command, cwd=Path.cwd(), log=log, environment=environment, on_wait=watch)
            except subprocess.SubprocessError as why:
                raise FetchError(f"{self.shown}: pip could not be run: {why}") from why
        if code:
            raise FetchError(f"{self.shown}: pip found no wheel of it, or could not get it:\n{_told(log)}\n{OWN_FILE}")
        watch()
        found = sorted(each.name for each in target.iterdir())
        if len(found) != 1 or not self.address.is_wheel(found[0]):
            raise FetchError(
                f"{self.shown}: expected one wheel of {self.address.name} from pip, found "
                f"{', '.join(found[:_LINES]) or 'none'}; look for settings that have pip get more (pip config list)"
            )
        return target / found[0]

    def _most(self) -> int:
        """Return how many bytes the wheel may have: those of the manifest are of what it names."""
        size = self.kept.source.size
        return DOWNLOAD.value if size is None or self.address.member else size

    def _member(self, wheel: Path, folder: Path) -> Path:
        name = self.address.member
        expected = f"{self.shown}: expected the file {name!r} in {wheel.name}"
        unpack_one(wheel, Wanted(name, expected, _NO_FILE), folder, self.store, self.progress, f"{self.shown}: ")
        return folder / name


@dataclass
class _Watch:
    """Ends a download that is too large or too slow to finish."""

    place: Path
    most: int
    window_s: float
    shown: str
    advance: Callable[[int], object]
    _largest: int = 0
    _since: float = field(default_factory=time.monotonic)
    _before: int = 0

    def __call__(self) -> None:
        """Look at what arrived.

        Raises:
            FetchError: It is too much, or too little for the time.
        """
        now, size = time.monotonic(), _largest_file(self.place)
        if size > self.most:
            raise FetchError(
                f"{self.shown}: expected at most {self.most:,} bytes, found more, and stopped there. Nothing of it is "
                f"kept; correct the size in the manifest, or {DOWNLOAD.remedy}"
            )
        if size > self._largest:
            self.advance(size - self._largest)
            self._largest = size
        if self._largest - self._before >= SLOWEST * self.window_s:
            self._since, self._before = now, self._largest
        if now - self._since > _WINDOWS * self.window_s:
            raise FetchError(
                f"{self.shown}: pip brought less than {SLOWEST * self.window_s:,.0f} bytes in "
                f"{_WINDOWS * self.window_s:g} s, and was stopped. {PATIENCE} sets another time than "
                f"{self.window_s:g} s. {OWN_FILE}"
            )


def _largest_file(folder: Path) -> int:
    """Return the bytes of the largest file: pip writes a wheel into a temporary folder, and copies it from there."""
    sizes = [0]
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append(os.lstat(os.path.join(place, name)).st_size)  # noqa: PTH118 - a text is what walk has
            except OSError:  # moved meanwhile
                continue
    return max(sizes)


def _told(log: Path) -> str:
    """Return the end of what pip printed, without secrets: errors come last."""
    lines = [line.strip() for line in clean(printed(log)).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines
    return "\n".join(f"  {line[:500]}" for line in errors[-_LINES:]) or "  it printed nothing"
