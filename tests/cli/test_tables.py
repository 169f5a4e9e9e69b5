"""How numbers are written."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from seedsweep.cli.tables import duration, plan
from seedsweep.sweep.estimate import Estimate, ScaleEstimate


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


def test_the_largest_plan_fits_80_columns() -> None:
    scales = tuple(
        ScaleEstimate(heads, 1000, 500, 500, 125, 4, 50_700_000, 2.59e19, 2.57e6, 79_500_000_000)
        for heads in (1.0, 16.0)
    )
    estimate = Estimate("/somewhere/runs/x", False, "model.heads", "cpu", 2, scales, 0)
    console = Console(width=80, file=io.StringIO())
    console.print(plan(estimate))
    assert isinstance(console.file, io.StringIO)
    assert "…" not in console.file.getvalue()
