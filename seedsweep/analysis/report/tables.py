"""The tables of a report: every number of a study, with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from seedsweep.analysis.report.wording import scale_word
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.duplicates import IdenticalCurves
from seedsweep.analysis.statistics.groups import WEIGHT_OF_DIP
from seedsweep.analysis.statistics.variance import VarianceShares
from seedsweep.analysis.study.study import Study
from seedsweep.analysis.study.survival import SurvivalSummary

SENTENCE: Final = 28  # characters of a cell from which on it is no number with its interval


@dataclass(frozen=True)
class PageTable:
    """A table of the page; the first cell of every row is its header."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def prose(self) -> set[int]:
        """Columns with sentences in them, which are set to the left and may be wrapped."""
        return {i for row in self.rows for i, cell in enumerate(row) if len(cell) > SENTENCE}


def tables(study: Study) -> Iterator[PageTable]:
    """The tables of a report, in the order of the page."""
    yield from _scales(study)
    yield _dips(study)
    yield _groups(study)
    yield _clusters(study)
    yield _drift(study)
    if study.claims:
        yield _claims(study)
    if study.mirage is not None:
        yield _metrics(study)
        yield _separation(study)
    if study.survival is not None:
        yield _survival(study, study.survival)
    if study.variance is not None:
        yield _variance(study, study.variance)
    if study.time_variance:
        yield _time_variance(study)
    if study.duplicates:
        yield _duplicates(study, study.duplicates)


def _table(title: str, note: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> PageTable:
    return PageTable(title, note, tuple(columns), tuple(map(tuple, rows)))


def _scales(study: Study) -> Iterator[PageTable]:
    summary = study.summary
    inside = ["in-distribution mean"] if summary.in_distribution else []
    diverged = ["diverged"] if any(s.n_diverged for s in summary.scales) else []
    early = {} if summary.unfinished is None else summary.unfinished.ends
    stepped = ["at step"] if summary.steps else []
    ended = ["ended earlier"] if early else []
    criterion = summary.criterion
    threshold = text.given(criterion.shown(criterion.least))
    yield _table(
        "Seeds at each scale",
        f"In brackets 95 % intervals: {summary.intervals('P(success)', 'Gaffke’s')} over seeds. "
        "Diverged seeds count as failures in P(success) and are left out elsewhere.",
        [scale_word(study), *stepped, "seeds", *ended, *diverged, *inside, "mean", "mode",
         f"P({text.side(criterion)} {threshold})", "mean | success", "median", "5 to 95 %"],
        [
            [
                text.scale(s.scale),
                *([text.scale(summary.steps[s.scale])] if stepped else []),
                str(s.n),
                *([str(len(early.get(s.scale, ())))] if ended else []),
                *([str(s.n_diverged)] if diverged else []),
                *([text.with_interval(summary.in_distribution.get(s.scale))] if inside else []),
                text.with_interval(s.mean),
                text.with_interval(s.mode),
                text.share(s.success),
                text.with_interval(s.mean_given_success),
                text.number(s.median),
                text.interval(s.quantiles[0.05], s.quantiles[0.95]),
            ]
            for s in summary.scales
        ],
    )  # fmt: skip


def _dips(study: Study) -> PageTable:
    return _table(
        "Hartigan's dip test",
        "How far the distribution of the seeds is from any with one hump: the statistic that the literature has, "
        "with its own p-values for comparison. They are of single tests, not corrected for the number of scales, "
        "and nothing on this page rests on them: the p of groups is in the next table. “Raw” is without jitter, "
        "“jittered” spreads ties over the step of the metric, “unsaturated” leaves out seeds at the floor and the "
        "ceiling.",
        [scale_word(study), "dip", "p raw", "p jittered", "p unsaturated", "tied"],
        [
            [
                text.scale(s.scale),
                text.number(round(s.summary.dip.statistic, 4)),
                _p(s.dips.raw.pvalue),
                "–" if s.dips.jittered is None else _p(s.dips.jittered.pvalue),
                f"{_p(s.dips.unsaturated.pvalue)} (n = {s.dips.unsaturated.n})",
                text.percent(s.summary.dip.tied_share),
            ]
            for s in study.scales
        ],
    )


def _groups(study: Study) -> PageTable:
    return _table(
        "Is there more than one group of seeds?",
        "What a claim of groups rests on: the dip calibrated to the sample, and a test for small far groups; “p "
        "of groups” is of both, corrected for the number of scales (Holm). “Smallest group seen” is the share "
        "that would be found with 80 % power at that level, at the distance beside it: that of failures from "
        "successes, or six standard deviations of the scale where that is more. “Equal groups” is the distance at "
        "which two halves would be found.",
        [
            scale_word(study),
            "p calibrated",
            "p far group",
            "p of groups",
            "smallest group seen",
            "at a distance of",
            "equal groups",
        ],
        [
            [
                text.scale(s.scale),
                _p(s.groups.calibrated),
                _p(s.groups.far),
                text.without_p(p),
                "none" if s.detectable.share is None else text.percent(s.detectable.share),
                text.number(s.detectable.distance),
                "none" if s.detectable.even_distance is None else text.number(s.detectable.even_distance),
            ]
            for s, p in zip(study.scales, study.summary.pvalue_texts, strict=True)
        ],
    )


def _p(value: float, tests: float = 1) -> str:
    return text.without_p(text.pvalue(value, tests))


def _clusters(study: Study) -> PageTable:
    answers = {"successes and failures": "yes", "elsewhere": "no", "two values": "the metric knows only two"}
    return _table(
        "Two groups without a threshold",
        "A mixture of two normal distributions, where the p of groups and the information criterion support it. "
        "The last column: are the groups that the test finds those that succeed and those that fail?",
        [
            scale_word(study), "supported", "dividing line", "in the better group", "mean below", "mean above",
            "successes and failures?",
        ],
        [
            [
                text.scale(s.scale),
                "yes" if s.cluster.supported else f"no: {s.cluster.reason}",
                text.number(s.cluster.threshold),
                "–" if s.cluster.upper is None else text.share(s.cluster.upper),
                text.number(min(s.cluster.lower_mean, s.cluster.upper_mean)),
                text.number(max(s.cluster.lower_mean, s.cluster.upper_mean)),
                "–" if s.split is None else answers[s.split.kind],
            ]
            for s in study.scales
        ],
    )  # fmt: skip


def _drift(study: Study) -> PageTable:
    capacity = study.capacity
    chosen = capacity.by_scale
    placed = (
        "is not placed: no step stands out from an even ladder"
        if capacity.scale is None
        else f"is placed at {scale_word(study)} {' or '.join(map(text.scale, capacity.candidates))}"
    )
    return _table(
        "Distance between scales and minimum capacity",
        "Wasserstein-2 distances in the unit of the metric. The noise floor is what random halves of one scale "
        "are apart, mean and 95th percentile: a distance within it is none, though its interval never holds 0. "
        f"Minimum capacity {placed}. The last column is the share of bootstrap resamples in which the step from "
        "the scale before is the largest; it is no probability.",
        [
            scale_word(study),
            "to the largest",
            "noise floor (mean to .95)",
            "to the one before",
            "largest step here",
        ],
        [
            [
                text.scale(s.scale),
                text.with_interval(s.drift.to_largest),
                text.interval(s.drift.noise_floor.mean, s.drift.noise_floor.high),
                text.with_interval(s.drift.to_previous),
                text.percent(chosen[s.scale]) if s.scale in chosen else "–",
            ]
            for s in study.scales
        ],
    )


def _claims(study: Study) -> PageTable:
    return _table(
        "What studies with few seeds would claim",
        "A claim is a curve of means over the scales whose breakthroughness exceeds "
        f"{text.given(study.claims[0].threshold)} and that crosses the threshold of success.",
        ["seeds per scale", "P(claim)", "breakthroughness, median (5 to 95 %)", "linearity, median (5 to 95 %)"],
        [
            [
                str(claim.seeds),
                text.share(claim.probability)
                if claim.probability.low < claim.probability.high
                else text.percent(claim.probability.estimate),
                *(
                    f"{text.number(q[0.5])} ({text.interval(q[0.05], q[0.95])})"
                    for q in (claim.breakthroughness.quantiles, claim.linearity.quantiles)
                ),
            ]
            for claim in study.claims
        ],
    )


def _metrics(study: Study) -> PageTable:
    rows = [(s.scale, s.mirage) for s in study.scales if s.mirage is not None]
    harsh, *others = rows[0][1].pvalues
    tests = sum(s.summary.dip.n > 0 for s in study.scales) / WEIGHT_OF_DIP
    groups = {
        "not multimodal": "–",
        "mirage": f"only under {harsh}",
        "not detected": f"found only under {harsh}",
        "mixed": "under some",
        "survives": "under all",
    }
    return _table(
        "The same seeds under continuous metrics",
        "p of groups under each metric, corrected for the scales by Holm, and the rank correlation "
        f"with {harsh} over seeds with its 95 % interval.",
        [
            scale_word(study),
            harsh,
            *(word for name in others for word in (name, f"rank correlation of {name}")),
            "groups",
        ],
        [
            [
                text.scale(scale),
                _p(under.pvalues[harsh], tests),
                *(
                    word
                    for name in others
                    for word in (
                        _p(under.pvalues[name], tests),
                        text.with_interval(under.agreement[name]),
                    )
                ),
                groups[under.verdict],
            ]
            for scale, under in rows
        ],
    )


def _separation(study: Study) -> PageTable:
    rows = [(s.scale, s.mirage) for s in study.scales if s.mirage is not None]
    harsh, *others = rows[0][1].pvalues
    return _table(
        "How far apart the seeds are in continuous metrics",
        f"Of the seeds on both sides of the threshold of {harsh}: the difference of their means in standard "
        "deviations within the sides (Hedges' g), with its 95 % interval. The last column is what one normal "
        "group comes to that is cut at the same share: beyond that, the middle is emptier than in one group.",
        [scale_word(study), *others, "one group"],
        [
            [
                text.scale(scale),
                *(text.with_interval(under.separation[name]) for name in others),
                text.number(round(under.one_group, 2)),
            ]
            for scale, under in rows
        ],
    )


def _survival(study: Study, survival: SurvivalSummary) -> PageTable:
    return _table(
        "When seeds succeed, and what the step budget decides",
        "Steps until success for good; ∞ where half of the seeds do not get there. A run that ends early is "
        "censored there, and not in the other columns. “Rising” are failing "
        "seeds that rose steadily at the end; “late” are the seeds that succeeded in the last quarter of the "
        "budget, of those that waited before it; “if doubled” is the share of the failing that would succeed in "
        "as many steps again at that pace. Log-rank test between the scales: "
        f"{text.pvalue(survival.log_rank.pvalue)}.",
        [scale_word(study), "seeds", "median steps", "failing", "rising", "late", "if doubled", "step budget"],
        [
            [
                text.scale(s.scale),
                str(s.cut_off.n),
                f"{text.number(s.survival.median.estimate)} "
                f"({text.interval(s.survival.median.low, s.survival.median.high)})",
                str(s.cut_off.failing),
                text.share(s.cut_off.rising) if s.cut_off.failing else "–",
                f"{s.cut_off.late.successes} of {s.cut_off.late.n}" if s.cut_off.failing else "–",
                text.share(s.cut_off.if_doubled) if s.cut_off.failing else "–",
                s.cut_off.verdict,
            ]
            for s in survival.scales
        ],
    )


def _variance(study: Study, variance: Mapping[float, VarianceShares]) -> PageTable:
    return _table(
        "Initial weights or data, and where a run ends",
        "Shares of the variance of the final values over runs, where the two seeds of a run are crossed.",
        [scale_word(study), "runs", "initial weights", "data", "combination and noise"],
        [
            [
                text.scale(scale),
                str(shares.n),
                *(text.share(part) for part in (shares.init, shares.data, shares.interaction)),
            ]
            for scale, shares in variance.items()
        ],
    )


def _time_variance(study: Study) -> PageTable:
    return _table(
        "Initial weights or data, and the time until success",
        "Shares of the variance of log times over runs; runs that did not succeed count as later than their last "
        "step.",
        [scale_word(study), "runs", "succeeded", "initial weights", "data", "combination and noise"],
        [
            [
                text.scale(scale),
                str(shares.n),
                str(shares.reached),
                *(text.share(part) for part in (shares.init, shares.data, shares.interaction)),
            ]
            for scale, shares in study.time_variance.items()
        ],
    )


def _duplicates(study: Study, groups: Sequence[IdenticalCurves]) -> PageTable:
    return _table(
        "Seeds that agree",
        "In every digit, or to a millionth of the range. Constant curves and those of few values agree "
        "innocently; a duplicate is most likely one run under several names: chance would make fewer than 0.01 "
        "such pairs.",
        [scale_word(study), "seeds", "different values", "pairs expected by chance", "duplicate"],
        [
            [
                text.listed([text.scale(scale) for scale in dict.fromkeys(group.scales)]),
                _some([str(seed) for seed in group.seeds]),
                str(group.distinct_values),
                text.number(group.expected_by_chance),
                "yes" if group.same_run else "no",
            ]
            for group in groups
        ],
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
