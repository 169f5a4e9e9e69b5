"""`seedsweep forecast`: numbers where the seeds carry them, a line where they do not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import seedsweep
from tests.analysis.populations import around, chance, table, write
from tests.cli.test_results import Commands, command

__all__ = ["command"]  # the fixture

POPULATIONS = Path(__file__).parents[2] / "populations"
COLUMNS = "--scale depth --seed run --metric accuracy --threshold 0.5"


@pytest.fixture
def risen(tmp_path: Path) -> Path:
    """At depth 1 to 5 ever more seeds succeed."""
    return write(tmp_path / "risen.csv", {"accuracy": chance(0.1, 0.3, 0.5, 0.65, 0.75, seeds=60)})


def test_a_forecast_and_what_is_too_far(command: Commands, risen: Path, tmp_path: Path) -> None:
    ended = command(f"forecast risen.csv {COLUMNS} --to 6 60")
    said = " ".join(ended.out.split())
    assert ended.status == 0
    assert "depth 6 P(success) 7" in said
    assert (
        "depth 60 No forecast: it is too far: a ladder of depth 1 to 5 carries a forecast to 11.2 at most" in said
    )
    assert "--holdout says how good forecasts of this ladder have been" in said
    assert (tmp_path / "risen-analysis" / "figures" / "forecast.png").stat().st_size > 10_000


def test_holdout_of_a_sweep(command: Commands, tmp_path: Path) -> None:
    shutil.copytree(POPULATIONS / "count-depth", tmp_path / "count-depth")
    ended = command("forecast count-depth --holdout 1")
    said = " ".join(ended.out.split())
    assert "this forecast 0.14" in said
    assert "one seed per scale, extrapolated 0.30" in said
    assert "and is 88 %, in the interval" in said
    told = json.loads(command("forecast count-depth --holdout 1 --to 7 --json").out)
    ours, *others = told["held_out"][0]["scores"]
    assert all(ours["crps"] < other["crps"] for other in others)
    assert told["held_out"][0]["rests_on"] == [1.0, 2.0, 3.0]
    assert told["forecasts"][0]["found"]["quantiles"]["0.5"]["estimate"] > 0.8
    assert [Path(path).exists() for path in told["figures"]] == [True, True]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "--to : give the depth to forecast, e.g. 10"),
        ("--to 5", "--to 5: a depth beyond the largest, 5, is needed"),
        ("--to six", "--to six: is no number"),
        ("--holdout 3", "--holdout 3: leaves 2 of 5 scales; a forecast needs 3"),
        ("--to 6 --metric loss", "risen.csv: no column 'loss'"),
    ],
)
def test_bad_input_is_one_line(line: str, message: str, command: Commands, risen: Path, tmp_path: Path) -> None:
    columns = COLUMNS if "--metric" not in line else COLUMNS.replace("--metric accuracy", "")
    ended = command(f"forecast risen.csv {columns} {line}")
    assert ended.status == 2
    assert message in ended.err.splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["risen.csv", "runs"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (chance(0.2, 0.5, seeds=40), "a trend is seen over 3 scales or more, and there are 2"),
        (chance(0.5, 0.5, 0.5, 0.5, seeds=40), "no trend is seen along the ladder (Kendall's tau, p = "),
        ({depth: [0.5] * 9 for depth in (1, 2, 3)}, "no trend is seen along the ladder (all values are the same)"),
        (around(0.1, 0.5, 0.9, 0.6, seeds=40), "the trend turns: depth 4 goes back from 3"),
        (chance(0.0, 0.0, 0.0, 0.05, 0.5, seeds=40), "all that could be said of P(success) is "),
    ],
    ids=["two scales", "level", "constant", "turns", "comes at the end"],
)
def test_what_the_seeds_do_not_carry_is_said(values: dict[float, np.ndarray], why: str, tmp_path: Path) -> None:
    found = seedsweep.forecast(table(tmp_path, {"accuracy": values}), to=[max(values) + 1])
    assert found.forecasts[0].found is None
    assert why in found.forecasts[0].refused


def test_a_loss_is_forecast_in_its_own_unit(tmp_path: Path) -> None:
    """The same seeds as accuracy and as loss = 1 − accuracy: the same forecast, turned round."""
    values = chance(0.1, 0.3, 0.5, 0.65, 0.75, seeds=60)
    up = seedsweep.forecast(table(tmp_path, {"accuracy": values}), to=[6]).forecasts[0].found
    turned = {depth: 1 - x for depth, x in values.items()}
    down = seedsweep.forecast(table(tmp_path, {"loss": turned}, higher_is_better=False), to=[6]).forecasts[0].found
    assert up is not None
    assert down is not None
    assert down.success.estimate == pytest.approx(up.success.estimate, abs=0.01)
    assert down.mean.estimate == pytest.approx(1 - up.mean.estimate, abs=0.01)
    assert down.mean.low == pytest.approx(1 - up.mean.high, abs=0.02)
    assert down.quantiles[0.95].estimate == pytest.approx(1 - up.quantiles[0.05].estimate, abs=0.02)
    assert down.given_success.estimate == pytest.approx(1 - up.given_success.estimate, abs=0.01)
    assert (np.diff(down.seeds) >= 0).all()


def test_a_report_has_it_when_asked(command: Commands, risen: Path, tmp_path: Path) -> None:
    ended = command(f"report risen.csv {COLUMNS} --forecast 6 60 --out page.html")
    said = " ".join(ended.out.split())
    assert ended.status == 0
    assert "depth 6 P(success) 7" in said
    assert "depth 60 No forecast: it is too far" in said
    page = (tmp_path / "page.html").read_text()
    assert "What is forecast" in page
    assert "--forecast 6 --forecast 60</pre>" in page
    told = json.loads(command(f"report risen.csv {COLUMNS} --forecast 6 --json --out page.html").out)
    assert [one["scale"] for one in told["forecast"]["forecasts"]] == [6.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--forecast 4", "--forecast 4: a depth beyond the largest, 5, is needed"),
        ("--forecast wide", "--forecast wide: is no number; give scales such as --forecast 12 24"),
        ("7", "7: unexpected; scales stand behind --forecast"),
    ],
)
def test_what_a_report_cannot_forecast_is_one_line(
    options: str, message: str, command: Commands, risen: Path, tmp_path: Path
) -> None:
    ended = command(f"report risen.csv {options} {COLUMNS} --out page.html")
    assert ended.status == 2
    assert ended.err.splitlines()[-1] == f"seedsweep: {message}"
    assert not (tmp_path / "page.html").exists()
