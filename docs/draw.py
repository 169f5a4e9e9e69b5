"""Draws the pictures of README.md and docs/ and their sample report: `python docs/draw.py`.

From the populations that come with the repository, and from the recorded curves of speed.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from seedsweep import load, report
from seedsweep.analysis.figures import learnt_together, outputs_not_yet, style
from seedsweep.analysis.report.draw import draw
from seedsweep.analysis.study.inside import inside
from seedsweep.analysis.study.summary import summarise_population

ROOT = Path(__file__).parent.parent
PICTURES = {"ladder.png": "{}.png", "learning_curves.png": "{}-curves.png", "crossed.png": "{}-runs.png"}
INSIDE = {"linear-map-heads": "heads", "linear-map-context": "bits", "linear-map-density": "ones"}
"""Populations whose streams are drawn too, and what their scales are called."""
VARIANTS = {
    "plain": ("a plain loop", style.GREY, "o"),
    "pack": ("a pack of 8", style.SUCCESS, "s"),
    "compiled": ("a compiled pack of 8", style.FAILURE, "^"),
}
FACTORS = {
    "pack": "seeds in a pack",
    "width": "width",
    "depth": "depth",
    "context": "context, tokens",
    "workers": "workers, a core each",
}


def populations() -> None:
    """Ladders, learning curves, and runs by their two seeds."""
    for place in sorted((ROOT / "populations").glob("*/")):
        population = load(place)
        with tempfile.TemporaryDirectory() as folder:
            for path in map(Path, draw(population, summarise_population(population), Path(folder))):
                if path.name in PICTURES:
                    (ROOT / "docs" / PICTURES[path.name].format(place.name)).write_bytes(path.read_bytes())


def happened_inside() -> None:
    """Outputs that are not learnt yet, and how many each seed has."""
    for population, called in INSIDE.items():
        found = inside(load(ROOT / "populations" / population))
        assert found is not None
        times = {scale.scale: scale.times for scale in found.scales if scale.times is not None}
        counts = {
            scale.scale: (scale.step, scale.dependence) for scale in found.scales if scale.dependence is not None
        }
        for name, figure in (
            ("outputs", outputs_not_yet(times, scale_name=called)),
            ("together", learnt_together(counts, scale_name=called)),
        ):
            figure.savefig(ROOT / "docs" / f"{population}-{name}.png", dpi=200)


def speed() -> None:
    """Seeds per hour against what a sweep may change, one panel each."""
    points = json.loads((ROOT / "benchmarks" / "results" / "curves.json").read_text())["results"]
    figure = Figure(figsize=(style.WIDTH, 3.9), layout="constrained")
    axes = figure.subplots(2, 3)
    for panel, (factor, label) in zip(axes.flat, FACTORS.items(), strict=False):
        _panel(panel, [point for point in points if point["curve"] == factor])
        panel.set_xlabel(label, **style.LABEL)
    for row in axes:
        row[0].set_ylabel("seeds per hour", **style.LABEL)
    last = axes.flat[len(FACTORS)]
    last.set_axis_off()
    last.legend(*axes.flat[1].get_legend_handles_labels(), loc="center left", **style.LEGEND)
    figure.savefig(ROOT / "docs" / "speed.png", dpi=200)


def _panel(panel: Any, points: list[dict[str, Any]]) -> None:
    for variant, (label, colour, marker) in VARIANTS.items():
        own = [point for point in points if point["variant"] == variant]
        values = [point["value"] for point in own]
        rates = [point["seeds_per_hour"] for point in own]
        panel.plot(values, rates, color=colour, marker=marker, markersize=3.5, linewidth=1, label=label)
    ticks = sorted({point["value"] for point in points})
    panel.set_xscale("log", base=2)
    panel.set_yscale("log")
    panel.set_xticks(ticks, [str(tick) for tick in ticks])
    panel.minorticks_off()
    rates = [point["seeds_per_hour"] for point in points]
    marks = [
        mark
        for mark in (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
        if min(rates) / 2 < mark < max(rates) * 2
    ]
    panel.set_yticks(marks, [f"{mark:,}".replace(",", " ") for mark in marks])
    panel.tick_params(labelsize=style.SMALL, colors=style.INK)
    panel.spines[["top", "right"]].set_visible(False)


def sample_report() -> None:
    """Of the first population."""
    page = report(load(ROOT / "populations" / "count-depth"))
    # Where the repository lies is nobody's business.
    (ROOT / "docs" / "report.html").write_text(page.html.replace(f"{ROOT}/", ""))


if __name__ == "__main__":
    populations()
    happened_inside()
    speed()
    sample_report()
