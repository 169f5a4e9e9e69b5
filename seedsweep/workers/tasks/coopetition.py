"""The task of Singh et al. 2025 (arXiv 2503.05631): every class has a label of its own, which the context repeats.

A row is two pairs and a query: `x₁ ℓ₁ x₂ ℓ₂ x ℓ`, one pair of the query's class and one of another. The answer can
be copied from beside the query's class (in-context learning, ICL), or be known by heart (in-weights, IWL), or be
the one of the context's labels that is known by heart to be the query's (context-constrained, CIWL). Evaluations
tell these apart; the label of class c is number c.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from seedsweep.measures import Metric, Split
from seedsweep.workers.philox import below
from seedsweep.workers.settings import TaskSettings
from seedsweep.workers.tasks.draws import Frequencies, happens, row_words
from seedsweep.workers.tasks.pairs import PairSettings, PairTask, Scores

PAIRS = 2
WORDS = 12
NEW_LABELS = 2
"""Labels 0 and 1 are those of the evaluation of ICL, so exemplars of their classes are not in it."""
WITHOUT_QUERY = ("ciwl", "iwl")
"""Splits in whose context no exemplar is of the query's class."""

METRICS = (
    Metric(name="loss", bounds=(0, None)),
    Metric(name="accuracy", bounds=(0, 1), counts_examples=True),
    Metric(name="context_mass", bounds=(0, 1)),
    Metric(name="probability", bounds=(0, 1)),
)


class CoopetitionSettings(PairSettings):
    """`task:` section of a sweep over coopetition."""

    name: Literal["coopetition"]
    data: Literal["bursty", "icl-only", "ciwl-only"] = "bursty"
    """Rows of training. bursty: both classes have their own labels. icl-only: two of all labels, drawn anew for
    every row. ciwl-only: as the split `ciwl`."""
    matched: float = Field(default=0.0, ge=0, le=1)
    """Share of training's rows in which the exemplar of the query's class in the context is the query itself. In
    the others, and in all other evaluations, it is another one if there are several."""
    targets: Literal["label", "random"] = "label"
    """What is to be predicted: the label; or any of all labels by chance, as a control in which no loss is under
    ln C."""

    @model_validator(mode="after")
    def _check_classes(self) -> CoopetitionSettings:
        if self.classes < NEW_LABELS + PAIRS:
            raise ValueError(f"classes: the evaluations need at least {NEW_LABELS + PAIRS}")
        if self.heldout_classes:
            raise ValueError("heldout_classes: no evaluation has any; leave it out")
        if self.exemplars == 1 and self.matched != 1:
            raise ValueError(
                "matched: the only exemplar of a class is always the query itself; give 1, or exemplars"
            )
        return self

    @property
    def row_pairs(self) -> int:
        """2."""
        return PAIRS

    @property
    def label_count(self) -> int:
        """C."""
        return self.classes

    def splits(self) -> tuple[Split, ...]:
        """Rows as in training, and those that tell the strategies apart."""
        return tuple(
            Split(
                name=name,
                role="in-distribution" if name == "test" else "out-of-distribution",
                examples=self.evaluation_examples,
            )
            for name in Coopetition.SPLITS
        )

    def metrics(self) -> tuple[Metric, ...]:
        """See `Coopetition.measures`."""
        return METRICS


class Coopetition(PairTask):
    """Coopetition on one device.

    Its splits, by what the context has and what is right:

    test
        As in training.
    icl
        The query's class and another, labels 0 and 1 in random order; the one beside the query's class.
    ciwl
        Two other classes with their own labels, of which the query's is then written over one; it.
    flip
        The query's class and another, each with the other's label; the one beside the query's class. A model that
        goes by the context gets all right, one that goes by what it knows of the classes none.
    iwl
        Two other classes with their own labels; the query's label.
    """

    Settings = CoopetitionSettings
    SPLITS = ("test", "icl", "ciwl", "flip", "iwl")

    def __init__(self, settings: TaskSettings, device: torch.device) -> None:
        assert isinstance(settings, CoopetitionSettings)
        self.settings = settings
        self._classes = Frequencies(settings.classes, device)
        self._with_labels_of_their_own = Frequencies(settings.classes - NEW_LABELS, device)
        super().__init__(settings, device)

    def measures(self, split: str, scores: Scores) -> dict[str, np.ndarray]:
        """Of every split, means over its rows.

        loss, probability
            −log p of the right label, and its p.
        accuracy
            Whether it is the likelier of the context's two labels; in `iwl`, whose context has it not, whether it
            is the likeliest of all. Chance is ½ and 1 / C.
        context_mass
            p of the context's labels together.
        """
        found = super().measures(split, scores)
        in_context = found.pop("context_accuracy")
        return found | ({} if split == "iwl" else {"accuracy": in_context})

    def drawn(self, split: str, key: tuple[Tensor | int, int], row: Tensor, step: Tensor) -> Tensor:
        """Words 0 to 2 draw the classes, the bits of 3 the place of the query's pair and the order of labels 0 and
        1, 4 to 6 the exemplars, 7 whether they are matched, 8 and 9 labels of the row, 10 the random target, 11 an
        exemplar other than the query's."""
        words_XW = row_words(key, row, step, WORDS)
        kind = split
        if split == "test":
            kind = {"bursty": "own", "icl-only": "new", "ciwl-only": "ciwl"}[self.settings.data]
        asked_X, swapped_X = words_XW[..., 3] & 1, (words_XW[..., 3] >> 1) & 1
        class_X3 = self._drawn_classes(kind, words_XW, asked_X)
        own_X2 = class_X3[..., :2]
        if kind == "new":
            label_X2 = self._classes.different(words_XW[..., 8:10])
        elif kind == "icl":
            label_X2 = torch.stack((swapped_X, 1 - swapped_X), dim=-1)
        elif kind == "flip":
            label_X2 = own_X2.flip(-1)
        elif kind == "ciwl":
            label_X2 = self._with_query_at(asked_X, class_X3[..., 2], own_X2)
        else:
            label_X2 = own_X2
        beside_X = label_X2.gather(-1, asked_X[..., None])[..., 0]
        answer_X = class_X3[..., 2] if kind == "iwl" else beside_X
        if self.settings.targets == "random":
            answer_X = below(words_XW[..., 10], self.settings.classes)
        exemplar_X3 = below(words_XW[..., 4:7], self.settings.exemplars)
        if kind not in WITHOUT_QUERY and self.settings.exemplars > 1:
            matched = self.settings.matched if split == "test" else 0.0
            beside_X = self._beside_query(exemplar_X3[..., 2], words_XW, matched)
            pairs_X2 = self._with_query_at(asked_X, beside_X, exemplar_X3[..., :2])
            exemplar_X3 = torch.cat((pairs_X2, exemplar_X3[..., 2:]), dim=-1)
        return self.tokens(class_X3, exemplar_X3, torch.cat((label_X2, answer_X[..., None]), dim=-1))

    def _drawn_classes(self, kind: str, words_XW: Tensor, asked_X: Tensor) -> Tensor:
        """Those of the two pairs and of the query (X, 3)."""
        if kind in WITHOUT_QUERY:
            return self._classes.different(words_XW[..., :3])
        if kind == "icl":
            class_X2 = NEW_LABELS + self._with_labels_of_their_own.different(words_XW[..., :2])
        else:
            class_X2 = self._classes.different(words_XW[..., :2])
        return torch.cat((class_X2, class_X2.gather(-1, asked_X[..., None])), dim=-1)

    def _beside_query(self, query_X: Tensor, words_XW: Tensor, matched: float) -> Tensor:
        """The exemplar of the query's class in the context: the query itself in that share of rows, or another."""
        other_X = below(words_XW[..., 11], self.settings.exemplars - 1)
        other_X = other_X + (other_X >= query_X)
        return torch.where(happens(words_XW[..., 7], matched), query_X, other_X)

    def _with_query_at(self, asked_X: Tensor, of_query_X: Tensor, pairs_X2: Tensor) -> Tensor:
        """What the two pairs have, with what is the query's in its place."""
        places_2 = torch.arange(PAIRS, device=asked_X.device)
        return torch.where(places_2 == asked_X[..., None], of_query_X[..., None], pairs_X2)
