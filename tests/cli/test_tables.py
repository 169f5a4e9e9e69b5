"""How numbers are written."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, RenderableType

from seedsweep.cli.tables import duration, plan, status, verification
from seedsweep.sweep.estimate import Estimate, ScaleEstimate
from seedsweep.sweep.paired import PairedDifference
from seedsweep.sweep.status import ScaleStatus, SweepStatus
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


def printed(renderable: RenderableType) -> str:
    console = Console(width=80, file=io.StringIO())
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_largest_plan_fits_80_columns() -> None:
    scales = tuple(
        ScaleEstimate(heads, 1000, 500, 500, 125, 4, 50_700_000, 2.59e19, 2.57e6, 79_500_000_000)
        for heads in (1.0, 16.0)
    )
    assert "…" not in printed(plan(Estimate("/somewhere/runs/x", False, "model.heads", "cpu", 2, scales, 0)))


def test_a_status_with_everything_in_it_fits_80_columns() -> None:
    scale = ScaleStatus(16.0, 1000, 500, 64, 64, 64, 308, 250, 0.6, 12345.0)
    text = printed(status(SweepStatus("/somewhere/runs/x", "x", "model.heads", (scale,), (), 0.6, 3600.0)))
    assert "…" not in text
    assert "500/1000 (+250)" in text
    assert "1 h 00 min left" in text


def test_a_verification_on_cuda_says_what_differs_and_what_would_have_been_found() -> None:
    same = PairedDifference(55, -1.234e-6, -2.6e-5, 2.4e-5, 0.0003, 1.0, 6.7e-5, False)
    nobody = PairedDifference(55, 0.0, 0.0, 0.0, 0.0, 1.0, None, False)
    shifted = PairedDifference(55, -0.32, -0.346, -0.294, 0.31, 8e-5, 0.067, True)

    def told(*scales: ScaleVerification) -> str:
        text = printed(verification(Verification("cuda", "first_auxiliary_accuracy", "generalisation", scales)))
        assert "…" not in text
        return " ".join(text.split())

    good = told(ScaleVerification(1000001, 55, 600_000, False, True, 0.0123, 0.5, nobody, same))
    assert "1000001 55 600000 bitwise 0.012" in good
    assert "success 0 ± 0 1 – 0" in good
    assert "loss -1.2e-06 ± 2.5e-05 1 6.7e-05 0.0003" in good
    assert "NOT" not in good
    bad = told(ScaleVerification(2, 55, 100, False, False, 0.61, 0.5, shifted, same))
    assert "2 55 100 differs 0.61" in bad
    assert "2 success -0.32 ± 0.026 8e-05 0.067 0.31" in bad
    assert "NOT verified" in bad
