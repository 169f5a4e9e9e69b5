"""How long the parts of a pack take on this machine, by a trial of a few steps and an evaluation."""

from __future__ import annotations

import time

import torch

from seedsweep.cell import Pace
from seedsweep.seeds import Seed
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.cost import flop_per_evaluation, flop_per_seed_step
from seedsweep.workers.device import reproducible
from seedsweep.workers.trainer import PackTrainer

TRIAL_FLOP = {"cpu": 2e10, "cuda": 1e14}
"""Arithmetic of the steps of a trial: about a second of one CPU core or of a GPU. And of its evaluation."""
STEPS = 9


def pace(settings: CellSettings, device: str, pack: int) -> Pace:
    """Of a full pack on this machine.

    The trial's pack and batch are reduced until a step costs at most `TRIAL_FLOP`, so that asking about a large
    model stays cheap; seconds are then in proportion to FLOP, and so are those of an evaluation that costs more.
    """
    budget = TRIAL_FLOP[device]
    seeds = max(1, min(pack, int(budget / flop_per_seed_step(settings))))
    batch = settings.batch
    if seeds * flop_per_seed_step(settings) > budget:
        batch = max(1, int(batch * budget / flop_per_seed_step(settings)))
    train = settings.train.model_copy(
        update={"batch": batch, "batch_tokens": None, "steps": 3 * STEPS}
    )  # some warm up
    trial = settings.from_scratch().model_copy(update={"train": train})
    flop = seeds * flop_per_seed_step(trial)
    timed = max(1, min(STEPS - 1, int(budget / flop)))
    with reproducible(device, settings.train.precision):
        began = _now(device)
        trainer = PackTrainer(trial, [Seed(s, s) for s in range(seeds)], device)
        trainer.train_to(trainer.warm_up)  # the first steps also pay for setting up
        set_up = _now(device)
        trainer.train_to(trainer.warm_up + timed)
        trained = _now(device)
        per_flop = (trained - set_up) / timed / flop
        evaluation = per_flop * flop_per_evaluation(settings)
        if seeds * flop_per_evaluation(settings) <= budget:
            trainer.evaluate()
            evaluation = (_now(device) - trained) / seeds
    setup = max(0.0, set_up - began - trainer.warm_up * (trained - set_up) / timed)
    return Pace(setup, per_flop * flop_per_seed_step(settings), evaluation)


def _now(device: str) -> float:
    """When all that was asked of the device is done."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()
