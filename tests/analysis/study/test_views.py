"""How comparisons and forecasts show themselves: short, and every name escaped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import seedsweep
from tests.analysis.populations import chance, table

EVIL = "<b onclick=x>&"


def test_a_comparison(tmp_path: Path) -> None:
    population = table(tmp_path, {"accuracy": chance(0.2, 0.6, seeds=12)})
    found = seedsweep.compare(replace(population, name=EVIL), population)
    assert repr(found) == f"<Comparison of {EVIL} and known in accuracy: depth 1 and 2>"
    shown = found._repr_html_()
    assert "<b" not in shown
    assert shown.count("<tr>") == 4
    assert shown.count("<th>P(success)</th>") == 1


def test_a_forecast(tmp_path: Path) -> None:
    population = table(tmp_path, {"accuracy": chance(0.1, 0.3, 0.5, 0.7, seeds=40)})
    found = seedsweep.forecast(replace(population, name=EVIL), to=[5, 50], holdout=1)
    assert repr(found) == f"<LadderForecast of depth 5 and 50 from 160 seeds of {EVIL}, accuracy>"
    shown = found._repr_html_()
    assert "<b" not in shown
    assert "it is too far" in shown
    assert shown.count("<tr>") == 4
