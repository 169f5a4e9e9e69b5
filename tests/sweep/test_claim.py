"""One run at a time on an object store: fsspec's in memory, with processes that are really there or not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import fsspec
import pytest

from seedsweep.errors import InputError
from seedsweep.sweep import claim, lock, runnote
from seedsweep.sweep.claim import Claim, TakenOverError
from seedsweep.sweep.files import Files
from seedsweep.sweep.progress import process_began
from seedsweep.sweep.pulse import Pulse
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from tests.sweep.fake import FakeTraining

MakeSpec = Callable[..., SweepSpec]
MakeFake = Callable[..., FakeTraining]


@pytest.fixture
def place() -> Iterator[str]:
    """An empty place in memory."""
    name = uuid.uuid4().hex
    yield f"memory://{name}/sweep"
    memory = fsspec.filesystem("memory")
    if memory.exists(f"/{name}"):
        memory.rm(f"/{name}", recursive=True)


def foreign(files: Files, name: str = "other", *, seconds_ago: float = 0.0, **told: Any) -> str:
    """A claim of another process, written so long ago by the store's clock."""
    content = {"state": "held", "pid": 1, "started": None, "host": "elsewhere", "machine": "elsewhere"}
    file = f"locks/{name}.json"
    files.write(file, json.dumps(content | told).encode())
    memory = fsspec.filesystem("memory")
    entry = memory.store[f"/{files.root.strip('/')}/{file}"]
    entry.modified = entry.modified - timedelta(seconds=seconds_ago)
    return file


def held(files: Files) -> list[str]:
    return [entry.name for entry in files.listing("locks")]


def test_a_second_run_is_refused_and_the_first_leaves_nothing(place: str) -> None:
    files = Files(place)
    with lock.hold(files):
        (own,) = held(files)
        who = rf"another run \(process {os.getpid()} on .*\) is at this sweep"
        with pytest.raises(InputError, match=who), lock.hold(Files(place)):
            raise AssertionError("two runs at once")
        assert held(files) == [own]
        assert Pulse(files).runs() == {own.removeprefix("locks/").removesuffix(".json")}
    assert held(files) == []
    assert not Pulse(files).runs()


def test_two_runs_with_other_packs_never_double_a_cell(place: str, spec: MakeSpec, fake: MakeFake) -> None:
    """The second begins while the first is in the middle; when the first has ended, nothing is missing."""
    fake(step_seconds=0.02)
    ended: list[Any] = []
    first = threading.Thread(target=lambda: ended.append(run(spec(), place, executor="inline")))
    first.start()
    while not held(Files(place)):
        time.sleep(0.005)
    with pytest.raises(InputError, match="is at this sweep; wait for it or stop it"):
        run(spec("execution.pack=3"), place, executor="inline")
    first.join()
    assert ended[0].trained == 8
    assert run(spec("execution.pack=3"), place, executor="inline").trained == 0
    assert load(place).cells == 8
    rows = load(place).to_arrow()
    assert len(rows) == len(rows.group_by(["scale", "seed", "step", "split", "metric"]).aggregate([]))


def test_many_that_begin_at_once_are_at_it_one_after_another(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "_STEP_BACK_SECONDS", 0.2)
    at_it = 0
    most = 0
    got = 0
    counting = threading.Lock()
    start = threading.Barrier(6)

    def compete() -> None:
        nonlocal at_it, most, got
        start.wait()
        for _ in range(5):
            try:
                with lock.hold(Files(place)):
                    with counting:
                        at_it, got = at_it + 1, got + 1
                        most = max(most, at_it)
                    time.sleep(0.01)
                    with counting:
                        at_it -= 1
            except InputError:
                time.sleep(0.02)

    threads = [threading.Thread(target=compete) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert got >= 1
    assert held(Files(place)) == []


def test_the_process_is_believed_on_this_machine_and_no_clock(place: str) -> None:
    """A dead one is taken over at once; one that lives is not, however old its claim is."""
    files = Files(place)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    mine: dict[str, Any] = {
        "pid": child.pid,
        "machine": runnote.machine(),
        "started": process_began(child.pid),
    }
    try:
        foreign(files, seconds_ago=1e6, **mine)
        with pytest.raises(InputError, match=rf"process {child.pid} on elsewhere"), lock.hold(files):
            raise AssertionError("it lives")
        # Another process that has got its number since then is not it.
        foreign(files, **(mine | {"started": "0"}))
        with lock.hold(files):
            assert "locks/other.json" not in held(files)
        foreign(files, **mine)
    finally:
        child.kill()
        child.wait()
    with lock.hold(files):
        assert "locks/other.json" not in held(files)


def test_of_another_machine_the_stores_clock_counts(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(place)
    foreign(files, seconds_ago=claim.DEAD_SECONDS - 30)
    with (
        pytest.raises(InputError, match=r"last heard of 1 min 30 s ago.*takes over in 30 s"),
        lock.hold(files),
    ):
        raise AssertionError("it may live")
    foreign(files, seconds_ago=claim.DEAD_SECONDS + 5)
    monkeypatch.setattr(time, "time", lambda: 0.0)  # this machine's clock is 50 years slow
    with lock.hold(files):
        assert "locks/other.json" not in held(files)


@pytest.mark.parametrize("content", [b"", b"garbage", b"[" * 100_000, b"[]"])
def test_a_claim_that_cannot_be_read_counts_until_it_is_old(place: str, content: bytes) -> None:
    files = Files(place)
    file = foreign(files)
    files.write(file, content)
    with pytest.raises(InputError, match="another run is at this sweep"), lock.hold(files):
        raise AssertionError("somebody's")


def test_who_was_silent_for_long_and_taken_over_writes_nothing_more(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a laptop that slept. It may even have written its claim once more before it looked."""
    files = Files(place)
    slept = Claim(files)
    with slept.held():
        (own,) = held(files)
        content = files.read(own)
        assert content is not None
        slept._heard -= claim.DEAD_SECONDS
        slept.check()  # nobody came: it goes on
        files.write(own, json.dumps(json.loads(content) | {"machine": "asleep"}).encode())
        entry = fsspec.filesystem("memory").store[f"/{files.root.strip('/')}/{own}"]
        entry.modified = entry.modified - timedelta(seconds=claim.DEAD_SECONDS + 5)
        with lock.hold(Files(place)):
            files.write(own, content)
            slept._heard -= claim.DEAD_SECONDS
            with pytest.raises(TakenOverError, match="another run has taken over this sweep"):
                slept.check()
            with pytest.raises(TakenOverError):
                slept.check()


def test_the_claim_is_written_anew_while_it_is_held(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "BEAT_SECONDS", 0.02)
    files = Files(place)
    with lock.hold(files):
        times: set[float | None] = set()
        deadline = time.monotonic() + 20
        while len(times) < 3 and time.monotonic() < deadline:
            times.add(files.modified(files.listing("locks")[0]))
            time.sleep(0.01)
    assert len(times) == 3
    assert held(files) == []
