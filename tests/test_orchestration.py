"""The benchmark of the books runs whole sweeps and reads what it has written."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import orchestration


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedsweep.sweep.blocks.LISTING_SECONDS", 0.0)


def test_cells_that_train_nothing(tmp_path: Path) -> None:
    row = orchestration._run(tmp_path, "idle", "inline", cells=80, pack=4)
    assert (row["part"], row["cells"]) == ("idle, inline", 80)
    assert row["cells_per_second"] > 0
    assert len(list(tmp_path.glob("sweep/metrics/**/*.parquet"))) == 20
    assert orchestration.line(row).startswith("idle, inline            80")


def test_a_store_of_blocks_and_the_same_merged(tmp_path: Path) -> None:
    blocks, merged = orchestration._store(tmp_path, cells=80, pack=4)
    assert (blocks["files"], merged["files"]) == (20, 4)
    assert merged["merging_cpu_seconds"] > 0
    assert orchestration.line(merged).startswith("store, merged           80        4 ")
