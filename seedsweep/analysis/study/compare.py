"""Two populations beside each other, seed by seed where they have the same: what differs, and where."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.apart import distribution_distance
from seedsweep.analysis.statistics.differences import (
    Difference,
    mean_difference,
    over_ladder,
    success_difference,
)
from seedsweep.analysis.statistics.events import event_times
from seedsweep.analysis.statistics.samples import FloatArray, observed
from seedsweep.analysis.statistics.sides import Sides
from seedsweep.analysis.study.compared import Compared, Comparison, Question
from seedsweep.analysis.study.parts import bounds_of, judged_curves
from seedsweep.criterion import Criterion
from seedsweep.errors import InputError
from seedsweep.population import ALL_ROWS, Taken, of_split

if TYPE_CHECKING:
    from seedsweep.population import FinalTable, Population

Names: TypeAlias = list[Hashable]

ENDED: Final[dict[Taken, str]] = {
    "dropped": "left out",
    "failed": "counted as failures without a value",
    "last": "taken by the last value of each",
}

WITHOUT_CURVES: Final = "only final values are known of {}; the step of every evaluation is needed"


def compare(a: Population, b: Population, criterion: Criterion | None = None) -> Comparison:
    """Compare two populations: a change of optimiser, data or architecture, over all seeds.

    Parameters
    ----------
    a, b : Population
        Of sweeps or tables, in any mixture. Seeds of the same scale, init seed and data seed are pairs.
    criterion : Criterion, optional
        What success is in both. By default what both have as such.

    Returns
    -------
    Comparison
        B − A for P(success), the mean, the Wasserstein-2 distance and the time to success, each at every scale
        that both have and over the ladder.

    Raises
    ------
    InputError
        If the two do not have the same criterion and none is given, scale different fields, have no scale in
        common, or a metric or split is unknown.

    Notes
    -----
    Each question has its own correction: Holm's, over its tests at every scale and over the ladder. So each is
    answered with a difference that is none in at most 5 % of comparisons.

    *Time to success* is the mean of min(time, budget), the restricted mean: a seed that does not get there within
    the step to which both were trained counts with that step, so that nothing is supposed of what it would have
    done later. A time lies half-way between the two evaluations.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from seedsweep import read_table
    >>> def table(folder, name, gain):
    ...     file = pathlib.Path(folder, name)
    ...     rows = [f"{d},{run},{d / 8 + run / 40 + gain}" for d in (1, 2) for run in range(20)]
    ...     _ = file.write_text("depth,run,accuracy\\n" + "\\n".join(rows))
    ...     return read_table(file, scale="depth", seed="run", metric="accuracy", threshold=0.5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = compare(table(folder, "a.csv", 0.0), table(folder, "b.csv", 0.1))
    >>> round(float(found.of("mean").overall), 3), found.of("mean").differs
    (0.1, True)
    >>> found.paired
    'all 40 seeds of A over all scales are in B too, and are compared in pairs'
    """
    criterion, chosen = _criterion(a, b, criterion)
    if text.field(a.scale_name) != text.field(b.scale_name):
        raise InputError(
            f"{b.path}: scales {b.scale_name}, and {a.path} scales {a.scale_name}: the same is needed"
        )
    tables = _final(a, criterion), _final(b, criterion)
    known = [{scale for scale in table.scales if table.at(scale).size} for table in tables]
    scales = tuple(sorted(known[0] & known[1]))
    if not scales:
        have = [text.listed([text.scale(s) for s in sorted(side)]) or "none" for side in known]
        raise InputError(
            f"{b.path}: has no {text.field(a.scale_name)} in common with {a.path}: {have[1]}, and {have[0]} there"
        )
    if chosen:
        values = observed(np.concatenate([table.at(scale) for table in tables for scale in scales]))
        middle = float(values.min() + values.max()) / 2 if values.size else 0.0
        criterion = replace(criterion, threshold=middle)
    names = [(_names(tables[0], scale), _names(tables[1], scale)) for scale in scales]
    sides = [
        Sides.of(tables[0].at(scale), tables[1].at(scale), *here)
        for scale, here in zip(scales, names, strict=True)
    ]
    better = [Sides(criterion.oriented(s.a), criterion.oriented(s.b), s.pairs) for s in sides]
    bounds = _bounds(a, b, criterion)
    least = criterion.least
    questions = [
        _asked("P(success)", scales, better, lambda s, i: success_difference(s, least, stream=i)),
        _asked("mean", scales, sides, lambda s, i: mean_difference(s, bounds=bounds, stream=i)),
        Compared(
            "W2",
            {scale: distribution_distance([s]) for scale, s in zip(scales, sides, strict=True)},
            distribution_distance(sides) if len(scales) > 1 else None,
        ),
    ]
    timed, untimed, notes = _times(a, b, tables, criterion, scales)
    if timed:
        questions.append(timed)
    for side, table in zip("AB", tables, strict=True):
        if table.unfinished is not None:
            early, taken = table.unfinished.count, ENDED[table.unfinished.taken]
            notes.append(f"{text.seeds(early)} of {side} ended before the others of the scale: {taken}")
    if added := [
        side for side, population in zip("AB", (a, b), strict=True) if population.origin.aims is not None
    ]:
        notes.append(
            f"seeds of {text.listed(added)} were added until a goal was reached: the intervals and p-values of a "
            "comparison take their number as given, and may be a little too sure"
        )
    if any(s.pairs and np.array_equal(s.a[: s.pairs], s.b[: s.pairs], equal_nan=True) for s in sides):
        notes.append("at some scale all pairs have the very same values: are A and B the same runs?")
    return Comparison(
        names=(a.name, b.name),
        paths=(a.path, b.path),
        scale_name=a.scale_name,
        criterion=criterion,
        threshold_chosen=chosen,
        scales=scales,
        only=(tuple(sorted(known[0] - known[1])), tuple(sorted(known[1] - known[0]))),
        questions=tuple(questions),
        untimed=untimed,
        notes=tuple(notes),
    )


def _criterion(a: Population, b: Population, given: Criterion | None) -> tuple[Criterion, bool]:
    """That of both, and whether its threshold has to be chosen."""
    if given is not None:
        return given, given.threshold is None
    one, other = a.criterion, b.criterion
    anywhere = ALL_ROWS in (one.split, other.split)  # a table's rows are of no split
    same = (
        one.metric == other.metric
        and one.higher_is_better == other.higher_is_better
        and (one.split == other.split or anywhere)
        and (one.threshold == other.threshold or None in (one.threshold, other.threshold))
    )
    if not same:
        raise InputError(
            f"{b.path}: success is {_told(other)}, and {_told(one)} in {a.path}: name one metric, split and "
            "threshold for both"
        )
    threshold = other.threshold if one.threshold is None else one.threshold
    return replace(one, threshold=threshold), threshold is None


def _told(criterion: Criterion) -> str:
    threshold = "" if criterion.threshold is None else f" {text.side(criterion)} {text.given(criterion.threshold)}"
    return f"{criterion.metric}{of_split(criterion.split)}{threshold}"


def _final(population: Population, criterion: Criterion) -> FinalTable:
    return population.final(criterion.metric, _split(population, criterion))


def _split(population: Population, criterion: Criterion) -> str:
    """Of the criterion, or that of a table whose rows are of none."""
    return (
        population.criterion.split
        if ALL_ROWS in (population.criterion.split, criterion.split)
        else criterion.split
    )


def _names(table: FinalTable, scale: float) -> Names:
    """Init and data seed of `table.at(scale)`."""
    here = table.present[table.scales.index(scale)]
    return list(zip(table.init_seeds[here].tolist(), table.data_seeds[here].tolist(), strict=True))


def _bounds(a: Population, b: Population, criterion: Criterion) -> tuple[float, float]:
    """The range of the metric in both."""
    lows, highs = zip(*(bounds_of(population, criterion) for population in (a, b)), strict=True)
    return min(lows), max(highs)


def _asked(
    question: Question, scales: Sequence[float], sides: Sequence[Sides], ask: Callable[[Sides, int], Difference]
) -> Compared:
    found = {scale: ask(one, number) for number, (scale, one) in enumerate(zip(scales, sides, strict=True))}
    return Compared(question, found, over_ladder(list(found.values())) if len(scales) > 1 else None)


def _times(
    a: Population,
    b: Population,
    tables: tuple[FinalTable, FinalTable],
    criterion: Criterion,
    scales: Sequence[float],
) -> tuple[Compared | None, str, list[str]]:
    """Times to success, why there are none, and what to know of the steps."""
    curves = [
        judged_curves(table, population.curves(criterion.metric, table.split))
        for population, table in zip((a, b), tables, strict=True)
    ]
    if lacking := [side for side, known in zip("AB", curves, strict=True) if not all(s in known for s in scales)]:
        return None, WITHOUT_CURVES.format(text.listed(lacking)), []
    if any(known[scale].steps.size < 2 for known in curves for scale in scales):
        return None, "there is a single evaluation of some seeds; several over the training are needed", []
    sides, differing = [], []
    for scale in scales:
        lines = [known[scale] for known in curves]
        ends = [float(line.steps[-1]) for line in lines]
        budget = min(ends)
        if ends[0] != ends[1]:
            differing.append(
                f"{text.field(a.scale_name)} {text.scale(scale)} (A at step {text.number(ends[0])}, B at "
                f"{text.number(ends[1])})"
            )
        times: list[FloatArray] = []
        for line in lines:
            until = line.steps <= budget
            found = event_times(line.steps[until], criterion.oriented(line.values[:, until]), criterion.least)
            times.append(np.where(found.reached, np.minimum(found.middle, budget), budget))
        names = [_names(table, scale) for table in tables]
        sides.append(Sides.of(times[0], times[1], names[0], names[1]))
    notes = [
        f"the two are compared after different steps at {text.listed(differing)}, and times until the earlier one"
    ] * bool(differing)
    return _asked("time", scales, sides, lambda s, i: mean_difference(s, stream=i)), "", notes
