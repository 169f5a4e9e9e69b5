"""Goals in place of counts: how often their intervals are wrong, and how many seeds they take.

    python -m benchmarks.goals

Sweeps of which the true P(success) at every scale is what a shipped population shows, simulated by the rule by
which the driver adds seeds (`seedsweep.sweep.goalrule`): 2000 of each ladder and goal.

Recorded: benchmarks/results/goals.txt.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import seedsweep
from benchmarks import recording
from seedsweep.analysis import success_rate
from seedsweep.criterion import Criterion
from seedsweep.seeds import Goal, Seed
from seedsweep.sequential import seeds_for
from seedsweep.sweep.goalrule import Rule

SWEEPS = 2000
GOALS = (Goal(0.05, 640, 16), Goal(0.1, 176, 8))
POPULATIONS = Path(__file__).parent.parent / "populations"


@dataclass(frozen=True)
class Simulated:
    """One ladder and goal."""

    ladder: str
    half_width: float
    shares: tuple[float, ...]
    """True P(success) of each scale."""
    reached: float
    """Share of scales at which the goal was reached before the largest number of seeds."""
    covered: tuple[float, ...]
    """How often the last interval of each scale holds its share."""
    covered_together: float
    """How often all of a ladder do."""
    wilson_covered: float
    """The same as `covered`, of the worst scale, of who stops as soon as Wilson's interval is narrow enough."""
    seeds: float
    """Of a whole sweep, on average."""
    wilson_seeds: float
    everywhere: float
    """Seeds if every scale got as many as the worst one, by the same intervals."""
    fixed: int
    """Seeds of a fixed number for all scales, by Wilson's interval, if the worst share is known beforehand."""
    fixed_blind: int
    """If it is not: enough for one half."""


def main() -> None:
    """Simulate, print and record."""
    found = [simulate(*ladder, goal) for goal in GOALS for ladder in ladders()]
    table = as_table(found)
    print(table)
    recording.write("goals", "python -m benchmarks.goals", [asdict(one) for one in found], table)


def ladders() -> list[tuple[str, tuple[float, ...]]]:
    """Name and P(success) by scale of every shipped population."""
    shapes = []
    for place in sorted(path.parent for path in POPULATIONS.glob("*/sweep.json")):
        population = seedsweep.load(place)
        criterion = population.criterion
        final = population.final(criterion.metric, criterion.split)
        rates = (success_rate(criterion.oriented(final.at(scale)), criterion.least).rate for scale in final.scales)
        shapes.append((place.name, tuple(rates)))
    return shapes


def simulate(ladder: str, shares: tuple[float, ...], goal: Goal) -> Simulated:
    """So many sweeps, each scale with outcomes of its own."""
    random = np.random.default_rng(17)
    rule = Rule.of(goal, Criterion("success", "test", 0.5))
    seeds = [Seed(number, number) for number in range(goal.at_most)]
    sizes = np.zeros((SWEEPS, len(shares)), dtype=int)
    holds, reached = np.zeros(sizes.shape, dtype=bool), np.zeros(sizes.shape, dtype=bool)
    wilson_sizes, wilson_holds = sizes.copy(), holds.copy()
    for sweep in range(SWEEPS):
        for scale, share in enumerate(shares):
            outcomes = random.random(goal.at_most) < share
            sample = rule.decide(seeds, dict(zip(seeds, outcomes.astype(float).tolist(), strict=True)))
            sizes[sweep, scale], reached[sweep, scale] = sample.counted, sample.state == "reached"
            holds[sweep, scale] = sample.limits.low <= share <= sample.limits.high
            wilson_sizes[sweep, scale], wilson_holds[sweep, scale] = stop_by_wilson(outcomes, share, goal)
    worst = min(shares, key=lambda share: abs(share - 0.5))
    return Simulated(
        ladder=ladder,
        half_width=goal.half_widths["p_success"],
        shares=shares,
        reached=float(reached.mean()),
        covered=tuple(holds.mean(axis=0).tolist()),
        covered_together=float(holds.all(axis=1).mean()),
        wilson_covered=float(wilson_holds.mean(axis=0).min()),
        seeds=float(sizes.sum(axis=1).mean()),
        wilson_seeds=float(wilson_sizes.sum(axis=1).mean()),
        everywhere=float(sizes.max(axis=1).mean() * len(shares)),
        fixed=len(shares) * seeds_for(worst, goal.half_widths["p_success"]),
        fixed_blind=len(shares) * seeds_for(0.5, goal.half_widths["p_success"]),
    )


def stop_by_wilson(outcomes: np.ndarray, share: float, goal: Goal) -> tuple[int, bool]:
    """Seeds, and whether the interval holds the share, of who takes every look for the only one."""
    n = np.array([*range(goal.batch, goal.at_most, goal.batch), goal.at_most])
    rate, z = np.cumsum(outcomes)[n - 1] / n, 1.959964
    centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    narrow = np.flatnonzero(half <= goal.half_widths["p_success"])
    at = int(narrow[0]) if narrow.size else len(n) - 1
    # At its ends Wilson's interval is exactly 0 or 1.
    return int(n[at]), bool(abs(centre[at] - share) <= half[at] + 1e-9)


def as_table(found: list[Simulated]) -> str:
    """What was found, a line per ladder and goal."""
    lines = [
        f"{SWEEPS} simulated sweeps a line; nominal coverage 0.95 of each scale by itself.",
        "goal: half-width. cover: of the worst scale; all: of all of a ladder. seeds: of a sweep, on average.",
        "Wilson: cover and seeds of who stops when Wilson's interval is narrow enough: no promise.",
        "fixed: one number for all scales, by Wilson's interval, for the worst share of the ladder if it is",
        "known; blind: for one half. everywhere: the goal's intervals, all scales with the seeds of the worst.",
        "",
        f"{'':55}{'Wilson':>15}{'':26}{'seeds as a part of':>35}",
        f"{'ladder':24}{'goal':>6}{'reached':>9}{'cover':>8}{'all':>8}{'cover':>8}{'seeds':>7}{'seeds':>7}{'fixed':>7}"
        f"{'blind':>7}{'everywhere':>12}{'Wilson':>8}{'fixed':>7}{'blind':>7}{'everywhere':>12}",
    ]  # fmt: skip
    for one in found:
        lines.append(
            f"{one.ladder:24}{one.half_width:6.2f}{one.reached:9.2f}{min(one.covered):8.3f}{one.covered_together:8.3f}"
            f"{one.wilson_covered:8.3f}{one.wilson_seeds:7.0f}{one.seeds:7.0f}{one.fixed:7d}{one.fixed_blind:7d}"
            f"{one.everywhere:12.0f}{one.seeds / one.wilson_seeds:8.2f}{one.seeds / one.fixed:7.2f}"
            f"{one.seeds / one.fixed_blind:7.2f}{one.seeds / one.everywhere:12.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
