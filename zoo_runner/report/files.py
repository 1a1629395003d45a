"""Writing a run's report in all its forms, and making sure that an old one is never taken for a new one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import StageError, UsageError

if TYPE_CHECKING:
    from zoo_runner.report.model import Report
    from zoo_runner.report.picture import Picture

NAME: Final = "report.json"
"""The report itself. It is written last and removed first: where it is, the others are as well."""
PAGE: Final = "report.html"
JUNIT: Final = "junit.xml"
SUMMARY: Final = "summary.md"
SARIF: Final = "report.sarif"
FILES: Final = (NAME, PAGE, JUNIT, SUMMARY, SARIF)


def keep(baseline: Path | None, folder: Path) -> None:
    """Check that what a run is to be compared with is not in its own folder, where it would be removed.

    Args:
        baseline: Folder or report of an earlier run, if there is one to compare with.
        folder: Where the run writes to.

    Raises:
        UsageError: It is.
    """
    place = baseline.resolve() if baseline else None
    if place and folder.resolve() == (place if place.is_dir() else place.parent):
        raise UsageError(
            f"--baseline {baseline}: expected another folder than --output {folder}, whose report is removed when the "
            "run starts; choose another --output, or copy the baseline first"
        )


def remove_report(folder: Path, baseline: Path | None = None) -> None:
    """Remove the report of an earlier run in all its forms, and what a killed one left of them.

    Args:
        folder: Where it is, if there is one.
        baseline: Folder or report of the run to compare with, which has to stay.

    Raises:
        UsageError: That is the report to remove.
        StageError: It cannot be removed.
    """
    keep(baseline, folder)
    with _writing(folder):
        for name in FILES:
            (folder / name).unlink(missing_ok=True)
            for left in folder.glob(f".{name}.*.tmp"):
                left.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make the output folder, before there are hours of work to lose.

    Raises:
        StageError: It cannot be made.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_report(folder: Path, report: Report, pictures: Sequence[Picture] = (), language: str = "en") -> Path:
    """Write the report in all its forms, each in one step, and return the path of ``report.json``.

    A form that cannot be made does not cost the verdict: it is left out, and ``warnings`` in ``report.json`` say so.

    Args:
        folder: Where to.
        report: What to write.
        pictures: Samples to show in ``report.html``.
        language: Of ``report.html`` and ``summary.md``.

    Raises:
        StageError: ``report.json`` cannot be written; then the others are not left either.
    """
    try:
        return _write_all(folder, report, pictures, language)
    except BaseException:
        for name in FILES:
            with suppress(OSError):  # what is reported is why it could not be written
                (folder / name).unlink(missing_ok=True)
        raise


def _write_all(folder: Path, report: Report, pictures: Sequence[Picture], language: str) -> Path:
    forms: dict[str, Callable[[], str | bytes]] = {
        PAGE: lambda: _page(report, pictures, language),
        JUNIT: lambda: _junit(report),
        SUMMARY: lambda: _summary(report, folder, language),
        SARIF: lambda: _sarif(report),
    }
    failures = [problem for name, form in forms.items() if (problem := _attempt(folder / name, form))]
    complete = report.model_copy(update={"warnings": (*report.warnings, *failures)})
    with _writing(folder):
        _write(folder / NAME, complete.to_json())
    return folder / NAME


def _attempt(path: Path, form: Callable[[], str | bytes]) -> str:
    """Write one form; return what went wrong."""
    try:
        _write(path, form())
    except Exception as error:  # noqa: BLE001 - whatever a renderer stumbles on, the verdict must reach the user
        return f"{path.name} could not be written ({type(error).__name__}: {error}); report.json has everything"
    return ""


# Each form is loaded when it is written: a broken one costs itself, and not the verdict.


def _page(report: Report, pictures: Sequence[Picture], language: str) -> str:
    from zoo_runner.report.html import render  # noqa: PLC0415 - loads matplotlib

    return render(report.encodable(), pictures, language)


def _junit(report: Report) -> bytes:
    from zoo_runner.report.junit import junit  # noqa: PLC0415 - see above

    return junit(report)


def _summary(report: Report, folder: Path, language: str) -> str:
    from zoo_runner.report.summary import summary  # noqa: PLC0415 - see above

    return summary(report, folder, language)


def _sarif(report: Report) -> str:
    from zoo_runner.report.sarif import sarif  # noqa: PLC0415 - see above

    return sarif(report)


def _write(path: Path, content: str | bytes) -> None:
    """Put a file in its place whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace"))
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):  # what is reported is why it could not be written
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"--output {folder}: cannot be written ({error.strerror}); choose another folder"
        raise StageError(msg) from error
