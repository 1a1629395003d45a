"""The fixed texts of a zoo's overview; the catalogue has those of other languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from zoo_runner.language.translation import fixed, translated
from zoo_runner.report.model import Verdict
from zoo_runner.report.summary_texts import summary_texts

if TYPE_CHECKING:
    from datetime import datetime

    from zoo_runner.zoo.models import Model

TEXTS: Final = {
    "title": "Models of {folder}",
    "counts": "{holds} of {all} models have a verdict of pass that holds",
    "made": "As of {when} UTC",
    "model": "model",
    "task": "task",
    "expected": "expected",
    "verdict": "last verdict",
    "age": "age",
    "since": "since then",
    "none": "none",
    "same": "nothing changed",
    "ran": "run just now",
    "others": "Not models",
    "errors": "Not readable",
    "exit_code": "Exit code",
    "future": "in the future",
    "days": "{count} d",
    "hours": "{count} h",
    "minutes": "{count} min",
}
"""What other reports say too, it says in the same words."""
COLUMNS: Final = ("model", "task", "expected", "verdict", "age", "since")
_HOUR, _DAY = 3600, 86400


def zoo_texts(language: str) -> Mapping[str, str]:
    """Return the texts in a language."""
    return fixed("zoo", TEXTS, language)


def verdict_text(model: Model, language: str) -> str:
    """Return the verdict in words: that of a manifest that cannot be run is an error."""
    if model.error:
        return summary_texts(language)[Verdict.ERROR.value]
    return zoo_texts(language)["none"] if model.verdict is None else summary_texts(language)[model.verdict.value]


def age_text(model: Model, now: datetime, language: str) -> str:
    """Return how long ago a model got its verdict, in whole days, hours or minutes."""
    if model.started is None or model.error:
        return "-"
    texts, seconds = zoo_texts(language), (now - model.started).total_seconds()
    if model.ran:
        return texts["minutes"].format(count=max(0, int(seconds // 60)))
    if seconds < 0:
        return texts["future"]
    for name, length in (("days", _DAY), ("hours", _HOUR)):
        if seconds >= length:
            return texts[name].format(count=int(seconds // length))
    return texts["minutes"].format(count=int(seconds // 60))


def since_texts(model: Model, language: str) -> tuple[str, ...]:
    """Return what became of a model since its verdict, or why it has none."""
    if model.error:
        return (translated(model.error, language),)
    return tuple(translated(each, language) for each in model.changes) or (
        zoo_texts(language)["ran" if model.ran else "same"],
    )


def holds(model: Model) -> bool:
    """Say whether a model passed, and nothing changed since."""
    return not model.error and model.verdict is Verdict.PASS and not model.changes and not model.code
