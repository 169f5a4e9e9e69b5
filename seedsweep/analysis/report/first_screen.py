"""What stands beside the verdict: the numbers that carry it, what was trained, and what would change it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, assert_never

import numpy as np

from seedsweep import formats
from seedsweep.analysis.report.transience import clearest
from seedsweep.analysis.report.wording import (
    at,
    claimed,
    corrected_pvalue,
    how_far,
    named_scales,
    scale_word,
    split_found,
)
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.statistics.success import success_rate
from seedsweep.analysis.study.parts import LEVEL
from seedsweep.analysis.study.study import ScaleStudy, Study
from seedsweep.analysis.study.verdict import Verdict, clearest_split, split_by_chance, split_elsewhere
from seedsweep.population import Population

NUMBERS: Final = 3


@dataclass(frozen=True)
class KeyNumber:
    """A number of the first screen.

    Attributes
    ----------
    what : str
        What it is of: "P(success) at depth 2".
    value : str
    interval : str
        Of 95 %; empty where one seed gives none.
    """

    what: str
    value: str
    interval: str

    def __str__(self) -> str:
        return f"{self.what}: {self.value}" + (f" ({self.interval})" if self.interval else "")


@dataclass(frozen=True)
class FirstScreen:
    """What a reader of the verdict wants to know next.

    Attributes
    ----------
    numbers : tuple of KeyNumber
        At most three, the most telling first.
    change : str
        What would change the verdict, in a sentence or two.
    """

    numbers: tuple[KeyNumber, ...]
    change: str

    @property
    def evidence(self) -> str:
        """One line that speaks for the verdict."""
        return "; ".join(map(str, self.numbers[:2])) + "."


def first_screen(study: Study, word: Verdict) -> FirstScreen:
    """The numbers that carry a verdict, and what would change it."""
    distinct = dict.fromkeys(_numbers(study, word))
    return FirstScreen(tuple(distinct)[:NUMBERS], _change(study, word))


def _numbers(study: Study, word: Verdict) -> Iterator[KeyNumber]:
    """Candidates, the most telling first; a scale may come twice."""
    first, last, telling = study.scales[0], study.scales[-1], _telling(study)
    match word:
        case "by chance":
            yield _success(study, telling)
            yield _success(study, last)
            yield from _one_seed(study)
            yield _success(study, first)
        case "comes and goes":
            yield from _come_and_go(study)
        case "split elsewhere":
            yield from _group(study, telling)
            yield _success(study, telling)
            yield _success(study, last)
        case "two values":
            yield _success(study, telling)
            yield _success(study, last)
            yield _success(study, first)
        case "absent":
            yield _success(study, last)
            yield _mean(study, last)
        case "everywhere":
            yield _success(study, first)
            yield _mean(study, first)
        case "few seeds":
            yield _success(study, telling)
            yield from _seeds_needed(study, telling)
            yield _success(study, last)
            yield _success(study, first)
        case "no rise" | "one seed" | "one scale":
            pass
        case "abruptly" | "smoothly" | "between" | "few scales":
            before, after = _largest_step(study)
            yield _mean(study, before)
            yield _mean(study, after)
            yield from _one_seed(study)
        case _:
            assert_never(word)
    yield _mean(study, first)
    yield _mean(study, last)
    yield _success(study, last)
    yield _mode(study, last)


def _change(study: Study, word: Verdict) -> str:
    first, last, telling = study.scales[0], study.scales[-1], _telling(study)
    match word:
        case "by chance":
            return _against_chance(study, telling)
        case "comes and goes":
            return (
                "Longer training, in which it may come back or the others lose it too; a shorter one would have "
                "called what it saw learnt. Each verdict of what stays holds for the budget."
            )
        case "split elsewhere":
            return (
                "A threshold that lies between the groups, if one does, so that they are the successes and the "
                f"failures. At {at(study, [telling])}: {split_found(telling)}."
            )
        case "two values":
            return f"A metric of the same seeds that has values in between, at {at(study, [telling])} above all."
        case "absent":
            high = text.percent(last.summary.success.high)
            return (
                f"One seed that succeeds; up to {high} of the seeds at {at(study, [last])} could. A larger scale, "
                "longer training or another threshold may show some."
            )
        case "everywhere":
            low = text.percent(1 - first.summary.success.low)
            return (
                f"One seed that fails; up to {low} of the seeds at {at(study, [first])} could. A smaller scale or "
                "a stricter threshold may show some."
            )
        case "no rise":
            return "Further scales, or more seeds: the intervals at all scales reach that of the smallest."
        case "one seed":
            return (
                "More seeds: from two per scale on there is a spread, and the groups of seeds take dozens to see."
            )
        case "few seeds":
            return _more_seeds(study, telling)
        case "one scale":
            return "More scales, four or more to tell a jump from a steep rise."
        case "few scales":
            return f"More scales: there are {len(study.scales)}, and four or more tell a jump from a steep rise."
        case "abruptly":
            before, after = _largest_step(study)
            return (
                f"A scale between {text.scale(before.scale)} and {text.scale(after.scale)} at which the seeds lie "
                "in between, or part into groups."
            )
        case "smoothly":
            return (
                "Groups of seeds at some scale, or one step that is much larger than the others on a finer ladder."
            )
        case "between":
            often = text.percent(math.nan if study.abrupt is None else study.abrupt)
            return (
                f"More seeds: the rise is abrupt in {often} of the resamples, and at 95 % it would count as "
                "abrupt, at 5 % as smooth."
            )
        case _:
            assert_never(word)


def _more_seeds(study: Study, scale: ScaleStudy) -> str:
    """How many would show whether there are groups."""
    needed, where = scale.seeds_needed, at(study, [scale])
    if needed is None:
        return f"More seeds at {where}."
    many = f"over {needed.cap}" if needed.n is None else f"about {needed.n}"
    return (
        f"More seeds: {many} at {where} would show a group of {text.percent(needed.share)} of them, "
        f"{how_far(study, [scale])}, in four of five cases."
    )


def _against_chance(study: Study, telling: ScaleStudy) -> str:
    """What could still make another story of the groups."""
    where, cut_off = at(study, [telling]), telling.cut_off
    ways = []
    if cut_off is not None and cut_off.failing and cut_off.verdict != "settled":
        rising = text.percent(cut_off.rising.high)
        ways.append(
            f"longer training, as up to {rising} of the seeds that fail at {where} may still have been rising"
        )
    if telling.mirage is None:
        ways.append("a continuous metric without the groups: none was measured")
    elif telling.mirage.verdict != "survives":
        ways.append(f"a closer look at the continuous metrics, in some of which no groups are seen at {where}")
    p = corrected_pvalue(study, telling)
    ways.append(f"fresh seeds at {where} that form one group (now {p}, and {text.given(LEVEL)} is the limit)")
    words = "; ".join(ways)
    return f"{words[0].upper()}{words[1:]}."


def _telling(study: Study) -> ScaleStudy:
    """The scale with the clearest groups, or without groups that at which success depends most on the seed."""
    for places in (split_by_chance(study), split_elsewhere(study)):
        if places:
            return clearest_split(places)
    return min(study.scales, key=lambda scale: abs(scale.summary.success.rate - 0.5))


def _largest_step(study: Study) -> tuple[ScaleStudy, ScaleStudy]:
    """The scales between which the mean gains most; one scale twice if there is no other."""
    means = study.summary.criterion.oriented([scale.summary.mean.estimate for scale in study.scales])
    steps = np.nan_to_num(np.diff(means), nan=-math.inf)
    largest = int(np.argmax(steps)) if steps.size else 0
    return study.scales[largest], study.scales[min(largest + 1, len(study.scales) - 1)]


def _success(study: Study, scale: ScaleStudy) -> KeyNumber:
    rate = scale.summary.success
    interval = f"{text.percent_interval(rate.low, rate.high)}, {rate.successes} of {rate.n}" if rate.n else ""
    return KeyNumber(f"P(success) at {at(study, [scale])}", text.percent(rate.rate), interval)


def _come_and_go(study: Study) -> Iterator[KeyNumber]:
    assert study.transience is not None
    scale = clearest(study.transience)
    place = named_scales(scale_word(study), [scale.scale], 1)
    for what, rate in ((f"Lost again at {place}", scale.lost), (f"Got there at {place}", scale.emerged)):
        limits = f"{text.percent_interval(rate.low, rate.high)}, {rate.successes} of {rate.n}"
        yield KeyNumber(what, text.percent(rate.rate), limits)
    half_life = scale.half_life.median
    if math.isfinite(half_life.high):
        limits = text.interval(half_life.low, half_life.high)
        yield KeyNumber(f"Half-life at {place}", f"{text.number(half_life.estimate)} steps", limits)


def _group(study: Study, scale: ScaleStudy) -> Iterator[KeyNumber]:
    """How many seeds are in a group that is not the successes."""
    split, n, where = scale.split, scale.summary.n, at(study, [scale])
    if split is not None and split.at_bounds:
        end = split.lowest if split.at_lowest >= split.at_highest else split.highest
        share = success_rate(np.arange(n) < max(split.at_lowest, split.at_highest), 1.0)
        what = f"Seeds at exactly {text.number(end)} at {where}"
    elif split is not None and split.better is not None:
        share, what = split.better, f"Seeds in the better group at {where}"
    else:
        return
    interval = f"{text.percent_interval(share.low, share.high)}, {share.successes} of {share.n}"
    yield KeyNumber(what, text.percent(share.rate), interval)


def _mean(study: Study, scale: ScaleStudy) -> KeyNumber:
    return _measured(study, scale, "Mean", scale.summary.mean)


def _mode(study: Study, scale: ScaleStudy) -> KeyNumber:
    return _measured(study, scale, "Mode of", scale.summary.mode)


def _measured(study: Study, scale: ScaleStudy, what: str, result: Interval) -> KeyNumber:
    interval = "" if math.isnan(result.low) else text.interval(result.low, result.high)
    what = f"{what} {study.summary.criterion.metric} at {at(study, [scale])}"
    return KeyNumber(what, text.number(result.estimate), interval)


def _one_seed(study: Study) -> Iterator[KeyNumber]:
    for claim in study.claims[:1]:
        yield KeyNumber("One-seed studies that would claim a jump", *claimed(claim))


def _seeds_needed(study: Study, scale: ScaleStudy) -> Iterator[KeyNumber]:
    needed = scale.seeds_needed
    if needed is not None and needed.n is not None:
        what = f"Seeds that would show a group of {text.percent(needed.share)} at {at(study, [scale])}"
        yield KeyNumber(what, f"about {needed.n}", f"{scale.summary.n} there are")


def trained(population: Population, study: Study) -> str | None:
    """One line on what was trained, as far as it is known: a sweep has a spec, a table at most its last step."""
    spec = population.spec
    if spec is None or "imported" in spec:
        lasts = [float(curves.steps[-1]) for curves in study.measured.curves.values() if curves.steps.size]
        return f"runs of a table, measured until step {text.scale(max(lasts))}" if lasts else None
    task, model, train = (_section(spec, name) for name in ("task", "model", "train"))
    swept = population.scale_name
    size = [
        f"{name.replace('_', ' ')} {model[name]}"
        for name in ("depth", "heads", "head_dim", "d_model")
        if model.get(name) is not None and f"model.{name}" != swept
    ]
    parts = []
    if program := _section(spec, "program"):
        parts.append(formats.shortened(str(program.get("command") or program.get("function")), 80))
        given = _section(program, "parameters").items()
        parts += [f"{name} {value}" for name, value in given if f"program.{name}" != swept]
    if "name" in task:
        parts.append(f"task {task['name']}")
    if "dialect" in model:
        parts.append(f"{model['dialect']} decoder" + (f" ({', '.join(size)})" if size else ""))
    if model.get("checkpoint"):
        parts.append(f"from {model['checkpoint']}")
    elif base := _section(spec, "base"):
        parts.append(f"from a base trained for {_section(base, 'train').get('steps', '?')} steps")
    elif start := _section(spec, "start"):
        step = "kept steps" if swept == "start.step" else f"step {start.get('step', '?')}"
        parent = str(start.get("sweep")).partition("?")[0].rstrip("/").rpartition("/")[2]
        taken = f" ({', '.join(start['take'])})" if start.get("take") else ""
        parts.append(f"from {step} of {parent}{taken}")
    if "steps" in train and swept != "train.steps":
        sizes = {"batch": "examples", "batch_tokens": "tokens"}
        batches = [
            f" of {train[key]} {unit}" for key, unit in sizes.items() if train.get(key) and swept != f"train.{key}"
        ]
        parts.append(f"{train['steps']} steps{''.join(batches)}")
    parts.append(f"{population.cells} runs, {text.field(swept)} swept")
    return "; ".join(parts)


def _section(spec: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = spec.get(name)
    return part if isinstance(part, Mapping) else {}
