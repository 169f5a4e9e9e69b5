"""The store read with nothing of ours: DuckDB, pandas, pyarrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas
import pyarrow.dataset as ds
import pytest

from seedsweep.schema import METRICS
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec

# seeds × scales × (evaluations × splits × metrics + evaluations × diverged + evaluations after the first × loss)
ROWS = 4 * 2 * (7 * 2 * 5 + 7 + 6)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep by the real engine, trained in two runs."""
    from seedsweep.sweep.specfile import read_spec
    from tests.sweep.conftest import SPEC

    place = tmp_path_factory.mktemp("reading")
    (place / "small.yaml").write_text(SPEC)
    for seeds in ("0:2", "0:4"):
        run(read_spec(place / "small.yaml", seeds=seeds).spec, place / "out", executor="inline")
    (place / "out/metrics/scale-1/.left-over.parquet.0123.tmp").write_bytes(b"PAR1 half a block")
    return place / "out"


def test_duckdb(out: Path) -> None:
    table = f"'{out}/metrics/**/*.parquet'"
    keys = "scale, seed, step, split, metric"
    for query, answer in {
        f"select count(*) from {table}": [(ROWS,)],
        f"select count(*) from (select distinct {keys} from {table})": [(ROWS,)],
        f"select scale, count(distinct seed), max(step) from {table} group by scale order by scale": [
            (1.0, 4, 6),
            (2.0, 4, 6),
        ],
        f"select distinct task, scale_name from {table}": [("count", "model.depth")],
        f"select bool_and(examples_seen = 4 * step) from {table}": [(True,)],
    }.items():
        assert asked(query).fetchall() == answer
    assert asked(f"select * from {table}").columns == METRICS.names


def asked(query: str) -> duckdb.DuckDBPyRelation:
    answer = duckdb.sql(query)
    assert answer is not None
    return answer


def test_pandas(out: Path) -> None:
    frame = pandas.read_parquet(out / "metrics")
    assert len(frame) == ROWS
    assert list(frame.columns) == METRICS.names
    assert not frame.duplicated(["scale", "seed", "step", "split", "metric"]).any()
    assert frame.groupby("scale")["seed"].nunique().to_dict() == {1.0: 4, 2.0: 4}
    assert frame["scale"].dtype == "float64"
    assert (frame["init_seed"] == frame["seed"]).all()
    assert (frame["data_seed"] == frame["seed"]).all()


def test_pyarrow(out: Path) -> None:
    for partitioning in (None, "hive"):
        table = ds.dataset(out / "metrics", partitioning=partitioning).to_table()
        assert table.num_rows == ROWS
        assert table.schema.remove_metadata() == METRICS


def test_the_metadata_of_a_block_says_where_it_comes_from(out: Path, spec: Callable[..., SweepSpec]) -> None:
    import json

    import pyarrow.parquet as pq

    for file in out.glob("metrics/*/*.parquet"):
        told = json.loads(pq.read_metadata(file).metadata[b"seedsweep"])
        assert told["fingerprint"] == spec().fingerprint()
        assert told["provenance"]["torch"]
        assert told["provenance"]["device"] == "cpu"
        assert told["provenance"]["settings"]["train"]["steps"] == 6
        assert told["provenance"]["pack_size"] == 2
