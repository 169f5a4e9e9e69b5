"""Populations whose seeds form one group at every scale, on every kind of metric.

A value that a bound cuts off, and one that a test of few examples makes coarse, is still of one group: the bound
and the test make the ties, not the seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from benchmarks.calibration.cases import ALL, DIVERGED, Case, FloatArray, Truth, at_every, one_metric

Sample = Callable[[np.random.Generator, int], FloatArray]


def on(examples: int, sample: Sample) -> Sample:
    """Rounded to shares of so many examples."""
    return lambda random, n: np.round(np.clip(sample(random, n), 0, 1) * examples) / examples


def share(examples: int, a: float, b: float) -> Sample:
    """Share of right answers of seeds whose ability is beta distributed."""
    return lambda random, n: random.binomial(examples, random.beta(a, b, n)) / examples


def beta(a: float, b: float) -> Sample:
    return lambda random, n: random.beta(a, b, n)


def normal(mean: float, sd: float) -> Sample:
    return lambda random, n: random.normal(mean, sd, n)


def times(factor: float, sample: Sample) -> Sample:
    """In another unit, as the decimals of a table show it."""
    return lambda random, n: np.round(sample(random, n) * factor, 10)


def cut(low: float, high: float, sample: Sample) -> Sample:
    return lambda random, n: np.clip(sample(random, n), low, high)


SAMPLES: Final[Mapping[str, tuple[Sample, float, tuple[int, ...]]]] = {
    # Sample, threshold (near the median, so that a false group makes a false verdict), numbers of seeds.
    "normal": (normal(0.5, 0.1), 0.5, (12, 64, 128)),
    "beta-2-8": (beta(2, 8), 0.2, (64,)),
    "exponential": (lambda random, n: random.exponential(0.1, n), 0.07, (64,)),
    "beta-8-1.2": (beta(8, 1.2), 0.9, (64, 128)),
    "uniform": (lambda random, n: random.random(n), 0.5, (12, 32, 64, 128)),
    "lognormal": (lambda random, n: random.lognormal(-2, 0.6, n), 0.13, (64,)),
    "laplace": (lambda random, n: random.laplace(0.5, 0.05, n), 0.5, (64,)),
    "t-3": (lambda random, n: 0.5 + 0.05 * random.standard_t(3, n), 0.5, (64,)),
    "cauchy": (lambda random, n: 0.5 + 0.05 * random.standard_t(1, n), 0.5, (64,)),
    "scale-mixture": (
        lambda random, n: random.normal(0.5, np.where(random.random(n) < 0.2, 0.2, 0.02)),
        0.5,
        (64,),
    ),
    "91-beta-2-8": (on(91, beta(2, 8)), 0.2, (12, 64, 128)),
    "91-saturated": (on(91, beta(20, 1)), 0.96, (64, 128)),
    "91-nearly-saturated": (share(91, 30, 1), 0.97, (64,)),
    "91-pile-up": (on(91, beta(0.5, 8)), 0.04, (64,)),
    "91-exponential": (on(91, lambda random, n: random.exponential(0.1, n)), 0.07, (64,)),
    "2-decimals": (on(100, beta(2, 8)), 0.2, (64,)),
    "3-decimals": (on(1000, beta(2, 8)), 0.2, (64,)),
    "cut-below": (cut(0, 1, normal(0.2, 0.15)), 0.2, (32, 64, 128)),
    "cut-below-91": (on(91, normal(0.2, 0.15)), 0.2, (64, 128)),
    "cut-above": (cut(0, 1, normal(0.85, 0.15)), 0.85, (64, 128)),
    "half-cut": (cut(0, 1, normal(0, 0.15)), 0.05, (64,)),
    "one-example": (share(1, 5, 5), 0.5, (64,)),
    "5-examples": (share(5, 2, 2), 0.5, (64,)),
    "hundreds": (times(100, lambda random, n: random.poisson(8, n).astype(float)), 800, (32, 64, 128)),
    "fifties": (times(50, lambda random, n: np.round(random.gamma(4, 1.5, n))), 300, (64, 128)),
    "percent-of-8": (times(100, on(8, beta(2, 8))), 20, (64,)),
    "percent-of-20": (times(100, on(20, beta(2, 8))), 20, (64, 128)),
    "percent-of-40": (times(100, on(40, beta(2, 8))), 20, (64, 128)),
    "percent-of-45-saturated": (times(100, share(45, 30, 1)), 97, (64,)),
    "minus-1-to-0": (times(-1, on(20, beta(2, 8))), -0.2, (64,)),
    "0-to-2": (times(2, on(20, beta(2, 8))), 0.4, (64,)),
}


def _other_tests(random: np.random.Generator, n: int) -> Mapping[float, FloatArray]:
    """Every scale is measured on another number of examples."""
    return {float(s): share(10 * s, 4, 4)(random, n) for s in (1, 2, 3, 4)}


def _drifting(random: np.random.Generator, n: int) -> Mapping[float, FloatArray]:
    """A share of 24 examples less a penalty, both of which change along the ladder."""
    return {float(s): np.round(share(24, 4, 4)(random, n) * (1 - s / 10) - s / 30, 10) for s in (1, 2, 3, 4)}


def _fewer_seeds(random: np.random.Generator, n: int) -> Mapping[float, FloatArray]:
    """Seeds are missing, more of them the larger the scale."""
    sizes = {1: n, 2: n * 3 // 4, 3: n // 2, 4: n // 4}
    return {float(s): on(91, beta(2, 8))(random, size) for s, size in sizes.items()}


def _one_apart(random: np.random.Generator, n: int) -> Mapping[float, FloatArray]:
    """One of 64 seeds far from all others at each scale, which is an outlier and no group."""
    samples = {float(s): random.normal(0.4, 0.05, n) for s in (1, 2, 3, 4)}
    for sample in samples.values():
        sample[: n // 64] += 0.5
    return samples


def _some_diverge(random: np.random.Generator, n: int) -> FloatArray:
    """One seed of eight has no number in the end."""
    return np.where(random.random(n) < 1 / 8, DIVERGED, beta(2, 8)(random, n))


NULLS: Final = [
    *(
        Case(f"null-{name}-{n}", n, at_every(sample), threshold, Truth(as_largest=ALL, capacity=None))
        for name, (sample, threshold, sizes) in SAMPLES.items()
        for n in sizes
    ),
    Case("null-other-tests-64", 64, one_metric(_other_tests), 0.5, Truth()),
    Case("null-drifting-lattice-64", 64, one_metric(_drifting), 0.4, Truth()),
    Case("null-missing-seeds-64", 64, one_metric(_fewer_seeds), 0.2, Truth(as_largest=ALL, capacity=None)),
    Case("null-some-diverge-64", 64, at_every(_some_diverge), 0.2, Truth(as_largest=ALL, capacity=None)),
    Case("null-one-seed-apart-64", 64, one_metric(_one_apart), 0.6, Truth(as_largest=ALL, capacity=None)),
]
