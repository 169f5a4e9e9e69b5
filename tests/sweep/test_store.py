"""What the store refuses, and that it says which file and what to do."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seedsweep.cell import Pack
from seedsweep.errors import InputError
from seedsweep.schema import KEY, METRICS, BlockInfo
from seedsweep.sweep.damage import DamagedFilesError
from seedsweep.sweep.files import Files
from seedsweep.sweep.job import Job, PackDroppedError, StoreSink
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.status import status
from seedsweep.sweep.store import Store
from tests.sweep.fake import FakeTraining

MakeSpec = Callable[..., SweepSpec]


def files(out: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in out.rglob("*") if file.is_file()}


def refused_by_all(out: Path, spec: SweepSpec, match: str) -> None:
    """`load`, `status` and `run` refuse the store in the same words and change nothing."""
    before = files(out)
    for call in (lambda: load(out), lambda: status(out), lambda: run(spec, out, executor="inline")):
        with pytest.raises(InputError, match=match) as caught:
            call()
        assert "\n" not in str(caught.value)
    assert {name: data for name, data in files(out).items() if not name.endswith("run.lock")} == {
        name: data for name, data in before.items() if not name.endswith("run.lock")
    }


def left_out_by_all(out: Path, match: str, cells: int) -> None:
    """`load` and `status` name what they leave out, go on with the other cells, and change nothing."""
    before = files(out)
    population, stands = load(out), status(out)
    assert population.cells == stands.done == cells
    for notes in (population.origin.notes, stands.notes):
        (note,) = notes
        assert re.search(match, note), note
        assert "\n" not in note
    assert files(out) == before


def one_block(out: Path) -> Path:
    return sorted(out.glob("metrics/scale-1/*.parquet"))[0]


def test_foreign_parquet_is_named_and_stays(out: Path, spec: MakeSpec) -> None:
    pq.write_table(pa.table({"a": [1]}), out / "metrics/mine.parquet")
    left_out_by_all(out, r"metrics/mine\.parquet: not written by seedsweep", 8)
    result = run(spec(seeds="0:5"), out, executor="inline")
    assert (result.trained, result.missing) == (2, 0)
    assert "metrics/mine.parquet" in result.notes[0]
    assert (out / "metrics/mine.parquet").exists()


def test_a_block_of_another_sweep_is_named_and_stays(out: Path, spec: MakeSpec, tmp_path: Path) -> None:
    run(spec("train.steps=7"), tmp_path / "other", executor="inline")
    other = one_block(tmp_path / "other")
    shutil.copy(other, out / "metrics/scale-1")
    left_out_by_all(out, f"{other.name}: belongs to a sweep with other settings", 8)
    assert run(spec(seeds="0:5"), out, executor="inline").missing == 0
    assert (out / "metrics/scale-1" / other.name).exists()


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_truncated_block(out: Path, spec: MakeSpec, fake: Callable[..., FakeTraining], keep: float) -> None:
    block = one_block(out)
    whole = block.read_bytes()
    block.write_bytes(whole[: int(keep * len(whole)) if keep < 1 else int(keep)])
    left_out_by_all(out, f"{block.name}: truncated or not Parquet", 6)
    result = run(spec(), out, executor="inline")  # exactly that pack is trained anew
    assert (result.trained, result.missing) == (2, 0)
    assert block.read_bytes() == whole
    assert [file.name for file in (out / "damaged").iterdir()] == [block.name]
    assert f"set aside as damaged/{block.name}" in result.notes[0]
    assert status(out).notes == ()
    assert load(out).cells == 8
    (told,) = (load(out).origin.runs[-1]["set aside"],)
    assert block.name in told


def test_a_block_damaged_in_its_middle_is_found_out_when_its_rows_are_read(out: Path) -> None:
    block = one_block(out)
    data = bytearray(block.read_bytes())
    middle = range(100, pq.read_metadata(block).row_group(0).column(10).total_compressed_size)
    for place in middle[: len(middle) // 2 : 7]:
        data[place] ^= 0xFF
    block.write_bytes(data)
    with pytest.raises(DamagedFilesError, match=f"{block.name}: its bytes are not those .* --fix") as caught:
        load(out).to_arrow()
    assert [str(out / file) for file in caught.value.files] == [str(block)]
    rest = load(out, without=caught.value.files)
    assert rest.cells == 6
    assert block.name in rest.origin.notes[0]
    rest.to_arrow()


def test_a_renamed_or_copied_block(out: Path, spec: MakeSpec) -> None:
    block = one_block(out)
    shutil.copy(block, block.with_name("copy.parquet"))
    left_out_by_all(out, r"copy\.parquet: copied or renamed from metrics/scale-1/depth-1", 8)
    assert run(spec(), out, executor="inline").trained == 0
    assert block.with_name("copy.parquet").exists()


def test_two_finished_packs_with_the_same_cell(out: Path, spec: MakeSpec, tmp_path: Path) -> None:
    run(spec("execution.pack=3"), tmp_path / "other", executor="inline")
    shutil.copytree(tmp_path / "other/metrics", out / "metrics", dirs_exist_ok=True)
    refused_by_all(
        out, spec(), r"seed \d at scale 1 is also in metrics/scale-1/.*seedsweep check \S+ --fix keeps one of each"
    )


def rewrite(block: Path, **changes: object) -> None:
    table = pq.read_table(block)
    told = json.loads(table.schema.metadata[KEY]) | changes
    pq.write_table(table.replace_schema_metadata({KEY: json.dumps(told).encode()}), block)


def test_a_newer_format(out: Path, spec: MakeSpec) -> None:
    rewrite(one_block(out), format=99, something_new=True)
    refused_by_all(out, spec(), "it has format 99, this seedsweep reads up to 2: update seedsweep")


def test_other_columns(out: Path, spec: MakeSpec) -> None:
    block = one_block(out)
    table = pq.read_table(block)
    pq.write_table(table.append_column("more", pa.nulls(len(table))), block)
    left_out_by_all(out, "its columns are not those of format 1", 6)
    assert run(spec(), out, executor="inline").trained == 2


def test_a_record_of_a_newer_format(out: Path, spec: MakeSpec) -> None:
    record = out / "sweep.json"
    record.write_text(record.read_text().replace('"format": 1', '"format": 2'))
    refused_by_all(out, spec(), r"sweep\.json: format 2 is newer than this seedsweep reads")


LOST: dict[str, Callable[[str], str | None]] = {
    "deleted": lambda whole: None,
    "empty": lambda whole: "",
    "truncated": lambda whole: whole[:100],
    "garbage": lambda whole: "\x00\x01",
    "a list": lambda whole: "[]",
    "deep": lambda whole: "[" * 100_000,
    "without a field": lambda whole: whole.replace('"fingerprint"', '"f"', 1),
}


@pytest.mark.parametrize("how", LOST)
def test_a_record_that_is_lost_is_written_anew_from_the_spec_and_the_blocks(
    out: Path, spec: MakeSpec, how: str
) -> None:
    record = out / "sweep.json"
    whole = record.read_text()
    left = LOST[how](whole)
    record.unlink() if left is None else record.write_text(left)
    (out / "figures").mkdir()
    (out / "figures/ladder.png").write_bytes(b"a picture")
    for call in (lambda: load(out), lambda: status(out)):
        with pytest.raises(InputError, match=r"seedsweep run with the same spec and --out writes it anew"):
            call()
    before = files(out)
    with pytest.raises(InputError, match="is of another spec"):
        run(spec("train.steps=7"), out, executor="inline")
    assert files(out) == before
    result = run(spec(), out, executor="inline")
    assert (result.trained, result.missing) == (0, 0)
    assert load(out).cells == status(out).done == 8
    new, old = json.loads(record.read_text()), json.loads(whole)
    for field in ("fingerprint", "spec", "settings", "splits", "metrics", "scales"):
        assert new[field] == old[field]
    if left is not None:
        assert (out / "damaged/sweep.json").read_text() == left
        assert "damaged/sweep.json" in result.notes[0]
    assert run(spec(seeds="0:5"), out, executor="inline").trained == 2


def test_no_sweep_there(tmp_path: Path) -> None:
    for call in (load, status):
        with pytest.raises(InputError, match=r"no sweep there: it has no sweep\.json"):
            call(tmp_path / "nothing")
        with pytest.raises(InputError, match="is a file, not the directory of a sweep"):
            call(Path(__file__))


def test_a_block_with_other_columns_is_not_written(tmp_path: Path) -> None:
    info = BlockInfo("f", "p", 0, True, 1.0, ((0, 0),), (0, 1), {})
    for table in (pa.table({"a": [1]}), METRICS.empty_table().drop_columns(["value"])):
        with pytest.raises(ValueError, match="a block must have the columns"):
            Store(tmp_path).write_block(info, table)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_left_over_from_a_killed_driver_cannot_write_into_a_pack_that_was_dropped(
    out: Path, spec: MakeSpec
) -> None:
    recipe = spec().recipes[1]
    pack = Pack("model.depth", 1.0, spec(seeds="7,8").seeds.pairs(), spec().fingerprint())
    store = Store(out)
    store.begin(pack)
    sink = StoreSink(Job(store.location, recipe, pack, "cpu"), lambda progress: None)
    sink.save_checkpoint(b"state")
    assert sink.load_checkpoint() == b"state"
    sink.report(3, 6)
    before = files(out / "metrics")
    store.clean_up(pack.name)
    with pytest.raises(PackDroppedError):
        sink.save_checkpoint(b"more")
    with pytest.raises(PackDroppedError):
        sink.write_block(0, METRICS.empty_table(), last=True, steps=(0, 6), provenance={})
    assert files(out / "metrics") == before
    sink.close("stopped")  # what it tells of itself is swept away by the next run
    run(spec(seeds="0:5"), out, executor="inline")
    assert list((out / "work").iterdir()) == []


def test_writes_are_whole_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Files(tmp_path)
    place.write("a/b.txt", b"first")

    def no_space(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", no_space)
    with pytest.raises(OSError, match="No space left"):
        place.write("a/b.txt", b"second")
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["b.txt"]
    assert place.read("a/b.txt") == b"first"
    assert place.read("a/c.txt") is None
    assert place.read("a/b.txt/c.txt") is None
    place.delete("a/c.txt")
    place.delete_folder("nothing", ["a"])
    assert [entry.name for entry in place.listing()] == ["a/b.txt"]


def test_a_place_that_cannot_be_written_is_named(
    spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object store says only when written to that there is no such bucket."""

    def refuse(target: Path, data: bytes, *, durable: bool) -> None:
        raise OSError("No such bucket\nand a long story")

    monkeypatch.setattr("seedsweep.sweep.files.write_whole", refuse)
    with pytest.raises(InputError, match="cannot be written: No such bucket; use another directory"):
        run(spec(), tmp_path / "new", executor="inline")
