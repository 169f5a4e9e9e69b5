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

from seedsweep.analysis.report.findings import Findings
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.study.parts import LEVEL
from seedsweep.analysis.study.summary import PopulationSummary
from seedsweep.cli.numbers import Numbers
from seedsweep.measures import scale_text

if TYPE_CHECKING:  # the driver's modules import torch
    from seedsweep.sweep.estimate import Estimate
    from seedsweep.sweep.events import RunResult
    from seedsweep.sweep.presets import Preset
    from seedsweep.sweep.status import SweepStatus
    from seedsweep.sweep.verify import Verification


def duration(seconds: float | None) -> str:
    """`42 s`, `3 min 05 s`, `2 h 10 min`, `9.5 days`, `27 years`, or `–` for what is not known."""
    if seconds is None:
        return "–"
    if seconds < 59.5:
        return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    days = hours / 24
    return f"{days:.3g} days" if days < 730 else f"{days / 365.25:.3g} years"


def _quantity(number: float | None, unit: str) -> str:
    """With an SI prefix: `12.8 M`, `26 PFLOP`; a dash for what is not known."""
    if number is None:
        return "–"
    for factor, prefix in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:.3g} {prefix}{unit}"
    return f"{number:.0f} {unit}".strip()


def outcome(result: RunResult) -> Text:
    """One or two lines after a run: what was trained and what remains."""
    if result.asked == result.present:
        return Text(f"nothing is missing: all {text.seeds(result.asked)} are there")
    done = f"trained {text.seeds(result.trained)} in {duration(result.seconds)}"
    if result.present:
        done += f", {result.present} were there"
    if result.interrupted:
        done += f"; stopped with {text.seeds(result.missing)} missing: run the same command to go on"
    lines = [done, *(f"failed: {f.pack}: {f.error}; see {f.path}" for f in result.failures)]
    return Text("\n".join(lines))


def summary(found: PopulationSummary) -> Numbers:
    """The population at every scale."""
    caption = (
        "below each number its 95 % interval: Wilson for P, Gaffke for means, else bootstrap; below "
        "W2 in brackets the noise floor, the 95th percentile between random halves of the seeds; p of groups: "
        "against a single group of seeds"
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
        f"P({text.side(criterion)} {criterion.threshold:.4g})",
    ]
    columns += ["mean |\nsuccess", "p of\ngroups", "W2 to\nlargest"]
    caption = "\n".join([caption, *map(escape, found.notes)])
    title = f"{found.name}: {criterion.metric} on {criterion.split} {found.at_step}".rstrip()
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
            f"{success.rate:.2f}\n{_range(success.low, success.high)}",
            "–" if scale.mean_given_success is None else _with_interval(scale.mean_given_success),
            f"[{significant}]{told.removeprefix('p ').removeprefix('= ')}",
            "–" if scale is found.scales[-1] else _with_floor(scale.w2_to_largest, scale.noise_floor.high),
        )
    return table


def _with_interval(interval: Interval) -> str:
    return f"{interval.estimate:.2f}\n{_range(interval.low, interval.high)}"


def _with_floor(distance: Interval, floor: float) -> str:
    """A distance with its interval, and below it the noise floor in brackets."""
    shown = "" if math.isnan(floor) else f"\n[dim]({floor:.2f})[/dim]".replace("(0.", "(.")
    return f"{_with_interval(distance)}{shown}"


def _range(low: float, high: float) -> str:
    """`.94–1.0`: seven characters, so that nine columns fit a terminal of 80."""
    if math.isnan(low):
        return ""

    def short(end: float) -> str:
        return f"{end:.2f}".removeprefix("0") if end < 0.995 else f"{end:.1f}"

    return f"[dim]{short(low)}–{short(high)}[/dim]"


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
    for finding in found.findings:
        table.add_row(escape(finding.topic), escape(finding.text))
    for warning in found.warnings:
        table.add_row("[yellow]Note", escape(warning))
    return Group(Text(found.headline, style="bold"), Text(), table)


def status(current: SweepStatus, unknown: str | None = None) -> RenderableType:
    """A line per scale, and one for the whole sweep; `unknown` is what a run says of itself while the time that is
    left is not known."""
    failed = any(scale.failed for scale in current.scales)
    interrupted = any(scale.interrupted for scale in current.scales)
    columns = [text.field(current.scale_name), "done", "running", "missing"]
    columns += ["stopped"] * interrupted + ["failed"] * failed + ["", "seeds/h"]
    table = Numbers(current.name, columns)
    for scale in current.scales:
        row: list[RenderableType] = [
            scale_text(scale.scale),
            f"{scale.done}/{scale.asked}" + (f" (+{scale.extra})" if scale.extra else ""),
            f"{scale.running or ''}",
            f"{scale.missing or ''}",
        ]
        row += [f"{scale.interrupted or ''}"] * interrupted + [f"[red]{scale.failed or ''}"] * failed
        row += [
            ProgressBar(total=1.0, completed=scale.fraction, width=10),
            "" if scale.seeds_per_hour is None else f"{scale.seeds_per_hour:.0f}",
        ]
        table.add_row(*row)
    return Group(table, Text(f"{progress(current, unknown)}; {current.path}"))


def progress(current: SweepStatus, unknown: str | None = None) -> Text:
    """The whole sweep in a line."""
    if current.complete:
        return Text(f"complete: {text.seeds(current.done)}")
    if current.seconds_left is not None:
        left = f"about {duration(current.seconds_left)} left"
    elif unknown is None:
        left = "estimating …" if any(scale.running for scale in current.scales) else "not running"
    else:
        left = unknown
    return Text(f"{current.done} of {text.seeds(current.asked)}, {current.fraction:.0%} of the work, {left}")


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
            scale_text(scale.scale),
            f"{scale.asked}",
            f"{scale.present}",
            f"{scale.missing}",
            f"{scale.packs} × {scale.pack_size}" if scale.packs else "0",
            _quantity(scale.parameters, "").strip(),
            _quantity(scale.flop if scale.missing else None, "").strip(),
            duration(scale.seconds_per_seed),
            _quantity(scale.pack_bytes, "B"),
        )
    workers = f"{estimated.workers} {'worker' if estimated.workers == 1 else 'workers'} ({estimated.device})"
    if not estimated.missing:
        line = "nothing is missing"
    else:
        line = (
            f"{text.seeds(estimated.missing)} to train: about {duration(estimated.seconds)} on {workers}, "
            "from a trial of a few steps on this machine"
        )
    if estimated.resumed:
        line += f"; {estimated.resumed} packs go on from a checkpoint"
    return Group(table, Text(line))


def presets(found: Sequence[Preset]) -> Table:
    """Names and titles."""
    table = Table(box=box.HORIZONTALS, pad_edge=False)
    table.add_column("preset", no_wrap=True)
    table.add_column("what it is")
    for preset in found:
        table.add_row(preset.name, escape(preset.title))
    return table


def verification(found: Verification) -> RenderableType:
    """Alone against packed, per scale."""
    return _bitwise(found) if found.device == "cpu" else _systematic(found)


def _bitwise(found: Verification) -> RenderableType:
    """On a CPU, where every bit must be the same."""
    table = Numbers(
        "alone against packed, on cpu",
        ("scale", "seeds", "steps", "bitwise\nthe same", "same pack\ntwice", "largest\ndifference"),
    )
    for scale in found.scales:
        table.add_row(
            scale_text(scale.scale),
            f"{scale.seeds}",
            f"{scale.steps}",
            _mark(scale.bitwise, "yes" if scale.bitwise else "no"),
            "bitwise" if scale.repeats else "differs",
            f"{scale.largest_difference:.3g}",
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
        f"apart: at the worst seed, in lengths of its way; rounding explains less than {SAME_WAY:g}",
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
            scale_text(scale.scale),
            f"{scale.seeds}",
            f"{scale.steps}",
            _mark(scale.repeats, "bitwise" if scale.repeats else "differs"),
            _mark(scale.same_way, f"{scale.first_steps:.2g}"),
        )
        for name, pair in (("success", scale.success), ("loss", scale.loss)):
            ends.add_row(
                scale_text(scale.scale) if pair is scale.success else "",
                name,
                _mark(not pair.systematic, f"{pair.mean:.2g} ± {pair.high - pair.mean:.2g}"),
                _mark(not pair.systematic, f"{pair.pvalue:.2g}"),
                "–" if pair.detectable is None else f"{pair.detectable:.2g}",
                f"{pair.spread:.2g}",
            )
    line = (
        "verified: packs repeat bitwise; seeds start the same way and do not differ systematically in the end"
        if found.kept
        else "NOT verified: what is red differs by more than rounding explains; please report this spec"
    )
    return Group(starts, ends, Text(line))


def _mark(good: bool, text: str) -> str:
    return text if good else f"[red]{text}"
