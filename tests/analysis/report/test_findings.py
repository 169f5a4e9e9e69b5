"""What is said of populations whose answer is known, and what is not said of those that cannot tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedsweep.analysis import Findings, findings, study
from tests.analysis.populations import around, as_curves, chance, studied, table


def of(tmp_path: Path, values: Any, **options: Any) -> Findings:
    found = findings(study(table(tmp_path, {"accuracy": values}, **options)))
    json.dumps(found.to_dict(), allow_nan=False)
    return found


def said(found: Findings, topic: str) -> str:
    return next(finding.text for finding in found.findings if finding.topic == topic)


def topics(found: Findings) -> list[str]:
    return [finding.topic for finding in found.findings]


WHY, GROUPS, BUDGET, METRIC = "Why", "Do seeds part into groups?", "Is it the step budget?", "Is it the metric?"
ONE_SEED, MORE = "What would one seed have shown?", "How many seeds would tell?"


def test_by_chance(tmp_path: Path) -> None:
    found = of(tmp_path, chance(0, 0.25, 0.5, 1.0))
    assert found.verdict == "by chance"
    assert found.headline == "By chance: at depth 2 and 3 the random seed decides who succeeds."
    assert "Success goes from 0 of 100 (0 %, 0–4 %) at depth 1 to 100 of 100 (100 %, 96–100 %) at depth 4." in (
        found.findings[0].text
    )
    assert said(found, GROUPS).startswith(
        "Yes, from depth 2 on: the test refutes a single group (p < 5e-5, corrected for 4 scales, n = 100)."
    )
    assert "25 of 100 (25 %, 18–34 %) are in the better group, with a mean of 0.9" in said(found, GROUPS)
    assert "Also at depth 3 (p < 5e-5)." in said(found, GROUPS)
    assert said(found, "Minimum capacity").startswith("At depth 4: there the distribution over seeds takes a step")
    assert said(found, METRIC).startswith("Not to be told: accuracy is the only metric")
    assert said(found, BUDGET).startswith("Not to be told: only final values are known")
    assert "one seed per scale would claim a sudden emergence in" in said(found, ONE_SEED)
    assert MORE not in topics(found)
    assert found.warnings == ()


def test_smoothly(tmp_path: Path) -> None:
    found = of(tmp_path, around(0.1, 0.3, 0.5, 0.7, 0.9))
    assert found.verdict == "smoothly"
    assert (
        found.headline == "Smoothly: no groups of seeds are seen, and the mean improves step by step with depth."
    )
    assert (
        "A stuck group of up to 13 % of the seeds, as far from the others as failures are from successes (0.495)"
        in said(found, WHY)
    )
    assert "no sign of separate groups (100 seeds per scale)" in found.findings[0].text
    assert said(found, GROUPS).startswith("No evidence of it")
    assert METRIC not in topics(found)


def test_abruptly(tmp_path: Path) -> None:
    found = of(tmp_path, around(0.05, 0.06, 0.07, 0.9, 0.91, spread=0.01))
    assert found.verdict == "abruptly"
    assert found.headline == "Abruptly, and the seeds agree: from 0.0686 at depth 3 to 0.9 at depth 4."
    assert "At every scale nearly all seeds end alike." in found.findings[0].text
    assert "What seeds do between these two scales is not known." in found.findings[0].text


def test_a_claim_that_no_draw_makes_has_no_interval_of_width_zero(tmp_path: Path) -> None:
    found = of(tmp_path, around(0.1, 0.3, 0.5, 0.7, 0.9, spread=0.01))
    told = next(part.text for part in found.findings if "one seed" in part.topic)
    assert "in 0 % (of 10,000 draws from these seeds) of cases" in told


def test_neither_clearly_abrupt_nor_clearly_smooth(tmp_path: Path) -> None:
    found = of(tmp_path, around(0.1, 0.15, 0.2, 0.9, seeds=20, spread=0.1))
    assert found.verdict == "between"
    assert "may be abrupt or smooth" in found.headline


def test_too_few_seeds_say_neither_yes_nor_no(tmp_path: Path) -> None:
    found = of(tmp_path, around(0.1, 0.5, 0.5, 0.9, seeds=6, spread=0.2))
    assert found.verdict == "few seeds"
    assert found.headline == (
        "Undecided: at depth 2 some seeds succeed and some fail; no groups are seen, but 6 seeds per scale would "
        "miss one of 20 % too often."
    )
    told = "seeds are too few for their spread to see even two equal groups with a probability of 80 %"
    assert told in said(found, GROUPS)
    assert told in said(found, WHY)
    assert "nine in ten lie between" in said(found, WHY)
    assert said(found, MORE).startswith("For the test to find a group of 20 % of the seeds")
    assert "; depth" not in said(found, MORE)  # at the others all seeds end alike
    assert said(found, MORE).endswith("(6 there are).")
    assert found.warnings[-1].startswith("6 seeds per scale at depth 1, 2, 3 and 4: even a far group of 20 %")


def test_cut_off_by_the_budget(tmp_path: Path) -> None:
    """Every seed jumps at a time of its own, evenly over twice the budget: half of them after the end."""
    curves = {}
    for depth, latest in ((1, 1000.0), (2, 24.0), (3, 24.0), (4, 4.0)):
        begin = np.linspace(1, latest, 100)
        ends = np.where(begin <= 11, 0.9, 0.1) + np.random.default_rng(depth).normal(0, 0.01, 100)
        curves[depth] = as_curves(ends, begin)
    found = of(tmp_path, curves)
    assert found.verdict == "by chance"
    assert found.headline.endswith("; but seeds were still crossing over when training stopped.")
    assert said(found, BUDGET).startswith(
        "Yes, in good part, at depth 2: 13 of 69 that waited after three quarters"
    )
    assert "Seeds jump more than they climb: 0 of the 56 seeds that fail" in said(found, BUDGET)


def test_failures_that_would_stay(tmp_path: Path) -> None:
    curves = {depth: as_curves(ends, np.full(100, 2)) for depth, ends in chance(0, 0.5, 0.7, 1.0).items()}
    found = of(tmp_path, curves)
    assert said(found, BUDGET).startswith(
        "No, at depth 2: most of the seeds that fail would not succeed in as many steps again. 0 of 50 that waited"
    )
    assert "final" not in said(found, BUDGET)
    assert "but" not in found.headline


def test_one_failing_seed_says_nothing_about_the_budget(tmp_path: Path) -> None:
    """The tense file of the audit: 19 of 20 seeds succeed late."""
    ends = chance(0.95, seeds=20)[1]
    found = of(tmp_path, {1: as_curves(ends, np.full(20, 10)), 2: as_curves(ends, np.full(20, 10))})
    assert said(found, BUDGET) == (
        "Not to be told at depth 1: only 1 of 20 seeds fail. Not to be told at depth 2: only 1 of 20 seeds fail."
    )


@pytest.mark.parametrize(
    ("continuous", "opening", "headline"),
    [
        (lambda x: x, "No: at depth 2 the groups also show in margin", "decides who succeeds."),
        (
            lambda x: np.argsort(np.argsort(x)) / 100,
            "Not to be told: at depth 2 no groups are detected in margin (p = 1). Two equal groups closer than 0.",
            "; but in a continuous metric no groups are detected.",
        ),
    ],
)
def test_continuous_metrics(tmp_path: Path, continuous: Any, opening: str, headline: str) -> None:
    values = chance(0, 0.5, 1.0)
    margin = {depth: 5 - continuous(x) for depth, x in values.items()}  # lower is better
    found = findings(study(table(tmp_path, {"accuracy": values, "margin": margin})))
    assert said(found, METRIC).startswith(opening)
    assert "with accuracy there is 1 (1–1): all rank the seeds alike." in said(found, METRIC)
    assert found.headline.endswith(headline)


def test_ties_of_a_lattice_are_no_groups(tmp_path: Path) -> None:
    """Shares of eight examples, a little better with the depth: only ties part the seeds."""
    random = np.random.default_rng(0)
    values: dict[float, Any] = {
        depth: random.binomial(8, p, 200) / 8 for depth, p in ((1, 0.1), (2, 0.3), (3, 0.5), (4, 0.7))
    }
    examined = study(table(tmp_path, {"accuracy": values}))
    assert any(scale.dips.raw.pvalue < 1e-5 for scale in examined.scales)
    found = findings(examined)
    assert found.verdict == "smoothly"
    assert said(found, GROUPS).startswith("No evidence of it")


def test_groups_that_are_the_floor_and_the_rest(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    half = np.concatenate([np.zeros(50), random.uniform(0.3, 0.9, 50)])
    found = of(tmp_path, {1: np.zeros(100) + random.uniform(0, 0.01, 100), 2: half})
    assert "50 of 100 seeds are exactly 0, and among the other 50 no groups are seen (p =" in said(found, GROUPS)
    assert found.verdict == "split elsewhere"
    assert found.headline == (
        "Seeds part, but not into successes and failures: at depth 2, 50 of 100 seeds are exactly 0, and among "
        "the other 50 no groups are seen; the threshold of 0.5 divides these, 36 of which succeed."
    )
    below = of(tmp_path, {1: np.zeros(100) + random.uniform(0, 0.01, 100), 2: half}, threshold=0.2)
    assert below.headline == "By chance: at depth 2 the random seed decides who succeeds."
    assert any("50 % of the values are tied, at depth 2" in warning for warning in found.warnings)


def test_the_threshold_cuts_through_a_group(tmp_path: Path) -> None:
    """Groups around .1 and .9; success is asked for within the better one, within the other, and beyond both."""
    values = chance(0, 0.5, 1.0)
    beyond = {depth: x.clip(max=0.94) for depth, x in values.items()}
    for threshold, cut in ((0.9, "the threshold of 0.9 divides these, "), (0.1, "divides the other 50, ")):
        found = of(tmp_path, values, threshold=threshold)
        assert found.verdict == "split elsewhere"
        assert "divides the seeds, with 50 of 100 on its better side; " in found.headline
        assert cut in found.headline
    assert of(tmp_path, beyond, threshold=0.95).verdict == "absent"


def test_a_metric_of_two_values(tmp_path: Path) -> None:
    """The groups of zeros and ones are the metric's, and no evidence that seeds part."""
    values = {
        depth: (np.arange(50) < 50 * p).astype(float) for depth, p in ((1, 0.1), (2, 0.3), (3, 0.6), (4, 0.9))
    }
    found = of(tmp_path, values)
    assert found.verdict == "two values"
    assert found.headline.startswith("Undecided: accuracy knows two values only")
    nearly = {**values, 4: np.append(values[4][1:], 0.9)}
    assert of(tmp_path, nearly).verdict == "few seeds"


def test_one_scale(tmp_path: Path) -> None:
    found = of(tmp_path, around(0.5))
    assert (found.verdict, found.headline) == ("one scale", "Undecided: there is only one value of depth.")
    assert "Minimum capacity" not in topics(found)
    split = of(tmp_path, chance(0.5))
    assert split.headline == "By chance: at depth 1 the random seed decides who succeeds."


def test_one_seed(tmp_path: Path) -> None:
    found = of(tmp_path, {1: [0.1], 2: [0.2], 3: [0.9], 4: [0.9]})
    assert (found.verdict, found.headline) == ("one seed", "Undecided: there is one seed per scale.")
    assert GROUPS not in topics(found)
    assert found.warnings[0].startswith("One value only at depth 1, 2, 3 and 4")


@pytest.mark.parametrize(
    ("values", "verdict", "headline"),
    [
        (around(0.1, 0.1, 0.1), "absent", "No seed succeeds at any depth."),
        (around(0.9, 0.9, 0.9), "everywhere", "Every seed succeeds, from depth 1 on."),
        (around(0.5, 0.5, 0.5, 0.5), "no rise", "No evidence that depth matters."),
        (
            around(0.1, 0.5, 0.9),
            "few scales",
            "Undecided: no groups of seeds are seen, but there are too few scales.",
        ),
        ({1: [np.nan] * 4, 2: [np.nan, 0.1, 0.2]}, "absent", "No seed succeeds at any depth."),
    ],
)
def test_other_verdicts(tmp_path: Path, values: Any, verdict: str, headline: str) -> None:
    found = of(tmp_path, values)
    assert (found.verdict, found.headline) == (verdict, headline)


def test_lower_is_better(tmp_path: Path) -> None:
    """A loss says the same as the accuracy that mirrors it, in its own unit."""
    values = chance(0, 0.5, 0.5, 1.0)
    mirrored = {depth: 3 - 2 * x for depth, x in values.items()}
    found = findings(study(table(tmp_path, {"loss": mirrored}, threshold=2.0, higher_is_better=False)))
    same = of(tmp_path, values)
    assert (found.verdict, found.headline) == (same.verdict, same.headline)
    assert said(found, ONE_SEED) == said(same, ONE_SEED)
    assert said(found, "Minimum capacity") == said(same, "Minimum capacity")
    assert "50 of 100 (50 %, 40–60 %) are in the better group, with a mean of 1.2; the others have 2.8" in (
        said(found, GROUPS)
    )


def test_duplicates_and_a_threshold_of_ours_are_told(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    curves = {depth: random.uniform(0, depth / 4, (8, 12)) for depth in (1, 2)}
    curves[2][5] = curves[2][3]
    found = of(tmp_path, curves, threshold=None)
    assert any(
        warning.startswith("Seeds 3 and 5 at depth 2 have one learning curve, where chance")
        for warning in found.warnings
    )
    assert found.warnings[0].startswith("Nobody said what success is")


def test_a_real_population() -> None:
    found = findings(studied("count-depth"))
    assert found.headline == (
        "Seeds part, but not into successes and failures: at depth 2, 22 of 64 seeds are exactly 0, and among the "
        "other 42 no groups are seen; the threshold of 0.5 divides these, 27 of which succeed."
    )
    assert "22 of 64 seeds are exactly 0" in said(found, GROUPS)
    assert "At depth 3, 10 of 64 seeds are exactly 0: " in said(found, GROUPS)
    assert said(found, METRIC).startswith("In part: at depth 2 the groups also show in min_probability")
    assert said(found, BUDGET).startswith(
        "Open, at depth 2: 2 of 38 that waited after three quarters of the budget"
    )
    assert any("does not ask for the end token" in warning for warning in found.warnings)
