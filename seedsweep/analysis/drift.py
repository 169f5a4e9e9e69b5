"""How far apart are the distributions of two scales? The Wasserstein-2 distance."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.samples import observed


def wasserstein2(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Wasserstein-2 distance of two one-dimensional samples, exact also for unequal sizes.

    W2 is the L2 distance of the two quantile functions,

        W2(a, b) = sqrt( integral over q in (0, 1) of (Q_a(q) - Q_b(q))**2 ).

    Parameters
    ----------
    a, b : array_like, shapes (n,) and (m,)
        One value per seed. `nan` (a diverged seed) is dropped.

    Returns
    -------
    float
        In the unit of the samples. `nan` if either sample has no values.

    Raises
    ------
    ValueError
        If a sample is not one-dimensional or holds an infinite value.

    Notes
    -----
    Both quantile functions are steps, so the integral is a finite sum over the merged grid
    {i/n} and {j/m}. W2 is a metric on distributions: symmetric, zero exactly for equal distributions
    (``[0, 1]`` and ``[0, 0, 1, 1]`` are equal), with the triangle inequality.

    The distance of two finite samples of one distribution is above zero, by sampling noise alone.
    (`scipy.stats.wasserstein_distance` is W1.)

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 4c.
    .. [2] Villani, "Topics in Optimal Transportation", AMS 2003, Theorem 2.18 (the one-dimensional case).

    Examples
    --------
    >>> wasserstein2([0, 1], [0.5, 1.5])
    0.5
    >>> round(wasserstein2([0, 1], [0, 0, 1]) ** 2, 6)  # Q differs by 1 on (1/2, 2/3)
    0.166667
    """
    a, b = np.sort(observed(a)), np.sort(observed(b))
    n, m = a.size, b.size
    if n == 0 or m == 0:
        return math.nan
    # The merged grid in units of 1/(n m), where its points are integers and equal ones coincide.
    grid = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    left = grid[:-1]
    gaps = a[left // m] - b[left // n]
    return math.sqrt(np.dot(np.diff(grid), gaps**2) / (n * m))
