"""Seeds that are added until a mean is known: of a metric with bounds, whatever happens on the way."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from seedsweep import load, sweep
from seedsweep.analysis.report.methods import methods
from seedsweep.analysis.report.tables import tables
from seedsweep.analysis.statistics.mean import mean_interval
from seedsweep.analysis.statistics.sequential import mean_sequence
from seedsweep.analysis.study.compare import compare
from seedsweep.analysis.study.study import study
from seedsweep.analysis.study.summary import summarise_population
from seedsweep.betting import mean_limits
from seedsweep.criterion import Criterion
from seedsweep.errors import InputError
from seedsweep.seeds import Goal, Seed
from seedsweep.sequential import Aim, Aims, share_limits
from seedsweep.sweep.events import Event
from seedsweep.sweep.goalrule import Rule
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.specfile import read_spec
from seedsweep.sweep.status import status
from seedsweep.sweep.store import Store
from tests.sweep.conftest import SPEC
from tests.sweep.fake import FakeTraining, value
from tests.sweep.test_goals import PlugPulledError, cells

MakeSpec = Callable[..., SweepSpec]
MakeFake = Callable[..., FakeTraining]

AIM = Aim(0.12, 96)
GOAL = "seeds: {goal: {mean: 0.12}, at_most: 96, batch: 8}"
VALUES = [value(seed, 2, "length-5", "exact_match") for seed in range(96)]
NEEDED = next(n for n in range(8, 97, 8) if mean_limits(VALUES[:n], aim=AIM).half_width <= 0.12)


@pytest.fixture
def aimed(tmp_path: Path) -> MakeSpec:
    """The small sweep with a goal; what its seeds measure is the same at both scales."""

    def make(*overrides: str, goal: str = GOAL, until: tuple[str, ...] = ()) -> SweepSpec:
        path = tmp_path / "aimed.yaml"
        path.write_text(SPEC.replace("seeds: 0:4", goal).replace("pack: 2", "pack: 8"))
        return read_spec(path, overrides=["train.steps=2", *overrides], until=until).spec

    return make


def test_seeds_are_added_until_the_mean_is_known(aimed: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    result = run(aimed(), tmp_path / "out", executor="inline")
    assert 8 < NEEDED < 96
    assert cells(tmp_path / "out") == {1.0: list(range(NEEDED)), 2.0: list(range(NEEDED))}
    assert result.sample is not None
    assert "until the mean of exact_match on length-5 was known to ± 0.12: reached at depth 1" in result.sample
    assert "Intervals of P(success) and of means of this metric are anytime-valid" in result.sample
    standing = status(tmp_path / "out")
    assert standing.complete
    assert standing.notes[0] == result.sample
    assert Store(tmp_path / "out").existing_record().spec["seeds"]["goal"] == {"mean": 0.12}


@pytest.mark.parametrize("finished", [3])
def test_a_run_that_is_killed_goes_on_to_the_same_seeds(
    aimed: MakeSpec, fake: MakeFake, tmp_path: Path, finished: int
) -> None:
    fake()
    left = finished

    def die(event: Event) -> None:
        nonlocal left
        left -= event.kind == "finish"
        if not left:
            raise PlugPulledError

    with pytest.raises(PlugPulledError):
        run(aimed(), tmp_path / "out", executor="inline", on_progress=die)
    run(aimed("execution.pack=3"), tmp_path / "out", executor="inline")
    assert cells(tmp_path / "out") == {1.0: list(range(NEEDED)), 2.0: list(range(NEEDED))}


def test_every_table_says_which_intervals_may_be_looked_at_all_the_time(
    aimed: MakeSpec, fake: MakeFake, tmp_path: Path
) -> None:
    """With a goal for P(success) those of the means may be too, without an aim."""
    fake()
    for name, goal, aims in [
        ("mean", GOAL, Aims(mean=AIM)),
        ("share", GOAL.replace("mean: 0.12", "p_success: 0.2"), Aims(p_success=Aim(0.2, 96))),
    ]:
        run(aimed(goal=goal), tmp_path / name, executor="inline")
        population = load(tmp_path / name)
        assert population.origin.aims == aims
        summary = summarise_population(population)
        for scale in summary.scales:
            known = VALUES[: scale.n]
            assert scale.mean == mean_sequence(known, aim=aims.mean)
            assert scale.mean.low < mean_interval(known).low
            successes = [x for x in known if x >= 0.5]
            assert scale.mean_given_success == mean_sequence(successes, bounds=(0.5, 1), aim=aims.mean)
            limits = share_limits(len(successes), scale.n, aim=aims.p_success)
            assert (scale.success.low, scale.success.high) == limits
        told = json.loads(json.dumps(summary.to_dict(), allow_nan=False))
        assert told["anytime_valid_means"] is True
        assert told["aims"] == {key: aim._asdict() for key, aim in aims._asdict().items() if aim}
        examined = study(population)
        assert "by betting, for means (Waudby-Smith & Ramdas 2024)" in str(methods(population, examined))
        note = next(table.note for table in tables(examined) if "P(success)" in table.note)
        assert "anytime-valid, each scale by itself, for P(success) and means, else, for a number of" in note
    notes = compare(load(tmp_path / "mean"), load(tmp_path / "share")).notes
    assert any("seeds of A and B were added until a goal was reached" in note for note in notes)


def test_what_has_no_bounds_keeps_its_interval_and_the_table_says_so(
    aimed: MakeSpec, fake: MakeFake, tmp_path: Path
) -> None:
    fake()
    goal = GOAL.replace("mean: 0.12", "p_success: 0.2")
    run(aimed("success.metric=error_score", goal=goal), tmp_path / "out", executor="inline")
    summary = summarise_population(load(tmp_path / "out"))
    assert not summary.anytime_valid_means
    assert "for a number of seeds that is given Gaffke for means" in summary.intervals("P", "Gaffke")


def test_both_goals_are_reached(aimed: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    goal = "seeds: {goal: {p_success: 0.2, mean: 0.12}, at_most: 96, batch: 8}"
    result = run(aimed(goal=goal), tmp_path / "out", executor="inline")
    wins = [x >= 0.5 for x in VALUES]

    def narrow(n: int) -> bool:
        share = share_limits(sum(wins[:n]), n, aim=Aim(0.2, 96))
        return share.half_width <= 0.2 and mean_limits(VALUES[:n], aim=AIM).half_width <= 0.12

    n = next(n for n in range(8, 97, 8) if narrow(n))
    assert cells(tmp_path / "out")[1.0] == list(range(n))
    assert result.sample is not None
    assert (
        "until P(success) was known to ± 20 % and the mean of exact_match on length-5 to ± 0.12" in result.sample
    )


def test_until_stands_for_a_goal(aimed: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    """The identity stays: a sweep with a count of seeds is extended."""
    fake()
    run(aimed(goal="seeds: 0:6"), tmp_path / "out", executor="inline")
    until = ("mean=0.12", "at_most=96", "batch=8")
    spec = aimed(goal="seeds: 0:6", until=until)
    assert spec.seeds == aimed().seeds
    result = run(spec, tmp_path / "out", executor="inline")
    assert cells(tmp_path / "out")[2.0] == list(range(NEEDED))
    assert result.trained == 2 * (NEEDED - 6)
    assert aimed(until=("p_success=0.1",)).seeds.goal == Goal(0.1, 96, 8)  # the rest is that of the spec's goal
    assert aimed(goal="seeds: 0:6", until=("p_success=0.1",)).seeds.goal == Goal(0.1, 160, 16)


@pytest.mark.parametrize(
    ("until", "problem"),
    [
        ("p_success", "p_success is no goal"),
        ("men=0.1", "did you mean 'mean'?"),
        ("at_most=40", "goal: is a half-width of P(success), of the mean, or both"),
        ("mean=x", "goal.mean: 'x' is no half-width above 0"),
    ],
)
def test_until_that_cannot_be_is_one_line(aimed: MakeSpec, until: str, problem: str) -> None:
    with pytest.raises(InputError, match=f"--until {until}: ") as error:
        aimed(until=(until,))
    assert problem in str(error.value)


@pytest.mark.parametrize(
    ("override", "goal", "problem"),
    [
        ("success.metric=error_score", "{mean: 0.1}, at_most: 40", "goal.mean: error_score may be as large as"),
        ("train.steps=2", "{mean: 0.5}, at_most: 40", "goal.mean: 0.5 is no half-width of a mean of exact_match"),
        (
            "train.steps=2",
            "{mean: 0.1}, at_most: 40, bounds: [0, 1]",
            "bounds: what bounds exact_match has",
        ),
    ],
)
def test_a_mean_without_bounds_is_no_goal(
    aimed: MakeSpec, tmp_path: Path, override: str, goal: str, problem: str
) -> None:
    with pytest.raises(InputError, match="seeds") as error:
        run(aimed(override, goal=f"seeds: {{goal: {goal}}}"), tmp_path / "out", executor="inline")
    assert problem in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("bounds", ["[1, 0]", "[0]", "0:1", "[0, .inf]"])
def test_bounds_that_cannot_be_are_one_line(aimed: MakeSpec, bounds: str) -> None:
    with pytest.raises(InputError, match="is not the range of a metric"):
        aimed(goal=f"seeds: {{goal: {{mean: 0.1}}, at_most: 40, bounds: {bounds}}}")


def of_function(bounds: list[float] | None) -> SweepSpec:
    """Of one scale, whose seeds end between 0 and 100."""

    def train(width: float, seed: int, report: Callable[..., None]) -> None:
        report(1, score=100 * VALUES[seed] if seed else math.nan)

    goal = {"goal": {"mean": 12.0}, "at_most": 96, "batch": 8, **({} if bounds is None else {"bounds": bounds})}
    return sweep(train, scale={"width": [1.0]}, seeds=goal, success={"metric": "score", "at_least": 50.0})


def test_of_a_function_the_goal_tells_the_bounds(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"seeds.goal.mean: nobody knows what values score may have; add bounds"):
        run(of_function(None), tmp_path / "out", executor="inline")
    assert not (tmp_path / "out").exists()
    result = run(of_function([0.0, 100.0]), tmp_path / "out", executor="inline")
    known = VALUES[1:]  # the first has diverged
    n = next(n for n in range(8, 97, 8) if mean_limits(known[: n - 1], aim=AIM).half_width <= 0.12)
    assert result.trained == n
    (scale,) = summarise_population(load(tmp_path / "out")).scales
    low, high = mean_limits(known[: n - 1], aim=AIM)
    assert (scale.mean.low, scale.mean.high) == pytest.approx((100 * low, 100 * high))
    assert scale.success.n == scale.mean.n + 1


def test_values_beyond_the_bounds_that_were_given_end_it_and_are_told(tmp_path: Path) -> None:
    result = run(of_function([0.0, 90.0]), tmp_path / "out", executor="inline")
    first = next(n for n in range(8, 97, 8) if max(VALUES[:n]) > 0.9)
    assert result.trained == first
    assert result.sample is not None
    assert f"stopped, since a value is beyond the bounds that were given, at width 1 ({first}" in result.sample
    summary = summarise_population(load(tmp_path / "out"))
    assert not summary.anytime_valid_means
    assert summary.scales[0].mean.n == first - 1


def test_a_later_goal_changes_no_interval() -> None:
    """A mean that was asked for after P(success) has an interval without an aim."""
    criterion, seeds = Criterion("accuracy", "test", 0.5), [Seed(i, i) for i in range(96)]
    values = dict(zip(seeds, VALUES, strict=True))
    later = Rule.of(Goal(None, 96, 8, mean=0.3), criterion, (0.0, 1.0), first=Goal(0.2, 96, 8))
    found = later.decide(seeds, values)
    assert found.mean == mean_limits(VALUES[: found.counted])
    assert found.limits == share_limits(
        sum(x >= 0.5 for x in VALUES[: found.counted]), found.counted, aim=Aim(0.2, 96)
    )
