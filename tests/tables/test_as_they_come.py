"""The kinds of tables that people have: each is understood as it was meant, or refused in one clear line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from seedsweep import InputError, read_table
from seedsweep.population import Population
from seedsweep.tables.formats import csv_table

TRUTH = {32: [0.25, 0.5], 64: [0.75, 1.0]}
PLAIN = "width,seed,acc\n32,0,0.25\n32,1,0.5\n64,0,0.75\n64,1,1\n"


def read(path: Path, **named: Any) -> Population:
    return read_table(path, **({"scale": "width", "seed": "seed", "metric": "acc"} | named))


def values(population: Population) -> dict[float, list[float]]:
    final = population.final(population.criterion.metric)
    return {scale: final.at(scale).tolist() for scale in final.scales}


@pytest.fixture(params=[False, True], ids=["small", "large"])
def either_reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files are read by Python, large ones by Arrow: each in turn."""
    if request.param:
        monkeypatch.setattr(csv_table, "LARGE", 0)


def first(name: str, value: str) -> bytes:
    """The plain table with one more column before the others."""
    return "".join(
        f"{value if number else name},{row}\n" for number, row in enumerate(PLAIN.splitlines())
    ).encode()


UNDERSTOOD = {
    "UTF-8 with a mark": "\ufeff".encode() + PLAIN.encode(),
    "UTF-16 with a mark": PLAIN.encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    "UTF-16 without a mark": PLAIN.encode("utf-16-le"),
    "UTF-32": PLAIN.encode("utf-32"),
    "Latin-1": first("größe", "1").decode().encode("latin-1"),
    "lines of Windows": PLAIN.replace("\n", "\r\n").encode(),
    "lines of old Macs": PLAIN.replace("\n", "\r").encode(),
    "no last end of line": PLAIN.strip().encode(),
    "empty lines": PLAIN.replace("\n", "\n\n").encode(),
    "tabs": PLAIN.replace(",", "\t").encode(),
    "semicolons": PLAIN.replace(",", ";").encode(),
    "bars": PLAIN.replace(",", "|").encode(),
    "spaces": PLAIN.replace(",", "   ").replace("64", "  64").encode(),
    "decimal commas": PLAIN.replace(",", ";").replace(".", ",").encode(),
    "decimal commas and tabs": PLAIN.replace(",", "\t").replace(".", ",").encode(),
    "decimal commas in quotes": (
        b'"width";"seed";"acc"\n"32";"0";"0,25"\n"32";"1";"0,5"\n"64";"0";"0,75"\n"64";"1";"1"\n'
    ),
    "comments before": f"# a run\n#\n{PLAIN}".encode(),
    "comments between": PLAIN.replace("64,0", "# half way, and further\n64,0").encode(),
    "spaces after commas": PLAIN.replace(",", ", ").encode(),
    "quotes": first("name", '"one, ""two"""'),
    "a line break in quotes": first("name", '"one\ntwo"'),
    "a comma at the end of the rows": PLAIN.replace("\n", ",\n").replace("acc,", "acc").encode(),
    "commas at the end of all": PLAIN.replace("\n", ",,\n").encode(),
    "a comma at the end of the names": PLAIN.replace("acc", "acc,").encode(),
    "a column of numbers of rows": (
        "," + "".join(f"{line}\n{number}," for number, line in enumerate(PLAIN.splitlines()))
    ).removesuffix("4,").encode(),
    "truth of other columns": first("ok", "True"),
    "two columns of one name that nobody asks for": first("x,x", "1,2"),
}  # fmt: skip


@pytest.mark.usefixtures("either_reader")
@pytest.mark.parametrize("content", UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_csv(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert values(read(path)) == TRUTH


def test_names_beyond_ascii_in_latin_1(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("größe;läufe;präzision\n32;0;0,25\n32;1;0,5\n64;0;0,75\n64;1;1\n".encode("cp1252"))
    assert values(read(path, scale="größe", seed="läufe", metric="präzision")) == TRUTH


@pytest.mark.usefixtures("either_reader")
@pytest.mark.parametrize(
    "word", ["", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", "-", "--", "<NA>", "?", " "]
)
def test_words_for_nothing(word: str, tmp_path: Path) -> None:
    """Not measured then, which is not the same as diverged."""
    path = tmp_path / "t.csv"
    path.write_text(f"width,seed,step,acc\n1,0,1,0.5\n1,0,2,{word}\n1,1,1,0.5\n1,1,2,nan\n")
    rows = read(path, step="step").to_pandas("acc")
    np.testing.assert_equal(rows["value"].tolist(), [0.5, 0.5, np.nan])
    path.write_text(f"width,seed,acc\n1,0,0.5\n1,{word},1\n")
    with pytest.raises(InputError, match=r"t\.csv: row 3: seed is empty; every row needs the seed"):
        read(path)
    path.write_text(f"width,seed,acc\n1,0,0.5\n{word},1,1\n")
    with pytest.raises(InputError, match=r"t\.csv: row 3: width is empty"):
        read(path)


@pytest.mark.usefixtures("either_reader")
@pytest.mark.parametrize("word", ["inf", "Infinity", "-inf", "INF", "+inf"])
def test_infinity_is_told(word: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"width,seed,acc\n1,0,0.5\n1,1,{word}\n")
    population = read(path)
    np.testing.assert_equal(population.final("acc").at(1), [0.5, np.nan])
    assert population.origin.facts["diverged"].endswith("t.csv: row 3)")
    path.write_text(f"width,seed,step,acc\n1,0,1,0.5\n1,1,{word},1\n")
    with pytest.raises(InputError, match=r"t\.csv: row 3: step is infinite; every row needs its step"):
        read(path, step="step")


SPELLED = {
    "0.5x": 0.5, "1.5 x": 1.5, "2×": 2, "70M": 7e7, "1.5B": 1.5e9, "10k": 1e4, "2e-3": 2e-3, '"1,024"': 1024,
    "10 000": 1e4, "1'000'000": 1e6, "1_000": 1e3, "pythia-1.4b": 1.4e9, "width-0.5x": 0.5, "m2.5": 2.5,
    "-3": -3, "x4": 4,
}  # fmt: skip


@pytest.mark.usefixtures("either_reader")
@pytest.mark.parametrize(("text", "number"), SPELLED.items(), ids=SPELLED)
def test_scales(text: str, number: float, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"width,seed,acc\n{text},0,1\n")
    assert read(path).scales == (number,)


def test_what_a_comma_means(tmp_path: Path) -> None:
    """Before decimals where one cannot be anything else; then a point parts thousands."""
    path = tmp_path / "t.csv"
    for rows, scale, value in (
        ("1.024;0;0,5", 1024, 0.5), ("1024;0;1.234,5", 1024, 1234.5), ("1,024;0;2,048", 1024, 2048),
        ("0,25;0;0,125", 0.25, 0.125), ("64;0;1,5e-3", 64, 1.5e-3),
    ):  # fmt: skip
        path.write_text(f"width;seed;acc\n{rows}\n")
        assert values(read(path)) == {scale: [value]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("width,seed,acc\n1,0\n1,1,0.5\n", "row 2 has 2 fields, and the first row names 3 columns"),
        ("width,seed,acc\n1,0,0,5\n", "row 2 has 4 fields, and the first row names 3 columns; a field that holds"),
        ("width,seed,acc\n", "it has no rows"),
        ("# nothing\n", "is empty"),
        ("32,0,0.5\n32,1,0.75\n", "its first row is numbers; it needs a row before them that names the columns"),
        (" \n\n", "is empty"),
        ("width,seed,acc,acc\n1,0,1,2\n", "has 2 columns 'acc'; rename one"),
        ("width,seed,acc\n1,0,57%\n", "row 2: acc is '57%'; a number is needed"),
        ("width,seed,acc\n1,0,see below\n", "row 2: acc is 'see below'; a number is needed"),
        ("width,seed,acc\n1/2,0,1\n", "row 2: width is '1/2'; a scale is a number such as 4, 0.25, 70m, 1.5B"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("either_reader")
def test_what_cannot_be_understood_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read(path)
    assert f"t.csv: {message}" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_row_that_was_cut_off_in_writing_is_left_out_and_told(tmp_path: Path) -> None:
    for name, text in (("t.csv", PLAIN + "128,0"), ("t.jsonl", lines() + '{"width": 128, "se')):
        path = tmp_path / name
        path.write_text(text)
        population = read(path)
        assert values(population) == TRUTH
        assert population.origin.facts["left out"] == f"the last row of {path}, cut off"


def frame() -> pandas.DataFrame:
    return pandas.DataFrame(
        [(w, s, a) for w, accs in TRUTH.items() for s, a in enumerate(accs)], columns=["width", "seed", "acc"]
    )


def lines() -> str:
    return str(frame().to_json(orient="records", lines=True))


AS_JSON: dict[str, Callable[[], str]] = {
    "lines": lines,
    "an array": lambda: str(frame().to_json(orient="records")),
    "an array over lines": lambda: str(frame().to_json(orient="records", indent=2)),
    "columns by pandas": lambda: str(frame().to_json()),
    "columns": lambda: json.dumps(frame().to_dict("list")),
    "split": lambda: str(frame().to_json(orient="split")),
    "a run's history": lambda: json.dumps({"note": [1], "history": frame().to_dict("records")}),
    "with NaN": lambda: lines() + '{"width": 64, "seed": 2, "acc": NaN}\n',
}  # fmt: skip


@pytest.mark.parametrize("write", AS_JSON.values(), ids=AS_JSON)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json(write: Callable[[], str], encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(write(), encoding=encoding)
    found = values(read(path))
    assert {scale: of[:2] for scale, of in found.items()} == TRUTH
    assert np.isnan(found[64][2:]).all()


def test_a_json_object_a_run(tmp_path: Path) -> None:
    """What many scripts leave: `results.json` with everything about one run."""
    for width, accs in TRUTH.items():
        for seed, acc in enumerate(accs):
            folder = tmp_path / "runs" / f"{width}-{seed}"
            folder.mkdir(parents=True)
            content = {"args": {"width": width, "seed": seed, "layers": [1, 2]}, "test": {"acc": acc}}
            (folder / "results.json").write_text(json.dumps(content, indent=4))
    population = read(tmp_path / "runs", scale="args.width", seed="args.seed", metric="test.acc")
    assert values(population) == TRUTH


def test_a_json_object_a_run_with_its_curves(tmp_path: Path) -> None:
    """Lists side by side, of one length; what all steps have stands beside them."""
    for width, accs in TRUTH.items():
        for seed, acc in enumerate(accs):
            content = {"config": {"width": width}, "seed": seed, "step": [1, 2], "acc": [0.0, acc]}
            (tmp_path / f"{width}-{seed}.json").write_text(json.dumps(content))
    population = read(tmp_path, scale="config.width", step="step")
    assert values(population) == TRUTH
    assert population.curves("acc")[32].steps.tolist() == [1, 2]


def test_json_by_scale_and_seed(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps({width: dict(enumerate(accs)) for width, accs in TRUTH.items()}))
    assert values(read(path, seed="index")) == TRUTH
    path.write_text(json.dumps(TRUTH))
    assert values(read(path, seed="index")) == TRUTH


def test_curves_in_objects(tmp_path: Path) -> None:
    """As Sacred keeps them, beside the run's `config.json`."""
    for width, accs in TRUTH.items():
        for seed, acc in enumerate(accs):
            folder = tmp_path / f"{width}{seed}"
            folder.mkdir()
            (folder / "config.json").write_text(json.dumps({"width": width, "seed": seed}))
            (folder / "metrics.json").write_text(json.dumps({"acc": {"steps": [1, 2], "values": [0.0, acc]}}))
    assert values(read(tmp_path, metric="acc.values", step="acc.steps")) == TRUTH


@pytest.mark.parametrize("name", ["log.txt", "train.log"])
def test_lines_of_json_in_a_log(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(lines())
    assert values(read(tmp_path / name)) == TRUTH


def test_nested_columns_of_parquet(tmp_path: Path) -> None:
    rows = [{"config": {"width": w, "seed": s}, "acc": a} for w, accs in TRUTH.items() for s, a in enumerate(accs)]
    pandas.DataFrame(rows).to_parquet(tmp_path / "t.parquet")
    assert values(read(tmp_path / "t.parquet", scale="config.width", seed="config.seed")) == TRUTH


SIDE_BY_SIDE = {
    "a column per seed": "width,seed_0,seed_1\n32,0.25,0.5\n64,0.75,1\n",
    "with the metric's name": "width,acc_seed0,acc_seed1,loss_seed0,loss_seed1\n32,0.25,0.5,9,9\n64,0.75,1,9,9\n",
    "bare numbers of seeds": "width,0,1\n32,0.25,0.5\n64,0.75,1\n",
    "bare numbers of scales": "seed,32,64\n0,0.25,0.75\n1,0.5,1\n",
    "a column per scale": "seed,width-32,width-64\n0,0.25,0.75\n1,0.5,1\n",
    "a column per run": "width=32/seed=0,width=32/seed=1,width=64/seed=0,width=64/seed=1\n0.25,0.5,0.75,1\n",
    "the numbers first": "32width_0seed,32width_1seed,64width_0seed,64width_1seed\n0.25,0.5,0.75,1\n",
    "the seed first": "seed0-width32,seed1-width32,seed0-width64,seed1-width64\n0.25,0.5,0.75,1\n",
}


@pytest.mark.parametrize("text", SIDE_BY_SIDE.values(), ids=SIDE_BY_SIDE)
def test_columns_side_by_side(text: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    assert values(read(path)) == TRUTH


@pytest.mark.parametrize("text", ["", "width,seed,acc\n"])
def test_of_a_table_without_rows_nothing_is_asked(text: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"t\.csv: it has no rows"):
        read_table(path)


@pytest.mark.parametrize(
    ("columns", "hint"),
    [
        ("seed_0,seed_1", "seed_0, seed_1, … are a column per seed, --seed seed --metric NAME"),
        ("0,1", "0, 1, … are a column per seed, --seed seed --metric NAME"),
        ("acc_s0,acc_s1", "acc_s0, acc_s1, … are a column per seed, --seed s --metric NAME"),
        ("run 0,run 1", "run 0, run 1, … are a column per seed, --seed run --metric NAME"),
    ],
)
def test_how_to_name_columns_side_by_side_is_said(columns: str, hint: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"width,{columns}\n32,0.25,0.5\n64,0.75,1\n")
    with pytest.raises(InputError, match=f"--seed is missing; .*{re.escape(hint)}"):
        read_table(path, scale="width")
    seed = hint.partition("--seed ")[2].partition(" ")[0]
    assert values(read_table(path, scale="width", seed=seed, metric="acc")) == TRUTH


def test_a_comma_or_a_point_after_a_zero_parts_no_thousands(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("width;seed;acc\n32;0;0.250\n32;1;0,500\n64;0;0.75\n64;1;1,0\n")
    assert values(read(path)) == TRUTH
    path.write_text('width,seed,acc\n32,0,"0,250"\n')
    with pytest.raises(InputError, match=r"t\.csv: row 2: acc is '0,250'; a number is needed"):
        read(path)


def test_decimals_that_may_be_thousands_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("width;seed;loss\n32;0;0.25\n32;1;0,5\n64;0;1.234\n64;1;1\n")
    with pytest.raises(InputError, match=r"t\.csv: has numbers with decimal commas and .* and '1\.234' may be"):
        read(path, metric="loss")
    path.write_text("width;seed;loss\n32;0;0,25\n32;1;0,5\n64;0;1.234\n64;1;1\n")
    assert values(read(path, metric="loss"))[64] == [1234, 1]


def test_a_scale_that_all_runs_have(tmp_path: Path) -> None:
    """Weights & Biases exports the runs of one width, which their names then do not say."""
    path = tmp_path / "t.csv"
    path.write_text(
        "Step,seed: 0 - acc,seed: 0 - acc__MIN,seed: 1 - acc,seed: 1 - acc__MIN\n1,0.25,0.25,0.5,0.5\n"
    )
    assert values(read(path, scale="width=32")) == {32: [0.25, 0.5]}
    with pytest.raises(InputError, match=r"the run 'seed: 0' has no number after 'width'; names such as"):
        read(path)


def test_a_scale_that_all_have_and_a_column_of_it(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(PLAIN)
    with pytest.raises(InputError, match="--scale width=32: there is a column width; give --scale width"):
        read(path, scale="width=32")


def test_latin_1_far_down_in_a_large_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "SNIFFED", 1 << 17)
    rows = "".join(f"{width},{seed},0.5,a\n" for width in (32, 64) for seed in range(10_000))
    path = tmp_path / "t.csv"
    path.write_bytes(b"width,seed,acc,note\n" + rows.encode() + "64,10000,0.75,größe\n".encode("latin-1"))
    assert read(path).final("acc").at(64)[-1] == 0.75
    assert values(read(path, where={"note": "größe"})) == {64: [0.75]}


def test_what_only_one_can_be_meant_need_not_be_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(PLAIN)
    population = read_table(path)
    assert values(population) == TRUTH
    assert population.origin.facts["read"] == "4 runs read as 2 scales (width 32, 64) × 2 seeds, acc"
    path.write_text(PLAIN.replace("acc", "acc,loss").replace("5\n", "5,2\n").replace(",1\n", ",1,3\n"))
    with pytest.raises(InputError, match=r"t\.csv: --metric is missing; choose one of acc, loss"):
        read_table(path, scale="width", seed="seed")
    path.write_text("width,depth,seed,acc\n1,2,0,0.1\n1,3,0,0.2\n2,2,0,0.3\n2,3,0,0.4\n")
    with pytest.raises(
        InputError, match=r"t\.csv: --seed is missing|--scale is missing; choose one of width, depth"
    ):
        read_table(path, metric="acc")
