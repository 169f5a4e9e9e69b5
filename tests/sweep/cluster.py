"""A Ray cluster of several nodes on this machine: each a `ray start` of its own, which wants a token."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-the-tests-0123456789"
RAY = str(Path(sys.executable).with_name("ray"))


class Cluster:
    """A head without work, and nodes that are added and killed. Ends all that it has started, and nothing else."""

    def __init__(self, folder: Path, *, dashboard: bool = False) -> None:
        self._folder = folder
        self._home = folder / "home"
        self._home.mkdir()
        self._sessions = Path(f"/tmp/seedsweep-test-{os.getpid()}")  # a socket's path may have 107 characters
        self._started: list[subprocess.Popen[bytes]] = []
        port, self._dashboard_port = free_port(), free_port()
        self.address = f"127.0.0.1:{port}"
        self.dashboard = f"http://127.0.0.1:{self._dashboard_port}"
        self._head = (
            *("--head", f"--port={port}", "--num-cpus=0", f"--temp-dir={self._sessions}"),
            *("--dashboard-host=127.0.0.1", f"--dashboard-port={self._dashboard_port}"),
            f"--include-dashboard={str(dashboard).lower()}",
            f"--ray-client-server-port={free_port()}",
        )

    def __enter__(self) -> Self:
        self._start(*self._head)
        self.address = f"{node_address()}:{self.address.rpartition(':')[2]}"
        wait_until(lambda: self._answers(self.address), "the head answers")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in reversed(self._started):
            self.kill(node)
        subprocess.run(["rm", "-rf", str(self._sessions)], check=True)

    def node(self, *, cpus: int = 1, gpus: int = 0) -> subprocess.Popen[bytes]:
        """Another machine, as far as Ray knows."""
        return self._start(f"--address={self.address}", f"--num-cpus={cpus}", f"--num-gpus={gpus}")

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """With all its processes, at once."""
        if node.poll() is not None:
            return
        processes = [*psutil.Process(node.pid).children(recursive=True), psutil.Process(node.pid)]
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        node.wait()

    def environment(self, *, token: str | None = TOKEN) -> dict[str, str]:
        """Of a command that is to find this cluster, and knows a token or none."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        kept |= {"HOME": str(self._home), "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
        kept["PATH"] = f"{Path(sys.executable).parent}:{kept['PATH']}"  # jobs call `python`
        return kept if token is None else kept | {"RAY_AUTH_TOKEN": token}

    def run(
        self, *words: str, token: str | None = TOKEN, timeout: float = 200.0
    ) -> subprocess.CompletedProcess[str]:
        """A command of seedsweep's, to its end."""
        command = [sys.executable, "-m", "seedsweep", *words]
        surroundings = self.environment(token=token)
        return subprocess.run(command, capture_output=True, text=True, env=surroundings, timeout=200)

    def _start(self, *options: str) -> subprocess.Popen[bytes]:
        command = [RAY, "start", "--block", "--object-store-memory=80000000", "--dashboard-agent-listen-port=0"]
        command += ["--min-worker-port=0", "--max-worker-port=0"]
        with (self._folder / f"node-{len(self._started)}.log").open("wb") as log:
            node = subprocess.Popen(
                [*command, *options],
                env=self.environment() | {"RAY_AUTH_MODE": "token"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started.append(node)
        return node

    def _answers(self, address: str) -> bool:
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), 1.0).close()
        except OSError:
            return False
        return True


def wait_until(true: Callable[[], Any], what: str, seconds: float = 300.0) -> None:
    """Look again and again."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.2)


def free_port() -> int:
    """One that nothing listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def node_address() -> str:
    """The address that Ray takes for this machine's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("8.8.8.8", 53))  # sends nothing
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
