"""The sections of a spec: what may stand under `task:`, `model:`, `train:` and so on, and what it must be.

A task's own section is a subclass of `TaskSettings` beside the task (`seedsweep.workers.tasks`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from seedsweep.errors import InputError, did_you_mean

WIDTH_MULTIPLE = 4
"""Weight gradients of other widths do not start on 16 bytes for every seed, and the matrix kernels then round
the seeds of a pack differently (measured; see tests/workers/test_pack_invariance.py)."""


class AddedLater:
    """Marks a field that a section got after sweeps without it existed: `name: Annotated[int, AddedLater()] = 3`.

    The field's default must do what the engine did before. It is left out of a sweep's identity while it has
    that default, so that directories made before the field existed keep their fingerprint and go on.
    """


class Settings(BaseModel):
    """A section of the spec: unknown keys are refused, values never change, NaN and infinity are no numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def identity(self) -> dict[str, Any]:
        """The section's part of a sweep's identity: every field, except an `AddedLater` one at its default."""
        dump = self.model_dump(mode="json")
        for name, field in type(self).model_fields.items():
            later = any(isinstance(mark, AddedLater) for mark in field.metadata)
            if later and getattr(self, name) == field.default:
                del dump[name]
        return dump

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_lookalikes(cls, value: Any, info: ValidationInfo) -> Any:
        """Left alone, pydantic takes `true` for 1 and the text "6" for 6."""
        annotation = cls.model_fields[info.field_name or ""].annotation
        kinds = get_args(annotation) or (annotation,)
        if isinstance(value, bool) and bool not in kinds and {int, float} & set(kinds):
            raise ValueError(f"{str(value).lower()} is not a number")
        if isinstance(value, str) and {int, float} & set(kinds) and re.fullmatch(r"[\d.eE+-]+", value.strip()):
            raise ValueError(f"{value!r} is a text, not a number; write it without quotes")
        return value


class Split(Settings):
    """One evaluation set of a task."""

    name: str
    role: Literal["in-distribution", "out-of-distribution"]
    examples: int
    """Examples it holds: a share of right answers is a multiple of 1 / examples."""


class Metric(Settings):
    """One number that a task reports for every split."""

    name: str
    bounds: tuple[float, float | None]
    """Smallest and largest possible value; None: there is no largest."""
    counts_examples: bool = False
    """Whether it is a share of the split's examples, hence a multiple of 1 / examples."""


class TaskSettings(Settings):
    """Base of every task's settings. The task's `name` decides which class reads the rest."""

    name: str

    def splits(self) -> tuple[Split, ...]:
        """The evaluation sets, in-distribution first."""
        raise TypeError(f"{type(self).__name__} must say its splits")

    def metrics(self) -> tuple[Metric, ...]:
        """What every split reports."""
        raise TypeError(f"{type(self).__name__} must say its metrics")

    def vocabulary_size(self) -> int:
        """Size of the token vocabulary V, special tokens included."""
        raise TypeError(f"{type(self).__name__} must say its vocabulary size")

    def tokens_per_row(self) -> int:
        """Length T of one training row in tokens."""
        raise TypeError(f"{type(self).__name__} must say the length of its rows")

    def evaluation_tokens(self) -> int:
        """Tokens read by one evaluation of all splits, per seed."""
        raise TypeError(f"{type(self).__name__} must say the size of its evaluation")


class ModelSettings(Settings):
    """Base of every dialect's settings: what all decoders have. The section's `dialect` decides which class
    reads it (`DIALECTS`). Width is given as heads × head_dim, or as d_model, which heads must divide."""

    dialect: str
    depth: int = Field(ge=1, le=1000)
    heads: int = Field(ge=1, le=1024)
    head_dim: int | None = Field(default=None, ge=1, le=65536)
    d_model: int | None = Field(default=None, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _check_width(self) -> Self:
        if (self.head_dim is None) == (self.d_model is None):
            raise ValueError("give either head_dim (width = heads × head_dim) or d_model, not both or neither")
        if self.d_model is not None and self.d_model % self.heads:
            raise ValueError(
                f"d_model {self.d_model} is not divisible by heads {self.heads}; the nearest that is: "
                f"{max(1, round(self.d_model / self.heads)) * self.heads}"
            )
        if self.width % WIDTH_MULTIPLE:
            raise ValueError(
                f"the width d_model = heads × head_dim = {self.width} is not a multiple of {WIDTH_MULTIPLE}; "
                "other widths round differently in a pack than alone"
            )
        return self

    @property
    def width(self) -> int:
        """D, the width of the residual stream."""
        return self.d_model if self.d_model is not None else self.heads * (self.head_dim or 0)

    @property
    def head_size(self) -> int:
        """K, the dimensions of one head."""
        return self.width // self.heads

    def parameters(self, vocabulary: int) -> int:
        """Parameters of one seed for a vocabulary of that many tokens."""
        raise TypeError(f"{type(self).__name__} must say its number of parameters")


class GPTNeoXSettings(ModelSettings):
    """`model:` section of the GPT-NeoX dialect (`workers.dialects.gpt_neox`)."""

    dialect: Literal["gpt-neox"] = "gpt-neox"
    rotary_fraction: float = Field(default=0.25, ge=0, le=1)
    rotary_base: float = Field(default=10000.0, gt=1)
    init_std: float = Field(default=0.02, gt=0)

    @model_validator(mode="after")
    def _check_rotary(self) -> Self:
        if self.rotary_dim % 2:
            raise ValueError(
                f"rotary_fraction {self.rotary_fraction} of a head of {self.head_size} dimensions rotates "
                f"{self.rotary_dim}, an odd number; choose one that gives an even number"
            )
        return self

    @property
    def rotary_dim(self) -> int:
        """Dimensions of each head that are rotated (the first ones)."""
        return int(self.head_size * self.rotary_fraction)

    def parameters(self, vocabulary: int) -> int:
        """2·V·d + L·(12d² + 13d) + 2d (untied embeddings)."""
        d = self.width
        return 2 * vocabulary * d + self.depth * (12 * d * d + 13 * d) + 2 * d


class PostLNSettings(ModelSettings):
    """`model:` section of the post-LN dialect (`workers.dialects.post_ln`)."""

    dialect: Literal["post-ln"] = "post-ln"
    dropout: float = Field(default=0.1, ge=0, le=0.9)
    """Share of values set to zero in training; none are in evaluation."""

    def parameters(self, vocabulary: int) -> int:
        """V·(d + 1) + L·(12d² + 9d) (tied embeddings, no biases in attention)."""
        d = self.width
        return vocabulary * (d + 1) + self.depth * (12 * d * d + 9 * d)


DIALECTS: dict[str, type[ModelSettings]] = {"gpt-neox": GPTNeoXSettings, "post-ln": PostLNSettings}


def model_settings(given: Any) -> type[ModelSettings]:
    """The class that reads a `model:` section; gpt-neox if it names no dialect, InputError if an unknown one."""
    if isinstance(given, ModelSettings):
        return type(given)
    name = given.get("dialect", "gpt-neox") if isinstance(given, Mapping) else "gpt-neox"
    if not isinstance(name, str) or name not in DIALECTS:
        choices = ", ".join(repr(known) for known in DIALECTS)
        raise InputError(f"dialect: {name!r} is not one of {choices}{did_you_mean(str(name), DIALECTS)}")
    return DIALECTS[name]


class TrainSettings(Settings):
    """Optimisation of every seed: AdamW, linear warm-up, then the schedule; gradients are clipped per seed."""

    steps: int = Field(ge=1)
    batch: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    warmup: int = Field(default=0, ge=0)
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """After the warm-up: to 0 along a cosine or a line, or no change."""
    weight_decay: float = Field(default=0.1, ge=0)
    adam_epsilon: Annotated[float, AddedLater()] = Field(default=1e-8, gt=0)
    clip: float | None = Field(default=1.0, gt=0)
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"

    @model_validator(mode="after")
    def _check_warmup(self) -> TrainSettings:
        if self.warmup > self.steps:
            raise ValueError(f"warmup {self.warmup} is longer than the {self.steps} steps")
        return self


class EvaluateSettings(Settings):
    """When to evaluate: before training, after 1, 2, 4, … steps, then every `every` steps, and at the end."""

    every: int | None = Field(default=None, ge=1)
    """Steps between regular evaluations; by default a twentieth of the training."""

    def steps(self, total: int) -> tuple[int, ...]:
        """The steps at which a training of `total` steps is evaluated, ascending, 0 and `total` included."""
        every = self.every or math.ceil(total / 20)
        early = [2**k for k in range(every.bit_length()) if 2**k < every]
        return tuple(sorted({0, total, *range(every, total, every), *(s for s in early if s < total)}))


class ScaleSettings(Settings):
    """The ladder: one numeric field of the spec by its dotted name, and the values it takes."""

    field: str
    values: tuple[float, ...]

    @field_validator("values", mode="before")
    @classmethod
    def _check_values(cls, values: Any) -> Any:
        if not isinstance(values, list | tuple) or not values:
            raise ValueError("give a list of at least one number, for example [1, 2, 4]")
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{value!r} is not a number")
        if len(set(values)) < len(values):
            twice = next(v for i, v in enumerate(values) if v in values[:i])
            raise ValueError(f"value {twice:g} is given twice")
        return sorted(values)


class SuccessSettings(Settings):
    """What counts as success in the summary; it changes no training and may change at any time."""

    metric: str
    split: str
    at_least: float


class ExecutionSettings(Settings):
    """How the work is scheduled; it changes no number and is not part of a sweep's identity."""

    pack: int | Literal["auto"] = "auto"
    """Seeds trained together; auto: 4 on a CPU, as many as fit (at most 64) on a GPU."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int | Literal["auto"] = "auto"
    """Worker processes under Ray; auto: one per CPU core or per GPU."""

    @field_validator("pack", "workers")
    @classmethod
    def _check_count(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 1:
            raise ValueError("give a number of at least 1, or auto")
        return value
