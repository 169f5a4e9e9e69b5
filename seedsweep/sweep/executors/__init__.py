"""Where packs are trained. One file per executor, one interface (`executor.Executor`).

`inline` trains in this process; `ray` on the workers of a Ray cluster. Ray is imported only when it is chosen.
"""

from __future__ import annotations

from collections.abc import Callable

from seedsweep.errors import ArgumentError, did_you_mean
from seedsweep.sweep.executors.executor import Executor
from seedsweep.sweep.sections import ExecutionSettings

NAMES = ("ray", "inline")


def check_choice(name: str, address: str | None) -> None:
    """Raise InputError if there is no executor of that name, or it takes no such address; starts nothing."""
    if name not in NAMES:
        raise ArgumentError("executor", name, f"unknown{did_you_mean(name, NAMES)}; it is ray or inline")
    if address is None:
        return
    if name != "ray":
        raise ArgumentError("address", address, "only the ray executor takes one")
    if address.startswith("ray://"):
        raise ArgumentError(
            "address",
            address,
            "Ray Client addresses are not supported; run on a machine of the cluster with the address auto, or "
            "give the head's host:port",
        )


def open_executor(
    name: str,
    execution: ExecutionSettings,
    *,
    address: str | None,
    should_stop: Callable[[], bool],
    on_progress: Callable[[], None],
) -> Executor:
    """Start an executor; use it as a context manager. Raises InputError if what the user wants is not there.

    `should_stop` and `on_progress` serve the inline executor, which cannot be reached while a pack trains: it asks
    the one during training, and calls the other whenever the pack's progress has been written.
    """
    if name == "inline":
        from seedsweep.sweep.executors.inline import InlineExecutor

        return InlineExecutor(execution, should_stop, on_progress)
    try:
        from seedsweep.sweep.executors.ray import RayExecutor
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise ArgumentError(
            "executor", "ray", "Ray is not installed; pip install 'seedsweep[train]', or use inline"
        ) from None
    return RayExecutor(execution, address)
