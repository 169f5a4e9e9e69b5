"""What `plan --detect` asks, and how its answer is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

import seedsweep
from seedsweep import formats
from seedsweep.analysis.statistics import text
from seedsweep.analysis.study.planning import Question, ScaleNeeds, seeds_by_scale
from seedsweep.cli.numbers import Numbers
from seedsweep.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from seedsweep.sweep.estimate import Estimate
    from seedsweep.sweep.sections import SuccessSettings

EXAMPLES = "give p_success=0.05, split=0.2 distance=0.5, or difference=0.2"
SHARES = {"p_success": 0.5, "split": 1.0, "difference": 1.0}
"""Those that are shares, and below what."""


def question(words: Sequence[str]) -> Question:
    """What was asked, `["split=0.2", "distance=0.5"]`. Raises InputError, with what would be right."""
    asked: dict[str, float] = {}
    for word in (part for given in words for part in given.replace(",", " ").split()):
        name, equals, number = word.partition("=")
        known = Question.__dataclass_fields__
        if not equals or name not in known:
            raise InputError(f"--detect {word}: not a question{did_you_mean(name, known)}; {EXAMPLES}")
        if name in asked:
            raise InputError(f"--detect {word}: {name} is given twice")
        try:
            asked[name] = float(number)
        except ValueError:
            raise InputError(f"--detect {word}: {number!r} is not a number; {EXAMPLES}") from None
        most = SHARES.get(name, math.inf)
        if not 0 < asked[name] < most:
            reach = "above 0" if math.isinf(most) else f"between 0 and {formats.given(most)}"
            raise InputError(f"--detect {word}: give a number {reach}")
    if not {"p_success", "split", "difference"} & asked.keys():
        raise InputError(f"--detect: nothing is asked for; {EXAMPLES}")
    if ("split" in asked) != ("distance" in asked):
        raise InputError(
            "--detect split: give its distance too, in the unit of the metric: split=0.2 distance=0.5"
        )
    if "spread" in asked and "split" not in asked:
        raise InputError("--detect spread: is of a split; give split=0.2 distance=0.5 spread=0.1")
    return Question(**asked)


def answer(
    asked: Question, estimated: Estimate, success: SuccessSettings, pilot: str | None
) -> tuple[ScaleNeeds, ...]:
    """Seeds of every scale of a plan. Raises InputError if the pilot measures something else."""
    scales = [scale.scale for scale in estimated.scales]
    criterion, values = success.criterion, {}
    if pilot is not None:
        population = seedsweep.load(pilot)
        if population.scale_name != estimated.scale_name:
            raise InputError(
                f"--pilot {pilot}: its scale is {population.scale_name}, the spec's is {estimated.scale_name}"
            )
        final = population.final(success.metric, success.split)
        if not set(final.scales) & set(scales):
            raise InputError(f"--pilot {pilot}: no seed of any scale of the spec is finished there")
        values = {scale: criterion.oriented(final.at(scale)) for scale in final.scales}
    lattice = {scale.scale: scale.lattice for scale in estimated.scales}
    return seeds_by_scale(asked, scales, lattice=lattice, pilot=values, threshold=criterion.least)


def shown(asked: Question, needs: Sequence[ScaleNeeds], estimated: Estimate) -> RenderableType:
    """A line per scale, and what it costs."""
    columns = [text.field(estimated.scale_name), "P(success)\nassumed"]
    if asked.p_success is not None:
        precision = formats.percent(asked.p_success)
        columns += [f"seeds for\n± {precision}", "with a goal,\non average"]
    if asked.split is not None and asked.distance is not None:
        columns += [
            "SD of a\ngroup",
            f"for a split of {formats.percent(asked.split)},\n{formats.given(asked.distance)} from the others",
        ]
    if asked.difference is not None:
        columns.append(f"for a difference\nof {formats.percent(asked.difference)}")
    columns += ["time per\nseed", "time"]
    table = Numbers("seeds that show it with 80 %", columns)
    for scale, costs in zip(needs, estimated.scales, strict=True):
        row = [text.scale(scale.scale), formats.percent(scale.share)]
        if scale.precision is not None:
            row += [formats.count(scale.precision.fixed), formats.count(round(scale.precision.with_goal))]
        if scale.split is not None:
            row += [formats.short(scale.spread or 0.0), scale.split.text]
        if scale.difference is not None:
            most = formats.count(scale.difference.cap)
            row.append(f"> {most}" if scale.difference.n is None else formats.count(scale.difference.n))
        each = costs.seconds_per_seed
        row += [formats.duration(each), formats.duration(_times(scale.n, each))]
        table.add_row(*row)
    lines = [_total(needs, estimated), _assumed(asked, needs)]
    return Group(table, Text("\n".join(lines)))


def told(needs: Sequence[ScaleNeeds]) -> list[dict[str, Any]]:
    """For JSON."""
    return [{**scale.to_dict(), "n": scale.n} for scale in needs]


def _times(seeds: int | None, each: float | None) -> float | None:
    return None if seeds is None or each is None else seeds * each


def _total(needs: Sequence[ScaleNeeds], estimated: Estimate) -> str:
    missing = [scale for scale in needs if scale.n is None]
    if missing:
        places = formats.listed([formats.scale(scale.scale) for scale in missing])
        return f"no number of seeds that was tried shows it at {text.field(estimated.scale_name)} {places}"
    seeds = [scale.n or 0 for scale in needs]
    times = [_times(scale.n, costs.seconds_per_seed) for scale, costs in zip(needs, estimated.scales, strict=True)]
    known = [seconds for seconds in times if seconds is not None]
    workers = estimated.most_workers
    line = f"in all {text.seeds(sum(seeds))}"
    if len(known) == len(times):
        line += f": about {formats.duration(sum(known) / workers)} on {formats.counted(workers, 'worker')}"
    return f"{line}; {formats.count(max(seeds))} at every scale, if all shall have as many"


def _assumed(asked: Question, needs: Sequence[ScaleNeeds]) -> str:
    """What the numbers rest on."""
    parts = []
    if all(scale.piloted for scale in needs):
        parts.append("P(success) and SD are the pilot's, the former drawn towards one half")
    elif any(scale.piloted for scale in needs):
        parts.append("P(success) and SD are the pilot's where it has the scale; elsewhere P(success) is one half")
    else:
        parts.append("P(success) of one half is the hardest case (--pilot DIR takes that of seeds that are there)")
        if asked.split is not None and asked.spread is None:
            parts.append("the SD of a group is taken for a sixth of the distance (spread=… says it)")
    if asked.split is not None or asked.difference is not None:
        parts.append("level .05, corrected for the number of scales")
    return "; ".join(parts)
