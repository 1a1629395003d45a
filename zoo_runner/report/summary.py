"""``summary.md``: the verdict and its reasons on half a page, for the summary of a CI step or a merge request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from zoo_runner.report.characters import visible
from zoo_runner.report.in_language import in_language
from zoo_runner.report.model import Verdict
from zoo_runner.report.summary_texts import summary_texts
from zoo_runner.report.table import rows, tie_spreads

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_runner.report.model import Report

MARKS: Final = {
    Verdict.PASS: "✅",
    Verdict.FAIL: "❌",
    Verdict.INCONCLUSIVE: "⚠️",
    Verdict.WAIVED: "⏳",
    Verdict.STOPPED: "⏹️",
    Verdict.ERROR: "💥",
    Verdict.NOT_GATED: "",
}
MOST: Final = 20
"""Items of a list that are shown; the report has them all."""
LONGEST: Final = 1000
"""Characters of one item that are shown. With :data:`MOST` it keeps the page far below what CI systems take."""
SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|~&$])")
"""What Markdown may take for markup anywhere in a line."""
LEADING: Final = re.compile(r"^(\d*)([.)](?=\s|$)|(?<!\d)[-+=#])")
"""What it takes for a list or heading at the start of one."""
URL: Final = re.compile(r"(https?://[^\s<>|\\`]*[^\s<>|\\`.,;:)\]}'\"])")


def summary(report: Report, folder: Path | None, language: str = "en") -> str:
    """Write the page.

    Args:
        report: Of one run.
        folder: Where its files are, as the user wrote it; ``None`` if there are none.
        language: ``en`` or ``zh``.
    """
    return "\n\n".join(_blocks(in_language(report, language), folder, summary_texts(language))) + "\n"


def _blocks(report: Report, folder: Path | None, texts: Mapping[str, str]) -> Iterator[str]:
    subset = f" ({texts['subset']} {plain(report.subset)})" if report.subset else ""
    verdict = _verdict(report.verdict, texts)
    yield f"## {verdict} — {plain(report.manifest.name)}{subset}"
    if report.notice:
        yield f"**{plain(report.notice)}**"
    if report.remarks:
        yield "\n".join(f"**{plain(remark)}**" for remark in report.remarks)
    if report.why:
        yield _list(report.why, texts)
    if table := _table(report, texts):
        yield table
    if report.waivers:
        waivers = [
            f"{waiver.line}: {texts[f'waiver.{waiver.state.value}']}, {texts['until']} {waiver.until}, "
            f"{waiver.owner}, {waiver.issue}{f': {waiver.why}' if waiver.why else ''}"
            for waiver in report.waivers
        ]
        yield f"**{texts['waivers']}**\n\n{_list(waivers, texts)}"
    yield from _causes(report, texts)
    if report.warnings:
        yield f"**{texts['warnings']}**\n\n{_list(report.warnings, texts)}"
    if report.environment:
        here = report.environment
        yield plain(f"{here.backend} ({here.backend_version}), {here.chip}")
    if folder:
        yield f"{texts['report']}: {code(str(folder / 'report.html'))}"


def _causes(report: Report, texts: Mapping[str, str]) -> Iterator[str]:
    """Write what explains the verdict: stages that differ from their references, and the comparison."""
    if report.attribution:
        yield f"**{texts['attribution']}**\n\n{_list(report.attribution.findings, texts)}"
    if report.comparison:
        against = report.comparison
        was = texts.get(against.verdict, plain(against.verdict))
        heading = f"**{texts['compared']} {code(against.path)} ({texts['was']} {was})**"
        yield f"{heading}\n\n{_list(against.notes, texts)}" if against.notes else heading


def _table(report: Report, texts: Mapping[str, str]) -> str:
    body = [
        [
            code(row.line, cell=True),
            plain(row.measured),
            plain(row.expected),
            plain(row.tolerance),
            _verdict(row.verdict, texts),
        ]
        for row in rows(report)
    ]
    if not body:
        return ""
    head = [texts[key] for key in ("line", "measured", "expected", "tolerance", "verdict")]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---", "---:", "---:", "---:", "---"], *body))
    ties = tie_spreads(report)
    return f"{table}\n\n{plain(texts['ties'] + ': ' + ', '.join(ties))}" if ties else table


def _verdict(verdict: Verdict, texts: Mapping[str, str]) -> str:
    return f"{MARKS[verdict]} {texts[verdict.value]}".strip()


def _list(items: Sequence[str], texts: Mapping[str, str]) -> str:
    shown = [f"- {plain(item)}" for item in items[:MOST]]
    if len(items) > MOST:
        shown.append(f"- {texts['more'].format(count=len(items) - MOST)}")
    return "\n".join(shown)


def plain(text: str) -> str:
    """Return a text as Markdown that shows it as it stands, on one line and not longer than :data:`LONGEST`."""
    text = visible(" ".join(text.split()))
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]} …"
    parts = URL.split(text)
    escaped = [f"<{part}>" if place % 2 else SPECIAL.sub(r"\\\1", part) for place, part in enumerate(parts)]
    return LEADING.sub(r"\1\\\2", "".join(escaped))


def code(text: str, *, cell: bool = False) -> str:
    """Return a text as Markdown code; in the cell of a table, where bars end cells even in code."""
    text = visible(" ".join(text.split()))
    text = text.replace("|", "\\|") if cell else text
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"
