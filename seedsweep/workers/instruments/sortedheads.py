"""What is told of heads, which have no names that two seeds share.

Letters: S seeds, H heads.
"""

from __future__ import annotations

import numpy as np

from seedsweep.cell import Metrics


def sorted_heads(metric: str, values_SH: np.ndarray, threshold: float) -> Metrics:
    """The heads' values of every seed, the largest first, under `heads-sorted-k`; and under `heads-count` how many
    are over the threshold."""
    sorted_SH = np.sort(values_SH, axis=1)[:, ::-1].astype(np.float64)
    values: Metrics = {(f"heads-sorted-{rank}", metric): sorted_SH[:, rank] for rank in range(sorted_SH.shape[1])}
    return values | {("heads-count", metric): (values_SH > threshold).sum(1).astype(np.float64)}
