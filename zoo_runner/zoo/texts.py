"""The fixed texts of a zoo's overview, by language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zoo_runner.report.model import Verdict
from zoo_runner.report.summary_texts import TEXTS as VERDICTS

if TYPE_CHECKING:
    from datetime import datetime

    from zoo_runner.zoo.models import Model

TEXTS: Final[dict[str, dict[str, str]]] = {
    "en": {
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
    },
    "zh": {
        "title": "{folder} 中的模型",
        "counts": "{all} 个模型中有 {holds} 个的通过判定仍然有效",
        "made": "截至 {when} UTC",
        "model": "模型",
        "task": "任务",
        "expected": "预期",
        "verdict": "最近判定",
        "age": "距今",
        "since": "此后变化",
        "none": "无",
        "same": "没有变化",
        "ran": "刚刚运行",
        "others": "不是模型的文件",
        "errors": "无法读取的文件",
        "exit_code": "退出码",
        "future": "晚于当前时间",
        "days": "{count} 天",
        "hours": "{count} 小时",
        "minutes": "{count} 分钟",
    },
}
"""All languages have the same keys. What other reports say too, it says in the same words."""
COLUMNS: Final = ("model", "task", "expected", "verdict", "age", "since")
_HOUR, _DAY = 3600, 86400


def verdict_text(model: Model, language: str) -> str:
    """Return the verdict in words: that of a manifest that cannot be run is an error."""
    if model.error:
        return VERDICTS[language][Verdict.ERROR.value]
    return TEXTS[language]["none"] if model.verdict is None else VERDICTS[language][model.verdict.value]


def age_text(model: Model, now: datetime, language: str) -> str:
    """Return how long ago a model got its verdict, in whole days, hours or minutes."""
    if model.started is None or model.error:
        return "-"
    texts, seconds = TEXTS[language], (now - model.started).total_seconds()
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
        return (model.error,)
    return model.changes or (TEXTS[language]["ran" if model.ran else "same"],)


def holds(model: Model) -> bool:
    """Say whether a model passed, and nothing changed since."""
    return not model.error and model.verdict is Verdict.PASS and not model.changes and not model.code
