"""What a seed costs: FLOP, bytes, and seconds measured by a short trial."""

from __future__ import annotations

import time

import torch

from seedsweep.spec import CellSettings
from seedsweep.workers.decoder import ROW_ALIGNMENT

TRIAL_FLOP = {"cpu": 2e10, "cuda": 1e14}
"""Arithmetic of a timed trial: about a second of one CPU core or of a GPU."""


def flop_per_token(settings: CellSettings) -> float:
    """Forward FLOP per token: 2 per weight of a matrix product, plus attention at the row's full length."""
    model, rows = settings.model, settings.task.tokens_per_row()
    weights = model.depth * model.block_weights() + settings.vocabulary_size * model.width
    return 2.0 * weights + model.depth * 4.0 * rows * model.width


def flop_per_seed_step(settings: CellSettings) -> float:
    """FLOP of one training step of one seed: forward once, backward twice as much."""
    tokens = settings.train.batch * settings.task.tokens_per_row()
    return 3.0 * flop_per_token(settings) * tokens


def flop_per_seed(settings: CellSettings) -> float:
    """FLOP of one seed's whole training, evaluations included."""
    training = flop_per_seed_step(settings) * settings.train.steps
    evaluations = len(settings.evaluation_steps) * settings.task.evaluation_tokens()
    return training + flop_per_token(settings) * evaluations


def memory_per_seed(settings: CellSettings) -> int:
    """Bytes one more seed in a pack takes, an upper estimate.

    Parameters, gradient (twice while its parts are put together) and the two moments of AdamW in float32;
    activations kept for the backward pass: those of every block, and the logits three times.
    """
    model, task = settings.model, settings.task
    vocabulary = settings.vocabulary_size
    state = 5 * 4 * model.parameters(vocabulary)
    length = -(-task.tokens_per_row() // ROW_ALIGNMENT) * ROW_ALIGNMENT
    tokens = settings.train.batch * length
    activations = 4 * tokens * (model.depth * model.block_activations(length) + 4 * model.width + 3 * vocabulary)
    return state + activations


def seconds_per_seed(settings: CellSettings, device: str, pack: int) -> float:
    """Seconds that one seed of a full pack takes, extrapolated from a trial of a few steps on this machine.

    The trial's pack and batch are reduced until a step costs at most `TRIAL_FLOP`, so that asking about a large
    model stays cheap; the estimate is then in proportion to FLOP.
    """
    from seedsweep.seeds import Seed
    from seedsweep.workers.device import reproducible
    from seedsweep.workers.train import PackTrainer

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
