"""A ladder is gone through to its end however a run ends, and what is wrong with it is one line."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import seedsweep
from seedsweep.errors import InputError, StorageError
from seedsweep.probed import ProbePlan, ProbeProgress
from tests.workers.probing.conftest import (
    ALL,
    SEEDS,
    STEPS,
    WORDS,
    change_config,
    rows_of,
)


class Killed(BaseException):
    """Stands for whatever ends a process."""


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_run_that_ends_anywhere_goes_on(ladder: Path, probed: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"p.{ending}"
    told: list[ProbeProgress] = []

    def stop(now: ProbeProgress) -> None:
        told.append(now)
        if now.done >= 6:
            raise Killed

    while not told or told[-1].done < told[-1].missing:
        with pytest.raises(Killed):
            seedsweep.probe(ladder, path, suite=ALL, tokens_per_step=816, on_progress=stop)
        assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert [now.missing for now in told if now.done == 0] == [24, 18, 12, 6]
    assert rows_of(path) == rows_of(probed)
    assert seedsweep.probe(ladder, path, suite=ALL, tokens_per_step=816).added == 0


KILLED = """
import os, signal, seedsweep
writes = []
def die(*_):
    writes.append(0)
    if len(writes) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
os.fsync = die
seedsweep.probe("LADDER", "TABLE", suite=["copy"], tokens_per_step=816)
"""


def test_a_kill_inside_a_write_loses_and_doubles_nothing(ladder: Path, probed: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    code = KILLED.replace("LADDER", str(ladder)).replace("TABLE", str(path))
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    assert len(rows_of(path)) == 6
    assert seedsweep.probe(ladder, path, suite=["copy"], tokens_per_step=816).added == 18
    assert rows_of(path) == [row for row in rows_of(probed) if row["probe"] == "copy"]
    assert [file.name for file in tmp_path.iterdir()] == ["p.csv"]


def test_what_the_table_has_is_not_read_again(ladder: Path, probed: Path, tmp_path: Path) -> None:
    """Neither for more probes, nor for more seeds: a checkpoint may be deleted once it is probed."""
    part = tmp_path / "part"
    shutil.copytree(ladder, part)
    path = tmp_path / "p.csv"
    assert seedsweep.probe(part, path, suite=["copy"], tokens_per_step=816).added == 24
    shutil.rmtree(part / "small" / "2")
    for file in part.rglob("*.safetensors"):
        if "/1/" in str(file):
            file.unlink()
    assert seedsweep.probe(part, path, suite=["copy"], tokens_per_step=816).added == 0
    made = seedsweep.probe(part, path, suite=["copy", "list"], tokens_per_step=816)
    assert (made.rows, made.added, len(made.refused)) == (32, 8, 8)
    expected = [
        row for row in rows_of(probed) if row["probe"] == "copy" or (row["probe"] == "list" and row["seed"] == 0)
    ]
    assert rows_of(path) == expected


def test_a_disk_that_refuses_loses_nothing(ladder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.csv"
    seedsweep.probe(ladder, path, suite=["copy"])
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="cannot be written: No space left on device; once it can"):
        seedsweep.probe(ladder, path, suite=["list"])
    assert [file.name for file in tmp_path.iterdir()] == ["p.csv"]
    assert path.read_bytes() == before


def test_two_processes_do_not_add_at_a_time(ladder: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    code = f"import seedsweep; seedsweep.probe({str(ladder)!r}, {str(path)!r}, suite=['list'])"

    def meanwhile(_: ProbePlan) -> None:
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert ended.stderr.splitlines()[-1].endswith(f"{path}: another process is adding to it; wait for it, or "
                                                      "give another --out")  # fmt: skip

    assert seedsweep.probe(ladder, path, suite=["list"], on_plan=meanwhile).added == 24
    assert [file.name for file in tmp_path.iterdir()] == ["p.csv"]


def test_what_is_not_whole_is_left_out_and_told(some: Path, probed: Path, tmp_path: Path) -> None:
    """A checkpoint that is not had is no row."""
    (some / "small/seed0/step0/model.safetensors").unlink()
    (some / "small/seed1/step0/model.safetensors").write_bytes(b"cut")
    (some / "small/seed2/step0/config.json").unlink()
    shutil.copy(some / "small/tokenizer.json", some / f"small/seed1/step{STEPS[-1]}/tokenizer.json")
    other = some / f"small/seed0/step{STEPS[-1]}/tokenizer.json"
    other.write_text((some / "small/tokenizer.json").read_text().replace("aged", "adze"))
    path = tmp_path / "p.csv"
    made = seedsweep.probe(some, path, suite=["copy"], tokens_per_step=816)
    small = some / "small"
    reasons = {Path(place).relative_to(small).as_posix(): why for place, why in made.refused.items()}
    assert reasons.pop("seed1/step0").startswith(
        f"{small}/seed1/step0/model.safetensors: damaged or not safetensors"
    )
    assert reasons == {
        "seed0/step0": f"{small}/seed0/step0: not a whole checkpoint: it has no model.safetensors",
        "seed2/step0": f"{small}/seed2/step0: not a whole checkpoint: it has no config.json",
        f"seed0/step{STEPS[-1]}": f"{other}: is another tokenizer than {small}/tokenizer.json",
    }
    expected = [r for r in rows_of(probed) if (r["step"], r["probe"]) == (STEPS[-1], "copy") and r["seed"] > 0]
    assert rows_of(path) == expected


def test_a_listing_has_seeds_of_both_roles(some: Path, probed: Path, tmp_path: Path) -> None:
    lines = ["model,seed,step,path,init_seed,data_seed"]
    lines += [
        f"crossed,{10 + seed},{STEPS[-1]},some/small/seed{seed}/step{STEPS[-1]},{seed % 2},7" for seed in SEEDS
    ]
    listing = tmp_path / "listing.csv"
    listing.write_text("\n".join(lines) + "\n")
    path = tmp_path / "p.csv"
    assert seedsweep.probe(listing, path, suite=["copy"]).rows == 3
    rows = rows_of(path)
    assert [(r["model"], r["seed"], r["init_seed"], r["data_seed"]) for r in rows] == [
        ("crossed", 10 + seed, seed % 2, 7) for seed in SEEDS
    ]
    expected = [r for r in rows_of(probed) if (r["step"], r["probe"]) == (STEPS[-1], "copy")]
    assert [row["nll"] for row in rows] == [row["nll"] for row in expected]
    assert [row["tokens_seen"] for row in rows] == [None] * 3


LISTINGS = [
    ("model,seed,step\nm,1,0\n", "has no column path; a listing has model, seed, step, path"),
    ("model,sed,step,path\nm,1,0,x\n", "has no column seed (did you mean 'sed'?)"),
    ("model,seed,step,path\n", "lists no checkpoint"),
    ("model,seed,step,path\nm,1,0\n", "row 2 has 3 fields, the header 4"),
    ("model,seed,step,path\nm,1,0,nowhere\n", "row 2: nowhere: no such directory"),
    ("model,seed,step,path\nm,one,0,some\n", "row 2: seed: 'one' is not a whole number"),
    ("model,seed,step,path\nm,1,0,some\nm,1,0,some\n", "m, seed 1, step 0 is there twice"),
]


@pytest.mark.parametrize(("text", "message"), LISTINGS, ids=[message for _, message in LISTINGS])
def test_a_wrong_listing_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "some").mkdir()
    listing = tmp_path / "listing.csv"
    listing.write_text(text)
    with pytest.raises(InputError) as refused:
        seedsweep.probe(listing, tmp_path / "p.csv")
    assert str(refused.value).startswith(f"{listing}: ")
    assert message in str(refused.value)
    assert not (tmp_path / "p.csv").exists()


def rename_seed(some: Path) -> None:
    (some / "small/seed1").rename(some / "small/first")


def double_seed(some: Path) -> None:
    shutil.copytree(some / "small/seed1", some / "small/1")


def widen(some: Path) -> None:
    change_config(some / f"small/seed1/step{STEPS[-1]}", num_attention_heads=2)


def lose_tokenizer(some: Path) -> None:
    (some / "small/tokenizer.json").unlink()


def lose_bos(some: Path) -> None:
    for config in some.rglob("config.json"):
        change_config(config.parent, bos_token_id=None)


def shrink_vocabulary(some: Path) -> None:
    for config in some.rglob("config.json"):
        change_config(config.parent, vocab_size=16)


def lose_everything(some: Path) -> None:
    for file in some.rglob("*.safetensors"):
        file.unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (rename_seed, "first: is no seed; name the folder by a number"),
        (double_seed, "small, seed 1, step 0 is there twice"),
        (widen, "config.json: is of another model than "),
        (lose_tokenizer, "has no tokenizer.json, and none of the 3 folders above has one"),
        (lose_bos, "config.json: bos_token_id: None is no token; give --no-bos"),
        (shrink_vocabulary, f"tokenizer.json: has {len(WORDS)} tokens, and "),
        (lose_everything, "it has no model.safetensors; no checkpoint of "),
    ],
)
def test_what_cannot_be_probed_is_one_line(some: Path, tmp_path: Path, damage: Any, message: str) -> None:
    damage(some)
    with pytest.raises(InputError) as refused:
        seedsweep.probe(some, tmp_path / "p.csv")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert [file.name for file in tmp_path.iterdir()] == ["some"]


def test_a_table_of_other_settings_is_refused(some: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    seedsweep.probe(some, path, suite=["copy"])
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"p\.csv: was made with prompt_seed 0, not 1; give another --out"):
        seedsweep.probe(some, path, suite=["copy"], prompt_seed=1)
    with pytest.raises(InputError, match=r"p\.csv: was made with bos True, not False"):
        seedsweep.probe(some, path, suite=["list"], bos=False)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.txt", None, "the name must end in .csv or .parquet"),
        ("no/p.csv", None, "there is no directory "),
        ("p.csv", b"a,b\n1,2\n", "not a table of probes"),
        ("p.csv", b"", "not a table of probes"),
        ("p.parquet", b"PAR1", "not a table of probes"),
    ],
)
def test_a_file_of_somebody_elses_stays(
    some: Path, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        seedsweep.probe(some, tmp_path / name)
    assert content is None or (tmp_path / name).read_bytes() == content
    assert {file.name for file in tmp_path.iterdir()} <= {"some", name}
