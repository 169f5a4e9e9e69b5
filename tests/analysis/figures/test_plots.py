"""`.plot()`: of every result that has figures, and by the code that draws the report's."""

from __future__ import annotations

import ast
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

import seedsweep
from benchmarks.calibration.seen import Seen
from benchmarks.calibration.seen import population as with_streams
from seedsweep import Criterion, InputError, Population, analysis
from seedsweep.analysis import figures
from seedsweep.analysis.figures.plots import drawings
from seedsweep.plotted import Plotted

ROOM = Path(figures.__file__).parent
DRAWN = {name for name in dir(figures) if callable(getattr(figures, name))} - {"save"}

NO_FIGURE_ALONE = {
    "CrossedRuns": "of one scale, drawn by Population.plot and Study.plot",
    "ExtremeCurves": "drawn over the values, by Study.plot",
    "OutcomeShares": "of one scale, drawn by Transience.plot",
    "RiseAndFall": "of one scale, drawn by Transience.plot",
    "OutputDependence": "of one scale, drawn by Inside.plot",
    "EventTimes": "of one scale, drawn by Inside.plot and ChangeEffect.plot",
    "StreamForecast": "of one scale, drawn by Inside.plot",
    "MinimumCapacity": "drawn with the distances, by Study.plot",
    "ScaleDrift": "of one scale, drawn by Study.plot",
    "ScaleSummary": "of one scale, drawn by Population.plot and Study.plot",
}
"""Public classes that figures take and that have none of their own, with what draws them."""


@pytest.fixture(scope="module")
def population() -> Population:
    """With streams, two scales and few seeds."""
    seen = Seen(heads=(1.0, 4.0), outputs=3, shared=0.4, lead=80.0, told=0.9)
    return with_streams(seen.draw(np.random.default_rng(0), 16))


@pytest.fixture(scope="module")
def study(population: Population) -> analysis.Study:
    return analysis.study(population)


def test_every_figure_is_drawn_by_a_plot() -> None:
    """No figure is left that only who knows its arguments can draw."""
    used = {
        node.id
        for path in ROOM.glob("*.py")
        if path.stem == "plots" or path.stem.startswith("of_")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name)
    }
    assert used >= DRAWN


def test_what_a_figure_takes_can_be_plotted() -> None:
    """Of the public classes in the signatures of figures, each has `plot`, or it is said what draws it."""
    named = {
        node.id if isinstance(node, ast.Name) else node.value
        for path in ROOM.glob("*.py")
        for function in ast.parse(path.read_text()).body
        if isinstance(function, ast.FunctionDef) and function.name in DRAWN
        for argument in [*function.args.args, *function.args.kwonlyargs]
        if argument.annotation is not None
        for node in ast.walk(argument.annotation)
        if isinstance(node, (ast.Name, ast.Constant))
    }
    taken = {name for name in named if isinstance(name, str) and name in dir(analysis)}
    assert len(taken) > 10
    without = {name for name in taken if not issubclass(getattr(analysis, name), Plotted)}
    assert without == set(NO_FIGURE_ALONE)


def test_whatever_can_be_plotted_is_known_to_who_draws() -> None:
    known = {cls.__name__ for cls in drawings.registry if cls is not object}
    assert known == {cls.__name__ for cls in _below(Plotted)}


def test_a_population_and_its_study_show_themselves(population: Population, study: analysis.Study) -> None:
    final = population.final(population.criterion.metric)
    assert list(drawings(population)) == ["ladder", "curves"]
    assert _panels(population.plot()) == _panels(study.plot("ladder"))
    assert list(drawings(final)) == ["density"]
    assert len(final.plot().axes) == len(population.scales)
    assert next(iter(drawings(study))) == "every-seed"
    assert study.inside is not None
    assert study.survival is not None
    assert set(drawings(study.inside)) < set(drawings(study))
    assert _panels(study.survival.plot()) == _panels(study.plot("survival"))


@pytest.mark.parametrize("name", ["ladder", None])
def test_scales_at_equal_distances(study: analysis.Study, name: str | None) -> None:
    plain, even = study.plot(name), study.plot(name, categories=True)
    assert [axes.get_xlim() for axes in _axes(plain)] != [axes.get_xlim() for axes in _axes(even)]


def test_the_figures_of_comparisons_forecasts_and_events(tmp_path: Path) -> None:
    def read(late: int) -> Population:
        rows = [
            f"{depth},{run},{step},{float(step > late + run - depth)}"
            for depth in (1, 2, 3, 4)
            for run in range(10)
            for step in range(20)
        ]
        path = tmp_path / f"late-{late}.csv"
        path.write_text("depth,run,step,accuracy\n" + "\n".join(rows))
        return seedsweep.read_table(path, scale="depth", seed="run", metric="accuracy", step="step", threshold=0.5)

    a, b = read(12), read(14)
    found: list[Plotted] = [
        seedsweep.compare(a, b),
        seedsweep.forecast(a, holdout=1),
        analysis.change_effect(a, b),
        analysis.event_by_scale(a),
        analysis.event_survival(a, a.criterion),
        analysis.summarise_survival({1: ([0, 10], [[0.0, 0.9], [0.0, 0.1]])}, threshold=0.5),
        analysis.transience(a),
        analysis.emergence_claims({d: a.final("accuracy").at(d) for d in a.scales}, seeds=2, threshold=0.5),
    ]
    for one in found:
        figure = one.plot()
        assert isinstance(figure, Figure)
        assert _axes(figure)
    assert found[4].plot().axes[0].get_title(loc="left").startswith("seeds not yet at accuracy")


def test_a_name_that_is_none_is_answered_by_the_list(population: Population, study: analysis.Study) -> None:
    with pytest.raises(InputError, match=r"plot\('curve'\): unknown \(did you mean 'curves'\?\); there are lad"):
        population.plot("curve")
    with pytest.raises(InputError, match="every-seed, ladder"):
        study.plot("no such thing")
    empty = analysis.summarise_survival({}, threshold=0.5)
    with pytest.raises(InputError, match="nothing to draw"):
        empty.plot()
    with pytest.raises(TypeError):
        drawings(Criterion("accuracy", "test", 0.5))


def test_a_figure_is_a_picture_without_pyplot(study: analysis.Study) -> None:
    """As IPython asks for it where nobody has said `%matplotlib inline`."""
    figure: Any = study.plot("claims") if study.claims else study.plot()
    content, size = figure._repr_png_()
    picture = Image.open(io.BytesIO(content))
    assert picture.size == (2 * size["width"], 2 * size["height"])
    assert np.ptp(np.asarray(picture.convert("L"))) > 100


def _below(cls: type) -> set[type]:
    direct: list[type] = cls.__subclasses__()
    return {*direct, *(below for sub in direct for below in _below(sub))}


def _axes(figure: Figure) -> list[Axes]:
    """Of its subfigures too."""
    return [artist for artist in figure.findobj(Axes) if isinstance(artist, Axes)]


def _panels(figure: Figure) -> list[tuple[str, int]]:
    """Title of every panel, and how much is drawn in it."""
    return [(axes.get_title(), len(axes.get_children())) for axes in _axes(figure)]
