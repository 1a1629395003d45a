"""The output folder as a run finds it: held against other runs, cleared of old verdicts, free of strangers' files."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from zoo_runner.errors import PrerequisiteError, StageError, UsageError, ZooError, listed
from zoo_runner.output.inventory import read_inventory
from zoo_runner.output.lock import held
from zoo_runner.output.names import FILES, INPUTS, INVENTORY, LOGS, PREDICTIONS, PREVIOUS, RESULTS, SBOM
from zoo_runner.output.previous import retire
from zoo_runner.output.writing import is_own
from zoo_runner.process import is_log

_NAMES: Final = "|".join(map(re.escape, (*FILES, *PREVIOUS.values(), INVENTORY, PREDICTIONS, INPUTS, RESULTS, SBOM)))
_LEFT: Final = re.compile(rf"\.(?:{_NAMES})\.\d+\.(?:tmp|old)|\.ais_bench-[a-z0-9_]{{8}}")
"""What killed runs leave."""
_LOG: Final = re.compile(r"(?:atc|ais_bench)(?:_bs\d+)?\.log")
_KINDS: Final = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder that zoo-run did not make, or that was changed since"),
    (stat.S_ISFIFO, "a fifo"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISREG, "a file that zoo-run did not write, or that was changed since"),
)


@contextmanager
def claimed(folder: Path, names: Collection[str] = (), baseline: Path | None = None) -> Iterator[tuple[str, ...]]:
    """Hold a folder for a run, and take the last report out of the new one's way; where there is none, do nothing.

    Args:
        folder: Where the run writes to.
        names: What it writes there beside the report.
        baseline: Folder or report of the run to compare with, which has to stay.

    Yields:
        What to warn the user of.

    Raises:
        UsageError: The baseline is the report to remove, or the folder has files of somebody else's under the names.
        PrerequisiteError: Another run writes to it.
        StageError: It cannot be written to.
    """
    keep(baseline, folder)
    with ExitStack() as stack:
        with writing(folder):
            if not _is_there(folder):
                notes: tuple[str, ...] = ()
            else:
                notes = _taken(folder, stack)
        require_no_strangers(folder, (*FILES, *names))
        yield notes


def _taken(folder: Path, stack: ExitStack) -> tuple[str, ...]:
    """Hold a folder, and clear it: of the last report also where the rest fails, so that nobody reads it as this run's.

    Only where another run holds the folder all stays: that one has retired the last report, and may write its own.
    """
    try:
        warning = stack.enter_context(held(folder))
    except PrerequisiteError:
        raise
    except (UsageError, OSError):
        retire(folder)
        raise
    try:
        _clear(folder)
    finally:
        notes = retire(folder)
    return (*([warning] if warning else []), *notes)


def keep(baseline: Path | None, folder: Path) -> None:
    """Check that what a run is to be compared with is not in its own folder, where it would be replaced.

    Args:
        baseline: Folder or report of an earlier run, if there is one to compare with.
        folder: Where the run writes to.

    Raises:
        UsageError: It is.
    """
    place = baseline.resolve() if baseline else None
    if place and folder.resolve() == (place if place.is_dir() else place.parent):
        raise UsageError(
            f"--baseline {baseline}: expected another folder than --output {folder}, whose report is removed when the "
            "run starts; choose another --output, or copy the baseline first"
        )


def make_folder(folder: Path) -> None:
    """Make the output folder, before there are hours of work to lose.

    Raises:
        StageError: It cannot be made.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def require_no_strangers(folder: Path, names: Collection[str]) -> None:
    """Check that a run replaces no file or folder of somebody else's.

    Args:
        folder: Where the run writes to.
        names: What it writes there.

    Raises:
        UsageError: It would; they are named.
    """
    found = [name for name in names if os.path.lexists(folder / name) and not is_own(folder / name)]
    found += [] if read_inventory(folder).readable else [INVENTORY]
    found += _strange_logs(folder)
    if found:
        shown = listed([f"{name}: {_kind(folder / name)}" for name in dict.fromkeys(found)])
        raise UsageError(
            f"--output {folder}: expected a folder without files of others under the names that a run writes, found\n"
            f"{shown}\n  they were left alone: choose another --output, or move them away"
        )


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say of an error which folder it is about.

    Raises:
        StageError: The folder cannot be written to.
    """
    try:
        yield
    except OSError as error:
        msg = f"--output {folder}: cannot be written ({error.strerror}); choose another folder"
        raise StageError(msg) from error


def _is_there(folder: Path) -> bool:
    try:
        found = folder.stat()
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    return True


def _clear(folder: Path) -> None:
    """Remove what runs that were killed left half written."""
    for path in folder.iterdir():
        if _LEFT.fullmatch(path.name):
            if stat.S_ISDIR(path.lstat().st_mode):
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _strange_logs(folder: Path) -> list[str]:
    """Name what is in the place of the logs: they are written while the work is done."""
    logs = folder / LOGS
    if not os.path.lexists(logs):
        return []
    if not stat.S_ISDIR(logs.lstat().st_mode):
        return [LOGS]
    return [f"{LOGS}/{path.name}" for path in sorted(logs.iterdir()) if _LOG.fullmatch(path.name) and not is_log(path)]


def _kind(path: Path) -> str:
    mode = path.lstat().st_mode
    return next((text for is_one, text in _KINDS if is_one(mode)), "a device")


def clear_default_folders(manifest: Path, above: Path) -> None:
    """Retire the reports of a manifest that cannot be read, so that nobody knows its name: where it wrote before.

    Args:
        manifest: The manifest, as the user wrote it.
        above: Where runs of several manifests, and those without ``--output``, have their folders.
    """
    for inventory in sorted(above.glob(f"*/{INVENTORY}")):
        if read_inventory(inventory.parent).manifest == str(manifest.absolute()):
            with suppress(ZooError), claimed(inventory.parent):  # what is reported is why the manifest cannot be read
                pass
