"""Changes to what heads attend to, and the attention that has them.

Letters: N rows of all seeds (seeds first), S seeds, H heads, T positions, K head size, I interventions, L layers,
D width of the model, V tokens that are predicted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from seedsweep.workers.dialects.attention import Attention, contiguous, masked_scores, read
from seedsweep.workers.instruments.parents import Parents
from seedsweep.workers.instrumentsettings import InterventionSettings


class Change:
    """One intervention. What it does holds where `active`, a truth value, says so; by default it does nothing."""

    def begin(self, tokens_SBT: Tensor) -> None:
        """A forward pass of these tokens begins."""

    def touches(self, layer: int) -> bool:
        """Whether patterns of that layer may be changed, or have to be seen."""
        return False

    def looks(self, layer: int, looks_SBTD: Tensor, embedded_SBTD: Tensor, active: Tensor) -> Tensor:
        """What the layer computes its pattern from."""
        return looks_SBTD

    def carries(self, layer: int, x_SBTD: Tensor, embedded_SBTD: Tensor, active: Tensor) -> Tensor:
        """What the layer computes its values from, and adds them to."""
        return x_SBTD

    def scores(self, layer: int, scores_NHTT: Tensor, active: Tensor) -> Tensor:
        """Before the softmax."""
        return scores_NHTT

    def shares(self, layer: int, shares_NHTT: Tensor, active: Tensor) -> Tensor:
        """Behind it."""
        return shares_NHTT

    def predicted(self, logits_SBTV: Tensor, active: Tensor) -> Tensor:
        """Of the tokens that `begin` was told, at the positions that are scored."""
        return logits_SBTV


class ChangedPattern(Change):
    """Bias, block, clamp or ablate."""

    def __init__(
        self,
        settings: InterventionSettings,
        parents: Parents | None,
        heads: int,
        device: torch.device,
        chosen_SLH: Tensor | None = None,
    ) -> None:
        """`chosen_SLH` says, of every seed, which heads are meant, if the settings do not."""
        self._settings = settings
        self._parents = parents
        self._chosen_SLH = chosen_SLH
        self._heads_H11 = torch.ones(heads, 1, 1, dtype=torch.bool, device=device)
        if not isinstance(settings.heads, str):
            self._heads_H11 = torch.zeros_like(self._heads_H11)
            self._heads_H11[list(settings.heads)] = True

    def begin(self, tokens_SBT: Tensor) -> None:
        if self._parents is not None:
            self._parents.begin(tokens_SBT)

    def touches(self, layer: int) -> bool:
        return isinstance(self._settings.layers, str) or layer in self._settings.layers

    def scores(self, layer: int, scores_NHTT: Tensor, active: Tensor) -> Tensor:
        if self._parents is None or self._settings.do not in ("bias", "block"):
            return scores_NHTT
        meant = self._parents.of(scores_NHTT.shape[-1]) & self._meant(layer, scores_NHTT) & active
        if self._settings.do == "block":
            # Not where nothing else is left to read: of the first position, for example, nothing comes before.
            left = (~meant & torch.isfinite(scores_NHTT)).any(-1, keepdim=True)
            return scores_NHTT.masked_fill(meant & left, -math.inf)
        return scores_NHTT + meant * float(self._settings.strength or 0)

    def shares(self, layer: int, shares_NHTT: Tensor, active: Tensor) -> Tensor:
        if self._settings.do == "ablate":
            return shares_NHTT.masked_fill(self._meant(layer, shares_NHTT) & active, 0.0)
        if self._settings.do == "clamp":
            assert self._parents is not None
            parents_XTT = self._parents.of(shares_NHTT.shape[-1])
            count_XT1 = parents_XTT.sum(-1, keepdim=True)
            equal_XTT = parents_XTT / count_XT1.clamp(min=1)
            meant = (count_XT1 > 0) & self._meant(layer, shares_NHTT) & active
            return torch.where(meant, equal_XTT.to(shares_NHTT.dtype), shares_NHTT)
        return shares_NHTT

    def _meant(self, layer: int, like_NHTT: Tensor) -> Tensor:
        """(H, 1, 1), or (N, H, 1, 1) where it differs from seed to seed."""
        if self._chosen_SLH is None:
            return self._heads_H11
        chosen_SH11 = self._chosen_SLH[:, layer, :, None, None]
        return chosen_SH11.repeat_interleave(len(like_NHTT) // len(chosen_SH11), dim=0)


class ChangedAttention(Attention):
    """Attention with interventions, each as far as it holds. While none does no bit is another."""

    def __init__(self, changes: Sequence[Change], active_I: Tensor) -> None:
        self._changes = changes
        self._active_I = active_I

    def begin(self, tokens_SBT: Tensor) -> None:
        for change in self._changes:
            change.begin(tokens_SBT)

    def read_from(self, layer: int, embedded_SBTD: Tensor, x_SBTD: Tensor) -> tuple[Tensor, Tensor]:
        looks_SBTD = carries_SBTD = x_SBTD
        for change, active in self._each():
            looks_SBTD = change.looks(layer, looks_SBTD, embedded_SBTD, active)
            carries_SBTD = change.carries(layer, carries_SBTD, embedded_SBTD, active)
        return looks_SBTD, carries_SBTD

    def predicted(self, logits_SBTV: Tensor) -> Tensor:
        for change, active in self._each():
            logits_SBTV = change.predicted(logits_SBTV, active)
        return logits_SBTV

    def __call__(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor) -> Tensor:
        y_NHTK = super().__call__(layer, q_NHTK, k_NHTK, v_NHTK)
        if not any(change.touches(layer) for change in self._changes):
            return y_NHTK
        q_NHTK, k_NHTK, v_NHTK = contiguous(q_NHTK, k_NHTK, v_NHTK)
        changed_NHTK = read(self.shares(layer, q_NHTK, k_NHTK).to(v_NHTK.dtype), v_NHTK)
        return torch.where(self._active_I.any(), changed_NHTK, y_NHTK)

    def shares(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor) -> Tensor:
        scores_NHTT = masked_scores(q_NHTK, k_NHTK)
        here = [(change, active) for change, active in self._each() if change.touches(layer)]
        for change, active in here:
            scores_NHTT = change.scores(layer, scores_NHTT, active)
        shares_NHTT = scores_NHTT.softmax(dim=-1)
        for change, active in here:
            shares_NHTT = change.shares(layer, shares_NHTT, active)
        return shares_NHTT

    def shares_of(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, queries_Q: Tensor) -> Tensor:
        return self.shares(layer, q_NHTK, k_NHTK)[:, :, queries_Q]

    def _each(self) -> list[tuple[Change, Tensor]]:
        return list(zip(self._changes, self._active_I.unbind(), strict=True))
