"""What the tools of others wrote (`data/trackers/make.py`) is read as they wrote it, in one way for all."""

from __future__ import annotations

import json
import shutil
import sqlite3
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedsweep import InputError, read_table
from seedsweep.population import Population
from tests.tables.truth import STEPS, accuracy

TRACKERS = Path(__file__).parent / "data" / "trackers"


def database(folder: Path) -> Path:
    """MLflow's, of which a dump is kept."""
    path = folder / "mlflow.db"
    with sqlite3.connect(path) as made:
        made.executescript((TRACKERS / "mlflow_sqlite" / "mlflow.sql").read_text())
    made.close()
    return path


def event_files(folder: Path) -> Path:
    """As torch's SummaryWriter writes them, two files for a run that was resumed; the last run was killed."""
    from torch.utils.tensorboard import SummaryWriter

    for width in (8, 16):
        for seed in (0, 1, 2):
            place = folder / "logs" / f"w{width}" / f"seed_{seed}"
            for number, steps in enumerate((STEPS[:2], STEPS[1:])):
                writer = SummaryWriter(str(place), filename_suffix=f".{number}")
                for step in steps:
                    writer.add_scalar("train/loss", 1 / step, step - 1)
                    writer.add_scalar("val/acc", accuracy(width, seed, step) - (number == 0 and step == 20), step)
                    writer.add_histogram("weights", np.arange(5.0), step)
                writer.add_hparams({"width": width, "opt": "adam"}, {}, run_name=".")
                writer.close()
    last = sorted(place.glob("*.1"))[0]
    last.write_bytes(last.read_bytes() + struct.pack("<QIB", 100, 0, 1))
    return folder / "logs"


READ: list[tuple[str, dict[str, Any]]] = [
    ("mlflow_files", {"metric": "val/acc"}),
    ("mlflow.db", {"metric": "val/acc"}),
    ("lightning", {"metric": "val_acc", "scale": "model.width"}),
    ("stable_baselines", {"metric": "rollout/ep_rew_mean", "step": "time/total_timesteps"}),
    ("ray_tune", {"metric": "acc", "scale": "model.width", "step": "steps"}),
    ("ray_tune", {"metric": "acc", "scale": "config.model.width", "seed": "config.seed", "step": "steps"}),
    ("trainer", {"metric": "eval_acc"}),
    ("events", {"metric": "val/acc"}),
]


@pytest.mark.parametrize(
    ("place", "named"), READ, ids=[f"{place}-{number}" for number, (place, _) in enumerate(READ)]
)
def test_every_tool_is_read_alike(place: str, named: dict[str, Any], tmp_path: Path) -> None:
    made = {"mlflow.db": database, "events": event_files}
    at = made[place](tmp_path) if place in made else TRACKERS / place
    population = read(at, **named)
    metric = named["metric"]
    final = population.final(metric)
    assert (final.scales, final.steps) == ((8.0, 16.0), (30.0, 30.0))
    for width in (8, 16):
        truth = [[accuracy(width, seed, step) for step in STEPS] for seed in (0, 1, 2)]
        curves = population.curves(metric)[width]
        kept = slice(0, 3)  # Lightning's fourth died at width 16
        np.testing.assert_allclose(curves.values[kept], truth, rtol=1e-6)
        assert curves.steps.tolist() == list(STEPS)
        assert curves.seeds[kept].tolist() == [0, 1, 2]


def read(place: Path, **named: Any) -> Population:
    roles: dict[str, Any] = {"scale": "width", "seed": "seed", "step": "step"}
    return read_table(place, **(roles | named))


def test_a_run_that_died_before_it_was_measured_is_a_seed_without_a_value() -> None:
    population = read(TRACKERS / "lightning", metric="val_acc", scale="model.width")
    assert population.origin.facts["read"] == (
        "7 runs read as 2 scales (model.width 8, 16) × 3 to 4 seeds, val_acc at step 10–30; "
        "model.width from hparams.yaml, seed from hparams.yaml"
    )
    final = population.final("val_acc")
    assert final.seeds_at(16).tolist() == [0, 1, 2, 3]
    assert np.isnan(final.at(16)[3])


def test_mlflows_infinite_values_are_told(tmp_path: Path) -> None:
    for place in (TRACKERS / "mlflow_files", database(tmp_path)):
        population = read(place, metric="loss", higher_is_better=False)
        assert np.isnan(population.final("loss").at(16)[2])
        assert "infinite values of 1 run are taken for diverged" in population.origin.facts["diverged"]


def test_runs_that_were_deleted_in_mlflow_are_not_read(tmp_path: Path) -> None:
    path = database(tmp_path)
    with sqlite3.connect(path) as made:
        made.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE name = 'w8-s1'")
    made.close()
    shutil.copytree(TRACKERS / "mlflow_files", tmp_path / "runs")
    (run,) = (name.parents[1] for name in tmp_path.rglob("mlflow.runName") if name.read_text() == "w8-s1")
    meta = (run / "meta.yaml").read_text()
    (run / "meta.yaml").write_text(meta.replace("lifecycle_stage: active", "lifecycle_stage: deleted"))
    for place in (path, tmp_path / "runs"):
        assert read(place, metric="val/acc").final("val/acc").seeds_at(8).tolist() == [0, 2]


def test_mlflows_runs_are_chosen_by_their_parameters_and_called_by_their_names(tmp_path: Path) -> None:
    for place in (database(tmp_path), TRACKERS / "mlflow_files"):
        population = read(place, metric="val/acc", seed="run", where={"optimiser": "adam"})
        assert population.seeds == ("w16-s0", "w16-s1", "w16-s2", "w8-s0", "w8-s1", "w8-s2")
        with pytest.raises(InputError, match="no row has optimiser=sgd; there are adam"):
            read(place, metric="val/acc", where={"optimiser": "sgd"})


def test_a_metric_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    for place in (database(tmp_path), TRACKERS / "mlflow_files"):
        with pytest.raises(InputError, match=r"no column 'val/ac' \(did you mean 'val/acc'\?\); it has .*loss"):
            read(place, metric="val/ac")
        with pytest.raises(InputError, match="no column 'sed'"):
            read(place, metric="val/acc", seed="sed")


def test_the_latest_checkpoint_of_a_trainer_counts_and_its_own_state_most(tmp_path: Path) -> None:
    shutil.copytree(TRACKERS / "trainer", tmp_path / "runs")
    run = tmp_path / "runs" / "width-8" / "seed-0"
    state = json.loads((run / "checkpoint-30" / "trainer_state.json").read_text())
    for entry in state["log_history"]:
        if "eval_acc" in entry:
            entry["eval_acc"] = 0.125
    (run / "trainer_state.json").write_text(json.dumps(state))
    assert read(tmp_path / "runs", metric="eval_acc").final("eval_acc").at(8)[0] == 0.125


def test_what_only_has_the_name_of_a_trackers_file_is_no_such_file(tmp_path: Path) -> None:
    cells = {"width": 8, "seed": 0, "acc": 0.5}
    for name in ("trainer_state.json", "result.json", "results_1.json"):
        (tmp_path / name).write_text(json.dumps(cells))
        assert read(tmp_path / name, metric="acc", step=None).final("acc").at(8).tolist() == [0.5]
    (tmp_path / "events.out.tfevents.1").write_bytes(b"")
    with pytest.raises(InputError, match="no scalar was logged"):
        read(tmp_path / "events.out.tfevents.1", metric="acc")
    (tmp_path / "mlflow.db").write_bytes(b"SQLite format 3\0" + bytes(1000))
    with pytest.raises(InputError, match="not a kind of table known here by its name"):
        read(tmp_path / "mlflow.db", metric="acc")


def test_the_harness() -> None:
    """Fifty questions each: the accuracy in steps of 1/50."""
    population = read(TRACKERS / "lm_eval", scale="w", metric="known.acc", step="revision")
    assert population.origin.facts["read"].startswith("6 runs read as 2 scales (w 8, 16) × 3 seeds, known.acc at")
    for width in (8, 16):
        curve = population.curves("known.acc")[width]
        truth = [[round(50 * accuracy(width, seed, step)) / 50 for step in STEPS] for seed in (0, 1, 2)]
        np.testing.assert_allclose(curve.values, truth)
        assert curve.steps.tolist() == list(STEPS)


def test_the_harness_in_its_several_forms(tmp_path: Path) -> None:
    """The arguments of the model as text and as an object, in a folder by its name, samples beside it."""
    for size in ("14m", "70m"):
        for seed in (1, 2):
            for step in (1000, 2000):
                name = f"EleutherAI/pythia-{size}-seed{seed}"
                arguments: Any = f"pretrained={name},revision=step{step},dtype=float32"
                if seed == 2:
                    arguments = {"pretrained": name, "revision": f"step{step}", "dtype": "float32"}
                folder = tmp_path / name.replace("/", "__") / f"step{step}"
                folder.mkdir(parents=True)
                score = {"alias": "arc_easy", "acc,none": 0.1 * seed + step / 1e4, "acc_stderr,none": 0.01}
                content = {
                    "results": {"arc_easy": score},
                    "configs": {"arc_easy": {"metadata": {"version": 1}}},
                    "config": {"model": "hf", "model_args": arguments, "random_seed": 0},
                    "model_name": name,
                }
                (folder / "results_2024-05-01T10-00-00.000000.json").write_text(json.dumps(content, indent=2))
                (folder / "samples_arc_easy_2024.jsonl").write_text('{"doc_id": 0, "acc": 1.0}\n')
    population = read(tmp_path, scale="pythia", metric="arc_easy.acc", step="revision")
    assert population.scales == (14e6, 70e6)
    assert population.seeds == (1, 2)
    np.testing.assert_allclose(population.curves("arc_easy.acc")[14e6].values, [[0.2, 0.3], [0.3, 0.4]])
    assert "left out" not in population.origin.facts


def test_events_say_what_they_need_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from seedsweep.errors import MissingPackageError

    (tmp_path / "events.out.tfevents.1").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'seedsweep\[trackers\]'"):
        read(tmp_path, metric="acc")
