"""What a seed costs: parameters, FLOP and bytes, by arithmetic alone."""

from __future__ import annotations

from seedsweep.workers.alignment import padding
from seedsweep.workers.cellsettings import CellSettings

FLOAT = 4
"""Bytes. Weights, moments and gradients are float32 whatever the precision, activations no wider."""
IMPORT_BYTES = 405 * 2**20
"""Of a process when interpreter, torch and the other packages are loaded: its peak if packs are small."""
PROCESS_BYTES = 255 * 2**20
"""What of that is left when packs train. Like the three numbers below it was fitted, by least squares, to what
`benchmarks/memory.py` measured."""
COMPILER_BYTES = 142 * 2**20
"""What torch's compiler adds."""
OF_TRAINING, OF_EVALUATION = 1.86, 1.07
"""What the process has for a byte of a step or checkpoint, whose freed memory is kept and seldom fits, and for a
byte of an evaluation, whose memory is given back (`workers.heap`)."""


def flop_per_token(settings: CellSettings) -> float:
    """Forward FLOP per token: 2 per weight of a matrix product, plus attention at the row's full length."""
    model, rows = settings.model, settings.task.tokens_per_row()
    weights = model.depth * model.block_weights() + settings.scored_share * settings.predicted * model.width
    if settings.task.features is not None:
        weights += settings.task.features.padded * model.width
    return 2.0 * weights + model.depth * 4.0 * rows * model.width


def flop_per_seed_step(settings: CellSettings) -> float:
    """FLOP of one training step of one seed: forward once, backward twice as much."""
    tokens = settings.batch * settings.task.tokens_per_row()
    return 3.0 * flop_per_token(settings) * tokens


def flop_per_evaluation(settings: CellSettings) -> float:
    """FLOP of one evaluation of one seed."""
    return flop_per_token(settings) * settings.task.evaluation_tokens()


def flop_per_seed(settings: CellSettings) -> float:
    """FLOP of one seed's whole training, evaluations included."""
    training = flop_per_seed_step(settings) * settings.train.steps
    return training + flop_per_evaluation(settings) * len(settings.evaluation_steps)


def state_bytes(settings: CellSettings) -> int:
    """Bytes that one seed has all the time: its parameters and, of AdamW, their two moments."""
    return (3 if settings.train.optimiser == "adamw" else 1) * FLOAT * settings.parameters


def step_bytes(settings: CellSettings) -> int:
    """Bytes that one seed takes besides at the largest moment of a step.

    Either where the backward pass begins: the activations of every block, and the logits three times (as they are,
    their softmax, their gradient). Or where it has ended: the gradient twice, in parts and as one.
    """
    model = settings.model
    row = settings.task.tokens_per_row()
    length = row + padding(row, settings.task.row_alignment)
    floats = model.depth * model.block_activations(length) + model.edge_activations()
    floats += 3 * settings.scored_share * settings.predicted
    if settings.task.features is not None:
        floats += settings.task.features.padded + 2 * model.width
    if any(one.at == "training" for one in settings.interventions):
        # Patterns are written out: the scores, the shares, and what an intervention makes of them.
        floats += 3 * model.depth * model.heads * length
    gradients = 2 * FLOAT * settings.parameters
    return max(round(FLOAT * settings.batch * length * floats), gradients)


def evaluation_bytes(settings: CellSettings) -> int:
    """Bytes that one seed takes besides at the largest moment of an evaluation.

    Either inside a block, where the logits of the pass before are still there if there was one, or where logits
    are twice there (as they are, their softmax) beside the hidden states that they are made of. And the scores
    that are kept, in float32 and as a truth value.
    """
    model, rows, length, scored, kept = settings.model, *settings.task.largest_pass()
    hidden, logits = rows * length * model.width, rows * scored * settings.predicted
    inside = rows * (length + padding(length, settings.task.row_alignment)) * model.evaluation_activations()
    if kept > rows * scored:
        inside += hidden + logits
    return round(FLOAT * max(inside, hidden + 2 * logits)) + 5 * kept


def memory_per_seed(settings: CellSettings) -> int:
    """Bytes that one more seed in a pack takes on a device."""
    return state_bytes(settings) + max(step_bytes(settings), evaluation_bytes(settings))


def memory_on_cpu(settings: CellSettings, seeds: int) -> int:
    """Bytes of the process that trains a pack of so many seeds on a CPU, at its largest moment.

    That is an evaluation, which comes to what training has kept: a step's largest moment, or a checkpoint,
    which is written from a copy of the state.
    """
    state = state_bytes(settings)
    training = OF_TRAINING * max(step_bytes(settings), state)
    seed = state + training + OF_EVALUATION * evaluation_bytes(settings)
    packs = PROCESS_BYTES + settings.task.data_bytes() + seeds * seed
    return round(max(IMPORT_BYTES, packs) + COMPILER_BYTES * settings.train.compile)
