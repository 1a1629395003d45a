"""Writing a run's report in all its forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.errors import StageError
from zoo_runner.output.folder import writing
from zoo_runner.output.names import FILES, JUNIT, NAME, PAGE, REPLAY, SARIF, SBOM, SUMMARY
from zoo_runner.output.previous import UNJUDGED, forget
from zoo_runner.output.writing import remove_own, write_file
from zoo_runner.redaction import clean, clean_page
from zoo_runner.report.model import clean_report

if TYPE_CHECKING:
    from zoo_runner.report.model import Report
    from zoo_runner.report.picture import Picture


def write_report(
    folder: Path, report: Report, pictures: Sequence[Picture] = (), language: str = "en", *, sbom: bool = False
) -> Report:
    """Write the report in all its forms, each in one step, and return it as ``report.json`` has it.

    A form that cannot be made does not cost the verdict: it is left out, and ``warnings`` in ``report.json`` say so.

    Args:
        folder: Where to.
        report: What to write.
        pictures: Samples to show in ``report.html``.
        language: Of ``report.html`` and ``summary.md``.
        sbom: Whether to say in ``sbom.cdx.json`` what the run was made of.

    Raises:
        StageError: ``report.json`` cannot be written; then the others are not left either.
    """
    try:
        written = _write_all(folder, clean_report(report), pictures, language, sbom=sbom)
    except BaseException:
        remove_report(folder)
        raise
    if report.verdict.value not in UNJUDGED:
        with writing(folder):
            forget(folder)
    return written


def rewrite_report(
    folder: Path, report: Report, pictures: Sequence[Picture] = (), language: str = "en", *, sbom: bool = False
) -> Report:
    """Put a report with more in it, and the same verdict, in the place of one that is there.

    Where that fails or is interrupted, the one that is there stays.

    Args:
        folder: As of :func:`write_report`, like all others.
        report: What to write.
        pictures: Samples to show in ``report.html``.
        language: Of ``report.html`` and ``summary.md``.
        sbom: Whether to say in ``sbom.cdx.json`` what the run was made of.

    Raises:
        StageError: ``report.json`` cannot be written.
    """
    return _write_all(folder, clean_report(report), pictures, language, sbom=sbom)


def remove_report(folder: Path) -> None:
    """Remove a report that is not to be believed, as far as it can be removed."""
    for name in (*FILES, SBOM, REPLAY):
        with suppress(OSError):  # what is reported is why there is none
            remove_own(folder / name)


def _write_all(folder: Path, report: Report, pictures: Sequence[Picture], language: str, *, sbom: bool) -> Report:
    forms: dict[str, Callable[[], str | bytes]] = {
        PAGE: lambda: _page(report, pictures, language),
        JUNIT: lambda: _junit(report),
        SUMMARY: lambda: _summary(report, folder, language),
        SARIF: lambda: _sarif(report),
    }
    if sbom:
        forms[SBOM] = lambda: _sbom(report)
    failures = [clean(problem) for name, form in forms.items() if (problem := _attempt(folder / name, form))]
    complete = report.model_copy(update={"warnings": (*report.warnings, *failures)}).encodable()
    with writing(folder):
        write_file(folder / NAME, complete.to_json())
    return complete


def _attempt(path: Path, form: Callable[[], str | bytes]) -> str:
    """Write one form; return what went wrong."""
    try:
        write_file(path, form())
    except Exception as error:  # noqa: BLE001 - whatever a renderer stumbles on, the verdict must reach the user
        if isinstance(error, StageError):
            return f"{path.name} could not be written: {error}; report.json has everything"
        return f"{path.name} could not be written ({type(error).__name__}: {error}); report.json has everything"
    return ""


# Each form is loaded when it is written: a broken one costs itself, and not the verdict. All are made from a report
# without secrets: a form that is searched as a whole may lose its own words, such as names of elements.


def _page(report: Report, pictures: Sequence[Picture], language: str) -> str:
    from zoo_runner.report.html import render  # noqa: PLC0415 - loads matplotlib

    return clean_page(render(report.encodable(), [replace(each, id=clean(each.id)) for each in pictures], language))


def _junit(report: Report) -> bytes:
    from zoo_runner.report.junit import junit  # noqa: PLC0415 - see above

    return junit(report)


def _summary(report: Report, folder: Path, language: str) -> str:
    from zoo_runner.report.summary import summary  # noqa: PLC0415 - see above

    return clean(summary(report, folder, language))  # nothing of Markdown is a word


def _sarif(report: Report) -> str:
    from zoo_runner.report.sarif import sarif  # noqa: PLC0415 - see above

    return sarif(report)


def _sbom(report: Report) -> str:
    from zoo_runner.report.sbom import sbom, used_distributions  # noqa: PLC0415 - needs what not everybody installs

    return sbom(report.encodable(), used_distributions(report))
