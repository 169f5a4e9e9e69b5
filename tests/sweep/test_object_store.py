"""Sweeps on an S3 of moto's: few requests, one run at a time, and a store that fails, is gone or is silent."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from seedsweep.cell import Pack
from seedsweep.errors import InputError, StorageError
from seedsweep.sweep import patience
from seedsweep.sweep.check import check
from seedsweep.sweep.events import Event
from seedsweep.sweep.files import Files
from seedsweep.sweep.job import Job, Outcome
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.status import status
from seedsweep.sweep.store import Store
from tests.sweep.conftest import SPEC
from tests.sweep.fake import FakeTraining
from tests.sweep.s3 import S3, serving

MakeSpec = Callable[..., SweepSpec]
MakeFake = Callable[..., FakeTraining]


def rows(place: str | Path) -> pa.Table:
    order = [(name, "ascending") for name in ("scale", "seed", "step", "split", "metric")]
    return load(place).to_arrow().sort_by(order)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with serving(monkeypatch) as server:
        yield server


def test_a_small_file_is_one_request(s3: S3) -> None:
    files = Files(s3.url("place"))
    files.write("a/b.txt", b"text")
    assert s3.counts() == {"PUT": 1}
    assert files.read("a/b.txt") == b"text"
    assert files.read("a/c.txt") is None
    assert [entry.name for entry in files.listing()] == ["a/b.txt"]
    s3.asked.clear()
    files.write("large", bytes(12_000_000))
    assert files.read("large") == bytes(12_000_000)


@pytest.mark.parametrize("pack", [1, 8])
def test_requests_of_a_run(
    pack: int, s3: S3, spec: MakeSpec, fake: MakeFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of packs that end before it is time to tell how far they are, as those of one block do."""
    fake(checkpoints=False)
    monkeypatch.setattr("tests.sweep.fake.EVALUATIONS_PER_BLOCK", 100)
    taken = []
    for cells in (16, 40):
        s3.asked.clear()
        wanted = spec("scale.values=[1]", f"execution.pack={pack}", seeds=f"0:{cells}")
        run(wanted, s3.url(f"sweep-{cells}"), executor="inline", on_progress=lambda event: None)
        taken.append(s3.counts())
    few, many = taken
    each = {method: (many - few)[method] / ((40 - 16) / pack) for method in many}
    # A pack is written down, is looked for when its block is written, and the block's footer is read in the end.
    assert each == {"PUT": 2, "HEAD": 1, "GET": 1, "POST": 0, "DELETE": 0}
    assert many.total() / 40 <= {1: 5, 8: 1.5}[pack]
    place = s3.url("sweep-40")
    assert check(place).well
    assert not [entry for folder in ("work", "locks") for entry in Files(place).listing(folder)]
    s3.asked.clear()
    assert status(place).complete
    assert s3.counts().total() <= 40 / pack + 8
    s3.asked.clear()
    assert load(place).final("exact_match").present.sum() == 40
    assert s3.counts().total() <= 4 * 40 / pack + 8


def test_a_run_with_unfinished_packs_clears_away_what_the_others_have_left(
    s3: S3, spec: MakeSpec, fake: MakeFake
) -> None:
    fake(raise_at_scale=2.0)
    place = s3.url("sweep")
    files = Files(place)
    assert len(run(spec(), place, executor="inline").failures) == 2
    left = {entry.name.split("/")[1] for entry in files.listing("work")}
    assert len(left) == 2
    assert all(name.startswith("depth-2-") for name in left)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seedsweep.sweep.store.Store.clear_work", lambda *args: None)  # killed before it is
        assert len(run(spec(seeds="0:8"), place, executor="inline").failures) == 4
    stay = {entry.name for entry in files.listing("work")}
    store = Store(place)
    finished = {pack.name for pack in store.packs(store.existing_record()) if pack.finished}
    store.clear_work(finished, most=1)
    assert {entry.name for entry in files.listing("work")} == stay, "too many to remove one by one"
    assert not check(place).well
    check(place, fix=True)
    assert {entry.name.split("/")[1] for entry in files.listing("work")}.isdisjoint(finished)
    fake()
    assert run(spec(seeds="0:8"), place, executor="inline").missing == 0
    assert files.listing("work") == []


def test_a_killed_run_is_taken_over_at_once_and_a_living_one_is_not(
    s3: S3, tmp_path: Path, spec: MakeSpec
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("steps: 6", "steps: 3000"))
    place = s3.url("sweep")
    command = [sys.executable, "-m", "seedsweep", "run", str(tmp_path / "spec.yaml"), "--out", place]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    other = subprocess.Popen([*command, "--executor", "inline"], cwd=tmp_path, env=environment, **quiet)
    try:
        files = Files(place)
        deadline = time.monotonic() + 120
        while not files.listing("work") and time.monotonic() < deadline:
            time.sleep(0.1)
        long = spec("train.steps=3000")
        with pytest.raises(InputError, match=rf"another run \(process {other.pid} on .*is at this sweep"):
            run(long, place, executor="inline")
        assert status(place).starting or any(pack.state == "running" for pack in status(place).packs)
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
    with pytest.raises(InputError, match="other settings"):
        run(spec(), place, executor="inline")
    assert len(files.listing("locks")) == 1, "of the dead one; nobody has claimed the sweep yet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seedsweep.sweep.driver.Driver.train", lambda self, planned: None)
        run(long, place, executor="inline")
    assert files.listing("locks") == []


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds in place of minutes."""
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 4.0)
    monkeypatch.setattr(patience, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.2)


def test_a_store_that_is_gone_for_a_while_costs_nothing(
    s3: S3, spec: MakeSpec, fake: MakeFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.2)
    training = fake()
    gone_until: list[float] = []

    def fail(request: str) -> bool:
        if not gone_until and "block-0001" in request and request.startswith("PUT"):
            gone_until.append(time.monotonic() + 6.0)
        return bool(gone_until) and time.monotonic() < gone_until[0]

    s3.fail = fail
    events: list[Event] = []
    result = run(spec(), s3.url("sweep"), executor="inline", on_progress=events.append)
    assert gone_until
    assert (result.missing, result.failures) == (0, ())
    assert len(training.calls()) == 4, "no attempt was spent"
    run(spec(), tmp_path / "undisturbed", executor="inline")
    assert rows(s3.url("sweep")).equals(rows(tmp_path / "undisturbed"))


@pytest.mark.parametrize("how", ["fails", "is silent"])
@pytest.mark.usefixtures("hasty")
def test_a_store_that_stays_away_ends_the_run_in_a_line(
    how: str, s3: S3, spec: MakeSpec, fake: MakeFake, tmp_path: Path
) -> None:
    training = fake()
    place = s3.url("sweep")
    away: list[bool] = []

    def fail(request: str) -> bool:
        if "block-0001" in request and request.startswith("PUT"):
            away.append(True)
            s3.silent = how == "is silent"
        return bool(away) and how == "fails"

    s3.fail = fail
    began = time.monotonic()
    with pytest.raises(
        StorageError, match=r"cannot be reached: .*once it can, the same command goes on"
    ) as caught:
        run(spec(), place, executor="inline")
    assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 90
    assert len(training.calls()) == 1
    s3.silent, s3.fail = False, lambda request: False
    time.sleep(0.2)
    result = run(spec(), place, executor="inline")
    assert (result.missing, result.failures) == (0, ())
    assert Files(place).listing("failures") == []
    run(spec(), tmp_path / "undisturbed", executor="inline")
    assert rows(place).equals(rows(tmp_path / "undisturbed"))


def test_no_bucket_and_no_server_are_told_at_once(s3: S3, spec: MakeSpec, fake: MakeFake) -> None:
    fake()
    began = time.monotonic()
    nowhere = s3.url("sweep").replace(s3.bucket, "no-such-bucket")
    with pytest.raises(InputError, match=r"cannot be (read|written)"):
        run(spec(), nowhere, executor="inline")
    with pytest.raises(InputError, match="cannot be read"):
        status(s3.url("sweep").replace(f":{s3.port}", ":9"))
    assert time.monotonic() - began < 60


def test_what_a_worker_says_of_a_store_that_is_away_can_be_sent(spec: MakeSpec) -> None:
    pack = Pack("model.depth", 1.0, spec().seeds.pairs(), "f")
    told = Outcome(Job("s3://b/x", spec().recipes[1], pack, "cpu"), "full", storage=OSError(110, "no answer"))
    told = pickle.loads(pickle.dumps(told))
    assert told.storage is not None
    error = StorageError("s3://b/x", told.storage)
    assert error.lasting
    assert "cannot be reached: no answer" in str(error)


def test_the_command_ends_though_a_silent_store_never_lets_go() -> None:
    code = (
        "import sys; from seedsweep.sweep import patience; patience.ANSWER_SECONDS = 1.0\n"
        "from seedsweep.cli import main; sys.argv = ['seedsweep', 'status', sys.argv[1]]; main()"
    )
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: held.extend(server.accept()[0] for _ in range(9)), daemon=True).start()
        place = f"s3://bucket/x?endpoint_override=127.0.0.1:{server.getsockname()[1]}&scheme=http&region=us-east-1"
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_EC2_METADATA_DISABLED": "true"}
        environment = os.environ | keys | {"PYTHONPATH": str(Path(__file__).parents[2])}
        ended = subprocess.run(
            [sys.executable, "-c", code, place], env=environment, capture_output=True, text=True, timeout=80
        )
        assert ended.returncode == 3
        assert "cannot be reached: no answer within 1.0 s;" in ended.stderr
        assert ended.stderr.count("\n") == 1
        for connection in held:
            connection.close()
