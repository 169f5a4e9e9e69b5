"""How good are forecasts of ladders whose next scale is known? Simulated ladders.

    python -m benchmarks.calibration.forecasts --repetitions 100 > benchmarks/forecasts.txt

Seeds of scales 1, 2, 4, 8 and 16; scale 32 is forecast and then drawn. "refused" counts ladders for which no
forecast is given; all else is of those that have one. "covers" counts 95 % intervals that hold the true number,
"inside" the seeds of scale 32 between the .05 and .95 quantiles (.9 is right), "better" forecasts with a smaller
CRPS than the seeds of scale 16 have. The numbers follow from the seed alone.
"""

from __future__ import annotations

import argparse
import math
import zlib
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.calibration.tally import Tally, wilson
from seedsweep.analysis import crps, extrapolate
from seedsweep.analysis.study.carried import why_not
from seedsweep.analysis.study.forecast import WIDEST

FloatArray: TypeAlias = npt.NDArray[np.float64]
Draw: TypeAlias = Callable[[np.random.Generator, int, int], FloatArray]
"""From a generator, a number of seeds and the place of a scale on the ladder: final values."""

SCALES: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
NEXT: Final = 32.0
THRESHOLD: Final = 0.5
REFERENCE: Final = 100_000


def by_chance(shares: tuple[float, ...], goods: tuple[float, ...] = (0.85,) * 6) -> Draw:
    """Two groups; a share of the seeds succeeds."""

    def draw(random: np.random.Generator, n: int, place: int) -> FloatArray:
        succeeds = random.random(n) < shares[place]
        good, bad = random.normal(goods[place], 0.05, n), random.normal(0.1, 0.05, n)
        return np.where(succeeds, good, bad).clip(0, 1)

    return draw


def together(start: float, step: float) -> Draw:
    """One group, whose mean rises evenly in its logit."""

    def draw(random: np.random.Generator, n: int, place: int) -> FloatArray:
        return np.asarray(1 / (1 + np.exp(-(start + step * place + random.normal(0, 0.6, n)))))

    return draw


def _logistic(start: float, step: float) -> tuple[float, ...]:
    return tuple(1 / (1 + math.exp(-(start + step * place))) for place in range(6))


LADDERS: Final[Mapping[str, Draw]] = {
    "logistic": by_chance(_logistic(-3.0, 1.0)),
    "logistic, successes rise": by_chance(_logistic(-2.0, 0.8), (0.6, 0.65, 0.7, 0.75, 0.8, 0.85)),
    "plateau at .7": by_chance((0.02, 0.2, 0.5, 0.65, 0.7, 0.7)),
    "all rise together": together(-2.0, 0.5),
    "level": by_chance((0.4,) * 6),
    "comes at the end": by_chance((0.0, 0.0, 0.0, 0.05, 0.5, 0.95)),
    "comes after the end": by_chance((0.0, 0.0, 0.0, 0.0, 0.03, 0.8)),
    "comes and goes": by_chance((0.05, 0.3, 0.7, 0.9, 0.6, 0.3)),
}


def measure(name: str, n: int, repetitions: int, seed: int) -> Tally:
    """One kind of ladder."""
    draw, tally = LADDERS[name], Tally()
    many = draw(np.random.Generator(np.random.Philox(1)), REFERENCE, len(SCALES))
    for repetition in range(repetitions):
        key = np.random.SeedSequence((seed, n, zlib.crc32(name.encode()), repetition))
        random = np.random.Generator(np.random.Philox(key))
        ladder = {scale: draw(random, n, place) for place, scale in enumerate(SCALES)}
        found = None
        if not why_not(ladder, NEXT, "scale"):
            made = extrapolate(ladder, NEXT, threshold=THRESHOLD)
            found = made if made.success.high - made.success.low <= WIDEST else None
        tally.ask("refused", found is None)
        if found is None:
            continue
        low, high = np.quantile(found.seeds, [0.05, 0.95])
        rate = float((many >= THRESHOLD).mean())
        tally.covers("P(success)", found.success.low, found.success.high, rate)
        tally.covers("mean", found.mean.low, found.mean.high, float(many.mean()))
        seen = draw(random, n, len(SCALES))
        tally.ask("better than the seeds of 16", crps(found.seeds, seen) < crps(ladder[16.0], seen))
        for value in seen:
            tally.ask("seeds inside", bool(low <= value <= high))
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration.forecasts", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--repetitions", type=int, default=100, metavar="R")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.repetitions} repetitions")
    print(f"{'ladder':26} {'n':>3} {'question':28} {'rate':>6} {'low':>6} {'high':>6} {'yes':>5} {'asked':>5}")
    for name in LADDERS:
        for n in (32, 64):
            for question, (yes, asked) in sorted(
                measure(name, n, options.repetitions, options.seed).counts.items()
            ):
                rate, low, high = wilson(yes, asked)
                row = f"{name:26} {n:3} {question:28} {rate:6.3f} {low:6.3f} {high:6.3f} {yes:5} {asked:5}"
                print(row, flush=True)


if __name__ == "__main__":
    main()
