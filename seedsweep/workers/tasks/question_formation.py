"""Question formation: turn a declarative into a question (McCoy, Frank & Linzen 2020; Qin et al. 2024).

A line is begin, a declarative, `quest` or `decl`, the question or the declarative again, end; one line is one row.
The loss is on all its tokens. In the questions of train and test the main auxiliary is the first one; on the split
`gen` it never is, and there the first word of the question tells which rule a model has learnt, the linear or the
hierarchical one. The data set is the same for all seeds of a cell; each seed reads it in its own order, shuffled
anew in every epoch, as is usual in the literature.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor

from seedsweep.errors import InputError
from seedsweep.measures import Metric, Split
from seedsweep.section import AddedLater
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.device import to_host
from seedsweep.workers.philox import Role
from seedsweep.workers.settings import TOKENS_AT_ONCE, TaskSettings
from seedsweep.workers.shuffle import shuffled
from seedsweep.workers.tasks import Rows, Task
from seedsweep.workers.tasks.question_data import QUEST_SHARE, generate, remix
from seedsweep.workers.tasks.question_files import Files, read_files
from seedsweep.workers.tasks.question_grammar import (
    AUXILIARY_TOKENS,
    DECL,
    GRAMMARS,
    PAD,
    QUEST,
    VOCABULARY,
    DataSet,
    encode,
)

METRICS = (
    Metric(name="first_auxiliary", bounds=(0, 1), counts_examples=True),
    Metric(name="exact_match", bounds=(0, 1), counts_examples=True),
    Metric(name="first_auxiliary_nll", bounds=(0, None)),
    Metric(name="first_auxiliary_nll_of_four", bounds=(0, None)),
)


class QuestionFormationSettings(TaskSettings):
    """`task:` section of a question-formation sweep."""

    name: Literal["question-formation"]
    mix: float | None = Field(default=None, ge=0, le=1)
    """Share of centre-embedded sentences among the declarations; None: as in the original data, 29 %."""
    quest_only: bool = False
    """Train on the questions alone, without any declaration."""
    data: str | None = None
    """Directory with McCoy's files (see `question_files`); None: sentences from our own generator."""
    grammar: Annotated[Literal["full", "small"], AddedLater()] = "full"
    """small: few words and one kind of relative clause, for small models (`question_grammar.SMALL`)."""
    types: Annotated[Literal["original", "grammar"], AddedLater()] = "grammar"
    """How frequent sentences of every type are, a type being a sentence without its words. original: as in McCoy's
    files, which have the proportions of their authors' sampling (`question_types`); grammar: as the grammar's
    weights say, by which half of the sentences have no object, where in McCoy's train it is a fifth."""
    quest_share: Annotated[float, AddedLater()] = Field(default=QUEST_SHARE, gt=0, lt=1)
    """Questions among the generated lines; 41 % in the original data."""
    train_lines: int | None = Field(default=None, ge=100, le=1_000_000)
    test_lines: int | None = Field(default=None, ge=100, le=100_000)
    gen_lines: int | None = Field(default=None, ge=6, le=100_000)
    """Lines of the generated splits, 100 000, 10 000 and 10 000 if not given. With `data` the files decide."""
    evaluation_examples: int | None = Field(default=None, ge=1)
    """Questions of each split that are evaluated, the first ones; None: all."""

    @model_validator(mode="after")
    def _check_data(self) -> QuestionFormationSettings:
        if self.types == "original" and self.grammar != "full":
            raise ValueError("types: the original files are of the full grammar; with grammar: small leave it out")
        if self.quest_only and self.mix is not None:
            raise ValueError("mix: with quest_only there are no declarations to mix; give one of the two")
        if self.data is not None:
            for name in ("train_lines", "test_lines", "gen_lines", "grammar", "types", "quest_share"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"{name}: the files of data decide; leave it out")
        return self

    def resolve(self) -> Self:
        """With the directory of the data absolute, after its files were read and checked."""
        if self.data is None:
            return self
        resolved = self.model_copy(update={"data": str(Path(self.data).expanduser().resolve())})
        try:
            train = resolved._files.data.train
            if self.mix is not None:
                remix(train, self.mix)
        except InputError as error:
            raise InputError(f"task.data: {error}") from None
        return resolved

    @property
    def _files(self) -> Files:
        assert self.data is not None
        return read_files(self.data)

    def data_set(self) -> DataSet:
        """The sentences, the same for every seed."""
        if self.data is None:
            return _generated(
                self.train_lines or 100_000,
                self.test_lines or 10_000,
                self.gen_lines or 10_000,
                self.mix,
                self.quest_only,
                self.grammar,
                self.quest_share,
                self.types,
            )
        data = self._files.data
        train = data.train
        if self.quest_only:
            train = train.questions()
        elif self.mix is not None:
            train = remix(train, self.mix)
        return DataSet(train, data.dev, data.test, data.gen)

    def identity(self) -> dict[str, Any]:
        """Of files their content counts, not their place."""
        place = {} if self.data is None else {"data": f"sha256:{self._files.digest}"}
        return super().identity() | place

    def split_names(self) -> tuple[str, ...]:
        """Whatever the files hold."""
        return "test", "gen"

    def splits(self) -> tuple[Split, ...]:
        """Questions of `test`, on which both rules agree, and of `gen`, on which they never do."""
        if self.data is None:
            sizes = {
                "test": round(self.quest_share * (self.test_lines or 10_000)),
                "gen": self.gen_lines or 10_000,
            }
        else:
            data = self._files.data
            sizes = {"test": len(data.test.questions()), "gen": len(data.gen.questions())}
        most = self.evaluation_examples or max(sizes.values())
        return (
            Split(name="test", role="in-distribution", examples=min(most, sizes["test"])),
            Split(name="gen", role="out-of-distribution", examples=min(most, sizes["gen"])),
        )

    def metrics(self) -> tuple[Metric, ...]:
        """See `QuestionFormation.evaluate`."""
        return METRICS

    def vocabulary_size(self) -> int:
        """68 words, pad, begin and end."""
        return len(VOCABULARY)

    def tokens_per_row(self) -> int:
        """Of the longest line that there can be: two sentences, begin, quest or decl, end."""
        longest = (
            GRAMMARS[self.grammar].longest if self.data is None else self._files.data.train.sentences_NW.shape[1]
        )
        return 2 * longest + 3

    def evaluation_tokens(self) -> int:
        """Rows of both splits."""
        return sum(split.examples for split in self.splits()) * self.tokens_per_row()


_generated = lru_cache(maxsize=2)(generate)


class QuestionFormation(Task):
    """The question-formation task on one device."""

    Settings = QuestionFormationSettings

    def __init__(self, settings: TaskSettings, device: torch.device) -> None:
        assert isinstance(settings, QuestionFormationSettings)
        data = settings.data_set()
        # One byte per token until a line is read.
        self._train_LT = torch.from_numpy(encode(data.train)).to(device)
        self._splits = {}
        for split, lines in zip(settings.splits(), (data.test, data.gen), strict=True):
            rows_WT = torch.from_numpy(encode(lines.questions())[: split.examples])
            self._splits[split.name] = rows_WT.long().to(device)
        self._auxiliaries = torch.tensor(AUXILIARY_TOKENS, device=device)

    def rows(self, data_seeds_S: Tensor, steps_N: Tensor, batch: int) -> Rows:
        """One line a row. An epoch is as many whole batches as there are; which lines it leaves out is chance."""
        lines = len(self._train_LT)
        steps_per_epoch = max(1, lines // batch)
        first_N = (steps_N % steps_per_epoch) * batch
        places_NB = (first_N[:, None] + torch.arange(batch, device=steps_N.device)) % lines
        line_NSB = shuffled(data_seeds_S, Role.DATA, steps_N // steps_per_epoch, places_NB, lines)
        tokens_NSBT = self._train_LT[line_NSB].long()
        return Rows(tokens_NSBT, tokens_NSBT != PAD)

    def loss_parts(self, tokens_SBT: Tensor) -> dict[str, Tensor]:
        """The sentence up to `quest` or `decl`, and the output behind it with the end token."""
        marker_SBT = (tokens_SBT == QUEST) | (tokens_SBT == DECL)
        output_SBT = (marker_SBT.cumsum(-1) > 0) & ~marker_SBT
        return {"loss_sentence": ~output_SBT, "loss_output": output_SBT}

    def evaluate(self, decoder: StackedDecoder) -> dict[tuple[str, str], np.ndarray]:
        """Teacher-forced, on the questions of both splits.

        first_auxiliary
            Share of lines on which, of the four auxiliaries behind `quest`, the right one is likeliest.
        exact_match
            Share of lines with every word of the question likeliest in its place; the end token is not asked for.
        first_auxiliary_nll
            Mean −log p of the question's first word.
        first_auxiliary_nll_of_four
            The same with p among the four auxiliaries only.
        """
        values = {}
        for split, rows_WT in self._splits.items():
            chunks = rows_WT.split(max(1, TOKENS_AT_ONCE // rows_WT.shape[1]))
            scores = [self._score(decoder, chunk_WT) for chunk_WT in chunks]
            values_SW = to_host(*(torch.cat(columns, dim=1).double() for columns in zip(*scores, strict=True)))
            for metric, value_SW in zip(METRICS, values_SW, strict=True):
                # Seed by seed, so that no vectorised kernel can treat the seeds of a pack differently.
                values[split, metric.name] = np.array([value_W.mean() for value_W in value_SW])
        return values

    def _score(self, decoder: StackedDecoder, rows_WT: Tensor) -> tuple[Tensor, ...]:
        """Per seed and line (S, W), in the order of METRICS."""
        seeds, lines = decoder.flat_SP.shape[0], torch.arange(len(rows_WT), device=rows_WT.device)
        quest_W = (rows_WT == QUEST).int().argmax(1)
        # The question is as long as the sentence, so with `quest` at t it fills t + 1 … 2t − 1.
        hidden_SWTD = decoder.hidden(rows_WT[:, :-1].expand(seeds, -1, -1), lengths_B=2 * quest_W - 1)
        logits_SWTV = decoder.logits(hidden_SWTD).float()
        target_WT = rows_WT[:, 1:]
        place_T = torch.arange(target_WT.shape[1], device=rows_WT.device)
        asked_WT = (place_T >= quest_W[:, None]) & (place_T < 2 * quest_W[:, None] - 1)
        exact_SW = ((logits_SWTV.argmax(-1) == target_WT) | ~asked_WT).all(-1)

        first_SWV, gold_W = logits_SWTV[:, lines, quest_W], target_WT[lines, quest_W]
        four_SWX = first_SWV[..., self._auxiliaries]
        gold_of_four_W = (self._auxiliaries == gold_W[:, None]).int().argmax(1)
        right_SW = four_SWX.argmax(-1) == gold_of_four_W
        return right_SW, exact_SW, _nll(first_SWV, gold_W), _nll(four_SWX, gold_of_four_W)


def _nll(logits_SWV: Tensor, target_W: Tensor) -> Tensor:
    target_SW = target_W.expand(logits_SWV.shape[:2])
    return F.cross_entropy(logits_SWV.movedim(-1, 1), target_SW, reduction="none")
