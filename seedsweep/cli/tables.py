"""What the commands print: rich renderables made of the other rooms' results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seedsweep import formats
from seedsweep.analysis.report.findings import Findings
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.study.parts import LEVEL
from seedsweep.analysis.study.summary import PopulationSummary
from seedsweep.cli.numbers import Numbers
from seedsweep.errors import listed
from seedsweep.population import of_split

if TYPE_CHECKING:  # the driver's modules import torch
    from seedsweep.sweep.estimate import Estimate
    from seedsweep.sweep.events import RunResult
    from seedsweep.sweep.presets import Preset
    from seedsweep.sweep.programverify import Repetition
    from seedsweep.sweep.standing import SweepStatus
    from seedsweep.sweep.verify import Verification

WORTH_COMPILING = 0.9
"""Share of the time that compiled steps take, below which it is worth saying."""


def outcome(result: RunResult) -> Text:
    """One or two lines after a run: what was trained and what remains."""
    sample = [] if result.sample is None else [f"sample: {result.sample}"]
    if result.asked == result.present:
        return Text("\n".join([f"nothing is missing: all {text.seeds(result.asked)} are there", *sample]))
    done = f"trained {text.seeds(result.trained)} in {formats.duration(result.seconds)}"
    if result.present:
        done += f", {result.present} were there"
    if result.interrupted:
        done += f"; stopped with {text.seeds(result.missing)} missing: run the same command to go on"
    lines = [done, *(f"failed: {f.pack}: {f.error}; see {f.path}" for f in result.failures)]
    lines += [*sample, *(f"note: {note}" for note in result.notes)]
    return Text("\n".join(lines))


def summary(found: PopulationSummary) -> Numbers:
    """The population at every scale."""
    caption = (
        f"below each number its 95 % interval: {found.intervals('P', 'Gaffke')}; below W2 in brackets the noise "
        "floor, the 95th percentile between random halves of the seeds; "
        "p of groups: against a single group of seeds"
    )
    caption += f", corrected for {len(found.scales)} scales (Holm)" if len(found.scales) > 1 else ""
    inside = ["in-dist.\nmean"] if found.in_distribution else []
    criterion = found.criterion
    columns = [
        text.field(found.scale_name),
        "seeds",
        *inside,
        "mean",
        "mode",
        f"P({text.side(criterion)} {text.given(criterion.shown(criterion.least))})",
    ]
    columns += ["mean |\nsuccess", "p of\ngroups", "W2 to\nlargest"]
    caption = "\n".join([caption, *map(escape, found.notes)])
    title = f"{found.name}: {criterion.metric}{of_split(criterion.split)} {found.at_step}".rstrip()
    table = Numbers(title, columns, caption)
    unfinished = {} if found.unfinished is None else found.unfinished.ends
    for scale, pvalue, told in zip(found.scales, found.pvalues_holm, found.pvalue_texts, strict=True):
        beside = f"\n{scale.n_diverged} diverged" if scale.n_diverged else ""
        beside += f"\n{len(unfinished[scale.scale])} early" if scale.scale in unfinished else ""
        success = scale.success
        significant = "bold" if pvalue <= LEVEL else "dim"
        table.add_row(
            text.scale(scale.scale),
            f"{scale.n}{beside}",
            *([_with_interval(found.in_distribution[scale.scale])] if found.in_distribution else []),
            _with_interval(scale.mean),
            _with_interval(scale.mode),
            f"{text.percent(success.rate)}\n{_dim(text.percent_interval(success.low, success.high))}",
            "–" if scale.mean_given_success is None else _with_interval(scale.mean_given_success),
            f"[{significant}]{formats.without_p(told)}",
            "–" if scale is found.scales[-1] else _with_floor(scale.w2_to_largest, scale.noise_floor.high),
        )
    return table


def _with_interval(interval: Interval) -> str:
    ends = "" if math.isnan(interval.low) else _dim(formats.short_interval(interval.low, interval.high))
    return f"{formats.short(interval.estimate)}\n{ends}"


def _with_floor(distance: Interval, floor: float) -> str:
    """A distance with its interval, and below it the noise floor in brackets."""
    shown = "" if math.isnan(floor) else f"\n{_dim(f'({formats.short(floor)})')}"
    return f"{_with_interval(distance)}{shown}"


def _dim(words: str) -> str:
    return f"[dim]{words}[/dim]"


def places(kind: str, path: str, figures: Sequence[str], page: str) -> Text:
    """Where the numbers, the figures and the report are."""
    lines = [f"{kind:10}{path}"]
    lines += [f"figure    {figure}" for figure in figures if figure.endswith(".png")]
    return Text("\n".join([*lines, f"report    {page}"]))


def verdict(found: Findings, evidence: str) -> Text:
    """What was found, and what speaks for it: the last lines."""
    return Text.assemble("\n", (found.headline, "bold"), f"\n{evidence}")


def findings(found: Findings) -> Group:
    """What a report says first."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 1, 0))
    table.add_column(style="bold", width=18)
    table.add_column()
    for finding in found.everything:
        table.add_row(escape(finding.topic), escape(finding.text))
    for warning in found.warnings:
        table.add_row("[yellow]Note", escape(warning))
    return Group(Text(found.headline, style="bold"), Text(), table)


def status(current: SweepStatus, left: str | None = None) -> RenderableType:
    """A line per scale, and one for the whole sweep; `left` is what is said of the time that is left, where more
    is known than this one status."""
    failed = any(scale.failed for scale in current.scales)
    interrupted = any(scale.interrupted for scale in current.scales)
    columns = [text.field(current.scale_name), "done", "running", "missing"]
    columns += ["stopped"] * interrupted + ["failed"] * failed + ["", "seeds/h"]
    table = Numbers(current.name, columns)
    for scale in current.scales:
        row: list[RenderableType] = [
            text.scale(scale.scale),
            f"{scale.done}/{scale.asked}" + (f" (+{scale.extra})" if scale.extra else ""),
            f"{scale.running or ''}",
            f"{scale.missing or ''}",
        ]
        row += [f"{scale.interrupted or ''}"] * interrupted + [f"[red]{scale.failed or ''}"] * failed
        row += [
            ProgressBar(total=1.0, completed=scale.fraction, width=10),
            "" if scale.seeds_per_hour is None else formats.count(round(scale.seeds_per_hour)),
        ]
        table.add_row(*row)
    notes = [Text(f"note: {note}") for note in current.notes]
    return Group(table, *notes, Text(f"{progress(current, left)}; {current.path}"))


def progress(current: SweepStatus, left: str | None = None) -> Text:
    """The whole sweep in a line."""
    if current.complete:
        return Text(f"complete: {text.seeds(current.done)}")
    if left is None:
        left = _left(current)
    share = text.percent(current.fraction)
    at = _steps_of_unknown_length(current)
    return Text(f"{text.count(current.done)} of {text.seeds(current.asked)}, {share} of the work{at}, {left}")


def _steps_of_unknown_length(current: SweepStatus) -> str:
    """Where the running programs are of which nobody knows how far they go."""
    steps = [pack.step for pack in current.packs if pack.state == "running" and not pack.steps]
    if not steps:
        return ""
    low, high = text.count(min(steps)), text.count(max(steps))
    return f", now at step {low}" if low == high else f", now at steps {low} to {high}"


def _left(current: SweepStatus) -> str:
    """What one status says of the time that is left."""
    if current.seconds_left is not None:
        return f"about {formats.duration_range(current.seconds_left, current.seconds_left)} left"
    if any(scale.running for scale in current.scales):
        return "estimating …"
    if not current.starting:
        return "not running"
    return "estimating …" if current.done else "starting workers …"


def plan(estimated: Estimate) -> RenderableType:
    """What would be trained and what it would cost."""
    table = Numbers(
        estimated.store + ("" if estimated.exists else " (new)"),
        (
            text.field(estimated.scale_name),
            "seeds",
            "there",
            "to train",
            "packs",
            "params",
            "FLOP",
            "time per\nseed",
            "memory\nper pack",
        ),
    )
    for scale in estimated.scales:
        table.add_row(
            text.scale(scale.scale),
            f"{scale.asked}",
            f"{scale.present}",
            f"{scale.missing}",
            f"{scale.packs} × {scale.pack_size}" if scale.packs else "0",
            "–" if scale.parameters is None else formats.scale(scale.parameters),
            formats.quantity(scale.flop if scale.missing else None, "").strip(),
            formats.duration(scale.seconds_per_seed),
            formats.quantity(scale.pack_bytes, "B"),
        )
    workers = f"{formats.counted(estimated.workers, 'worker')} ({estimated.device})"
    if not estimated.missing:
        line = "nothing is missing"
    elif estimated.seconds is None:
        line = (
            f"{text.seeds(estimated.missing)} to train on {workers}; how long a run of the program takes is known "
            "once one seed has finished"
        )
    else:
        line = (
            f"{text.seeds(estimated.missing)} to train: about {formats.duration(estimated.seconds)} on {workers}, "
            f"{_basis(estimated)}"
        )
    if estimated.resumed:
        goes = "goes" if estimated.resumed == 1 else "go"
        line += f"; {formats.counted(estimated.resumed, 'pack')} {goes} on from a checkpoint"
    if estimated.bytes is not None:
        line += f"; memory: {formats.quantity(estimated.bytes, 'B')}"
        if estimated.memory is not None:
            line += f" of {formats.quantity(estimated.memory, 'B')} that are free here"
    if estimated.sample is not None:
        line += f"\n{estimated.sample}"
        if estimated.most:
            long = formats.duration(estimated.seconds_of_most)
            line += f"\nif no scale reaches it sooner: {text.seeds(estimated.most)} to train, about {long}"
    compiled = estimated.compiled
    if compiled is not None and compiled.share < WORTH_COMPILING:
        where = f"{text.field(estimated.scale_name)} {formats.scale(compiled.scale)}"
        share = formats.percent(compiled.share)
        line += (
            f"\nwith train.compile: true a seed would take {share} of that, by a trial at {where}; "
            "steps then round otherwise, so that it is another sweep"
        )
    return Group(table, Text(line))


def _basis(estimated: Estimate) -> str:
    """What the seconds rest on."""
    words = {
        "finished": "as long as finished seeds took on this machine",
        "trial": "from a trial of a few steps and an evaluation on this machine",
        "proportion": "in proportion to what seeds of other scales took on this machine",
    }
    used = {scale.basis for scale in estimated.scales if scale.basis is not None}
    if len(used) == 1:
        return words[used.pop()]
    parts = []
    for basis, told in words.items():
        scales = [formats.scale(scale.scale) for scale in estimated.scales if scale.basis == basis]
        if scales:
            parts.append(f"{text.field(estimated.scale_name)} {listed(scales)} {told}")
    return ", ".join(parts)


def presets(found: Sequence[Preset]) -> Table:
    """Names and titles."""
    table = Table(box=box.HORIZONTALS, pad_edge=False)
    table.add_column("preset", no_wrap=True)
    table.add_column("what it is")
    for preset in found:
        table.add_row(preset.name, escape(preset.title))
    return table


def verification(found: Verification | Repetition) -> RenderableType:
    """Alone against packed, per scale; or of a program, each seed run twice."""
    from seedsweep.sweep.programverify import Repetition

    if isinstance(found, Repetition):
        return _repetition(found)
    return _bitwise(found) if found.device == "cpu" else _systematic(found)


def _repetition(found: Repetition) -> RenderableType:
    """Of a user's program."""
    packed = found.scales[0].together is not None
    columns = ["scale", "seeds", "values", "bitwise\nthe same"]
    columns += ["in one call\nas alone", "largest\ndifference"] if packed else []
    table = Numbers("each seed run twice", columns)
    for scale in found.scales:
        same = scale.seeds - scale.differing
        cells = [
            text.scale(scale.scale),
            f"{scale.seeds}",
            f"{scale.values}",
            _mark(not scale.differing, "yes" if not scale.differing else f"{same} of {scale.seeds}"),
        ]
        if packed:
            words = "no" if scale.mixed else "yes" if scale.together == scale.seeds else "but for rounding"
            cells += [_mark(not scale.mixed, words), formats.given(scale.apart)]
        table.add_row(*cells)
    lines = [
        f"at {text.scale(scale.scale)}, {difference}"
        for scale in found.scales
        for difference in (scale.first_difference, scale.mixed)
        if difference
    ]
    if found.kept:
        lines.append(
            "verified: a seed that is run again gives the same numbers"
            + (", and among others what it gives alone" if packed else "")
        )
    elif any(scale.differing for scale in found.scales):
        lines.append("NOT verified: the program does not give the same numbers for the same seed")
    else:
        lines.append("NOT verified: a seed among others does not give the numbers that it gives alone")
    return Group(table, Text("\n".join(lines)))


def _bitwise(found: Verification) -> RenderableType:
    """On a CPU, where every bit must be the same."""
    table = Numbers(
        "alone against packed, on cpu",
        ("scale", "seeds", "steps", "bitwise\nthe same", "same pack\ntwice", "largest\ndifference"),
    )
    for scale in found.scales:
        table.add_row(
            text.scale(scale.scale),
            f"{scale.seeds}",
            f"{scale.steps}",
            _mark(scale.bitwise, "yes" if scale.bitwise else "no"),
            "bitwise" if scale.repeats else "differs",
            f"{text.number(scale.largest_difference)}",
        )
    line = (
        "verified: every weight and every metric is bitwise the same alone and packed"
        if found.kept
        else "NOT verified: packing changed numbers on a CPU; please report this spec"
    )
    return Group(table, Text(line))


def _systematic(found: Verification) -> RenderableType:
    """Elsewhere; what rounding does not explain is red."""
    from seedsweep.sweep.verify import SAME_WAY

    starts = Numbers(
        f"alone against packed, on {found.device}",
        ("scale", "seeds", "steps", "same pack\ntwice", "first steps\napart"),
        f"apart: at the worst seed, in lengths of its way; rounding explains less than {text.given(SAME_WAY)}",
    )
    ends = Numbers(
        f"packed − alone: success ({found.metric} on {found.split}), training loss",
        ("scale", "", "difference", "p", "would find", "SD over seeds"),
        "difference with its 95 % interval; p corrected for all rows\n"
        "systematic: p below 0.01, and more than a tenth of the SD\n"
        "would find: a shift of this size, with a probability of 90 %",
    )
    for scale in found.scales:
        starts.add_row(
            text.scale(scale.scale),
            f"{scale.seeds}",
            f"{scale.steps}",
            _mark(scale.repeats, "bitwise" if scale.repeats else "differs"),
            _mark(scale.same_way, text.number(scale.first_steps)),
        )
        for name, pair in (("success", scale.success), ("loss", scale.loss)):
            ends.add_row(
                text.scale(scale.scale) if pair is scale.success else "",
                name,
                _mark(not pair.systematic, f"{text.number(pair.mean)} ± {text.number(pair.high - pair.mean)}"),
                _mark(not pair.systematic, formats.without_p(formats.pvalue(pair.pvalue))),
                "–" if pair.detectable is None else text.number(pair.detectable),
                text.number(pair.spread),
            )
    line = (
        "verified: packs repeat bitwise; seeds start the same way and do not differ systematically in the end"
        if found.kept
        else "NOT verified: what is red differs by more than rounding explains; please report this spec"
    )
    return Group(starts, ends, Text(line))


def _mark(good: bool, text: str) -> str:
    return text if good else f"[red]{text}"
