"""The figures of a report, those that apply to a study, each with how to read it and what it shows here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from seedsweep.analysis.figures.axis import ScaleAxis
from seedsweep.analysis.figures.of_study import CURVES, curves_drawn, least_alike, study_drawings
from seedsweep.analysis.report.svg import SeedMark, inline_svg
from seedsweep.analysis.report.wording import scale_word
from seedsweep.analysis.statistics import text
from seedsweep.analysis.study.study import Study
from seedsweep.population import Population

FIXED: Final = {
    "u-shape": (
        "The mean falls and rises again",
        "The mean beside its two factors, how many seeds succeed and how good those are; a circle marks a "
        "low point with clearly higher ones on both sides.",
    ),
    "survival": (
        "How many seeds are not there yet",
        "Share of the seeds that have not yet reached success for good (Kaplan–Meier, with 95 % bands), "
        "and their number below. A curve that still falls at its end is cut off by the step budget.",
    ),
    "budget": (
        "P(success), had training been stopped earlier",
        "With 95 % bands. Where the lines still rise at the end, failure may be nothing but too few "
        "steps; where the learning rate decays to zero they flatten in any case.",
    ),
    "crossed": (
        "Every run by its two seeds",
        "A square for every run, in the row of its initial weights and the column of its data, each in the order "
        "of their median; a dot is success. Stripes along rows are luck of the initial weights, stripes along "
        "columns luck of the data.",
    ),
}
"""Title and caption of figures of which they are always the same."""


@dataclass(frozen=True)
class Picture:
    """A figure of the page."""

    name: str
    title: str
    caption: str
    svg: Markup


def pictures(population: Population, study: Study, *, categories: bool = False) -> Iterator[Picture]:
    """The figures of a report, in the order of the page; the first stands beside the verdict."""
    seeds = seed_marks(population, study)
    for name, draw in study_drawings(study, categories=categories).items():
        title, caption = _words(name, population, study, categories)
        marks = _drawn_seeds(study, seeds) if name == "curves" else seeds
        yield Picture(name, title, caption, inline_svg(draw(), name, f"{title}. {caption}", marks))


def _words(name: str, population: Population, study: Study, categories: bool) -> tuple[str, str]:
    """Title and caption of a figure."""
    what, metric = scale_word(study), study.summary.criterion.metric
    if name == "every-seed":
        placed = _where_scales_stand(population, categories)
        return f"Every seed, by {what}", (
            "A dot for every seed, blue for success, with their histogram to the right; above, the share that "
            f"succeeds if there is room; the line is the mean. {placed}"
        )
    if name == "ladder":
        rates = text.listed([text.percent(scale.summary.success.rate) for scale in study.scales])
        return f"Where the seeds end, by {what}", (
            "Above, one histogram per scale with a dot for every seed, blue for success. Below, the usual "
            "numbers with 95 % intervals: the mode is where most seeds end, and jumps where the mean and "
            f"P(success) may climb gradually. Here P(success) is {rates} along the ladder."
        )
    if name == "extremes" and study.extremes is not None:
        return "Two studies of one seed per scale, from the same seeds", (
            "Every dot is a seed. The lines are two draws of one seed per scale: the most abrupt and "
            f"the steadiest of {text.count(study.extremes.draws)} draws. The further they are apart, the less one "
            "seed per scale tells."
        )
    if name == "claims":
        shown = text.percent(study.claims[0].probability.estimate)
        return "How often a small study would claim a sudden emergence", (
            "On the left the share of imagined studies whose curve is abrupt, by the number of seeds they "
            f"average; on the right how abrupt their curves are. Here {shown} of the studies with one seed "
            "would make the claim."
        )
    if name == "distances":
        where = (
            "No step stands out here."
            if study.capacity.scale is None
            else f"Here one drop stands out, at {what} {text.scale(study.capacity.scale)}."
        )
        return "How far each scale is from the largest", (
            "Wasserstein-2 distance of the distribution over seeds to that of the largest scale, and to the "
            "scale before. The boxes are what chance alone makes of one scale: inside them nothing is shown. "
            f"{where}"
        )
    if name.startswith("density-"):
        continuous = list(study.measured.continuous)[int(name.removeprefix("density-"))]
        return f"The same seeds under {continuous}", (
            f"Smoothed distribution of {continuous} over seeds, one row per scale, a tick for every seed. Two "
            f"humps here are not made by how {metric} is scored."
        )
    if name == "twins" and study.mirage is not None:
        other = least_alike(study.mirage)
        return f"{metric} beside {other}", (
            f"A dot per seed, with the histogram of each metric at its side; of the other metrics, {other} ranks "
            "the seeds least alike. If the colours do not mix along the horizontal axis, both metrics tell the "
            "same seeds apart."
        )
    if name == "curves":
        return _words_of_curves(study)
    return FIXED[name]


def seed_marks(population: Population, study: Study) -> dict[float, list[SeedMark]]:
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


def _drawn_seeds(study: Study, seeds: Mapping[float, list[SeedMark]]) -> dict[float, list[SeedMark]]:
    return {scale: [seeds[scale][row] for row in rows] for scale, rows in curves_drawn(study).items()}


def _words_of_curves(study: Study) -> tuple[str, str]:
    many = max((study.measured.values[scale].size for scale in study.measured.curves), default=0)
    note = (
        f" Of up to {many} seeds per scale {CURVES} are drawn, spread evenly over their final values; the "
        "shares above the panels are theirs."
        if many > CURVES
        else ""
    )
    caption = (
        f"One line per seed over training, blue if it ends in success; the dashed line is the threshold.{note}"
    )
    return "Learning curves" if note else "The learning curve of every seed", caption
