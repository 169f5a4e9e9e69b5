"""Everything that decides the numbers of the cells of one scale, put together and checked. Needs no torch."""

from __future__ import annotations

from typing import Self

from pydantic import SerializeAsAny, model_validator

from seedsweep.section import Settings
from seedsweep.workers.instrumentsettings import InterventionSettings, StreamSettings, check_instruments
from seedsweep.workers.settings import (
    NOT_WITH_DROPOUT,
    BaseSettings,
    EvaluateSettings,
    ModelSettings,
    TaskSettings,
    TrainSettings,
)


class CellSettings(Settings):
    """Everything that decides the numbers of the cells of one scale, the seed apart."""

    task: SerializeAsAny[TaskSettings]
    model: SerializeAsAny[ModelSettings]
    train: TrainSettings
    evaluate: EvaluateSettings
    base: BaseSettings | None = None
    streams: tuple[SerializeAsAny[StreamSettings], ...] = ()
    interventions: tuple[InterventionSettings, ...] = ()

    @model_validator(mode="after")
    def _check_instruments(self) -> Self:
        check_instruments(self.streams, self.interventions, self.task, self.model)
        return self

    @model_validator(mode="after")
    def _check_compile(self) -> Self:
        if self.train.compiles_steps and self.model.drops:
            raise ValueError(f"train.compile: {NOT_WITH_DROPOUT}")
        return self

    @model_validator(mode="after")
    def _check_tokens(self) -> Self:
        restricted = self.task.features is not None or self.task.predicted is not None
        if restricted and (self.model.tied or self.model.embedding_rows is not None):
            raise ValueError(
                f"model.dialect: {self.model.dialect} predicts whatever it embeds, and {self.task.name} does not; "
                "use attention-only, pre-ln or gpt-neox"
            )
        return self

    @property
    def vocabulary_size(self) -> int:
        """V, the rows of the embedding."""
        rows = self.model.embedding_rows
        return self.task.vocabulary_size() if rows is None else rows

    @property
    def predicted(self) -> int:
        """Columns of the output layer."""
        return self.vocabulary_size if self.task.predicted is None else self.task.predicted

    @property
    def scored_share(self) -> float:
        """Of a training row's tokens, those whose logits are computed."""
        scored = self.task.scored_tokens
        return 1.0 if scored is None else (scored[1] - scored[0]) / self.task.tokens_per_row()

    @property
    def parameters(self) -> int:
        """Of one seed."""
        features = self.task.features
        if features is None:
            return self.decoder.parameters(self.vocabulary_size, self.predicted)
        embedded = self.vocabulary_size - features.rows
        return self.decoder.parameters(embedded, self.predicted) + (features.padded + 1) * self.model.width

    @property
    def batch(self) -> int:
        """B, rows of a step; 0 if `train.batch_tokens` holds none."""
        if self.train.batch is not None:
            return self.train.batch
        return (self.train.batch_tokens or 0) // self.task.tokens_per_row()

    @property
    def decoder(self) -> ModelSettings:
        """The model with all its sizes, those that the task decides too."""
        return self.model.for_rows(self.task.longest_row())

    @property
    def measured(self) -> dict[str, list[str]]:
        """The metrics of every split of an evaluation, the task's first, as far as streams tell theirs.

        Without those of training itself.
        """
        metrics = [metric.name for metric in self.task.metrics()]
        later = [f"+{one.label}" for one in self.interventions if one.at == "evaluation"]
        found = {split + end: list(metrics) for end in ("", *later) for split in self.task.split_names()}
        for stream in self.streams:
            for split, names in stream.measures(self.task, self.model).items():
                found.setdefault(split, []).extend(names)
        return found

    @property
    def redraws(self) -> bool:
        """Whether seeds start from a trained model of which they draw a part anew."""
        return self.model.starts_trained or self.base is not None

    def from_scratch(self) -> CellSettings:
        """The same cells, but with all weights drawn."""
        return self.model_copy(update={"model": self.model.untrained(), "base": None})

    def of_base(self) -> CellSettings:
        """How the base is trained. Raises ValidationError if its changes do not fit the task."""
        assert self.base is not None
        task = self.task.model_dump(exclude_none=True) | self.base.task
        return self.model_copy(
            update={
                "task": type(self.task).model_validate(task),
                "train": self.base.train,
                "base": None,
                "streams": (),
                "interventions": (),
            }
        )

    @property
    def evaluation_steps(self) -> tuple[int, ...]:
        """Steps at which every seed of the cell is evaluated."""
        return self.evaluate.steps(self.train.steps)
