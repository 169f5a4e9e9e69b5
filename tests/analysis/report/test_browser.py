"""The page in headless Chromium: quiet, offline, every figure visible, also on a phone and in the dark."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright import sync_api

from seedsweep.analysis.report import Report

CHROMIUM = os.environ.get("SEEDSWEEP_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
NEEDED = "needs a Chromium: install one or name it in SEEDSWEEP_CHROMIUM"
pytestmark = pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason=NEEDED)

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    assert CHROMIUM is not None, NEEDED  # with CI set nothing is skipped
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture(params=["count", "evil"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    made: Report = request.getfixturevalue(request.param)
    return made.write(tmp_path / "page.html").as_uri()


@pytest.mark.parametrize("width", [1200, 375])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_in_a_browser(browser: Any, file: str, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    context.route("**/*", lambda route: route.continue_() if route.request.url == file else route.abort())
    page.goto(file)
    assert "broken" not in page.title()
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    figures = page.locator("figure svg[role=img]")
    assert figures.count() == page.locator("figure").count() >= 7
    for figure in figures.all():
        assert figure.is_visible()
        box = figure.bounding_box()
        assert box["width"] >= 300
        assert box["height"] >= 100
    paper = "getComputedStyle(document.querySelector('.drawing')).backgroundColor"
    assert page.evaluate(paper) == "rgb(255, 255, 255)"  # the figures are drawn for light paper
    ink, ground = (
        sum(page.evaluate(f"getComputedStyle(document.body).{name}.match(/\\d+/g).slice(0, 3).map(Number)"))
        for name in ("color", "backgroundColor")
    )
    assert (ink < 200 and ground > 700) if scheme == "light" else (ink > 600 and ground < 120)
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [file]
    context.close()


def test_tables_scroll_in_a_box_of_their_own(browser: Any, count: Report, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 800})
    page = context.new_page()
    page.goto(count.write(tmp_path / "page.html").as_uri() + "#tables")
    widths = page.evaluate("[...document.querySelectorAll('.scroll')].map(e => [e.clientWidth, e.scrollWidth])")
    assert max(inner for _, inner in widths) > 375
    assert max(outer for outer, _ in widths) < 375
    context.close()


def test_print_shows_whole_tables(browser: Any, count: Report, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 700, "height": 990})
    page = context.new_page()
    page.goto(count.write(tmp_path / "page.html").as_uri())
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert all(figure.is_visible() for figure in page.locator("figure").all())
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() > 4
    context.close()


def test_the_first_screen_holds_the_verdict_its_figure_and_its_numbers(
    browser: Any, count: Report, tmp_path: Path
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(count.write(tmp_path / "page.html").as_uri())
    for part in (".verdict", "#figure-every-seed svg", "dl.key", ".aside:last-child"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= 800, part
    assert page.locator("dl.key div").count() == 3
    assert page.evaluate("document.documentElement.scrollHeight") < 3 * 800
    context.close()


def test_without_a_script_what_is_folded_opens_and_tables_are_whole(
    browser: Any, count: Report, tmp_path: Path
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, java_script_enabled=False)
    page = context.new_page()
    page.goto(count.write(tmp_path / "page.html").as_uri())
    page.locator("#tables > summary").click()
    assert page.locator("#table-1").is_visible()
    assert page.locator("thead button").count() == 0
    assert page.locator("#seed").is_hidden()
    context.close()


def test_a_link_opens_what_is_folded(browser: Any, count: Report, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(count.write(tmp_path / "page.html").as_uri() + "#figure-curves")
    assert page.locator("#figure-curves").is_visible()
    page.locator("nav a[href='#tables']").click()
    page.locator("#table-2").wait_for(state="visible")
    context.close()


def test_a_click_on_a_header_sorts_and_the_third_puts_back(browser: Any, count: Report, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(count.write(tmp_path / "page.html").as_uri() + "#tables")
    table = page.locator("table.numbers").first
    column = [header.strip() for header in table.locator("thead th").all_inner_texts()].index("mean")

    def shown() -> list[float]:
        cells = table.locator(f"tbody tr > :nth-child({column + 1})").all_inner_texts()
        return [float(cell.partition(" ")[0]) for cell in cells]

    given = shown()
    header = table.locator("thead th").nth(column)
    header.locator("button").click()
    assert (shown(), header.get_attribute("aria-sort")) == (sorted(given), "ascending")
    header.locator("button").focus()
    page.keyboard.press("Enter")
    assert (shown(), header.get_attribute("aria-sort")) == (sorted(given, reverse=True), "descending")
    header.locator("button").click()
    assert (shown(), header.get_attribute("aria-sort")) == (given, None)
    context.close()


@pytest.mark.parametrize("name", ["count", "evil"])
def test_a_seed_shows_in_every_figure(
    browser: Any, name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    made: Report = request.getfixturevalue(name)
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(made.write(tmp_path / "page.html").as_uri() + "#figures")
    dot = page.locator("#figure-every-seed [data-seed='1-3']")
    title = dot.locator("title").text_content()
    dot.hover(force=True)
    figures = "[...new Set([...document.querySelectorAll('.hot')].map(e => e.closest('figure').id))].sort()"
    everywhere = ["figure-curves", "figure-every-seed", "figure-extremes", "figure-ladder", "figure-twins"]
    key = page.evaluate("document.querySelector('.hot').dataset.seed")
    assert page.evaluate(figures) == everywhere
    if key == "1-3":  # dots may lie on each other
        assert page.locator("#seed").text_content() == title
    dot.click(force=True)
    page.mouse.move(5, 5)
    assert page.evaluate(figures) == everywhere
    assert page.locator("#seed").is_visible()
    page.keyboard.press("Escape")
    assert page.locator(".hot").count() == 0
    assert page.locator("#seed").is_hidden()
    assert "broken" not in page.title()
    context.close()


def test_figures_are_whole_on_a_phone_and_can_be_enlarged(browser: Any, count: Report, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(count.write(tmp_path / "page.html").as_uri() + "#figures")
    widths = "[...document.querySelectorAll('.drawing')].map(e => e.scrollWidth - e.clientWidth)"
    assert set(page.evaluate(widths)) == {0}
    button = page.locator("#figure-ladder button.larger")
    button.click()
    assert max(page.evaluate(widths)) > 200
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    button.click()
    assert set(page.evaluate(widths)) == {0}
    context.close()
