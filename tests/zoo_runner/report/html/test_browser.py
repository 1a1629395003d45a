"""The page in a browser, opened from the disk as a reader does."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, Error, Page, ViewportSize, sync_playwright

if TYPE_CHECKING:
    from tests.zoo_runner.report.html.conftest import Pages

pytestmark = pytest.mark.slow  # opens a browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PHONE = ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1280, height=900)
VALUES = "spans => spans.map(span => [span.dataset.field, span.dataset.value])"
SHOWN = "cards => cards.filter(card => card.checkVisibility()).length"
FEW = 6
"""Pictures that a page shows at first."""
WIDE = """all => all
    .filter(each => each.getBoundingClientRect().right > 391 && !each.closest('.scroll, nav, svg, .skip, thead'))
    .map(each => each.outerHTML.slice(0, 80))"""
NARROW = """all => all
    .filter(each => each.scrollWidth > each.clientWidth + 1 && !each.closest('thead') && each.clientWidth)
    .map(each => `${each.scrollWidth} in ${each.clientWidth}: ${each.innerText}`)"""
TALL = "all => all.filter(each => each.getBoundingClientRect().height > 0).length"
BRIGHTNESS = """element => getComputedStyle(element)[%r]
    .match(/\\d+/g).slice(0, 3).map(Number).reduce((sum, part) => sum + part)"""

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = os.environ.get("ZOO_RUNNER_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip("needs Chromium: none is installed, and ZOO_RUNNER_CHROMIUM names none")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"{found} cannot be started: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, pages: Pages, tmp_path: Path) -> Iterator[Open]:
    """Opens a page; afterwards it must have asked for nothing and complained of nothing."""
    requests: list[str] = []
    complaints: list[str] = []
    context = browser.new_context(viewport=DESK)

    def open_page(case: str, language: str = "en", *, size: ViewportSize | None = None, **media: Any) -> Page:
        path = tmp_path / f"{case}-{language}.html"
        path.write_text(pages.html(case, language), encoding="utf-8")
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        if media:
            page.emulate_media(**media)
        if size:
            page.set_viewport_size(size)
        page.goto(path.as_uri())
        return page

    yield open_page
    context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("data:", tmp_path.as_uri()))] == []
    assert len([url for url in requests if url.startswith("file:")]) == 1


@pytest.mark.parametrize("case", ["compared", "many_classes", "not_a_number", "least"])
@pytest.mark.long_rows("many_classes")
def test_numbers_are_those_of_the_report(opened: Open, pages: Pages, case: str) -> None:
    document = json.loads(pages.report(case).model_dump_json())
    shown = opened(case).locator("[data-field]").evaluate_all(VALUES)
    assert shown
    wrong = []
    for pointer, value in shown:
        found: Any = document
        for part in pointer.split("/")[1:]:
            found = found[int(part)] if isinstance(found, list) else found[part]
        if json.loads(value) != found:
            wrong.append(pointer)
    assert wrong == []


def test_the_verdict_is_seen_first(opened: Open) -> None:
    page = opened("compared")
    word, reason = page.locator("h1 .word"), page.locator(".why li").first
    assert word.inner_text() == "Fail"
    top = word.bounding_box()
    assert top is not None
    assert top["y"] < 200
    below = reason.bounding_box()
    assert below is not None
    assert below["y"] + below["height"] < DESK["height"]


def test_pictures_are_there(opened: Open) -> None:
    sizes = (
        opened("compared").locator(".card img").evaluate_all("all => all.map(img => [img.complete, img.naturalWidth])")
    )
    assert sizes == [[True, 320]] * 6


def test_filters_by_mouse(opened: Open) -> None:
    page = opened("compared")
    cards, status = page.locator(".card"), page.get_by_role("status")
    assert status.inner_text() == "6 of 6 samples shown"
    button = page.get_by_role("button", name="duplicate")
    button.click()
    count = cards.evaluate_all(SHOWN)
    assert 0 < count < 6
    assert button.inner_text().split()[-1] == str(count)
    assert status.inner_text() == f"{count} of 6 samples shown"
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator(".card:not([hidden]) .m:not(.faint)").evaluate_all(
        "all => all.every(mark => mark.dataset.kind === 'duplicate')"
    )
    page.get_by_role("combobox", name="Class").select_option("red_box")
    fewer = cards.evaluate_all(SHOWN)
    assert fewer < count
    assert status.inner_text() == f"{fewer} of 6 samples shown"
    page.get_by_role("button", name="All").click()
    page.get_by_role("combobox", name="Class").select_option("All")
    assert cards.evaluate_all(SHOWN) == 6
    assert page.locator(".m.faint").count() == 0


def test_filters_by_keyboard(opened: Open) -> None:
    page = opened("compared")
    page.get_by_role("button", name="All").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.filter") == "missed"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.locator(".card").evaluate_all(SHOWN) < 6
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    assert page.locator(".card").evaluate_all(SHOWN) == 6
    page.get_by_role("combobox", name="Class").focus()
    page.keyboard.press("ArrowDown")
    assert page.get_by_role("combobox", name="Class").input_value() == "blue_box"
    assert page.locator(".m:not(.faint)").evaluate_all("all => all.every(mark => mark.dataset.class === 'blue_box')")


def test_a_click_makes_a_picture_large_and_small_again(opened: Open) -> None:
    page = opened("many_pictures")
    frame = page.locator(".frame").first
    width = "frame => frame.getBoundingClientRect().width"
    before = frame.evaluate(width)
    frame.click()
    assert (frame.get_attribute("aria-expanded"), frame.evaluate(width) > 1.5 * before) == ("true", True)
    frame.press("Enter")
    assert (frame.get_attribute("aria-expanded"), frame.evaluate(width)) == ("false", before)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_a_page_shows_the_first_pictures_and_the_rest_on_demand(opened: Open, size: ViewportSize) -> None:
    page = opened("many_pictures", size=size)
    cards, status = page.locator(".card"), page.get_by_role("status")
    assert cards.evaluate_all(SHOWN) == FEW
    assert status.inner_text() == f"{FEW} of 12 samples shown"
    more = page.get_by_role("button", name="Show all 12")
    more.focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert cards.evaluate_all(SHOWN) == 12
    assert status.inner_text() == "12 of 12 samples shown"
    assert not page.locator(".all-cards").is_visible()
    assert page.evaluate("document.activeElement.id") == cards.nth(FEW).get_attribute("id")


def test_filters_on_a_phone_search_all_pictures(opened: Open) -> None:
    page = opened("many_pictures", size=PHONE)
    button = page.get_by_role("button", name="duplicate")
    button.click()
    found = int(button.inner_text().split()[-1])
    assert found > FEW
    assert page.locator(".card").evaluate_all(SHOWN) == FEW
    page.get_by_role("button", name=f"Show all {found}").click()
    assert page.locator(".card").evaluate_all(SHOWN) == found
    page.get_by_role("combobox", name="Class").select_option("red_box")
    here = "cards => cards.filter(card => card.checkVisibility()).map(card => card.id)"
    shown = page.locator(".card").evaluate_all(here)
    assert 0 < len(shown) < found
    assert set(shown) - {f"sample-{7 * place + 3}" for place in range(FEW)}


def test_a_link_leads_to_a_picture_that_was_not_shown(opened: Open) -> None:
    page = opened("many_pictures", size=PHONE, reduced_motion="reduce")
    last = page.locator(".card").last
    assert not last.is_visible()
    page.evaluate("location.hash = document.querySelector('.card:last-child').id")
    last.wait_for(state="visible")
    assert last.evaluate("card => card.getBoundingClientRect().top < innerHeight")


def test_a_filter_does_not_hide_what_a_link_leads_to(opened: Open) -> None:
    page = opened("compared", size=PHONE)
    hidden = page.locator(".card").nth(5)
    kinds = json.loads(hidden.get_attribute("data-kinds") or "[]")
    other = next(kind for kind in ("missed", "confusion", "duplicate", "background") if kind not in kinds)
    page.locator(f".filters [data-filter={other}]").click()
    assert not hidden.is_visible()
    page.locator(f"#baseline a[href='#{hidden.get_attribute('id')}']").click()
    hidden.wait_for(state="visible")


def test_the_first_key_leads_past_the_contents(opened: Open) -> None:
    page = opened("full")
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to the figures")
    box = link.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "expectations"


@pytest.mark.parametrize(
    ("case", "language"),
    [("compared", "en"), ("compared", "zh"), ("many_classes", "en"), ("least", "en")],
    ids=["compared", "chinese", "many_classes", "least"],
)
def test_a_phone_scrolls_one_way(opened: Open, case: str, language: str) -> None:
    page = opened(case, language, size=PHONE)
    page.locator("details").evaluate_all("all => all.forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert page.locator("main *:not(.hidden)").evaluate_all(WIDE) == []
    sizes = page.locator(".plot text").evaluate_all("all => all.map(text => text.getBoundingClientRect().height)")
    assert min(sizes, default=99) >= 8


@pytest.mark.parametrize("width", [390, 600, 780, 960, 961, 1100, 1280])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_reaches_into_its_neighbour(opened: Open, language: str, width: int) -> None:
    page = opened("compared", language, size=ViewportSize(width=width, height=900))
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator("table.stack th, table.stack td, .totals > div").evaluate_all(NARROW) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_day_and_night(opened: Open, scheme: Any) -> None:
    page = opened("compared", color_scheme=scheme)
    ground = page.locator("body").evaluate(BRIGHTNESS % "backgroundColor")
    ink = page.locator("body").evaluate(BRIGHTNESS % "color")
    letters = page.locator(".plot text").first.evaluate(BRIGHTNESS % "fill")
    assert (ground < 200) == (scheme == "dark")
    assert (ink > 500) == (letters > 400) == (scheme == "dark")


def test_chinese(opened: Open) -> None:
    page = opened("compared", "zh")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    assert page.locator("h1 .word").inner_text() == "未通过"
    assert page.get_by_role("status").inner_text() == "显示 6 / 6 个样本"
    page.get_by_role("button", name="漏检").click()
    assert page.locator(".card").evaluate_all(SHOWN) < 6


def test_on_paper_everything_is_open_and_nothing_is_a_control(opened: Open, tmp_path: Path) -> None:
    page = opened("compared")
    page.emulate_media(media="print", color_scheme="dark")
    visible = "all => all.filter(each => each.checkVisibility({contentVisibilityAuto: true})).length"
    assert page.locator("nav, button, select, legend").evaluate_all(visible) == 0
    for hidden_on_screen in (".card", "details table"):
        parts = page.locator(hidden_on_screen)
        assert parts.evaluate_all(TALL) == parts.count()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
    path = tmp_path / "report.pdf"
    page.pdf(path=path, format="A4")
    assert path.read_bytes().startswith(b"%PDF-")
    assert path.stat().st_size > 50_000


def test_paper_shows_the_pictures_that_the_screen_does(opened: Open) -> None:
    page = opened("many_pictures", size=PHONE)
    for count in (FEW, 12):
        page.emulate_media(media="print")
        page.pdf(format="A4")  # the paper is wider than the phone
        parts, status = page.locator(".card"), page.locator(".status")
        assert parts.evaluate_all(TALL) == count
        assert (status.is_visible(), status.inner_text()) == (True, f"{count} of 12 samples shown")
        page.emulate_media(media="screen")
        if count == FEW:
            page.get_by_role("button", name="Show all").click()
    page.get_by_role("button", name="localisation").click()
    found = page.locator(".card").evaluate_all(SHOWN)
    page.emulate_media(media="print")
    assert 0 < found == page.locator(".card").evaluate_all(TALL) < 12


def test_without_a_script_everything_is_shown(browser: Browser, pages: Pages, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(pages.html("compared"), encoding="utf-8")
    page = browser.new_page(java_script_enabled=False)
    page.goto(path.as_uri())
    assert page.locator(".card:visible").count() == 6
    assert page.locator("form:visible").count() == 0
    page.close()
