"""Whose luck it is: a crossed population's shares are those of its seeds, and the report tells them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.calibration.seen import Seen, population
from seedsweep.analysis import event_times, findings, study, time_shares, variance_shares
from seedsweep.analysis.report.draw import draw
from seedsweep.analysis.report.page import report
from seedsweep.analysis.study.summary import summarise_population
from seedsweep.population import Population

TOPIC = "Initial weights or data?"


@pytest.fixture(scope="module")
def crossed() -> Population:
    """Seven initialisations by seven orders of the data, at two scales."""
    seen = Seen(heads=(1.0, 4.0), shared=0.5)
    return population(seen.draw(np.random.default_rng(0), 49), crossed=True)


def test_shares_are_those_of_the_statistics(crossed: Population) -> None:
    found, criterion = study(crossed), crossed.criterion
    final = crossed.final(criterion.metric, criterion.split)
    curves = crossed.curves(criterion.metric, criterion.split)
    assert found.variance is not None
    assert set(found.variance) == set(final.scales)
    assert found.time_variance
    for row, scale in enumerate(final.scales):
        seeds = final.init_seeds[final.present[row]], final.data_seeds[final.present[row]]
        assert found.variance[scale] == variance_shares(final.at(scale), *seeds)
        if scale in found.time_variance:
            times = event_times(curves[scale].steps, criterion.oriented(curves[scale].values), criterion.least)
            assert found.time_variance[scale] == time_shares(times, *seeds)
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [each["scale"] for each in told["time_variance"]] == list(found.time_variance)


def test_the_report_tells_both_shares_and_shows_every_run(crossed: Population) -> None:
    found = study(crossed)
    assert any("share initial weights and data" in warning for warning in findings(found).warnings)
    (told,) = (finding.text for finding in findings(found).everything if finding.topic == TOPIC)
    times = max(found.time_variance.values(), key=lambda shares: shares.reached)
    assert "Of the variance of the final values at" in told
    assert f"({times.reached} of 49 runs succeeded; the others count as later)" in told
    html = report(crossed).html
    assert html.count("Initial weights or data, and where a run ends") == 2  # beside the figures, and the table
    assert html.count("Initial weights or data, and the time until success") == 2
    assert 'id="figure-crossed"' in html


def test_a_crossed_sweep_has_its_picture_as_a_file(crossed: Population, tmp_path: Path) -> None:
    files = draw(crossed, summarise_population(crossed), tmp_path)
    assert str(tmp_path / "crossed.svg") in files
    assert (tmp_path / "crossed.png").stat().st_size > 0


def test_plain_seeds_have_no_luck_to_share(crossed: Population, monkeypatch: pytest.MonkeyPatch) -> None:
    final = crossed.reader.final

    def plain(*of: str) -> object:
        table = final(*of)
        return replace(table, init_seeds=table.seeds, data_seeds=table.seeds)

    monkeypatch.setattr(crossed.reader, "final", plain)
    found = study(crossed)
    assert (found.variance, found.time_variance) == (None, {})
    assert not any("share initial weights" in note for note in found.summary.notes)
    assert TOPIC not in {finding.topic for finding in findings(found).everything}
    assert 'id="figure-crossed"' not in report(crossed).html
