"""Writes what is in this folder, each by the tool that writes it for its users.

    pip install mlflow-skinny sqlalchemy alembic pytorch-lightning stable-baselines3 'ray[tune]' accelerate
    pip install transformers lm_eval
    python make.py

Versions that wrote what is here: mlflow 3.17.2, pytorch-lightning 2.6.6, stable-baselines3 2.9.2, ray 2.60.0,
transformers 5.23.0, lm_eval 0.4.13. Six runs each: widths 8 and 16, seeds 0, 1 and 2, measured at steps 10, 20
and 30.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[3]))
from tests.tables.truth import STEPS, accuracy, runs  # noqa: E402

MACHINE = ("hostname", "node_ip", "pid")


def by_mlflow(uri: str, place: Path) -> None:
    import mlflow

    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"  # which it does not write any more unless told to
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("widths")
    for width, seed in runs():
        with mlflow.start_run(run_name=f"w{width}-s{seed}"):
            mlflow.log_params({"width": width, "seed": seed, "optimiser": "adam"})
            for step in STEPS:
                mlflow.log_metric("val/acc", accuracy(width, seed, step), step=step)
                mlflow.log_metric("loss", float("inf") if (width, seed) == (16, 2) else 1 / step, step=step - 1)


def mlflow_files(place: Path) -> None:
    by_mlflow(place.as_uri(), place)
    shutil.rmtree(place / ".trash", ignore_errors=True)
    for meta in place.rglob("meta.yaml"):  # no paths of the machine that wrote it
        text = meta.read_text().replace(place.as_uri(), "file:///mlruns")
        meta.write_text(re.sub("user_id: .*", "user_id: someone", text))
    for tag in place.glob("*/*/tags/mlflow.*"):
        if tag.name != "mlflow.runName":
            tag.unlink()


def mlflow_sqlite(place: Path) -> None:
    """As a dump, since an empty database takes half a megabyte."""
    import sqlite3

    place.mkdir()
    by_mlflow(f"sqlite:///{place}/mlflow.db", place)
    needed = ("runs", "metrics", "params", "experiments")
    with sqlite3.connect(place / "mlflow.db") as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        database.execute("PRAGMA foreign_keys = OFF")
        for name in tables - {*needed}:
            database.execute(f"DROP TABLE {name}")
        database.execute("UPDATE experiments SET artifact_location = ''")
        database.execute("UPDATE runs SET artifact_uri = '', user_id = '', source_name = ''")
    with sqlite3.connect(place / "mlflow.db") as database:
        dump = list(database.iterdump())
    (place / "mlflow.db").unlink()
    (place / "mlflow.sql").write_text("\n".join(dump) + "\n")


def lightning(place: Path) -> None:
    from pytorch_lightning.loggers import CSVLogger

    for width, seed in runs():
        logger = CSVLogger(place)
        logger.log_hyperparams({"model": {"width": width}, "seed": seed})
        for step in STEPS:
            logger.log_metrics({"train_loss": 1 / step, "epoch": 0}, step=step)
            logger.log_metrics({"val_acc": accuracy(width, seed, step), "epoch": 0}, step=step)
        logger.save()
    died = CSVLogger(place)
    died.log_hyperparams({"model": {"width": 16}, "seed": 3})
    died.log_metrics({"train_loss": 9.0, "epoch": 0}, step=10)
    died.save()


def stable_baselines(place: Path) -> None:
    from stable_baselines3.common.logger import configure

    for width, seed in runs():
        logger = configure(str(place / f"ppo_width{width}_seed{seed}"), ["csv"])
        for step in STEPS:
            logger.record("time/total_timesteps", step)
            logger.record("rollout/ep_rew_mean", accuracy(width, seed, step))
            logger.dump(step)
        logger.close()


def ray_tune(place: Path) -> None:
    from ray import tune

    def train(config: dict[str, Any]) -> None:
        for step in STEPS:
            tune.report({"acc": accuracy(config["model"]["width"], config["seed"], step), "steps": step})

    space = {"model": {"width": tune.grid_search([8, 16])}, "seed": tune.grid_search([0, 1, 2])}
    made = tune.RunConfig(name=place.name, storage_path=str(place.parent))
    tune.Tuner(train, param_space=space, run_config=made).fit()
    for path in place.rglob("*"):
        if path.is_file() and path.name not in ("result.json", "params.json", "progress.csv"):
            path.unlink()
        elif path.name == "result.json":  # nothing of the machine that wrote it
            reports = [json.loads(line) for line in path.read_text().splitlines()]
            kept = [{name: value for name, value in report.items() if name not in MACHINE} for report in reports]
            path.write_text("".join(json.dumps(report) + "\n" for report in kept))
        elif path.name == "progress.csv":
            rows = list(csv.DictReader(path.open()))
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(
                    file, [name for name in rows[0] if name not in MACHINE], extrasaction="ignore"
                )
                writer.writeheader()
                writer.writerows(rows)


def trainer(place: Path) -> None:
    """A model of no account is trained; what it logs is the width's and the seed's accuracy."""
    import torch
    from transformers import Trainer, TrainingArguments

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"loss": self.layer(x).square().mean(), "logits": labels}

    data = [{"x": torch.ones(1), "labels": torch.zeros(1)}] * 60
    for width, seed in runs():
        measured: list[float] = []  # one more at every evaluation

        def measure(_: Any, width: int = width, seed: int = seed, of: list[float] = measured) -> dict[str, float]:
            of.append(accuracy(width, seed, STEPS[len(of)]))
            return {"acc": of[-1]}

        folder = place / f"width-{width}" / f"seed-{seed}"
        arguments = TrainingArguments(
            str(folder), seed=seed, per_device_train_batch_size=2, num_train_epochs=1, eval_strategy="steps",
            eval_steps=10, logging_steps=10, save_steps=10, report_to=[], disable_tqdm=True, use_cpu=True,
        )  # fmt: skip
        made = Trainer(Model(), arguments, train_dataset=data, eval_dataset=data[:2], compute_metrics=measure)
        made.train()
        for path in folder.rglob("*"):
            if path.is_file() and path.name != "trainer_state.json":
                path.unlink()


def lm_eval(place: Path) -> None:
    """A model whose name is its width and seed answers so many of 50 questions as its accuracy says."""
    from lm_eval import simple_evaluate
    from lm_eval.api.model import LM
    from lm_eval.api.registry import register_model
    from lm_eval.loggers import EvaluationTracker

    @register_model("known")
    class Known(LM):
        def __init__(self, pretrained: str, revision: str) -> None:
            super().__init__()
            _, width, seed = pretrained.rsplit("-", 2)
            self.right = round(50 * accuracy(int(width[1:]), int(seed[4:]), int(revision[4:])))

        @classmethod
        def create_from_arg_string(cls, given: str, additional_config: Any = None) -> Known:
            return cls(**dict(pair.split("=") for pair in given.split(",")))

        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            answers = [request.args for request in requests]
            numbers = [int(question.strip("?").split()[-1]) for question, _ in answers]
            said = [answer.strip() == "yes" for _, answer in answers]
            fits = [(number < self.right) == yes for number, yes in zip(numbers, said, strict=True)]
            return [(0.0 if fit else -1.0, True) for fit in fits]

        def loglikelihood_rolling(self, requests: list[Any]) -> Any:
            raise AssertionError("a task of multiple choice asks for likelihoods only")

        def generate_until(self, requests: list[Any]) -> Any:
            raise AssertionError("a task of multiple choice asks for likelihoods only")

    questions = place.parent / "questions.jsonl"
    questions.write_text(
        "".join(json.dumps({"question": str(number), "answer": 0}) + "\n" for number in range(50))
    )
    task = {
        "task": "known", "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(questions)}},
        "test_split": "test", "output_type": "multiple_choice", "doc_to_text": "Is it {{question}}?",
        "doc_to_target": "answer", "doc_to_choice": ["yes", "no"], "metric_list": [{"metric": "acc"}],
    }  # fmt: skip
    for width, seed in runs():
        for step in STEPS:
            name = f"pretrained=lab/tiny-w{width}-seed{seed},revision=step{step}"
            results = simple_evaluate(
                model="known", model_args=name, tasks=[dict(task)], bootstrap_iters=0, log_samples=True
            )
            tracker = EvaluationTracker(output_path=str(place / f"step{step}"))
            samples = results.pop("samples")
            tracker.save_results_aggregated(results=results, samples=samples)
    questions.unlink()
    kept = ("results", "versions", "n-shot", "higher_is_better", "config", "model_name", "model_source")
    for path in place.rglob("*.json"):  # without what is of the machine that wrote it
        content = json.loads(path.read_text())
        path.write_text(json.dumps({key: value for key, value in content.items() if key in kept}, indent=2))


WRITERS: list[Callable[[Path], None]] = [
    mlflow_files, mlflow_sqlite, lightning, stable_baselines, ray_tune, trainer, lm_eval,
]  # fmt: skip

if __name__ == "__main__":
    for write in WRITERS:
        if not sys.argv[1:] or write.__name__ in sys.argv[1:]:
            shutil.rmtree(HERE / write.__name__, ignore_errors=True)
            write(HERE / write.__name__)
    print(json.dumps({write.__name__: len(list((HERE / write.__name__).rglob("*"))) for write in WRITERS}))
