"""GitHub's workflow commands: findings that its pages show beside the manifest's line.

Syntax: GitHub Docs, "Workflow commands for GitHub Actions". The characters that are escaped, and how, are those of
``actions/toolkit``, ``packages/core/src/command.ts``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from zoo_runner.report.findings import findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo_runner.report.findings import Finding
    from zoo_runner.report.model import Report

GITHUB: Final = "GITHUB_ACTIONS"
"""Is ``true`` where GitHub Actions reads what a step prints."""


def workflow_commands(report: Report) -> Iterator[str]:
    """Yield the lines that GitHub Actions makes annotations of, where that is what runs this; else none."""
    if os.environ.get(GITHUB) == "true":
        yield from map(workflow_command, findings(report))


def workflow_command(finding: Finding) -> str:
    """Write a finding as a line that GitHub Actions makes an annotation of."""
    file, title = _property(finding.path), _property(finding.subject)
    return f"::{finding.level} file={file},line={finding.line},title={title}::{_message(finding.message)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
