"""The figures of what happened inside, those that apply, in the order of the report."""

from __future__ import annotations

from functools import partial

from seedsweep import formats
from seedsweep.analysis.figures.event_pairs import event_pairs
from seedsweep.analysis.figures.forecasts import forecasts
from seedsweep.analysis.figures.learnt_together import learnt_together
from seedsweep.analysis.figures.of_study import Drawings
from seedsweep.analysis.figures.outputs_not_yet import outputs_not_yet
from seedsweep.analysis.statistics import text
from seedsweep.analysis.study.inside import Inside, StreamForecast


def inside_drawings(inside: Inside) -> Drawings:
    """`not-yet`, `together` and `lead` of outputs, and a `forecast-0` and so on for every stream."""
    word = formats.shortened(text.field(inside.scale_name))
    drawn: Drawings = {}
    times = {s.scale: s.times for s in inside.scales if s.times is not None and s.times.low.size}
    if times:
        drawn["inside-not-yet"] = partial(outputs_not_yet, times, scale_name=word)
    counts = {s.scale: (s.step, s.dependence) for s in inside.scales if s.dependence is not None and s.n}
    if counts:
        drawn["inside-together"] = partial(learnt_together, counts, scale_name=word)
    rises = {
        f"{word} {text.scale(scale.scale)}": (scale.rises[1], scale.rises[0])
        for scale in inside.scales
        if scale.rises is not None and scale.rises[0].low.size
    }
    if rises:
        drawn["inside-lead"] = partial(event_pairs, rises, first_name="capability", second_name="attention")
    for number, (stream, found) in enumerate(streams(inside).items()):
        drawn[f"inside-forecast-{number}"] = partial(
            forecasts, found, scale_name=word, stream_name=formats.shortened(stream)
        )
    return drawn


def streams(inside: Inside) -> dict[str, list[tuple[float, StreamForecast]]]:
    """By stream, what it foretells at every scale."""
    found: dict[str, list[tuple[float, StreamForecast]]] = {}
    for scale in inside.scales:
        for one in scale.forecasts:
            found.setdefault(f"{one.metric} ({one.split})", []).append((scale.scale, one))
    return found
