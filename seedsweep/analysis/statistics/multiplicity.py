"""Many scales are many tests: p-values adjusted for their number."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.samples import FloatArray, as_sample


def adjust_pvalues(pvalues: npt.ArrayLike, method: Literal["holm", "benjamini-hochberg"] = "holm") -> FloatArray:
    """p-values of several tests, adjusted so that each can be compared with the level of all.

    Parameters
    ----------
    pvalues : array_like, shape (n_tests,)
        One per scale. `nan` (no test was possible) stays `nan` and does not count as a test.
    method : {"holm", "benjamini-hochberg"}
        "holm" controls the probability of any false discovery, under any dependence; "benjamini-hochberg"
        the expected share of false ones among the discoveries, for independent tests, which those of
        different scales are.

    Returns
    -------
    ndarray of float64, shape (n_tests,)
        In the order of `pvalues`; empty for no test.

    Raises
    ------
    ValueError
        If a p-value is not between 0 and 1 or the method is another.

    Notes
    -----
    With p_(1) <= ... <= p_(m), Holm's is max over j <= i of min(1, (m - j + 1) p_(j)), and Benjamini and
    Hochberg's is min over j >= i of min(1, m p_(j) / j). A p-value below the floor of the dip test's table
    (reported as 0.0) stays 0.0, and means "below m times the floor".

    References
    ----------
    .. [1] S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
       Statistics 6 (1979), 65-70.
    .. [2] Y. Benjamini and Y. Hochberg, "Controlling the False Discovery Rate", Journal of the Royal
       Statistical Society B 57 (1995), 289-300.

    Examples
    --------
    >>> adjust_pvalues([0.01, 0.04, 0.03, 0.005])
    array([0.03, 0.06, 0.06, 0.02])
    >>> adjust_pvalues([0.01, 0.04, 0.03, 0.005], "benjamini-hochberg")
    array([0.02, 0.04, 0.04, 0.02])
    """
    adjusted = as_sample(pvalues).copy()
    tested = np.flatnonzero(~np.isnan(adjusted))
    order = tested[np.argsort(adjusted[tested], kind="stable")]
    ascending = adjusted[order]
    if ascending.size and not (ascending[0] >= 0 and ascending[-1] <= 1):
        raise ValueError(f"p-values are between 0 and 1, not {ascending[0]:g} to {ascending[-1]:g}")
    m = ascending.size
    rank = np.arange(1, m + 1)
    if method == "holm":
        stepped = np.maximum.accumulate((m - rank + 1) * ascending)
    elif method == "benjamini-hochberg":
        stepped = np.minimum.accumulate((m * ascending / rank)[::-1])[::-1]
    else:
        raise ValueError(f'method is "holm" or "benjamini-hochberg", not "{method}"')
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
