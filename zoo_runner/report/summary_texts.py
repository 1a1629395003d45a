"""The fixed texts of ``summary.md``; the catalogue has those of other languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zoo_runner.language.translation import fixed

TEXTS: Final = {
    "pass": "PASS",
    "fail": "FAIL",
    "inconclusive": "INCONCLUSIVE",
    "waived": "waived",
    "not_gated": "not gated",
    "stopped": "STOPPED",
    "error": "ERROR",
    "line": "figure",
    "measured": "measured",
    "expected": "expected",
    "tolerance": "tolerance",
    "ties": "equal scores, in any order",
    "verdict": "verdict",
    "subset": "subset",
    "waivers": "Waivers",
    "until": "until",
    "waiver.used": "in use",
    "waiver.overdue": "overdue",
    "waiver.below_floor": "below its floor",
    "waiver.not_needed": "no longer needed",
    "waiver.not_applicable": "not for this run",
    "attribution": "Stages against their references",
    "compared": "Compared with",
    "was": "its verdict:",
    "warnings": "Warnings",
    "more": "… and {count} more",
    "report": "Full report",
}
"""What ``report.html`` says too, it says in the same words."""


def summary_texts(language: str) -> Mapping[str, str]:
    """Return the texts in a language."""
    return fixed("summary", TEXTS, language)
