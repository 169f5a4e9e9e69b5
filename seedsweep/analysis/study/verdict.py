"""How the capability emerges, by a rule: smoothly, abruptly or by chance, or why that cannot be decided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from seedsweep.analysis.study.study import WORTH_SEEING, ScaleStudy, Study

Verdict: TypeAlias = Literal[
    "by chance", "abruptly", "smoothly", "comes and goes", "split elsewhere", "absent", "everywhere", "no rise",
    "two values", "one seed", "few seeds", "one scale", "few scales", "between",
]  # fmt: skip
"""The first three answer the question; "comes and goes" says that it cannot be asked of what seeds end with, since
most that get the capability lose it before; "split elsewhere" says that seeds form groups, and that these are not
those that succeed and those that fail; "absent", "everywhere" and "no rise" say that nothing emerges along this
ladder; the others say why it cannot be decided."""

SURE: Final = 0.95
"""Share of the resamples in which the curve of means must be abrupt, or must not be."""


def split_by_chance(study: Study) -> tuple[ScaleStudy, ...]:
    """The scales at which seeds part into groups, and these are the successes and the failures."""
    return tuple(
        scale
        for scale in study.scales
        if scale.mixed and scale.split is not None and scale.split.kind == "successes and failures"
    )


def split_elsewhere(study: Study) -> tuple[ScaleStudy, ...]:
    """The scales at which seeds part into groups that are not the successes and the failures."""
    return tuple(scale for scale in study.scales if scale.split is not None and scale.split.kind == "elsewhere")


def of_two_values(study: Study) -> tuple[ScaleStudy, ...]:
    """The scales at which the outcome depends on the seed, of a metric that knows two outcomes only."""
    return tuple(
        scale
        for scale in study.scales
        if scale.mixed and scale.split is not None and scale.split.kind == "two values"
    )


def too_thin(study: Study) -> tuple[ScaleStudy, ...]:
    """The scales at which some seeds succeed and some fail, and which have too few to show groups of them."""
    return tuple(scale for scale in could_hide_groups(study) if scale.mixed)


def could_hide_groups(study: Study) -> tuple[ScaleStudy, ...]:
    """The scales without groups at which one of `WORTH_SEEING` would have been missed too often."""
    return tuple(
        scale
        for scale in study.scales
        if not scale.multimodal
        and scale.detectable.n > 1
        and scale.detectable.spread > 0
        and not math.isnan(scale.detectable.distance)
        and not scale.detectable.finds(WORTH_SEEING)
    )


def clearest_split(scales: Sequence[ScaleStudy]) -> ScaleStudy:
    """The scale with the largest dip."""
    return max(scales, key=lambda scale: scale.summary.dip.statistic)


def verdict(study: Study) -> Verdict:
    """How the capability emerges along the ladder.

    Parameters
    ----------
    study : Study

    Returns
    -------
    str
        The first of these that applies:

        * "one seed": no scale has two seeds with a value;
        * "comes and goes": at some scale surely more than 5 % of the seeds get above the threshold and lose it
          again within the budget, once and for good, surely most of those that get above it, and surely most of
          those that ever lose it (`transience`; 95 % Wilson limits, corrected for the scales);
        * "by chance": at some scale `group_test`, corrected by Holm over the scales, refutes a single group at
          .05, at least 5 % of the seeds succeed there and at least 5 % fail, and the groups are these: the
          threshold lies between them and they are as large (see `group_split`);
        * "absent": no seed succeeds; "everywhere": every seed does;
        * "split elsewhere": groups are found, and they are others than the successes and failures;
        * "two values": the metric knows only two, so that groups are of its making;
        * "one scale": the ladder has no second;
        * "no rise": neither P(success) nor the mean is clearly better (intervals apart) than at the smallest
          scale;
        * "few seeds": some seeds of a scale succeed, some fail, and there are so few that a group of 20 % of them
          would be found with a probability of less than 80 % (`detectable_split`), though it were as far from the
          others as failures are from successes on this ladder, or six standard deviations if that is more:
          neither evidence for chance nor against it;
        * "few scales": fewer than four, which cannot tell a jump from a steep, even rise;
        * "abruptly": the curve of the means over all seeds is abrupt, by the rule of `emergence_claims`, in at
          least 95 % of the resamples; "smoothly": in at most 5 %; "between": neither.

    Notes
    -----
    The limits are our choice. "Smoothly" and "abruptly" say that no groups of seeds are seen where the test
    would see them.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from seedsweep import analysis, read_table
    >>> rows = [f"{depth},{run},{depth / 4 + run / 500}" for depth in (1, 2, 3, 4) for run in range(4)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "study.csv")
    ...     _ = file.write_text("depth,run,accuracy\\n" + "\\n".join(rows))
    ...     study = analysis.study(read_table(file, scale="depth", seed="run", metric="accuracy"))
    >>> verdict(study)
    'smoothly'
    """
    scales = [scale.summary for scale in study.scales]
    if max(scale.dip.n for scale in scales) <= 1:
        return "one seed"
    if study.transience is not None and study.transience.mostly:
        return "comes and goes"
    if split_by_chance(study):
        return "by chance"
    if not any(scale.success.successes for scale in scales):
        return "absent"
    if all(scale.success.successes == scale.n for scale in scales):
        return "everywhere"
    if split_elsewhere(study):
        return "split elsewhere"
    if of_two_values(study):
        return "two values"
    if len(scales) == 1:
        return "one scale"
    if not any(_better(study, scale) for scale in study.scales[1:]):
        return "no rise"
    if too_thin(study):
        return "few seeds"
    if study.abrupt is None:
        return "few scales"
    return "abruptly" if study.abrupt >= SURE else "smoothly" if study.abrupt <= 1 - SURE else "between"


def _better(study: Study, scale: ScaleStudy) -> bool:
    """Clearly better than the smallest scale."""
    here, smallest = scale.summary, study.scales[0].summary
    if here.success.low > smallest.success.high:
        return True
    oriented = study.summary.criterion.oriented
    ends_here = oriented([here.mean.low, here.mean.high])
    return bool(ends_here.min() > oriented([smallest.mean.low, smallest.mean.high]).max())
