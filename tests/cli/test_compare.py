"""`seedsweep compare`: two sweeps, two tables, one of each, and what cannot be compared."""

from __future__ import annotations

import json
import math
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest

import seedsweep
from seedsweep.analysis import comparison_findings
from tests.analysis.populations import as_curves, chance, table, write
from tests.cli.test_results import Commands, command

__all__ = ["command"]  # the fixture

POPULATIONS = Path(__file__).parents[2] / "populations"
COLUMNS = "--scale depth --seed run --metric accuracy --threshold 0.5"


@pytest.fixture
def tables(tmp_path: Path) -> None:
    """At depth 2 half of the seeds succeed in `a` and nine of ten in `b`, which has depth 4 too; with curves."""
    for name, shares in (("a", (0.1, 0.5, 0.95)), ("b", (0.1, 0.9, 0.95, 1.0))):
        ends = chance(*shares, seeds=40)
        begin = np.random.default_rng(5).integers(2, 8, 40) - (name == "b")
        curves = {depth: as_curves(x, begin) for depth, x in ends.items()}
        write(tmp_path / f"{name}.csv", {"accuracy": curves})


def test_two_tables(command: Commands, tables: None, tmp_path: Path) -> None:
    ended = command(f"compare a.csv b.csv {COLUMNS} --step step")
    assert ended.status == 0
    assert "P(success) is higher in B than in A" in ended.out.splitlines()[-3]
    assert "at depth 2 by 40 (" in ended.out
    assert "depth 4 of B is left out: A does not have it" in " ".join(ended.out.split())
    assert "all 120 seeds of A over all scales are in B too, and are compared in pairs" in " ".join(
        ended.out.split()
    )
    assert (tmp_path / "a-b-comparison" / "comparison.png").stat().st_size > 10_000
    assert ended.out.endswith("figure    a-b-comparison/comparison.png\nreport    a-b-comparison/report.html\n")


def test_a_comparison_is_a_page(command: Commands, tables: None, tmp_path: Path) -> None:
    """Which says what was printed, and how to make it again; names are escaped and nothing is asked for."""
    evil = "<b onclick=x>.csv"
    (tmp_path / evil).write_text((tmp_path / "b.csv").read_text())
    line = f"compare a.csv '{evil}' {COLUMNS} --step step --out here"
    told = json.loads(command(f"{line} --json").out)
    assert told["report"] == "here/report.html"
    page = (tmp_path / "here" / "report.html").read_text()
    plain = " ".join(unescape(re.sub(r"</?abbr[^>]*>", "", page)).split())
    assert told["headline"] in plain
    for finding in told["findings"]:
        for sentence in finding["text"].split(". ", 1):
            assert sentence in plain
    for note in told["notes"]:
        assert note in plain
    assert "<b onclick" not in page
    assert f"seedsweep compare a.csv '{evil}' --metric accuracy" in plain
    assert page.count('<table class="numbers">') == len(told["questions"])
    assert re.findall(r'(?:src|href)="(?!#|data:)', page) == []


def test_json_has_every_number(command: Commands, tables: None) -> None:
    told = json.loads(command(f"compare a.csv b.csv {COLUMNS} --step step --json").out)
    assert [one["question"] for one in told["questions"]] == ["P(success)", "mean", "W2", "time"]
    shares = {row["scale"]: row for row in told["questions"][0]["rows"]}
    assert list(shares) == [1.0, 2.0, 3.0, None]
    assert shares[2.0]["difference"]["estimate"] == pytest.approx(0.4)
    assert shares[2.0]["pvalue_holm"] <= 0.05 < shares[1.0]["pvalue_holm"]
    assert told["headline"] == told["findings"][0]["text"]
    assert told["b"]["only"] == [4.0]


def test_two_sweeps_and_a_sweep_with_a_table(command: Commands, tmp_path: Path) -> None:
    sweep = POPULATIONS / "digits"
    ended = command(f"compare {sweep} {sweep} --metric accuracy --threshold 0.3 --out here")
    said = " ".join(ended.out.split())
    assert ended.status == 0
    assert "No difference in P(success) between A and B is seen: B − A over 5 scales is 0 (" in said
    assert "are A and B the same runs?" in said
    population = seedsweep.load(sweep)
    final = population.final("accuracy")
    rows = [
        f"{scale},{seed},{value}"
        for scale in final.scales
        for seed, value in zip(final.seeds_at(scale), final.at(scale), strict=True)
    ]
    (tmp_path / "final.csv").write_text("\n".join(["width,seed,accuracy", *rows]))
    columns = "--scale width --seed seed --metric accuracy --threshold 0.3"
    said = " ".join(command(f"compare {sweep} final.csv {columns}").out.split())
    assert "all 480 seeds of A over all scales are in B too" in said
    assert "no times to success: only final values are known of B" in said


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"compare a.csv none.csv {COLUMNS} --step step", "none.csv: "),
        ("compare a.csv b.csv --scale depth", "a.csv: --seed is missing"),
        (
            f"compare a.csv {POPULATIONS / 'digits'} {COLUMNS} --step step",
            "scales program.width, and a.csv scales depth: the same",
        ),
        (
            f"compare {POPULATIONS / 'digits'} {POPULATIONS / 'count-depth'}",
            "success is exact_match on length-16 ≥ 0.5, and accuracy on test ≥ 0.25 in",
        ),
        ("compare none-a none-b", "none-a: "),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    line: str, message: str, command: Commands, tables: None, tmp_path: Path
) -> None:
    before = sorted(tmp_path.iterdir())
    ended = command(line)
    assert ended.status == 2, ended
    assert ended.err.splitlines()[-1].startswith("seedsweep: ")
    assert message in ended.err
    assert sorted(tmp_path.iterdir()) == before


def test_no_scale_in_common(tmp_path: Path) -> None:
    a, b = (table(tmp_path, {"accuracy": {depth: [0.1, 0.9]}}) for depth in (1, 2))
    with pytest.raises(seedsweep.InputError, match=r"no depth in common with .*: 2, and 1 there"):
        seedsweep.compare(a, b)


def test_a_threshold_that_nobody_gave_is_of_both(tmp_path: Path) -> None:
    a = table(tmp_path, {"accuracy": {1: [0.0, 0.4, 0.5]}}, threshold=None)
    b = table(tmp_path, {"accuracy": {1: [0.0, 0.8, 1.0]}}, threshold=None)
    found = seedsweep.compare(a, b)
    assert (found.criterion.threshold, found.threshold_chosen) == (0.5, True)
    assert any("nobody said what success is" in note for note in comparison_findings(found).notes)


def test_where_all_seeds_succeed_the_headline_is_of_the_mean(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    a, b = (table(tmp_path, {"accuracy": {1: random.normal(level, 0.02, 30)}}) for level in (0.7, 0.8))
    told = comparison_findings(seedsweep.compare(a, b))
    assert told.headline.startswith("The mean of accuracy is higher in B than in A at depth 1")
    assert told.findings[0].text.endswith("nothing varies between seeds.")


def test_a_loss_is_better_where_it_is_lower(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    a, b = (
        table(tmp_path, {"loss": {1: random.normal(level, 0.2, 30)}}, threshold=2.0, higher_is_better=False)
        for level in (2.2, 1.8)
    )
    found = seedsweep.compare(a, b)
    success, mean = found.of("P(success)"), found.of("mean")
    assert success is not None
    assert mean is not None
    assert float(success.main) > 0.4
    assert float(mean.main) == pytest.approx(-0.4, abs=0.2)
    assert not math.isnan(mean.main.difference.low)


def test_seeds_that_end_early_are_told(command: Commands, tables: None, tmp_path: Path) -> None:
    kept = [line for line in (tmp_path / "b.csv").read_text().splitlines() if not line.startswith("2,7,11,")]
    (tmp_path / "b.csv").write_text("\n".join(kept))
    said = " ".join(command(f"compare a.csv b.csv {COLUMNS} --step step").out.split())
    assert "1 seed of B ended before the others of the scale: left out" in said
    assert "119 seeds over all scales are in both and are compared in pairs; 1 of A have no partner" in said
