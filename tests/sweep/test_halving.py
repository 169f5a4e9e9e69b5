"""A pack that runs out of memory is trained in halves: nothing is lost or doubled, and the rows say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from seedsweep.cell import CellError, Pack
from seedsweep.schema import entry
from seedsweep.seeds import Seed
from seedsweep.sweep.events import Event
from seedsweep.sweep.halving import ran_out_of_memory, split
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.status import status
from tests.sweep.fake import FakeTraining
from tests.sweep.test_run import rows

MakeSpec = Callable[..., SweepSpec]
MakeFake = Callable[..., FakeTraining]
SEEDS = tuple(Seed(number, number) for number in range(11))


class OutOfMemoryError(RuntimeError):
    """As torch names its own."""


def failure_of(cause: BaseException, *, told: bool) -> BaseException:
    """What is raised where the cause is caught, and shown or hidden in the traceback."""
    try:
        try:
            raise cause
        except BaseException as error:
            raise CellError("the function raised it") from (error if told else None)
    except CellError as failure:
        return failure


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory"),
        failure_of(MemoryError(), told=True),
        failure_of(OutOfMemoryError(), told=False),
    ],
)
def test_a_lack_of_memory_is_told_from_other_failures(error: BaseException) -> None:
    assert ran_out_of_memory(error)


@pytest.mark.parametrize(
    "error", [RuntimeError("no"), ValueError("out of memory"), failure_of(OSError(), told=True)]
)
def test_other_failures_are_no_lack_of_memory(error: BaseException) -> None:
    assert not ran_out_of_memory(error)


@pytest.mark.parametrize("size", range(1, 12))
def test_the_parts_of_a_pack_have_its_seeds_once(size: int) -> None:
    parts = split(Pack("model.depth", 2.0, SEEDS, "f"), size)
    assert [seed for part in parts for seed in part.seeds] == list(SEEDS)
    sizes = [len(part.seeds) for part in parts]
    assert max(sizes) <= size
    assert max(sizes) - min(sizes) <= 1
    assert len({part.name for part in parts}) == len(parts)


def test_packs_are_halved_until_they_fit(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    asked = spec("execution.pack=8", seeds="0:20")
    run(asked, tmp_path / "undisturbed", executor="inline")
    (tmp_path / "diary.txt").unlink()
    training = fake(room_for=2)
    events: list[Event] = []
    out = tmp_path / "out"
    result = run(asked, out, executor="inline", on_progress=events.append)
    assert (result.trained, result.failed, result.interrupted) == (40, 0, False)
    assert rows(out).equals(rows(tmp_path / "undisturbed"))
    assert not list(out.glob("work/*"))
    # At each scale 8 seeds were tried once and 4 once; those that waited became packs of two unasked.
    tried = [line.partition("-seeds-")[2].split("-")[:2] for line in training.calls() if "depth-2" in line]
    sizes = [int(last) - int(first) + 1 for first, last in tried]
    assert sizes == [8, 4] + [2] * 10
    assert [event.kind for event in events].count("retry") == 4
    halved = next(event.message for event in events if event.kind == "retry")
    assert halved.endswith("out of memory with 8 seeds; training them in packs of 4")
    for file in out.glob("metrics/**/*.parquet"):
        said = entry(pq.read_metadata(file).metadata)
        assert said is not None
        assert len(said["seeds"]) <= 2
        assert said["provenance"]["halved_from"] in (4, 8)
    note = (
        "packs ran out of memory and were halved: down to 2 in place of 8 at depth 1, 2 in place of 8 at depth 2"
    )
    assert result.notes == (note,)
    assert status(out).notes == (note,)


def test_a_seed_for_which_there_is_no_room_alone_is_given_up(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path
) -> None:
    fake(room_for=0)
    result = run(spec("scale.values=[1]"), tmp_path / "out", executor="inline")
    assert (result.trained, result.failed, len(result.failures)) == (0, 4, 4)
    assert {failure.error for failure in result.failures} == {"MemoryError"}


def test_a_half_that_was_interrupted_still_tells_where_it_comes_from(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path
) -> None:
    training = fake(room_for=1, raise_at_scale=2.0)
    asked = spec("execution.pack=2", seeds="0:2")
    out = tmp_path / "out"
    run(asked, out, executor="inline")
    before = len(training.calls())
    fake(room_for=1)
    result = run(spec("execution.pack=1", seeds="0:2"), out, executor="inline")
    assert result.missing == 0
    assert len(training.calls()) > before
    assert result.notes == ("packs ran out of memory and were halved: down to 1 in place of 2 at depth 1",)
