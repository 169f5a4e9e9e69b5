"""Interventions: what heads attend to, changed.

Letters: N rows of all seeds (seeds first), S seeds, H heads, T positions, K head size, Q queries of a pattern,
I interventions, L layers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.attention import Attention, contiguous, masked_scores, read
from seedsweep.workers.instruments.reading import mean_attention
from seedsweep.workers.instrumentsettings import OF_ANY_TASK, InterventionSettings
from seedsweep.workers.settings import TaskSettings
from seedsweep.workers.tasks import Pattern, Task

ROWS_TO_CHOOSE = 64
"""Of tokens, over which a head's attention is averaged to find the best or the worst."""


class Change:
    """One intervention, ready for rows of any length."""

    def __init__(
        self,
        settings: InterventionSettings,
        pattern: Pattern | None,
        heads: int,
        device: torch.device,
        chosen_SLH: Tensor | None = None,
    ) -> None:
        """`chosen_SLH` says, of every seed, which heads are meant, if the settings do not."""
        self.settings = settings
        self._pattern = pattern
        self._chosen_SLH = chosen_SLH
        self._heads_H11 = torch.ones(heads, 1, 1, dtype=torch.bool, device=device)
        if not isinstance(settings.heads, str):
            self._heads_H11 = torch.zeros_like(self._heads_H11)
            self._heads_H11[list(settings.heads)] = True
        self._parents: dict[int, Tensor] = {}

    def touches(self, layer: int) -> bool:
        """Whether heads of the layer may be meant."""
        return isinstance(self.settings.layers, str) or layer in self.settings.layers

    def scores(self, layer: int, scores_NHTT: Tensor, active: Tensor) -> Tensor:
        """With the change, where `active`, a truth value, says that it holds."""
        if self.settings.do not in ("bias", "block"):
            return scores_NHTT
        parents_TT = self._parents_of(scores_NHTT.shape[-1])
        meant = parents_TT & self._meant(layer, scores_NHTT) & active
        if self.settings.do == "block":
            return scores_NHTT.masked_fill(meant, -math.inf)
        return scores_NHTT + meant * float(self.settings.strength or 0)

    def shares(self, layer: int, shares_NHTT: Tensor, active: Tensor) -> Tensor:
        """With the change, where `active`, a truth value, says that it holds."""
        if self.settings.do == "ablate":
            return shares_NHTT.masked_fill(self._meant(layer, shares_NHTT) & active, 0.0)
        if self.settings.do == "clamp":
            parents_TT = self._parents_of(shares_NHTT.shape[-1])
            count_T1 = parents_TT.sum(1, keepdim=True)
            equal_TT = parents_TT / count_T1.clamp(min=1)
            meant = (count_T1 > 0) & self._meant(layer, shares_NHTT) & active
            return torch.where(meant, equal_TT.to(shares_NHTT.dtype), shares_NHTT)
        return shares_NHTT

    def _meant(self, layer: int, like_NHTT: Tensor) -> Tensor:
        """(H, 1, 1), or (N, H, 1, 1) where it differs from seed to seed."""
        if self._chosen_SLH is None:
            return self._heads_H11
        chosen_SH11 = self._chosen_SLH[:, layer, :, None, None]
        return chosen_SH11.repeat_interleave(len(like_NHTT) // len(chosen_SH11), dim=0)

    def _parents_of(self, length: int) -> Tensor:
        """bool (T, T) of rows of that length: those of the pattern, cut or filled on the right."""
        if length not in self._parents:
            assert self._pattern is not None
            queries_Q, parents_QT, _ = self._pattern
            most = max(length, parents_QT.shape[1], int(queries_Q.max()) + 1)
            parents_TT = torch.zeros(most, most, dtype=torch.bool)
            parents_TT[queries_Q.cpu(), : parents_QT.shape[1]] = parents_QT.cpu()
            self._parents[length] = parents_TT[:length, :length].contiguous().to(self._heads_H11.device)
        return self._parents[length]


class ChangedAttention(Attention):
    """Attention with interventions, each as far as it holds. While none does no bit is another."""

    def __init__(self, changes: Sequence[Change], active_I: Tensor) -> None:
        self._changes = changes
        self._active_I = active_I

    def __call__(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor) -> Tensor:
        y_NHTK = super().__call__(layer, q_NHTK, k_NHTK, v_NHTK)
        if not any(change.touches(layer) for change in self._changes):
            return y_NHTK
        q_NHTK, k_NHTK, v_NHTK = contiguous(q_NHTK, k_NHTK, v_NHTK)
        changed_NHTK = read(self.shares(layer, q_NHTK, k_NHTK).to(v_NHTK.dtype), v_NHTK)
        return torch.where(self._active_I.any(), changed_NHTK, y_NHTK)

    def shares(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor) -> Tensor:
        scores_NHTT = masked_scores(q_NHTK, k_NHTK)
        here = [(c, a) for c, a in zip(self._changes, self._active_I.unbind(), strict=True) if c.touches(layer)]
        for change, active in here:
            scores_NHTT = change.scores(layer, scores_NHTT, active)
        shares_NHTT = scores_NHTT.softmax(dim=-1)
        for change, active in here:
            shares_NHTT = change.shares(layer, shares_NHTT, active)
        return shares_NHTT

    def shares_of(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, queries_Q: Tensor) -> Tensor:
        return self.shares(layer, q_NHTK, k_NHTK)[:, :, queries_Q]


class Interventions:
    """All interventions of a cell, on its device: those that training has, and those of evaluations alone."""

    def __init__(self, settings: CellSettings, task: Task, device: torch.device) -> None:
        self._model = settings.model
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
        named = one.pattern
        pattern = _of_positions(named) if isinstance(named, dict) else self._patterns.get(named or "")
        return Change(one, pattern, self._model.heads, self._device, chosen_SLH)

    def _best_or_worst(
        self, decoder: StackedDecoder, active_I: Tensor, one: InterventionSettings
    ) -> Tensor | None:
        """bool (S, L, H): of every seed the head with the most, or the least, of its attention on the pattern."""
        if one.heads not in ("best", "worst"):
            return None
        pattern = self._patterns["true"]
        rows_BT = self._task.reading_rows()[:ROWS_TO_CHOOSE]
        attention_SLHQT = mean_attention(self.trained(decoder, active_I), rows_BT, pattern.queries_Q)
        mass_SLH = (attention_SLHQT * pattern.parents_QT.cpu().numpy()).sum(-1).mean(-1)
        here = [layer for layer in range(mass_SLH.shape[1]) if self._change(one).touches(layer)]
        others = [layer for layer in range(mass_SLH.shape[1]) if layer not in here]
        mass_SLH[:, others] = -np.inf if one.heads == "best" else np.inf
        flat_SX = mass_SLH.reshape(len(mass_SLH), -1)
        place_S = flat_SX.argmax(1) if one.heads == "best" else flat_SX.argmin(1)
        chosen_SX = np.arange(flat_SX.shape[1]) == place_S[:, None]
        return torch.from_numpy(chosen_SX.reshape(mass_SLH.shape)).to(self._device)


def _patterns(settings: TaskSettings, task: Task) -> dict[str, Pattern]:
    """Those of the task, and those that every task has."""
    queries_Q = torch.arange(settings.longest_row())
    any_task = {name: (queries_Q - shift).clamp(min=0) for name, shift in zip(OF_ANY_TASK, (1, 0), strict=True)}
    return task.patterns() | {
        name: _pattern(queries_Q, keys_Q[:, None] == queries_Q) for name, keys_Q in any_task.items()
    }


def _of_positions(given: Mapping[int, Sequence[int]]) -> Pattern:
    """Of positions that look, and what each looks at."""
    queries_Q = torch.tensor(sorted(given))
    keys_T = torch.arange(max(given) + 1)
    return _pattern(queries_Q, torch.stack([torch.isin(keys_T, torch.tensor(given[q])) for q in sorted(given)]))


def _pattern(queries_Q: Tensor, parents_QT: Tensor) -> Pattern:
    return Pattern(queries_Q, parents_QT, torch.arange(parents_QT.shape[1]) <= queries_Q[:, None])
