"""A directory built to do harm: no link below a sweep's root is followed, nothing is deleted that is not ours."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seedsweep.errors import InputError
from seedsweep.sweep.check import check
from seedsweep.sweep.compact import compact
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.status import status
from seedsweep.sweep.store import CELLS, OWN_FOLDERS, Store
from tests.sweep.fake import FakeTraining

MakeSpec = Callable[..., SweepSpec]
MakeFake = Callable[..., FakeTraining]


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder of somebody else's, with all that a sweep has."""
    place = tmp_path / "theirs"
    for name in ("thesis/pack.json", "thesis/checkpoint.pt", "thesis/chapter.txt", "notes.txt", ".x.tmp"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(f"mine: {name}")
    return place


def content(place: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in place.rglob("*") if file.is_file()}


@pytest.mark.parametrize("folder", [*OWN_FOLDERS, CELLS])
def test_a_folder_that_is_a_link_is_refused_and_its_target_untouched(
    folder: str, out: Path, theirs: Path, spec: MakeSpec
) -> None:
    before = content(theirs)
    shutil.rmtree(out / folder, ignore_errors=True)
    (out / folder).symlink_to(theirs)
    for call in (lambda: run(spec(seeds="0:6"), out, executor="inline"), lambda: compact(out)):
        with pytest.raises(InputError, match=f"{folder}: is a symbolic link, and none is followed") as caught:
            call()
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="symbolic link"):
        check(out, fix=True)
    if folder in ("metrics", "work", "failures"):
        for read in (load, status):
            with pytest.raises(InputError, match=f"{folder}: is a symbolic link"):
                read(out)
    assert content(theirs) == before
    assert (out / folder).is_symlink()


@pytest.mark.parametrize("inside", ["work/theirs", "metrics/scale-9", "damaged/theirs", "failures/theirs"])
def test_a_link_further_down_is_passed_over(
    inside: str, out: Path, theirs: Path, spec: MakeSpec, fake: MakeFake
) -> None:
    before = content(theirs)
    (out / inside).parent.mkdir(exist_ok=True)
    (out / inside).symlink_to(theirs)
    assert run(spec(seeds="0:6"), out, executor="inline").missing == 0
    assert content(theirs) == before
    assert load(out).cells == 12
    (found,) = check(out).findings
    assert (found.damage.kind, found.damage.file) == ("link", inside)


@pytest.mark.parametrize("file", ["sweep.json", "run.lock"])
def test_a_file_that_is_a_link_is_not_written_through(file: str, out: Path, theirs: Path, spec: MakeSpec) -> None:
    (out / file).unlink()
    (out / file).symlink_to(theirs / "notes.txt")
    with pytest.raises(InputError, match=f"{file}: is a symbolic link"):
        run(spec(seeds="0:6"), out, executor="inline")
    assert (theirs / "notes.txt").read_text() == "mine: notes.txt"


def test_a_block_that_is_a_link_is_replaced(out: Path, theirs: Path, spec: MakeSpec) -> None:
    block = next(out.glob("metrics/scale-1/*.parquet"))
    whole = block.read_bytes()
    elsewhere = theirs / "block.parquet"
    shutil.move(block, elsewhere)
    block.symlink_to(elsewhere)
    assert load(out).cells == 6
    run(spec(), out, executor="inline")
    assert not block.is_symlink()
    assert block.read_bytes() == elsewhere.read_bytes() == whole


def test_the_directory_itself_may_be_reached_through_a_link(out: Path, spec: MakeSpec, tmp_path: Path) -> None:
    (tmp_path / "short").symlink_to(out)
    assert run(spec(seeds="0:6"), tmp_path / "short", executor="inline").missing == 0
    assert load(tmp_path / "short").cells == 12


def test_only_folders_with_our_mark_are_removed_and_only_our_files_in_them(
    out: Path, spec: MakeSpec, fake: MakeFake
) -> None:
    """Of `work/`: what a killed run has left is removed, though nothing is missing; all else stays."""
    store = Store(out)
    pack = store.packs(store.existing_record())[0].pack
    store.begin(pack)  # as if killed before it was cleaned up
    (out / "work" / pack.name / "checkpoint.pt").write_bytes(b"state")
    mine = {
        "work/thesis/chapter.txt": b"a chapter",
        "work/thesis/pack.json": b'{"scale": 1, "seeds": [[0, 0]], "fingerprint": "x"}',
        "work/thesis/checkpoint.pt": b"not yours",
        "work/notes.txt": b"notes",
        f"work/{pack.name}/notes.txt": b"notes",
    }
    for name, data in mine.items():
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(data)
    assert run(spec(), out, executor="inline").trained == 0
    assert {name: (out / name).read_bytes() for name in mine} == mine
    assert os.listdir(out / "work" / pack.name) == ["notes.txt"]
