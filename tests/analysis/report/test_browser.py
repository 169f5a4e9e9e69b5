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
    page.goto(count.write(tmp_path / "page.html").as_uri())
    widths = page.evaluate("[...document.querySelectorAll('.scroll')].map(e => [e.clientWidth, e.scrollWidth])")
    assert max(inner for _, inner in widths) > 375
    assert max(outer for outer, _ in widths) < 375
    context.close()


def test_print_shows_whole_tables(browser: Any, count: Report, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 700, "height": 990})
    page = context.new_page()
    page.emulate_media(media="print")
    page.goto(count.write(tmp_path / "page.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    assert page.pdf(format="A4").startswith(b"%PDF")
    context.close()
