"""The shipped populations load, and the numbers in the docs are theirs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from seedsweep import load
from seedsweep.analysis import TimeShares, VarianceShares, findings, identical_curves, summarise_survival
from seedsweep.sweep.specfile import read_spec
from tests.analysis.populations import studied

ROOT = Path(__file__).parent.parent


SEEDS = {
    "addition-depth": 64,
    "automata-tables": 32,
    "bursty-share": 64,
    "coopetition-crossed": 8,
    "coopetition-matched": 64,
    "count-crossed": 12,
    "count-depth": 64,
    "digits": 96,
    "induction-classes": 64,
    "induction-crossed": 12,
    "induction-heads": 64,
    "induction-labels": 64,
    "linear-map-context": 64,
    "linear-map-crossed": 12,
    "linear-map-density": 64,
    "linear-map-heads": 64,
    "mmlu-crossed": 10,
    "mmlu-mix": 64,
    "question-formation-crossed": 7,
    "question-formation-mix": 32,
    "vectors-four": 160,
    "vectors-three": 300,
}
"""At every scale of a shipped population, at least."""

SPARSE = {
    "automata-tables": "one rule and many",
    "linear-map-context": "longer rows",
    "linear-map-density": "few ones and many",
    "linear-map-heads": "heads of one layer",
}
"""Titles of their sections in docs/sparse-attention.md."""

IN_CONTEXT = {
    "bursty-share": "bursts",
    "coopetition-matched": "in context, or by heart",
    "induction-classes": "more classes",
    "induction-crossed": "whose luck it is",
    "induction-heads": "induction heads",
    "induction-labels": "more labels",
}
"""The same in docs/in-context.md."""

LUCK = {
    "coopetition-crossed": "Learning in context, or by heart",
    "count-crossed": "Count",
    "linear-map-crossed": "The linear map",
    "mmlu-crossed": "Answering with a letter",
    "question-formation-crossed": "Question formation",
}
"""The same in docs/luck.md."""

CROSSED = [name for name in SEEDS if name.endswith("-crossed")]
"""Every initialisation with every order of the data."""

PROGRAMS = ("digits", "vectors-four", "vectors-three")
"""Made by training code of their own."""


def preset_of(name: str) -> str:
    """That made a population."""
    return f"program/{name}" if name in PROGRAMS else f"pocket/{name}"


def page_of(name: str) -> str:
    """What the docs say of a population."""
    if name == "digits":
        return (ROOT / "docs" / "digits.md").read_text()
    if name.startswith("vectors-"):
        section = name.removeprefix("vectors-").capitalize()
        return (ROOT / "docs" / "vectors.md").read_text().split(f"## {section} vectors\n")[1].split("\n## ")[0]
    if name in IN_CONTEXT:
        page = (ROOT / "docs" / "in-context.md").read_text()
        return page.split(f"## A population: {IN_CONTEXT[name]}\n")[1].split("\n## ")[0]
    if name in SPARSE:
        page = (ROOT / "docs" / "sparse-attention.md").read_text()
        return page.split(f"## A population: {SPARSE[name]}\n")[1].split("\n## ")[0]
    if name in LUCK:
        return (ROOT / "docs" / "luck.md").read_text().split(f"## {LUCK[name]}\n")[1].split("\n## ")[0]
    return (ROOT / "docs" / "pocket.md").read_text().split(f"## pocket/{name}\n")[1].split("\n## ")[0]


def test_every_population_is_known_here() -> None:
    assert {path.name for path in (ROOT / "populations").iterdir() if path.is_dir()} == set(SEEDS)


@pytest.mark.parametrize("name", SEEDS)
def test_a_population_is_its_preset_and_complete(name: str) -> None:
    population = load(ROOT / "populations" / name)
    spec = read_spec(preset_of(name)).spec
    assert population.fingerprint == spec.fingerprint()
    assert population.scales == spec.scale.values
    final = population.final(population.criterion.metric)
    assert final.seeds[: SEEDS[name]].tolist() == list(range(SEEDS[name]))
    assert final.present[:, : SEEDS[name]].all()


ROWS = {
    "automata-tables": ("loss on the last state ≤ .16 (95 % Wilson)", "loss"),
    "addition-depth": ("exact match on 3 digits ≥ .8 (95 % Wilson)", "exact match"),
    "bursty-share": (
        "accuracy among the context's labels ≥ .75 (95 % Wilson)",
        "accuracy among the context's labels",
    ),
    "coopetition-crossed": ("in-context accuracy ≥ .65 (95 % Wilson)", "in-context accuracy"),
    "coopetition-matched": ("in-context accuracy ≥ .65 (95 % Wilson)", "in-context accuracy"),
    "count-crossed": ("exact match at length 16 ≥ .5 (95 % Wilson)", "exact match at 16"),
    "count-depth": ("exact match at length 16 ≥ .5 (95 % Wilson)", "exact match at 16"),
    "digits": ("accuracy ≥ .25 (95 % Wilson)", "accuracy"),
    "induction-classes": ("loss ≤ .277 (95 % Wilson)", "loss"),
    "induction-crossed": ("loss ≤ .277 (95 % Wilson)", "loss"),
    "induction-heads": ("loss ≤ .277 (95 % Wilson)", "loss"),
    "induction-labels": ("loss ≤ .277 (95 % Wilson)", "loss"),
    "linear-map-context": ("exact match ≥ .95 (95 % Wilson)", "exact match"),
    "linear-map-crossed": ("exact match ≥ .95 (95 % Wilson)", "exact match"),
    "linear-map-density": ("exact match ≥ .95 (95 % Wilson)", "exact match"),
    "linear-map-heads": ("exact match ≥ .95 (95 % Wilson)", "exact match"),
    "mmlu-crossed": ("accuracy ≥ .125 (95 % Wilson)", "accuracy"),
    "mmlu-mix": ("accuracy ≥ .125 (95 % Wilson)", "accuracy"),
    "question-formation-crossed": ("first auxiliary on gen ≥ .5 (95 % Wilson)", "first auxiliary"),
    "question-formation-mix": ("first auxiliary on gen ≥ .5 (95 % Wilson)", "first auxiliary"),
    "vectors-four": ("relative loss of M1 ≤ .5 in the end (95 % Wilson)", "relative loss of M1"),
    "vectors-three": ("relative loss ≤ .5 (95 % Wilson)", "relative loss"),
}
"""The rows of a population's table in the docs that tell its success rates, and of what its tests are."""


def table_of(name: str) -> tuple[list[float], dict[str, list[str]]]:
    """The first table of a population's section: the scales of its columns, and its rows without emphasis."""
    section = page_of(name)
    lines = section[section.index("\n| ") + 1 :].split("\n\n")[0].splitlines()
    header, _, *rows = ([cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines)
    return [float(column.split()[-1]) for column in header[1:]], {label: cells for label, *cells in rows}


@pytest.mark.parametrize("name", SEEDS)
def test_the_page_says_what_the_population_says(name: str) -> None:
    summary = studied(name).summary
    scales, rows = table_of(name)
    assert scales == [scale.scale for scale in summary.scales]
    rates, tested = ROWS[name]
    success, groups, dip = (
        rows[label] for label in (rates, f"p of groups, {tested}", f"dip (its own p, uncorrected), {tested}")
    )
    sign = "≥" if summary.criterion.higher_is_better else "≤"
    assert f"{sign} {summary.criterion.threshold:g} ".replace(" 0.", " .") in ROWS[name][0]
    for scale, told, told_p, told_dip, p in zip(
        summary.scales, success, groups, dip, summary.pvalue_texts, strict=True
    ):
        rate = scale.success
        low, high = (f"{end:.2f}".removeprefix("0") for end in (rate.low, rate.high))
        assert told == f"{rate.successes}/{scale.n} ({low}–{high.replace('1.00', '1.0')})"
        assert told_p == p.removeprefix("p = ").removeprefix("p ").removeprefix("0")
        statistic, own = f"{scale.dip.statistic:.3f}".removeprefix("0"), scale.dip.pvalue_text.removeprefix("0")
        assert told_dip == f"{statistic} ({own})"


LOSSES = {"automata-tables", "induction-classes", "induction-crossed", "induction-heads", "induction-labels"}
"""Judged by what is no share of examples. Of a program's splits no size is known either."""


@pytest.mark.parametrize("name", sorted(SEEDS.keys() - set(PROGRAMS) - LOSSES))
def test_a_swept_field_of_the_task_does_not_make_a_lattice_of_its_own(name: str) -> None:
    population = load(ROOT / "populations" / name)
    examples = next(
        split.examples for split in population.splits.values() if split.name == population.criterion.split
    )
    lattices = population.lattices(population.criterion.metric, population.criterion.split)
    assert lattices == dict.fromkeys(population.scales, 1 / examples)


def test_the_readmes_table_is_that_of_the_population() -> None:
    """| 2 | 27 of 64 | 31–54 % | … (0.021) |"""
    examined = studied("count-depth")
    readme = (ROOT / "README.md").read_text()
    for scale, p in zip(examined.scales, examined.summary.pvalue_texts, strict=True):
        rate = scale.summary.success
        row = (
            f"| {scale.summary.scale:g} | {rate.successes} of {scale.summary.n} "
            f"| {100 * rate.low:.0f}–{100 * rate.high:.0f} % |"
        )
        found = re.search(re.escape(row) + r" .* \((.+)\) \|$", readme, re.MULTILINE)
        assert found is not None, row
        assert found[1] == p.removeprefix("p = ")
        assert ("not seen" in found[0]) == (scale.split is None)


def test_no_seed_of_the_population_is_there_twice() -> None:
    population = load(ROOT / "populations" / "count-depth")
    for metric in population.metrics:
        curves = {scale: (c.seeds, c.values) for scale, c in population.curves(metric).items()}
        assert not any(found.same_run for found in identical_curves(curves))
    continuous = population.curves("error_score")
    assert identical_curves({scale: (c.seeds, c.values) for scale, c in continuous.items()}) == ()


def test_survival_ends_where_the_success_rate_is() -> None:
    population = load(ROOT / "populations" / "count-depth")
    threshold = population.criterion.threshold
    assert threshold is not None
    curves = {scale: (c.steps, c.values) for scale, c in population.curves("exact_match").items()}
    final = population.final("exact_match")
    for scale in summarise_survival(curves, threshold=threshold).scales:
        assert scale.survival.n_events == (final.at(scale.scale) >= threshold).sum()
    # One layer never length-generalises, but passes the threshold early in training: "for good" matters.
    assert summarise_survival(curves, threshold=threshold).scales[0].times.lost.any()


SPLITS: dict[str, dict[float, tuple[str, int, int]]] = {
    "addition-depth": {},
    "automata-tables": {},
    "bursty-share": {0.5: ("successes and failures", 29, 29)},
    "coopetition-crossed": {},
    "coopetition-matched": {1: ("successes and failures", 36, 36)},
    "count-crossed": {2: ("successes and failures", 90, 79)},
    "count-depth": {2: ("elsewhere", 41, 27)},
    "digits": {
        6: ("successes and failures", 56, 55),
        7: ("successes and failures", 65, 65),
        8: ("successes and failures", 75, 75),
    },
    "induction-classes": {200: ("successes and failures", 33, 34)},
    "induction-crossed": {},
    "induction-heads": {},
    "induction-labels": {},
    "linear-map-context": {},
    "linear-map-crossed": {},
    "linear-map-density": {6: ("successes and failures", 41, 41), 7: ("successes and failures", 27, 25)},
    "linear-map-heads": {},
    "mmlu-crossed": {},
    "mmlu-mix": {},
    "question-formation-crossed": {1: ("successes and failures", 16, 18)},
    "question-formation-mix": {1: ("elsewhere", 41, 29)},
    "vectors-four": {
        0: ("successes and failures", 136, 136),
        0.003: ("successes and failures", 130, 135),
        0.01: ("successes and failures", 32, 32),
    },
    "vectors-three": {
        10: ("successes and failures", 287, 288),
        20: ("successes and failures", 277, 277),
        40: ("successes and failures", 189, 197),
        80: ("elsewhere", 69, 54),
    },
}
"""Where seeds part by the test for groups, whether into successes and failures, how many are in the better group,
and how many succeed."""


@pytest.mark.parametrize("name", SEEDS)
def test_the_split_that_is_found_is_told(name: str) -> None:
    examined = studied(name)
    found = {scale.scale: scale.split for scale in examined.scales if scale.split is not None}
    assert found.keys() == SPLITS[name].keys()
    page = page_of(name)
    for scale in examined.scales:
        if scale.split is not None:
            assert scale.split.better is not None
            told = (scale.split.kind, scale.split.better.successes, scale.summary.success.successes)
            assert told == SPLITS[name][scale.scale]
            assert f"{scale.split.line:.2g}".removeprefix("0") in page
    headline = findings(examined).headline
    assert ("decides who succeeds" in headline) == any(kind[0] != "elsewhere" for kind in SPLITS[name].values())


def test_the_digits_that_are_not_learned_are_dead() -> None:
    population = load(ROOT / "populations" / "digits")
    scales, rows = table_of("digits")
    final, signal = population.final("accuracy", "test"), population.curves("signal", "test")
    failed = dead_of_them = 0
    for scale, told in zip(scales, rows["dead at the start; in the end"], strict=True):
        dead = signal[scale].values == 0
        assert told == f"{dead[:, 0].sum()}; {dead[:, -1].sum()}"
        fails = final.at(scale) < 0.25
        failed += fails.sum()
        dead_of_them += (fails & dead[:, -1]).sum()
    assert f"Of the {failed} seeds that do not succeed, {dead_of_them} are dead in the end." in page_of("digits")


def test_the_page_tells_when_three_vectors_escape_and_what_the_sign_does() -> None:
    population = load(ROOT / "populations" / "vectors-three")
    scales, rows = table_of("vectors-three")
    loss, cosine = population.curves("relative_loss"), population.curves("cosine")
    for place, scale in enumerate(scales):
        there = loss[scale].values <= 0.5
        times = np.where(there.any(1), loss[scale].steps[there.argmax(1)], np.inf)
        quartiles = np.quantile(times, [0.25, 0.5, 0.75], method="inverted_cdf")
        told = "; ".join("–" if time == np.inf else f"{time:.0f}" for time in quartiles)
        assert rows["escape, 25 %; 50 %; 75 % of seeds by step"][place] == told
        positive = cosine[scale].values[:, 0] > 0
        for label, which in (
            ("product of cosines positive at the start: seeds; escaped", positive),
            ("negative: seeds; escaped", ~positive),
        ):
            assert rows[label][place] == f"{which.sum()}; {(times[which] <= 2000).sum()}"


def test_the_page_tells_what_four_vectors_learn_and_forget() -> None:
    population = load(ROOT / "populations" / "vectors-four")
    scales, rows = table_of("vectors-four")
    first, second = (population.curves("relative_loss", split) for split in ("M1", "M2"))
    for place, scale in enumerate(scales):
        one, other = (curves[scale].values <= 0.5 for curves in (first, second))
        learned, kept, second_learned = one.any(1), one[:, -1], other.any(1)
        assert rows["M1 learned; forgotten again"][place] == f"{learned.sum()}; {(learned & ~kept).sum()}"
        neither = (~learned & ~second_learned).sum()
        assert rows["M2 learned; neither"][place] == f"{second_learned.sum()}; {neither}"


@pytest.mark.parametrize("name", CROSSED)
def test_the_page_tells_whose_luck_it_is(name: str) -> None:
    examined = studied(name)
    _, rows = table_of(name)
    assert examined.variance is not None
    ((scale, final),) = examined.variance.items()
    parts: dict[str, VarianceShares | TimeShares] = {"final values": final}
    if scale in examined.time_variance:
        parts["log times"] = examined.time_variance[scale]
    told = []
    for what, shares in parts.items():
        for role in ("init", "data", "interaction"):
            share = getattr(shares, role)
            told.append(f"{share.estimate:.2f} ({share.low:.2f}–{share.high:.2f})".replace("0.", "."))
            assert rows[f"share of the variance of {what}: {role}"] == [told[-1]]
    missing = [] if "log times" in parts else ["–"] * 3
    success = examined.scales[0].summary.success
    line = f"| `{name}` | {final.n} | {success.successes} | {' | '.join([*told, *missing])} |"
    assert line in (ROOT / "docs" / "luck.md").read_text()
