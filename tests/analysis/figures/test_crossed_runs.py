"""Every run of a crossed sweep stands in the row and the column of its seeds, the best ones first."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seedsweep.analysis import CrossedRuns, figures
from seedsweep.criterion import Criterion
from tests.analysis.figures.common import misplaced_texts

ACCURACY = Criterion("accuracy", "test", 0.5)
LOSS = Criterion("loss", "test", 0.5, higher_is_better=False)
SIZES = {"four": (2, 2), "square": (12, 12), "wide": (4, 24), "many": (40, 30)}


def drawn_runs(inits: int, datas: int, *, seed: int = 0) -> CrossedRuns:
    """In no order, by initial weights for the most part."""
    random = np.random.default_rng(seed)
    init, data = (seeds.ravel() for seeds in np.indices((inits, datas)))
    values = np.clip(random.random(inits)[init] + random.normal(0, 0.1, init.size), 0, 1)
    order = random.permutation(init.size)
    return CrossedRuns(init[order], data[order], values[order])


def draw(runs: dict[float, CrossedRuns], criterion: Criterion = ACCURACY) -> Figure:
    return figures.crossed_runs(runs, criterion, scale_name="depth", metric_name="accuracy (test)")


def square_of(panel: Axes) -> np.ndarray:
    (image,) = panel.images
    return np.ma.filled(np.ma.asarray(image.get_array(), dtype=float), np.nan)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scales", [1, 2, 5])
def test_text_fits(size: str, scales: int) -> None:
    figure = draw({float(scale): drawn_runs(*SIZES[size], seed=scale) for scale in range(1, scales + 1)})
    assert misplaced_texts(figure) == []


@pytest.mark.parametrize("criterion", [ACCURACY, LOSS], ids=["accuracy", "loss"])
def test_what_is_drawn_are_the_runs(criterion: Criterion) -> None:
    runs = drawn_runs(6, 5)
    panel = draw({1.0: runs}, criterion).axes[0]
    square = square_of(panel)
    rows, columns = ([int(label.get_text()) for label in labels] for labels in (
        panel.get_yticklabels(), panel.get_xticklabels()
    ))  # fmt: skip
    for init, data, value in zip(*runs, strict=True):
        assert square[rows.index(init), columns.index(data)] == value
    for axis in (0, 1):
        medians = criterion.oriented(np.median(square, axis=axis))
        assert (np.diff(medians) <= 0).all()
    dots = np.concatenate([np.asarray(each.get_offsets()) for each in panel.collections])
    assert {(round(y), round(x)) for x, y in dots} == set(
        zip(*np.nonzero(criterion.oriented(square) >= criterion.least), strict=True)
    )


def test_what_is_missing_is_white_and_what_is_alone_is_left_out() -> None:
    runs = CrossedRuns(np.array([0, 0, 1, 7]), np.array([0, 1, 0, 7]), np.array([0.1, np.nan, 0.3, 0.9]))
    square = square_of(draw({1.0: runs}).axes[0])
    assert np.sort(square[~np.isnan(square)]).tolist() == [0.1, 0.3]
    assert square.shape == (2, 2)


def test_no_scale() -> None:
    with pytest.raises(ValueError, match="at least one scale"):
        draw({})
