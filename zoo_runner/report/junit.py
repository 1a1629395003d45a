"""``junit.xml``: one test case an expectation, so that CI systems list the verdicts among their tests.

The form is what Jenkins' xUnit plugin calls JUnit 10 and GitLab reads: only attributes that both know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Final

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from zoo_runner.report.model import LineKind, Verdict, WaiverState
from zoo_runner.report.table import grouped, measured, rate_noun

if TYPE_CHECKING:
    from junitparser.junitparser import FinalResult

    from zoo_runner.report.model import Report

RESULTS: Final[dict[Verdict, type[FinalResult]]] = {
    Verdict.FAIL: Failure,
    Verdict.INCONCLUSIVE: Error,
    Verdict.ERROR: Error,
    Verdict.WAIVED: Skipped,
    Verdict.NOT_GATED: Skipped,
    Verdict.STOPPED: Skipped,
}
"""How a verdict is said. An open question is an error: nothing inconclusive is ever green."""
WAIVERS: Final = {
    WaiverState.OVERDUE: Verdict.FAIL,
    WaiverState.BELOW_FLOOR: Verdict.FAIL,
    WaiverState.NOT_NEEDED: Verdict.FAIL,
    WaiverState.NOT_APPLICABLE: Verdict.NOT_GATED,
    WaiverState.USED: Verdict.PASS,
}
STAGES: Final = {
    LineKind.ACCURACY: {"preprocess", "infer", "postprocess", "evaluate"},
    LineKind.THROUGHPUT: {"benchmark"},
}
"""What the time of a line of each kind went into."""
ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""What XML 1.0 (section 2.2) forbids or discourages."""


def junit(report: Report) -> bytes:
    """Write the verdicts as JUnit XML.

    The time of a metric's case is the scoring stages' divided by the number of metrics, that of a timing its share of
    the benchmark's; the suite's is the run's.
    """
    name = report.manifest.name + (f"@{report.subset}" if report.subset else "")
    suite = TestSuite(_legal(name))
    for key, value in _properties(report):
        suite.add_property(key, _legal(value))
    suite.add_testcases(list(_cases(report, name)))
    suite.time = round(report.seconds or sum(stage.seconds for stage in report.stages), 3)
    if report.started:
        suite.timestamp = report.started
    root = JUnitXml("zoo-run")
    root.append(suite)  # type: ignore[no-untyped-call]  # junitparser types some of its methods only
    root.tests, root.failures, root.errors, root.time = suite.tests, suite.failures, suite.errors, suite.time
    written = BytesIO()
    root.write(written)
    return written.getvalue()


def _properties(report: Report) -> Iterator[tuple[str, str]]:
    yield "verdict", report.verdict.value
    yield "manifest", report.manifest.path
    yield "digest", report.manifest.digest
    if report.notice:
        yield "notice", report.notice
    if report.remarks:
        yield "remarks", "; ".join(report.remarks)
    if report.subset:
        yield "subset", report.subset
    if report.metrics:
        first = report.metrics[0]
        yield "scored", f"{first.samples} of {first.dataset_samples} {report.samples_noun}{grouped(first)}"
    if report.environment:
        yield "chip", report.environment.chip
        yield "backend", report.environment.backend
        yield "backend_version", report.environment.backend_version
    if report.comparison:
        yield "baseline", report.comparison.path


def _cases(report: Report, suite: str) -> Iterator[TestCase]:
    shown = set()
    for line in report.lines:
        shown.add(line.verdict)
        text = f"{measured(line, rate_noun(report))}: {line.why or line.verdict.value.replace('_', ' ')}"
        kind = line.kind
        yield _case(f"{suite}.{kind.value}", line.label, line.verdict, text, line.where, seconds=_seconds(report, kind))
    for waiver in report.waivers:
        shown.add(WAIVERS[waiver.state])
        text = f"{waiver.state.value}: {waiver.why or 'nothing more to say'} (until {waiver.until}, {waiver.issue})"
        yield _case(f"{suite}.waivers", waiver.line, WAIVERS[waiver.state], text, waiver.where)
    if report.verdict not in shown | {Verdict.PASS}:
        reasons = "\n".join(report.why) or report.verdict.value
        yield _case(suite, "run", report.verdict, reasons, report.manifest.path)


def _seconds(report: Report, kind: LineKind) -> float:
    """Return a line's share of the time that all lines of its kind took."""
    took = sum(stage.seconds for stage in report.stages if stage.name in STAGES[kind])
    return took / sum(line.kind is kind for line in report.lines)


def _case(suite: str, name: str, verdict: Verdict, text: str, where: str, *, seconds: float = 0.0) -> TestCase:
    case = TestCase(_legal(name), _legal(suite), round(seconds, 3))
    if verdict in RESULTS:
        result = RESULTS[verdict](_legal(text.partition("\n")[0]), verdict.value)
        result.text = _legal(f"{text}\n{where}".strip())
        case.result = result
    else:
        case.system_out = _legal(f"{text}\n{where}".strip())
    return case


def _legal(text: str) -> str:
    """Write out the characters that no XML file may have."""
    return ILLEGAL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
