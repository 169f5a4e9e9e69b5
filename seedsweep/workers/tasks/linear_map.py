"""The linear map modulo 2 of arXiv 2606.25010: write S bits, then the parities of some of them.

A row is `x y`, 2 S tokens of the vocabulary {0, 1}: x is uniform, y = A x mod 2 with a matrix A that has s ones
in every row. Output i is token S + i, which is predicted at the query S − 1 + i from the s inputs that row i of
A names, its parents. Only outputs count in the loss, since x is noise. The matrix is the sweep's, not the
seed's: seeds then differ in what they find, and not in what there is to find.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from seedsweep.measures import Metric, Split
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.philox import Role, philox
from seedsweep.workers.scoring import ScoredRows
from seedsweep.workers.settings import TOKENS_AT_ONCE, EvaluationPass, TaskSettings
from seedsweep.workers.tasks import Pattern, Rows, Task
from seedsweep.workers.tasks.linear_map_matrix import LARGEST_CLEAN, NoCleanMatrix, drawn_matrix, other_matrix

EVALUATION_SEED = 0
"""The key of the evaluation rows of all cells, under a role of its own."""
READING_ROWS = 256
"""Evaluation rows over which attention is averaged."""
LEARNED = 0.95
"""Accuracy from which on an output counts as learned."""
BITS_PER_WORD = 64

METRICS = (
    Metric(name="loss", bounds=(0, None)),
    Metric(name="token_accuracy", bounds=(0, 1)),
    Metric(name="exact_match", bounds=(0, 1), counts_examples=True),
    Metric(name="probability", bounds=(0, 1)),
    Metric(name="outputs_learned", bounds=(0, 1)),
)


class LinearMapSettings(TaskSettings):
    """`task:` section of a sweep over the linear map."""

    name: Literal["linear-map"]
    bits: int = Field(ge=2, le=1024)
    """S, inputs and as many outputs; a row is 2 S tokens."""
    ones: int = Field(ge=1)
    """s, inputs whose parity an output is; at most S. With S all outputs are the same."""
    pattern_seed: int = Field(default=0, ge=0, lt=2**31)
    """Draws the matrix, which all seeds have in common."""
    clean: bool = False
    """Whether no output may be had from as few keys in another way, through the outputs before it. Drawn row by
    row; there is not such a matrix of every size."""
    targets: Literal["map", "random"] = "map"
    """What follows the inputs: their parities; or random bits, as a control that nothing can learn."""
    evaluation_examples: int = Field(default=1024, ge=1, le=1_000_000)
    """Rows that are evaluated, the same for all cells."""

    @model_validator(mode="after")
    def _check_matrix(self) -> LinearMapSettings:
        if self.ones > self.bits:
            raise ValueError(f"ones: {self.ones} inputs of an output are more than the {self.bits} bits")
        if self.clean and self.bits > LARGEST_CLEAN:
            raise ValueError(f"clean: for at most {LARGEST_CLEAN} bits; give it up, or fewer bits")
        try:
            self.matrix()
        except NoCleanMatrix as error:
            raise ValueError(
                f"clean: {error}; give it up, or another pattern_seed, more bits or fewer ones"
            ) from None
        return self

    def matrix(self) -> np.ndarray:
        """A, bool (S, S): output i is the parity of the inputs that row i names."""
        return drawn_matrix(self.bits, self.ones, self.pattern_seed, clean=self.clean)

    def splits(self) -> tuple[Split, ...]:
        """Rows that training draws with the chance of any others."""
        return (Split(name="test", role="in-distribution", examples=self.evaluation_examples),)

    def metrics(self) -> tuple[Metric, ...]:
        """See `LinearMap.evaluate`."""
        return METRICS

    def vocabulary_size(self) -> int:
        """2."""
        return 2

    def tokens_per_row(self) -> int:
        """2 S."""
        return 2 * self.bits

    def evaluation_tokens(self) -> int:
        """Of all evaluation rows."""
        return self.evaluation_examples * self.tokens_per_row()

    def largest_pass(self) -> EvaluationPass:
        """Of rows, whose outputs are scored."""
        length = self.tokens_per_row()
        rows = min(max(1, TOKENS_AT_ONCE // length), self.evaluation_examples)
        return EvaluationPass(rows, length - 1, self.bits, self.evaluation_examples * self.bits)

    def pattern_names(self) -> tuple[str, ...]:
        """See `LinearMap.patterns`."""
        return "true", "wrong", "outputs"

    @property
    def outputs(self) -> int:
        """S."""
        return self.bits


class LinearMap(Task):
    """The linear map on one device."""

    Settings = LinearMapSettings

    def __init__(self, settings: TaskSettings, device: torch.device) -> None:
        assert isinstance(settings, LinearMapSettings)
        self.settings = settings
        self._transposed_SS = torch.from_numpy(settings.matrix().T.astype(np.float32)).to(device)
        rows_W = torch.arange(settings.evaluation_examples, device=device)
        self._evaluation_WT = self._drawn(EVALUATION_SEED, Role.EVALUATION, rows_W, torch.zeros_like(rows_W))
        self._scored = ScoredRows(self._evaluation_WT, settings.bits)

    def _drawn(self, seeds: Tensor | int, role: int, row: Tensor, step: Tensor) -> Tensor:
        """The row at that position of the step, for shapes that broadcast to X: (X, T).

        Its bits are those of the words of its counters, the lowest first; after the S bits of x come those of
        random targets.
        """
        drawn = self.settings.bits * (2 if self.settings.targets == "random" else 1)
        words_in_row = -(-drawn // BITS_PER_WORD)
        blocks = -(-words_in_row // 4)  # philox gives four words at a time
        block_XC = row[..., None] * blocks + torch.arange(blocks, device=row.device)
        words_XW = philox((torch.as_tensor(seeds)[..., None], role), (block_XC, step[..., None])).flatten(-2)
        places = torch.arange(min(drawn, BITS_PER_WORD), device=row.device)
        bits_XD = ((words_XW[..., :words_in_row, None] >> places) & 1).flatten(-2)[..., :drawn]
        if self.settings.targets == "random":
            return bits_XD
        # Sums of at most S ones are exact in any float.
        return torch.cat((bits_XD, (bits_XD.float() @ self._transposed_SS).long() & 1), dim=-1)

    def rows(self, data_seeds_S: Tensor, steps_N: Tensor, batch: int) -> Rows:
        """Fresh rows at every step. Row b draws the counters from (b · C, step) on, C of them a row."""
        row_B = torch.arange(batch, device=data_seeds_S.device)
        tokens_NSBT = self._drawn(data_seeds_S[:, None], Role.DATA, row_B, steps_N[:, None, None])
        counts_T = torch.arange(tokens_NSBT.shape[-1], device=tokens_NSBT.device) >= self.settings.bits
        return Rows(tokens_NSBT, counts_T.expand_as(tokens_NSBT))

    def evaluate(self, decoder: StackedDecoder) -> dict[tuple[str, str], np.ndarray]:
        """Teacher-forced on the evaluation rows.

        loss, token_accuracy, probability
            Means over rows and outputs: −log p of the right bit, whether it is the likelier, its p.
        exact_match
            Share of rows with all outputs right.
        outputs_learned
            Share of outputs that are right in at least .95 of the rows.
        """
        values: dict[str, list[float]] = {metric.name: [] for metric in METRICS}
        for nll_WO, right_WO in self._scores(decoder):
            values["loss"].append(nll_WO.mean())
            values["token_accuracy"].append(right_WO.mean())
            values["exact_match"].append(right_WO.all(axis=1).mean())
            values["probability"].append(np.exp(-nll_WO).mean())
            values["outputs_learned"].append((right_WO.mean(axis=0) >= LEARNED).mean())
        return {("test", name): np.array(column) for name, column in values.items()}

    def output_scores(self, decoder: StackedDecoder) -> dict[str, np.ndarray]:
        """The same of every output by itself (S, O), over the evaluation rows."""
        columns = [
            (right_WO.mean(axis=0), nll_WO.mean(axis=0), np.exp(-nll_WO).mean(axis=0))
            for nll_WO, right_WO in self._scores(decoder)
        ]
        return dict(
            zip(("accuracy", "nll", "probability"), map(np.stack, zip(*columns, strict=True)), strict=True)
        )

    def _scores(self, decoder: StackedDecoder) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Of every seed by itself, so that no vectorised kernel can treat the seeds of a pack differently."""
        scores = self._scored.of(decoder)
        for nll_WO, right_WO in zip(scores.nll_SWA, scores.right_SWA, strict=True):
            yield nll_WO.astype(np.float64), right_WO

    def reading_rows(self) -> Tensor:
        """The first of the evaluation rows."""
        return self._evaluation_WT[:READING_ROWS]

    def patterns(self) -> dict[str, Pattern]:
        """Parents of the outputs at the queries S − 1 … 2 S − 2, among the S inputs.

        true
            The inputs whose parity the output is.
        wrong
            Those of another matrix with as many, none of whose rows is this one's.
        outputs
            The outputs that were written before, the query's own token included: another way to the true parents.
        """
        s, matrix_SS = self.settings.bits, self.settings.matrix()
        nothing_SS = np.zeros_like(matrix_SS)
        earlier_SS = np.tril(np.ones_like(matrix_SS), k=-1)
        queries_Q = torch.arange(s - 1, 2 * s - 1)
        parents = {
            "true": [matrix_SS, nothing_SS],
            "wrong": [other_matrix(matrix_SS, self.settings.pattern_seed), nothing_SS],
            "outputs": [nothing_SS, earlier_SS],
        }
        inputs_QT = torch.arange(2 * s).expand(s, -1) < s
        return {
            name: Pattern(queries_Q, torch.from_numpy(np.hstack(both)), inputs_QT)
            for name, both in parents.items()
        }
