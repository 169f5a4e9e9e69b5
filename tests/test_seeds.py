"""What seed ranges stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from seedsweep.seeds import LARGEST, Seed, Seeds, format_range, parse_range


def test_ranges_are_half_open() -> None:
    assert parse_range("0:4") == (0, 1, 2, 3)
    assert parse_range("7") == (7,)
    assert parse_range(7) == (7,)
    assert parse_range("0:2, 20, 30:32") == (0, 1, 20, 30, 31)
    assert parse_range([3, "5:7"]) == (3, 5, 6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("4:4", "empty"),
        ("", "not a seed"),
        ([], "no seeds"),
        ("5:2", "reversed; write 2:5"),
        ("0:4,3", "seed 3 is given twice"),
        ([1, 1], "seed 1 is given twice"),
        (-1, "negative"),
        ("-1:4", "not a seed"),
        ("a:b", "'a:b' is not a seed"),
        (True, "True is not a seed"),
        (1.5, "not a seed"),
        (LARGEST + 1, "over the largest"),
        (f"0:{LARGEST + 2}", "over the largest"),
    ],
)
def test_bad_ranges_say_what_would_be_right(given: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_range(given)


@given(st.sets(st.integers(0, LARGEST), min_size=1, max_size=30))
def test_format_is_read_back(seeds: set[int]) -> None:
    assert parse_range(format_range(seeds)) == tuple(sorted(seeds))


@given(st.integers(0, LARGEST), st.integers(0, LARGEST), st.integers(0, LARGEST), st.integers(0, LARGEST))
def test_ids_are_unique_and_fit_int64(a: int, b: int, c: int, d: int) -> None:
    first, second = Seed(a, b), Seed(c, d)
    assert (first.id == second.id) == (first == second)
    assert 0 <= first.id < 2**63


def test_crossed_seeds_extend_plain_ones() -> None:
    plain = Seeds.model_validate("0:3")
    crossed = Seeds.model_validate({"init": "0:3", "data": "0:3"})
    assert set(plain.pairs()) < set(crossed.pairs())
    assert len(crossed.pairs()) == 9
    assert [seed.id for seed in plain.pairs()] == [0, 1, 2]
    assert Seeds.model_validate(crossed.model_dump()) == crossed
    assert Seeds.model_validate(plain.model_dump()) == plain
    with pytest.raises(ValidationError, match="both roles"):
        Seeds.model_validate({"init": "0:3"})
