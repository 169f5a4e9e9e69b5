"""The figure of a forecast: what was seen beside what is forecast, and text fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seedsweep
from seedsweep.analysis import figures
from tests.analysis.figures.common import misplaced_texts
from tests.analysis.populations import chance, table

SHARES = (0.1, 0.3, 0.5, 0.65, 0.75)


@pytest.mark.parametrize("times", [1, 25_000])
def test_text_fits(times: int, tmp_path: Path) -> None:
    values = {depth * times: x for depth, x in chance(*SHARES, seeds=60).items()}
    found = seedsweep.forecast(table(tmp_path, {"accuracy": values}), to=[6 * times, 9 * times], holdout=2)
    assert misplaced_texts(figures.ladder_forecast(found)) == []


def test_forecast_and_seen_shares_are_drawn(tmp_path: Path) -> None:
    found = seedsweep.forecast(table(tmp_path, {"accuracy": chance(*SHARES, seeds=60)}), to=[6], holdout=1)
    panel: Any = figures.ladder_forecast(found).axes[1]
    drawn = {
        marker: [float(line.get_ydata()[0]) for line in panel.lines if line.get_marker() == marker]
        for marker in "oD"
    }
    made = found.forecasts[0].found
    assert made is not None
    np.testing.assert_allclose(drawn["o"], [0.1, 0.3, 0.5, 0.65, 0.75])
    assert drawn["D"] == [found.held_out[0].forecast.success.estimate, made.success.estimate]
