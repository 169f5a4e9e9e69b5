"""Joins a Ray cluster, or starts a Ray that only this machine reaches. What is wrong is said in one line, at once.

Ray itself asks an address where nothing is for a quarter of an hour, and one whose token it lacks for 20 seconds
with a warning for each. So the head is asked here first, once, as Ray would.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import ray
from ray._private import ray_constants
from ray._private.grpc_utils import init_grpc_channel
from ray._private.services import canonicalize_bootstrap_address_or_die
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]
from ray.core.generated.gcs_pb2 import GcsNodeInfo  # type: ignore[attr-defined]
from ray.core.generated.gcs_service_pb2 import GetAllNodeInfoRequest  # type: ignore[attr-defined]
from ray.core.generated.gcs_service_pb2_grpc import NodeInfoGcsServiceStub
from ray.exceptions import RayError

from seedsweep.errors import InputError
from seedsweep.sweep.executors.firstlook import LOOK_SECONDS, NAMES, look, refusal

OBJECT_STORE_BYTES = 100_000_000
"""Of a Ray that is started here; nothing large passes through it."""
HEAD_SECONDS = 20.0
"""A cluster that is just coming up has so long to have a node on this machine."""
MODE = "RAY_AUTH_MODE"
HOW_TO_GIVE_A_TOKEN = (
    "`ray get-auth-token` prints it on the head node; put it into ~/.ray/auth_token, into a file that "
    "RAY_AUTH_TOKEN_PATH names, or into RAY_AUTH_TOKEN"
)


def connect(address: str | None) -> str | None:
    """Join the cluster at `address`, or start a Ray here if that is None; returns the dashboard's URL.

    Raises InputError if no cluster can be joined there.
    """
    with _nothing_global_changed():
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        context = _start() if address is None else _join(address)
    return f"http://{context.dashboard_url}" if context.dashboard_url else None


def _start() -> Any:
    with _only_this_machine():
        return ray.init(
            address="local",  # not whatever cluster somebody has started on this machine
            include_dashboard=True,
            dashboard_host="127.0.0.1",
            object_store_memory=OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )


def _join(address: str) -> Any:
    try:
        head = canonicalize_bootstrap_address_or_die(address) if address in NAMES else address
        look(head)
        _ask(head)
        return ray.init(address=head, log_to_driver=False, logging_level=logging.ERROR)
    except InputError:
        raise
    except (ConnectionError, ValueError, RuntimeError, RayError) as error:
        raise refusal(address, f"no Ray cluster can be joined there: {_first_line(error)}") from error


def _ask(head: str) -> None:
    """Raise InputError if the head does not take our token, or if no node of its cluster runs on this machine."""
    has_token = AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True)
    if os.environ.get(MODE) == "token" and not has_token:
        raise refusal(head, f"{MODE} is token, and there is no token here; {HOW_TO_GIVE_A_TOKEN}")
    nodes = _nodes(head)
    if nodes is None and has_token and MODE not in os.environ:
        os.environ[MODE] = "token"  # as Ray does by itself for the cluster of this machine
        Config.initialize("")
        nodes = _nodes(head)
    until = time.monotonic() + HEAD_SECONDS
    while nodes is not None and not _has_us(nodes) and time.monotonic() < until:
        time.sleep(0.5)  # a head answers some seconds before its own node has joined it
        nodes = _nodes(head)
    if nodes is None:
        problem = "takes another token than is here" if has_token else "asks for a token, and none is here"
        raise refusal(head, f"the cluster {problem}; {HOW_TO_GIVE_A_TOKEN}")
    if not _has_us(nodes):
        raise refusal(
            head,
            "no node of that cluster runs on this machine, as Ray wants of a driver; run on one that has a node, "
            f"make this one a node without work (ray start --address={head} --num-cpus=0), or send it the "
            "sweep with seedsweep submit",
        )


def _has_us(nodes: list[Any]) -> bool:
    """Whether one of them is this machine."""
    return any(node.state == GcsNodeInfo.ALIVE and _is_here(node.node_manager_address) for node in nodes)


def _nodes(head: str) -> list[Any] | None:
    """The nodes of a cluster, dead ones included; None if it does not tell us without another token."""
    channel = init_grpc_channel(head)
    try:
        stub = NodeInfoGcsServiceStub(channel)  # type: ignore[no-untyped-call]
        return list(stub.GetAllNodeInfo(GetAllNodeInfoRequest(), timeout=LOOK_SECONDS).node_info_list)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAUTHENTICATED:
            return None
        reason = error.code().name.lower().replace("_", " ")
        raise refusal(head, f"what answers there is not the head of a Ray cluster ({reason})") from None
    finally:
        channel.close()


def _is_here(address: str) -> bool:
    """Whether an IP address is this machine's: others cannot be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


@contextmanager
def _only_this_machine() -> Iterator[None]:
    """While entered, a Ray that is started listens on 127.0.0.1 alone, with all its processes.

    Ray does so where it supports no clusters (Windows, macOS); elsewhere most of its ports are open to the
    network, whatever address it is told. Its processes read the variable, this one has read it already.
    """
    with _kept(ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR):
        os.environ[ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR] = "0"
        before, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
        try:
            yield
        finally:
            ray_constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def _nothing_global_changed() -> Iterator[None]:
    """Put back the SIGTERM handler, which `ray.init` replaces, and the variable that is set for it."""
    handler = signal.getsignal(signal.SIGTERM)
    with _kept("RAY_USAGE_STATS_ENABLED"):
        try:
            yield
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, handler or signal.SIG_DFL)


@contextmanager
def _kept(variable: str) -> Iterator[None]:
    """Put back a variable of the environment."""
    before = os.environ.get(variable)
    try:
        yield
    finally:
        os.environ.pop(variable, None)
        if before is not None:
            os.environ[variable] = before
