"""The induction task of Singh et al. 2024 (arXiv 2404.07129): copy the label that stands behind the same class.

A row is two pairs and a query: `x₁ ℓ₁ x₂ ℓ₂ x ℓ`. Two different classes, two different labels, the query's class
is one of the two; all of it is drawn anew for every row, so that no label belongs to a class and only the context
tells the answer. Of all pairs of labels some never occur in training.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from seedsweep.measures import Split
from seedsweep.workers.philox import Role, below, philox
from seedsweep.workers.settings import TaskSettings
from seedsweep.workers.tasks.draws import Frequencies, row_words
from seedsweep.workers.tasks.pairs import PairSettings, PairTask

PAIRS = 2
DRAWS = 1000
"""How often the pairs that are held out are drawn, before there is taken to be no way."""
WORDS = 7


class InductionSettings(PairSettings):
    """`task:` section of a sweep over the induction task."""

    name: Literal["induction"]
    labels: int = Field(ge=2, le=1000)
    """L, labels that there are; a row has two."""
    heldout_classes: int = Field(default=100, ge=0, le=1_000_000)
    """Classes of the split `exemplars`, which training never shows; 0, or at least 2."""
    heldout_exemplars: int = Field(default=0, ge=0, le=1_000_000)
    """Exemplars of every class besides E, for the split `unseen`."""
    heldout_pairs: float = Field(default=0.2, ge=0, lt=1)
    """Share of the pairs of labels that training never shows together, for the split `relabel`."""
    pair_seed: int = Field(default=0, ge=0, lt=2**31)
    """Draws these pairs, until every label is in one that training does show."""
    targets: Literal["context", "random"] = "context"
    """What is to be predicted: the label behind the query's class; or either of the two by chance, as a control
    in which no loss is under ln 2."""

    @model_validator(mode="after")
    def _check_pairs(self) -> InductionSettings:
        label_pairs(self.labels, self.heldout_pairs, self.pair_seed)
        return self

    @property
    def row_pairs(self) -> int:
        """2."""
        return PAIRS

    @property
    def label_count(self) -> int:
        """L."""
        return self.labels

    @property
    def stored_exemplars(self) -> int:
        """E and those that are held out."""
        return self.exemplars + self.heldout_exemplars

    def splits(self) -> tuple[Split, ...]:
        """Rows as in training; and with classes, pairs of labels and exemplars that it does not show."""
        _, heldout = label_pairs(self.labels, self.heldout_pairs, self.pair_seed)
        there = {
            "exemplars": self.heldout_classes > 0,
            "relabel": len(heldout) > 0,
            "unseen": self.heldout_exemplars > 0,
        }
        names = [name for name, is_there in there.items() if is_there]
        examples = self.evaluation_examples
        return (
            Split(name="test", role="in-distribution", examples=examples),
            *(Split(name=name, role="out-of-distribution", examples=examples) for name in names),
        )


@lru_cache(maxsize=64)
def label_pairs(labels: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of labels that training shows, and the others: (pairs, 2) each, the lower label first.

    Pairs in lexical order are ranked by the random words of the counters from 0 on, at the first step with which
    every label is in one of training's. Raises ValueError that names the field if there is none.
    """
    all_pairs = np.array(list(combinations(range(labels), 2)))
    heldout = round(share * len(all_pairs))
    # With fewer pairs than that there is no way.
    for draw in range(DRAWS if 2 * (len(all_pairs) - heldout) >= labels else 0):
        words = philox((seed, Role.PATTERN), (torch.arange(len(all_pairs)), draw))[:, 0]
        is_heldout = np.zeros(len(all_pairs), dtype=bool)
        is_heldout[words.argsort(stable=True)[:heldout].numpy()] = True
        if len(np.unique(all_pairs[~is_heldout])) == labels:
            return all_pairs[~is_heldout], all_pairs[is_heldout]
    raise ValueError(
        f"heldout_pairs: with {heldout} of {len(all_pairs)} pairs held out no way was found that all {labels} "
        "labels are in one of the others; hold out fewer"
    )


class Induction(PairTask):
    """The induction task on one device."""

    Settings = InductionSettings
    SPLITS = ("test", "exemplars", "relabel", "unseen")

    def __init__(self, settings: TaskSettings, device: torch.device) -> None:
        assert isinstance(settings, InductionSettings)
        self.settings = settings
        trained, heldout = label_pairs(settings.labels, settings.heldout_pairs, settings.pair_seed)
        self._trained_pairs_Q2 = torch.from_numpy(trained).to(device)
        self._heldout_pairs_Q2 = torch.from_numpy(heldout).to(device)
        self._trained_classes = Frequencies(settings.classes, device)
        self._heldout_classes = Frequencies(settings.heldout_classes, device)
        super().__init__(settings, device)

    def drawn(self, split: str, key: tuple[Tensor | int, int], row: Tensor, step: Tensor) -> Tensor:
        """Words 0 and 1 draw the classes, 2 the labels, the bits of 3 their order, which one is asked for and the
        random target, 4 to 6 the exemplars."""
        settings = self.settings
        words_XW = row_words(key, row, step, WORDS)
        if split == "exemplars":
            class_X2 = settings.classes + self._heldout_classes.different(words_XW[..., :2])
        else:
            class_X2 = self._trained_classes.different(words_XW[..., :2])
        pairs_Q2 = self._heldout_pairs_Q2 if split == "relabel" else self._trained_pairs_Q2
        label_X2 = pairs_Q2[below(words_XW[..., 2], len(pairs_Q2))]
        swapped_X, asked_X, random_X = ((words_XW[..., 3] >> bit) & 1 for bit in range(3))
        label_X2 = torch.where(swapped_X[..., None] == 1, label_X2.flip(-1), label_X2)
        answered_X = random_X if settings.targets == "random" else asked_X
        if split == "unseen":
            exemplar_X3 = settings.exemplars + below(words_XW[..., 4:], settings.heldout_exemplars)
        else:
            exemplar_X3 = below(words_XW[..., 4:], settings.exemplars)
        return self.tokens(
            torch.cat((class_X2, class_X2.gather(-1, asked_X[..., None])), dim=-1),
            exemplar_X3,
            torch.cat((label_X2, label_X2.gather(-1, answered_X[..., None])), dim=-1),
        )
