"""GitHub's workflow commands: findings that its pages show beside the manifest's line.

Syntax: GitHub Docs, "Workflow commands for GitHub Actions". The characters that are escaped, and how, are those of
``actions/toolkit``, ``packages/core/src/command.ts``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo_runner.report.findings import Finding


def workflow_command(finding: Finding) -> str:
    """Write a finding as a line that GitHub Actions makes an annotation of."""
    file, title = _property(finding.path), _property(finding.subject)
    return f"::{finding.level} file={file},line={finding.line},title={title}::{_message(finding.message)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
