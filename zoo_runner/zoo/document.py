"""A zoo's overview for programs: one JSON document, whose keys docs/how-to/zoo.md explains."""

from __future__ import annotations

import json
from datetime import timezone
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.redaction import clean_values
from zoo_runner.zoo.overview import MARK
from zoo_runner.zoo.texts import holds

if TYPE_CHECKING:
    from datetime import datetime

    from zoo_runner.zoo.models import Model
    from zoo_runner.zoo.overview import Overview

SCHEMA: Final = 1
"""Counts changes after which a program that read the document before would not understand it."""


def document(overview: Overview) -> str:
    """Return the overview as JSON. Texts are in English, whatever the language of the pages."""
    whole = {
        "made_by": MARK,
        "schema": SCHEMA,
        "folder": overview.folder,
        "subset": overview.subset,
        "made": _moment(overview.now),
        "exit_code": int(overview.code),
        "holding": sum(map(holds, overview.models)),
        "models": [_model(each) for each in overview.models],
        "others": list(overview.others),
        "errors": list(overview.errors),
    }
    return json.dumps(clean_values(whole), indent=1, ensure_ascii=True) + "\n"


def _model(model: Model) -> dict[str, Any]:
    """Return one model; of a manifest that cannot be run, the error is there and the verdict is not."""
    return {
        "path": str(model.path),
        "name": model.name,
        "task": model.task,
        "expected": list(model.expected),
        "verdict": None if model.error or model.verdict is None else model.verdict.value,
        "holds": holds(model),
        "started": None if model.error or model.started is None else _moment(model.started),
        "report": None if model.report is None else str(model.report),
        "ran": model.ran,
        "stand_in": model.stand_in,
        "changes": list(model.changes),
        "error": model.error or None,
        "exit_code": int(model.code),
    }


def _moment(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds")
