"""Putting files and folders in their place in one step: whole or not at all, through no link, over nothing strange."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zoo_runner.errors import StageError
from zoo_runner.files.named_errors import naming
from zoo_runner.files.new_file import new_file, new_folder, swapped
from zoo_runner.output.inventory import expect, read_inventory, settle
from zoo_runner.output.recognition import looks_own
from zoo_runner.store.durable import sync


def is_own(path: Path) -> bool:
    """Say whether zoo-run wrote what is at ``path``: it is listed, or looks so in a folder without a list of it."""
    inventory = read_inventory(path.parent)
    return inventory.lists(path) or (path.name not in inventory.files and looks_own(path))


def is_edited(path: Path) -> bool:
    """Say whether zoo-run wrote what is at ``path``, and somebody changed it since."""
    inventory = read_inventory(path.parent)
    return path.name in inventory.files and not inventory.lists(path) and looks_own(path)


def require_own(path: Path) -> None:
    """Check that nothing strange is at ``path``.

    Raises:
        StageError: There is.
    """
    if os.path.lexists(path) and not is_own(path):
        raise StageError(
            f"{path}: expected what an earlier run wrote, or nothing, found something that zoo-run did not write; it "
            "was left alone: move it away, or choose another --output"
        )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give an empty file to fill, and put it in the place of ``path`` when it was filled.

    Raises:
        StageError: At ``path`` is something that zoo-run did not write.
        OSError: It cannot be written.
    """
    require_own(path)
    with new_file(path) as temporary:
        with naming(path):
            yield temporary
        require_own(path)
        sync(temporary)  # else a power failure leaves the new name, and nothing in it
        marks = expect(path, temporary)
        temporary.replace(path)
    settle(path, marks)


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file; text as UTF-8, with what it cannot encode written out.

    Raises:
        StageError: At ``path`` is something that zoo-run did not write.
        OSError: It cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace"))


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder to fill, and put it in the place of ``folder`` when it was filled.

    Raises:
        StageError: At ``folder`` is something that zoo-run did not write.
        OSError: It cannot be written.
    """
    require_own(folder)
    with new_folder(folder) as temporary:
        yield temporary
        put_folder(temporary, folder)


def put_folder(fresh: Path, folder: Path) -> None:
    """Put a folder in the place of another one of zoo-run's.

    Raises:
        StageError: At ``folder`` is something that zoo-run did not write; it stays.
        OSError: It cannot be put there.
    """
    require_own(folder)
    os.sync()  # once for all: thousands of single calls would take minutes on a slow disk
    marks = expect(folder, fresh)
    with swapped(fresh, folder):
        settle(folder, marks)


def remove_own(path: Path) -> bool:
    """Remove a file if zoo-run wrote it; say whether it is gone.

    Raises:
        OSError: It cannot be removed.
    """
    if os.path.lexists(path) and not is_own(path):
        return False
    path.unlink(missing_ok=True)
    with suppress(OSError):  # a full disk; a list that names what is gone makes nothing zoo-run's
        settle(path)
    return True
