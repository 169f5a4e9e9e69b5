"""The order of events by hand, by scipy's sign test, and where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from seedsweep.analysis import event_order
from tests.analysis.statistics.eventtimes import between, seen

INF = math.inf


def test_by_hand() -> None:
    copies = between([0, 100, 0, 300, 300], [100, 200, 100, INF, INF])
    matches = between([100, 100, 300, 0, 300], [200, 200, INF, 100, INF])
    found = event_order({"copies": copies, "matches": matches})
    (pair,) = found.pairs
    assert (pair.before, pair.after, pair.undecided, pair.neither) == (2, 1, 1, 1)
    assert pair.share.estimate == pytest.approx(2 / 3)
    assert pair.pvalue == binomtest(2, 3).pvalue
    assert found.orders == {
        "(copies, matches)": 1,
        "copies < (matches)": 1,
        "copies < matches": 1,
        "copies = matches": 1,
        "matches < (copies)": 1,
    }


def test_exchanged_is_the_share_over_all_pairs_of_seeds() -> None:
    random = np.random.default_rng(0)
    a, b = seen(random.uniform(0, 3500, 25)), seen(random.uniform(0, 3500, 25))
    (pair,) = event_order({"a": a, "b": b}).pairs
    wins = losses = 0
    for i in range(25):
        for j in range(25):
            if i != j:
                wins += a.high[i] < INF and a.high[i] <= b.low[j]
                losses += b.high[j] < INF and b.high[j] <= a.low[i]
    assert pair.exchanged == pytest.approx(wins / (wins + losses))


def test_three_events_of_which_one_waits_for_the_others() -> None:
    random = np.random.default_rng(1)
    first, second = random.uniform(100, 2000, (2, 40))
    events = {"a": seen(first), "b": seen(second), "c": seen(np.maximum(first, second) + 200)}
    found = event_order(events)
    shares = {(pair.first, pair.second): pair for pair in found.pairs}
    assert shares["a", "c"].share.estimate == shares["b", "c"].share.estimate == 1
    assert shares["a", "c"].pvalue_holm < 0.001
    assert shares["a", "c"].pvalue_exchanged < 0.01
    assert shares["a", "b"].pvalue_holm > 0.05
    assert sum(found.orders.values()) == 40
    assert all(order.endswith("c") for order in found.orders)


def test_nulls_are_refuted_as_often_as_they_may_be() -> None:
    """Of the same distribution neither null is false; of independent late ones only that of the coin."""
    random = np.random.default_rng(2)
    coin, exchanged, late = [], [], []
    for _ in range(200):
        a, b = random.uniform(100, 2800, (2, 30))
        (pair,) = event_order({"a": seen(a), "b": seen(b)}, permutations=199).pairs
        coin.append(pair.pvalue <= 0.05)
        exchanged.append(pair.pvalue_exchanged <= 0.05)
        (pair,) = event_order({"a": seen(a / 2), "b": seen(b)}, permutations=199).pairs
        late.append((pair.pvalue <= 0.05, pair.pvalue_exchanged <= 0.05))
    assert np.mean(coin) <= 0.09
    assert np.mean(exchanged) <= 0.09
    often, rarely = np.mean(late, axis=0)
    assert often > 0.6
    assert rarely <= 0.09


def test_degenerate() -> None:
    never = between([3000.0, 3000.0], [INF, INF])
    (pair,) = event_order({"a": never, "b": never}).pairs
    assert math.isnan(pair.share.estimate)
    assert math.isnan(pair.pvalue)
    assert pair.neither == 2
    with pytest.raises(ValueError, match="two or more events"):
        event_order({"a": never})
    with pytest.raises(ValueError, match="two or more events"):
        event_order({"a": never, "b": between([0.0], [1.0])})
