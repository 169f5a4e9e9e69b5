"""Does a ladder carry a forecast? Why not, in a few words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from scipy.stats import kendalltau, mannwhitneyu

from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.extrapolate import FEWEST_SCALES
from seedsweep.analysis.statistics.samples import FloatArray, observed_by_scale
from seedsweep.analysis.study.parts import LEVEL

FARTHEST: Final = 0.5
"""How far beyond the largest scale a forecast goes, in lengths of the ladder; our choice."""


def why_not(better: Mapping[float, FloatArray], to: float, word: str) -> str:
    """Why these seeds do not carry a forecast for a scale; empty if they do, as far as can be told beforehand."""
    ladder = observed_by_scale(better)
    if len(ladder) < FEWEST_SCALES:
        return f"a trend is seen over {FEWEST_SCALES} scales or more, and there are {len(ladder)}"
    scales = list(ladder)
    place = math.log if scales[0] > 0 else float
    length, beyond = place(scales[-1]) - place(scales[0]), place(to) - place(scales[-1])
    if beyond > FARTHEST * length + 1e-9:
        reach = (
            scales[-1] * (scales[-1] / scales[0]) ** FARTHEST
            if scales[0] > 0
            else (scales[-1] + FARTHEST * length)
        )
        return (
            f"it is too far: a ladder of {word} {text.scale(scales[0])} to {text.scale(scales[-1])} carries a "
            f"forecast to {text.number(reach)} at most, half its own length further"
        )
    x = np.concatenate([np.full(sample.size, scale) for scale, sample in ladder.items()])
    y = np.concatenate(list(ladder.values()))
    p = float(kendalltau(x, y).pvalue) if np.unique(y).size > 1 else math.nan
    if not p <= LEVEL:
        told = "all values are the same" if math.isnan(p) else f"Kendall's tau, {text.pvalue(p)}"
        return f"no trend is seen along the ladder ({told})"
    return _turns(ladder, word)


def _turns(ladder: Mapping[float, FloatArray], word: str) -> str:
    """Whether the largest scale goes back from one before. A guard and no claim: each test is at .05 by itself."""
    *before, last = ladder.items()
    rises = last[1].mean() >= before[0][1].mean()
    for scale, sample in before[1:]:
        better, worse = (sample, last[1]) if rises else (last[1], sample)
        p = float(mannwhitneyu(better, worse, alternative="greater").pvalue)
        if p <= LEVEL:
            return (
                f"the trend turns: {word} {text.scale(last[0])} goes back from {text.scale(scale)} "
                f"(Mann and Whitney's test, {text.pvalue(p)}), and none of the models does"
            )
    return ""
