"""Goals for a mean: how often their intervals are wrong, and how many seeds they take.

    python -m benchmarks.goals_of_means

*Distributions* with known means: 2000 samples of each, looked at after every seed. A sequence misses the mean if
it does at any number of seeds. Beside the seeds that it takes to ± 0.1 stand those of a number that is fixed
beforehand, by intervals for such a number: the normal approximation, which promises nothing for few seeds,
Gaffke's, which the tables have without a goal, the empirical Bernstein bound of Maurer and Pontil (2009) and
Hoeffding's.

*Ladders*: seeds drawn from those of shipped populations, added by the rule by which the driver adds them
(`seedsweep.sweep.goalrule`), 200 sweeps of each.

Recorded: benchmarks/results/goals_of_means.txt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np

import seedsweep
from benchmarks import recording
from benchmarks.goals import POPULATIONS
from seedsweep.analysis import mean_interval
from seedsweep.betting import _Betting
from seedsweep.population import ObservedMetric
from seedsweep.seeds import Goal, Seed
from seedsweep.sequential import Aim
from seedsweep.sweep.goalrule import Rule

SAMPLES, SWEEPS, WITHOUT_AIM = 2000, 200, 100
AIM = Aim(0.1, 160)
FAR = 1600
"""Seeds until which a sequence without an aim is followed."""
GOAL = Goal(None, 640, 16, mean=0.05)
Draw: TypeAlias = Callable[[np.random.Generator, int], np.ndarray]

DISTRIBUTIONS: Mapping[str, tuple[float, Draw]] = {
    "0 or 1, half": (0.5, lambda r, n: (r.random(n) < 0.5).astype(float)),
    "0 or 1, a tenth": (0.1, lambda r, n: (r.random(n) < 0.1).astype(float)),
    "0 or 1, one in 500": (0.002, lambda r, n: (r.random(n) < 0.002).astype(float)),
    "uniform": (0.5, lambda r, n: r.random(n)),
    "beta(1/2, 1/2)": (0.5, lambda r, n: r.beta(0.5, 0.5, n)),
    "beta(8, 2)": (0.8, lambda r, n: r.beta(8, 2, n)),
    "beta(1/10, 5)": (1 / 51, lambda r, n: r.beta(0.1, 5, n)),
    "a tenth fails": (0.725, lambda r, n: np.where(r.random(n) < 0.1, 0.05, r.uniform(0.7, 0.9, n))),
    "two groups": (0.34, lambda r, n: np.where(r.random(n) < 0.3, r.uniform(0.8, 1, n), r.uniform(0, 0.2, n))),
}
"""Mean, and how values are drawn."""


@dataclass(frozen=True)
class OfDistribution:
    """What was found of one."""

    name: str
    sd: float
    covered: float
    """How often no interval of a sequence with the aim, of up to 160 seeds, misses the mean."""
    covered_without: float
    """The same of one without an aim."""
    seeds: float
    """Until the interval is ± 0.1, on average; 160 where it never is."""
    seeds_without: float
    """The same without an aim; 1600 where it never is."""
    normal: int
    gaffke: int
    bernstein: int
    hoeffding: int


@dataclass(frozen=True)
class OfLadder:
    """What was found of one."""

    name: str
    covered: float
    """How often the last interval of the worst scale holds its mean."""
    reached: float
    """Share of scales at which the goal was reached."""
    seeds: float
    """Of a sweep, on average."""
    fixed: int
    """Of a fixed number for all scales, by the normal approximation, if the largest spread is known beforehand."""


def main() -> None:
    """Simulate, print and record."""
    distributions = [of_distribution(name) for name in DISTRIBUTIONS]
    ladders = [of_ladder(*ladder) for ladder in shipped()]
    table = as_table(distributions, ladders)
    print(table)
    found = {"distributions": [asdict(one) for one in distributions], "ladders": [asdict(one) for one in ladders]}
    recording.write("goals_of_means", "python -m benchmarks.goals_of_means", found, table)


def of_distribution(name: str) -> OfDistribution:
    """Of samples that are looked at after every seed."""
    mean, draw = DISTRIBUTIONS[name]
    random = np.random.default_rng(17)
    aimed = [follow(draw(random, AIM.at_most), mean, AIM) for _ in range(SAMPLES)]
    plain = [follow(draw(random, AIM.at_most), mean, None) for _ in range(SAMPLES)]
    far = [follow(draw(random, FAR), mean, None, stop=True) for _ in range(WITHOUT_AIM)]
    sd = float(draw(random, 400_000).std())
    return OfDistribution(
        name=name,
        sd=sd,
        covered=float(np.mean([holds for _, holds in aimed])),
        covered_without=float(np.mean([holds for _, holds in plain])),
        seeds=float(np.mean([n for n, _ in aimed])),
        seeds_without=float(np.mean([n for n, _ in far])),
        normal=math.ceil((1.96 * sd / AIM.half_width) ** 2),
        gaffke=fewest(lambda n: gaffke(draw, n)),
        bernstein=fewest(lambda n: math.sqrt(2 * math.log(80) / n) * sd + 7 * math.log(80) / (3 * (n - 1))),
        hoeffding=math.ceil(math.log(40) / (2 * AIM.half_width**2)),
    )


def follow(values: np.ndarray, mean: float, aim: Aim | None, *, stop: bool = False) -> tuple[int, bool]:
    """Seeds until the interval is narrow enough, and whether none up to the last seed misses the mean."""
    betting, narrow = _Betting(0.05, aim), len(values)
    for n, value in enumerate(values.tolist(), start=1):
        betting.add(value)
        low, high = betting.limits
        if high - low <= 2 * AIM.half_width and narrow == len(values):
            narrow = n
            if stop:
                break
    return narrow, low <= mean <= high  # each interval lies within those before


def gaffke(draw: Draw, n: int) -> float:
    """Half-width for a fixed number of seeds, on average."""
    random = np.random.default_rng(n)
    found = [mean_interval(draw(random, n)) for _ in range(60)]
    return float(np.mean([(one.high - one.low) / 2 for one in found]))


def fewest(half_width: Callable[[int], float]) -> int:
    """Seeds for which it is narrow enough."""
    too_few, enough = 2, 4
    while half_width(enough) > AIM.half_width:
        too_few, enough = enough, 2 * enough
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if half_width(middle) <= AIM.half_width else (middle, enough)
    return enough


def shipped() -> Iterator[tuple[str, list[np.ndarray]]]:
    """Name and values by scale of every shipped population whose metric lies between 0 and 1."""
    for place in sorted(path.parent for path in POPULATIONS.glob("*/sweep.json")):
        population = seedsweep.load(place)
        criterion = population.criterion
        metric = population.metric(criterion.metric, criterion.split)
        if metric.bounds == (0, 1) and not isinstance(metric, ObservedMetric):
            final = population.final(criterion.metric, criterion.split)
            samples = [final.at(scale) for scale in final.scales]
            yield place.name, [sample[~np.isnan(sample)] for sample in samples]


def of_ladder(name: str, samples: list[np.ndarray]) -> OfLadder:
    """So many sweeps, whose seeds are drawn with replacement."""
    random = np.random.default_rng(17)
    criterion = seedsweep.Criterion("accuracy", "test", 0.5)
    rule = Rule.of(GOAL, criterion, (0.0, 1.0))
    seeds = [Seed(number, number) for number in range(GOAL.at_most)]
    counted, holds, reached = (np.zeros((SWEEPS, len(samples))) for _ in range(3))
    for sweep in range(SWEEPS):
        for scale, sample in enumerate(samples):
            drawn = random.choice(sample, GOAL.at_most)
            found = rule.decide(seeds, dict(zip(seeds, drawn.tolist(), strict=True)))
            low, high = found.mean or (0.0, 1.0)
            counted[sweep, scale], reached[sweep, scale] = found.counted, found.state == "reached"
            holds[sweep, scale] = low <= sample.mean() <= high
    widest = max(float(sample.std()) for sample in samples)
    return OfLadder(
        name=name,
        covered=float(holds.mean(axis=0).min()),
        reached=float(reached.mean()),
        seeds=float(counted.sum(axis=1).mean()),
        fixed=len(samples) * math.ceil((1.96 * widest / GOAL.half_widths["mean"]) ** 2),
    )


def as_table(distributions: list[OfDistribution], ladders: list[OfLadder]) -> str:
    """What was found, a line per distribution and ladder."""
    lines = [
        f"{SAMPLES} samples a line, looked at after each of {AIM.at_most} seeds; nominal coverage 0.95.",
        f"cover: with the aim of ± {AIM.half_width} and without. seeds: until the interval is so narrow, on",
        f"average (without an aim: {WITHOUT_AIM} samples of up to {FAR}). Of a fixed number: normal approximation",
        "(no promise for few seeds), Gaffke, empirical Bernstein, Hoeffding.",
        "",
        f"{'':26}{'cover':>14}{'seeds':>14}{'of a fixed number':>38}{'seeds as a part of':>20}",
        f"{'distribution':20}{'SD':>6}{'aim':>7}{'none':>7}{'aim':>7}{'none':>7}{'normal':>8}{'Gaffke':>8}"
        f"{'Bernstein':>11}{'Hoeffding':>11}{'normal':>10}{'Gaffke':>10}",
    ]
    for one in distributions:
        lines.append(
            f"{one.name:20}{one.sd:6.3f}{one.covered:7.3f}{one.covered_without:7.3f}{one.seeds:7.0f}"
            f"{one.seeds_without:7.0f}{one.normal:8d}{one.gaffke:8d}{one.bernstein:11d}{one.hoeffding:11d}"
            f"{one.seeds / one.normal:10.2f}{one.seeds / one.gaffke:10.2f}"
        )
    lines += [
        "",
        f"{SWEEPS} sweeps a line, ± {GOAL.half_widths['mean']} at every scale. cover: of the worst scale. fixed:",
        "one number for all scales, by the normal approximation, if the largest spread is known.",
        "",
        f"{'ladder':24}{'cover':>8}{'reached':>9}{'seeds':>7}{'fixed':>7}{'part':>7}",
    ]
    for ladder in ladders:
        lines.append(
            f"{ladder.name:24}{ladder.covered:8.3f}{ladder.reached:9.2f}{ladder.seeds:7.0f}{ladder.fixed:7d}"
            f"{ladder.seeds / ladder.fixed:7.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
