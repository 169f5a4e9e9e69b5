"""Do two trainings of the same seeds differ systematically? Paired differences of one metric, seed by seed.

A statistic that the driver needs, and therefore not in the room of the analysis, which the driver does not know.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.optimize
import scipy.stats

LEVEL: Final = 0.01
"""Probability that any of all the tests of a verification calls harmless differences systematic."""
POWER: Final = 0.9
"""Probability that a shift of `SHIFT` is found."""
SHIFT: Final = 1.0
"""The shift that must be found, in standard deviations of the metric over seeds."""
NEGLIGIBLE: Final = 0.1
"""A shift of less, in the same unit, is never called systematic: rounding need not be fair in its direction."""
FLIPS: Final = 99_999
ENUMERATED: Final = 16
"""So many differences or fewer have all their signs enumerated; more are drawn."""


@dataclass(frozen=True)
class PairedDifference:
    """One metric of the same seeds, packed minus alone.

    Attributes
    ----------
    seeds : int
        Pairs.
    mean, low, high : float
        Mean difference and its 95 % interval (Student), in the unit of the metric.
    spread : float
        Standard deviation of the metric over seeds: root mean square of those packed and alone.
    pvalue : float
        Of the sign-flip test, times the number of tests in the verification (at most 1).
    detectable : float or None
        The shift that would have been found with probability 90 %, in the unit of the metric. None if none would:
        too few seeds, or the metric is the same for all of them, packed and alone.
    systematic : bool
        Whether p is below 1 % and the mean difference is more than a tenth of `spread`.
    """

    seeds: int
    mean: float
    low: float
    high: float
    spread: float
    pvalue: float
    detectable: float | None
    systematic: bool


def paired_difference(
    packed: npt.ArrayLike, alone: npt.ArrayLike, *, higher_is_better: bool, tests: int
) -> PairedDifference:
    """Compare a metric of the same seeds, trained packed and alone.

    Parameters
    ----------
    packed, alone : array_like, shape (n,)
        One value per seed, in the same order; at least two seeds. A value that is not finite is a seed that
        diverged.
    higher_is_better : bool
        Which values are bad.
    tests : int
        How many such comparisons the verification makes (Bonferroni).

    Returns
    -------
    PairedDifference
        Where every pair is equal the mean is 0 and p is 1.

    Raises
    ------
    ValueError
        If the shapes differ or there are fewer than two seeds.

    Notes
    -----
    *Diverged seeds.* They take the worst value that any seed has in either training. So a seed that diverges in
    both is no difference, and one that diverges in one of them is, unless in the other it has that worst value.

    *Test.* If packing changes nothing but the rounding, which of a seed's two values is the packed one is
    chance, however far apart chaos has driven them: the differences are symmetric about zero. (Where it could be
    tried it was so: in 120 comparisons of 46 seeds each, on a CPU, with weights or gradients that were perturbed
    in their last bits, p was uniform.) Then every choice of signs s is as probable as the observed one, and

        p = P(|s_1 d_1 + ... + s_n d_n| >= |d_1 + ... + d_n|)

    is exact, with ties and zeros, for any distribution of the sizes (Fisher's test [1]_). Up to 16 differences
    that are not zero all signs are enumerated; for more 99,999 are drawn by a generator with a fixed key, and
    p = (1 + hits) / (1 + draws), which keeps the level [2]_. Sizes are sorted first, so that the result depends
    neither on the order of the seeds nor on which training is called packed.

    *What is found.* See `detectable_effect`; `detectable` is that effect times the standard deviation of the
    differences. It cannot see one seed of many that is wrong.

    References
    ----------
    .. [1] R. A. Fisher, "The Design of Experiments", Oliver and Boyd 1935, section 21.
    .. [2] B. Phipson and G. K. Smyth, "Permutation P-values Should Never Be Zero", Statistical Applications in
       Genetics and Molecular Biology 9 (2010), article 39.

    Examples
    --------
    >>> alone = [0.1, 0.4, 0.2, 0.9, 0.5, 0.3, 0.8, 0.6]
    >>> shifted = [0.2, 0.5, 0.3, 1.0, 0.6, 0.4, 0.9, 0.7]
    >>> paired_difference(shifted, alone, higher_is_better=True, tests=1).pvalue
    0.0078125
    """
    values = np.array([packed, alone], dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 2:
        raise ValueError(f"one value per seed is needed, of two or more seeds, not the shape {values.shape}")
    finite = np.isfinite(values)
    if finite.any():
        values[~finite] = values[finite].min() if higher_is_better else values[finite].max()
    else:
        values[:] = 0.0
    difference = values[0] - values[1]
    n = difference.size
    mean, deviation = float(difference.mean()), float(difference.std(ddof=1))
    margin = float(scipy.stats.t.ppf(0.975, n - 1)) * deviation / math.sqrt(n)
    spread = math.sqrt(float(values.var(axis=1, ddof=1).mean()))
    pvalue = min(1.0, tests * _sign_flip_pvalue(difference))
    effect = detectable_effect(n, tests)
    return PairedDifference(
        seeds=n,
        mean=mean,
        low=mean - margin,
        high=mean + margin,
        spread=spread,
        pvalue=pvalue,
        detectable=None if effect is None or spread == 0.0 else effect * deviation,
        systematic=pvalue < LEVEL and abs(mean) > NEGLIGIBLE * spread,
    )


def _sign_flip_pvalue(difference: npt.NDArray[np.float64]) -> float:
    sizes = np.sort(np.abs(difference[difference != 0.0]))
    total = sizes.sum()
    # Sums of the same differences in another order may differ in their last bits.
    observed = abs(difference.sum()) - 1e-9 * total
    if sizes.size <= ENUMERATED:
        sums = np.zeros(1)
        for size in sizes:
            sums = np.concatenate([sums - size, sums + size])
        return float(np.mean(np.abs(sums) >= observed))
    bits = np.frombuffer(np.random.Generator(np.random.Philox(0)).bytes(FLIPS * -(-sizes.size // 8)), np.uint8)
    signs = np.unpackbits(bits.reshape(FLIPS, -1), axis=1, count=sizes.size)
    # In parts, because the product makes floats of them.
    sums = np.concatenate([2.0 * (part @ sizes) - total for part in np.array_split(signs, 10)])
    return (1 + int(np.count_nonzero(np.abs(sums) >= observed))) / (1 + FLIPS)


@cache
def detectable_effect(n: int, tests: int) -> float | None:
    """The shift of n paired differences that is found with probability 90 %, in their standard deviations.

    Parameters
    ----------
    n : int
        Pairs.
    tests : int
        How many tests share the level of 1 % (Bonferroni).

    Returns
    -------
    float or None
        None if no shift is ever found, because even n differences of one sign have 2^(1 − n) > level / tests.

    Notes
    -----
    Calculated for the metric that is hardest to judge, one that is 0 or 1 for every seed, where the sign-flip
    test is McNemar's exact one [1]_. Success alone has probability p and packed 1 - p, independently; then a
    difference is 1 with probability (1 - p)^2, -1 with p^2, else 0, and

        effect = (1 - 2 p) / sqrt(2 p (1 - p)),

        power = sum over k of Binomial(k; n, p^2 + (1 - p)^2) P(X_k >= c_k),

    where X_k counts the positive ones of k differences that are not zero, and c_k is the smallest count that the
    test calls significant. Of all shifts of one effect between independent binary values this one is found
    least often. In simulations, of normal, skewed, heavy-tailed and bimodal values more shifts are found (about
    95 % in place of 90 %).

    References
    ----------
    .. [1] S. W. Duffy, "Asymptotic and Exact Power for the McNemar Test and its Analogue with R Controls per
       Case", Biometrics 40 (1984), 1005-1015.
    """
    if 2.0 ** (1 - n) > LEVEL / tests:
        return None
    nonzero = np.arange(n + 1)
    critical = 1 + scipy.stats.binom.isf(LEVEL / tests / 2, nonzero, 0.5)

    def excess(p: float) -> float:
        up, down = (1 - p) ** 2, p**2
        found = scipy.stats.binom.sf(critical - 1, nonzero, up / (up + down))
        return float(scipy.stats.binom.pmf(nonzero, n, up + down) @ found) - POWER

    p = scipy.optimize.brentq(excess, 0.0, 0.5)
    return (1 - 2 * p) / math.sqrt(2 * p * (1 - p))


def fewest_seeds(tests: int) -> int:
    """The smallest number of seeds with which a shift of one standard deviation over seeds is found.

    Parameters
    ----------
    tests : int
        How many tests share the level of 1 % (Bonferroni).

    Returns
    -------
    int
        46, 50, 53, 55, 56, 58 for two tests at each of 1 to 6 scales.

    Notes
    -----
    For the worst that chaos can do: a seed's two values are no more alike than those of two seeds. Then the
    variance of a difference is the sum of the variances packed and alone, twice the square of `spread`, and a
    shift of one `spread` is an effect of 1/√2. Where a seed's two values are alike, smaller shifts are found.
    """
    n = 2
    while (effect := detectable_effect(n, tests)) is None or effect > SHIFT / math.sqrt(2):
        n += 1
    return n
