"""Cellular automata with a hidden rule (arXiv 2606.25010): read off the rule in the row, and go on with it.

A row is T states of S cells in C colours, S · T tokens, state after state. The first state is uniform; then
every cell follows from the three around its place in the state before, in a ring, by a table of C³ entries,
applied k times from one state to the next. The table is one of N or a fresh one of every row. The cells of all
states but the first count in the loss. Token t S + i is predicted at t S + i − 1 from its parents (t − 1) S +
((i + d) mod S), |d| ≤ k; what the table says of them has to be read off equal neighbourhoods that were earlier
in the row.

What can be known of a cell at best: `workers.tasks.automata_ceilings`.
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
from seedsweep.workers.philox import DIGITS_PER_WORD, Role, below, low_digits, philox
from seedsweep.workers.scoring import ScoredRows
from seedsweep.workers.settings import TOKENS_AT_ONCE, EvaluationPass, TaskSettings
from seedsweep.workers.tasks import Pattern, Rows, Task
from seedsweep.workers.tasks.automata_patterns import patterns

EVALUATION_SEED = 0
"""The key of the evaluation rows of all cells, under a role of its own."""
READING_ROWS = 64
"""Evaluation rows over which attention is averaged."""

METRICS = (
    Metric(name="loss", bounds=(0, None)),
    Metric(name="token_accuracy", bounds=(0, 1)),
    Metric(name="exact_match", bounds=(0, 1), counts_examples=True),
    Metric(name="probability", bounds=(0, 1)),
)


class AutomataSettings(TaskSettings):
    """`task:` section of a sweep over cellular automata."""

    name: Literal["automata"]
    colours: int = Field(ge=2, le=10)
    """C."""
    cells: int = Field(ge=3, le=4096)
    """S, cells of a state."""
    states: int = Field(ge=2, le=1024)
    """T, states of a row, the first included."""
    applications: int = Field(default=1, ge=1)
    """k, how often the rule is applied from one state to the next: a cell depends on 2 k + 1, at most S."""
    tables: int = Field(default=0, ge=0, le=2**20)
    """N, rules of which each row has one, the same N for all seeds; 0: a fresh one for every row."""
    pattern_seed: int = Field(default=0, ge=0, lt=2**31)
    """Draws the N rules."""
    evaluation_examples: int = Field(default=1024, ge=1, le=1_000_000)
    """Rows that are evaluated, the same for all cells of the sweep."""

    @model_validator(mode="after")
    def _check_window(self) -> AutomataSettings:
        if self.window > self.cells:
            raise ValueError(
                f"applications: {self.applications} make a cell depend on {self.window} cells, a state has "
                f"{self.cells}; give at most {(self.cells - 1) // 2}"
            )
        return self

    @property
    def window(self) -> int:
        """2 k + 1, cells that one depends on."""
        return 2 * self.applications + 1

    def splits(self) -> tuple[Split, ...]:
        """The same rows for all: the cells of every state but the first, those of the last, and all of them."""
        names = [*(f"state-{state}" for state in range(1, self.states)), "last", "all"]
        return tuple(Split(name=name, role="in-distribution", examples=self.evaluation_examples) for name in names)

    def metrics(self) -> tuple[Metric, ...]:
        """See `Automata.evaluate`."""
        return METRICS

    def vocabulary_size(self) -> int:
        """C."""
        return self.colours

    def tokens_per_row(self) -> int:
        """S · T."""
        return self.cells * self.states

    def evaluation_tokens(self) -> int:
        """Of all evaluation rows."""
        return self.evaluation_examples * self.tokens_per_row()

    def largest_pass(self) -> EvaluationPass:
        """Of rows, whose states after the first are scored."""
        length = self.tokens_per_row()
        rows = min(max(1, TOKENS_AT_ONCE // length), self.evaluation_examples)
        scored = length - self.cells
        return EvaluationPass(rows, length - 1, scored, self.evaluation_examples * scored)

    def pattern_names(self) -> tuple[str, ...]:
        """See `automata_patterns.patterns`."""
        return "true", "wrong", "outputs"

    @property
    def outputs(self) -> int:
        """S: the cells of the last state."""
        return self.cells


def drawn_tables(settings: AutomataSettings) -> Tensor:
    """The N rules, int64 (N, C³): the colour that follows cells a, b, c is entry (a C + b) C + c.

    Rule n draws the counters (n · B, 0) to (n · B + B − 1, 0), whose words are twelve digits each.
    """
    return _digits(settings.colours**3, settings.colours, settings.pattern_seed, Role.PATTERN, settings.tables)


def next_state(state_XS: Tensor, table_XE: Tensor, colours: int) -> Tensor:
    """One application of a rule to states in a ring, for any shape X."""
    left_XS, right_XS = state_XS.roll(1, dims=-1), state_XS.roll(-1, dims=-1)
    return table_XE.gather(-1, (left_XS * colours + state_XS) * colours + right_XS)


class Automata(Task):
    """Cellular automata on one device."""

    Settings = AutomataSettings

    def __init__(self, settings: TaskSettings, device: torch.device) -> None:
        assert isinstance(settings, AutomataSettings)
        self.settings = settings
        self._tables_NE = drawn_tables(settings).to(device) if settings.tables else None
        rows_W = torch.arange(settings.evaluation_examples, device=device)
        evaluation_WT = self._drawn(EVALUATION_SEED, Role.EVALUATION, rows_W, torch.zeros_like(rows_W))
        self._evaluation_WT = evaluation_WT.to(torch.int16)
        self._scored = ScoredRows(self._evaluation_WT, settings.cells)

    def _drawn(self, seeds: Tensor | int, role: int, row: Tensor, step: Tensor) -> Tensor:
        """The row at that position of the step, for shapes that broadcast to X: (X, S · T).

        Its first word says which of the N rules is its own; the digits of the others are the cells of its first
        state and, of a fresh rule, the entries.
        """
        settings = self.settings
        entries = 0 if self._tables_NE is not None else settings.colours**3
        drawn = settings.cells + entries
        blocks = -(-(1 + -(-drawn // DIGITS_PER_WORD)) // 4)  # philox gives four words at a time
        block_XB = row[..., None] * blocks + torch.arange(blocks, device=row.device)
        words_XW = philox((torch.as_tensor(seeds)[..., None], role), (block_XB, step[..., None])).flatten(-2)
        digits_XD = low_digits(words_XW[..., 1:], settings.colours).flatten(-2)[..., :drawn]
        state_XS, table_XE = digits_XD[..., : settings.cells], digits_XD[..., settings.cells :]
        if self._tables_NE is not None:
            table_XE = self._tables_NE[below(words_XW[..., 0], settings.tables)]
        states = [state_XS]
        for _ in range(settings.states - 1):
            for _ in range(settings.applications):
                state_XS = next_state(state_XS, table_XE, settings.colours)
            states.append(state_XS)
        return torch.cat(states, dim=-1)

    def rows(self, data_seeds_S: Tensor, steps_N: Tensor, batch: int) -> Rows:
        """Fresh rows at every step. Row b draws the counters from (b · B, step) on, B of them a row."""
        row_B = torch.arange(batch, device=data_seeds_S.device)
        tokens_NSBT = self._drawn(data_seeds_S[:, None], Role.DATA, row_B, steps_N[:, None, None])
        counts_T = torch.arange(tokens_NSBT.shape[-1], device=tokens_NSBT.device) >= self.settings.cells
        return Rows(tokens_NSBT, counts_T.expand_as(tokens_NSBT))

    def evaluate(self, decoder: StackedDecoder) -> dict[tuple[str, str], np.ndarray]:
        """Teacher-forced on the evaluation rows, over the cells of a split.

        loss, token_accuracy, probability
            Means over rows and cells: −log p of the right colour, whether it is the likeliest, its p.
        exact_match
            Share of rows with all cells right.
        """
        splits = [split.name for split in self.settings.splits()]
        values: dict[tuple[str, str], list[float]] = {
            (name, metric.name): [] for name in splits for metric in METRICS
        }
        for nll_WTS, right_WTS in self._scores(decoder):
            for name in splits:
                state = self._states(name)
                nll_WTX, right_WTX = nll_WTS[:, state], right_WTS[:, state]
                values[name, "loss"].append(nll_WTX.mean())
                values[name, "token_accuracy"].append(right_WTX.mean())
                values[name, "exact_match"].append(right_WTX.all(axis=(1, 2)).mean())
                values[name, "probability"].append(np.exp(-nll_WTX).mean())
        return {key: np.array(column) for key, column in values.items()}

    def _states(self, split: str) -> slice:
        """Which of the states after the first the split is of."""
        if split == "all":
            return slice(None)
        if split == "last":
            return slice(-1, None)
        state = int(split.removeprefix("state-"))
        return slice(state - 1, state)

    def output_scores(self, decoder: StackedDecoder) -> dict[str, np.ndarray]:
        """The same of every cell of the last state by itself (S, O), over the evaluation rows."""
        columns = [
            (right_WTS[:, -1].mean(axis=0), nll_WTS[:, -1].mean(axis=0), np.exp(-nll_WTS[:, -1]).mean(axis=0))
            for nll_WTS, right_WTS in self._scores(decoder)
        ]
        return dict(
            zip(("accuracy", "nll", "probability"), map(np.stack, zip(*columns, strict=True)), strict=True)
        )

    def _scores(self, decoder: StackedDecoder) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Of every seed by itself, so that no vectorised kernel can treat the seeds of a pack differently."""
        scores = self._scored.of(decoder)
        shape = (-1, self.settings.states - 1, self.settings.cells)
        for nll_WA, right_WA in zip(scores.nll_SWA, scores.right_SWA, strict=True):
            yield nll_WA.astype(np.float64).reshape(shape), right_WA.reshape(shape)

    def reading_rows(self) -> Tensor:
        """The first of the evaluation rows."""
        return self._evaluation_WT[:READING_ROWS].long()

    def patterns(self) -> dict[str, Pattern]:
        """See `automata_patterns.patterns`."""
        s = self.settings
        return patterns(s.cells, s.states, s.window, s.pattern_seed)


def _digits(count: int, base: int, seed: int, role: int, rows: int) -> Tensor:
    """So many digits for each of the rows: (rows, count)."""
    blocks = -(-count // (4 * DIGITS_PER_WORD))
    positions_RB = torch.arange(rows * blocks).view(rows, blocks)
    words_RW = philox((seed, role), (positions_RB, 0)).flatten(1)
    return low_digits(words_RW, base).flatten(1)[:, :count]
