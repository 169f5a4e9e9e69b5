"""How numbers are written."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

import seedsweep
from seedsweep.analysis.study.summary import summarise_population
from seedsweep.cli import tables
from seedsweep.cli.tables import plan, status, summary, verification
from seedsweep.formats import duration
from seedsweep.sweep.estimate import CompiledEstimate, Estimate, ScaleEstimate
from seedsweep.sweep.paired import PairedDifference
from seedsweep.sweep.standing import ScaleStatus, SweepStatus
from seedsweep.sweep.verify import ScaleVerification, Verification


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.04, "0.0 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599.6, "1 h 00 min"),
        (47.5 * 3600, "47 h 30 min"),
        (72 * 3600, "3 days"),
        (8.6e8, "27.3 years"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


PLANNED = tuple(
    ScaleEstimate(heads, 1000, 500, 500, 125, 4, 50_700_000, 2.59e19, 2.57e6, 79_500_000_000)
    for heads in (1.0, 16.0)
)
EVERYTHING = ScaleStatus(16.0, 1000, 500, 64, 64, 64, 308, 250, 0.6, 12345.0)


def printed(renderable: RenderableType, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_largest_plan_fits_80_columns() -> None:
    text = printed(plan(Estimate("/somewhere/runs/x", False, "model.heads", "cpu", 2, PLANNED, 0)))
    assert "…" not in text
    assert text.count("heads") == 1


def test_a_status_with_everything_in_it_fits_80_columns() -> None:
    text = printed(status(SweepStatus("/somewhere/runs/x", "x", "model.heads", (EVERYTHING,), (), 0.6, 3600.0)))
    assert text.count("heads") == 1
    assert "…" not in text
    assert "500/1000 (+250)" in text
    assert "about 60 min left" in text


COUNT = Path(__file__).parents[2] / "populations" / "count-depth"
WIDE = [
    plan(Estimate("/somewhere/runs/x", False, "model.heads", "cpu", 2, PLANNED, 0)),
    status(SweepStatus("/somewhere/runs/x", "x", "model.heads", (EVERYTHING,), (), 0.6, 3600.0)),
    summary(summarise_population(seedsweep.load(COUNT))),
]  # fmt: skip


@pytest.mark.parametrize("width", [30, 40, 60, 80])
@pytest.mark.parametrize("table", WIDE, ids=["plan", "status", "summary"])
def test_narrow_terminals_lose_no_number(table: RenderableType, width: int) -> None:
    """What a terminal of 200 columns shows in one row stands in several below each other."""
    narrow, wide = printed(table, width), printed(table, 200)
    assert "…" not in narrow
    told = re.compile(r"[\d.]+(?:–[\d.]+)?")
    assert set(told.findall(wide)) <= set(told.findall(narrow)) | set(told.findall(narrow.replace("\n", "")))
    if width >= 40:
        table_lines = [line for line in narrow.splitlines() if "─" in line]
        assert max(map(len, table_lines)) <= width


def test_a_table_that_fits_is_one() -> None:
    def headers(width: int) -> int:
        return len(re.findall(r"^ ?depth\b", printed(WIDE[2], width), flags=re.MULTILINE))

    assert headers(200) == headers(80) == 1
    assert headers(45) >= 2  # the first column stands beside each part


def test_a_run_without_an_estimate_is_not_called_idle() -> None:
    def told(running: int, left: float | None, starting: bool = False, known: str | None = None) -> str:
        scale = ScaleStatus(1.0, 8, 0, running, 0, 0, 8 - running, 0, 0.0, None)
        current = SweepStatus("there", "x", "depth", (scale,), (), 0.02, left, starting)
        return str(tables.progress(current, known))

    assert told(0, None) == "0 of 8 seeds, 2 % of the work, not running"
    assert told(0, None, starting=True) == "0 of 8 seeds, 2 % of the work, starting workers …"
    assert told(4, None) == "0 of 8 seeds, 2 % of the work, estimating …"
    assert told(4, 290.0) == "0 of 8 seeds, 2 % of the work, about 5 min left"
    assert told(4, 290.0, known="4–6 min left") == "0 of 8 seeds, 2 % of the work, 4–6 min left"


def test_a_verification_on_cuda_says_what_differs_and_what_would_have_been_found() -> None:
    same = PairedDifference(55, -1.234e-6, -2.6e-5, 2.4e-5, 0.0003, 1.0, 6.7e-5, False)
    nobody = PairedDifference(55, 0.0, 0.0, 0.0, 0.0, 1.0, None, False)
    shifted = PairedDifference(55, -0.32, -0.346, -0.294, 0.31, 8e-5, 0.067, True)

    def told(*scales: ScaleVerification) -> str:
        text = printed(verification(Verification("cuda", "first_auxiliary_accuracy", "generalisation", scales)))
        assert "…" not in text
        return " ".join(text.split())

    good = told(ScaleVerification(1000001, 55, 600_000, False, True, 0.0123, 0.5, nobody, same))
    assert "1M 55 600000 bitwise 0.012" in good
    assert "success 0 ± 0 1 – 0" in good
    assert "loss −1.23e-6 ± 2.52e-5 1 6.7e-5 0.0003" in good
    assert "NOT" not in good
    bad = told(ScaleVerification(2, 55, 100, False, False, 0.61, 0.5, shifted, same))
    assert "2 55 100 differs 0.61" in bad
    assert "2 success −0.32 ± 0.026 8e-5 0.067 0.31" in bad
    assert "NOT verified" in bad


def test_a_plan_says_what_compiling_would_make_of_it() -> None:
    known = Estimate("/somewhere/runs/x", False, "model.heads", "cpu", 2, PLANNED, 0)
    faster, alike = (printed(plan(replace(known, compiled=CompiledEstimate(8, 1e6, s)))) for s in (0.412, 0.97))
    assert "with train.compile: true a seed would take 41 % of that, by a trial at heads 8" in faster
    assert "compile" not in alike
