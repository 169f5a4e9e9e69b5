"""Runs that agree where chance would not make them, as a report tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seedsweep.analysis import findings, study
from tests.analysis.populations import studied, table


def test_a_seed_that_agrees_with_itself_at_another_scale_may_do_so_honestly() -> None:
    """Networks that are dead at two widths see the same data, and give the same answers."""
    told = findings(studied("digits")).warnings
    (one,) = [sentence for sentence in told if "one learning curve" in sentence]
    assert one == (
        "Seed 1 has one learning curve at width 4 and 7 (so have 9 other seeds): either its run stands there "
        "under several names, or width makes no difference to it, as to a network that is dead."
    )


def test_of_many_groups_some_are_named(tmp_path: Path) -> None:
    def told(copies: Sequence[int]) -> list[str]:
        curves: dict[float, Any] = {
            depth: np.random.default_rng(depth).uniform(0, depth / 4, (24, 12)) for depth in (1, 2)
        }
        for seed in copies:
            curves[2][seed + 12] = curves[2][seed]
        warnings = findings(study(table(tmp_path, {"accuracy": curves}))).warnings
        return [sentence for sentence in warnings if "curve" in sentence or "more groups" in sentence]

    assert [sentence.split(" have ")[0] for sentence in told([3])] == ["Seeds 3 and 15 at depth 2"]
    *named, rest = told(range(7))
    assert len(named) == 4
    assert rest == "3 more groups of seeds are like these; a table below has all."
