"""Results as others had them, with the answers worked out by hand: every input of `data/` that once failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedsweep import read_table

DATA = Path(__file__).parent / "data"
MEANS, SUCCESSES, SCALES = (0.38348, 0.61543, 0.73090), (2, 4, 5), (32.0, 64.0, 128.0)

CASES: list[tuple[str, dict[str, Any]]] = [
    ("comment-line/monitor", {"metric": "r", "step": "t"}),
    ("decimal-comma/excel.csv", {}),
    ("hive-csv/hive", {"metric": "val_acc", "step": "step"}),
    ("nested-json/tune.jsonl", {"scale": "config.width", "seed": "config.seed"}),
    ("scale-multiplier/mult.csv", {"scale": "width_mult"}),
    ("tensorboard-csv/tb", {"metric": "Value", "step": "Step"}),
    ("tensorboard-csv/tb", {"metric": "acc", "step": "Step"}),
    ("trailing-comma/trail2.csv", {}),
    ("utf-16/utf16.csv", {}),
    ("wandb-colon-space/wandb_group.csv", {"metric": "val/acc", "step": "Step"}),
]


@pytest.mark.parametrize(("place", "named"), CASES, ids=[place for place, _ in CASES])
def test_the_right_answer(place: str, named: dict[str, Any]) -> None:
    roles = {"scale": "width", "seed": "seed", "metric": "acc"} | named
    population = read_table(DATA / place, threshold=0.5, **roles)
    final = population.final(roles["metric"])
    assert final.scales == ((0.5, 1.5, 2.5) if "mult" in place else SCALES)
    values = [final.at(scale) for scale in final.scales]
    assert [len(at) for at in values] == [6, 6, 6]
    assert [at.mean() for at in values] == pytest.approx(MEANS, abs=5e-6)
    assert tuple((at >= 0.5).sum() for at in values) == SUCCESSES
    assert population.origin.facts["read"].startswith("18 runs read as 3 scales (")
    assert "left out" not in population.origin.facts


def test_an_infinite_loss_is_a_run_that_diverged_and_failed() -> None:
    population = read_table(
        DATA / "infinite-loss/inf.csv", scale="width", seed="seed", metric="loss", higher_is_better=False
    )
    values = [population.final("loss").at(scale) for scale in SCALES]
    assert [int(np.isnan(at).sum()) for at in values] == [0, 1, 0]
    assert tuple((at <= 0.5).sum() for at in values) == SUCCESSES
    assert np.nanmean(values[1]) == pytest.approx(0.29122, abs=5e-6)
    assert "infinite values of 1 run are taken for diverged (" in population.origin.facts["diverged"]
    assert population.origin.facts["diverged"].endswith("inf.csv: row 10)")


def test_runs_of_unequal_length() -> None:
    final = read_table(
        DATA / "unequal-length/unequal.csv", scale="width", seed="seed", metric="acc", step="step"
    ).final("acc")
    values = [final.at(scale) for scale in SCALES]
    assert final.unfinished is not None
    assert final.unfinished.ends == {scale: {5: 100.0} for scale in SCALES}
    assert [at.mean() for at in values] == pytest.approx([0.43662, 0.56966, 0.69840], abs=5e-6)
    assert [(at >= 0.5).sum() for at in values] == [2, 3, 4]
    assert [len(at) for at in values] == [5, 5, 5]
