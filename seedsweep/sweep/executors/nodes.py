"""What machines a Ray cluster has now, and how many workers they have room for."""

from __future__ import annotations

import time
from collections.abc import Mapping

import ray

from seedsweep import formats
from seedsweep.errors import ClusterError
from seedsweep.formats import counted
from seedsweep.sweep.executors.firstlook import host_and_port, unreachable
from seedsweep.sweep.sections import Share

LOOK_SECONDS = 3.0
"""Least time between two looks at the cluster."""
HEAD_SECONDS = 40.0
OWN_HEAD_SECONDS = 5.0
"""So long the head may be away; one that this process has started will not come back. After 60 seconds Ray ends
this process, and nobody could say why."""


class Nodes:
    """The machines that are up. `look` asks the cluster again, now and then."""

    def __init__(self, share: Share, *, own: bool) -> None:
        self._share = share
        self._head_seconds = OWN_HEAD_SECONDS if own else HEAD_SECONDS
        self._head = host_and_port(ray.get_runtime_context().gcs_address)
        self._looked = self._answered = time.monotonic()
        self._resources: list[Mapping[str, float]] = []
        self._ask()

    def look(self) -> None:
        """Raise ClusterError if the cluster is lost: its head for a while, or every machine."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        if unreachable(*self._head, 1.0):  # asked now, Ray would wait for it
            if now - self._answered > self._head_seconds:
                raise ClusterError(f"its head has not answered for {formats.duration(now - self._answered)}")
            return
        self._answered = now
        self._ask()
        if not self._resources:
            raise ClusterError("none of its machines is up")

    @property
    def room(self) -> int:
        """Workers that there is room for; none has parts of two machines."""
        return sum(room(self._share, resources) for resources in self._resources)

    @property
    def machines(self) -> str:
        """How many there are."""
        return f"the cluster has {counted(len(self._resources), 'machine')} now"

    @property
    def no_room(self) -> str:
        """Said when there is none."""
        needs = [counted(self._share.cpus, "CPU")]
        if self._share.gpus:
            needs.append("a GPU" if self._share.gpus == 1 else f"{formats.given(self._share.gpus)} GPU")
        return f"{self.machines}, and none that offers a worker {' and '.join(needs)}"

    def _ask(self) -> None:
        self._resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


def room(share: Share, resources: Mapping[str, float]) -> int:
    """Workers that one machine has room for."""
    rooms = [int(resources.get("CPU", 0)) // share.cpus]
    if share.gpus:
        gpus = int(resources.get("GPU", 0))  # no worker has parts of several
        rooms.append(gpus * int(1 / share.gpus) if share.gpus < 1 else int(gpus / share.gpus))
    return min(rooms)
