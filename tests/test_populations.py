"""The shipped populations load, and the numbers in the docs are theirs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seedsweep import load
from seedsweep.analysis.population import summarise_population
from seedsweep.sweep.specfile import read_spec

ROOT = Path(__file__).parent.parent


def test_count_depth_is_the_pocket_preset_and_complete() -> None:
    population = load(ROOT / "populations" / "count-depth")
    spec = read_spec("pocket/count-depth").spec
    assert population.fingerprint == spec.fingerprint()
    assert population.scales == spec.scale.values
    assert population.seeds == tuple(range(48))
    assert population.final("exact_match").present.all()


def test_the_readmes_table_is_that_of_the_population() -> None:
    summary = summarise_population(load(ROOT / "populations" / "count-depth"))
    readme = (ROOT / "README.md").read_text()
    for scale in summary.scales:
        row = re.search(rf"^     {scale.scale:g} +48 .*$", readme, re.MULTILINE)
        assert row is not None
        numbers = [float(number) for number in re.findall(r"\d\.\d+", row[0])]
        expected = [summary.in_distribution[scale.scale].estimate, scale.mean.estimate, scale.mode.estimate]
        expected += [scale.success.rate]
        if scale.mean_given_success is not None:
            expected.append(scale.mean_given_success.estimate)
        expected.append(scale.dip.statistic)
        assert numbers[: len(expected)] == pytest.approx(expected, abs=0.00501)
    page = (ROOT / "docs" / "pocket.md").read_text()
    for scale in summary.scales:
        assert f"{scale.success.successes}/48" in page
