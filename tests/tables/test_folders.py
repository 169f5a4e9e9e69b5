"""Folders of runs: what their names and the configs beside them say, and what is left out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedsweep import InputError, read_table
from seedsweep.population import Population
from seedsweep.tables import formats
from seedsweep.tables.formats.csv_table import CsvFile
from seedsweep.tables.formats.format import Format

ROWS = "step,train_loss,acc\n"
WIDTHS, SEEDS = (32, 64), (0, 1, 2)


def runs(folder: Path, name: str, **beside: Callable[[int, int], str]) -> Path:
    """Six runs as files of a name with `{w}` and `{s}`, their accuracy being s / w; other files beside them."""
    for width in WIDTHS:
        for seed in SEEDS:
            path = folder / "runs" / name.format(w=width, s=seed)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(ROWS + "".join(f"{t},0.5,\n{t},,{seed / width * t / 10}\n" for t in (5, 10)))
            for other, write in beside.items():
                place = path.parent / other.replace("__", "/").replace("_", ".")
                place.parent.mkdir(exist_ok=True)
                place.write_text(write(width, seed))
    return folder / "runs"


def read(place: Path, **named: Any) -> Population:
    return read_table(place, **({"scale": "width", "seed": "seed", "metric": "acc", "step": "step"} | named))


def check(population: Population) -> None:
    final = population.final("acc")
    assert final.scales == WIDTHS
    assert final.steps == (10.0, 10.0)
    np.testing.assert_allclose(final.values, [[seed / width for seed in SEEDS] for width in WIDTHS])


@pytest.mark.parametrize(
    "name",
    [
        "width={w}/seed={s}/metrics.csv",
        "width={w},seed={s}/log.csv",
        "width_{w}/seed_{s}/csv/version_0/metrics.csv",
        "seed-{s}_width-{w}.csv",
        "lr0.1_width{w}_seed{s}.csv",
        "{w}width-{s}seed.csv",
        "2024-01-02_width{w}/seed{s}/progress.csv",
        "ppo_width{w}_seed{s}/0.monitor.csv",
        "a width: {w}, seed: {s}.csv",
        "Width{w}/Seed.{s}.csv",
    ],
)
def test_names(name: str, tmp_path: Path) -> None:
    population = read(runs(tmp_path, name))
    check(population)
    assert population.origin.facts["read"] == (
        "6 runs read as 2 scales (width 32, 64) × 3 seeds, acc at step 5–10; "
        "width from its name, seed from its name"
    )


def yaml(width: int, seed: int) -> str:
    return f"model:\n  width: {width}\n  sizes: [1, 2]\nseed: {seed}\nlr: 1e-3\nnote: 'no'\n"


def as_wandb(width: int, seed: int) -> str:
    return f"_wandb: {{}}\nmodel:\n  desc: null\n  value:\n    width: {width}\nseed:\n  value: {seed}\n"


def plain_json(width: int, seed: int) -> str:
    return json.dumps({"model": {"width": width}, "seed": seed})


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("config_yaml", yaml),
        ("hparams_yaml", yaml),
        ("config_yaml", lambda width, seed: f"!!python/object:a.B\nmodel: !Net\n  width: {width}\nseed: {seed}\n"),
        ("config_yaml", as_wandb),
        ("config_json", plain_json),
        ("args_json", plain_json),
        ("params_json", plain_json),
    ],
)  # fmt: skip
def test_configs(name: str, write: Callable[[int, int], str], tmp_path: Path) -> None:
    """The folders' names say something else."""
    population = read(runs(tmp_path, "{w}-{s}-x/log.csv", **{name: write}), scale="model.width")
    check(population)
    config = name.replace("_", ".")
    assert population.origin.facts["read"].endswith(f"model.width from {config}, seed from {config}")


def test_a_config_is_no_table_and_its_seed_may_be_long(tmp_path: Path) -> None:
    (tmp_path / "args.json").write_text('{"width": 32, "seed": 123456789012345678901234567890, "acc": 1}')
    (tmp_path / "log.csv").write_text("acc\n0.5\n")
    population = read(tmp_path, step=None)
    assert population.seeds == ("123456789012345678901234567890",)
    assert population.final("acc").at(32).tolist() == [0.5]
    assert "left out" not in population.origin.facts
    assert read(tmp_path / "args.json", step=None).final("acc").at(32).tolist() == [1]


def test_hydras_config_is_hidden_and_lies_above_the_logs(tmp_path: Path) -> None:
    place = runs(tmp_path, "multirun/{w}/{s}/log.csv")
    for width in WIDTHS:
        for seed in SEEDS:
            folder = place / "multirun" / f"{width}" / f"{seed}"
            (folder / ".hydra").mkdir()
            (folder / ".hydra" / "config.yaml").write_text(yaml(width, seed))
            (folder / "logs").mkdir()
            (folder / "log.csv").rename(folder / "logs" / "log.csv")
    check(read(place, scale="model.width"))
    check(read(place, scale="model.width", where={"lr": 0.001}))
    with pytest.raises(
        InputError, match=r"no column 'width' \(did you mean 'model\.width'\?\); it has .*runs differ"
    ):
        read(place)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("w{w}_s{s}/log.csv", "w{width}_s{seed}/log.csv"),
        ("{w}/{s}.csv", "{width}/{seed}.csv"),
        ("exp7/{w}-{s}/out/log.txt", "exp*/{width}-{seed}/**/log.txt"),
        ("seed{w}_width{s}/log.csv", "seed{width}_width{seed}/*.csv"),  # against what the names seem to say
        ("w{w}_s{s}/log.out", "w{width}_s{seed}/log.out"),
    ],
)
def test_patterns(name: str, pattern: str, tmp_path: Path) -> None:
    place = runs(tmp_path, name)
    (place / "notes.csv").write_text("a,b\n1,2\n")
    population = read(place, pattern=pattern)
    check(population)
    assert population.origin.facts["left out"] == f"{place / 'notes.csv'} not as --from says"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("w/log.csv", "--from w/log.csv: has no field; write e.g. 'width{width}_seed{seed}/log.csv'"),
        ("{a}{a}/log.csv", "--from {a}{a}/log.csv: names a field twice; use * for the second"),
        ("x{width}/{seed}.csv", "no file's path ends like --from x{width}/{seed}.csv; there is "),
    ],
)
def test_patterns_that_cannot_be_used(pattern: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read(runs(tmp_path, "w{w}_s{s}/log.csv"), pattern=pattern)
    assert message in str(error.value)


def test_a_name_and_a_config_that_disagree(tmp_path: Path) -> None:
    """A config beside the rows is what the run was started with; one above may be a default."""
    beside = {"config_json": lambda w, s: json.dumps({"width": w, "seed": s + 7})}
    place = runs(tmp_path, "width{w}_seed{s}/log.csv", **beside)
    population = read(place)
    assert population.seeds == (7, 8, 9)
    told = "6 runs: seed is 7 by config.json and 0 by its name; the former counts"
    assert population.origin.facts["contradicted"] == told
    population = read(place, pattern="width{width}_seed{seed}/log.csv")
    check(population)
    assert "contradicted" not in population.origin.facts
    for config in place.rglob("config.json"):
        config.unlink()
    (place / "config.json").write_text('{"seed": 0, "width": 32, "lr": 0.1}')
    population = read(place, where={"lr": 0.1})
    check(population)
    told = "5 runs: seed is 1 by its name and 0 by config.json; the former counts"
    assert population.origin.facts["contradicted"] == told


def test_what_several_configs_say_is_taken_together(tmp_path: Path) -> None:
    """A model's own `config.json` beside the arguments of the script, and what all runs have in common above."""
    model: Callable[[int, int], str] = lambda w, s: json.dumps({"width": w, "seed": 0})  # noqa: E731
    place = runs(tmp_path, "{w}-{s}-x/log.csv", config_json=model, args_json=lambda w, s: f'{{"seed": {s}}}')
    (place / "params.yaml").write_text("optimiser: {name: adam}\n")
    check(read(place, where={"optimiser.name": "adam"}))


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    place = runs(
        tmp_path,
        "width{w}_seed{s}/log.csv",
        notes_txt=lambda w, s: "it went well\n",
        eval_csv=lambda w, s: "k\n1\n",
    )
    (place / "width64_seed3").mkdir()
    (place / "width64_seed3" / "log.csv").write_text(ROWS)
    (place / "width64_seed4").mkdir()
    (place / "width64_seed4" / "log.csv").write_text("")
    (place / "width64_seed5").mkdir()
    (place / "width64_seed5" / "log.csv").write_text("step,train_loss\n5,0.5\n")  # died before it was measured
    (place / "summary.json").write_text('{"best": 1}')
    (place / "stdout.log").write_text('loading "data\nepoch 1, loss 2.0\n')
    (place / "broken.json").write_text('{"best": ')
    population = read(place)
    told = population.origin.facts["left out"]
    assert f", 2 files ({place / 'width64_seed4' / 'log.csv'}, …) without rows" in told
    assert f"12 files ({place / 'width32_seed0' / 'eval.csv'}, …) without step" in told
    assert f"{place / 'broken.json'} that cannot be read" in told
    assert f"2 files ({place / 'stdout.log'}, …) without width" in told  # and the summary
    assert population.final("acc").seeds_at(64).tolist() == [0, 1, 2, 5]
    assert np.isnan(population.final("acc").at(64)[3])


def test_nothing_to_read(tmp_path: Path) -> None:
    for seed in SEEDS:
        (tmp_path / f"width1_seed{seed}.csv").write_text(ROWS if seed else "")
    with pytest.raises(InputError, match="1 more file: it has no rows"):
        read(tmp_path)


def test_a_damaged_config_is_one_line(tmp_path: Path) -> None:
    place = runs(tmp_path, "{w}-{s}-x/log.csv", config_yaml=lambda w, s: "a: [1\nb: 2\n")
    with pytest.raises(InputError, match=r"config\.yaml: cannot be read as a config: ") as error:
        read(place)
    assert "\n" not in str(error.value)


def test_runs_of_training_and_validation_are_told_apart_by_a_pattern(tmp_path: Path) -> None:
    """As Keras writes them: two folders of events a run, with the same tags."""
    from torch.utils.tensorboard import SummaryWriter

    for width in WIDTHS:
        for seed in SEEDS:
            for split in ("train", "validation"):
                writer = SummaryWriter(str(tmp_path / "logs" / f"width{width}_seed{seed}" / split))
                for step in (5, 10):
                    writer.add_scalar("acc", seed / width * step / 10 if split == "validation" else 1, step)
                writer.close()
    with pytest.raises(InputError, match=r"tell them apart by a field of --from and choose with --where"):
        read(tmp_path / "logs")
    pattern = "width{width}_seed{seed}/{split}/*tfevents*"
    population = read(tmp_path / "logs", pattern=pattern, where={"split": "validation"})
    np.testing.assert_allclose(population.final("acc").values, [[s / w for s in SEEDS] for w in WIDTHS], rtol=1e-6)


def test_without_a_step_it_is_named_before_the_epoch(tmp_path: Path) -> None:
    (tmp_path / "width1_seed0.csv").write_text("epoch,step,acc\n0,10,0.5\n1,20,0.75\n")
    with pytest.raises(InputError, match="they differ in 'step': add --step step"):
        read(tmp_path, step=None)


def test_a_runs_own_name_may_be_its_seed(tmp_path: Path) -> None:
    population = read(runs(tmp_path, "width{w}/x{s}/log.csv"), seed="run")
    assert population.seeds[0] == "width32/x0/log"
    assert population.cells == 6


def test_two_metrics_in_rows_of_their_own_are_one_row(tmp_path: Path) -> None:
    """Training and validation rows at the same steps, with blanks for the other."""
    population = read(runs(tmp_path, "width{w}_seed{s}.csv"), metric=["acc", "train_loss"])
    check(population)
    assert (population.final("train_loss").values == 0.5).all()
    curves = population.curves("train_loss")[32]
    assert curves.steps.tolist() == [5, 10]


def test_tags_of_tensorboards_page_are_told_apart(tmp_path: Path) -> None:
    for seed in SEEDS:
        for tag in ("acc", "loss"):
            path = tmp_path / f"run-width1_seed{seed}-tag-{tag}.csv"
            path.write_text(f"Wall time,Step,Value\n1600000001.0,100,{seed / 4}\n")
    with pytest.raises(InputError, match="they differ in 'tag' \\('acc' and 'loss'\\): add --where tag=acc"):
        read(tmp_path, metric="Value", step="Step")
    for named in ({"metric": "acc"}, {"metric": "Value", "where": {"tag": "acc"}}):
        population = read(tmp_path, step="Step", **named)
        assert population.final(str(named["metric"])).at(1).tolist() == [0, 0.25, 0.5]


class Mine(Format):
    """Somebody's: `key=value` on the first line, then numbers."""

    title = "Mine"

    def find(self, files: Any) -> Any:
        return [MineFile(path) for path in files if path.suffix == ".mine"]


class MineFile(CsvFile):
    def own_parameters(self) -> dict[str, Any]:
        pairs = (word.split("=") for word in self.path.read_text().splitlines()[0].lstrip("# ").split())
        return {name: float(value) for name, value in pairs}


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that names a format under the group."""
    info = tmp_path / "site" / "mine-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        f"[seedsweep.formats]\nmine = {__name__}:Mine\nbad = {__name__}:WIDTHS\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    return info


def test_a_format_of_somebodys_own(plugin: Path, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    for width in WIDTHS:
        for seed in SEEDS:
            text = f"# width={width} seed={seed}\nstep,acc\n5,0\n10,{seed / width}\n"
            (tmp_path / "runs" / f"{width}{seed}.mine").write_text(text)
    with pytest.raises(
        InputError, match=r"format 'bad': \(32, 64\) is not a subclass of seedsweep\.tables\.formats"
    ):
        read(tmp_path / "runs")
    points = plugin / "entry_points.txt"
    points.write_text(points.read_text().partition("bad")[0])
    population = read(tmp_path / "runs")
    check(population)
    assert "width from its record" in population.origin.facts["read"]
    check(read(tmp_path / "runs", format="mine"))
    with pytest.raises(
        InputError, match=r"--format mlfow: unknown \(did you mean 'mlflow'\?\); there are mine, ray"
    ):
        read(tmp_path / "runs", format="mlfow")
    assert list(formats.formats("csv")) == ["csv"]
