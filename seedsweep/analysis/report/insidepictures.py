"""The figures of what happened inside, each with how to read it."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from seedsweep import formats
from seedsweep.analysis import figures
from seedsweep.analysis.report.pictures import Picture
from seedsweep.analysis.report.svg import inline_svg
from seedsweep.analysis.statistics import text
from seedsweep.analysis.study.inside import Inside, StreamForecast


def inside_pictures(inside: Inside, scale_name: str) -> Iterator[Picture]:
    """In the order of the section "What happened inside"."""
    word = formats.shortened(scale_name)

    def picture(name: str, title: str, caption: str, figure: Figure) -> Picture:
        return Picture(name, title, caption, inline_svg(figure, name, f"{title}. {caption}", {}))

    times = {
        scale.scale: scale.times for scale in inside.scales if scale.times is not None and scale.times.low.size
    }
    if times:
        yield picture(
            "inside-not-yet",
            "How many outputs are not learnt yet",
            "Share of all outputs of all seeds, on a log axis: a straight line is a chance per step that does not "
            f"change. On the right steps are multiplied by {scale_name}; where the lines are one there, the "
            "chance is in proportion to it.",
            figures.outputs_not_yet(times, scale_name=word),
        )
    counts = {s.scale: (s.step, s.dependence) for s in inside.scales if s.dependence is not None and s.n}
    if counts:
        yield picture(
            "inside-together",
            "How many outputs each seed has learnt",
            "Bars are seeds, at the step at which about half of all outputs are learnt; the line is what "
            "independent outputs would give. Wider than the line: the luck is the seed’s.",
            figures.learnt_together(counts, scale_name=word),
        )
    rises = {
        f"{word} {text.scale(scale.scale)}": (scale.rises[1], scale.rises[0])
        for scale in inside.scales
        if scale.rises is not None and scale.rises[0].low.size
    }
    if rises:
        yield picture(
            "inside-lead",
            "When attention and capability rise",
            "A dot for every output of every seed, each time at half of its own rise. Below the diagonal "
            "attention is first. Beyond the dashed lines it has not risen by the end.",
            figures.event_pairs(rises, first_name="capability", second_name="attention"),
        )
    streams: dict[tuple[str, str], list[tuple[float, StreamForecast]]] = {}
    for scale in inside.scales:
        for one in scale.forecasts:
            streams.setdefault((one.split, one.metric), []).append((scale.scale, one))
    for number, ((split, metric), found) in enumerate(streams.items()):
        yield picture(
            f"inside-forecast-{number}",
            f"{metric} ({split}) seen early, and when seeds succeed",
            "A dot for every seed that still waited at the step above its panel. C is how often, of two seeds, "
            "the one that succeeds first is the one that is named on other seeds; 0.5 is a coin.",
            figures.forecasts(found, scale_name=word, stream_name=formats.shortened(f"{metric} ({split})")),
        )
