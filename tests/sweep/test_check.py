"""`check` names everything that is wrong with a store, and `--fix` mends it without losing a byte."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from seedsweep.errors import InputError
from seedsweep.schema import KEY
from seedsweep.sweep import lock
from seedsweep.sweep.check import check
from seedsweep.sweep.compact import compact
from seedsweep.sweep.files import Files
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.store import Store
from tests.sweep.fake import FakeTraining
from tests.sweep.test_run import rows

MakeSpec = Callable[..., SweepSpec]
MakeFake = Callable[..., FakeTraining]


def first_block(out: Path) -> Path:
    return min(out.glob("metrics/scale-1/*.parquet"))


def flip(file: Path) -> None:
    """The last eight bytes of the values."""
    data = bytearray(file.read_bytes())
    column = pq.read_metadata(file).row_group(0).column(10)
    begin = column.dictionary_page_offset or column.data_page_offset
    end = begin + column.total_compressed_size
    for place in range(end - 8, end):
        data[place] ^= 0xFF
    file.write_bytes(data)


def rewrite(file: Path, change: Callable[[pa.Table], pa.Table] = lambda table: table, **told: object) -> None:
    table = pq.read_table(file)
    says = json.loads(pq.read_metadata(file).metadata[KEY]) | told
    pq.write_table(change(table).replace_schema_metadata({KEY: json.dumps(says).encode()}), file)


def other_value(table: pa.Table, column: str, value: float) -> pa.Table:
    place = table.schema.get_field_index(column)
    field = table.schema.field(place)
    return table.set_column(place, field, pa.array([value] * len(table), field.type))


def end_of(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "truncated": ("truncated", end_of),
    "empty": ("truncated", lambda file: file.write_bytes(b"")),
    "flipped": ("flipped", flip),
    "of another sweep": ("foreign", lambda file: rewrite(file, fingerprint="0123456789abcdef")),
    "not ours": ("foreign", lambda file: pq.write_table(pa.table({"a": [1]}), file)),
    "another column": (
        "mismatching",
        lambda file: rewrite(file, lambda t: t.append_column("b", pa.nulls(len(t)))),
    ),
    "nonsense in its footer": ("mismatching", lambda file: rewrite(file, seeds="many", blocks=7)),
    "other seeds": ("mismatching", lambda file: rewrite(file, lambda t: other_value(t, "seed", 77))),
    "another scale": ("mismatching", lambda file: rewrite(file, lambda t: other_value(t, "scale", 9.0))),
    "other steps": ("mismatching", lambda file: rewrite(file, lambda t: other_value(t, "step", 5))),
    "fewer rows": ("mismatching", lambda file: rewrite(file, lambda t: t.filter(pc.less(t["seed"], 1)))),
}


def test_nothing_is_found_where_nothing_is_wrong(out: Path, spec: MakeSpec) -> None:
    read: list[tuple[int, int]] = []
    found = check(out, on_progress=lambda done, files: read.append((done, files)))
    assert found.well
    assert (found.files, found.rows) == (16, len(load(out).to_arrow()))
    assert read == [(number, 16) for number in range(1, 17)]
    compact(out)
    assert check(out).well
    assert check(out, fix=True).well
    with pytest.raises(InputError, match="no sweep there"):
        check(out / "nothing", fix=True)
    assert not (out / "nothing").exists()


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_of_rows(how: str, merged: bool, out: Path, spec: MakeSpec) -> None:
    if merged:
        compact(out)
    whole = rows(out)
    kind, damage = DAMAGE[how]
    block = first_block(out)
    name = str(block.relative_to(out))
    damage(block)
    left = block.read_bytes()
    (found,) = [finding.damage for finding in check(out).findings if finding.damage.kind != "missing"]
    assert (found.kind, found.file) == (kind, name)
    assert block.read_bytes() == left, "looking changes nothing"
    fixed = check(out, fix=True)
    assert any(finding.damage.file == name for finding in fixed.findings)
    if kind == "foreign":
        assert block.read_bytes() == left
        block.unlink()
    else:
        assert (out / "damaged" / block.name).read_bytes() == left
        assert not block.exists()
    run(spec(), out, executor="inline")
    assert check(out).well
    assert rows(out).equals(whole)


def test_a_doubled_store_keeps_one_complete_pack_of_each_cell(out: Path, spec: MakeSpec, tmp_path: Path) -> None:
    run(spec("execution.pack=3"), tmp_path / "other", executor="inline")
    shutil.copytree(tmp_path / "other/metrics", out / "metrics", dirs_exist_ok=True)
    before = {file.name: file.read_bytes() for file in out.glob("metrics/**/*.parquet")}
    with pytest.raises(InputError, match="--fix keeps one of each"):
        load(out)
    assert {finding.damage.kind for finding in check(out).findings} == {"doubled"}
    check(out, fix=True)
    after = {
        file.name: file.read_bytes()
        for folder in ("metrics", "damaged")
        for file in (out / folder).glob("**/*.parquet")
    }
    assert after == before
    assert check(out).well
    run(spec(), out, executor="inline")
    assert load(out).cells == 8
    assert rows(out).equals(rows(tmp_path / "other"))


def test_a_block_that_is_missing_in_the_middle(out: Path, spec: MakeSpec) -> None:
    whole = rows(out)
    block = first_block(out)
    block.unlink()
    (found,) = check(out, fix=True).findings
    assert (found.damage.kind, found.damage.file) == ("missing", str(block.relative_to(out)))
    assert run(spec(), out, executor="inline").trained == 2
    assert rows(out).equals(whole)


def test_a_renamed_block_gets_its_name_back(out: Path) -> None:
    block = first_block(out)
    renamed = block.with_name("mine.parquet")
    block.rename(renamed)
    findings = check(out, fix=True).findings
    assert "renamed" in {finding.damage.kind for finding in findings}
    assert block.exists()
    assert not renamed.exists()
    assert check(out).well


def test_what_lies_in_work(out: Path, spec: MakeSpec) -> None:
    store = Store(out)
    one, other, *_ = (known.pack for known in store.packs(store.existing_record()))
    store.begin(one)  # debris of a finished pack
    for block in out.glob(f"metrics/**/{other.name}-block-0003.parquet"):
        block.unlink()
    store.begin(other)
    checkpoint = out / "work" / other.name / "checkpoint.pt"
    checkpoint.write_bytes(b"PK garbage")
    found = {finding.damage.file: finding.damage.kind for finding in check(out).findings}
    assert found == {
        f"work/{one.name}/pack.json": "debris",
        f"work/{other.name}/checkpoint.pt": "truncated",
    }
    check(out, fix=True)
    assert not (out / "work" / one.name).exists()
    assert (out / "damaged" / f"{other.name}-checkpoint.pt").read_bytes() == b"PK garbage"
    assert check(out).well
    (out / "work" / other.name / "pack.json").write_bytes(b"\0")
    (found_now,) = check(out).findings
    assert found_now.damage.kind == "mismatching"
    assert run(spec(), out, executor="inline").missing == 0
    assert check(out).well


def test_a_lost_record_is_told_and_all_else_is_checked(out: Path, spec: MakeSpec) -> None:
    (out / "sweep.json").unlink()
    flip(first_block(out))
    kinds = [finding.damage.kind for finding in check(out).findings]
    assert kinds[0] == "missing"
    assert "flipped" in kinds


def test_it_is_not_mended_while_a_run_is_at_it(out: Path) -> None:
    flip(first_block(out))
    with lock.hold(Files(out)):
        with pytest.raises(InputError, match="is at this sweep"):
            check(out, fix=True)
        assert not check(out).well


def test_an_object_store(out: Path, spec: MakeSpec) -> None:
    memory = fsspec.filesystem("memory")
    place = "memory://checked/sweep"
    try:
        memory.put(f"{out}/", "/checked/sweep", recursive=True)
        assert check(place).well
        flip(first_block(out))
        memory.put(str(first_block(out)), f"/checked/sweep/{first_block(out).relative_to(out)}")
        (found,) = [finding for finding in check(place, fix=True).findings if finding.damage.kind == "flipped"]
        assert found.done == f"set aside as damaged/{first_block(out).name}"
        assert run(spec(), place, executor="inline").trained == 2
        assert check(place).well
    finally:
        memory.rm("/checked", recursive=True)
