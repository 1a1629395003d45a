"""The report of the last run, when another run begins: it is renamed and marked, or removed.

So nobody takes an old verdict for the verdict of the latest run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from zoo_runner.errors import StageError
from zoo_runner.output.inventory import settle
from zoo_runner.output.names import EDITED, FILES, NAME, PAGE, PREVIOUS, REPLAY, SBOM
from zoo_runner.output.writing import is_edited, is_own, remove_own, write_file
from zoo_runner.redaction import clean_page, clean_values

MARK: Final = "PREVIOUS"
NOTICE: Final = "PREVIOUS REPORT: of an earlier run, not of the latest one"
NOTICE_ZH: Final = "旧报告 (PREVIOUS): 属于更早的一次运行, 不是最近一次运行的结论"
UNJUDGED: Final = {"error", "stopped"}
"""Verdicts of runs that gave no result. Such a report does not replace a previous report that has one."""
_TITLE: Final = re.compile("<title>")
_BODY: Final = re.compile('<body [^>]*"v-[a-z_]+"[^>]*>')
_STYLE: Final = "margin:0;padding:.8em 1.2em;background:#b3261e;color:#fff;font-weight:bold"


def retire(folder: Path) -> tuple[str, ...]:
    """Take the report of an earlier run away, so that no file of it has a name of the next report.

    - ``report.json`` and ``report.html`` are marked and kept under the names in
      :data:`~zoo_runner.output.names.PREVIOUS`. If that run gave no result (:data:`UNJUDGED`), they do not replace a
      report that is kept already.
    - A file that somebody edited is kept under another name.
    - A file that zoo-run did not write stays as it is.

    The old files are removed before anything is written: on a full disk the previous report may be lost, but no old
    verdict stays.

    Returns:
        Notes for the user.

    Raises:
        OSError: A file cannot be moved or removed; the other files are.
    """
    notes: list[str] = []
    lost = f"{folder}: the report of an earlier run was removed, and could not be kept as {PREVIOUS[NAME]}"
    marked: dict[str, str] = {}
    try:
        marked = _marked(folder)
    except (OSError, MemoryError) as error:
        notes.append(f"{lost} ({error})")
    with ExitStack() as stack:  # if one file cannot be removed, the others still are
        for name in reversed((*FILES, SBOM, REPLAY)):
            stack.callback(_take_away, folder / name, notes)
    try:
        _keep(folder, marked)
    except (OSError, StageError) as error:
        notes.append(f"{lost} ({error})")
    return tuple(notes)


def forget(folder: Path) -> None:
    """Remove the previous report, because there is a new one.

    Raises:
        OSError: It cannot be removed.
    """
    for name in PREVIOUS.values():
        remove_own(folder / name)


def _worth_keeping(folder: Path) -> bool:
    """Say whether the report in the folder is kept: it has a result, or no other report is kept."""
    path = folder / NAME
    if not path.is_file() or not is_own(path):
        return False
    judged = _verdict(path) not in UNJUDGED
    return judged or not any(os.path.lexists(folder / name) for name in PREVIOUS.values())


def _verdict(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["verdict"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return "error"


def _marked(folder: Path) -> dict[str, str]:
    """Return the texts to keep, with the mark, by file name; a text is empty if it is absent or cannot be marked."""
    if not _worth_keeping(folder):
        return {}
    marked = dict.fromkeys(PREVIOUS, "")
    for name in PREVIOUS:
        source = folder / name
        if os.path.lexists(source) and is_own(source):
            text = source.read_text(encoding="utf-8", errors="replace")
            marked[name] = _marked_page(clean_page(text)) if name == PAGE else _marked_report(text)
    return marked


def _take_away(path: Path, notes: list[str]) -> None:
    """Remove a file of the report; if somebody edited it, rename it, and add a note."""
    if is_edited(path):
        notes.append(_set_aside(path))
    else:
        remove_own(path)


def _keep(folder: Path, marked: Mapping[str, str]) -> None:
    """Write the marked texts. All older ones are removed first, because both files must be of one run."""
    free = [name for name in marked if remove_own(folder / PREVIOUS[name])]  # under the other names are foreign files
    for name in free:
        if marked[name]:
            write_file(folder / PREVIOUS[name], marked[name])


def _marked_report(text: str) -> str:
    """Put the mark into the notice of ``report.json``; return an empty text if it is not a JSON object."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(content, dict):
        return ""
    content = clean_values(content)
    notice = str(content.get("notice") or "").removeprefix(NOTICE).removeprefix("; ")
    content["notice"] = "; ".join(filter(None, (NOTICE, notice)))
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _marked_page(text: str) -> str:
    """Put the mark into the title and at the top of a page; return an empty text if it has no title or body."""
    notice = f"{NOTICE_ZH}<br>{NOTICE}" if re.search('<html lang="zh', text[:1000]) else NOTICE
    text, titles = _TITLE.subn(f"<title>{MARK} · ", text, count=1)
    text, bodies = _BODY.subn(lambda body: f'{body[0]}\n<p role="alert" style="{_STYLE}">{notice}</p>', text, count=1)
    return text if titles and bodies else ""


def _set_aside(path: Path) -> str:
    """Rename a file that somebody edited to a name that is free; return a note on it."""
    target = path.with_name(path.name + EDITED)
    if os.path.lexists(target):  # edits of an earlier report; they stay, too
        target = next(each for number in range(2, 10**6) if not os.path.lexists(each := Path(f"{target}-{number}")))
    path.replace(target)
    with suppress(OSError):  # a full disk: at worst, the next file of this name is set aside, too
        settle(path)
    return f"{path}: was changed after zoo-run wrote it; it is kept as {target.name}"
