"""Makes a report of every kind, in English and Chinese, and takes pictures of it, for people to look at.

    python tools/pages/run.py --output pages

Each report is opened in Chromium at two widths, light and dark, and printed as PDF. What the terminal says is kept
beside it, at 80 columns. A field of the page whose number is not the one of ``report.json`` is an error, and so is a
part of it that is wider than a phone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from pages.kinds import KINDS, Kind  # noqa: E402 - stands beside this script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

LANGUAGES: Final = ("en", "zh")
WIDTHS: Final = (1280, 390)
SCHEMES: Final = ("light", "dark")
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
COLUMNS: Final = "80"
HEIGHT: Final = 900
FIELDS: Final = "all => all.map(one => [one.dataset.field, one.dataset.value])"
WIDE: Final = """all => all
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
    .filter(one => !one.closest('.scroll, nav, svg, .skip, thead'))
    .map(one => one.outerHTML.slice(0, 80))"""
"""Elements that reach beyond the window, where the reader cannot move them."""


def make(kind: Kind, language: str, output: Path) -> Iterator[str]:
    """Make one report, and yield what is not as it must be."""
    folder = output / kind.name
    folder.mkdir(parents=True, exist_ok=True)
    again = folder / "arguments.json"
    if not again.is_file():
        again.write_text(json.dumps(kind.arguments(folder)))
    command = [sys.executable, "-m", "zoo_runner", *json.loads(again.read_text()), "--lang", language]
    report = folder / language
    # A store of its own keeps these runs out of the user's history.
    own = {**os.environ, "ZOO_RUNNER_CACHE": str(output / "store"), "COLUMNS": COLUMNS, "NO_COLOR": "1"}
    done = subprocess.run(  # noqa: S603 - our own command
        [*command, "--output", str(report)], env=own, capture_output=True, text=True, check=False
    )
    (folder / f"terminal-{language}.txt").write_text(f"{done.stderr}\n{'=' * int(COLUMNS)}\n{done.stdout}")
    if done.returncode != kind.exits:
        yield f"{kind.name}, {language}: exit code {done.returncode} where {kind.exits} was due"
    if not (report / "report.html").is_file():
        yield f"{kind.name}, {language}: no report"


def picture(browser: Browser, report: Path, name: Path) -> Iterator[str]:
    """Take the pictures of one report, and yield what is not as it must be."""
    document = json.loads((report / "report.json").read_text(encoding="utf-8"))
    for width in WIDTHS:
        for scheme in SCHEMES:
            page = browser.new_page(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme)
            page.goto((report / "report.html").as_uri())
            page.screenshot(path=f"{name}-{width}-{scheme}.png", full_page=True)
            yield from (
                f"{name.name}: {width} px: too wide: {each}" for each in page.locator("body *").evaluate_all(WIDE)
            )
            if (width, scheme) == (WIDTHS[0], SCHEMES[0]):
                yield from (f"{name.name}: {each}" for each in other_numbers(page, document))
                page.pdf(path=f"{name}.pdf", format="A4", print_background=True)
            page.close()


def other_numbers(page: Page, document: Any) -> Iterator[str]:
    """Compare the numbers of a page with those of its ``report.json``; yield those that differ."""
    for pointer, value in page.locator("[data-field]").evaluate_all(FIELDS):
        found = document
        for part in pointer.split("/")[1:]:
            found = found[int(part)] if isinstance(found, list) else found[part]
        if json.loads(value) != found:
            yield f"{pointer} is {value} on the page and {found} in report.json"


def pictures(kinds: list[Kind], languages: list[str], output: Path) -> Iterator[str]:
    """Take the pictures of all reports; yield what is not as it must be."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the other half of the script needs no browser

    found = os.environ.get("ZOO_RUNNER_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise SystemExit(
            "no Chromium is installed, and ZOO_RUNNER_CHROMIUM names none: there are reports, and no pictures"
        )
    (output / "pictures").mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for kind in kinds:
            for language in languages:
                report = (output / kind.name / language).resolve()
                yield from picture(browser, report, output / "pictures" / f"{kind.name}-{language}")
        browser.close()


def main() -> int:
    """Make what was asked for; 0 if all of it is as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("zoo-output/pages"), help="folder for reports and pictures")
    parser.add_argument("--only", nargs="+", choices=[kind.name for kind in KINDS], help="only these kinds")
    parser.add_argument("--language", choices=LANGUAGES, help="only this language")
    parser.add_argument("--again", action="store_true", help="take new pictures of the reports that are there")
    options = parser.parse_args()
    kinds = [kind for kind in KINDS if kind.name in (options.only or [kind.name])]
    languages = [language for language in LANGUAGES if language == (options.language or language)]
    output = options.output.resolve()
    problems = list[str]()
    for kind in [] if options.again else kinds:
        for language in languages:
            print(f"{kind.name}, {language}: {kind.says}", flush=True)
            problems += make(kind, language, output)
    problems += pictures(kinds, languages, output)
    for problem in problems:
        print(f"NOT AS IT MUST BE: {problem}", file=sys.stderr)
    print(f"look at {options.output}/pictures")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
