"""Whether anything listens at an address, before Ray, which asks for many minutes, is told to go there."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

from seedsweep.errors import ArgumentError, InputError

LOOK_SECONDS = 5.0
NAMES = ("auto",)
"""What Ray takes in place of `host:port`: the cluster that this machine is a node of."""
VARIABLE = "RAY_ADDRESS"


def wanted_cluster(address: str | None) -> str | None:
    """The address of the cluster to join, given or in RAY_ADDRESS; None if a Ray shall be started here."""
    wanted = address or os.environ.get(VARIABLE)
    return None if wanted in ("", "local") else wanted


def refusal(address: str, problem: str) -> InputError:
    """What is said of an address: of the variable if it is from there."""
    if address == os.environ.get(VARIABLE):
        return InputError(f"{VARIABLE}={address}: {problem}")
    return ArgumentError("address", address, problem)


def look(address: str) -> None:
    """Raise InputError, after 5 seconds at most, if nothing listens at `host:port` or `http://host:port`."""
    if address in NAMES:
        return
    host, port = host_and_port(address)
    problem = unreachable(host, port, LOOK_SECONDS)
    if problem:
        raise refusal(address, f"nothing answers there ({problem}); is the cluster up, and is this its head?")


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of `host:port`. Raises InputError if it has another form."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number
        host = port = None
    if not host or not port:
        form = "http://HOST:8265, as of Ray's dashboard" if "://" in address else "HOST:PORT (Ray's port is 6379)"
        raise refusal(address, f"give {form}")
    return host, port


def unreachable(host: str, port: int, seconds: float) -> str:
    """Why nothing answers at a port, in a word or two; empty if something does."""
    try:
        socket.create_connection((host, port), seconds).close()
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""
