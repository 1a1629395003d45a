"""A report without figures, for tests of what becomes of reports."""

from __future__ import annotations

from zoo_runner.report.model import ManifestRecord, Report, Verdict


def small_report(verdict: Verdict = Verdict.PASS, why: str = "fine") -> Report:
    manifest = ManifestRecord(name="m", path="m.yaml", files=("m.yaml",), digest="0" * 64)
    return Report(
        verdict=verdict, exit_code=0, why=(why,), manifest=manifest, notice="a notice", started="2024-05-06T07:08:09"
    )
