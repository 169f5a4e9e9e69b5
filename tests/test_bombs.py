"""Small files that would fill the memory or never end: one line each, soon."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import seedsweep
from seedsweep import jsontext
from seedsweep.errors import InputError
from seedsweep.schema import KEY
from seedsweep.seeds import Seeds
from seedsweep.sweep.blocks import MOST_ROWS_OF_A_FILE
from seedsweep.sweep.progress import Progress
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.specfile import read_spec
from seedsweep.sweep.status import status
from tests.sweep.conftest import SPEC, fake, spec, spec_file
from tests.sweep.fake import FakeTraining

__all__ = ["fake", "spec", "spec_file"]

DEEP = "[" * 100_000
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40))
YAML_BOMBS = {
    "aliases": LAUGHS,
    "merge keys": MERGES,
    "deep": f"seeds: {DEEP}",
    "holds itself": "a: &a [*a]\n",
    "large": "seeds: [" + ", ".join(map(str, range(60_000))) + "]\n",
    "very large": "#" + " " * 5_000_000,
}


def one_line(call: Callable[[], object], match: str = "") -> None:
    with pytest.raises(InputError, match=match) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bomb", YAML_BOMBS)
def test_a_spec(bomb: str, tmp_path: Path) -> None:
    (tmp_path / "bomb.yaml").write_text(YAML_BOMBS[bomb] + SPEC)
    one_line(lambda: read_spec(tmp_path / "bomb.yaml"), r"bomb\.yaml")


def test_options(spec_file: Path) -> None:
    one_line(lambda: read_spec(spec_file, seeds=DEEP), "--seeds")
    one_line(lambda: read_spec(spec_file, overrides=[f"train.steps={DEEP}"]), "--set")


@pytest.mark.parametrize(
    "seeds",
    [
        "0:2147483646",
        "0:600000,700000:1300000",
        ["0:999999", "1000000:1000002"],
        {"init": "0:2000", "data": "0:2000"},
        {"init": "0:2147483646", "data": "0:1"},
        "9" * 10_000,
    ],
)
def test_seeds(seeds: object, spec_file: Path, tmp_path: Path) -> None:
    one_line(lambda: read_spec(spec_file, seeds=json.dumps(seeds)), "seeds")
    with pytest.raises(ValueError, match=r".+"):
        Seeds.model_validate(seeds)


def test_as_many_seeds_as_there_may_be() -> None:
    assert len(Seeds.model_validate("0:1000000").init) == 1_000_000
    assert len(Seeds.model_validate({"init": "0:1000", "data": "0:1000"}).pairs()) == 1_000_000


@pytest.fixture
def out(spec: Callable[..., SweepSpec], fake: Callable[..., FakeTraining], tmp_path: Path) -> Path:
    """A finished small sweep."""
    fake()
    run(spec(), tmp_path / "out", executor="inline")
    return tmp_path / "out"


@pytest.mark.parametrize("seeds", ["0:2147483646", {"init": "0:9999", "data": "0:9999"}, None, "many"])
def test_seeds_of_a_record(seeds: object, out: Path) -> None:
    record = json.loads((out / "sweep.json").read_text())
    record["spec"]["seeds"] = seeds
    (out / "sweep.json").write_text(json.dumps(record))
    for call in (load, status):
        one_line(lambda call=call: call(out), r"sweep\.json: .*damaged")  # type: ignore[misc]


def test_deep_json_is_no_json() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        jsontext.loads(DEEP)
    assert Progress.from_json(DEEP.encode()) is None


@pytest.mark.parametrize("name", ["table.json", "table.jsonl", "trainer_state.json", "results.json"])
def test_deep_json_of_others(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(DEEP)
    one_line(
        lambda: seedsweep.read_table(tmp_path / name, scale="width", seed="run", metric="acc"), name.split(".")[0]
    )


@pytest.mark.parametrize("bomb", ["aliases", "merge keys", "deep", "holds itself"])
def test_configs_of_runs(bomb: str, tmp_path: Path) -> None:
    for run_folder in ("a", "b"):
        folder = tmp_path / "runs" / run_folder
        folder.mkdir(parents=True)
        (folder / "metrics.csv").write_text("step,acc\n1,0.5\n")
        (folder / "config.yaml").write_text(YAML_BOMBS[bomb] + "width: 3\n")
    one_line(lambda: seedsweep.read_table(tmp_path / "runs", scale="width", seed="run", metric="acc"), "config")


def test_a_block_with_absurdly_many_rows(out: Path) -> None:
    block = min(out.glob("metrics/scale-1/*.parquet"))
    table = pq.read_table(block)
    says = json.loads(pq.read_metadata(block).metadata[KEY])
    many = pa.concat_tables([table.slice(0, 1)] * 2**20).combine_chunks()
    with pq.ParquetWriter(block, table.schema, compression="zstd") as writer:
        for _ in range(MOST_ROWS_OF_A_FILE // 2**20 + 1):
            writer.write_table(many)
        writer.add_key_value_metadata({KEY.decode(): json.dumps(says)})
    assert block.stat().st_size < 1_000_000
    population, stands = load(out), status(out)
    assert population.cells == stands.done == 6
    assert "17,825,792 rows, more than any file of ours" in stands.notes[0]
    assert len(population.to_arrow()) < 10_000
