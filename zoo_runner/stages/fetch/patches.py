"""Unified diffs on a folder of code: applied exactly where they say, or refused."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import FetchError, PrerequisiteError, installing, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo_runner.job.foreign_code import Script

NOTHING: Final = "/dev/null"
"""Stands for the file that is not there before, or after."""
_NO_END: Final = "\\"
"""Marks, in a diff, that the line before has no line end."""


def apply_patch(patch: Script, root: Path) -> None:
    """Apply a unified diff, as ``diff -u`` and ``git diff`` write it, to the files below a folder.

    Every line of context must be where the diff says: a patch that fits elsewhere is one of other code.

    Args:
        patch: The diff.
        root: The folder. Names in the diff lose their first part (``a/`` and ``b/``).

    Raises:
        PrerequisiteError: unidiff is not installed.
        FetchError: It is no such diff, does not fit, or leads out of the folder. Files before that one are changed.
    """
    try:
        from unidiff.errors import UnidiffParseError  # noqa: PLC0415 - of an optional extra
        from unidiff.patch import PatchSet  # noqa: PLC0415 - of an optional extra
    except ImportError as error:
        raise PrerequisiteError(f"code.patches needs unidiff: {installing('export')}") from error
    where = f"{patch.where}: {patch.key}: {patch.path}"
    try:
        files = PatchSet(patch.content.decode("utf-8", "surrogateescape"))
    except (UnidiffParseError, ValueError) as error:
        raise FetchError(f"{where}: expected a unified diff, found a damaged one ({shortened(str(error))})") from error
    if not files:
        raise FetchError(f"{where}: expected a unified diff, found nothing that changes a file")
    for file in files:
        _change(file, root, where)


def _change(file: Any, root: Path, where: str) -> None:
    if not len(file) or file.is_binary_file or file.is_rename:
        raise FetchError(f"{where}: expected changed lines of {file.path}, found none; only text can be patched")
    before = None if file.source_file == NOTHING else _inside(file.source_file, root, where)
    after = None if file.target_file == NOTHING else _inside(file.target_file, root, where)
    if before is None and after is not None and after.exists():
        raise FetchError(f"{where}: expected no {file.path}, which it makes, found one")
    if before is not None and not before.is_file():
        raise FetchError(f"{where}: expected the file {file.path}, found none")
    text = "" if before is None else before.read_bytes().decode("utf-8", "surrogateescape")
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)  # diffs know no other line ends
    changed = _applied(lines, file, where)
    if after is None and changed:
        raise FetchError(f"{where}: expected {file.path} to be gone, found lines that it leaves")
    if before is not None and before != after:
        before.unlink()
    if after is not None:
        after.parent.mkdir(parents=True, exist_ok=True)
        after.write_bytes("".join(changed).encode("utf-8", "surrogateescape"))


def _applied(lines: list[str], hunks: Iterable[Any], where: str) -> list[str]:
    """Return lines with hunks applied, each of which must fit exactly."""
    changed: list[str] = []
    taken = 0
    for hunk in hunks:
        start = hunk.source_start - 1 if hunk.source_length else hunk.source_start
        old, new = _sides(hunk)
        if start < taken or lines[start : start + len(old)] != old:
            line, expected, found = _first_difference(old, lines, start)
            raise FetchError(
                f"{where}: does not fit at line {line} of {hunks.path}: expected {expected}, found {found}; "  # type: ignore[attr-defined] # a PatchedFile
                "make the patch anew for this commit"
            )
        changed += [*lines[taken:start], *new]
        taken = start + len(old)
    return changed + lines[taken:]


def _first_difference(old: list[str], lines: list[str], start: int) -> tuple[int, str, str]:
    """Return the number of the first line that is another one, what a hunk has there, and what the file has."""
    there = lines[start : start + len(old)]
    place = next((i for i, pair in enumerate(zip_longest(old, there)) if pair[0] != pair[1]), 0)
    texts = [repr(shortened(each[place].strip())) if place < len(each) else "" for each in (old, there)]
    return start + place + 1, texts[0] or "nothing", texts[1] or "the end of the file"


def _sides(hunk: Iterable[Any]) -> tuple[list[str], list[str]]:
    """Return the lines of a hunk before and after, with their ends as the files have them."""
    old: list[str] = []
    new: list[str] = []
    last: list[list[str]] = []
    for line in hunk:
        if line.line_type == _NO_END:
            for side in last:
                side[-1] = side[-1].removesuffix("\n")
            continue
        last = [side for side, kinds in ((old, " -"), (new, " +")) if line.line_type in kinds]
        for side in last:
            side.append(line.value)
    return old, new


def _inside(name: str, root: Path, where: str) -> Path:
    """Return the file of a name in a diff, without its first part."""
    parts = PurePosixPath(name).parts[1:]
    path = root.joinpath(*parts)
    safe = parts and ".." not in parts and not name.startswith("/") and "\\" not in name
    if not safe or not path.resolve().is_relative_to(root.resolve()) or path.is_symlink():
        raise FetchError(f"{where}: expected names of files in the code, such as a/model.py, found {shortened(name)!r}")
    return path
