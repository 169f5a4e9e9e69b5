"""What comes and goes: by hand, by brute force over random curves, and in populations in which it is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import median_filter

from seedsweep.analysis import chance_maximum, rise_and_fall
from seedsweep.analysis.statistics.smoothing import evaluation_noise, running_median

NAN = math.nan


def test_running_median_is_that_of_scipy_between_the_ends() -> None:
    curves = np.random.default_rng(0).random((20, 30))
    smooth = running_median(curves)
    assert np.array_equal(smooth[:, 1:-1], median_filter(curves, size=(1, 3))[:, 1:-1])
    assert np.array_equal(smooth[:, 0], curves[:, 0])
    assert np.array_equal(smooth[:, -1], smooth[:, -2])
    short = running_median(
        np.array([[0.1, 0.9, 0.2, NAN, NAN], [0.1, 0.9, NAN, NAN, NAN], [NAN, 0.5, 0.9, 0.6, 0.7]])
    )
    assert np.array_equal(
        short,
        [[0.1, 0.2, 0.2, NAN, NAN], [0.1, 0.9, NAN, NAN, NAN], [NAN, 0.5, 0.6, 0.7, 0.7]],
        equal_nan=True,
    )


def test_noise_is_that_of_the_evaluations_and_not_of_what_rises() -> None:
    random = np.random.default_rng(1)
    rising = np.linspace(0, 1, 500) ** 3
    found = evaluation_noise(rising + random.normal(0, 0.04, (200, 500)))
    assert found.mean() == pytest.approx(0.04, rel=0.03)
    step = np.where(np.arange(50) < 20, 0.0, 1.0)
    assert np.array_equal(evaluation_noise(np.stack([step, 1 - step, rising[::10]])), [0, 0, 0])
    assert np.array_equal(evaluation_noise(np.array([[0.1, 0.5]])), [0])


def test_the_best_of_many_guesses_is_that_of_a_simulation() -> None:
    best = chance_maximum(0.5, examples=512, evaluations=100)
    drawn = np.random.default_rng(2).binomial(512, 0.5, (4000, 100)).max(axis=1) / 512
    assert drawn.mean() == pytest.approx(best.expected, abs=0.001)
    assert best.expected == pytest.approx(0.555, abs=0.001)  # as the thesis' sheet has it
    assert 0.005 <= (drawn >= best.limit).mean() <= 0.02
    assert (drawn > best.limit).mean() <= 0.013


@pytest.mark.parametrize(
    ("noise", "estimated"),
    [(math.sqrt(0.25 / 512), False), (0.0, True)],
    ids=["of the examples", "of the curve"],
)
def test_who_guesses_does_not_emerge(noise: float, estimated: bool) -> None:
    """Level and chance are one, which is the hardest case; evaluations are independent, or follow each other."""
    random = np.random.default_rng(3)
    guesses, slow = random.binomial(512, 0.5, (3000, 60)) / 512, 0.5 + _slow(random, 3000, 60)
    for curves in (guesses,) if estimated else (guesses, slow):
        found = rise_and_fall(np.arange(60), curves, 0.5, noise=noise)
        assert found.emerged.reached.mean() <= 0.01
        assert np.array_equal(found.emerged.reached, found.pvalue <= 0.01)


def _slow(random: np.random.Generator, n: int, t: int) -> np.ndarray:
    """As much noise as 512 examples make, of which each evaluation shares nine tenths with the one before."""
    values = random.normal(0, 1, (n, t))
    for k in range(1, t):
        values[:, k] = 0.9 * values[:, k - 1] + math.sqrt(1 - 0.81) * values[:, k]
    return np.asarray(values * math.sqrt(0.25 / 512))


def brute(curve: np.ndarray, level: float, chance: float, band: float) -> tuple[list[int], dict[str, float]]:
    """States and events of one smoothed curve, written down as the docstrings say."""
    changes: list[tuple[int, int]] = []
    state, events = (
        0,
        {"emerged": math.inf, "gone": math.inf, "back": math.inf, "crossed": math.inf, "halved": math.inf},
    )
    for k, value in enumerate(curve):
        if math.isnan(value):
            break
        limit = min(level, (max(curve[: k + 1]) + chance) / 2)
        if state in (0, 2) and value >= level + band:
            start = k
            while start > 0 and curve[start - 1] >= level:
                start -= 1
            state = 1 if state == 0 else 3
            changes.append((start, state))
        elif state in (1, 3) and value < limit and value <= limit - band:
            start = k
            while start > 0 and curve[start - 1] < limit:
                start -= 1
            state = 2
            changes.append((start, state))
    known = [value for value in curve if not math.isnan(value)]
    if len(known) < len(curve) and state in (1, 3):
        changes.append((len(known), 2))
    states, now = [], 0
    for k in range(len(curve)):
        for start, new in changes:
            if start == k:
                now = new
        states.append(now)
    for name, number in (("emerged", 1), ("gone", 2), ("back", 3)):
        events[name] = min((start for start, new in changes if new == number), default=math.inf)
    if changes:
        peak = int(np.argmax(known))
        half = (max(known) + chance) / 2
        for name, below, begin in (("crossed", level, changes[0][0]), ("halved", half, peak)):
            below_it = [k for k in range(begin + 1, len(known)) if known[k] < below and known[k] <= below - band]
            if below_it:
                start = below_it[0]
                while start - 1 > begin and known[start - 1] < below:
                    start -= 1
                events[name] = start
    return states, events


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_states_and_events_are_those_of_brute_force(noise: float) -> None:
    random = np.random.default_rng(4)
    phase, pace = random.uniform(0, 6, (2, 400, 1))
    waves = 0.5 + 0.5 * np.sin(phase + pace * np.arange(40) / 10)
    walks = np.clip(waves + np.cumsum(random.normal(0, 0.05, (400, 40)), axis=1), 0, 1)
    ends = random.integers(1, 80, 400)  # some diverge
    walks[np.arange(40) >= ends[:, None]] = NAN
    found = rise_and_fall(np.arange(40), walks, 0.5, chance=0.2, noise=noise)
    smooth = running_median(walks)
    several = 0
    for row, (curve, band) in enumerate(zip(smooth, found.band, strict=True)):
        states, events = brute(curve, 0.5, 0.2, band)
        assert found.states[row].tolist() == states
        several += states.count(3) > 0
        for name, index in events.items():
            times = getattr(found, name)
            assert times.high[row] == index, name
            if index < math.inf:
                assert times.low[row] == (index - 1 if index > 0 else -math.inf)
    assert several > 10
    assert found.losses.max() > 1


def test_what_is_not_sure_by_the_end_is_censored_where_it_began() -> None:
    steps = np.arange(0, 100, 10)
    rising = [0.0] * 6 + [0.55] * 4
    falling = [0.9] * 5 + [0.4] * 5
    sure = rise_and_fall(steps, [rising, falling], 0.5, chance=0.0)
    assert sure.emerged.high.tolist() == [60, 0]
    assert sure.crossed.low.tolist() == [90, 40]
    unsure = rise_and_fall(steps, [rising, falling], 0.5, chance=0.0, noise=0.05)
    assert unsure.emerged.high.tolist() == [math.inf, 0]
    assert unsure.emerged.low.tolist() == [50, -math.inf]
    assert (unsure.crossed.low[1], unsure.crossed.high[1]) == (40, math.inf)
    assert (unsure.halved.low[1], unsure.halved.high[1]) == (40, math.inf)


def test_gone_is_below_the_level_and_by_half() -> None:
    """Of three that fall below 0.7: one to half, one hardly, one that diverges; and one that never had it."""
    up = np.concatenate([np.full(4, 0.5), np.full(6, 0.9)])
    curves = np.stack([np.concatenate([up, np.full(10, to)]) for to in (0.6, 0.69, NAN)] + [np.full(20, 0.5)])
    found = rise_and_fall(np.arange(20), curves, 0.7, chance=0.45)
    assert found.outcomes.tolist() == ["gone", "there", "gone", "never"]
    assert found.transient.tolist() == [True, False, False, False]
    assert found.diverged.tolist() == [False, False, True, False]
    assert found.crossed.high.tolist() == [10, 10, math.inf, math.inf]
    assert found.gone.high.tolist() == [10, math.inf, 10, math.inf]


def test_who_has_it_again_and_who_only_rises() -> None:
    base = [0.0, 0.0, 0.9, 0.9, 0.9, 0.0, 0.0, 0.0]
    back, partly = [*base, 0.8, 0.8, 0.8], [*base, 0.3, 0.3, 0.3]
    found = rise_and_fall(range(11), [back, partly, [*base, 0.1, 0.1, 0.1]], 0.5, chance=0.0)
    assert found.outcomes.tolist() == ["back", "gone", "gone"]
    assert found.back.high.tolist() == [8, math.inf, math.inf]
    assert found.resurged.high.tolist() == [8, 8, math.inf]  # by more than 0.9 / 4
    assert rise_and_fall(range(11), [partly], 0.5, chance=0.0, delta=0.35).resurged.high.tolist() == [math.inf]
    assert found.transient.tolist() == [False, True, True]


@pytest.mark.parametrize("half", [150.0, 400.0, 1000.0])
def test_half_life_and_slope_of_known_decays(half: float) -> None:
    steps = np.arange(0, 4001, 20.0)
    decay = 0.5 + 0.4 * np.where(steps < 400, 0, 0.5 ** ((steps - 400) / half))
    found = rise_and_fall(steps, decay[None], 0.6, chance=0.5)
    assert found.half_life.low[0] <= half <= found.half_life.high[0]
    # The running median takes off the tip, so that half of the peak is a little lower, and later.
    assert found.half_life.middle[0] == pytest.approx(half, abs=40)
    line = np.where(steps < 400, 0.5, 0.9 - 0.1 * np.log2(np.maximum(steps, 1) / 400))
    assert rise_and_fall(steps, line[None], 0.6, chance=0.5).slope[0] == pytest.approx(-0.1, abs=0.001)


def test_a_seed_that_was_stopped_is_known_until_then() -> None:
    steps = np.arange(0, 100, 10)
    curve = [0.0, 0.0, 0.9, 0.9, 0.9, 0.0, 0.0, 0.0, 0.0, 0.0]
    found = rise_and_fall(steps, [curve, curve], 0.5, trained_to=[90, 45])
    assert found.states[1].tolist() == [0, 0, 1, 1, 1, -1, -1, -1, -1, -1]
    assert found.outcomes.tolist() == ["gone", "there"]
    assert (found.gone.low[1], found.gone.high[1]) == (40, math.inf)
    assert not found.diverged.any()


def test_degenerate_curves() -> None:
    empty = rise_and_fall([0, 1], np.empty((0, 2)), 0.5)
    assert empty.outcomes.size == 0
    assert empty.half_life.low.size == 0
    nothing = rise_and_fall([0, 1, 2], [[NAN, NAN, NAN], [0.9, 0.9, 0.9]], 0.5)
    assert nothing.outcomes.tolist() == ["never", "there"]
    assert math.isnan(nothing.peak[0])
    assert nothing.emerged.low.tolist() == [2, -math.inf]
    one = rise_and_fall([5], [[0.7], [0.2]], 0.5)
    assert one.outcomes.tolist() == ["there", "never"]
    with pytest.raises(ValueError, match="noise is a standard deviation"):
        rise_and_fall([0], [[0.1]], 0.5, noise=-1)
    with pytest.raises(ValueError, match="confidence"):
        rise_and_fall([0], [[0.1]], 0.5, confidence=1)
    with pytest.raises(ValueError, match="trained_to"):
        rise_and_fall([5], [[0.1]], 0.5, trained_to=[1])
