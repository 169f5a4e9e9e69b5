"""Merging blocks changes no row, loses none however it is killed, and disturbs nobody who reads meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seedsweep import read_table
from seedsweep.errors import InputError, StorageError
from seedsweep.population import Population
from seedsweep.sweep import compact as compacting
from seedsweep.sweep import lock
from seedsweep.sweep.compact import compact
from seedsweep.sweep.events import Event
from seedsweep.sweep.files import FileEntry, Files
from seedsweep.sweep.importing import import_results
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.status import status
from seedsweep.sweep.store import Store
from tests.sweep.fake import FakeTraining
from tests.sweep.programs import write_program

MakeSpec = Callable[..., SweepSpec]
MakeFake = Callable[..., FakeTraining]
KEY = ["scale", "seed", "step", "split", "metric"]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody lists while these tests merge, but who does so on purpose."""
    monkeypatch.setattr("seedsweep.sweep.blocks.LISTING_SECONDS", 0.0)
    monkeypatch.setattr("seedsweep.sweep.blocks.LISTING_SECONDS_REMOTE", 0.0)


def files(place: Path) -> list[str]:
    return sorted(file.name for file in place.glob("metrics/**/*.parquet"))


def rows(place: Path | str) -> pa.Table:
    return load(place).to_arrow().sort_by([(name, "ascending") for name in KEY])


def globbed(place: Path, *, distinct: bool = False) -> list[tuple[Any, ...]]:
    """Rows as a tool sees them that knows nothing of us."""
    word = "distinct" if distinct else ""
    query = f"select {word} {', '.join(KEY)}, value from '{place}/metrics/**/*.parquet' order by all"
    return duckdb.execute(query).fetchall()


def everything(population: Population) -> dict[str, Any]:
    """All that analysis asks for."""
    told: dict[str, Any] = {"measured": dict(population.reader.measured), "metrics": list(population.metrics)}
    for split, metrics in population.reader.measured.items():
        for metric in metrics:
            final = population.final(metric, split)
            told[f"{split} {metric}"] = (final.values.tolist(), final.seeds.tolist(), final.steps)
            curves = population.curves(metric, split)
            told[f"{split} {metric} curves"] = {
                k: (c.steps.tolist(), c.values.tolist()) for k, c in curves.items()
            }
    return told


def test_merged_rows_are_the_same_to_all_who_read_them(out: Path) -> None:
    before, seen, told = rows(out), globbed(out), everything(load(out))
    made = compact(out)
    assert (made.files_before, made.files) == (16, 2)
    assert len(files(out)) == 2
    assert rows(out).equals(before)
    assert everything(load(out)) == told
    assert globbed(out) == seen
    frame = pd.read_parquet(out / "metrics")
    assert len(frame) == before.num_rows
    assert status(out).complete
    assert pq.read_schema(next(out.glob("metrics/**/*.parquet"))).remove_metadata().equals(before.schema)


def test_merging_twice_changes_nothing(out: Path) -> None:
    compact(out)
    before = {file: file.read_bytes() for file in out.rglob("*.*")}
    assert compact(out).files == 2
    assert {file: file.read_bytes() for file in out.rglob("*.*")} == before


def test_what_each_block_said_of_itself_is_still_there(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    out = tmp_path / "out"
    run(spec(seeds="{init: 0:3, data: 1:3}"), out, executor="inline")

    def said() -> list[Any]:
        known = Store(out).packs(Store(out).existing_record())
        return [(p.name, p.pack, [(b.info, b.rows) for b in p.blocks], p.finished) for p in known]

    before = said()
    compact(out)
    assert said() == before


def test_a_merged_sweep_is_extended_and_merged_again(out: Path, spec: MakeSpec, tmp_path: Path) -> None:
    compact(out)
    assert run(spec(), out, executor="inline").present == 8
    assert run(spec("scale.values=[1,2,3]", seeds="0:6"), out, executor="inline").trained == 10
    assert len(files(out)) == 2 + 5 * 4
    run(spec("scale.values=[1,2,3]", seeds="0:6"), tmp_path / "undisturbed", executor="inline")
    assert rows(out).equals(rows(tmp_path / "undisturbed"))
    assert compact(out).files == 3
    assert rows(out).equals(rows(tmp_path / "undisturbed"))


def test_a_run_merges_by_itself_where_there_are_many_files(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake()
    out = tmp_path / "out"
    monkeypatch.setattr("seedsweep.sweep.run.FEWEST_FILES", 17)
    events: list[Event] = []
    run(spec(), out, executor="inline", on_progress=events.append)
    assert len(files(out)) == 16, "too few"
    run(spec(seeds="0:6"), out, executor="inline", on_progress=events.append)
    assert [event.message for event in events if event.kind == "merge"] == ["merging small blocks: 24 files"]
    assert len(files(out)) == 2
    before = rows(out)

    monkeypatch.setattr("seedsweep.sweep.run.FEWEST_FILES", 3)

    def full(*args: Any) -> None:
        raise StorageError(str(out), OSError(28, "No space left on device"))

    monkeypatch.setattr("seedsweep.sweep.run.merge", full)
    result = run(spec(seeds="0:8"), out, executor="inline", on_progress=events.append)
    assert (result.trained, result.missing) == (4, 0), "the run is as good as done"
    assert events[-1].message.startswith("small blocks were not merged: ")
    assert rows(out).num_rows == before.num_rows * 8 // 6


def test_a_long_run_merges_now_and_then(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake()
    out = tmp_path / "out"
    run(spec(seeds="0:12"), tmp_path / "undisturbed", executor="inline")
    monkeypatch.setattr("seedsweep.sweep.driver.OFTEN", 3)
    most: list[int] = []
    run(spec(seeds="0:12"), out, executor="inline", on_progress=lambda event: most.append(len(files(out))))
    assert max(most) < 12 * 4 / 2
    assert rows(out).equals(rows(tmp_path / "undisturbed"))


def test_a_program_of_which_only_the_rows_tell_what_it_measures(tmp_path: Path) -> None:
    out, folder = tmp_path / "out", tmp_path / "code"
    run(write_program(folder), out, executor="inline")
    told = everything(load(out))
    assert compact(out).files == 2
    assert everything(load(out)) == told
    assert run(write_program(folder, seeds="0:3"), out, executor="inline").trained == 2
    assert load(out).final("accuracy", "test").present.all()
    with pytest.raises(InputError, match=r"success\.metric: 'acuracy' is not a metric that the program writes"):
        run(write_program(folder, success={"metric": "acuracy", "split": "test", "at_least": 0.5}), out)


def test_packs_in_training_are_left_as_they_are(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    out = tmp_path / "out"

    def interrupt(event: Event) -> None:
        if event.kind == "finish":
            os.kill(os.getpid(), signal.SIGINT)

    fake(step_seconds=0.01)
    run(spec(), out, executor="inline", on_progress=interrupt)
    unfinished = [block for block in Store(out).packs(Store(out).existing_record()) if not block.finished]
    kept = {block.file for pack in unfinished for block in pack.blocks}
    assert compact(out).files == 1 + len(kept)
    assert run(spec(), out, executor="inline").missing == 0
    run(spec(), tmp_path / "undisturbed", executor="inline")
    assert rows(out).equals(rows(tmp_path / "undisturbed"))


def test_a_full_file_is_not_written_again(out: Path, spec: MakeSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacting, "MOST_BLOCKS", 8)  # two packs
    compact(out)
    first = set(files(out))
    run(spec(seeds="0:8"), out, executor="inline")
    assert compact(out).files == 4
    assert first < set(files(out))
    monkeypatch.setattr(compacting, "MOST_ROWS", 1)
    monkeypatch.setattr(compacting, "MOST_BLOCKS", 1 << 12)
    run(spec(seeds="0:10"), out, executor="inline")
    assert compact(out).files == 4 + 8, "a block that is large already stays alone"


class Killed(BaseException):
    """Where a process would be killed."""


@pytest.fixture
def mutations(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Calls `before` and `after` around everything that changes a file, with its number from 1."""
    hooks: dict[str, Any] = {"count": 0, "before": lambda number: None, "after": lambda number: None}
    for name in ("write", "delete"):
        real = getattr(Files, name)

        def counted(self: Files, *args: Any, real: Any = real, **named: Any) -> None:
            hooks["count"] += 1
            number = hooks["count"]
            hooks["before"](number)
            real(self, *args, **named)
            hooks["after"](number)

        monkeypatch.setattr(Files, name, counted)
    return hooks


@pytest.mark.parametrize("where", ["before", "after"])
def test_killed_at_any_step_nothing_is_lost_and_the_next_call_completes_it(
    where: str, out: Path, spec: MakeSpec, mutations: dict[str, Any]
) -> None:
    before, seen, told = rows(out), globbed(out), everything(load(out))
    blocks = {file: file.read_bytes() for file in out.glob("metrics/**/*.parquet")}
    step, completed = 0, False
    while not completed:
        step += 1
        for file in out.glob("metrics/**/*.parquet"):
            file.unlink()
        for file, content in blocks.items():
            file.write_bytes(content)

        def kill(number: int, step: int = step) -> None:
            if number == step:
                raise Killed

        mutations |= {"count": 0, where: kill}
        try:
            compact(out)
            completed = True
        except Killed:
            pass
        mutations[where] = lambda number: None
        assert rows(out).equals(before)
        assert everything(load(out)) == told
        assert globbed(out, distinct=True) == seen
        assert status(out).complete
        if step % 2:  # either of the two clears up
            assert run(spec(), out, executor="inline").trained == 0
            assert globbed(out) == seen
        compact(out)
        assert globbed(out) == seen
        assert len(files(out)) == 2
    assert step == 2 + 1 + 16 + 1  # merged files, the marker, the blocks, and once to the end


def test_on_an_object_store_too(spec: MakeSpec, fake: MakeFake, tmp_path: Path, mutations: dict[str, Any]) -> None:
    fake()
    place = f"memory://bucket/{tmp_path.name}"
    run(spec(), place, executor="inline")
    before, told = rows(place), everything(load(place))

    def kill(number: int) -> None:
        if number == 10:
            raise Killed

    mutations |= {"count": 0, "before": kill}
    with pytest.raises(Killed):
        compact(place)
    mutations["before"] = lambda number: None
    assert rows(place).equals(before)
    assert compact(place).files == 2
    assert rows(place).equals(before)
    assert everything(load(place)) == told
    assert run(spec(seeds="0:6"), place, executor="inline").trained == 4


def test_a_process_killed_by_the_system(out: Path) -> None:
    before = rows(out)
    program = """
import os, signal, sys
from seedsweep.sweep.compact import compact
from seedsweep.sweep.files import Files
import seedsweep.sweep.blocks
seedsweep.sweep.blocks.LISTING_SECONDS = 0
real, count = os.replace, 0
def replace(source, target):
    global count
    count += 1
    if count == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    real(source, target)
os.replace = replace
compact(sys.argv[1])
"""
    for step in (1, 2, 2):  # at the first file, at the second, at the marker when the first is there already
        command = [sys.executable, "-c", program, str(out), str(step)]
        assert subprocess.run(command, cwd=Path(__file__).parents[2]).returncode == -signal.SIGKILL
        assert rows(out).equals(before)
    compact(out)
    assert rows(out).equals(before)
    assert len(files(out)) == 2


def test_who_reads_at_any_moment_has_every_row(out: Path, mutations: dict[str, Any]) -> None:
    """Everything of ours once, a query of the files at least once and, distinct, exactly once."""
    before, seen, told = rows(out), globbed(out), everything(load(out))
    looked_before, watched = load(out), Store(out)
    assert status(watched).complete
    moments = 0

    def look(number: int) -> None:
        nonlocal moments
        moments += 1
        assert rows(out).equals(before)
        assert status(watched).complete
        assert everything(load(out)) == told
        assert globbed(out, distinct=True) == seen

    mutations |= {"before": look, "after": look}
    compact(out)
    assert moments > 2 * 16
    assert everything(looked_before) == told
    assert looked_before.to_arrow().num_rows == before.num_rows


def test_the_old_files_stay_for_as_long_as_a_listing_takes(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that who has begun to list before the merged file was there finds the old ones in any case."""
    slept: list[tuple[float, list[str]]] = []
    monkeypatch.setattr("seedsweep.sweep.blocks.LISTING_SECONDS", 7.0)
    monkeypatch.setattr("time.sleep", lambda seconds: slept.append((seconds, files(out))))
    compact(out)
    ((seconds, there),) = slept
    assert (seconds, len(there)) == (7.0, 16 + 2)
    assert len(files(out)) == 2


def test_who_loaded_before_sees_its_own_seeds_only(spec: MakeSpec, out: Path) -> None:
    early = load(out)
    told = everything(load(out))
    run(spec(seeds="0:6"), out, executor="inline")
    compact(out)
    assert everything(early) == told
    assert early.to_arrow().num_rows == 8 * 7 * 2 * 5
    for file in out.glob("metrics/**/*.parquet"):
        file.unlink()
    with pytest.raises(InputError, match="a block was removed since it was loaded; load it again"):
        early.to_arrow()


def test_a_listing_that_missed_both_is_made_again(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that changes while it is listed may show neither the new name nor an old one that has gone."""
    real = Files.listing
    told = everything(load(out))
    torn: list[FileEntry] = []

    def listing(self: Files, folder: str = "", *, recursive: bool = True) -> list[FileEntry]:
        if folder != "metrics" or torn:
            return real(self, folder, recursive=recursive)
        torn.extend(real(self, folder, recursive=recursive)[:0])
        torn.append(FileEntry("", 0, 0))
        compact(out)
        return []

    monkeypatch.setattr(Files, "listing", listing)
    found = load(out)
    assert torn
    assert everything(found) == told


def test_a_file_that_goes_while_footers_are_read(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = everything(load(out))
    real = pq.read_metadata
    done: list[bool] = []

    def read(source: Any) -> Any:
        if not done:
            done.append(True)
            compact(out)
        return real(source)

    monkeypatch.setattr(pq, "read_metadata", read)
    assert everything(load(out)) == told


def test_what_is_not_right_is_named_and_stays(out: Path) -> None:
    with lock.hold(Files(out)), pytest.raises(InputError, match=r"another run .* is at this sweep"):
        compact(out)
    block = next(out.glob("metrics/**/*.parquet"))
    data = bytearray(block.read_bytes())
    middle = range(100, pq.read_metadata(block).row_group(0).column(10).total_compressed_size)
    for place in middle[: len(middle) // 2 : 7]:
        data[place] ^= 0xFF
    block.write_bytes(data)
    with pytest.raises(InputError, match=rf"{block.name}: damaged: .* seedsweep check --fix"):
        compact(out)
    assert block.read_bytes() == data
    with pytest.raises(InputError, match="no sweep there"):
        compact(out / "nothing")


def test_a_full_disk_ends_it_in_a_line(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(out)

    def full(target: Path, data: bytes, *, durable: bool) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("seedsweep.sweep.files.write_whole", full)
        with pytest.raises(StorageError, match="cannot be written: No space left"):
            compact(out)
    assert rows(out).equals(before)
    assert compact(out).files == 2


def test_of_files_merged_in_two_ways_one_counts(out: Path, spec: MakeSpec) -> None:
    """Two mergers at once, of which one has missed a pack: only an object store lets them."""
    store = Store(out)
    record = store.existing_record()
    packs = [pack for pack in store.packs(record) if pack.pack.scale == 1.0]
    run(spec("scale.values=[1]", seeds="0:6"), out, executor="inline")
    more = [pack for pack in store.packs(record) if pack.pack.scale == 1.0]
    first = [block for pack in packs for block in pack.blocks]
    second = [block for pack in more[1:] for block in pack.blocks]
    for blocks in (first, second):
        store.blocks.write_merged(blocks, compacting._rows(store, blocks))
    for file in out.glob("metrics/scale-1/*-block-*.parquet"):
        file.unlink()
    for notes in (load(out).origin.notes, status(out).notes):
        assert "some of its blocks are in another merged file too" in notes[0]
    assert load(out).cells == 4 + 4, "of scale 1 two of the three packs"
    assert run(spec(seeds="0:6"), out, executor="inline").missing == 0
    assert len(list((out / "damaged").glob("merged-*"))) == 1


def test_a_merged_file_that_was_copied_or_truncated(out: Path) -> None:
    compact(out)
    file = next(out.glob("metrics/scale-1/*.parquet"))
    copy = file.with_name("copy.parquet")
    copy.write_bytes(file.read_bytes())
    assert "copy.parquet: copied or renamed from metrics/scale-1/merged" in load(out).origin.notes[0]
    assert load(out).cells == 8
    copy.unlink()
    file.write_bytes(file.read_bytes()[:-5])
    assert "truncated or not Parquet" in load(out).origin.notes[0]
    assert load(out).cells == 4


def test_imported_results(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        [(w, f"run-{s}", t, rng.random()) for w in (8, 16) for s in range(5) for t in range(4)],
        columns=["width", "run", "step", "acc"],
    )
    out = tmp_path / "store"
    for part in (table[table.run < "run-3"], table):
        part.to_csv(tmp_path / "t.csv", index=False)
        import_results(read_table(tmp_path / "t.csv", scale="width", seed="run", metric="acc", step="step"), out)
    told = everything(load(out))
    assert compact(out).files == 2
    assert everything(load(out)) == told
    assert load(out).cells == 10
