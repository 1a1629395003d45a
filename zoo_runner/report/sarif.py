"""``report.sarif``: the findings of a run as SARIF 2.1.0 (OASIS), which code scanning and editors show in place."""

from __future__ import annotations

import hashlib
import json
import os
from importlib import metadata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from zoo_runner.errors import distribution
from zoo_runner.report.findings import RULES, findings

if TYPE_CHECKING:
    from zoo_runner.report.findings import Finding
    from zoo_runner.report.model import Report

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
CHECKOUT: Final = "%SRCROOT%"
"""What relative paths are relative to; readers know where that is."""


def sarif(report: Report) -> str:
    """Write the findings of a run; a run without any gives an empty list, which closes older alerts."""
    tool = {
        "name": "zoo-run",
        "version": metadata.version(distribution()),
        "rules": [_rule(name, text) for name, text in RULES.items()],
    }
    run: dict[str, Any] = {
        "tool": {"driver": tool},
        "automationDetails": {"id": f"zoo-run/{report.manifest.name}/{report.subset or ''}"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, report.manifest.name) for finding in findings(report)],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(name: str, text: str) -> dict[str, Any]:
    level = "warning" if name == "warning" else "error"
    return {
        "id": name,
        "shortDescription": {"text": text},
        "fullDescription": {"text": text},
        "help": {"text": "The run's report.html and report.json say more."},
        "defaultConfiguration": {"level": level},
    }


def _result(finding: Finding, manifest: str) -> dict[str, Any]:
    path = PurePosixPath(finding.path)
    relative = not path.is_absolute()
    uri = quote(os.fsencode(path)) if relative else path.as_uri()
    place = {"artifactLocation": {"uri": uri, **({"uriBaseId": CHECKOUT} if relative else {})}}
    # What an alert is recognised by in the next run: not by the figures in its message.
    identity = "\n".join((manifest, finding.rule, finding.subject, finding.message * (finding.rule == "warning")))
    return {
        "ruleId": finding.rule,
        "ruleIndex": list(RULES).index(finding.rule),
        "level": finding.level,
        "message": {"text": f"{finding.subject}: {finding.message}"},
        "locations": [{"physicalLocation": place | {"region": {"startLine": finding.line}}}],
        "partialFingerprints": {"finding/v1": hashlib.sha256(identity.encode(errors="backslashreplace")).hexdigest()},
    }
