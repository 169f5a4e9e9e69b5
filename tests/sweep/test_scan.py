"""Rows are the same however they are read: whole files or parts, a few at a time, merged or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from seedsweep.schema import METRICS
from seedsweep.sweep import scan
from seedsweep.sweep.compact import compact
from seedsweep.sweep.files import Files
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec

ORDER = [(name, "ascending") for name in ("scale", "seed", "step", "split", "metric")]


@pytest.fixture(params=[0, 1 << 18], ids=["in parts", "whole"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "SMALL", request.param)
    monkeypatch.setattr(scan, "TOGETHER", 3)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("merged", [False, True])
def test_rows_are_what_pyarrow_finds_in_all_files_at_once(
    merged: bool, out: Path, spec: Callable[..., SweepSpec]
) -> None:
    if merged:
        compact(out)
        run(spec(seeds="0:6"), out, executor="inline")  # what comes later lies beside
    right = ds.dataset(out / "metrics", format="parquet").to_table().replace_schema_metadata(None)
    found = load(out).to_arrow()
    assert found.schema == METRICS
    assert found.sort_by(ORDER).equals(right.sort_by(ORDER).cast(METRICS))
    one = load(out).to_arrow("exact_match", "length-5")
    condition = (pc.field("metric") == "exact_match") & (pc.field("split") == "length-5")
    assert one.sort_by(ORDER).equals(right.filter(condition).sort_by(ORDER).cast(METRICS))
    ends = load(out).final("exact_match", split="length-5")
    last = right.filter(condition & (pc.field("step") == 6) & (pc.field("scale") == 2.0)).sort_by("seed")
    assert ends.at(2).tolist() == last["value"].to_pylist()


@pytest.mark.usefixtures("way")
def test_a_file_that_is_gone_or_damaged_is_not_passed_over(out: Path) -> None:
    sizes = {str(path.relative_to(out)): path.stat().st_size for path in out.glob("metrics/**/*.parquet")}
    everything = pc.scalar(True)
    assert scan.scan(Files(out), sizes, everything, ["value"]).num_rows > 0
    with pytest.raises(FileNotFoundError):
        scan.scan(Files(out), {**sizes, "metrics/none.parquet": 5}, everything, ["value"])
    damaged = out / next(iter(sizes))
    content = bytearray(damaged.read_bytes())
    content[4:400] = bytes(396)
    damaged.write_bytes(content)
    with pytest.raises((OSError, pa.ArrowException)):
        scan.scan(Files(out), sizes, everything, METRICS.names)
    assert scan.scan(Files(out), {}, everything, ["seed", "value"]).num_rows == 0
