"""A zoo's overview: as a table on the screen, as Markdown and as a page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.table import Table

from zoo_runner.errors import UsageError
from zoo_runner.files.new_file import new_file
from zoo_runner.files.regular import require_regular
from zoo_runner.job.journal import STAND_IN_NOTICE
from zoo_runner.language.spoken import said, spoken
from zoo_runner.redaction import clean, clean_page
from zoo_runner.report.html.language import texts as report_texts
from zoo_runner.report.html.render import environment, style
from zoo_runner.report.model import Verdict
from zoo_runner.report.summary import MARKS, code, plain
from zoo_runner.store.durable import sync
from zoo_runner.terminal.console import console, literal
from zoo_runner.terminal.tables import STYLES
from zoo_runner.zoo.texts import COLUMNS, age_text, holds, since_texts, verdict_text, zoo_texts

if TYPE_CHECKING:
    from zoo_runner.zoo.models import Model

MARK: Final = "zoo-run zoo"
"""Stands at the start of both files: what has it may be replaced."""
_LOOKED_AT: Final = 2000
"""Bytes at the start of a file in which the mark is looked for."""
MOST: Final = 5
"""Changes of one model that are shown."""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What is shown.

    Attributes:
        folder: As the user wrote it.
        models: In the order of their files.
        others: Files that are no models, each with the reason.
        errors: What could not be read.
        code: The exit code of the command.
        now: When it was made, in UTC.
        subset: Of the data sets, where the zoo was scored on one.
    """

    folder: str
    models: Sequence[Model]
    others: Sequence[str]
    errors: Sequence[str]
    code: int
    now: datetime
    subset: str | None = None

    @property
    def title(self) -> str:
        """The folder, and the subset where there is one."""
        return f"{self.folder}@{self.subset}" if self.subset else self.folder

    @property
    def notice(self) -> str:
        """What a reader must know before any verdict; usually nothing."""
        return STAND_IN_NOTICE if any(each.stand_in for each in self.models) else ""

    def counts(self, language: str) -> str:
        """Say how many models have a verdict that holds."""
        return zoo_texts(language)["counts"].format(holds=sum(map(holds, self.models)), all=len(self.models))


def show(overview: Overview) -> None:
    """Print the table on standard output."""
    language = spoken()
    words = zoo_texts(language)
    table = Table(box=None, pad_edge=False, show_edge=False)
    for name in COLUMNS:
        table.add_column(words[name], overflow="fold", vertical="top")
    for each in overview.models:
        style_ = _style(each)
        verdict = (
            f"[{style_}]{literal(verdict_text(each, language).lower())}[/]" if style_ else verdict_text(each, language)
        )
        table.add_row(
            literal(each.name),
            literal(each.task or "-"),
            literal("\n".join(each.expected) or "-"),
            verdict,
            age_text(each, overview.now, language),
            literal("\n".join(_shown(since_texts(each, language)))),
        )
    stdout = console()
    stdout.print(table)
    for text in filter(None, (said(overview.notice), overview.counts(language))):
        stdout.print(literal(text), soft_wrap=True)


def _style(model: Model) -> str:
    """Return how a verdict looks: one that does not hold any more is no green one."""
    if model.error:
        return STYLES[Verdict.ERROR]
    if model.verdict is None or (model.changes and model.verdict is Verdict.PASS):
        return "dim"
    return STYLES[model.verdict]


def markdown(overview: Overview, language: str = "en") -> str:
    """Return the overview as Markdown."""
    words = zoo_texts(language)
    head = [words[name] for name in COLUMNS]
    body = [_cells(each, overview.now, language) for each in overview.models]
    rows = "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *body))
    blocks = [
        f"<!-- {MARK} -->",
        f"## {plain(words['title'].format(folder=overview.title))}",
        *([f"**{plain(overview.notice)}**"] if overview.notice else []),
        f"{plain(overview.counts(language))}. {words['exit_code']}: {overview.code}",
        rows,
        *_list(words["errors"], overview.errors),
        *_list(words["others"], overview.others),
        plain(words["made"].format(when=f"{overview.now:%Y-%m-%d %H:%M}")),
    ]
    return clean("\n\n".join(blocks) + "\n")


def _cells(model: Model, now: datetime, language: str) -> list[str]:
    mark = MARKS[Verdict.ERROR] if model.error else MARKS.get(model.verdict, "") if model.verdict else ""
    stale = model.verdict is Verdict.PASS and model.changes
    verdict = f"{'' if stale else mark} {plain(verdict_text(model, language))}".strip()
    return [
        code(model.name, cell=True),
        plain(model.task or "-"),
        _lines(model.expected) or "-",
        verdict,
        age_text(model, now, language),
        _lines(_shown(since_texts(model, language))),
    ]


def _lines(texts: Sequence[str]) -> str:
    """Return texts with their lines below each other, within a cell or an item."""
    return "<br>".join(plain(line) for text in texts for line in text.splitlines() if line.strip())


def _list(title: str, items: Sequence[str]) -> list[str]:
    return [f"**{title}**\n\n" + "\n".join(f"- {_lines([each])}" for each in items)] if items else []


def _shown(texts: Sequence[str]) -> list[str]:
    """Return the first texts, and how many more there are."""
    more = len(texts) - MOST
    return [*texts[:MOST], *([f"… and {more} more"] if more > 0 else [])]


def page(overview: Overview, beside: Path, language: str = "en") -> str:
    """Return the overview as a page that needs no other file.

    Args:
        overview: What to show.
        beside: The folder in which the page will be; reports are linked from there.
        language: One of :data:`~zoo_runner.report.html.language.LANGUAGES`.
    """
    words = zoo_texts(language)
    rows = [
        {
            "name": each.name,
            "path": str(each.path),
            "link": _link(each, beside),
            "task": each.task,
            "expected": each.expected,
            "verdict": (Verdict.ERROR if each.error else each.verdict),
            "stale": bool(each.changes),
            "age": age_text(each, overview.now, language),
            "started": "" if each.started is None else f"{each.started:%Y-%m-%d %H:%M} UTC",
            "since": [line for text in _shown(since_texts(each, language)) for line in text.splitlines()],
        }
        for each in overview.models
    ]
    template = environment(report_texts(language)).get_template("zoo.html.j2")
    made = template.render(
        words=words,
        columns=COLUMNS,
        title=words["title"].format(folder=overview.title),
        counts=overview.counts(language),
        made=words["made"].format(when=f"{overview.now:%Y-%m-%d %H:%M}"),
        overview=overview,
        rows=rows,
        mark=MARK,
        style=style(),
        whole="error" if overview.code in {2, 3} else {0: "pass", 1: "fail"}.get(overview.code, "inconclusive"),
    )
    return clean_page(made)


def _link(model: Model, beside: Path) -> str:
    """Return where a run's page is, from where the overview will be; nothing where there is none."""
    if model.report is None or not (there := model.report.with_name("report.html")).is_file():
        return ""
    return Path(os.path.relpath(there.absolute(), beside.absolute())).as_posix()


def free(path: Path) -> None:
    """See to it that a file can be written, and remove an earlier overview: nobody may take it for the new one.

    Raises:
        UsageError: There is no such folder, or something else is in its place.
    """
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it first")
    if not os.path.lexists(path):
        return
    try:
        require_regular(path)
        with path.open("rb") as file:
            own = MARK.encode() in file.read(_LOOKED_AT)
        if own or not path.stat().st_size:
            path.unlink()
            return
    except OSError as error:
        raise UsageError(f"{path}: expected an earlier overview or nothing: {error.strerror or error}") from None
    raise UsageError(f"{path}: expected an earlier overview or nothing, found something else; move it away")


def write(path: Path, text: str) -> None:
    """Write a file in one step.

    Raises:
        OSError: It cannot be written.
    """
    with new_file(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
        sync(temporary)
        temporary.replace(path)
