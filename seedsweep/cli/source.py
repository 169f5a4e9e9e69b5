"""What a report is of: a table by its columns, or a sweep, under its own criterion of success or another."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import seedsweep
from seedsweep import formats
from seedsweep.cli import origin
from seedsweep.cli.options import UnfinishedSeeds
from seedsweep.criterion import Criterion
from seedsweep.errors import InputError
from seedsweep.measures import scale_text
from seedsweep.population import ALL_ROWS, Population
from seedsweep.tables.understood import sentence


@dataclass(frozen=True)
class Source:
    """A population to report on."""

    population: Population
    command: str
    """That makes its report."""
    page: Path
    """Where that goes if nobody says."""

    @property
    def understood(self) -> str | None:
        """What was read of a table, what not, and why; None of a sweep."""
        facts = self.population.origin.facts
        return sentence(facts) if "read" in facts else None


def of_table(
    table: str,
    scale: str | None,
    seed: str | None,
    metrics: list[str] | None,
    step: str | None,
    threshold: float | None,
    higher_is_worse: bool,
    where: list[str] | None,
    unfinished: UnfinishedSeeds,
    pattern: str | None,
    format: str | None,
) -> Source:
    """The population in a table, or in whatever else somebody's runs left."""
    population = seedsweep.read_table(
        table,
        scale=scale,
        seed=seed,
        metric=metrics,
        step=step,
        threshold=threshold,
        higher_is_better=not higher_is_worse,
        where=_conditions(where or []),
        unfinished=unfinished.value,
        pattern=pattern,
        format=format,
    )
    facts = population.origin.facts
    words = ["seedsweep", "report", table, "--scale", scale or facts["scale"], "--seed", facts["seed"]]
    for metric in metrics or [facts["metric"]]:
        words += ["--metric", metric]
    if step is not None:
        words += ["--step", step]
    if threshold is not None:
        words += ["--threshold", scale_text(threshold)]
    if higher_is_worse:
        words.append("--higher-is-worse")
    for condition in where or []:
        words += ["--where", condition]
    if unfinished is not UnfinishedSeeds.dropped:
        words += ["--unfinished", unfinished.value]
    if pattern is not None:
        words += ["--from", pattern]
    if format is not None:
        words += ["--format", format]
    return Source(population, shlex.join(words), origin.directory(population) / "report.html")


def _conditions(given: list[str]) -> dict[str, str]:
    conditions: dict[str, str] = {}
    for text in given:
        column, equals, value = text.partition("=")
        if not (column and equals):
            raise InputError(f"--where {text}: give COL=VALUE, e.g. split=test")
        if column in conditions:
            raise InputError(f"--where {text}: {column} is given twice; only one value can be taken")
        conditions[column] = value
    return conditions


def of_sweep(
    place: str,
    metrics: list[str],
    split: str | None,
    threshold: float | None,
    higher_is_worse: bool,
    without: Sequence[str] = (),
) -> Source:
    """The population of a sweep, without the cells in some files.

    Under another criterion its page gets a name of its own beside `report.html`.
    """
    population = seedsweep.load(place, without=without)
    if not population.scales:
        raise InputError(f"{place}: no seed has finished training yet; see seedsweep status {place}")
    words = ["seedsweep", "report", place]
    folder = origin.directory(population)
    if not metrics and split is None and threshold is None and not higher_is_worse:
        return Source(population, shlex.join(words), folder / "report.html")
    if len(metrics) > 1:
        raise InputError(
            f"--metric {metrics[1]}: one metric decides about success; a sweep's others are compared in any case"
        )
    criterion = _criterion(population, metrics[0] if metrics else None, split, threshold, higher_is_worse)
    words += ["--metric", criterion.metric]
    parts = [criterion.metric]
    if criterion.split != ALL_ROWS:
        words += ["--split", criterion.split]
        parts.append(criterion.split)
    if criterion.threshold is not None:
        words += ["--threshold", scale_text(criterion.threshold)]
        parts.append(scale_text(criterion.threshold))
    if not criterion.higher_is_better:
        words.append("--higher-is-worse")
    name = re.sub(r"[^\w.-]+", "-", "-".join(["report", *parts]))
    return Source(replace(population, criterion=criterion), shlex.join(words), folder / f"{name}.html")


def _criterion(
    population: Population, metric: str | None, split: str | None, threshold: float | None, higher_is_worse: bool
) -> Criterion:
    """The sweep's own, changed where another is asked for. Another metric has no threshold unless it is given."""
    own = population.criterion
    name = metric or own.metric
    final = population.final(name, split)  # refuses unknown names, with the nearest
    if threshold is None and name == own.metric:
        threshold = own.threshold
    # Of what a stream has read no bounds are known but its values'.
    low, high = population.metrics[name].bounds if name in population.metrics else (-math.inf, None)
    if threshold is not None and not low <= threshold <= (math.inf if high is None else high):
        least = formats.given(low)
        reach = f"{least} or more" if high is None else f"from {least} to {formats.given(high)}"
        raise InputError(f"--threshold {formats.given(threshold)}: out of reach for {name}, which is {reach}")
    if threshold is not None and math.isinf(threshold):
        raise InputError(f"--threshold {formats.given(threshold)}: a finite number is needed")
    if name == own.metric:
        better = own.higher_is_better and not higher_is_worse
    else:
        both = own.metric in population.reader.measured[final.split]
        decided = population.final(own.metric, final.split if both else own.split)
        better = not higher_is_worse and (own.higher_is_better == _rise_together(decided.values, final.values))
    return Criterion(name, final.split, threshold, better)


def _rise_together(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two metrics of the same seeds are ranked alike, rather than in opposite order."""
    from scipy.stats import rankdata

    both = ~(np.isnan(a) | np.isnan(b))
    x, y = rankdata(a[both]), rankdata(b[both])
    return bool(((x - x.mean()) * (y - y.mean())).sum() >= 0) if x.size else True
