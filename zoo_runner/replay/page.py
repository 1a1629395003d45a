"""The page of a replay: its steps, a table of its samples, and the pictures of each side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import interrupted
from zoo_runner.plugin.evidence import DiagnosedScore
from zoo_runner.redaction import clean_page
from zoo_runner.report.html.cards import gallery
from zoo_runner.report.html.language import texts
from zoo_runner.report.html.render import environment, style
from zoo_runner.report.model import ManifestRecord, Report, Verdict
from zoo_runner.report.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.plugin.scoring import Scored
    from zoo_runner.replay.restoring import Restored
    from zoo_runner.replay.steps import Replayed
    from zoo_runner.report.html.cards import Card

COLUMNS: Final = ("sample", "chosen", "computed on", "recorded", "here", "again in the run", "differs here")
NO_SCORE: Final = "-"


def rows(restored: Restored, replayed: Replayed) -> list[tuple[str, ...]]:
    """Return the table of samples, a row each."""
    here = _scores(replayed.scored, len(restored.samples))
    return [
        (
            record.id,
            record.chosen,
            _place(record.device, record.row),
            _figure(None if record.score is None else float.fromhex(record.score), record.errors),
            _figure(*here[place]),
            _again(record),
            ", ".join(replayed.differing[place]) or "nothing",
        )
        for place, record in enumerate(restored.file.record.samples)
    ]


def _again(record: Any) -> str:
    moved = (record.again_device, record.again_row) != (record.device, record.row)
    place = f", {_place(record.again_device, record.again_row)}" if record.again_device is not None and moved else ""
    return {"same": "same", "differs": f"another prediction{place}", "unknown": "unknown"}[record.again]


def _place(device: int | None, row: int | None) -> str:
    if device is None:
        return NO_SCORE
    return f"device {device}" if row is None else f"device {device}, row {row}"


def _figure(score: float | None, errors: Any) -> str:
    number = NO_SCORE if score is None else f"{score:.2f}"
    return ", ".join([number, *(f"{kind} {count}" for kind, count in errors.items() if count)])


def _scores(scored: Scored | None, count: int) -> list[tuple[float | None, Any]]:
    if not isinstance(scored, DiagnosedScore):
        return [(None, {})] * count
    return [(each.score, each.errors) for each in scored.diagnose()]


def page(restored: Restored, replayed: Replayed) -> str:
    """Return the page; it needs no other file."""
    record, report, words = restored.file.record, restored.file.report, texts("en")
    template = environment(words).get_template("replay.html.j2")
    environment_ = report.get("environment") or {}
    made = template.render(
        record=record,
        whole="pass" if replayed.same else "fail",
        headline="every step gives what was recorded" if replayed.same else "a step differs",
        facts=(
            ("verdict of the run", report.get("verdict", "")),
            ("started", report.get("started", "")),
            ("computed on", f"{environment_.get('chip', '')} ({environment_.get('backend_version', '')})"),
            ("samples", f"{len(record.samples)} of {record.run_samples}"),
        ),
        notes=[*map(str, report.get("why", ())), *record.notes],
        steps=replayed.steps,
        columns=COLUMNS,
        rows=rows(restored, replayed),
        shown_samples=list(
            zip([each.id for each in record.samples], _cards(restored, replayed, words), strict=True),
        ),
        style=style(),
    )
    return clean_page(made)


def _cards(restored: Restored, replayed: Replayed, words: Any) -> list[list[tuple[str, Card]]]:
    """Return the pictures of each sample, named; none of samples whose files are not kept."""
    versions = (("recorded", replayed.recorded), ("here", replayed.scored), ("baseline", replayed.baseline))
    named = [
        (place, name, picture)
        for place in range(len(restored.samples))
        for name, scored in versions
        if (picture := _picture(restored, scored, place)) is not None
    ]
    empty = Report(
        verdict=Verdict.STOPPED,
        exit_code=0,
        manifest=ManifestRecord(name=restored.file.record.name, path="", files=(), digest=""),
    )
    cards: Sequence[Card] = gallery(empty, [picture for _, _, picture in named], words).cards
    found: list[list[tuple[str, Card]]] = [[] for _ in restored.samples]
    for (place, name, _), card in zip(named, cards, strict=True):
        found[place].append((name, card))
    return found


def _picture(restored: Restored, scored: Scored | None, place: int) -> Picture | None:
    if not isinstance(scored, DiagnosedScore):
        return None
    sample = restored.samples[place]
    try:
        diagnosis = scored.diagnose()[place]
        return Picture(
            id=sample.id,
            index=sample.index,
            score=diagnosis.score,
            errors={kind: count for kind, count in diagnosis.errors.items() if count},
            illustration=scored.illustrate(place),
        )
    except Exception as error:
        if interrupted(error):
            raise
        return None  # its files are not kept, or cannot be drawn here; the table has its figures
