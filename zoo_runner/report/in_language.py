"""A report as readers of another language see it. ``report.json`` and what machines read stay English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from zoo_runner.language.translation import ENGLISH, translator
from zoo_runner.report.changes import Record

if TYPE_CHECKING:
    from zoo_runner.report.model import Report

SENTENCES: Final = {"why", "notice", "remarks", "warnings", "notes", "note", "findings", "text", "basis", "mistake"}
"""Fields whose texts are sentences, wherever in the report they stand."""


def in_language(report: Report, language: str) -> Report:
    """Return the report with its sentences in a language; names, numbers and commands stay as they are."""
    if language == ENGLISH:
        return report
    return report.model_copy(update=_fields(report, language))


def _fields(record: Record, language: str) -> dict[str, Any]:
    return {
        name: _value(getattr(record, name), language, sentence=name in SENTENCES) for name in type(record).model_fields
    }


def _value(value: Any, language: str, *, sentence: bool) -> Any:
    if isinstance(value, Record):
        return value.model_copy(update=_fields(value, language))
    if isinstance(value, tuple):
        return tuple(_value(each, language, sentence=sentence) for each in value)
    return translator(language)(value) if sentence and isinstance(value, str) else value
