"""How often is what `compare` says true? Pairs of populations with known truth.

    python -m benchmarks.calibration.comparisons --repetitions 120 > benchmarks/comparisons.txt

Every repetition writes two tables, of 32 seeds (and 24) at three scales, and compares them. "said" counts
sentences that claim a difference, each of one question and corrected for the scales and the ladder; where the
truth has none it is "falsely said". "covers" counts 95 % intervals, at a scale and over the ladder. A test
exchanges seeds 999 times here, to save time, in place of 4999. The numbers follow from the seed alone.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias
from unittest import mock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

import seedsweep
from benchmarks.calibration.tally import Tally, wilson
from seedsweep import Population
from seedsweep.analysis import Comparison, wasserstein2
from seedsweep.analysis.statistics import differences

FloatArray: TypeAlias = npt.NDArray[np.float64]
Draw: TypeAlias = Callable[[np.random.Generator, int, int], tuple[FloatArray, FloatArray]]
"""From a generator, how many seeds, and a scale: values of both sides, shape (n,) or, with curves, (n, t)."""

SCALES: Final = (1, 2, 3)
REFERENCE: Final = 20_000
BUDGET: Final = 2000
EVERY: Final = 50
THRESHOLD: Final = 0.5


@dataclass(frozen=True)
class Pair:
    """Two populations.

    Attributes
    ----------
    name : str
    draw : callable
    seeds : tuple of two int
        Of A and B at every scale.
    common : int
        Of these, seeds of the same name.
    different : tuple of str
        The questions whose answer is a difference.
    """

    name: str
    draw: Draw
    seeds: tuple[int, int] = (32, 32)
    common: int = 0
    different: tuple[str, ...] = ()


def groups(a: tuple[float, ...], b: tuple[float, ...], shared: float) -> Draw:
    """Successes around .9 and failures around .1; which a seed is has a part that both sides share."""
    from scipy.stats import norm

    def draw(random: np.random.Generator, n: int, scale: int) -> tuple[FloatArray, FloatArray]:
        common = random.normal(size=n) * math.sqrt(shared)
        sides = []
        for weights in (a, b):
            luck = common + random.normal(size=n) * math.sqrt(1 - shared)
            good = luck < norm.ppf(weights[scale - 1])
            sides.append(np.where(good, random.normal(0.9, 0.04, n), random.normal(0.1, 0.04, n)).clip(0, 1))
        return sides[0], sides[1]

    return draw


def one_group(spread_a: float, spread_b: float, rare: float = 0.0) -> Draw:
    """Around the threshold, a few of the seeds far below."""

    def draw(random: np.random.Generator, n: int, scale: int) -> tuple[FloatArray, FloatArray]:
        a, b = (random.normal(THRESHOLD, spread, n) for spread in (spread_a, spread_b))
        for side in (a, b):
            side[random.random(n) < rare] = 0.01
        return a.clip(0, 1), b.clip(0, 1)

    return draw


def waiting(median_a: float, median_b: float, never: float) -> Draw:
    """Curves that jump after a lognormal wait, or never."""
    steps = np.arange(0, BUDGET + 1, EVERY)

    def draw(random: np.random.Generator, n: int, scale: int) -> tuple[FloatArray, FloatArray]:
        sides = []
        for median in (median_a, median_b):
            waits = median / scale * np.exp(random.normal(0, 0.6, n))
            waits[random.random(n) < never] = math.inf
            sides.append(np.where(steps >= waits[:, None], 0.9, 0.1) + random.normal(0, 0.02, (n, steps.size)))
        return sides[0], sides[1]

    return draw


SHARES: Final = (0.2, 0.5, 0.8)
MORE: Final = (0.4, 0.75, 0.95)

PAIRS: Final = {
    pair.name: pair
    for pair in (
        Pair("same-pairs", groups(SHARES, SHARES, 0.7), common=32),
        Pair("same-apart", groups(SHARES, SHARES, 0.0)),
        Pair("same-half-pairs", groups(SHARES, SHARES, 0.7), (32, 24), 16),
        Pair("same-rare-failures", one_group(0.04, 0.04, 0.02)),
        Pair("same-times", waiting(600, 600, 0.2), common=32),
        Pair("wider-apart", one_group(0.05, 0.15), different=("W2",)),
        Pair("more-pairs", groups(SHARES, MORE, 0.7), common=32, different=("P(success)", "mean", "W2")),
        Pair("more-apart", groups(SHARES, MORE, 0.0), different=("P(success)", "mean", "W2")),
        Pair("sooner-pairs", waiting(600, 400, 0.2), common=32, different=("P(success)", "mean", "W2", "time")),
    )
}


def measure(pair: Pair, repetitions: int, seed: int) -> Tally:
    """Of every question, how often it is answered by a difference, and how often its intervals hold the truth."""
    tally, truth = Tally(), truth_of(pair.name)
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(differences, "EXCHANGES", 999):
        for repetition in range(repetitions):
            key = np.random.SeedSequence((seed, zlib.crc32(pair.name.encode()), repetition))
            a, b = _populations(pair, np.random.Generator(np.random.Philox(key)), Path(folder))
            count(pair, seedsweep.compare(a, b), truth, tally)
    return tally


def count(pair: Pair, found: Comparison, truth: Mapping[tuple[str, float | None], float], tally: Tally) -> None:
    """One comparison."""
    for one in found.questions:
        said = "said" if one.question in pair.different else "falsely said"
        tally.ask(f"{said}: {one.question}", one.differs)
        for scale, row in [*one.by_scale.items(), (None, one.main)]:
            place = "over the ladder" if scale is None else "at a scale"
            true = truth[one.question, scale]
            tally.covers(f"{one.question} {place}", row.difference.low, row.difference.high, true)


@cache
def truth_of(name: str) -> dict[tuple[str, float | None], float]:
    """Differences of many seeds."""
    random = np.random.Generator(np.random.Philox(7))
    truth: dict[tuple[str, float | None], float] = {}
    for scale in SCALES:
        a, b = PAIRS[name].draw(random, REFERENCE, scale)
        if a.ndim == 2:
            truth["time", scale] = _restricted_mean(b) - _restricted_mean(a)
            a, b = a[:, -1], b[:, -1]
        truth["P(success)", scale] = float((b >= THRESHOLD).mean() - (a >= THRESHOLD).mean())
        truth["mean", scale] = float(b.mean() - a.mean())
        truth["W2", scale] = wasserstein2(a, b)
    for question in {question for question, _ in truth}:
        if question not in PAIRS[name].different:
            truth.update({(question, scale): 0.0 for scale in SCALES})
        each = [truth[question, scale] for scale in SCALES]
        mean = math.sqrt(float(np.mean(np.square(each)))) if question == "W2" else float(np.mean(each))
        truth[question, None] = mean
    return truth


def _restricted_mean(curves: FloatArray) -> float:
    reached = curves >= THRESHOLD
    first = np.argmax(reached, axis=1) * EVERY - EVERY / 2
    return float(np.where(reached[:, -1], first.clip(0), BUDGET).mean())


def _populations(pair: Pair, random: np.random.Generator, folder: Path) -> tuple[Population, Population]:
    n, m = pair.seeds
    drawn = {scale: pair.draw(random, max(n, m), scale) for scale in SCALES}
    names = np.arange(n), np.concatenate([np.arange(pair.common), 1000 + np.arange(m - pair.common)])
    found = []
    for side, seeds in enumerate(names):
        values = {scale: np.atleast_2d(drawn[scale][side][: seeds.size].T).T for scale in SCALES}
        steps = next(iter(values.values())).shape[1]
        columns = {
            "scale": np.repeat(SCALES, seeds.size * steps),
            "seed": np.tile(np.repeat(seeds, steps), len(SCALES)),
            "step": np.tile(EVERY * np.arange(steps), seeds.size * len(SCALES)),
            "value": np.concatenate([values[scale].ravel() for scale in SCALES]),
        }
        table = pa.table(columns)
        path = folder / f"{'ab'[side]}.csv"
        pyarrow.csv.write_csv(table if steps > 1 else table.drop_columns(["step"]), path)
        found.append(
            seedsweep.read_table(
                path,
                scale="scale",
                seed="seed",
                metric="value",
                step="step" if steps > 1 else None,
                threshold=THRESHOLD,
            )
        )
    return found[0], found[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration.comparisons", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--repetitions", type=int, default=120, metavar="R")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.repetitions} repetitions")
    print(f"{'populations':20} {'question':34} {'rate':>6} {'low':>6} {'high':>6} {'yes':>5} {'asked':>5}")
    for name, pair in PAIRS.items():
        tally = measure(pair, options.repetitions, options.seed)
        for question, (yes, asked) in sorted(tally.counts.items()):
            rate, low, high = wilson(yes, asked)
            print(f"{name:20} {question:34} {rate:6.3f} {low:6.3f} {high:6.3f} {yes:5} {asked:5}", flush=True)


if __name__ == "__main__":
    main()
