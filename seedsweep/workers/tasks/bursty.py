"""Bursty rows, after Chan et al. 2022 (arXiv 2205.05055), Singh et al. 2023 (2311.08360) and Reddy 2023
(2312.03002): when do rows that repeat classes bring about learning in context, and when does it go again.

A row is N pairs and a query. In a share of the rows, the bursty ones, a few different classes come several times,
the query's among them; in the others all classes are drawn one by one. Labels are fixed: one or several for each
class, of which a row keeps to one, or L that the classes share. New classes, whose labels are drawn anew for every
row, may take the place of the others in a share of all rows.

In place of Reddy's draws anew the vectors are a table: noise that is new at every sight is the limit of many
exemplars, and new classes that of many of those. His bursty rows may draw the same class twice, these do not.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from seedsweep.measures import Split
from seedsweep.workers.philox import below, mix64
from seedsweep.workers.settings import TaskSettings
from seedsweep.workers.tasks.draws import Frequencies, happens, row_words, shuffled_places
from seedsweep.workers.tasks.pairs import PairSettings, PairTask

NEW_LABELS = 2
"""Labels 0 and 1 are those of the evaluation of ICL, so exemplars of their classes are not in it."""
COMMON = 10
"""Classes of the split `iwl-common`."""
HEAD = 4
"""Words of a row before those of its classes."""


class BurstySettings(PairSettings):
    """`task:` section of a sweep over bursty rows."""

    name: Literal["bursty"]
    pairs: int = Field(default=8, ge=2, le=256)
    """N; an even number."""
    bursty: float = Field(ge=0, le=1)
    """Share of rows that are bursty."""
    burst: tuple[int, ...] = (3, 3, 1, 1)
    """How often each class of a bursty row comes, N together; the first is the query's."""
    labels_per_class: int = Field(default=1, ge=1, le=1000)
    """Labels of every class, of which a row keeps to one."""
    labels: int | None = Field(default=None, ge=2, le=1_000_000)
    """L, labels that the classes share, which must be a multiple of it: class c has number c mod L. By default
    every class has its own."""
    zipf: float = Field(default=0.0, ge=0, le=10)
    """α: class c comes in proportion to (c + 1)^−α, but none in less than 2^-31 of all draws."""
    new_share: float = Field(default=0.0, ge=0, le=1)
    """Share of rows of new classes, which are bursty, and whose labels tell nothing of those of other rows."""
    new_classes: int = Field(default=0, ge=0, le=1_000_000)
    """Classes of these rows alone."""

    @model_validator(mode="after")
    def _check_rows(self) -> BurstySettings:
        if self.pairs % 2:
            raise ValueError(f"pairs: {self.pairs} are not two classes equally often; give an even number")
        if min(self.burst, default=0) < 1 or sum(self.burst) != self.pairs:
            raise ValueError(
                f"burst: {list(self.burst)} are not {self.pairs} pairs together, at least 1 of each class"
            )
        if (self.new_share > 0) != (self.new_classes > 0):
            raise ValueError("new_classes: give them with new_share, and with nothing else")
        if 0 < self.new_classes < len(self.burst):
            raise ValueError(f"new_classes: a bursty row has {len(self.burst)} different ones")
        return self

    @model_validator(mode="after")
    def _check_labels(self) -> BurstySettings:
        if self.labels is None:
            if self.classes < max(self.pairs + 1, NEW_LABELS + 2):
                raise ValueError(f"classes: a row of the split iwl has {self.pairs + 1} different ones")
            return self
        if self.labels_per_class != 1:
            raise ValueError("labels_per_class: not with labels; give one of them up")
        if self.classes % self.labels:
            raise ValueError(f"labels: {self.classes} classes are not a multiple of {self.labels}")
        if self.classes < len(self.burst):
            raise ValueError(f"classes: a bursty row has {len(self.burst)} different ones")
        if 0 < self.heldout_classes < len(self.burst):
            raise ValueError(f"heldout_classes: a row of the split ic has {len(self.burst)} different ones")
        return self

    @property
    def row_pairs(self) -> int:
        """N."""
        return self.pairs

    @property
    def label_count(self) -> int:
        """L, or those of all classes."""
        return self.labels if self.labels is not None else self.classes * self.labels_per_class

    @property
    def stored_classes(self) -> int:
        """Those of training, those that are held out, those of new rows."""
        return super().stored_classes + self.new_classes

    def splits(self) -> tuple[Split, ...]:
        """Which there are depends on whether classes share labels; see `Bursty`."""
        if self.labels is None:
            there = {
                "icl": True,
                "icl-heldout": self.heldout_classes > 0,
                "iwl": True,
                "iwl-common": self.zipf > 0 and self.classes > COMMON,
            }
        else:
            there = {"ic": self.heldout_classes > 0, "ic2": True, "iw": True}
        names = [name for name, is_there in there.items() if is_there]
        examples = self.evaluation_examples
        return (
            Split(name="test", role="in-distribution", examples=examples),
            *(Split(name=name, role="out-of-distribution", examples=examples) for name in names),
        )


class Bursty(PairTask):
    """Bursty rows on one device.

    Its splits, `test` apart, whose rows are as in training. Where every class has labels of its own:

    icl, icl-heldout
        Two classes, each in half of the pairs, labels 0 and 1 in random order: of classes of training as often as
        there, or of classes that are held out. Chance is a `context_accuracy` of ½.
    iwl, iwl-common
        N + 1 different classes as often as in training with their own labels, so that the query's is not in the
        context; of `iwl-common` the query is of one of the ten commonest. `accuracy` tells; with several labels of
        a class it can only guess which of them is meant.

    Where classes share L labels:

    ic
        Bursty rows of classes that are held out, their labels drawn anew for every row.
    ic2
        Bursty rows of training's classes, with the label after their own, the first after the last.
    iw
        Rows that are not bursty.
    """

    Settings = BurstySettings
    SPLITS = ("test", "icl", "icl-heldout", "iwl", "iwl-common", "ic", "ic2", "iw")

    def __init__(self, settings: TaskSettings, device: torch.device) -> None:
        assert isinstance(settings, BurstySettings)
        self.settings = settings
        classes, zipf = settings.classes, settings.zipf
        self._trained = Frequencies(classes, device, exponent=zipf)
        self._with_other_labels = Frequencies(
            max(1, classes - NEW_LABELS), device, exponent=zipf, first=1 + NEW_LABELS
        )
        self._heldout = Frequencies(settings.heldout_classes, device)
        self._new = Frequencies(settings.new_classes, device)
        self._burst_N = torch.repeat_interleave(torch.tensor(settings.burst)).to(device)
        self._halves_N = torch.arange(settings.pairs, device=device) // (settings.pairs // 2)
        super().__init__(settings, device)

    def drawn(self, split: str, key: tuple[Tensor | int, int], row: Tensor, step: Tensor) -> Tensor:
        """Word 0 decides whether a row is bursty, 1 whether it is of new classes, 2 its classes' labels, a bit of
        3 the order of labels 0 and 1; then come P words of classes, N of the pairs' order, P of exemplars."""
        settings, pairs = self.settings, self.settings.pairs
        words_XW = row_words(key, row, step, HEAD + pairs + 2 * (pairs + 1))
        head_XW, class_words_XP, order_words_XN, exemplar_words_XP = words_XW.split(
            (HEAD, pairs + 1, pairs, pairs + 1), dim=-1
        )
        order_XN = shuffled_places(order_words_XN)
        if split == "test":
            class_XP, label_XP = self._as_trained(head_XW, class_words_XP, order_XN)
        elif split in ("icl", "icl-heldout"):
            class_XP, label_XP = self._two_classes(split, head_XW, class_words_XP, order_XN)
        elif split in ("iwl", "iwl-common"):
            class_XP = self._all_different(split, class_words_XP)
            label_XP = self._own_labels(class_XP, head_XW)
        elif split == "ic":
            class_X2 = self._heldout.different(class_words_XP[..., : len(settings.burst)])
            class_XP = settings.classes + _row(class_X2, self._burst_N, order_XN)
            label_XP = self._new_labels(class_XP, head_XW)
        elif split == "ic2":
            class_XP = self._bursty(class_words_XP, order_XN)
            label_XP = (self._own_labels(class_XP, head_XW) + 1) % settings.label_count
        else:
            class_XP = self._trained.draw(class_words_XP)
            label_XP = self._own_labels(class_XP, head_XW)
        return self.tokens(class_XP, below(exemplar_words_XP, settings.exemplars), label_XP)

    def _as_trained(self, head_XW: Tensor, words_XP: Tensor, order_XN: Tensor) -> tuple[Tensor, Tensor]:
        settings = self.settings
        is_bursty_X1 = happens(head_XW[..., :1], settings.bursty)
        class_XP = torch.where(is_bursty_X1, self._bursty(words_XP, order_XN), self._trained.draw(words_XP))
        label_XP = self._own_labels(class_XP, head_XW)
        if not settings.new_share:
            return class_XP, label_XP
        is_new_X1 = happens(head_XW[..., 1:2], settings.new_share)
        class_XK = self._new.different(words_XP[..., : len(settings.burst)])
        new_XP = settings.classes + settings.heldout_classes + _row(class_XK, self._burst_N, order_XN)
        new_label_XP = self._new_labels(new_XP, head_XW)
        return torch.where(is_new_X1, new_XP, class_XP), torch.where(is_new_X1, new_label_XP, label_XP)

    def _bursty(self, words_XP: Tensor, order_XN: Tensor) -> Tensor:
        class_XK = self._trained.different(words_XP[..., : len(self.settings.burst)])
        return _row(class_XK, self._burst_N, order_XN)

    def _two_classes(
        self, split: str, head_XW: Tensor, words_XP: Tensor, order_XN: Tensor
    ) -> tuple[Tensor, Tensor]:
        if split == "icl":
            class_X2 = NEW_LABELS + self._with_other_labels.different(words_XP[..., :2])
        else:
            class_X2 = self.settings.classes + self._heldout.different(words_XP[..., :2])
        class_XP = _row(class_X2, self._halves_N, order_XN)
        of_query_X1 = head_XW[..., 3:] & 1
        return class_XP, torch.where(class_XP == class_XP[..., -1:], of_query_X1, 1 - of_query_X1)

    def _all_different(self, split: str, words_XP: Tensor) -> Tensor:
        if split == "iwl":
            class_XP = self._trained.different(words_XP)
            return class_XP.roll(-1, dims=-1)
        query_X = below(words_XP[..., 0], COMMON)
        return torch.cat((self._trained.different(words_XP[..., 1:], query_X), query_X[..., None]), dim=-1)

    def _own_labels(self, class_XP: Tensor, head_XW: Tensor) -> Tensor:
        several = self.settings.labels_per_class
        if self.settings.labels is not None:
            return class_XP % self.settings.labels
        return class_XP if several == 1 else class_XP * several + _of_class(class_XP, head_XW, several)

    def _new_labels(self, class_XP: Tensor, head_XW: Tensor) -> Tensor:
        return _of_class(class_XP, head_XW, self.settings.label_count)


def _row(class_XK: Tensor, number_N: Tensor, order_XN: Tensor) -> Tensor:
    """The classes with these numbers in that order, and the first of all once more, as the query: (X, P)."""
    return torch.cat((class_XK[..., number_N].gather(-1, order_XN), class_XK[..., :1]), dim=-1)


def _of_class(class_XP: Tensor, head_XW: Tensor, bound: int) -> Tensor:
    """A number below the bound that is the same for all pairs of a class in a row, and another in other rows."""
    return below(mix64(head_XW[..., 2:3] + class_XP), bound)
