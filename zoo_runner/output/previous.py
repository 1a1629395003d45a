"""What becomes of the last run's report when another run begins: it is marked, or removed, and never believed."""

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
from zoo_runner.output.names import EDITED, FILES, NAME, PAGE, PREVIOUS, SBOM
from zoo_runner.output.writing import is_edited, is_own, remove_own, write_file
from zoo_runner.redaction import clean_page, clean_values

MARK: Final = "PREVIOUS"
NOTICE: Final = "PREVIOUS REPORT: of an earlier run, not of the latest one"
NOTICE_ZH: Final = "旧报告 (PREVIOUS): 属于更早的一次运行, 不是最近一次运行的结论"
UNJUDGED: Final = {"error", "stopped"}
"""Verdicts of reports that do not take the place of one with figures."""
_TITLE: Final = re.compile("<title>")
_BODY: Final = re.compile('<body [^>]*"v-[a-z_]+"[^>]*>')
_STYLE: Final = "margin:0;padding:.8em 1.2em;background:#b3261e;color:#fff;font-weight:bold"


def retire(folder: Path) -> tuple[str, ...]:
    """Leave no file of an earlier report under a name that the next run's report has.

    The report and its page are kept as :data:`~zoo_runner.output.names.PREVIOUS`, marked; those of a run without a
    verdict only where there are no others. A form that somebody changed is kept beside, under a name of its own.
    What zoo-run did not write stays as it is. Nothing is written before the old files are gone: a full disk may cost
    the previous report, and never leaves an old verdict.

    Returns:
        What to tell the user.

    Raises:
        OSError: A file cannot be moved or removed; the others are.
    """
    notes: list[str] = []
    lost = f"{folder}: the report of an earlier run was removed, and could not be kept as {PREVIOUS[NAME]}"
    marked: dict[str, str] = {}
    try:
        marked = _marked(folder)
    except (OSError, MemoryError) as error:
        notes.append(f"{lost} ({error})")
    with ExitStack() as stack:  # each file is tried, whatever becomes of the others
        for name in reversed((*FILES, SBOM)):
            stack.callback(_take_away, folder / name, notes)
    try:
        _keep(folder, marked)
    except (OSError, StageError) as error:
        notes.append(f"{lost} ({error})")
    return tuple(notes)


def forget(folder: Path) -> None:
    """Remove the previous report, now that there is a new verdict.

    Raises:
        OSError: It cannot be removed.
    """
    for name in PREVIOUS.values():
        remove_own(folder / name)


def _worth_keeping(folder: Path) -> bool:
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
    """Read the forms to keep, marked, by their names; empty text where one is not there or has no place for a mark."""
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
    if is_edited(path):
        notes.append(_set_aside(path))
    else:
        remove_own(path)


def _keep(folder: Path, marked: Mapping[str, str]) -> None:
    """Write the forms to keep; older ones go in any case and first, as all have to be of one run."""
    free = [name for name in marked if remove_own(folder / PREVIOUS[name])]  # others are somebody else's
    for name in free:
        if marked[name]:
            write_file(folder / PREVIOUS[name], marked[name])


def _marked_report(text: str) -> str:
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
    """Mark a page in its title and above everything else; empty where it has no place for that."""
    notice = f"{NOTICE_ZH}<br>{NOTICE}" if re.search('<html lang="zh', text[:1000]) else NOTICE
    text, titles = _TITLE.subn(f"<title>{MARK} · ", text, count=1)
    text, bodies = _BODY.subn(lambda body: f'{body[0]}\n<p role="alert" style="{_STYLE}">{notice}</p>', text, count=1)
    return text if titles and bodies else ""


def _set_aside(path: Path) -> str:
    target = path.with_name(path.name + EDITED)
    if os.path.lexists(target):  # whatever it is: edits of a run before are nobody's to remove
        target = next(each for number in range(2, 10**6) if not os.path.lexists(each := Path(f"{target}-{number}")))
    path.replace(target)
    with suppress(OSError):  # then it is not removed another time
        settle(path)
    return f"{path}: was changed after zoo-run wrote it; it is kept as {target.name}"
