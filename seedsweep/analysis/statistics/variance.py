"""Is it the initial weights or the order of the data? Shares of variance where the two seeds are crossed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.bootstrap import percentile_interval
from seedsweep.analysis.statistics.results import Interval, Result
from seedsweep.analysis.statistics.samples import FloatArray, as_sample, generator, require_positive, require_share


class CrossedRuns(NamedTuple):
    """The runs of one scale by their two seeds, arrays of shape (n,).

    Attributes
    ----------
    init_seeds, data_seeds : ndarray of int
    values : ndarray of float
        Where each ends; `nan` if it diverged.
    """

    init_seeds: npt.NDArray[np.int64]
    data_seeds: npt.NDArray[np.int64]
    values: FloatArray


@dataclass(frozen=True)
class VarianceShares(Result):
    """What part of the variance over seeds is due to what.

    Attributes
    ----------
    crossed : bool
        Whether the parts can be separated. If not, the shares are `nan`.
    init, data : Interval
        Share of the total variance due to the seed of the initial weights, and to the seed of the data.
    interaction : Interval
        The rest: what neither does alone. With one run per pair it cannot be separated from noise that is due to
        neither.
    total : float
        Sum of the three components after truncation, in the squared unit of the metric.
    truncated : tuple of str
        Components whose estimate was negative and is shown as 0.
    n, n_nan, n_alone : int
        Runs that were used; runs or cells without a value; runs left out because they share neither seed with
        another, such as plain seeds beside a crossed block.
    n_init, n_data : int
        Different seeds of each role among the n runs.
    """

    crossed: bool
    init: Interval
    data: Interval
    interaction: Interval
    total: float
    truncated: tuple[str, ...]
    n: int
    n_nan: int
    n_alone: int
    n_init: int
    n_data: int


def variance_shares(
    values: npt.ArrayLike,
    init_seeds: npt.ArrayLike,
    data_seeds: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> VarianceShares:
    """Shares of the variance at one scale due to initialisation, data and their interaction.

    Parameters
    ----------
    values : array_like, shape (n,)
        The metric of each run. `nan` is a missing cell or a seed that diverged; it is left out.
    init_seeds, data_seeds : array_like of int, shape (n,)
        The two seeds of each run; every pair at most once.
    confidence, resamples, seed
        Of the bootstrap, as in `bootstrap_interval`.

    Returns
    -------
    VarianceShares
        *Not crossed* (`crossed` is False, shares `nan`) if no two runs share their init seed, no two share
        their data seed, or no two share neither: plain seeds (s, s), data seeds nested in init seeds, a single
        row. If all values are equal there is nothing to share out: the shares are `nan`, the total is 0.

    Raises
    ------
    ValueError
        If the shapes do not match, a value is infinite, a pair of seeds occurs twice, `confidence` is not
        between 0 and 1, or `resamples` is not positive.

    Notes
    -----
    *Model.* Two-way random effects without replication: value = mean + init + data + interaction,
    independent, with variances A, B, E.

    *Estimate.* Half the mean squared difference of two runs that share their init seed has expectation B + E;
    of two that share their data seed A + E; of two that share neither A + B + E. The components follow by
    subtraction. For a complete matrix they are exactly those of the analysis of variance [1]_; with missing
    cells they stay unbiased if cells are missing by chance, and every pair that is there is used. Seeds that
    diverge are not missing by chance: what is estimated is the variance among those that did not. Negative
    components are set to 0 before the shares are taken.

    *Interval.* Percentile bootstrap over init seeds and data seeds, independently [2]_. Pairs of a cell with a
    copy of itself are not counted: they differ by nothing and would feign main effects. In simulations of 8 x 8
    and 16 x 16 runs, normal and bimodal, coverage was 93 to 100 %; it is too wide rather than too narrow where
    a share is small. With fewer than about 6 seeds of a role it says little.

    References
    ----------
    .. [1] S. R. Searle, G. Casella and C. E. McCulloch, "Variance Components", Wiley 1992, sections 4.3 and 5.3.
    .. [2] A. B. Owen, "The Pigeonhole Bootstrap", Annals of Applied Statistics 1 (2007), 386-411.

    Examples
    --------
    >>> values = [0.1, 0.2, 0.1, 0.9, 1.0, 0.9]  # the second initialisation is the good one
    >>> shares = variance_shares(values, init_seeds=[0, 0, 0, 1, 1, 1], data_seeds=[0, 1, 2, 0, 1, 2])
    >>> round(shares.init.estimate, 2), shares.crossed
    (0.99, True)
    """
    sample = as_sample(values)
    inits, datas = np.asarray(init_seeds), np.asarray(data_seeds)
    if not inits.shape == datas.shape == sample.shape:
        raise ValueError(
            f"one init seed and one data seed per value are needed, not {inits.shape} and {datas.shape} "
            f"for {sample.shape}"
        )
    require_share(confidence=confidence)
    require_positive(resamples=resamples)
    pairs, runs = np.unique(np.column_stack([inits, datas]), axis=0, return_counts=True)
    if (runs > 1).any():
        init, data = pairs[runs > 1][0]
        raise ValueError(
            f"init seed {init} and data seed {data} occur in {runs.max()} runs; one per pair is needed"
        )

    observed = ~np.isnan(sample)
    used = observed & (_shared(inits, observed) | _shared(datas, observed))
    y = sample[used]
    rows, row = np.unique(inits[used], return_inverse=True)
    columns, column = np.unique(datas[used], return_inverse=True)
    present = np.zeros((rows.size, columns.size))
    present[row, column] = 1.0
    matrix = np.zeros(present.shape)
    matrix[row, column] = y - (y.mean() if y.size else 0.0)  # against cancellation

    components = _components(matrix, present, np.ones((1, rows.size)), np.ones((1, columns.size)))[:, 0]
    crossed = not np.isnan(components).any()
    estimates = _shares(components[:, None])[:, 0]
    resampled = np.empty((3, 0))
    if crossed and np.ptp(y) == 0:
        components[:] = 0.0  # not what rounding leaves
        estimates[:] = math.nan
    elif crossed:
        random = generator(seed)
        draws = [random.multinomial(k, np.full(k, 1 / k), resamples).astype(float) for k in present.shape]
        resampled = _shares(_components(matrix, present, *draws))
        resampled = resampled[:, ~np.isnan(resampled).any(axis=0)]
    init_share, data_share, interaction = (
        percentile_interval(float(share), drawn, n=y.size, confidence=confidence)
        for share, drawn in zip(estimates, resampled, strict=True)
    )
    return VarianceShares(
        crossed=crossed,
        init=init_share,
        data=data_share,
        interaction=interaction,
        total=float(components.clip(min=0).sum()),
        truncated=tuple(
            name for name, c in zip(("init", "data", "interaction"), components, strict=True) if c < 0
        ),
        n=y.size,
        n_nan=int((~observed).sum()),
        n_alone=int((observed & ~used).sum()),
        n_init=rows.size,
        n_data=columns.size,
    )


def _shared(seeds: npt.NDArray[Any], observed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which runs have a seed that occurs in more than one observed run."""
    names, counts = np.unique(seeds[observed], return_counts=True)
    return np.isin(seeds, names[counts > 1])


def _components(y: FloatArray, present: FloatArray, u: FloatArray, v: FloatArray) -> FloatArray:
    """Components of init, data and interaction, shape (3, R), with multiplicities u (R, rows) and v (R, columns).

    A sum over pairs of w w' (y - y')**2 / 2 is (sum w) (sum w y**2) - (sum w y)**2. Absent cells of `y` are 0.
    `nan` where a kind of pair does not occur.
    """
    row_n, row_y, row_yy, row_nn = v @ present.T, v @ y.T, v @ (y * y).T, (v * v) @ present.T
    column_n, column_y, column_yy, column_nn = u @ present, u @ y, u @ (y * y), (u * u) @ present
    in_row, in_column = row_n * row_yy - row_y**2, column_n * column_yy - column_y**2
    n = (u * row_n).sum(axis=1)
    anywhere = n * (u * row_yy).sum(axis=1) - (u * row_y).sum(axis=1) ** 2
    sums = np.stack(
        [
            (u * in_row).sum(axis=1),
            (v * in_column).sum(axis=1),
            anywhere - (u * u * in_row).sum(axis=1) - (v * v * in_column).sum(axis=1),
        ]
    )
    counts = np.stack(
        [
            (u * (row_n**2 - row_nn)).sum(axis=1),
            (v * (column_n**2 - column_nn)).sum(axis=1),
            n**2
            - ((u * row_n) ** 2).sum(axis=1)
            - ((v * column_n) ** 2).sum(axis=1)
            + (u * u * row_nn).sum(axis=1),
        ]
    )
    means = np.full(sums.shape, math.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    same_init, same_data, neither = means
    return np.stack([neither - same_init, neither - same_data, same_init + same_data - neither])


def _shares(components: FloatArray) -> FloatArray:
    """Non-negative parts of components (3, R), as shares of their sum; `nan` where that is 0 or undefined."""
    kept = components.clip(min=0)
    total = kept.sum(axis=0)
    shares = np.full(kept.shape, math.nan)
    np.divide(kept, total, out=shares, where=total > 0)
    return shares
