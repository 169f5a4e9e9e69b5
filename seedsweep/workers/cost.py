"""What a seed costs: parameters, FLOP and bytes, by arithmetic alone."""

from __future__ import annotations

from seedsweep.workers.alignment import ROW_ALIGNMENT, padding
from seedsweep.workers.settings import CellSettings


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
    row = task.tokens_per_row()
    length = row + padding(row, ROW_ALIGNMENT)
    tokens = settings.train.batch * length
    activations = 4 * tokens * (model.depth * model.block_activations(length) + 4 * model.width + 3 * vocabulary)
    return state + activations
