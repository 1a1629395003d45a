"""What happens to the output folder before a run: it is locked, old reports go, and foreign files stop the run."""

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
from zoo_runner.output.names import FILES, INPUTS, INVENTORY, LOGS, PREDICTIONS, PREVIOUS, REPLAY, RESULTS, SBOM
from zoo_runner.output.previous import retire
from zoo_runner.output.writing import is_own
from zoo_runner.process import is_log

_OTHERS: Final = (INVENTORY, PREDICTIONS, INPUTS, RESULTS, SBOM, REPLAY)
_NAMES: Final = "|".join(map(re.escape, (*FILES, *PREVIOUS.values(), *_OTHERS)))
_LEFTOVER: Final = re.compile(rf"\.(?:{_NAMES})\.\d+\.(?:tmp|old)|\.ais_bench-[a-z0-9_]{{8}}")
"""Names of the temporary files and folders that a killed run leaves."""
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
    """Lock the output folder for a run, and retire the report of an earlier run; a folder that is absent stays so.

    Args:
        folder: The output folder.
        names: What the run writes there beside the report.
        baseline: Folder or report of the run to compare with; it must stay.

    Yields:
        Warnings for the user.

    Raises:
        UsageError: The baseline is the report to remove, or files that zoo-run did not write have those names.
        PrerequisiteError: Another run writes to the folder.
        StageError: The folder cannot be written to.
    """
    require_baseline_elsewhere(baseline, folder)
    with ExitStack() as stack:
        with writing(folder):
            notes = _take_over(folder, stack) if _is_there(folder) else ()
        require_no_strangers(folder, (*FILES, *names))
        yield notes


def _take_over(folder: Path, stack: ExitStack) -> tuple[str, ...]:
    """Lock the folder, remove leftovers, and retire the last report; return warnings for the user.

    The last report is retired even if another step fails: nobody may take it for this run's. There is one exception:
    if another run has the lock, nothing is touched. That run has retired the last report, and may be writing its own.
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


def require_baseline_elsewhere(baseline: Path | None, folder: Path) -> None:
    """Check that the baseline is not in the output folder, where the run would remove it.

    Args:
        baseline: Folder or report of the run to compare with; ``None`` if there is none.
        folder: The output folder.

    Raises:
        UsageError: The baseline is in it.
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
    """Check that a run replaces no file or folder that zoo-run did not write.

    Args:
        folder: The output folder.
        names: What the run writes there.

    Raises:
        UsageError: The run would; the error lists the files and folders.
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
    """Turn an :class:`OSError` of the block into an error that names the output folder.

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
    """Remove the temporary files and folders of killed runs."""
    for path in folder.iterdir():
        if _LEFTOVER.fullmatch(path.name):
            if stat.S_ISDIR(path.lstat().st_mode):
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _strange_logs(folder: Path) -> list[str]:
    """Return the names of logs that zoo-run did not write: a run writes its logs early, so this is checked first."""
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
    """Retire the reports of a manifest that cannot be read.

    Its name is not known, and so its output folder is not. The inventories tell where it wrote before.

    Args:
        manifest: Path of the manifest, as the user wrote it.
        above: The folder in which runs without ``--output`` have their folders.
    """
    for inventory in sorted(above.glob(f"*/{INVENTORY}")):
        if read_inventory(inventory.parent).manifest == str(manifest.absolute()):
            with suppress(ZooError), claimed(inventory.parent):  # the user is told why the manifest cannot be read
                pass
