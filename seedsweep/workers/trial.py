"""Seconds that a seed takes on this machine, by a trial of a few steps."""

from __future__ import annotations

import time

import torch

from seedsweep.seeds import Seed
from seedsweep.workers.cost import flop_per_seed, flop_per_seed_step
from seedsweep.workers.device import reproducible
from seedsweep.workers.settings import CellSettings
from seedsweep.workers.trainer import PackTrainer

TRIAL_FLOP = {"cpu": 2e10, "cuda": 1e14}
"""Arithmetic of a timed trial: about a second of one CPU core or of a GPU."""


def seconds_per_seed(settings: CellSettings, device: str, pack: int) -> float:
    """Seconds that one seed of a full pack takes, extrapolated from a trial of a few steps on this machine.

    The trial's pack and batch are reduced until a step costs at most `TRIAL_FLOP`, so that asking about a large
    model stays cheap; the estimate is then in proportion to FLOP.
    """
    budget, trial_steps = TRIAL_FLOP[device], 9
    trial_pack = max(1, min(pack, int(budget / flop_per_seed_step(settings))))
    batch = settings.train.batch
    if trial_pack * flop_per_seed_step(settings) > budget:
        batch = max(1, int(batch * budget / flop_per_seed_step(settings)))
    train = settings.train.model_copy(update={"batch": batch, "steps": trial_steps})
    trial = settings.from_scratch().model_copy(update={"train": train})
    flop_per_step = trial_pack * flop_per_seed_step(trial)
    timed = max(1, min(trial_steps - 1, int(budget / flop_per_step)))
    with reproducible(device, settings.train.precision):
        trainer = PackTrainer(trial, [Seed(s, s) for s in range(trial_pack)], device)
        trainer.train_to(1)  # the first step also pays for setting up
        if device == "cuda":
            torch.cuda.synchronize()
        started = time.perf_counter()
        trainer.train_to(1 + timed)
        if device == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - started
    return seconds / timed / flop_per_step * flop_per_seed(settings)
