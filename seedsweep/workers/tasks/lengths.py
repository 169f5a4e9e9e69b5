"""The settings that tasks of length generalisation share: train on a range of lengths, test beyond it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import Field, field_validator, model_validator

from seedsweep.measures import Metric, Split
from seedsweep.workers.alignment import ROW_ALIGNMENT, padding
from seedsweep.workers.scoring import ANSWER_METRICS
from seedsweep.workers.settings import TOKENS_AT_ONCE, EvaluationPass, TaskSettings


class LengthSettings(TaskSettings):
    """Training and test lengths in the task's own unit, and the size of a training row."""

    unit: ClassVar[str] = "length"
    """Splits are named after it: `length-60`."""
    train_lengths: tuple[int, int]
    """Shortest and longest in training, both included."""
    test_lengths: tuple[int, ...]
    """Lengths of the out-of-distribution splits, each longer than any in training."""
    context: int = Field(ge=1)
    """Tokens in a training row."""

    @field_validator("train_lengths", mode="before")
    @classmethod
    def _check_train_lengths(cls, lengths: Any) -> Any:
        if isinstance(lengths, list | tuple) and len(lengths) == 2 and all(type(n) is int for n in lengths):
            first, last = lengths
            if first < 1:
                raise ValueError(f"lengths start at 1, not {first}")
            if last < first:
                raise ValueError(f"the range is reversed; write [{last}, {first}]")
            return lengths
        raise ValueError("give the shortest and the longest length, for example [1, 8]")

    @model_validator(mode="after")
    def _check_test_lengths(self) -> LengthSettings:
        longest = self.train_lengths[1]
        if not self.test_lengths:
            raise ValueError(f"test_lengths: give at least one length over {longest}")
        for length in self.test_lengths:
            if length <= longest:
                raise ValueError(
                    f"test_lengths: {length} is not out of distribution, training goes up to {longest}; "
                    f"give lengths over {longest}"
                )
        if len(set(self.test_lengths)) < len(self.test_lengths):
            raise ValueError("test_lengths: a length is given twice")
        return self

    @abstractmethod
    def examples(self, length: int) -> int:
        """Evaluation examples of that length."""

    def largest_scoring(self, tokens: Callable[[int], int], prompt: Callable[[int], int]) -> EvaluationPass:
        """The largest pass of `workers.scoring.score`, by the tokens of an example and those before its answer."""
        passes = []
        for length in self.evaluated_lengths().values():
            examples, answer = self.examples(length), tokens(length) - prompt(length)
            rows = min(examples, max(1, TOKENS_AT_ONCE // tokens(length)))
            passes.append(EvaluationPass(rows, tokens(length) - 1, answer, examples * answer))
        return max(
            passes, key=lambda one: (one.rows * (one.length + padding(one.length, ROW_ALIGNMENT)), one.kept)
        )

    def evaluated_lengths(self) -> dict[str, int]:
        """The length of every split by its name, the in-distribution one first."""
        return {f"{self.unit}-{length}": length for length in (self.train_lengths[1], *sorted(self.test_lengths))}

    def splits(self) -> tuple[Split, ...]:
        """The longest training length in distribution, every test length out of distribution."""
        return tuple(
            Split(
                name=name,
                role="out-of-distribution" if number else "in-distribution",
                examples=self.examples(length),
            )
            for number, (name, length) in enumerate(self.evaluated_lengths().items())
        )

    def metrics(self) -> tuple[Metric, ...]:
        """See `workers.scoring.answer_metrics`."""
        return ANSWER_METRICS

    def tokens_per_row(self) -> int:
        """T, the context."""
        return self.context
