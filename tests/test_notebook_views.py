"""How objects show themselves at a prompt and in a notebook: short, and every name escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from html.parser import HTMLParser
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

import seedsweep
from seedsweep import analysis, formats
from seedsweep.analysis.report import report
from seedsweep.analysis.report.page import Report

COUNT = Path(__file__).parents[1] / "populations" / "count-depth"
EVIL = "<b onclick=x>&"


class Cells(HTMLParser):
    """The texts of a table, row by row; fails on markup that is none of a table."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag in {"table", "caption", "thead", "tbody", "tr", "th", "td"}
        assert not attrs
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """Of a sweep, and of a table with markup in every name."""
    path = tmp_path_factory.mktemp("evil") / f"{EVIL}.csv"
    rows = [f"{depth},{EVIL}{run},{run / 16 if depth == 2 else 0}" for depth in (1, 2) for run in range(12)]
    path.write_text("\n".join([f"{EVIL}depth,{EVIL}run,{EVIL}score", *rows]))
    evil = seedsweep.read_table(path, scale=f"{EVIL}depth", seed=f"{EVIL}run", metric=f"{EVIL}score")
    found = {}
    for name, population in {"count": seedsweep.load(COUNT), "evil": evil}.items():
        made = report(population)
        final = population.final(population.criterion.metric)
        found[name] = [population, final, made.study, made.findings, made]
    return found


@pytest.mark.parametrize("name", ["count", "evil"])
def test_views_are_short_and_escaped(objects: dict[str, list[Any]], name: str) -> None:
    for shown in objects[name]:
        html = shown._repr_html_()
        assert len(html) < 8000, type(shown)
        assert Cells(html).rows
        assert len(repr(shown)) < 400, type(shown)
        assert "\n" not in repr(shown)


@pytest.mark.parametrize("name", ["count", "evil"])
def test_whatever_a_result_holds_is_a_line(objects: dict[str, list[Any]], name: str) -> None:
    """All that can be reached from a population, its study and its report, by their attributes."""
    held: dict[str, Any] = {}
    for shown in objects[name]:
        _collect(shown, held)
    assert len(held) > 20
    for kind, shown in held.items():
        assert len(repr(shown)) < 260, kind
        assert "\n" not in repr(shown), kind


def _collect(shown: Any, held: dict[str, Any]) -> None:
    if isinstance(shown, Mapping):
        shown = tuple(shown.values())
    if isinstance(shown, tuple) and not hasattr(shown, "_fields"):
        for one in shown[:8]:
            _collect(one, held)
    elif is_dataclass(shown) and type(shown).__module__.startswith("seedsweep."):
        held.setdefault(type(shown).__name__, shown)
        for known in fields(shown):
            if known.name != "reader":  # how numbers are got; nobody looks at it
                _collect(getattr(shown, known.name), held)


PLAIN = {"Aim", "Criterion", "Question"}
"""Public dataclasses of a few numbers and words, which show all of these."""


def test_no_public_class_shows_its_values_one_by_one() -> None:
    """As a dataclass does, whose `__repr__` nobody has written: of arrays that is pages."""
    public = {getattr(room, name) for room in (seedsweep, analysis) for name in dir(room)}
    classes = [cls for cls in public if isinstance(cls, type) and is_dataclass(cls)]
    assert len(classes) > 50
    assert {cls.__name__ for cls in classes if hasattr(cls.__repr__, "__wrapped__")} <= PLAIN


def test_what_is_asked_of_a_population_has_rows_and_a_table() -> None:
    """Everything that a public function returns which takes a population, a study or what came of them."""
    asked = {"Population", "Study", "Comparison", "LadderForecast"}
    found = set()
    for name in {*dir(seedsweep), *dir(analysis)}:
        function = getattr(seedsweep, name, None) or getattr(analysis, name)
        if isinstance(function, FunctionType):
            kinds = {key: set(re.findall(r"\w+", str(kind))) for key, kind in function.__annotations__.items()}
            returned = kinds.pop("return", set())
            if asked & set().union(*kinds.values()):
                found |= {kind for kind in returned if hasattr(analysis, kind) or kind == "Report"}
    assert {"Study", "Findings", "SurvivalSummary", "ChangeEffect", "EventTrend", "Inside", "Report"} <= found
    for kind in found - {"Methods"}:  # which is a paragraph
        shown = Report if kind == "Report" else getattr(analysis, kind)
        assert callable(getattr(shown, "to_pandas", None)), kind
        assert callable(getattr(shown, "_repr_html_", None)), kind


@pytest.mark.parametrize("name", ["count", "evil"])
def test_frames_have_a_row_for_each_and_intervals_beside_estimates(
    objects: dict[str, list[Any]], name: str
) -> None:
    population, final, study, findings, made = objects[name]
    frame = study.to_pandas()
    assert frame.index.name == population.scale_name
    assert list(frame.index) == list(population.scales)
    assert frame.equals(made.to_pandas())
    for scale, (_, row) in zip(study.scales, frame.iterrows(), strict=True):
        assert (row.n, row.mean_low, row.mean_high) == (
            scale.summary.n,
            scale.summary.mean.low,
            scale.summary.mean.high,
        )
        assert row["mean"] == scale.summary.mean.estimate
        assert row.p_success == scale.summary.success.rate
    assert list(findings.to_pandas().text)[: len(findings.findings)] == [one.text for one in findings.findings]
    assert final.to_pandas().shape == final.values.shape
    for curves in population.curves(population.criterion.metric).values():
        frame = curves.to_pandas()
        assert (frame.index.name, frame.columns.name) == ("step", "seed")
        assert np.array_equal(frame.to_numpy().T, curves.values, equal_nan=True)
    if study.survival is not None:
        medians = [scale.survival.median.estimate for scale in study.survival.scales]
        assert study.survival.to_pandas()["median"].tolist() == medians
        curve = study.survival.scales[1].survival
        assert curve.to_pandas()["survival"].tolist() == curve.survival.tolist()


def test_frames_of_two_populations_of_what_comes_next_and_of_events(objects: dict[str, list[Any]]) -> None:
    population = objects["count"][0]
    compared = seedsweep.compare(population, population)
    frame = compared.to_pandas()
    assert list(frame.index.unique()) == [one.question for one in compared.questions]
    assert len(frame) == sum(len(one.rows) for one in compared.questions)
    assert frame[frame["model.depth"].isna()].difference.tolist() == [
        one.overall.difference.estimate for one in compared.questions if one.overall is not None
    ]
    forecast = seedsweep.forecast(population, [7, 100], holdout=1)
    frame = forecast.to_pandas()
    assert frame.kind.tolist() == ["held out", "forecast", "forecast"]
    assert frame.p_success.isna().tolist() == [False, False, True]
    assert frame.refused.tolist()[2] == forecast.forecasts[1].refused != ""
    assert forecast.held_out[0].to_pandas().crps.tolist() == [one.crps for one in forecast.held_out[0].scores]
    trend = analysis.event_by_scale(population)
    assert trend.to_pandas().rate.tolist() == [rate.rate for rate in trend.rates]
    effect = analysis.change_effect(population, population)
    assert effect.to_pandas().n.tolist() == [64, 64, 64, 64]
    found = analysis.transience(population)
    assert found.to_pandas().emerged.tolist() == [scale.emerged.rate for scale in found.scales]
    shares = found.scales[1].shares.to_pandas()
    assert np.allclose(shares[["never", "there", "gone", "back"]].sum(axis=1), 1)


def test_a_table_shows_the_numbers_of_its_scales(objects: dict[str, list[Any]]) -> None:
    _, final, study, _, _ = objects["count"]
    columns, *rows = Cells(final._repr_html_()).rows
    assert columns == ["model.depth", "seeds", "lowest", "median", "mean", "highest"]
    for scale, row in zip(final.scales, rows, strict=True):
        assert row[:2] == [formats.scale(scale), "64"]
        assert row[4:] == [formats.number(final.at(scale).mean()), formats.number(final.at(scale).max())]
    assert [row[3] for row in Cells(study._repr_html_()).rows[1:]][1].startswith("42 % (31–54 %)")


def test_splits_that_are_numbered_and_measured_alike_are_one_row() -> None:
    population = seedsweep.load(COUNT.parent / "linear-map-heads")
    rows = {row[0]: row[1] for row in Cells(population._repr_html_()).rows}
    both = "accuracy, attention_coverage, attention_entropy, attention_iou, attention_mass, nll, probability"
    assert sorted(rows["output-0 to output-7"].split(", ")) == both.split(", ")
    assert len(rows) <= 14


def test_names_at_the_top() -> None:
    assert [name for name in dir(seedsweep) if name != "__version__" and name.startswith("_")] == []
    assert {"load", "run", "read_table", "report", "analysis"} <= set(dir(seedsweep))
    assert {"Any", "TYPE_CHECKING"}.isdisjoint(dir(seedsweep))
