"""The presets of products of vectors: they descend as torch does on whole vectors, and give what the facts say.

Reference values are those of 2000 seeds of three vectors and 600 of four, of an implementation that is not here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.vectors import load_toys
from seedsweep.sweep.programverify import verify_program
from seedsweep.sweep.run import run
from seedsweep.sweep.specfile import read_spec
from tests.sweep.test_run import rows

QUICK = {
    "three": ["program.parameters.steps=20", "scale.values=[3,10]"],
    "four": ["program.parameters.steps=20", "program.parameters.dimensions=[3,4,5,6]", "scale.values=[0,0.1]"],
}
LOSS = ("", "relative_loss")
FOUR = {"alpha": 0.1, "dimensions": [20, 20, 20, 160], "formula": "code", "learning_rate": 1.0, "steps": 16_000}

Curves = dict[tuple[str, str], np.ndarray]
"""By split and metric, (steps reported, seeds)."""


@pytest.fixture
def vectors() -> ModuleType:
    """The module of the presets, of which a test may change the schedule."""
    return load_toys()


def curves(vectors: ModuleType, toy: str, seeds: range, at: Sequence[int], **given: Any) -> Curves:
    """Train so many seeds and report everything at these steps."""
    told: dict[tuple[str, str], list[np.ndarray]] = {}

    def report(step: int, split: str | None = None, **values: np.ndarray) -> None:
        for metric, value in values.items():
            told.setdefault((split or "", metric), []).append(np.array(value, dtype=float))

    vectors.__dict__["schedule"] = lambda steps: (set(at), set(at))
    names = np.array(seeds)
    getattr(vectors, toy)(**given, init_seeds=names, data_seeds=names + 10_000, report=report)
    return {name: np.array(values) for name, values in told.items()}


def three(vectors: ModuleType, at: Sequence[int], n: int = 2000, **given: Any) -> np.ndarray:
    """Relative loss at these steps, (steps, n)."""
    settings = {"dimension": 20, "formula": "code", "clamped": [], "learning_rate": 1.0, "steps": max(at)}
    return curves(vectors, "three", range(n), at, **settings | given)[LOSS]


def near(share: float, n: int, reference: float, n_reference: int) -> bool:
    """Whether a share is the reference, which is told to two places, within three standard errors of both."""
    error = np.sqrt(reference * (1 - reference) * (1 / n + 1 / n_reference))
    return bool(abs(share - reference) <= 0.005 + 3 * error)


@pytest.mark.parametrize("toy", QUICK)
def test_it_runs_from_any_directory(toy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = read_spec(f"program/vectors-{toy}", overrides=QUICK[toy], seeds="0:3").spec
    result = run(spec, "out", executor="inline")
    assert (result.trained, result.failed) == (6, 0)
    told = {(row["split"], row["metric"]) for row in rows(tmp_path / "out").to_pylist()}
    assert (spec.success.split, spec.success.metric) in told
    found = verify_program(spec, 3)
    assert [(scale.differing, scale.together) for scale in found.scales] == [(0, 3), (0, 3)]


Loss = Callable[[dict[str, torch.Tensor], dict[str, torch.Tensor]], torch.Tensor]


def distance(names: str, mean: bool) -> Loss:
    """‖·‖² between two outer products, by whole tensors."""

    def between(found: dict[str, torch.Tensor], truth: dict[str, torch.Tensor]) -> torch.Tensor:
        pattern = f"{','.join(names)}->{names}"
        whole, aim = (torch.einsum(pattern, *(values[name] for name in names)) for values in (found, truth))
        squares = (aim - whole) ** 2
        return squares.mean() if mean else squares.sum()

    return between


def drawn(vectors: ModuleType, seed: int, sizes: dict[str, int]) -> list[dict[str, torch.Tensor]]:
    """Start and truth of a seed, as whole vectors."""
    return [
        {
            name: torch.tensor(vectors.drawn([number], [role, place], size)[0], requires_grad=role == 0)
            for place, (name, size) in enumerate(sizes.items())
        }
        for role, number in enumerate((seed, seed + 10_000))
    ]


@pytest.mark.parametrize("clamped", [[], ["c"], ["b", "c"]], ids=["free", "c", "bc"])
@pytest.mark.parametrize(("formula", "mean", "half"), [("code", True, 0.5), ("thesis", False, 0.5)])
def test_three_descend_as_whole_vectors_do(
    vectors: ModuleType, formula: str, mean: bool, half: float, clamped: list[str]
) -> None:
    size, steps, rate = 5, 60, 0.5 if mean else 0.5 / 5**3
    given = {"dimension": size, "formula": formula, "clamped": clamped, "learning_rate": rate, "steps": steps}
    told = curves(vectors, "three", range(4), range(steps + 1), **given)
    norm = distance("abc", mean)
    for seed in range(4):
        free, truth = drawn(vectors, seed, dict.fromkeys("abc", size))
        free |= {name: truth[name] for name in clamped}
        learned = [free[name] for name in "abc" if name not in clamped]
        null = norm({name: 0 * value for name, value in truth.items()}, truth)
        for step in range(steps + 1):
            loss = half * norm(free, truth)
            with torch.no_grad():
                expected = {LOSS: loss / (half * null)}
                if step in (0, steps):
                    expected["", "loss"] = loss
                cosines = {name: torch.cosine_similarity(free[name], truth[name], dim=0) for name in "abc"}
                expected["", "cosine"] = cosines["a"] * cosines["b"] * cosines["c"]
                for name in "abc":
                    expected[name, "unaligned"] = 1 - cosines[name] ** 2
                signs = [norm(truth | {"a": sign * free["a"]}, truth) / null for sign in (1, -1)]
                expected["a", "relative_loss_alone"] = min(signs)
            for which, value in expected.items():
                values = told[which][-1 if which[1] == "loss" and step else step]
                assert values[seed] == pytest.approx(value.item(), rel=1e-9, abs=1e-12), (which, step)
            gradients = torch.autograd.grad(loss, learned)
            with torch.no_grad():
                for vector, gradient in zip(learned, gradients, strict=True):
                    vector -= rate * gradient
    assert told.keys() == expected.keys()
    assert (np.diff(told[LOSS], axis=0) <= 1e-12).all()
    assert (told[LOSS][-1] < 0.5).any()


@pytest.mark.parametrize(
    ("formula", "mean", "half"), [("code", True, 0.5), ("thesis", False, 1.0), ("without halves", True, 1.0)]
)
def test_four_descend_as_whole_vectors_do(vectors: ModuleType, formula: str, mean: bool, half: float) -> None:
    sizes = {"a": 3, "b": 4, "c": 5, "d": 6}
    steps, rate, mu, alpha = 60, 0.3, 0.1, 0.2
    if not mean:  # the same descent of sums
        mu, alpha, rate = mu * 60, alpha * 60 * 120 / 18, rate / (60 * 120)
    given = {"mu": mu, "alpha": alpha, "dimensions": list(sizes.values()), "formula": formula}
    told = curves(vectors, "four", range(4), range(steps + 1), **given, learning_rate=rate, steps=steps)
    norms = {"M1": distance("abc", mean), "M2": distance("bcd", mean)}
    for seed in range(4):
        free, truth = drawn(vectors, seed, sizes)
        nothing = {name: 0 * value for name, value in truth.items()}
        seen: list[float] = []
        for step in range(steps + 1):
            m1, m2 = (half * norm(free, truth) for norm in norms.values())
            loss = (m1 + mu) * m2 + alpha * half * distance("ad", mean)(free, nothing)
            for name, value in (("M1", m1), ("M2", m2)):
                relative = value.item() / (half * norms[name](nothing, truth).item())
                assert told[name, "relative_loss"][step, seed] == pytest.approx(relative, rel=1e-9, abs=1e-12)
            seen.append(relative)
            rise = max(later - min(seen[: place + 1]) for place, later in enumerate(seen))
            assert told["M2", "largest_rise"][step, seed] == pytest.approx(rise, rel=1e-9, abs=1e-9)
            gradients = torch.autograd.grad(loss, list(free.values()))
            with torch.no_grad():
                for vector, gradient in zip(free.values(), gradients, strict=True):
                    vector -= rate * gradient
    assert (told["M2", "relative_loss"][-1] < 0.9 * told["M2", "relative_loss"][0]).any()


def test_a_word_that_is_none_is_refused(vectors: ModuleType) -> None:
    with pytest.raises(ValueError, match="formula is 'codes'; give one of code, thesis, without halves"):
        three(vectors, [1], 2, formula="codes")
    with pytest.raises(ValueError, match=r"clamped is \['d'\]; give some of a, b, c"):
        three(vectors, [1], 2, clamped=["d"])


def test_sums_are_another_learning_rate_of_three_and_another_loss_of_four(vectors: ModuleType) -> None:
    slow = three(vectors, [300], 50, formula="thesis", learning_rate=1 / 8000)
    np.testing.assert_allclose(slow, three(vectors, [300], 50), rtol=1e-9)
    settings = FOUR | {"steps": 300, "learning_rate": 1 / (8000 * 64_000), "formula": "thesis"}
    sums = curves(vectors, "four", range(20), [300], **settings | {"mu": 800, "alpha": 0.1 * 8000 * 64_000 / 3200})
    means = curves(
        vectors, "four", range(20), [300], **settings | {"formula": "without halves", "learning_rate": 1}, mu=0.1
    )
    for which in sums:
        np.testing.assert_allclose(sums[which], means[which], rtol=1e-9)


def test_a_rate_that_is_too_large_ends_in_nan_and_harms_no_other(vectors: ModuleType) -> None:
    alone = three(vectors, [400], 1, dimension=3, learning_rate=3)
    together = three(vectors, [400], 200, dimension=3, learning_rate=3)
    assert np.isnan(together).any()
    assert alone[0, 0] == together[0, 0] < 1


def test_events_are_seen_within_an_eighth_and_round_steps_are_there(vectors: ModuleType) -> None:
    fine, coarse = map(sorted, vectors.schedule(16_000))
    assert (fine[0], fine[-1]) == (coarse[0], coarse[-1]) == (0, 16_000)
    assert set(coarse) < set(fine)
    assert {10, 20, 500, 1000, 2000, 3000, 10_000} < set(fine)
    late = np.array([step for step in fine if step >= 40])  # before that whole steps are no finer
    assert (late[1:] / late[:-1]).max() < 1.13


def test_zero_is_a_saddle_of_third_order(vectors: ModuleType) -> None:
    truth = np.full((3, 1), 2.0)
    for fixed, order in (([], 3), ([2], 2), ([1, 2], 1)):
        away = []
        for length in (1e-2, 1e-3):
            along = np.full((3, 1), length)
            along[fixed] = 2.0
            loss, *_ = vectors.mismatch(1.0, along, np.zeros((3, 1)), truth)
            away.append((1 - loss / vectors.null(1.0, truth)).item())
        assert np.log10(away[0] / away[1]) == pytest.approx(order, abs=0.02)


def test_three_escape_when_the_facts_say(vectors: ModuleType) -> None:
    quantiles = {120: 0.05, 233: 0.25, 409: 0.5, 847: 0.75}
    loss = dict(zip([*quantiles, 1000, 3000], three(vectors, [*quantiles, 1000, 3000]), strict=True))
    for step, share in (quantiles | {1000: 0.79, 3000: 0.94}).items():
        assert near((loss[step] < 0.5).mean(), 2000, share, 2000), step
    assert near((loss[1000] < 0.1).mean(), 2000, 0.78, 2000)
    assert near((loss[1000] > 0.9).mean(), 2000, 0.2, 2000)


def test_half_of_it_is_a_sign(vectors: ModuleType) -> None:
    given = {"dimension": 20, "formula": "code", "clamped": [], "learning_rate": 1.0, "steps": 1000}
    at = [0, 301, 581, 1000]
    told = curves(vectors, "three", range(2000), at, **given)
    positive, loss = told["", "cosine"][0] > 0, told[LOSS]
    assert near(positive.mean(), 2000, 0.5, 2000)
    for which, median, by_1000 in ((positive, 301, 0.89), (~positive, 581, 0.69)):
        assert near((loss[at.index(median)][which] < 0.5).mean(), 1000, 0.5, 1000)
        assert near((loss[-1][which] < 0.5).mean(), 1000, by_1000, 1000)


def test_clamping_makes_it_sooner_and_two_clamps_exponential(vectors: ModuleType) -> None:
    of_c = three(vectors, [69, 186, 3000], clamped=["c"])
    assert near((of_c[0] < 0.5).mean(), 2000, 0.5, 2000)
    assert near((of_c[1] < 0.5).mean(), 2000, 0.95, 2000)
    of_both = three(vectors, [14, 15, 3000], clamped=["b", "c"])
    assert (of_both[0] < 0.5).mean() < 0.5 + 3 * np.sqrt(0.25 / 1000)
    assert (of_both[1] < 0.5).mean() > 0.5 - 3 * np.sqrt(0.25 / 1000)
    assert (np.concatenate([of_c[-1:], of_both[-1:]]) < 0.5).all()
    curve = three(vectors, range(40), 20, clamped=["b", "c"])
    np.testing.assert_allclose(curve[1:] / curve[:-1], np.broadcast_to(curve[1] / curve[0], (39, 20)), rtol=1e-9)


@pytest.mark.parametrize(("dimension", "share"), [(10, 0.97), (20, 0.92), (40, 0.68), (80, 0.22)])
def test_three_of_more_dimensions_succeed_less_often(vectors: ModuleType, dimension: int, share: float) -> None:
    assert near((three(vectors, [2000], dimension=dimension)[0] < 0.5).mean(), 2000, share, 2000)


def outcomes(vectors: ModuleType, mu: float, formula: str = "code") -> tuple[np.ndarray, np.ndarray, Curves]:
    """Of 600 seeds of four vectors every 20 steps: whether M1 and M2 are below half their null, and all else."""
    told = curves(vectors, "four", range(600), range(0, 16_001, 20), **FOUR | {"mu": mu, "formula": formula})
    return told["M1", "relative_loss"] < 0.5, told["M2", "relative_loss"] < 0.5, told


def test_four_learn_and_forget_as_the_facts_say(vectors: ModuleType) -> None:
    first, second, told = outcomes(vectors, 0.1)
    learned, persistent = first.any(0), first[-1]
    transient, neither = learned & ~persistent, ~learned & ~second.any(0)
    for found, share in ((learned, 0.84), (transient, 0.81), (persistent, 0.02), (neither, 0.15)):
        assert near(found.mean(), 600, share, 600)
    lasts = 20 * first[:, transient].sum(0)
    assert near((lasts < 2440).mean(), transient.sum(), 0.5, transient.sum())
    divot = told["M2", "largest_rise"][-1][second.any(0)]  # before its final fall, which the others have not
    assert near((divot > 0.01).mean(), len(divot), 0.89, len(divot))
    assert near((divot > 0.15).mean(), len(divot), 0.5, len(divot))

    whole, _, _ = outcomes(vectors, 0.1, "without halves")
    assert near(whole.any(0).mean(), 600, 0.95, 600)
    both = learned & whole.any(0)
    faster = first[:, both].argmax(0) / whole[:, both].argmax(0)
    assert np.median(faster) == pytest.approx(4, rel=0.1)


def test_without_mu_the_first_product_stays_and_the_second_is_never_learned(vectors: ModuleType) -> None:
    first, second, _ = outcomes(vectors, 0)
    assert near(first[-1].mean(), 600, 0.82, 600)
    assert near((~first.any(0)).mean(), 600, 0.18, 600)
    assert not second.any()
