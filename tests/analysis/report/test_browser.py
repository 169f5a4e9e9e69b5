"""The page in headless Chromium: quiet, offline, every figure visible, also on a phone and in the dark."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright import sync_api

import seedsweep
from seedsweep.analysis.report import Report, report
from tests.analysis.report.conftest import COUNT

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


def test_a_seed_is_reached_by_the_keyboard(browser: Any, count: Report, tmp_path: Path) -> None:
    """Up and down by value, left and right by scale; read out, seen in every figure, kept and let go."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(count.write(tmp_path / "page.html").as_uri())
    drawing = page.locator("#figure-every-seed .drawing")
    assert drawing.get_attribute("role") == "application"
    assert "Arrow keys" in drawing.get_attribute("aria-description")
    assert page.locator("#seed").get_attribute("aria-live") == "polite"
    while page.evaluate("document.activeElement.className") != "drawing":
        page.keyboard.press("Tab")

    final = seedsweep.load(COUNT).final("exact_match")
    said = re.compile(r"seed (\d+) at depth (\d): (\S+)")

    def press(key: str) -> tuple[int, float, float]:
        page.keyboard.press(key)
        match = said.fullmatch(page.locator("#seed").text_content())
        assert match is not None
        seed, scale, value = int(match[1]), float(match[2]), float(match[3])
        true = final.at(scale)[list(final.seeds_at(scale)).index(seed)]
        assert value == pytest.approx(true, rel=5e-3), "the value of the table"
        return seed, scale, value

    assert press("ArrowUp")[1:] == (1.0, final.at(1).min())
    assert press("ArrowRight")[1:] == (2.0, 0.0)
    values = [press("ArrowUp")[2] for _ in range(63)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(final.at(2).max(), rel=5e-3)
    assert press("ArrowUp")[1:] == (2.0, values[-1]), "the highest of its scale"
    assert press("ArrowDown")[2] <= values[-1]
    assert press("End")[1] == 5.0
    assert press("ArrowRight")[1] == 5.0
    assert press("ArrowLeft")[1] == 3.0
    figures = "[...new Set([...document.querySelectorAll('.hot')].map(e => e.closest('figure').id))].sort()"
    everywhere = ["figure-curves", "figure-every-seed", "figure-extremes", "figure-ladder", "figure-twins"]
    assert page.evaluate(figures) == everywhere

    page.keyboard.press("Tab")
    assert page.locator("#seed").is_hidden()
    page.keyboard.press("Shift+Tab")
    kept = press("End")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.locator("#seed").is_visible()
    assert f"seed {kept[0]} at depth 5" in page.locator("#seed").text_content()
    page.keyboard.press("Escape")
    assert page.locator("#seed").is_hidden()
    assert page.locator(".hot").count() == 0
    context.close()


def some_table(
    folder: Path, scales: Sequence[float], seeds: int, *, unit: float = 1.0, name: str = "depth"
) -> Report:
    """Of seeds that succeed or fail, as often as their scale is far along the ladder."""
    random = np.random.default_rng(len(scales))
    rows = [
        f"{scale},{run},{unit * (0.8 * (random.random() < place / (len(scales) + 1)) + 0.1 * random.random())}"
        for place, scale in enumerate(scales, start=1)
        for run in range(seeds)
    ]
    path = folder / "table.csv"
    path.write_text("\n".join([f"{name},run,accuracy", *rows]))
    return report(seedsweep.read_table(path, scale=name, seed="run", metric="accuracy"))


TABLES: dict[str, dict[str, Any]] = {
    "2 x 5": {"scales": (1, 2), "seeds": 5},
    "one scale": {"scales": (4,), "seeds": 20},
    "12 x 60": {"scales": range(1, 13), "seeds": 60},
    "long name": {"scales": (7e7, 1e9), "seeds": 12, "name": "number_of_non_embedding_parameters_of_the_decoder"},
    "huge": {"scales": (1, 2, 3), "seeds": 12, "unit": 3e9},
    "tiny": {"scales": (1, 2, 3), "seeds": 12, "unit": 3e-7},
}


@pytest.mark.parametrize("kind", TABLES)
def test_every_first_screen_keeps_its_promise(browser: Any, kind: str, tmp_path: Path) -> None:
    """Verdict, figure, three numbers and what would change it, on a desk; verdict and figure on a phone."""
    made = some_table(tmp_path, **TABLES[kind])
    page_of = made.write(tmp_path / "page.html").as_uri()
    for width, height, parts in (
        (1280, 800, (".verdict", "#figure-every-seed svg", "dl.key", ".aside:last-child")),
        (390, 844, (".verdict", "#figure-every-seed svg")),
    ):
        context = browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        page.goto(page_of)
        for part in parts:
            box = page.locator(part).first.bounding_box()
            assert box["y"] + box["height"] <= height, part
        assert page.locator("dl.key div").count() == 3
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # The seeds are spread over the figure, whatever the unit.
        spread = (
            "(() => { const at = [...document.querySelectorAll('#figure-every-seed .seed')]"
            ".map(e => e.getBoundingClientRect().y); return Math.max(...at) - Math.min(...at) })()"
        )
        assert page.evaluate(spread) > 0.3 * page.locator("#figure-every-seed svg").bounding_box()["height"]
        context.close()


def test_paper_shows_no_word_about_clicking(browser: Any, count: Report, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 700, "height": 990})
    page = context.new_page()
    page.goto(count.write(tmp_path / "page.html").as_uri())
    page.emulate_media(media="print")
    assert not any(about.is_visible() for about in page.locator("summary .about").all())
    assert not any(button.is_visible() for button in page.locator("button.larger").all())
    context.close()
