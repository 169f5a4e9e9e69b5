"""An address at which there is no Ray cluster: one line within seconds, exit status 2, nothing made."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedsweep.errors import InputError
from seedsweep.sweep.executors.firstlook import host_and_port, look, wanted_cluster


@pytest.fixture
def dead() -> str:
    """An address of this machine where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def other() -> Iterator[str]:
    """An address where something listens that never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("given", ["run", "run by variable", "submit"])
def test_a_dead_address_is_one_line(given: str, dead: str, spec_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    address = f"http://{dead}" if given == "submit" else dead
    options = [] if given == "run by variable" else ["--address", address]
    command = [sys.executable, "-m", "seedsweep", given.split()[0], str(spec_file), "--out", str(out), *options]
    variables = {"RAY_ADDRESS": address} if given == "run by variable" else {}
    ended = subprocess.run(
        command, capture_output=True, text=True, env=environment(tmp_path) | variables, timeout=100
    )
    name = f"RAY_ADDRESS={address}" if variables else f"--address {address}"
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines()[-1].startswith(
        f"seedsweep: {name}: nothing answers there (connection refused)"
    )
    assert all(line.endswith("…") for line in ended.stderr.splitlines()[:-1]), ended.stderr
    assert not out.exists()


def test_what_is_no_ray_is_one_line(other: str, spec_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "seedsweep", "run", str(spec_file), "--out", str(tmp_path / "out")]
    command += ["--address", other]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment(tmp_path), timeout=100)
    assert ended.returncode == 2
    assert "is not the head of a Ray cluster" in ended.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("head:6379", ("head", 6379)),
        ("10.0.0.7:6379", ("10.0.0.7", 6379)),
        ("[fd00::7]:6379", ("fd00::7", 6379)),
        ("http://head:8265", ("head", 8265)),
        ("http://head:8265/", ("head", 8265)),
    ],
)
def test_addresses_are_read(address: str, parts: tuple[str, int]) -> None:
    assert host_and_port(address) == parts


@pytest.mark.parametrize("address", ["head", "head:ray", ":6379", "http://head", "head:99999"])
def test_an_address_without_a_port_is_refused(address: str) -> None:
    with pytest.raises(InputError, match=r"give (HOST:PORT|http://HOST:8265)"):
        look(address)


def test_the_variable_counts_unless_an_address_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert wanted_cluster(None) == "head:6379"
    assert wanted_cluster("other:6379") == "other:6379"
    for nothing in ("", "local"):
        monkeypatch.setenv("RAY_ADDRESS", nothing)
        assert wanted_cluster(None) is None


def environment(home: Path) -> dict[str, str]:
    """Of a command that finds no token and no cluster of this machine's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return kept | {"HOME": str(home)}
