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
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seedsweep.cell import Pack
from seedsweep.sweep.events import Event
from seedsweep.sweep.job import Job, StoreSink
from seedsweep.sweep.progress import Progress
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.status import status
from seedsweep.sweep.store import Store
from tests.sweep.fake import FakeTraining

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
        {"updated": 0.0},
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
