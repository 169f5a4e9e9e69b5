"""Tables as people have them: what is understood, and how what cannot be used is refused."""

from __future__ import annotations

import doctest
import gzip
import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest

from seedsweep import InputError, read_table
from seedsweep.analysis.study.summary import summarise_population
from seedsweep.population import Population
from seedsweep.schema import METRICS

NAMED = {"scale": "depth", "seed": "run", "metric": "acc"}
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def read(path: object, **named: object) -> Population:
    return read_table(path, **(NAMED | named))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["configs", "lattice", "read", "runnames", "spelling", "text", "formats.json_table"]
)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"seedsweep.tables.{name}")).failed == 0


def test_what_a_table_is(write: Write) -> None:
    path = write("my.study.csv", "depth,run,acc\n2,b,0.9\n1,b,0.2\n2,a,0.1\n1,a,0.1\n")
    found = read(path)
    assert (found.name, found.path, found.scale_name) == ("my", str(path), "depth")
    assert (found.scales, found.seeds) == ((1.0, 2.0), ("a", "b"))
    assert found.splits == {}
    assert found.criterion.threshold is None
    assert (found.spec, found.fingerprint) == (None, None)
    assert repr(found) == f"<Population my: 4 seeds of depth 1, 2 in {path}>"
    final = found.final("acc")
    assert final.at(2).tolist() == [0.1, 0.9]
    assert final.to_pandas().at[2.0, "b"] == 0.9
    json.dumps(final.to_dict(), allow_nan=False)
    assert found.curves("acc") == {}
    with pytest.raises(InputError, match=r"metric 'ac': was not read \(did you mean 'acc'\?\); there are acc"):
        found.final("ac")
    with pytest.raises(InputError, match="split 'test': unknown; the rows read are 'all rows'"):
        found.final("acc", "test")


def test_the_long_table(write: Write) -> None:
    """In the columns of a sweep's store that are known; no row where a metric was not measured."""
    rows = "depth,run,step,acc,nll\n2,b,0,0.5,3\n1,a,1,,2\n1,a,0,0.25,nan\n1,c,0,,1\n"
    found = read(write("t.csv", rows), metric=["acc", "nll"], step="step")
    told = {"scale_name": ["depth"] * 2, "scale": [1.0, 2.0], "seed": ["a", "b"], "step": [0, 0]}
    told |= {"split": ["all rows"] * 2, "metric": ["acc"] * 2, "value": [0.25, 0.5]}
    np.testing.assert_equal(found.to_arrow("acc", "all rows").to_pydict(), told)
    assert set(told) < set(METRICS.names)
    assert found.to_arrow().num_rows == 2 + 4
    assert found.to_pandas("nll")["value"].isna().sum() == 1
    assert found.to_arrow("ac").num_rows == 0
    with pytest.raises(InputError, match="split 'id': unknown; the rows read are 'all rows'"):
        found.to_arrow(split="id")
    assert "step" not in read(write("s.csv", "depth,run,acc\n1,a,0.5\n")).to_arrow().column_names


def test_a_scale_that_no_seed_has_is_named_as_those_that_there_are(write: Write) -> None:
    final = read(write("t.csv", "depth,run,acc\n1000001,a,0.5\n")).final("acc")
    with pytest.raises(InputError, match="scale 1000002: no seed of it is finished; there are seeds of 1000001"):
        final.at(1000002)


def test_missing_cells_and_curves_of_several_lengths(write: Write) -> None:
    """Run b stops early: where that is asked for, its last value is its final one."""
    rows = "depth,run,step,acc\n1,a,0,0\n1,a,10,0.5\n1,a,20,1\n1,b,0,0.25\n1,b,10,0.75\n2,a,0,0\n2,a,5,1\n"
    found = read(write("t.csv", rows), step="step", unfinished="last")
    final = found.final("acc")
    assert final.present.tolist() == [[True, True], [True, False]]
    assert final.at(1).tolist() == [1.0, 0.75]
    curve = found.curves("acc")[1.0]
    assert curve.steps.tolist() == [0, 10, 20]
    assert curve.steps.dtype == np.int64
    np.testing.assert_equal(curve.values, [[0, 0.5, 1], [0.25, 0.75, np.nan]])
    assert found.curves("acc")[2.0].steps.tolist() == [0, 5]
    assert found.curves("acc")[2.0].seeds.tolist() == ["a"]


def test_an_empty_metric_was_not_measured(write: Write) -> None:
    """Every run logs its loss at all steps and its accuracy at 2 and 4; b has none at 4, c never, d diverges."""
    acc = {"a": {2: "0.5", 4: "1"}, "b": {2: "0.25"}, "c": {}, "d": {2: "0.75", 4: "nan"}}
    rows = [f"1,{run},{step},{acc[run].get(step, '')}" for run in acc for step in range(6)]
    found = read(write("t.csv", "\n".join(["depth,run,step,acc", *rows])), step="step")
    final = found.final("acc")
    np.testing.assert_equal(final.at(1), [1.0, np.nan, np.nan])
    assert (final.steps, final.seeds_at(1).tolist()) == ((4.0,), ["a", "c", "d"])
    assert final.unfinished is not None
    assert final.unfinished.ends == {1.0: {"b": 2.0}}
    curve = found.curves("acc")[1.0]
    assert curve.steps.tolist() == [2, 4]
    np.testing.assert_equal(curve.values, [[0.5, 1], [0.25, np.nan], [np.nan] * 2, [0.75, np.nan]])
    (scale,) = summarise_population(found).scales
    assert (scale.n, scale.n_diverged) == (3, 2)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "depth,run,acc\n70m,1,0.5\n1.5B,1,1\n"),
        ("t.csv", '\ufeffdepth;run;acc\n"70M";1;0.5\n1.5b ;1; 1\n'),
        ("t.tsv", "depth\trun\tacc\r\n7e7\t1\t0.5\r\n1500000000\t1\ttrue\r\n".replace("true", "1.0")),
        ("t.jsonl", '{"depth": "70m", "run": 1, "acc": 0.5}\n\n{"depth": "1.5B", "run": 1, "acc": true}\n'),
        ("t.json", '[{"depth": 7e7, "run": 1, "acc": 0.5}, {"depth": 1.5e9, "acc": 1, "run": 1}]'),
        ("t.ndjson", '{"depth": "70m", "run": 1, "acc": "0.5"}\n{"depth": "1.5B", "run": 1, "acc": 1}\n'),
    ],
)
def test_the_ways_to_write_a_number(name: str, text: str, write: Write) -> None:
    found = read(write(name, text))
    assert found.scales == (7e7, 1.5e9)
    assert found.seeds == (1,)
    assert found.final("acc").values.tolist() == [[0.5], [1.0]]


def test_types_as_pandas_writes_them(tmp_path: Path) -> None:
    frame = pandas.DataFrame(
        {
            "depth": pandas.Categorical(["70m", "70m", "1B"]),
            "run": pandas.Categorical(["x", "y", "x"]),
            "split": pandas.Categorical(["id", "ood", "id"]),
            "acc": pandas.array([True, None, False], dtype="boolean"),
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    found = read(tmp_path / "t.parquet")
    assert (found.scales, found.seeds) == ((7e7, 1e9), ("x", "y"))
    np.testing.assert_equal(found.final("acc").values, [[1, np.nan], [0, np.nan]])
    assert read(tmp_path / "t.parquet", where={"split": "id"}).seeds == ("x",)


def test_seeds_are_any_labels(write: Write) -> None:
    assert read(write("t.csv", "depth,run,acc\n1,007,1\n1,7,0\n")).seeds == ("007", "7")
    assert read(write("t.csv", "depth,run,acc\n1,1e5,1\n1,x,0\n")).seeds == ("1e5", "x")
    assert read(write("t.csv", "depth,run,acc\n1,10.0,1\n1,9.0,0\n")).seeds == (9, 10)


def test_which_rows(write: Write) -> None:
    path = write("t.csv", "depth,run,split,k,acc\n1,a,id,5,1\n1,a,ood,5,0.5\n1,a,ood,7,0.25\n")
    found = read(path, where={"split": "ood", "k": 7})
    assert found.final("acc").at(1).tolist() == [0.25]
    assert found.criterion.split == "split=ood, k=7"
    flags = write("f.csv", "depth,run,eval,acc\n1,a,true,1\n1,a,false,0\n")
    assert read(flags, where={"eval": True}).final("acc").at(1).tolist() == [1.0]


def test_a_directory_and_a_pattern(tmp_path: Path) -> None:
    for depth in (1, 2):
        for run in range(3):
            folder = tmp_path / "runs" / f"depth={depth}" / f"run-{run}"
            folder.mkdir(parents=True)
            kind = np.float32 if run else np.int64  # one file without fractions, as happens
            pandas.DataFrame({"run": [run], "acc": np.array([run / 2]).astype(kind)}).to_parquet(
                folder / "final.parquet"
            )
    (tmp_path / "runs" / "notes.md").write_text("mine")
    for place in (tmp_path / "runs", f"{tmp_path}/runs/*/*/final.parquet", f"{tmp_path}/runs/**/*.parquet"):
        found = read(place)
        assert (found.name, found.scales, found.seeds) == ("runs", (1.0, 2.0), (0, 1, 2))
        assert found.final("acc").at(2).tolist() == [0.0, 0.5, 1.0]


def test_several_metrics_from_a_row_and_from_a_column_per_run(write: Write) -> None:
    long = write("l.csv", "depth,run,acc,nll\n1,3,0.5,2.5\n1,4,1,0.5\n")
    wide = write(
        "w.csv",
        "Step,depth=1 run:3 - acc,depth=1 run:4 - acc,depth=1 run:3 - nll,depth=1 run:4 - nll\n9,0.5,1,2.5,0.5\n",
    )
    for path in (long, wide):
        found = read(path, metric=["acc", "nll"])
        assert found.criterion.metric == "acc"
        assert found.final("nll").at(1).tolist() == [2.5, 0.5]
        assert found.metrics["acc"].bounds == (0.0, 1.0)
        assert found.metrics["nll"].bounds == (0.5, 2.5)


def test_a_column_per_run_without_a_metrics_name(write: Write) -> None:
    found = read(
        write("t.csv", "Step,depth1/run7,depth1/run8,max_depth\n0,0,0,5\n1,1,,5\n"), step="Step", unfinished="last"
    )
    assert found.seeds == (7, 8)
    np.testing.assert_equal(found.curves("acc")[1.0].values, [[0, 1], [0, np.nan]])
    assert found.final("acc").at(1).tolist() == [1.0, 0.0]  # run 8 has no row at step 1: it ends at step 0


def test_lower_is_better_in_every_place(write: Write) -> None:
    """A loss and its mirror image give the same verdicts about the same seeds."""
    random = np.random.default_rng(0)
    loss = np.concatenate([random.normal(1, 0.1, 20), random.normal(5, 0.3, 12), [np.nan]])
    frame = pandas.DataFrame({"depth": 1, "run": range(33), "acc": loss})
    path = write("loss.csv", frame.to_csv(index=False))
    mirror = write("mirror.csv", frame.assign(acc=-loss).to_csv(index=False))
    (worse,) = summarise_population(read(path, threshold=3, higher_is_better=False)).scales
    (better,) = summarise_population(read(mirror, threshold=-3)).scales
    assert (worse.success.successes, worse.success.n) == (better.success.successes, better.success.n) == (20, 33)
    assert worse.mean_given_success is not None
    assert better.mean_given_success is not None
    assert worse.mean_given_success.estimate == pytest.approx(np.mean(loss[:20]))
    assert better.mean_given_success.estimate == pytest.approx(-np.mean(loss[:20]))
    assert worse.mean.estimate == pytest.approx(np.nanmean(loss))


def test_names_with_a_number_are_scales_and_steps(write: Write) -> None:
    rows = [
        f"pythia-{size}-deduped,{seed},step{step},0.5"
        for size in ("1.4b", "70m")
        for seed in (1, 2)
        for step in (0, 1000)
    ]
    population = read(write("t.csv", "depth,run,step,acc\n" + "\n".join(rows)), step="step")
    assert population.scales == (70e6, 1.4e9)
    assert population.curves("acc")[70e6].steps.tolist() == [0, 1000]


def test_rows_that_are_not_chosen_may_hold_anything(write: Write) -> None:
    path = write("t.csv", "depth,run,split,acc\n1,a,note,see below\n1,a,ood,0.5\nlarge,b,note,inf\n2,a,ood,0.75\n")
    population = read(path, where={"split": "ood"})
    assert population.final("acc").values.tolist() == [[0.5], [0.75]]


def test_without_a_threshold_the_middle_is_taken_and_told(write: Write) -> None:
    path = write("t.csv", "depth,run,acc\n1,a,2\n1,b,4\n2,a,10\n")
    summary = summarise_population(read(path))
    assert (summary.criterion.threshold, summary.threshold_chosen) == (6.0, True)
    assert summary.notes[0].startswith("nobody said what success is: 6 is the middle")
    assert summary.notes[1].startswith("one value only at depth 2")
    assert summarise_population(read(path, threshold=3)).notes == summary.notes[1:]


BAD: list[tuple[str, dict[str, object], str]] = [
    ("depth,run,accuracy\n1,a,1\n", {}, "no column 'acc' (did you mean 'accuracy'?); it has depth, run, accuracy"),
    ("depth,run,acc\n1,a,1\n1,b,high\n", {}, "row 3: acc is 'high'; a number is needed"),
    ("depth,run,acc\nlarge,a,1\n", {}, "row 2: depth is 'large'; a scale is a number such as 4, 0.25, 70m"),
    ("depth,run,acc\nolmo-2-1b,a,1\n", {}, "row 2: depth is 'olmo-2-1b'; a scale is a number such as 4"),
    (
        "depth,run,acc\n1m,x,1\npy-70m,a,1\npy-70m-deduped,b,1\n",
        {},
        "row 4: depth is 'py-70m-deduped', and elsewhere 'py-70m' with the same number; choose one with --where",
    ),
    ("depth,run,s,acc\n1,a,first,1\n", {"step": "s"}, "row 2: s is 'first'; a step is a number such as 4"),
    (
        "depth,run,split,acc\n1,a,id,x\n1,a,ood,0\n1,b,ood,y\n",
        {"where": {"split": "ood"}},
        "row 4: acc is 'y'; a number is needed",
    ),
    ("depth,run,acc\n1,a,1\n,b,1\n", {}, "row 3: depth is empty"),
    ("depth,run,acc\n1,a,1\n1,,1\n", {}, "row 3: run is empty; every row needs the seed"),
    ("depth,run,step,acc\n1,a,0,1\n1,a,,1\n", {"step": "step"}, "row 3: step is empty"),
    ("depth,run,acc\n", {}, "it has no rows"),
    ("depth,run,acc\n1,a,\n1,b,nan\n", {}, "acc has no value in any row"),
    ("", {}, "is empty"),
    ("depth,run,acc\n1,a,1,2\n", {}, "row 2 has 4 fields, and the first row names 3 columns"),
    ("depth,run,acc,acc\n1,a,1,2\n", {}, "has 2 columns 'acc'; rename one"),
    ("depth,run,acc\n1,a,1\n2,a,0\n1,a,0\n", {}, "row 2 and row 4 both have depth 1, run a; a seed has one row"),
    (
        "depth,run,split,acc\n1,a,id,1\n1,a,ood,0\n",
        {},
        "both have depth 1, run a; they differ in 'split' ('id' and 'ood'): add --where split=id",
    ),
    ("depth,run,_step,acc\n1,a,0,1\n1,a,9,0\n", {}, "they differ in '_step': add --step _step"),
    (
        "depth,run,s,acc\n1,a,3,1\n1,a,3,0\n",
        {"step": "s"},
        "both have depth 1, run a, s 3; a seed has one row per step: remove the others",
    ),
    (
        "depth,run,split,acc\n1,a,id,1\n",
        {"where": {"split": "idd"}},
        "no row has split=idd (did you mean 'id'?); there are id",
    ),
    ("depth,run,acc\n1,a,1\n", {"seed": "depth"}, "column 'depth' is named as scale and as seed"),
    ("depth,run,acc\n1,a,1\n", {"threshold": float("nan")}, "threshold: nan is not a finite number"),
    ("Step,swift-sun-3 - acc\n1,1\n", {}, "the run 'swift-sun-3' has no number after 'depth'; names such as"),
    ("s,depth1 run1 - acc,depth1.0 run1 - acc\n1,1,1\n", {}, "both have depth 1, run 1"),
    ("s,depth1 run1 - acc,x depth1 run1 - acc\n1,1,1\n", {}, "are of one scale and seed"),
    ("s,depth1 run1 - acc\n1,1\n", {"where": {"s": 1}}, "has no rows to choose by a value"),
    (
        "s,depth1 run1 - acc,depth1 run1 - nll\n1,1,1\n",
        {"metric": "accc"},
        "no run has 'accc' (did you mean 'acc'?)",
    ),
    ("s,depth1 run1 - acc\n1,1\n", {"step": "Step"}, "no column 'Step'"),
]


@pytest.mark.parametrize(("text", "named", "message"), BAD, ids=[message for _, _, message in BAD])
def test_bad_tables_are_one_clear_line(text: str, named: dict[str, object], message: str, write: Write) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as error:
        read(write("t.csv", text), **named)
    assert "\n" not in str(error.value)
    assert "threshold" in message or "column 'depth'" in message or "t.csv" in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.parquet", b"not a table", "t.parquet: cannot be read as Parquet: "),
        ("t.csv", b"\xff\xfe\x00\xd8", "t.csv: cannot be read as CSV: "),
        ("t.csv.gz", b"depth,run", "t.csv.gz: cannot be read as CSV: "),
        ("t.jsonl", b'{"depth": 1}\n{"depth":\n{"depth": 2}', "t.jsonl: line 2 is not JSON: "),
        ("t.jsonl", b"[1, 2]", "t.jsonl: row 1 is not a JSON object"),
        ("t.json", b"", "t.json: is empty"),
        (
            "t.jsonl.gz",
            gzip.compress(b'{"depth": 1, "run": 1, "acc": "x"}\n', mtime=0),
            "t.jsonl.gz: row 1: acc is 'x'",
        ),
        ("t.xlsx", b"", "t.xlsx: not a kind of table known here by its name; save a spreadsheet as CSV; give a"),
    ],
)
def test_files_that_are_no_tables(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=re.escape(message)) as error:
        read(tmp_path / name)
    assert "\n" not in str(error.value)


def test_places_without_a_table(tmp_path: Path, write: Write) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv: no such file"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match=r"\*\.csv: no table there"):
        read(tmp_path / "*.csv")
    with pytest.raises(InputError, match="no table there; give a"):
        read(tmp_path)
    with pytest.raises(InputError, match="the directory of a sweep, not a table; its rows are in"):
        read(Path(__file__).parents[2] / "populations" / "count-depth")
    write("a.csv", "depth,run,acc\n1,a,1\n")
    write("b.jsonl", '{"depth": 1, "run": "b", "acc": 0}')
    with pytest.raises(InputError, match=r"holds tables of several formats \(.*a\.csv and JSON: .*b\.jsonl\)"):
        read(tmp_path)
    assert read(tmp_path, format="csv").seeds == ("a",)
    write("b.jsonl", '{"note": "mine"}')
    assert read(tmp_path).origin.facts["left out"] == f"{tmp_path / 'b.jsonl'} without depth"


def test_files_of_a_directory_that_do_not_match(tmp_path: Path) -> None:
    good = pandas.DataFrame({"depth": [1], "run": ["a"], "acc": [0.5]})
    good.to_parquet(tmp_path / "a.parquet")
    good.rename(columns={"acc": "accuracy"}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet: no column 'acc' \(did you mean 'accuracy'\?\)"):
        read(tmp_path)
    good.assign(acc=["half"]).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet: row 1: acc is 'half'; a number is needed"):
        read(tmp_path)
    good.to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"a\.parquet: row 1 and .*b\.parquet: row 1 both have depth 1, run a"):
        read(tmp_path)
