"""A store that fails while a run goes on: one error that names it, nothing lost, and the same call goes on."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seedsweep.errors import StorageError
from seedsweep.sweep import disk, files
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from tests.sweep.fake import FakeTraining
from tests.sweep.test_run import rows

MakeSpec = Callable[..., SweepSpec]
MakeFake = Callable[..., FakeTraining]


@pytest.mark.parametrize("why", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES, errno.EPERM])
@pytest.mark.parametrize("file", ["sweep.json", "pack.json", "checkpoint.pt", ".parquet"])
def test_a_run_on_a_full_disk_stops_with_a_word_and_goes_on_later(
    why: int, file: str, spec: MakeSpec, fake: MakeFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever file it is that finds no room: the record, a pack's first trace, its state, or its rows."""
    training = fake()
    out = tmp_path / "out"
    write = disk.write_whole
    written: list[str] = []

    def full(target: Path, data: bytes, *, durable: bool) -> None:
        if target.name.endswith(file) and len(written) >= (0 if file == "sweep.json" else 2):
            raise OSError(why, os.strerror(why))
        written.append(target.name)
        write(target, data, durable=durable)

    monkeypatch.setattr(files, "write_whole", full)
    with pytest.raises(StorageError) as caught:
        run(spec(), out, executor="inline")
    assert str(caught.value).startswith(f"{out}: cannot be written: {os.strerror(why)}")
    assert "\n" not in str(caught.value)
    assert len(training.calls()) <= 1, "the other packs would fare no better"
    assert not (out / "failures").exists()

    monkeypatch.setattr(files, "write_whole", write)
    assert run(spec(), out, executor="inline").missing == 0
    run(spec(), tmp_path / "undisturbed", executor="inline")
    assert rows(out).equals(rows(tmp_path / "undisturbed"))


def test_a_directory_that_is_gone_is_not_made_again(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows would lie beside no record."""
    fake()
    out = tmp_path / "out"

    def gone(self: FakeTraining, *args: object, **named: object) -> bool:
        shutil.rmtree(out)
        return honest(self, *args, **named)  # type: ignore[arg-type]

    honest = FakeTraining.train
    monkeypatch.setattr(FakeTraining, "train", gone)
    with pytest.raises(StorageError, match="out: cannot be written: the directory is gone"):
        run(spec(), out, executor="inline")
    assert not out.exists()


def test_another_error_of_the_store_is_tried_again(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake()
    write = disk.write_whole
    failed: list[str] = []

    def flaky(target: Path, data: bytes, *, durable: bool) -> None:
        if target.suffix == ".parquet" and not failed:
            failed.append(target.name)
            raise OSError(errno.EIO, "Input/output error")
        write(target, data, durable=durable)

    monkeypatch.setattr(files, "write_whole", flaky)
    assert run(spec(), tmp_path / "out", executor="inline").missing == 0
    assert failed
