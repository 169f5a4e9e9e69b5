"""Survival curves and budgets: what is drawn is what was estimated, and text fits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from seedsweep.analysis import figures, summarise_survival
from tests.analysis.figures.common import misplaced_texts
from tests.analysis.populations import ACCURACY

STEPS = np.concatenate([[0], 2 ** np.arange(8), np.linspace(250, 10_000, 40)])


def ladder_of_curves(scales: int, seeds: int = 64) -> dict[float, Any]:
    random = np.random.default_rng(scales)
    curves = {}
    for i in range(scales):
        onset = random.gamma(3, 12_000 / (i + 1), (seeds, 1))
        curves[1000.0 * 2**i] = (STEPS, 0.95 / (1 + np.exp((onset - STEPS) / 400)))
    return curves


DIVERGED = np.where(STEPS < 3000, 0.1, math.nan) * np.ones((5, 1))
CURVES = {
    "one scale": ladder_of_curves(1),
    "four scales": ladder_of_curves(4),
    "eight scales": ladder_of_curves(8, 250),
    "one seed": ladder_of_curves(3, 1),
    "diverged or missing": {**ladder_of_curves(1), 2000.0: (STEPS, DIVERGED), 4000.0: (STEPS, [])},
    "one evaluation": {1.0: ([500], [[0.1], [0.9]])},
    "different lengths": {**ladder_of_curves(2), 64.0: (STEPS[:30], DIVERGED[:, :30])},
}


def draw_survival(name: str) -> Figure:
    summary = summarise_survival(CURVES[name], threshold=0.5)
    return figures.survival_curves(
        summary, ACCURACY, scale_name="model.parameters", metric_name="minimum_probability (length-15)"
    )


def draw_budget(name: str) -> Figure:
    summary = summarise_survival(CURVES[name], threshold=0.5)
    return figures.budget_sensitivity(summary, scale_name="model.parameters")


@pytest.mark.parametrize("name", CURVES)
def test_survival_curves_are_the_estimates(name: str) -> None:
    figure = draw_survival(name)
    assert misplaced_texts(figure) == []
    panel, table = figure.axes
    summary = summarise_survival(CURVES[name], threshold=0.5)
    with_seeds = [scale for scale in summary.scales if scale.survival.n]
    curves = [line for line in panel.lines if line.get_linestyle() != "None"]
    for line, scale in zip(curves, with_seeds, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), [1.0, *scale.survival.survival])
        np.testing.assert_array_equal(line.get_xdata(), [scale.steps[0], *scale.survival.times])
    censored = [line for line in panel.lines if line.get_linestyle() == "None"]
    for line, scale in zip(censored, with_seeds, strict=True):
        at_end = [scale.steps[-1]] if not scale.times.reached.all() else []
        np.testing.assert_array_equal(line.get_xdata(), at_end)
    texts = np.array(table.texts, dtype=object).reshape(len(summary.scales), -1)
    for scale, row in zip(summary.scales, texts, strict=True):
        observed = [text.get_position()[0] <= scale.steps[-1] for text in row]
        numbers = [int(text.get_text()) for text, seen in zip(row, observed, strict=True) if seen]
        assert numbers == sorted(numbers, reverse=True)
        assert numbers[0] <= scale.survival.n
        assert {text.get_text() for text, seen in zip(row, observed, strict=True) if not seen} <= {"–"}


def test_numbers_are_those_of_the_seeds_that_are_not_there() -> None:
    curves = np.array([[0.0, 0.9, 0.9], [0.0, 0.0, 0.9], [0.0, 0.0, 0.0]])
    summary = summarise_survival({3: ([0, 50, 100], curves)}, threshold=0.5)
    figure = figures.survival_curves(summary, ACCURACY, scale_name="depth", metric_name="accuracy")
    shown = {text.get_position()[0]: int(text.get_text()) for text in figure.axes[1].texts}
    assert (shown[0], shown[60], shown[100]) == (3, 2, 1)


@pytest.mark.parametrize("name", CURVES)
def test_budgets_are_the_success_rates(name: str) -> None:
    figure = draw_budget(name)
    assert misplaced_texts(figure) == []
    summary = summarise_survival(CURVES[name], threshold=0.5)
    with_seeds = [scale for scale in summary.scales if scale.cut_off.n]
    for line, scale in zip(figure.axes[0].lines, with_seeds, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), [rate.rate for rate in scale.success])
        assert str(line.get_label()).endswith(f": {scale.cut_off.verdict}")


def test_nothing_to_draw() -> None:
    empty = summarise_survival({}, threshold=0.5)
    with pytest.raises(ValueError, match="at least one scale"):
        figures.survival_curves(empty, ACCURACY, scale_name="depth", metric_name="accuracy")
    with pytest.raises(ValueError, match="at least one scale"):
        figures.budget_sensitivity(empty, scale_name="depth")
    no_seeds = summarise_survival({1: ([0, 10], [])}, threshold=0.5)
    assert misplaced_texts(figures.budget_sensitivity(no_seeds, scale_name="depth")) == []
