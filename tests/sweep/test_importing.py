"""What was imported gives the numbers that it gave as a table, and is added to without loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

import seedsweep
from seedsweep import InputError, import_results, load, read_table
from seedsweep.analysis.study.summary import summarise_population
from seedsweep.population import Population
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.status import status

DATA = Path(__file__).parents[1] / "tables" / "data"
LIGHTNING: dict[str, Any] = {"scale": "model.width", "seed": "seed", "step": "step"}


def lightning(metric: Any = "val_acc", **named: Any) -> Population:
    return read_table(DATA / "trackers" / "lightning", metric=metric, **LIGHTNING, **named)


def same(one: Population, other: Population) -> None:
    """All that an analysis sees."""
    assert (one.scales, one.seeds, one.cells, one.criterion) == (
        other.scales,
        other.seeds,
        other.cells,
        other.criterion,
    )
    assert one.metrics == other.metrics
    for metric in one.metrics:
        assert json.dumps(one.final(metric).to_dict()) == json.dumps(other.final(metric).to_dict())
        curves = one.curves(metric), other.curves(metric)
        assert curves[0].keys() == curves[1].keys()
        for scale, curve in curves[0].items():
            np.testing.assert_equal(curve.to_dict(), curves[1][scale].to_dict())
        assert one.lattices(metric) == other.lattices(metric)
    summaries = [summarise_population(population).to_dict() | {"path": ""} for population in (one, other)]
    assert json.dumps(summaries[0]) == json.dumps(summaries[1])


@pytest.mark.parametrize(
    "population",
    [
        lambda: lightning(),
        lambda: lightning(["val_acc", "train_loss"], threshold=0.5, unfinished="failed"),
        lambda: read_table(
            DATA / "infinite-loss" / "inf.csv", scale="width", seed="seed", metric="loss", higher_is_better=False
        ),
        lambda: read_table(
            DATA / "unequal-length" / "unequal.csv", scale="width", seed="seed", step="step", metric="acc"
        ),
        lambda: read_table(
            DATA / "trackers" / "mlflow_files", scale="width", seed="run", step="step", metric="val/acc",
            where={"optimiser": "adam"},
        ),
    ],
    ids=["a run without a value", "two metrics", "a loss", "unequal length", "runs with names"],
)  # fmt: skip
def test_the_store_gives_what_the_table_gave(population: Any, tmp_path: Path) -> None:
    table = population()
    result = import_results(table, tmp_path / "store")
    assert (result.found, result.present, result.added) == (table.cells, 0, table.cells)
    stored = load(tmp_path / "store")
    same(stored, table)
    assert stored.spec is not None
    where = status(tmp_path / "store")
    assert (where.done, where.complete) == (table.cells, True)
    (entry,) = stored.origin.runs
    assert entry["read"] == table.origin.facts["read"]
    assert entry["source"] == table.path
    seedsweep.report(stored).write(tmp_path / "report.html")


def test_duckdb_reads_it(tmp_path: Path) -> None:
    import_results(lightning(), tmp_path / "store")
    query = (
        f"select scale, seed, max(value) from '{tmp_path}/store/metrics/**/*.parquet' where step = 30 group by all"
    )
    rows = sorted(duckdb.execute(query).fetchall())
    final = lightning().final("val_acc")
    assert [row[:2] for row in rows] == [(width, seed) for width in (8.0, 16.0) for seed in range(3)]
    assert [row[2] for row in rows] == final.values[~np.isnan(final.values)].tolist()


def write(folder: Path, cells: dict[tuple[int, Any], float]) -> Path:
    path = folder / "t.csv"
    lines = [f"{width},{seed},{step},{end * step}" for (width, seed), end in cells.items() for step in (1, 2)]
    path.write_text("\n".join(["width,seed,step,acc", *lines]) + "\n")
    return path


def read(path: Path, **named: Any) -> Population:
    roles = {"scale": "width", "seed": "seed", "metric": "acc", "step": "step"}
    return read_table(path, **(roles | named))


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "run.lock"
    }


def test_only_what_is_missing_is_added(tmp_path: Path) -> None:
    first = {(1, 0): 0.1, (1, 1): 0.2, (2, 0): 0.3}
    store = tmp_path / "store"
    import_results(read(write(tmp_path, first)), store, name="mine")
    before = files(store)
    again = import_results(read(write(tmp_path, first)), store)
    assert (again.present, again.added) == (3, 0)
    assert files(store) == before
    more = {**first, (2, 1): 0.4, (4, 7): 0.5}
    added = import_results(read(write(tmp_path, more)), store)
    assert (added.found, added.present, added.added) == (5, 3, 2)
    stored = load(store)
    assert stored.name == "mine"
    assert len(stored.origin.runs) == 2
    final, expected = stored.final("acc"), read(write(tmp_path, more)).final("acc")
    assert json.dumps(final.to_dict()) == json.dumps(expected.to_dict())
    kept = files(store)
    assert all(kept[name] == content for name, content in before.items() if name.endswith(".parquet"))


def test_runs_with_names_keep_their_seeds(tmp_path: Path) -> None:
    store = tmp_path / "store"
    import_results(read(write(tmp_path, {(1, "b"): 0.1, (1, "d"): 0.2})), store)
    import_results(read(write(tmp_path, {(1, "a"): 0.3, (1, "d"): 0.2})), store)
    stored = load(store)
    assert stored.seeds == ("a", "b", "d")
    assert stored.final("acc").at(1).tolist() == [0.6, 0.2, 0.4]
    with pytest.raises(
        InputError, match=r"store: has width 1, seed d with other numbers than .*t\.csv; import into"
    ):
        import_results(read(write(tmp_path, {(1, "d"): 0.25})), store)


@pytest.mark.parametrize(
    ("cells", "named", "message"),
    [
        ({(1, 0): 0.15}, {}, r"store: has width 1, seed 0 with other numbers than .*t\.csv; import into another"),
        ({(1, "a"): 0.1}, {}, r"its runs have names \(a\), those that were imported have whole numbers as seeds"),
        ({(1, 0): 0.1}, {"step": None, "where": {"step": 2}}, "with other settings: imported.rows: "),
        ({(1, 0): 0.1}, {"seed": "width", "scale": "seed"}, "scale.field: \"width\" there, \"seed\" here"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_changes_nothing(
    cells: dict[tuple[int, Any], float], named: dict[str, Any], message: str, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    import_results(read(write(tmp_path, {(1, 0): 0.1})), store)
    before = files(store)
    with pytest.raises(InputError, match=message) as error:
        import_results(read(write(tmp_path, cells), **named), store)
    assert "\n" not in str(error.value)
    assert files(store) == before


def test_what_cannot_be_imported(tmp_path: Path) -> None:
    sweep = Path(seedsweep.__file__).parents[1] / "populations" / "count-depth"
    with pytest.raises(InputError, match="is a sweep's directory already"):
        import_results(load(sweep), tmp_path / "store")
    with pytest.raises(InputError, match=r"count-depth: holds a sweep that was trained; import into another"):
        import_results(lightning(), sweep)
    halves = tmp_path / "halves.csv"
    halves.write_text("width,seed,step,acc\n1,0,0.5,1\n")
    with pytest.raises(
        InputError, match=r"halves\.csv: step is 0\.5; the steps of a store are whole numbers: name"
    ):
        import_results(read(halves), tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_nobody_trains_it(tmp_path: Path) -> None:
    import_results(lightning(), tmp_path / "store")
    stored = load(tmp_path / "store").spec
    spec = SweepSpec.model_validate(stored)
    with pytest.raises(
        InputError, match="results that were imported cannot be trained; add others with seedsweep import"
    ):
        run(spec, tmp_path / "store", executor="inline")
    mine = seedsweep.read_spec("pocket/count-depth").spec
    with pytest.raises(InputError, match="store: holds imported results, which cannot be trained; use another"):
        run(mine, tmp_path / "store", executor="inline")
