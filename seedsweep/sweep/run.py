"""Train the cells that a spec asks for and a directory does not have yet."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import PurePosixPath

from seedsweep.errors import ClusterError, InputError
from seedsweep.formats import count
from seedsweep.sweep import executors, history, lock
from seedsweep.sweep.blocks import files_of
from seedsweep.sweep.compact import FEWEST_FILES, merge
from seedsweep.sweep.damage import damage_notes
from seedsweep.sweep.driver import Driver
from seedsweep.sweep.estimate import try_scales
from seedsweep.sweep.events import Event, RunResult
from seedsweep.sweep.find import Found, find
from seedsweep.sweep.interrupt import StopRequest
from seedsweep.sweep.kept import unkept_notes
from seedsweep.sweep.knownpack import KnownPack
from seedsweep.sweep.measured import measured_by, refuse_unknown_success
from seedsweep.sweep.notes import notes, refuse_other_code
from seedsweep.sweep.record import SweepRecord
from seedsweep.sweep.reporter import TICK_SECONDS_REMOTE, Reporter
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.standing import SweepStatus
from seedsweep.sweep.store import Store
from seedsweep.sweep.upkeep import set_aside_record, tidy

LOOKED_AT = 8
"""Finished cells of a user's program, of which one at least must hold what success is judged by."""


def run(
    spec: SweepSpec,
    out: str | os.PathLike[str],
    *,
    name: str | None = None,
    executor: str = "ray",
    address: str | None = None,
    on_progress: Callable[[Event], None] | None = None,
) -> RunResult:
    """Train exactly the cells of `spec` that the directory `out` does not have.

    Resuming, extending to more seeds or scales and recovering from a crash are all this call. Nothing is created
    before every check has passed. The first Ctrl-C lets the running packs save a checkpoint, the second ends at
    once; in both cases the same call goes on later, with the same values as if it had never been stopped.

    Parameters
    ----------
    spec : SweepSpec
        `read_spec(…).spec`, or made by `sweep`.
    out : path or str
        A local directory or an object store's URL; with Ray on several machines the same place for all.
    name : str, optional
        What the sweep is called in tables; by default as before, or as the last part of `out`.
    executor : str
        "ray", or "inline" for this process.
    address : str, optional
        Of a Ray cluster, `host:port` or `auto`; by default RAY_ADDRESS, or a Ray that is started here.
    on_progress : callable, optional
        Called in this thread with every `Event`.

    Returns
    -------
    RunResult
        Counts of cells, those that were given up, and what is to be told.

    Raises
    ------
    InputError
        If the directory is not writable, is no sweep, has other settings or damaged blocks, is in use by another
        run, or if the executor is not to be had. A pack that fails is no exception but in the result.
    StorageError
        If the store is full, has become read-only or is gone; what was written before stays, and the same call
        goes on from there.
    ClusterError
        If the Ray cluster is lost, or can start no worker; the same call goes on.
    """
    began = time.monotonic()
    executors.check_choice(executor, address)
    found = find(spec, out)
    # Two stacks: however this ends, the workers are gone before another run may take the lock.
    with ExitStack() as locked, ExitStack() as opened:
        _refuse_unfit(found)
        if found.exists:
            held = locked.enter_context(lock.hold(found.store.files))
            found = found.looked_again()  # what another run has done until now counts
            if found.exists and found.present == found.asked:
                aside = _set_aside(found)
                found.store.blocks.remove_superseded(found.fingerprint)
                history.keep_wishes(found, name)
                return _result(found, began, aside=aside)
        stop = StopRequest()
        reporter = Reporter(found.store, on_progress)
        found.store.files.patience.on_wait = reporter.wait
        crew = opened.enter_context(
            executors.open_executor(
                executor,
                spec.execution,
                address=address,
                should_stop=lambda: stop.requested,
                on_progress=reporter.tick,
            )
        )
        for recipe in found.recipes.values():
            recipe.check_device(crew.device)
        crew.prepare(next(iter(found.recipes.values())), lambda line: _say(found, line, on_progress))
        if not found.exists:
            held = locked.enter_context(lock.hold(found.store.files))  # makes the directory
            found = found.looked_again()
        reporter.runs = frozenset({held.run})
        reporter.sampling = found.sampling
        planned = found.plan(crew.pack_size)

        opened.enter_context(stop)
        tried = try_scales(found, planned, crew.device)
        aside = _set_aside(found)
        record = history.begin(found, name, planned, executor, crew.device, tried)
        for line in aside:
            reporter.send("aside", line)
        reporter.send("plan", str(planned))
        driver = Driver(found, crew, stop, reporter, record, held)
        try:
            if _has_base(found, stop, reporter):
                driver.train(planned)
        except (ClusterError, InputError):
            history.end(found.store, record, _result(found, began, driver), aside)
            raise
        held.check()
        known = _clear_up(found.store, record, reporter, merging=not stop.requested)
        aside += driver.aside
        result = _result(found, began, driver, crew.dashboard, aside, known)
        history.end(found.store, record, result, aside)
        return result


def _say(found: Found, message: str, on_progress: Callable[[Event], None] | None) -> None:
    """Tell what is waited for while there is nothing to look at yet."""
    if on_progress is not None:
        name, scale = PurePosixPath(found.store.files.place).name, found.spec.scale.field
        nothing = SweepStatus(found.store.location, name, scale, (), (), 0.0, None)
        on_progress(Event("workers", message, nothing))


def _has_base(found: Found, stop: StopRequest, reporter: Reporter) -> bool:
    """See to it that the base is in the store, if the spec wants one; False if that was interrupted."""
    recipe, *_ = found.recipes.values()
    if not recipe.has_base or found.store.has_base:
        return True

    def on_step(step: int, steps: int) -> None:
        if step == 1 or step == steps or time.monotonic() - reporter.last >= TICK_SECONDS_REMOTE:
            reporter.send("base", f"training the base model: step {step} of {steps}")

    device = found.spec.execution.driver_device()
    base = recipe.train_base(device, should_stop=lambda: stop.requested, on_step=on_step)
    if base is not None:
        found.store.keep_base(base)
    return base is not None


def _refuse_unfit(found: Found) -> None:
    """Raise InputError if what is there comes of code that may not change, or cannot be judged as asked for."""
    recipe, *_ = found.recipes.values()
    if recipe.pinned:
        refuse_other_code(found.known, recipe.code())
    finished = [pack for pack in found.known if pack.finished][:LOOKED_AT]
    if finished and not recipe.metrics():
        files = files_of(block for pack in finished for block in pack.blocks)
        refuse_unknown_success(found.spec.success, measured_by(found.store, files))


def _set_aside(found: Found) -> list[str]:
    """Set aside what cannot be used and remove what nobody needs; returns what to tell of it."""
    aside = set_aside_record(found.store) if found.record is None and found.exists else []
    return aside + tidy(found.store, found.known, found.spec.scale.field)


def _clear_up(store: Store, record: SweepRecord, reporter: Reporter, *, merging: bool) -> list[KnownPack]:
    """Merge small blocks, if there are many, and remove what finished packs have left; returns all packs.

    Whatever keeps us from it, the run has its rows.
    """
    known = _known(store, record)
    files = len(files_of(block for pack in known for block in pack.blocks))
    try:
        if merging and files >= FEWEST_FILES:
            reporter.send("merge", f"merging small blocks: {count(files)} files")
            merge(store, record)
            known = _known(store, record)
    except (InputError, OSError) as error:
        reporter.send("merge", f"small blocks were not merged: {error}")
    with suppress(InputError, OSError):  # the next run does it
        store.clear_work({pack.name for pack in known if pack.finished})
    return known


def _result(
    found: Found,
    began: float,
    driver: Driver | None = None,
    dashboard: str | None = None,
    aside: Sequence[str] = (),
    known: list[KnownPack] | None = None,
) -> RunResult:
    """What has come of a run; without a driver nothing was missing."""
    known = _known(found.store) if known is None else known
    damage = damage_notes(found.store.blocks.damage, found.store.location) if known else ()
    keep = {scale: recipe.keep for scale, recipe in found.recipes.items()}
    unkept: tuple[str, ...] = ()
    with suppress(InputError, OSError):  # the run is over all the same
        unkept = unkept_notes(found.store.kept, keep, known)
    failures = tuple(driver.failures) if driver is not None else ()
    trained, added = (driver.trained, driver.added) if driver is not None else (0, 0)
    failed = sum(len(failure.seeds) for failure in failures)
    asked = found.asked + added
    return RunResult(
        store=found.store.location,
        asked=asked,
        present=found.present,
        trained=trained,
        failed=failed,
        interrupted=asked > found.present + trained + failed,
        failures=failures,
        seconds=time.monotonic() - began,
        dashboard=dashboard,
        notes=(*aside, *notes(known, found.spec.scale.field), *unkept, *damage),
        sample=None if found.sampling is None else str(found.sampling),
    )


def _known(store: Store, record: SweepRecord | None = None) -> list[KnownPack]:
    """All packs; none if what has come into the directory since cannot be read: the run is over all the same."""
    try:
        return store.packs(record or store.existing_record())
    except (InputError, OSError):
        return []
