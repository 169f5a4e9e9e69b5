"""The test for groups: against a plain implementation, closed forms, and the rates that it promises."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import diptest
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedsweep.analysis import GroupTest, group_test
from seedsweep.analysis.statistics.groups import critical_density
from seedsweep.analysis.statistics.samples import FloatArray
from seedsweep.analysis.statistics.spread import Spread

INF = math.inf
Draw = Callable[[np.random.Generator, int], npt.NDArray[Any]]


def plain_density(values: FloatArray, bandwidth: float, at: FloatArray, ends: tuple[float, float]) -> FloatArray:
    """Sum of normal kernels at the values and their images behind both ends."""
    low, high = ends
    images = np.concatenate([values + 2 * k * (high - low) for k in range(-3, 4)])
    images = np.concatenate([images, 2 * low - images])
    return np.asarray(np.exp(-0.5 * ((at[:, None] - images) / bandwidth) ** 2).sum(axis=1))


def plain_critical_bandwidth(values: FloatArray, at: FloatArray, ends: tuple[float, float]) -> float:
    """The smallest bandwidth with one mode, by trying 400 of them from the widest."""
    span = ends[1] - ends[0]
    critical = span
    for bandwidth in np.geomspace(span, span / 200, 400):
        steps = np.sign(np.diff(plain_density(values, bandwidth, at, ends)))
        if (np.diff(steps) < 0).sum() + (steps[0] < 0) + (steps[-1] > 0) > 1:
            break
        critical = float(bandwidth)
    return critical


@pytest.mark.parametrize("seed", range(3))
def test_density_at_the_critical_bandwidth(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = np.sort(np.concatenate([random.normal(0, 1, 30), random.normal(3, 0.5, 20)]))
    beyond = (values[-1] - values[0]) / 100
    ends = (values[0] - beyond, values[-1] + beyond)
    edges, density = critical_density(Spread(values, values))
    centres = (edges[1:] + edges[:-1]) / 2
    assert edges[[0, -1]] == pytest.approx(ends)
    bandwidth = plain_critical_bandwidth(values, centres[::2], ends)
    plain = plain_density(values, bandwidth, centres, ends)
    assert density / density.sum() == pytest.approx(plain / plain.sum(), abs=0.03 * plain.max() / plain.sum())


def test_calibrated_dip_by_plain_resampling() -> None:
    random = np.random.default_rng(3)
    values = np.sort(np.concatenate([random.normal(0.3, 0.1, 30), random.normal(0.65, 0.1, 34)]))
    ends = (values[0] - np.ptp(values) / 128, values[-1] + np.ptp(values) / 128)
    bandwidth = plain_critical_bandwidth(values, np.linspace(*ends, 300), ends)
    dips = []
    for _ in range(2000):  # the smoothed bootstrap, folded back at the ends
        drawn = random.choice(values, 64) + random.normal(0, bandwidth, 64)
        drawn = np.where(drawn < ends[0], 2 * ends[0] - drawn, drawn)
        dips.append(diptest.dipstat(np.where(drawn > ends[1], 2 * ends[1] - drawn, drawn)))
    plain = np.mean(np.array(dips) >= diptest.dipstat(values))
    assert group_test(values).calibrated == pytest.approx(plain, abs=0.03)
    assert group_test(values).calibrated < diptest.diptest(values)[1]


def test_far_groups_of_uniform_samples_have_uniform_pvalues() -> None:
    """The share of the gap to the power of the seeds behind it is exact there, and independent for all sizes."""
    samples = np.sort(np.random.default_rng(4).random((4000, 40)), axis=1)
    sizes = np.arange(3, 9)
    outer = ((samples[:, sizes - 1] - samples[:, :1]) / (samples[:, sizes] - samples[:, :1])) ** (sizes - 1)
    assert outer.mean(axis=0) == pytest.approx(np.full(6, 0.5), abs=0.03)
    assert np.abs(np.corrcoef(outer.T) - np.eye(6)).max() < 0.06
    smallest = 1 - (1 - outer.min(axis=1)) ** 6
    assert np.quantile(smallest, [0.05, 0.5]) == pytest.approx([0.05, 0.5], abs=0.03)


def test_far_group_in_closed_form() -> None:
    """Eight seeds within 0.04, a gap, and the others: a share of 0.62 / 0.66 of 18 sizes."""
    x = np.concatenate([np.linspace(0.04, 0.08, 8), np.linspace(0.7, 1.0, 92)])
    found = group_test(x)
    outer = 1 - (1 - (0.04 / 0.66) ** 7) ** 18
    assert found.far == pytest.approx(2 * outer / 0.9, rel=1e-6)
    assert (found.far_seeds, found.far_below) == (8, True)
    assert found.pvalue == pytest.approx(min(1, found.calibrated / 0.8, found.far / 0.2))
    mirrored = group_test(-x)
    assert mirrored.far == pytest.approx(found.far)
    assert (mirrored.far_seeds, mirrored.far_below) == (8, False)


@pytest.mark.parametrize("x", [[], [math.nan] * 3])
def test_nothing(x: Any) -> None:
    assert group_test(x).n == 0
    assert math.isnan(group_test(x).pvalue)


@pytest.mark.parametrize(
    ("x", "options"),
    [
        ([0.1, 0.9] * 3, {}),  # too few
        ([0.5] * 64, {}),
        ([0.0] * 30 + [1.0] * 34, {}),  # two values, and nobody says that there could be others
        ([0.0] * 30 + [1.0] * 34, {"bounds": (0, 1)}),
        (np.arange(64), {}),
        (np.arange(64.0), {"lattice": 1.0, "bounds": (0, 63)}),
    ],
)
def test_no_groups(x: Any, options: Any) -> None:
    assert group_test(x, **options).pvalue == 1


def test_two_values_of_many_are_groups() -> None:
    """22 seeds have none of 91 examples right, and 42 all of them."""
    assert group_test([0.0] * 22 + [1.0] * 42, lattice=1 / 91, bounds=(0, 1)).pvalue < 1e-4


@given(
    x=st.lists(st.integers(0, 30).map(lambda i: i / 30), min_size=8, max_size=30),
    lattice=st.sampled_from([None, 1 / 30]),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=20, deadline=None)
def test_order_does_not_matter(x: list[float], lattice: float | None, random: Any) -> None:
    plain = group_test(x, lattice=lattice, bounds=(0, 1))
    assert group_test(random.sample(x, len(x)), lattice=lattice, bounds=(0, 1)) == plain


@given(scale=st.floats(0.01, 100), shift=st.floats(-10, 10), seed=st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_location_and_scale_do_not_matter(scale: float, shift: float, seed: int) -> None:
    x = np.random.default_rng(seed).beta(2, 4, 40)
    plain, moved = group_test(x), group_test(shift + scale * x)
    assert moved.calibrated == pytest.approx(plain.calibrated, abs=0.005)
    assert moved.far == pytest.approx(plain.far, rel=1e-6)


def test_bad_input() -> None:
    for options, message in (
        ({"lattice": 0.0}, "lattice is the step"),
        ({"bounds": (1, 0)}, "a lower and a higher"),
    ):
        with pytest.raises(ValueError, match=message):
            group_test([0.0] * 9, **options)
    with pytest.raises(ValueError, match="infinite"):
        group_test([INF] * 9)


def mixture(share: float, low: float, high: float, sd: float) -> Draw:
    return lambda random, n: np.where(
        random.random(n) < share, random.normal(low, sd, n), random.normal(high, sd, n)
    )


def cut_off(mean: float, sd: float) -> Draw:
    return lambda random, n: random.normal(mean, sd, n).clip(0, 1)


def rate(draw: Draw, n: int, repeats: int, level: float = 0.05, **options: Any) -> float:
    random = np.random.default_rng(n)
    found: list[GroupTest] = [group_test(draw(random, n), **options) for _ in range(repeats)]
    return float(np.mean([result.pvalue <= level for result in found]))


UNIT: dict[str, Any] = {"bounds": (0, 1)}
SINGLE: dict[str, tuple[Draw, dict[str, Any]]] = {
    "normal": (lambda random, n: random.normal(size=n), {}),
    "uniform": (lambda random, n: random.random(n), {}),
    "exponential": (lambda random, n: random.exponential(size=n), {}),
    "beta(8, 1.2)": (lambda random, n: random.beta(8, 1.2, n), UNIT),
    "lognormal": (lambda random, n: np.exp(random.normal(size=n)), {}),
    "heavy tails": (lambda random, n: random.standard_t(2, n), {}),
    "saturated": (lambda random, n: random.binomial(91, random.beta(8, 0.6, n)) / 91, {"lattice": 1 / 91, **UNIT}),
    "piled up at 0": (
        lambda random, n: random.binomial(91, random.beta(0.5, 5, n)) / 91,
        {"lattice": 1 / 91, **UNIT},
    ),
    "cut off at 0": (cut_off(0.2, 0.15), UNIT),
    "cut off at 1": (cut_off(0.85, 0.15), UNIT),
    "cut off at both": (cut_off(0.7, 0.4), UNIT),
    "half cut off": (cut_off(0.0, 0.15), UNIT),
    "8 examples": (lambda random, n: random.binomial(8, 0.6, n) / 8, {"lattice": 1 / 8, **UNIT}),
    "20 examples, lattice not known": (lambda random, n: random.binomial(20, 0.8, n) / 20, UNIT),
    "steps of 100, lattice not known": (lambda random, n: 100.0 * random.poisson(8, n), {}),
    "one thing or the other": (lambda random, n: (random.random(n) < 0.4) * 1.0, UNIT),
}


@pytest.mark.parametrize("name", ["uniform", "beta(8, 1.2)", "cut off at 1", "20 examples, lattice not known"])
def test_level(name: str) -> None:
    draw, options = SINGLE[name]
    assert rate(draw, 64, 60, **options) <= 0.1


@pytest.mark.heavy
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("n", [32, 100])
@pytest.mark.parametrize("name", SINGLE)
def test_level_in_many_samples(name: str, n: int) -> None:
    draw, options = SINGLE[name]
    assert rate(draw, n, 400, **options) <= 0.08  # three standard errors above .05


@pytest.mark.parametrize(
    ("draw", "n", "power"),
    [
        (mixture(0.5, 0.3, 0.7, 0.1), 100, 0.6),
        (mixture(0.2, 0.1, 0.9, 0.05), 50, 0.85),
        (mixture(0.1, 0.1, 0.9, 0.05), 100, 0.75),
    ],
)
def test_power(draw: Draw, n: int, power: float) -> None:
    assert rate(draw, n, 40) >= power
