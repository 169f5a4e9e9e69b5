"""Seeds that are added for the sake of a goal: the same, whatever happens on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from seedsweep import load, sweep
from seedsweep.analysis.report.tables import tables
from seedsweep.analysis.statistics.success import success_rate
from seedsweep.analysis.study.study import study
from seedsweep.analysis.study.summary import summarise_population
from seedsweep.criterion import Criterion
from seedsweep.errors import InputError
from seedsweep.seeds import Goal, Seed
from seedsweep.sequential import Aim, Aims, share_limits
from seedsweep.sweep.estimate import estimate
from seedsweep.sweep.events import Event
from seedsweep.sweep.goalrule import Rule, ScaleSample
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.specfile import read_spec
from seedsweep.sweep.status import status
from seedsweep.sweep.store import Store
from tests.sweep.conftest import SPEC
from tests.sweep.fake import FakeTraining, value

MakeSpec = Callable[..., SweepSpec]
MakeFake = Callable[..., FakeTraining]

GOAL = "seeds: {goal: {p_success: 0.2}, at_most: 60, batch: 8}"
SEEDS = [Seed(number, number) for number in range(60)]


class PlugPulledError(Exception):
    """The driver's process is gone."""


@pytest.fixture
def aimed(tmp_path: Path) -> MakeSpec:
    """The small sweep with a goal: seeds succeed at one scale as at the other, as their numbers say."""

    def make(*overrides: str, seeds: str | None = None, goal: str = GOAL) -> SweepSpec:
        path = tmp_path / "aimed.yaml"
        path.write_text(SPEC.replace("seeds: 0:4", goal).replace("pack: 2", "pack: 4"))
        return read_spec(path, overrides=["train.steps=2", *overrides], seeds=seeds).spec

    return make


def expected(threshold: float = 0.5) -> int:
    """Seeds of a scale by the rule, worked out from what the stand-in measures."""
    wins = [value(seed, 2, "length-5", "exact_match") >= threshold for seed in range(60)]
    sizes: list[int] = [*range(8, 60, 8), 60]
    for n in sizes:
        if share_limits(wins[:n].count(True), n, aim=Aim(0.2, 60)).half_width <= 0.2:
            return n
    return 60


def cells(place: Path) -> dict[float, list[int]]:
    """The finished seeds."""
    final = load(place).final("exact_match")
    return {scale: final.seeds_at(scale).tolist() for scale in final.scales}


def test_seeds_are_added_until_the_goal_is_reached(aimed: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    told: list[Event] = []
    result = run(aimed(), tmp_path / "out", executor="inline", on_progress=told.append)
    n = expected()
    assert 8 < n < 60
    assert cells(tmp_path / "out") == {1.0: list(range(n)), 2.0: list(range(n))}
    assert result.asked == result.trained == 2 * n
    assert not result.interrupted
    assert result.sample is not None
    assert f"reached at depth 1 ({n}) and 2 ({n})" in result.sample
    assert "anytime-valid" in result.sample
    assert sum(event.kind == "add" for event in told) == 2 * (n // 8 - 1)
    standing = status(tmp_path / "out")
    assert standing.complete
    assert standing.notes[0] == result.sample
    assert load(tmp_path / "out").origin.notes[0] == result.sample
    record = Store(tmp_path / "out").existing_record()
    assert record.spec["seeds"] == {"goal": {"p_success": 0.2}, "at_most": 60, "batch": 8}
    assert record.runs[-1]["sample"] == result.sample
    again = run(aimed(), tmp_path / "out", executor="inline")
    assert (again.trained, again.asked, again.sample) == (0, 2 * n, result.sample)


@pytest.mark.parametrize("finished", [1, 3, 6, 10])
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
    before = status(tmp_path / "out")
    assert not before.complete
    run(aimed("execution.pack=3"), tmp_path / "out", executor="inline")  # grouped otherwise
    assert cells(tmp_path / "out") == {1.0: list(range(expected())), 2.0: list(range(expected()))}


def test_workers_that_finish_in_any_order_train_the_same_seeds(
    aimed: MakeSpec, fake: MakeFake, tmp_path: Path, ray_cluster: str
) -> None:
    fake(step_seconds=0.01)
    run(aimed("execution.pack=1"), tmp_path / "out", executor="ray", address=ray_cluster)
    assert cells(tmp_path / "out") == {1.0: list(range(expected())), 2.0: list(range(expected()))}


def test_a_plan_says_what_is_trained_next_and_at_most(aimed: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    before = estimate(aimed(), tmp_path / "out")
    assert (before.missing, before.most) == (16, 120)
    assert before.seconds_of_most is not None
    assert before.sample is not None
    assert "seeds are added, 8 at a time and at most 60" in before.sample
    fake()
    run(aimed(), tmp_path / "out", executor="inline")
    after = estimate(aimed(), tmp_path / "out")
    assert (after.missing, after.most, after.seconds_of_most) == (0, 0, 0)


def test_seeds_of_a_function_are_added_too(tmp_path: Path) -> None:
    def train(width: float, seed: int, report: Callable[..., None]) -> None:
        report(1, accuracy=float(seed % 3 == 0))

    spec = sweep(
        train,
        scale={"width": [1.0]},
        seeds={"goal": {"p_success": 0.2}, "at_most": 60, "batch": 10},
        success={"metric": "accuracy", "at_least": 0.5},
    )
    result = run(spec, tmp_path / "out", executor="inline")
    wins = [seed % 3 == 0 for seed in range(60)]
    n = next(
        n for n in range(10, 61, 10) if share_limits(wins[:n].count(True), n, aim=Aim(0.2, 60)).half_width <= 0.2
    )
    assert n < 60
    assert result.trained == n
    assert load(tmp_path / "out").final("accuracy").seeds_at(1.0).tolist() == list(range(n))


def test_seeds_that_are_given_up_end_nothing_and_are_told(aimed: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake(raise_at_scale=1.0)
    result = run(aimed(), tmp_path / "out", executor="inline")
    assert cells(tmp_path / "out") == {2.0: list(range(expected()))}
    assert result.failed == 8
    assert not result.interrupted
    assert result.sample is not None
    assert "where a whole batch was given up, at depth 1 (8)" in result.sample
    assert "8 seeds given up" in result.sample
    standing = status(tmp_path / "out")
    assert standing.failed == 8
    assert standing.asked == 8 + expected()
    fake()
    mended = run(aimed(), tmp_path / "out", executor="inline")
    assert cells(tmp_path / "out")[1.0] == list(range(expected()))
    assert mended.failed == 0


def test_tables_of_such_a_sweep_have_intervals_that_hold_whenever_one_stops(
    aimed: MakeSpec, fake: MakeFake, tmp_path: Path
) -> None:
    fake()
    run(aimed(), tmp_path / "out", executor="inline")
    summary = summarise_population(load(tmp_path / "out"))
    assert any("anytime-valid" in note for note in summary.notes)
    for scale in summary.scales:
        rate = scale.success
        assert (rate.low, rate.high) == share_limits(rate.successes, rate.n, aim=Aim(0.2, 60))
        wilson = success_rate([1.0] * rate.successes + [0.0] * (rate.n - rate.successes), 0.5)
        assert rate.low < wilson.low < wilson.high < rate.high
    assert json.loads(json.dumps(summary.to_dict(), allow_nan=False))["aims"] == {
        "p_success": {"half_width": 0.2, "at_most": 60}
    }
    shown = [table.note for table in tables(study(load(tmp_path / "out"))) if "P(success)" in table.note]
    assert "anytime-valid, each scale by itself, for P(success)" in shown[0]


def test_a_goal_may_change_and_seeds_be_added_by_hand(aimed: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    run(aimed(), tmp_path / "out", executor="inline")
    by_hand = run(aimed(seeds="0:48"), tmp_path / "out", executor="inline")
    assert by_hand.sample is None
    assert cells(tmp_path / "out")[2.0] == list(range(48))
    assert load(tmp_path / "out").origin.aims == Aims(p_success=Aim(0.2, 60))
    further = "seeds: {goal: {p_success: 0.1}, at_most: 56}"
    later = run(aimed(goal=further), tmp_path / "out", executor="inline")
    assert later.sample is not None
    assert "not reached at depth 1 (56" in later.sample
    assert load(tmp_path / "out").origin.aims == Aims(
        p_success=Aim(0.2, 60)
    )  # the intervals stay those of the first goal
    assert cells(tmp_path / "out")[1.0] == list(range(56))


def test_a_sweep_of_a_number_of_seeds_has_no_aim(out: Path) -> None:
    assert load(out).origin.aims is None


def decide(
    goal: Goal, seeds: Sequence[Seed], values: Mapping[Seed, float], given_up: Iterable[Seed] = ()
) -> ScaleSample:
    """By a criterion that the metric has at least the value of one half."""
    return Rule.of(goal, Criterion("accuracy", "test", 0.5), (0.0, 1.0)).decide(seeds, values, given_up)


def test_the_rule_looks_at_whole_batches_in_order() -> None:
    goal = Goal(0.3, 24, 8)
    all_fail = dict.fromkeys(SEEDS, 0.0)
    assert decide(goal, SEEDS[:24], {}).seeds == tuple(SEEDS[:8])
    one_open = {seed: 0.0 for seed in SEEDS[:24] if seed.id != 7}
    found = decide(goal, SEEDS[:24], one_open)
    assert (found.state, found.seeds, found.counted) == ("open", tuple(SEEDS[:8]), 0)
    mixed = {seed: float(seed.id % 2) for seed in SEEDS}
    ended = decide(Goal(0.05, 60, 16), SEEDS, mixed)
    assert (ended.state, ended.counted) == ("at most", 60)
    reached = decide(Goal(0.05, 60, 16), SEEDS, all_fail)
    assert (reached.state, reached.counted) == ("reached", 48)
    # What lies beyond the batch that decides makes no difference.
    assert decide(Goal(0.05, 60, 16), SEEDS, all_fail | dict.fromkeys(SEEDS[48:], 1.0)) == reached
    assert decide(Goal(0.05, 60, 16), SEEDS, dict(reversed(all_fail.items()))) == reached


def test_a_given_up_seed_is_left_out_of_what_is_counted() -> None:
    outcomes = {seed: 1.0 for seed in SEEDS[:16] if seed.id != 3}
    found = decide(Goal(0.05, 24, 8), SEEDS[:24], outcomes, [SEEDS[3]])
    assert (found.state, found.counted, found.given_up) == ("open", 15, 1)
    assert found.seeds == tuple(SEEDS[:24])
    finished_later = decide(Goal(0.05, 24, 8), SEEDS[:24], outcomes | {SEEDS[3]: 0.0}, [SEEDS[3]])
    assert (finished_later.counted, finished_later.given_up) == (16, 0)
    nothing = decide(Goal(0.05, 24, 8), SEEDS[:24], dict.fromkeys(SEEDS[:8], 1.0), SEEDS[8:16])
    assert (nothing.state, nothing.counted) == ("nothing gained", 8)


@pytest.mark.parametrize(
    ("goal", "problem"),
    [
        ("{goal: {p_success: 0.05}}", "at_most: is missing"),
        ("{goal: {p_success: 5}, at_most: 40}", "goal.p_success: 5 is no half-width"),
        ("{goal: {p_succes: 0.05}, at_most: 40}", "goal: is a half-width of P(success)"),
        ("{goal: 0.05, at_most: 40}", "goal: is a half-width of P(success)"),
        ("{goal: {p_success: 0.05}, at_most: 0}", "at_most: 0 is not a number of seeds"),
        ("{goal: {p_success: 0.05}, at_most: 40.5}", "at_most: 40.5 is not a number of seeds"),
        ("{goal: {p_success: 0.05}, at_most: 1000000}", "at_most: 1,000,000 is over the largest"),
        ("{goal: {p_success: 0.05}, at_most: 8, batch: 9}", "batch: 9 seeds are more than at_most"),
        ("{goal: {p_success: 0.05}, at_most: 8, init: 0:4}", "init: a goal is reached with plain seeds"),
    ],
)
def test_a_goal_that_cannot_be_is_one_line(aimed: MakeSpec, goal: str, problem: str) -> None:
    with pytest.raises(InputError, match="seeds") as error:
        aimed(goal=f"seeds: {goal}")
    assert problem in str(error.value)
    assert "\n" not in str(error.value)
