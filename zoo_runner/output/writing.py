"""Writes files and folders of the output folder in one step: whole or not at all.

It follows no links, and replaces only what zoo-run wrote.
"""

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
    """Say whether zoo-run wrote what is at ``path``.

    It did if the inventory lists this content. If the inventory does not have the name, the form of the file decides.
    """
    inventory = read_inventory(path.parent)
    return inventory.lists(path) or (path.name not in inventory.files and looks_own(path))


def is_edited(path: Path) -> bool:
    """Say whether zoo-run wrote what is at ``path``, and somebody has changed it since."""
    inventory = read_inventory(path.parent)
    return path.name in inventory.files and not inventory.lists(path) and looks_own(path)


def require_own(path: Path) -> None:
    """Check that ``path`` is free, or that zoo-run wrote what is there.

    Raises:
        StageError: Something that zoo-run did not write is there.
    """
    if os.path.lexists(path) and not is_own(path):
        raise StageError(
            f"{path}: expected what an earlier run wrote, or nothing, found something that zoo-run did not write; it "
            "was left alone: move it away, or choose another --output"
        )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield an empty file, and put it in the place of ``path`` when the block ends; if the block fails, remove it.

    Raises:
        StageError: Something that zoo-run did not write is at ``path``.
        OSError: It cannot be written.
    """
    require_own(path)
    with new_file(path) as temporary:
        with naming(path):
            yield temporary
        require_own(path)
        sync(temporary)  # otherwise a power failure may leave the new name with an empty file
        marks = expect(path, temporary)
        temporary.replace(path)
    settle(path, marks)


def write_file(path: Path, content: str | bytes) -> None:
    r"""Write a file. Text is UTF-8; a lone surrogate is written as ``\udc..``.

    Raises:
        StageError: Something that zoo-run did not write is at ``path``.
        OSError: It cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace"))


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder, and put it in the place of ``folder`` when the block ends; if the block fails, remove it.

    Raises:
        StageError: Something that zoo-run did not write is at ``folder``.
        OSError: It cannot be written.
    """
    require_own(folder)
    with new_folder(folder) as temporary:
        yield temporary
        put_folder(temporary, folder)


def put_folder(fresh: Path, folder: Path) -> None:
    """Move the folder ``fresh`` to ``folder``, in the place of what an earlier run wrote there.

    Raises:
        StageError: Something that zoo-run did not write is at ``folder``; it stays.
        OSError: The folder cannot be moved.
    """
    require_own(folder)
    os.sync()  # one call for all files: a call for each of thousands would take minutes on a slow disk
    marks = expect(folder, fresh)
    with swapped(fresh, folder):
        settle(folder, marks)


def remove_own(path: Path) -> bool:
    """Remove a file if zoo-run wrote it.

    Returns:
        Whether nothing is at ``path`` now.

    Raises:
        OSError: It cannot be removed.
    """
    if os.path.lexists(path) and not is_own(path):
        return False
    path.unlink(missing_ok=True)
    with suppress(OSError):  # a full disk: an inventory that lists a file that is gone does no harm
        settle(path)
    return True
