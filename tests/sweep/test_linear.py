"""Nothing grows faster than the number of cells: what is opened and listed is counted, not timed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from seedsweep.sweep.compact import compact
from seedsweep.sweep.events import Event
from seedsweep.sweep.files import Files
from seedsweep.sweep.find import find
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.status import status
from seedsweep.sweep.store import Store
from tests.sweep.fake import FakeTraining

MakeSpec = Callable[..., SweepSpec]
MakeFake = Callable[..., FakeTraining]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the store is asked for anything, by what."""
    counts: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def counted(*args: Any, **named: Any) -> Any:
            counts[name] += 1
            return real(*args, **named)

        monkeypatch.setattr(owner, name, counted)

    for name in ("listing", "read", "write", "delete", "delete_folder", "exists"):
        count(Files, name)
    count(pq, "read_metadata")
    monkeypatch.setattr("seedsweep.sweep.blocks.LISTING_SECONDS", 0.0)
    monkeypatch.setattr("seedsweep.sweep.reporter.TICK_SECONDS", 1000.0)
    return counts


def test_a_run_asks_for_the_same_of_every_pack_however_many_there_are(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path, calls: Counter[str]
) -> None:
    fake(checkpoints=False)
    taken: list[Counter[str]] = []
    for number, packs in enumerate((2, 12, 22)):
        calls.clear()
        events: list[Event] = []
        wanted = spec("scale.values=[1]", seeds=f"0:{2 * packs}")
        run(wanted, tmp_path / str(number), executor="inline", on_progress=events.append)
        assert [event.status.done for event in events if event.kind == "finish"] == [*range(2, 2 * packs + 1, 2)]
        taken.append(Counter(calls))
    few, some, many = taken
    assert few["listing"] == some["listing"] == many["listing"]
    assert many - some == some - few
    each = {name: (many - some)[name] / 10 for name in many}
    assert each["read_metadata"] == 4  # of its four blocks, once, when the run has ended
    assert sum(each.values()) < 30


def test_the_store_is_counted_again_after_a_while_only(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path, calls: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake()
    monkeypatch.setattr("seedsweep.sweep.reporter.TICK_SECONDS", 0.0)
    wanted = spec(seeds="0:12")
    run(wanted, tmp_path / "a", executor="inline", on_progress=lambda event: None)
    often = calls["listing"]
    calls.clear()
    monkeypatch.setattr("seedsweep.sweep.reporter.LOOKING_SHARE", 1e-9)
    run(wanted, tmp_path / "b", executor="inline", on_progress=lambda event: None)
    assert calls["listing"] < often, "looking has its share of the time and no more"


def test_packs_that_end_one_after_another_do_not_keep_the_running_ones_from_being_looked_at(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake()
    monkeypatch.setattr("seedsweep.sweep.reporter.TICK_SECONDS", 0.01)
    monkeypatch.setattr("seedsweep.sweep.reporter.LOOKING_SHARE", 1e9)
    events: list[Event] = []
    run(spec(seeds="0:24"), tmp_path / "out", executor="inline", on_progress=events.append)
    kinds = [event.kind for event in events]
    assert kinds.count("tick") > 24 // 2
    assert max(pack.step for event in events for pack in event.status.packs) > 0


def test_with_many_parts_a_status_is_made_by_the_clock(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake()
    monkeypatch.setattr("seedsweep.sweep.reporter.MANY_PARTS", 1)
    monkeypatch.setattr("seedsweep.sweep.reporter.TICK_SECONDS", 1000.0)
    events: list[Event] = []
    run(spec(), tmp_path / "out", executor="inline", on_progress=events.append)
    packs = [event for event in events if event.kind in ("start", "finish")]
    assert len(packs) == 8
    assert len({id(event.status) for event in packs}) == 1


def test_reading_lists_once_and_opens_each_footer_once(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path, calls: Counter[str]
) -> None:
    fake()
    out = tmp_path / "out"
    run(spec(seeds="0:12"), out, executor="inline")
    for merged, files in ((False, 12 * 4), (True, 2)):
        if merged:
            compact(out)
        for read in (load, status, lambda out: find(spec(seeds="0:12"), out)):
            calls.clear()
            read(out)
            assert calls["read_metadata"] == files
            assert calls["listing"] == 3  # metrics, work, failures
            assert calls["read"] <= 4  # the record, whether blocks were merged meanwhile, and the lock
    store = Store(out)
    status(store)
    run(spec(seeds="0:14"), out, executor="inline")
    calls.clear()
    assert status(store).done == 28
    assert calls["read_metadata"] == 2 * 4, "of what is new only"
