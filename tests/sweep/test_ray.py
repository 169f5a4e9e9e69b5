"""On real Ray workers: the same values, and nothing lost or doubled when a worker or the driver dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ray.exceptions import RayActorError

from seedsweep.errors import InputError, StorageError
from seedsweep.sweep.events import Event
from seedsweep.sweep.progress import process_exists
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from tests.sweep.fake import FakeTraining
from tests.sweep.programs import TRAIN, write_program
from tests.sweep.test_functions import SEVERAL, run_script, spec_of
from tests.sweep.test_run import kill_when, rows, start_driver

MakeSpec = Callable[..., SweepSpec]
MakeFake = Callable[..., FakeTraining]

pytestmark = pytest.mark.usefixtures("ray_cluster")


def test_ray_and_inline_give_the_same_rows(spec: MakeSpec, tmp_path: Path) -> None:
    events: list[Event] = []
    result = run(spec(), tmp_path / "ray", executor="ray", on_progress=events.append)
    assert (result.trained, result.failed, result.interrupted) == (8, 0, False)
    run(spec("execution.pack=3"), tmp_path / "inline", executor="inline")
    assert rows(tmp_path / "ray").equals(rows(tmp_path / "inline"))
    assert next(event.message for event in events if event.kind == "ready") == "training on 2 workers (cpu)"


@pytest.mark.heavy  # over a minute of waiting; `test_branch.py` has the same inline
def test_a_branch_starts_from_another_sweep(spec: MakeSpec, tmp_path: Path) -> None:
    run(spec("keep_checkpoints=[3]"), tmp_path / "parent", executor="ray")
    start = f"start={{sweep: {tmp_path / 'parent'}, step: 3, take: [layer1], freeze: [layer1]}}"
    run(spec(start), tmp_path / "ray", executor="ray")
    run(spec(start, "execution.pack=3"), tmp_path / "inline", executor="inline")
    assert rows(tmp_path / "ray").equals(rows(tmp_path / "inline"))


def test_a_killed_worker_loses_and_doubles_nothing(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    run(spec(), tmp_path / "undisturbed", executor="inline")
    (tmp_path / "diary.txt").unlink()
    training = fake(die_at=(2.0, 4))
    events: list[Event] = []
    result = run(spec("execution.pack=4"), tmp_path / "out", executor="ray", on_progress=events.append)
    assert (result.trained, result.failed) == (8, 0)
    assert rows(tmp_path / "out").equals(rows(tmp_path / "undisturbed"))
    # It began at 0, was killed, and went on from its checkpoint after 4 evaluations.
    calls = [line for line in training.calls() if line.startswith("depth-2")]
    assert [line.rpartition(" ")[2] for line in calls] == ["0", "4"]
    assert [event.kind for event in events].count("retry") == 1


def test_packs_that_run_out_of_memory_are_halved(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    asked = spec("execution.pack=4", seeds="0:10")
    run(asked, tmp_path / "undisturbed", executor="inline")
    fake(room_for=1)
    result = run(asked, tmp_path / "out", executor="ray")
    assert (result.trained, result.failed, result.interrupted) == (20, 0, False)
    assert rows(tmp_path / "out").equals(rows(tmp_path / "undisturbed"))
    assert result.notes == (
        "packs ran out of memory and were halved: down to 1 in place of 4 at depth 1, 1 in place of 4 at depth 2",
    )


@pytest.mark.parametrize("by", ["the kernel", pytest.param("Ray", marks=pytest.mark.heavy)])
def test_a_worker_killed_for_lack_of_memory_has_its_pack_halved(
    by: str, spec: MakeSpec, fake: MakeFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel does it, which leaves a number, or Ray, which raises an error of its own."""
    training = fake(room_for=2, killed_without_room=True)
    if by == "Ray":
        monkeypatch.setattr("seedsweep.sweep.executors.ray.OutOfMemoryError", RayActorError)
    else:
        killed = iter(range(100))
        monkeypatch.setattr("seedsweep.sweep.executors.ray.kernel_kills", lambda: next(killed))
    result = run(spec("execution.pack=4", "scale.values=[2]"), tmp_path / "out", executor="ray")
    assert (result.trained, result.failed) == (4, 0)
    assert len(training.calls()) == 3
    assert result.notes == ("packs ran out of memory and were halved: down to 2 in place of 4 at depth 2",)


@pytest.mark.heavy
def test_packs_that_always_fail_are_given_up_and_the_rest_goes_on(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path
) -> None:
    training = fake(raise_at_scale=1.0, die_at=(2.0, 1), always_die=True, checkpoints=False)
    small = spec("execution.pack=4", "scale.values=[1,2,3]")
    result = run(small, tmp_path / "out", executor="ray")
    assert (result.trained, result.failed, result.missing, result.interrupted) == (4, 8, 8, False)
    assert len(training.calls()) == 3 + 3 + 1
    why = {failure.scale: Path(failure.path).read_text() for failure in result.failures}
    assert "ArithmeticError: this scale cannot be trained" in why[1.0]
    assert "The worker was lost" in why[2.0]
    assert load(tmp_path / "out").scales == (3.0,)


def test_ctrl_c_lets_the_workers_save_and_the_next_run_completes(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path
) -> None:
    fake()
    run(spec(), tmp_path / "undisturbed", executor="inline")
    fake(step_seconds=0.5)

    def interrupt(event: Event) -> None:
        if event.kind == "start":
            os.kill(os.getpid(), signal.SIGINT)

    result = run(spec(), tmp_path / "out", executor="ray", on_progress=interrupt)
    assert result.interrupted
    assert (result.trained, result.failed) == (0, 0)
    assert list(tmp_path.joinpath("out", "work").glob("*/checkpoint.pt"))
    fake()
    assert run(spec(), tmp_path / "out", executor="inline").missing == 0
    assert rows(tmp_path / "out").equals(rows(tmp_path / "undisturbed"))


def test_a_killed_driver_leaves_a_store_that_the_next_run_completes(
    spec: MakeSpec, spec_file: Path, fake: MakeFake, tmp_path: Path, ray_cluster: str
) -> None:
    training = fake()
    run(spec(), tmp_path / "undisturbed", executor="inline")
    out = tmp_path / "out"
    process = start_driver(spec_file, out, tmp_path / "diary.txt", "ray", ray_cluster)
    kill_when(process, lambda: bool(list(out.glob("metrics/**/*.parquet"))))
    workers = {json.loads(file.read_text())["pid"] for file in out.glob("work/*/progress.json")}
    assert workers
    deadline = time.monotonic() + 120
    while any(map(process_exists, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(process_exists, workers)), "the workers of a dead driver train for nobody"
    assert run(spec(), out, executor="inline").missing == 0
    assert rows(out).equals(rows(tmp_path / "undisturbed"))
    assert any(line.endswith((" 1", " 2", " 3")) for line in training.calls())


def test_a_program_gives_the_same_rows_on_ray_and_inline(tmp_path: Path) -> None:
    spec = write_program(tmp_path / "mine", seeds="0:4")
    assert run(spec, tmp_path / "ray", executor="ray").trained == 8
    run(spec, tmp_path / "inline", executor="inline")
    assert rows(tmp_path / "ray").equals(rows(tmp_path / "inline"))


LOSES_ITS_WORKER = """
if not again:
    with open(f"{out}/metrics.jsonl", "w") as file:
        file.write(json.dumps({"step": 0, "test/accuracy": value(0)}) + "\\n")
    open(f"{out}/pid", "w").write(str(os.getpid()))
    worker = open(f"/proc/{os.getppid()}/stat").read().rpartition(")")[2].split()[1]
    os.kill(int(worker), signal.SIGKILL)
    time.sleep(600)
"""


def test_a_program_whose_worker_is_killed_dies_with_it_and_counts_once(tmp_path: Path) -> None:
    events: list[Event] = []
    spec, out = write_program(tmp_path / "mine", LOSES_ITS_WORKER + TRAIN, seeds="0"), tmp_path / "out"
    result = run(spec, out, executor="ray", on_progress=events.append)
    assert (result.trained, result.failed) == (2, 0)
    assert [event.kind for event in events].count("retry") == 2
    for pid in out.glob("cells/*/pid"):
        assert not Path(f"/proc/{pid.read_text()}").exists()
    run(write_program(tmp_path / "undisturbed", seeds="0"), tmp_path / "whole", executor="inline")
    assert rows(out).equals(rows(tmp_path / "whole"))


def test_a_function_gives_the_same_rows_on_ray_and_inline(tmp_path: Path, ray_cluster: str) -> None:
    spec = spec_of(tmp_path / "mine", SEVERAL, seeds="0:4", execution={"pack": 2})
    assert run(spec, tmp_path / "ray", executor="ray").trained == 8
    run(spec, tmp_path / "inline", executor="inline")
    assert rows(tmp_path / "ray").equals(rows(tmp_path / "inline"))
    assert "training 16 [0 1]" in (next((tmp_path / "ray/logs").glob("width-16-seeds-0-1-*.txt"))).read_text()
    for executor, address in (("ray", ray_cluster), ("inline", "")):  # defined in a script: it has to travel
        run_script(tmp_path, f"script-{executor}", executor, address)
    assert rows(tmp_path / "script-ray").equals(rows(tmp_path / "script-inline"))
    codes = [load(tmp_path / f"script-{name}").origin.facts["code"] for name in ("ray", "inline")]
    assert codes[0] == codes[1], "a worker cannot read the source of what was defined in a script"


LOSES_ITS_WORKER_AND_STOPS = """\
def train(width, seeds, report, dir, resume):
    import time
    for step in range(int(open(f"{dir}/at").read()) if resume else 0, 40):
        report(step, accuracy=[value(width, seed, step) for seed in seeds], split="test")
        with open(f"{dir}/at", "w") as file:
            file.write(str(step + 1))
        if step == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.05)
"""


def test_a_function_survives_its_worker_and_stops_at_its_next_report(tmp_path: Path) -> None:
    spec, out = spec_of(tmp_path / "mine", LOSES_ITS_WORKER_AND_STOPS, scale={"width": [16]}), tmp_path / "out"
    events: list[Event] = []

    def interrupt(event: Event) -> None:
        events.append(event)
        if event.kind == "start" and "retry" in [event.kind for event in events]:
            os.kill(os.getpid(), signal.SIGINT)

    result = run(spec, out, executor="ray", on_progress=interrupt)
    assert (result.trained, result.failed, result.interrupted) == (0, 0, True)
    assert run(spec, out, executor="ray").trained == 2
    whole = LOSES_ITS_WORKER_AND_STOPS.replace("step == 4", "step == -1").replace("0.05", "0")
    run(spec_of(tmp_path / "whole", whole, scale={"width": [16]}), tmp_path / "inline", executor="inline")
    assert rows(out).drop(["task"]).equals(rows(tmp_path / "inline").drop(["task"]))


def test_a_worker_that_finds_no_room_stops_the_run_and_costs_no_attempt(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path
) -> None:
    training, out = fake(disk_full=True), tmp_path / "out"
    with pytest.raises(StorageError, match=r"out: cannot be written: No space left on device; once it can"):
        run(spec(), out, executor="ray")
    assert len(training.calls()) <= 2, "one per worker"
    assert not (out / "failures").exists()
    fake()
    assert run(spec(), out, executor="ray").missing == 0


def test_a_device_that_the_cluster_has_not_is_refused_and_nothing_is_made(spec: MakeSpec, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the Ray cluster has no GPU"):
        run(spec("execution.device=cuda"), tmp_path / "out", executor="ray")
    with pytest.raises(InputError, match=r"execution.gpus: 0.25 asked for but the Ray cluster has no GPU"):
        run(write_program(tmp_path / "mine", execution={"gpus": 0.25}), tmp_path / "out", executor="ray")
    assert not (tmp_path / "out").exists()


NODE_LOSS = """
import sys
import ray
from ray.cluster_utils import Cluster
import seedsweep.sweep.driver
import seedsweep.sweep.run
from seedsweep.sweep.specfile import read_spec
from tests.sweep.fake import FakeTraining
from tests.sweep.programs import TRAIN, write_program

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
nodes = [cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)]
seedsweep.sweep.driver.Job = FakeTraining(sys.argv[3], step_seconds=1.0).job


def remove_a_node(event):
    if len(nodes) == 2 and sum(pack.state == "running" and pack.step > 1 for pack in event.status.packs) == 2:
        cluster.remove_node(nodes.pop(), allow_graceful=False)


result = seedsweep.sweep.run.run(
    read_spec(sys.argv[1]).spec, sys.argv[2], executor="ray", address=cluster.address, on_progress=remove_a_node
)
assert len(nodes) == 1
assert (result.trained, result.failed) == (8, 0), result
ray.shutdown()
cluster.shutdown()
"""


@pytest.mark.heavy
def test_a_lost_machine_loses_and_doubles_nothing(
    spec: MakeSpec, spec_file: Path, fake: MakeFake, tmp_path: Path
) -> None:
    fake()
    run(spec(), tmp_path / "undisturbed", executor="inline")
    (tmp_path / "diary.txt").unlink()
    command = [sys.executable, "-c", NODE_LOSS, str(spec_file), str(tmp_path / "out"), str(tmp_path / "diary.txt")]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True, capture_output=True, timeout=200)
    assert rows(tmp_path / "out").equals(rows(tmp_path / "undisturbed"))
    lines = (tmp_path / "diary.txt").read_text().splitlines()
    assert len(lines) == 5  # four packs, one of them twice
    assert sum(not line.endswith(" 0") for line in lines) == 1  # from its checkpoint


SHARED_GPU = """
import json, sys
import ray
import seedsweep
ray.init(address="local", num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False)
events = []
spec = seedsweep.read_spec(sys.argv[1]).spec
result = seedsweep.run(spec, sys.argv[2], executor="ray", on_progress=lambda event: events.append(event.message))
assert (result.trained, result.failed) == (4, 0), result
assert "training on 2 workers (cuda)" in events, events
ray.shutdown()
"""


@pytest.mark.heavy
def test_two_programs_share_a_gpu_as_far_as_ray_knows(tmp_path: Path) -> None:
    body = TRAIN + 'open(f"{out}/gpu", "w").write(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))\n'
    write_program(tmp_path / "mine", body, execution={"gpus": 0.5})
    command = [sys.executable, "-c", SHARED_GPU, str(tmp_path / "mine/sweep.yaml"), str(tmp_path / "out")]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True, timeout=200)
    assert {path.read_text() for path in (tmp_path / "out").glob("cells/*/gpu")} == {"0"}
