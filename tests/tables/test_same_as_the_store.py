"""A sweep's rows, written by others in every format, give exactly the summary of the sweep itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pandas
import pytest

from seedsweep import load, read_table
from seedsweep.analysis.study.summary import summarise_population

SWEEP = Path(__file__).parents[2] / "populations" / "count-depth"


def scales(population: Any) -> list[dict[str, Any]]:
    told = json.loads(json.dumps(summarise_population(population).to_dict(), allow_nan=False))["scales"]
    return [{key: value for key, value in scale.items() if key != "in_distribution_mean"} for scale in told]


@pytest.fixture(scope="module")
def of_the_store() -> list[dict[str, Any]]:
    return scales(load(SWEEP))


@pytest.fixture(scope="module")
def frame() -> pandas.DataFrame:
    """One row per evaluation, of one metric and split, in no order."""
    frame = load(SWEEP).to_pandas("exact_match", "length-16").sample(frac=1, random_state=0)
    return frame.rename(columns={"scale": "depth", "value": "exact_match"})


def write_csv(frame: pandas.DataFrame, path: Path) -> dict[str, Any]:
    frame.to_csv(path / "long.csv", index=False)
    return {"path": path / "long.csv"}


def write_compressed_csv(frame: pandas.DataFrame, path: Path) -> dict[str, Any]:
    frame.to_csv(path / "long.csv.gz", index=False)
    return {"path": path / "long.csv.gz"}


def write_csv_by_duckdb(frame: pandas.DataFrame, path: Path) -> dict[str, Any]:
    duckdb.sql(f"copy frame to '{path}/long.tsv' (format csv, header, delimiter '\t')")
    return {"path": path / "long.tsv"}


def write_json_lines(frame: pandas.DataFrame, path: Path) -> dict[str, Any]:
    lines = [json.dumps(row) for row in frame[["depth", "seed", "step", "exact_match"]].to_dict("records")]
    (path / "long.jsonl").write_text("\n".join(lines))
    return {"path": path / "long.jsonl"}


def write_parquet(frame: pandas.DataFrame, path: Path) -> dict[str, Any]:
    frame.to_parquet(path / "long.parquet")
    return {"path": path / "long.parquet"}


def write_partitions_by_duckdb(frame: pandas.DataFrame, path: Path) -> dict[str, Any]:
    """`depth=2/data_0.parquet`: the scale is in the names of the folders only."""
    duckdb.sql(f"copy frame to '{path}/parts' (format parquet, partition_by (depth))")
    return {"path": path / "parts"}


def write_wide(frame: pandas.DataFrame, path: Path) -> dict[str, Any]:
    """As Weights & Biases exports a chart: a column per run, and its two shadows."""
    runs = frame.assign(run=[f"pocket_depth-{d:g}_seed-{s}" for d, s in zip(frame.depth, frame.seed, strict=True)])
    wide = runs.pivot(index="step", columns="run", values="exact_match")
    columns = {f"{run} - exact_match{band}": wide[run] for run in wide.columns for band in ("", "__MIN", "__MAX")}
    pandas.DataFrame(columns).reset_index(names="step").to_csv(path / "wide.csv", index=False)
    return {"path": path / "wide.csv"}


def the_store_itself(frame: pandas.DataFrame, path: Path) -> dict[str, Any]:
    where = {"metric": "exact_match", "split": "length-16"}
    return {"path": f"{SWEEP}/metrics/*/*.parquet", "scale": "scale", "metric": "value", "where": where}


@pytest.mark.parametrize(
    "write",
    [write_csv, write_compressed_csv, write_csv_by_duckdb, write_json_lines, write_parquet,
     write_partitions_by_duckdb, write_wide, the_store_itself],
)  # fmt: skip
def test_every_format_gives_exactly_the_summary_of_the_store(
    write: Any, frame: pandas.DataFrame, of_the_store: list[dict[str, Any]], tmp_path: Path
) -> None:
    named = {"scale": "depth", "seed": "seed", "metric": "exact_match", "step": "step"} | write(frame, tmp_path)
    table = read_table(named.pop("path"), **named, threshold=0.5)
    assert scales(table) == of_the_store
    sweep = load(SWEEP)
    metric = named["metric"]
    assert table.lattices(metric) == pytest.approx(sweep.lattices("exact_match"))
    for scale, curve in sweep.curves("exact_match").items():
        assert (table.curves(metric)[scale].values == curve.values).all()
        assert (table.curves(metric)[scale].steps == curve.steps).all()
    assert table.seeds == sweep.seeds
    columns = ["scale", "seed", "step", "value"]
    rows = table.to_pandas(metric)[columns].sort_values(columns, ignore_index=True)
    expected = sweep.to_pandas("exact_match", "ood")[columns].sort_values(columns, ignore_index=True)
    pandas.testing.assert_frame_equal(rows, expected)
