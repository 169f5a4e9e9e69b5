"""The interventions of a cell: which there are, when each holds, and which tokens and heads it means.

Letters: N steps, S seeds, L layers, H heads, T positions, Q queries of a pattern, I interventions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.instruments.changes import Change, ChangedAttention, ChangedPattern
from seedsweep.workers.instruments.circuits import CopiedScores, EmbeddedLayer
from seedsweep.workers.instruments.parents import Parents
from seedsweep.workers.instruments.reading import mean_attention
from seedsweep.workers.instrumentsettings import OF_ANY_TASK, InterventionSettings
from seedsweep.workers.settings import TaskSettings
from seedsweep.workers.tasks import Pattern, Task

ROWS_TO_CHOOSE = 64
"""Of tokens, over which a head's attention is averaged to find the best or the worst."""


class Interventions:
    """All interventions of a cell, on its device: those that training has, and those of evaluations alone."""

    def __init__(self, settings: CellSettings, task: Task, device: torch.device) -> None:
        self._settings = settings
        self._task = task
        self._device = device
        self._patterns = _patterns(settings.task, task) if settings.interventions else {}
        self._of_training = [one for one in settings.interventions if one.at == "training"]
        self._changes = [self._change(one) for one in self._of_training]
        self.of_evaluation = [one for one in settings.interventions if one.at == "evaluation"]
        """Each makes every evaluation once more."""

    def active(self, steps_N: Tensor) -> Tensor:
        """bool (N, I): which of training's hold when the updates of these numbers, from 0, are made."""
        holds = [[one.holds(step) for one in self._of_training] for step in steps_N.tolist()]
        return torch.tensor(holds, dtype=torch.bool, device=self._device).view(len(steps_N), len(self._changes))

    def trained(self, decoder: StackedDecoder, active_I: Tensor) -> StackedDecoder:
        """The decoder as it is trained, `active_I` being a row of `active`."""
        return decoder.with_attention(ChangedAttention(self._changes, active_I)) if self._changes else decoder

    def evaluated(self, decoder: StackedDecoder, active_I: Tensor, other: InterventionSettings) -> StackedDecoder:
        """The decoder as it is trained, with one more intervention."""
        changes = [*self._changes, self._change(other, self._best_or_worst(decoder, active_I, other))]
        also_I = torch.cat([active_I, torch.ones(1, dtype=torch.bool, device=self._device)])
        return decoder.with_attention(ChangedAttention(changes, also_I))

    def _change(self, one: InterventionSettings, chosen_SLH: Tensor | None = None) -> Change:
        query = self._settings.task.tokens_per_row() - 2  # of rows of pairs, whose last token is the answer
        if one.circuit == "layer1":
            return EmbeddedLayer(query)
        if one.circuit == "copy":
            first = self._settings.vocabulary_size - self._settings.predicted
            return CopiedScores(self._settings.model.depth - 1, int(one.heads[0]), query, first)
        parents = None
        if one.pattern is not None:
            named = one.pattern
            pattern = _of_positions(named) if isinstance(named, dict) else self._patterns[named]
            parents = Parents(pattern, self._device, query + 1)
        return ChangedPattern(one, parents, self._settings.model.heads, self._device, chosen_SLH)

    def _best_or_worst(
        self, decoder: StackedDecoder, active_I: Tensor, one: InterventionSettings
    ) -> Tensor | None:
        """bool (S, L, H): of every seed the head with the most, or the least, of its attention on the pattern."""
        if one.heads not in ("best", "worst"):
            return None
        pattern = self._task.patterns()["true"]
        rows_BT = self._task.reading_rows()[:ROWS_TO_CHOOSE]
        attention_SLHQT = mean_attention(self.trained(decoder, active_I), rows_BT, pattern.queries_Q)
        mass_SLH = (attention_SLHQT * pattern.parents_QT.cpu().numpy()).sum(-1).mean(-1)
        change = self._change(one)
        here = [layer for layer in range(mass_SLH.shape[1]) if change.touches(layer)]
        others = [layer for layer in range(mass_SLH.shape[1]) if layer not in here]
        mass_SLH[:, others] = -np.inf if one.heads == "best" else np.inf
        flat_SX = mass_SLH.reshape(len(mass_SLH), -1)
        place_S = flat_SX.argmax(1) if one.heads == "best" else flat_SX.argmin(1)
        chosen_SX = np.arange(flat_SX.shape[1]) == place_S[:, None]
        return torch.from_numpy(chosen_SX.reshape(mass_SLH.shape)).to(self._device)


def _patterns(settings: TaskSettings, task: Task) -> dict[str, Pattern | Callable[[Tensor], Tensor]]:
    """Those of the task, those of its rows, and those that every task has."""
    queries_Q = torch.arange(settings.longest_row())
    any_task = {name: (queries_Q - shift).clamp(min=0) for name, shift in zip(OF_ANY_TASK, (1, 0), strict=True)}
    return {
        **{name: _pattern(queries_Q, keys_Q[:, None] == queries_Q) for name, keys_Q in any_task.items()},
        **task.patterns(),
        **task.row_patterns(),
    }


def _of_positions(given: Mapping[int, Sequence[int]]) -> Pattern:
    """Of positions that look, and what each looks at."""
    queries_Q = torch.tensor(sorted(given))
    keys_T = torch.arange(max(given) + 1)
    return _pattern(queries_Q, torch.stack([torch.isin(keys_T, torch.tensor(given[q])) for q in sorted(given)]))


def _pattern(queries_Q: Tensor, parents_QT: Tensor) -> Pattern:
    return Pattern(queries_Q, parents_QT, torch.arange(parents_QT.shape[1]) <= queries_Q[:, None])
