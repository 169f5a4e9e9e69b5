"""The figures of a report, those that apply to a study, each with how to read it and what it shows here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from seedsweep import formats
from seedsweep.analysis import figures
from seedsweep.analysis.figures.axis import ScaleAxis
from seedsweep.analysis.figures.u_shape import lowest_between_higher
from seedsweep.analysis.report.luck import crossed_figure
from seedsweep.analysis.report.svg import SeedMark, inline_svg
from seedsweep.analysis.report.wording import scale_word
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.mirage import MirageCheck
from seedsweep.analysis.study.study import Study
from seedsweep.population import ALL_ROWS, Population

CURVES: Final = 100
"""Seeds of a scale of which learning curves are drawn; of more, an even choice by rank of their final value."""


@dataclass(frozen=True)
class Picture:
    """A figure of the page."""

    name: str
    title: str
    caption: str
    svg: Markup


def pictures(population: Population, study: Study, *, categories: bool = False) -> Iterator[Picture]:
    """The figures of a report, in the order of the page; the first stands beside the verdict."""
    criterion, measured = study.summary.criterion, study.measured
    what = scale_word(study)
    metric = _on(criterion.metric, criterion.split)
    axes = {"scale_name": formats.shortened(what), "metric_name": formats.shortened(metric)}
    summaries = [scale.summary for scale in study.scales]
    seeds = _seeds(population, study)

    def picture(
        name: str, title: str, caption: str, figure: Figure, drawn_seeds: Mapping[float, list[SeedMark]] = seeds
    ) -> Picture:
        return Picture(name, title, caption, inline_svg(figure, name, f"{title}. {caption}", drawn_seeds))

    along: dict[str, Any] = {**axes, "categories": categories}
    placed = _where_scales_stand(population, categories)
    yield picture(
        "every-seed",
        f"Every seed, by {what}",
        "A dot for every seed, blue for success, with their histogram to the right; above, the share that "
        f"succeeds if there is room; the line is the mean. {placed}",
        figures.every_seed(measured.values, summaries, criterion, **along),
    )

    rates = text.listed([text.percent(s.success.rate) for s in summaries])
    yield picture(
        "ladder",
        f"Where the seeds end, by {what}",
        "Above, one histogram per scale with a dot for every seed, blue for success. Below, the usual "
        "numbers with 95 % intervals: the mode is where most seeds end, and jumps where the mean and "
        f"P(success) may climb gradually. Here P(success) is {rates} along the ladder.",
        figures.ladder(measured.values, summaries, criterion, **along),
    )
    if study.extremes is not None:
        yield picture(
            "extremes",
            "Two studies of one seed per scale, from the same seeds",
            "Every dot is a seed. The lines are two draws of one seed per scale: the most abrupt and "
            f"the steadiest of {text.count(study.extremes.draws)} draws. The further they are apart, the less one "
            "seed per scale tells.",
            figures.extreme_curves(measured.values, study.extremes, **along),
        )
    if study.claims:
        shown = text.percent(study.claims[0].probability.estimate)
        yield picture(
            "claims",
            "How often a small study would claim a sudden emergence",
            "On the left the share of imagined studies whose curve is abrupt, by the number of seeds they "
            f"average; on the right how abrupt their curves are. Here {shown} of the studies with one seed "
            "would make the claim.",
            figures.claims(study.claims),
        )
    if len(study.capacity.scales) > 1:
        where = (
            "No step stands out here."
            if study.capacity.scale is None
            else f"Here one drop stands out, at {what} {text.scale(study.capacity.scale)}."
        )
        yield picture(
            "distances",
            "How far each scale is from the largest",
            "Wasserstein-2 distance of the distribution over seeds to that of the largest scale, and to the "
            "scale before. The boxes are what chance alone makes of one scale: inside them nothing is shown. "
            f"{where}",
            figures.distances(
                [scale.drift for scale in study.scales], study.capacity, summaries, criterion, **along
            ),
        )
    for number, (name, values) in enumerate(measured.continuous.items()):
        low, high = population.metric(name, criterion.split).bounds
        drawn = figures.densities(
            values,
            scale_name=axes["scale_name"],
            metric_name=formats.shortened(_on(name, criterion.split)),
            bounds=(low, np.inf if high is None else high),
        )
        yield picture(
            f"density-{number}",
            f"The same seeds under {name}",
            f"Smoothed distribution of {name} over seeds, one row per scale, a tick for every seed. Two humps "
            f"here are not made by how {criterion.metric} is scored.",
            drawn,
        )
    if study.mirage is not None:
        name = _least_alike(study.mirage)
        drawn = figures.metric_twins(
            measured.values,
            measured.continuous[name],
            criterion,
            scale_name=axes["scale_name"],
            harsh_name=axes["metric_name"],
            continuous_name=formats.shortened(name),
        )
        yield picture(
            "twins",
            f"{criterion.metric} beside {name}",
            f"A dot per seed, with the histogram of each metric at its side; of the other metrics, {name} ranks "
            "the seeds least alike. If the colours do not mix along the horizontal axis, both metrics tell the "
            "same seeds apart.",
            drawn,
        )
    if lowest_between_higher([s.mean for s in summaries]) is not None:
        yield picture(
            "u-shape",
            "The mean falls and rises again",
            "The mean beside its two factors, how many seeds succeed and how good those are; a circle marks a "
            "low point with clearly higher ones on both sides.",
            figures.u_shape(summaries, **along),
        )
    if measured.curves:
        yield picture(*_learning_curves(study, seeds, axes))
    if study.survival is not None:
        yield picture(
            "survival",
            "How many seeds are not there yet",
            "Share of the seeds that have not yet reached success for good (Kaplan–Meier, with 95 % bands), "
            "and their number below. A curve that still falls at its end is cut off by the step budget.",
            figures.survival_curves(study.survival, criterion, **axes),
        )
        yield picture(
            "budget",
            "P(success), had training been stopped earlier",
            "With 95 % bands. Where the lines still rise at the end, failure may be nothing but too few "
            "steps; where the learning rate decays to zero they flatten in any case.",
            figures.budget_sensitivity(study.survival, scale_name=axes["scale_name"]),
        )
    if study.variance is not None:
        final = population.final(criterion.metric, criterion.split)
        yield picture(
            "crossed",
            "Every run by its two seeds",
            "A square for every run, in the row of its initial weights and the column of its data, each in the "
            "order of their median; a dot is success. Stripes along rows are luck of the initial weights, stripes "
            "along columns luck of the data.",
            crossed_figure(final, study.variance, criterion, **axes),
        )


def _seeds(population: Population, study: Study) -> dict[float, list[SeedMark]]:
    """Name and value of every seed, in the order of the samples."""
    criterion, what = study.summary.criterion, scale_word(study)
    final = population.final(criterion.metric, criterion.split)
    return {
        scale: [
            SeedMark(f"{number}-{row}", f"seed {seed} at {what} {text.scale(scale)}: {text.number(value)}")
            for row, (seed, value) in enumerate(zip(final.seeds_at(scale), final.at(scale).tolist(), strict=True))
        ]
        for number, scale in enumerate(final.scales)
    }


def _where_scales_stand(population: Population, categories: bool) -> str:
    match ScaleAxis.of(population.scales, categories=categories).kind:
        case _ if len(population.scales) < 2:
            return ""
        case "linear":
            return "The scales stand where their numbers are, on a linear axis."
        case "log":
            return "The scales stand where their numbers are, on a log axis."
        case "categories":
            return "The scales stand at equal distances, however far apart their numbers are."


def _least_alike(check: MirageCheck) -> str:
    """The metric with the lowest rank correlation with the first, at any scale."""

    def lowest(metric: str) -> float:
        known = [r.estimate for r in check.agreement[metric] if not math.isnan(r.estimate)]
        return min(known, default=math.inf)

    return min(check.agreement, key=lowest)


def _on(metric: str, split: str) -> str:
    return metric if split == ALL_ROWS else f"{metric} ({split})"


def _learning_curves(
    study: Study, seeds: Mapping[float, list[SeedMark]], axes: dict[str, str]
) -> tuple[str, str, str, Figure, Mapping[float, list[SeedMark]]]:
    lines, ends, left_out = {}, {}, 0
    drawn_seeds = {}
    for scale, curves in study.measured.curves.items():
        end = study.measured.values[scale]
        order = np.argsort(end, kind="stable")
        if end.size > CURVES:
            order = order[np.linspace(0, end.size - 1, CURVES).round().astype(int)]
            left_out = max(left_out, end.size)
        drawn_seeds[scale] = [seeds[scale][row] for row in order]
        lines[scale], ends[scale] = (curves.steps, curves.values[order]), end[order]
    note = (
        f" Of up to {left_out} seeds per scale {CURVES} are drawn, spread evenly over their final values; the "
        "shares above the panels are theirs."
        if left_out
        else ""
    )
    drawn = figures.learning_curves(lines, study.summary.criterion, **axes, ends=ends)
    caption = (
        f"One line per seed over training, blue if it ends in success; the dashed line is the threshold.{note}"
    )
    title = "Learning curves" if left_out else "The learning curve of every seed"
    return "curves", title, caption, drawn, drawn_seeds
