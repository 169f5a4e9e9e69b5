"""Where a sweep stands, told from its files."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seedsweep.cell import Pack
from seedsweep.errors import InputError
from seedsweep.sweep import claim, lock, runnote
from seedsweep.sweep.events import Event
from seedsweep.sweep.job import Job, StoreSink
from seedsweep.sweep.progress import Progress, process_began
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.standing import SweepStatus
from seedsweep.sweep.status import status
from seedsweep.sweep.store import Store
from tests.sweep.fake import FakeTraining
from tests.sweep.s3 import serving

MakeSpec = Callable[..., SweepSpec]


@pytest.fixture
def half(spec: MakeSpec, fake: Callable[..., FakeTraining], tmp_path: Path) -> Path:
    """A sweep stopped when scale 2 had two of its four seeds; scale 1 has none."""
    fake()

    def interrupt(event: Event) -> None:
        if event.kind == "finish":
            os.kill(os.getpid(), signal.SIGINT)

    run(spec(), tmp_path / "out", executor="inline", on_progress=interrupt)
    return tmp_path / "out"


def begin(out: Path, spec: SweepSpec, scale: float = 2.0, **progress: Any) -> Progress:
    """Seeds 2 and 3 of a scale as a worker would leave them."""
    pack = Pack("model.depth", scale, spec.seeds.pairs()[2:4], spec.fingerprint())
    store = Store(out)
    store.begin(pack)
    told = Progress(
        pack=pack.name,
        scale=scale,
        seeds=2,
        step=4,
        steps=6,
        saved_step=2,
        rate=10.0,
        state="running",
        updated=time.time(),
        host=socket.gethostname(),
        pid=os.getpid(),
    )
    told = replace(told, **progress)
    store.files.write(f"work/{pack.name}/progress.json", told.to_json())
    return told


def test_before_and_after(half: Path, spec: MakeSpec) -> None:
    now = status(half)
    assert [(one.scale, one.asked, one.done, one.missing, one.fraction) for one in now.scales] == [
        (1.0, 4, 0, 4, 0.0),
        (2.0, 4, 2, 2, 0.5),
    ]
    assert 0.25 < now.fraction < 0.4  # the deeper half counts for more
    assert now.seconds_left is None
    assert now.seeds_per_hour is None
    assert not now.complete
    run(spec(), half, executor="inline")
    now = status(half)
    assert now.complete
    assert (now.done, now.asked, now.fraction, now.seconds_left) == (8, 8, 1.0, 0.0)
    json.dumps(now.to_dict(), allow_nan=False)


def test_a_pack_at_work(half: Path, spec: MakeSpec) -> None:
    begin(half, spec())
    now = status(half)
    scale = now.scales[1]
    assert (scale.done, scale.running, scale.missing) == (2, 2, 0)
    assert scale.fraction == (2 * 6 + 2 * 4) / (4 * 6)
    assert scale.seeds_per_hour == pytest.approx(10.0 / 6 * 3600)
    assert now.seeds_per_hour == scale.seeds_per_hour
    assert now.packs[0].step == 4
    # Left: 4 seed-steps of scale 2 at 10 a second, and all of scale 1 in proportion to its arithmetic.
    record = Store(half).existing_record()
    small, large = (one.flop_per_seed_step for one in record.scales)
    assert now.seconds_left == pytest.approx((4 * large + 24 * small) / (10.0 * large))


def test_a_pack_that_has_just_begun_is_expected_at_the_pace_of_others(half: Path, spec: MakeSpec) -> None:
    begin(half, spec())
    alone = status(half).seconds_left
    begin(half, spec(), scale=1.0, step=0, saved_step=0, rate=0.0)
    now = status(half)
    assert alone is not None
    # The worker that is at scale 2, with 0.4 s to go, then takes the other half of scale 1.
    assert now.seconds_left == pytest.approx(0.4 + (alone - 0.4) / 2)
    assert now.scales[0].seeds_per_hour is None


@pytest.mark.parametrize(
    "gone",
    [
        {"state": "stopped"},
        {"pid": 2**22 + 1},  # over the largest process id
        {"host": "elsewhere", "updated": 0.0},
        {"updated": 0.0},  # of a version, or on a system, that does not tell when its process began
        {"process_began": 1},  # another process has its number now
    ],
)
def test_a_pack_whose_worker_is_gone_counts_as_far_as_its_checkpoint(
    half: Path, spec: MakeSpec, gone: dict[str, Any]
) -> None:
    begin(half, spec(), **gone)
    now = status(half)
    scale = now.scales[1]
    assert (scale.running, scale.interrupted) == (0, 2)
    assert scale.fraction == (2 * 6 + 2 * 2) / (4 * 6)
    assert (now.packs[0].state, now.packs[0].step, now.packs[0].rate) == ("interrupted", 2, 0.0)


@pytest.mark.parametrize("hours", [-2, 2])
def test_on_the_workers_machine_its_process_is_believed_and_no_clock(
    half: Path, spec: MakeSpec, hours: int
) -> None:
    """Also if the clock was put right meanwhile, or a step takes hours."""
    then = time.time() + hours * 3600
    told = begin(half, spec(), updated=then, process_began=process_began(os.getpid()))
    assert status(half).scales[1].running == 2
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    begin(half, spec(), pid=child.pid, updated=then, process_began=process_began(child.pid))
    assert status(half).scales[1].running == 2
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, though nobody has taken notice
    assert status(half).scales[1].running == 0
    child.communicate()
    assert told.process_began > 0


def test_a_worker_tells_when_its_process_began(
    spec: MakeSpec, fake: Callable[..., FakeTraining], tmp_path: Path
) -> None:
    fake()
    seen: list[int] = []

    def look(event: Event) -> None:
        for file in (tmp_path / "out/work").glob("*/progress.json"):
            told = Progress.from_json(file.read_bytes())
            assert told is not None
            seen.append(told.process_began)

    fake(step_seconds=0.5)
    run(spec("scale.values=[1]", seeds="0:2"), tmp_path / "out", executor="inline", on_progress=look)
    assert set(seen) == {process_began(os.getpid())} != {0}


def test_a_worker_on_another_machine_is_believed_for_a_while(half: Path, spec: MakeSpec) -> None:
    begin(half, spec(), host="elsewhere", pid=1)
    assert status(half).scales[1].running == 2


def test_a_failed_pack_names_its_traceback(half: Path, spec: MakeSpec) -> None:
    told = begin(half, spec(), state="failed")
    path = Store(half).write_failure(told.pack, "Traceback …")
    now = status(half)
    assert now.failed == 2
    assert now.scales[1].failed == 2
    assert now.packs[0].failure == path
    assert Path(path).exists()


def test_seeds_that_are_there_but_not_asked_for(half: Path, spec: MakeSpec) -> None:
    run(spec(seeds="1:2"), half, executor="inline")
    scale = status(half).scales[1]
    assert (scale.asked, scale.done, scale.extra) == (1, 1, 1)


def test_progress_files_of_other_versions_are_no_progress() -> None:
    for data in (None, b"", b"{", b"[]", b'{"pack": "x"}', b'{"surprise": 1}'):
        assert Progress.from_json(data) is None


def test_reading_needs_neither_torch_nor_ray(half: Path) -> None:
    program = (
        "import sys; from seedsweep.sweep.status import status; from seedsweep.sweep.reader import load;"
        "status(sys.argv[1]); load(sys.argv[1]).final('exact_match');"
        "assert not {'torch', 'ray'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(half)], cwd=Path(__file__).parents[2], check=True)


def test_a_pack_tells_no_rate_from_its_first_seconds(
    tmp_path: Path, spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pack = Pack("model.depth", 2.0, spec().seeds.pairs()[:2], spec().fingerprint())
    told: list[Progress] = []
    sink = StoreSink(Job(str(tmp_path), spec().recipes[2], pack, "cpu"), told.append)
    for now, step in ((100, 0), (107, 1), (110, 4), (120, 24)):  # noqa: B007  the clock reads it
        sink.report(step, 100)
    assert [one.rate for one in told] == [0.0, 0.0, 0.8, 2.4]


RUN = """
import sys
from seedsweep.sweep import claim, lock
lock.BEAT_SECONDS = claim.BEAT_SECONDS = 0.5
from seedsweep.sweep.run import run
from seedsweep.sweep.specfile import read_spec
run(read_spec(sys.argv[1], overrides=["train.steps=100000"]).spec, sys.argv[2], executor="inline")
"""


@pytest.mark.parametrize("kind", ["a disk", "an object store"])
def test_a_run_on_another_machine_is_seen_whatever_the_clocks_say(
    kind: str, spec_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its going on: it lives though its notes are hours old or in the future, and is dead when it stops."""
    with ExitStack() as entered:
        place = str(tmp_path / "out")
        if kind == "an object store":
            place = entered.enter_context(serving(monkeypatch)).url("sweep")
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, "-c", RUN, str(spec_file), place]
        other = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        entered.callback(other.wait)
        entered.callback(other.kill)
        while status_or_none(place) is None or not any(Store(place).files.listing("work")):
            assert other.poll() is None
            time.sleep(0.2)
        monkeypatch.setattr(lock, "BEAT_SECONDS", 0.5)
        monkeypatch.setattr(claim, "BEAT_SECONDS", 0.5)
        monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
        monkeypatch.setattr(runnote, "machine", lambda: "elsewhere")
        now = time.time
        for hours in (-2, 0, 2):
            monkeypatch.setattr(time, "time", lambda hours=hours: now() + hours * 3600)
            for store in (Store(place), watched := Store(place)):
                seen = status(store)
                assert seen.starting or seen.scales[1].running == 2
        if kind == "a disk":  # of an object store a worker tells later how far it is
            assert seen.scales[1].running == 2
        other.kill()
        other.wait()
        deadline = time.monotonic() + 60
        while (seen := status(watched)).starting or seen.scales[1].running:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        fresh = status(place)
        assert (fresh.starting, fresh.scales[1].running) == (False, 0)


def status_or_none(place: str) -> SweepStatus | None:
    try:
        return status(place)
    except InputError:
        return None


def test_a_lock_whose_process_has_another_number_owner_now_is_nobodys(half: Path) -> None:
    """The process that it names has ended, and its number was given to one that lives."""
    note = {**runnote.own_note("x"), "beat": "0"}
    (half / lock.FILE).write_text(json.dumps(note))
    assert status(half).starting
    (half / lock.FILE).write_text(json.dumps(note | {"started": 1}))
    assert not status(half).starting
