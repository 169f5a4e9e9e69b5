"""On a real cluster of several nodes, which come, go and differ; who has no token stays outside."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pytest

from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from tests.sweep.cluster import Cluster, node_address, wait_until
from tests.sweep.test_run import rows

MakeSpec = Callable[..., SweepSpec]
STEPS, LONGER = "train.steps=1200", "train.steps=6000"
"""Some seconds of training for every pack, so that something can happen meanwhile."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A head without work."""
    with Cluster(tmp_path) as running:
        yield running


class Run:
    """`seedsweep run` in a process of its own, whose lines are read while it runs."""

    def __init__(self, surroundings: dict[str, str], *words: str) -> None:
        command = [sys.executable, "-m", "seedsweep", "run", *words]
        self.process = subprocess.Popen(
            command, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def says(self, words: str, times: int = 1) -> None:
        """Wait for a line."""
        wait_until(lambda: sum(words in line for line in self.lines) >= times, f"{words!r} is said: {self.lines}")

    def end(self) -> int:
        """Wait for the end; returns the exit status."""
        status = self.process.wait(timeout=500)
        self._reader.join()
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.end()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(line.rstrip() for line in self.process.stderr)


def test_who_has_no_token_or_another_is_told_so(cluster: Cluster, spec_file: Path, tmp_path: Path) -> None:
    for token, why in (
        (None, "asks for a token, and none is here"),
        ("x" * 30, "takes another token than is here"),
    ):
        words = ("run", str(spec_file), "--out", str(tmp_path / "out"), "--address", cluster.address)
        ended = cluster.run(*words, token=token)
        assert ended.returncode == 2
        line = ended.stderr.splitlines()[-1]
        assert line.startswith(f"seedsweep: --address {cluster.address}: the cluster {why}")
        assert all(name in line for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token"))
        assert "Unauthenticated" not in ended.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_nodes_come_go_and_differ(cluster: Cluster, spec: MakeSpec, spec_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    given = (str(spec_file), "--out", str(out), "--address", cluster.address, "--set", STEPS, "--seeds", "0:8")
    with Run(cluster.environment(), *given) as running:
        running.says("waiting for workers: the cluster has 1 machine now")
        one = cluster.node(cpus=1)
        running.says("1 worker up: training goes on")
        two = cluster.node(cpus=2)
        running.says("room for 2 more workers")
        wait_until(lambda: at_work(out) >= 2, "two packs are trained")
        cluster.kill(one)
        cluster.kill(two)
        running.says("waiting for workers", times=2)
        cluster.node(cpus=2)
        assert running.end() == 0, running.lines
    assert not [line for line in running.lines if "[state-dump]" in line or "infinite retries" in line]
    assert sum(line.startswith("what Ray says of itself: ") for line in running.lines) == 1
    run(spec(STEPS, seeds="0:8"), tmp_path / "undisturbed", executor="inline")
    assert rows(out).equals(rows(tmp_path / "undisturbed"))


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_gpu_that_a_node_only_pretends_to_have_is_one_line(
    device: str, cluster: Cluster, spec_file: Path, tmp_path: Path
) -> None:
    cluster.node(cpus=1, gpus=1)
    wait_until(lambda: "GPU" in cluster_resources(cluster), "the node is there")
    words = ["run", str(spec_file), "--out", str(tmp_path / "out"), "--address", cluster.address]
    words += [f"--set=execution.device={device}", "--set=execution.pack=auto"]
    ended = cluster.run(*words)
    assert ended.returncode == 2, ended.stderr
    assert "execution.device: cuda does not work on" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("victim", ["raylet", "gcs_server"])
def test_a_ray_of_our_own_that_dies_is_one_line_and_the_same_command_goes_on(
    victim: str, spec: MakeSpec, spec_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    surroundings = Cluster(tmp_path).environment(token=None)
    # Longer than Ray takes to notice: workers go on for a while without it, and may be done by then.
    given = (str(spec_file), "--out", str(out), "--set", LONGER, "--seeds", "0:8")
    with Run(surroundings, *given) as running:
        wait_until(lambda: at_work(out), "a pack is trained")
        children = psutil.Process(running.process.pid).children(recursive=True)
        next(child for child in children if child.name() == victim).send_signal(signal.SIGKILL)
        assert running.end() == 4, running.lines
    line = running.lines[-1]
    assert line.startswith("seedsweep: the Ray cluster cannot be used any more: ")
    assert line.endswith("the same command goes on")
    assert not [line for line in running.lines if "Traceback" in line]
    psutil.wait_procs(children, timeout=30)
    with Run(surroundings, *given) as again:
        assert again.end() == 0, again.lines
    run(spec(LONGER, seeds="0:8"), tmp_path / "undisturbed", executor="inline")
    assert rows(out).equals(rows(tmp_path / "undisturbed"))


@pytest.mark.skipif(node_address() == "127.0.0.1", reason="no port of this machine could be open to others")
def test_a_ray_of_our_own_is_open_to_nobody_else(spec_file: Path, tmp_path: Path) -> None:
    surroundings = Cluster(tmp_path).environment(token=None)
    with Run(surroundings, str(spec_file), "--out", str(tmp_path / "out"), "--set", STEPS) as running:
        running.says("training on")
        wait_until(lambda: at_work(tmp_path / "out"), "a pack is trained")
        driver = psutil.Process(running.process.pid)
        listening = {
            (process.name(), connection.laddr.ip)
            for process in [driver, *driver.children(recursive=True)]
            for connection in process.net_connections(kind="tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        driver.send_signal(signal.SIGINT)
        assert running.end() in (0, 130)
    assert {"raylet", "gcs_server"} <= {name for name, _ in listening}
    assert {address for _, address in listening} <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}, listening


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_a_sweep_is_submitted_found_again_stopped_and_goes_on(
    spec: MakeSpec, spec_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with Cluster(tmp_path, dashboard=True) as cluster:
        cluster.node(cpus=2)
        wait_until(lambda: answers(cluster.dashboard), "the dashboard answers")
        given = ["submit", str(spec_file), "--address", cluster.dashboard, "--out", str(out)]
        given += ["--set", STEPS, "--seeds", "0:8"]
        refused = cluster.run(*given, token="x" * 30)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "takes another token than is here" in refused.stderr.splitlines()[-1]
        sent = cluster.run(*given, "--no-wait")
        assert sent.returncode == 0, sent.stderr
        job = next(line for line in sent.stderr.splitlines() if ": sent" in line).partition(":")[0]
        wait_until(lambda: at_work(out), "a pack is trained")
        again = cluster.run(*given, "--no-wait")
        assert f"{job}: runs already" in again.stderr
        stopped = cluster.run(*given, "--stop")
        assert stopped.returncode == 0, stopped.stderr
        assert "saving a checkpoint" in stopped.stdout
        assert list(out.glob("work/*/checkpoint.pt"))
        done = cluster.run(*given)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "trained" in done.stdout
    run(spec(STEPS, seeds="0:8"), tmp_path / "undisturbed", executor="inline")
    assert rows(out).equals(rows(tmp_path / "undisturbed"))


PROGRAM = """\
program: {command: "python train.py {width} {seed} {dir}", metrics: "metrics.jsonl", parameters: {width: 1}}
scale: {field: program.width, values: [1, 2]}
seeds: 0:2
success: {metric: accuracy, split: test, at_least: 0.5}
"""
TRAIN = """\
import json, sys
import helper
width, seed, out = sys.argv[1:]
with open(f"{out}/metrics.jsonl", "w") as file:
    for step in range(3):
        file.write(json.dumps({"step": step, "test/accuracy": helper.value(int(width), int(seed), step)}) + "\\n")
"""
HELPER = """\
def value(width, seed, step):
    return (width * 7 + seed * 3 + step) % 10 / 10
"""


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_a_program_goes_along_with_what_it_imports(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "sweep.yaml").write_text(PROGRAM.replace("parameters", "directory: ., parameters"))
    (mine / "train.py").write_text(TRAIN)
    (mine / "helper.py").write_text(
        "def value(width, seed, step):\n    return (width * 7 + seed * 3 + step) % 10 / 10\n"
    )
    with Cluster(tmp_path, dashboard=True) as cluster:
        cluster.node(cpus=2)
        wait_until(lambda: answers(cluster.dashboard), "the dashboard answers")
        given = [
            "submit",
            str(mine / "sweep.yaml"),
            "--address",
            cluster.dashboard,
            "--out",
            str(tmp_path / "out"),
        ]
        ended = cluster.run(*given)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert load(tmp_path / "out").final("accuracy", split="test").at(2).tolist() == [0.6, 0.9]


def at_work(out: Path) -> int:
    """Packs that are in training, and have taken a step."""
    steps = []
    for path in out.glob("work/*/progress.json"):
        try:
            steps.append(json.loads(path.read_text())["step"])
        except FileNotFoundError:  # its pack has just ended
            continue
    return sum(step > 0 for step in steps)


def answers(url: str) -> bool:
    """Whether something listens there."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), 1.0).close()
    except OSError:
        return False
    return True


def cluster_resources(cluster: Cluster) -> str:
    """What Ray says of the cluster."""
    command = [sys.executable, "-c", "import ray, sys; ray.init(sys.argv[1]); print(ray.cluster_resources())"]
    surroundings = cluster.environment() | {"RAY_AUTH_MODE": "token"}
    return subprocess.run([*command, cluster.address], capture_output=True, text=True, env=surroundings).stdout
