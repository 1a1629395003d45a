"""Makes the pictures of the documentation from the reports of the demo, in Chromium.

    python tools/demo/run.py --output zoo-output/demo
    python tools/demo/figures.py --reports zoo-output/demo

Paths of this clone are written relative to it, so that a picture tells nothing of the machine that it was made on.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT: Final = Path(__file__).resolve().parents[2]
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTH: Final = 1000
RELATIVE: Final = """root => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode())
        walker.currentNode.data = walker.currentNode.data.replaceAll(root + '/', '');
}"""
KIND: Final = "background"
LABEL: Final = "red_disc"
"""What the mistake `class-missing` is looked for by."""
SHOWN: Final = 2
COLOURS: Final = 64


def top(page: Page) -> bytes:
    """Show the top of a report, down to the end of its first table's first line."""
    line = page.locator("#expectations tbody tr").first.bounding_box()
    if line is None:
        raise SystemExit("the report shows no expectation: make it with tools/demo/run.py")
    return page.screenshot(clip={"x": 0, "y": 0, "width": WIDTH, "height": line["y"] + line["height"]}, full_page=True)


def cards(page: Page) -> bytes:
    """Show the first pictures of one kind of error and one class."""
    page.locator(f'.filters button[data-filter="{KIND}"]').click()
    page.locator("#by-class").select_option(LABEL)
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")  # boxes are told from the window's corner
    boxes = [card.bounding_box() for card in page.locator(".card:visible").all()[:SHOWN]]
    found = [box for box in boxes if box is not None]
    if len(found) < SHOWN:
        raise SystemExit(f"the report shows {len(found)} pictures of {KIND} and {LABEL}: expected {SHOWN} or more")
    left, upper = min(box["x"] for box in found), min(box["y"] for box in found)
    right = max(box["x"] + box["width"] for box in found)
    lower = max(box["y"] + box["height"] for box in found)
    clip = {"x": left, "y": upper, "width": right - left, "height": lower - upper}
    return page.screenshot(clip=clip, full_page=True)  # type: ignore[arg-type] # a mapping with these keys


PICTURES: Final = (("nms-0.9", top, "report.png"), ("class-missing", cards, "class-missing.webp"))
"""The mistake, what is shown of its report, and the file."""


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=Path, default=Path("zoo-output/demo"), help="what tools/demo/run.py made")
    parser.add_argument("--images", type=Path, default=ROOT / "docs" / "images", help="folder for the pictures")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - --help needs no browser

    found = os.environ.get("ZOO_RUNNER_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise SystemExit("no Chromium is installed, and ZOO_RUNNER_CHROMIUM names none")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for fault, shown, name in PICTURES:
            page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
            page.goto((options.reports.resolve() / fault / "report.html").as_uri())
            page.evaluate(RELATIVE, str(ROOT))
            # A page has few colours, which makes a small file; a photograph has many, and WebP takes them all.
            picture = Image.open(io.BytesIO(shown(page))).convert("RGB")
            (picture.quantize(COLOURS) if name.endswith(".png") else picture).save(options.images / name, optimize=True)
            print(options.images / name)
        browser.close()


if __name__ == "__main__":
    main()
