"""The engine's sections of a spec: `task:`, `model:`, `train:`, `base:` and `evaluate:`, and what each must be.

A task's own section is a subclass of `TaskSettings` beside the task (`seedsweep.workers.tasks`), a dialect's one
of `ModelSettings` beside the dialect (`seedsweep.workers.dialects`). Needs no torch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from seedsweep.measures import Metric, Split
from seedsweep.section import AddedLater, Settings
from seedsweep.workers.alignment import ROW_ALIGNMENT, padding

ENGINE = 1
"""Version of the numbers the engine makes: raised by every change that makes a seed train differently."""

COMPILED = 2
"""Version of the numbers that `train.compile` makes of the same engine: raised by every change of what is
compiled, or of the kernels (`workers.kernels`), that makes a seed train differently. 1 had torch's kernels."""

NOT_WITH_DROPOUT = (
    "not with model.dropout (unless train.unpadded): a seed alone would round otherwise than in a pack; "
    "give one of them up"
)
TOKENS_AT_ONCE = 8192
"""Tokens per seed in one forward pass of the evaluation. It bounds memory; it must not depend on the pack, because
a matrix product may round differently for another number of rows, and for the same reason it stays what it is."""
WIDTH_MULTIPLE = 4
"""Weight gradients of other widths do not start on 16 bytes for every seed, and the matrix kernels then round
the seeds of a pack differently (measured; see tests/workers/test_pack_invariance.py)."""


class EvaluationPass(NamedTuple):
    """The largest forward pass of an evaluation, of one seed."""

    rows: int
    length: int
    """Tokens of a row."""
    scored: int
    """Positions of a row whose logits are computed."""
    kept: int
    """Scored positions whose score is kept until the evaluation ends."""


class Features(NamedTuple):
    """Tokens that are given by features, which nothing trains: those of the lowest ids."""

    rows: int
    """Of the table: so many tokens."""
    size: int
    """F, numbers of a token. A map to the width of the model, which is trained, stands for their embedding."""

    @property
    def padded(self) -> int:
        """F with zeros behind, so that rows of all seeds fill whole registers."""
        return self.size + padding(self.size, ROW_ALIGNMENT)


class TaskSettings(Settings, ABC):
    """Base of every task's settings. The task's `name` decides which class reads the rest."""

    name: str

    def resolve(self) -> Self:
        """The settings with every path absolute, after all files that they name were read and checked.

        What is said of splits, vocabulary and costs may need those files. Raises InputError that names the field.
        """
        return self

    @abstractmethod
    def splits(self) -> tuple[Split, ...]:
        """The evaluation sets, in-distribution first."""

    def split_names(self) -> tuple[str, ...]:
        """Names of `splits`; known before any file was read."""
        return tuple(split.name for split in self.splits())

    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """What every split reports."""

    @abstractmethod
    def vocabulary_size(self) -> int:
        """Size of the token vocabulary V, special tokens included."""

    @abstractmethod
    def tokens_per_row(self) -> int:
        """Length T of one training row in tokens."""

    @abstractmethod
    def evaluation_tokens(self) -> int:
        """Tokens read by one evaluation of all splits, per seed."""

    def longest_row(self) -> int:
        """Tokens of the longest row that a model reads, in training or evaluation."""
        return max(self.tokens_per_row(), self.largest_pass().length)

    @property
    def features(self) -> Features | None:
        """Tokens that have features instead of an embedding; the ids of all others follow theirs."""
        return None

    @property
    def predicted(self) -> int | None:
        """How many of the tokens, those of the highest ids, can be an answer: the output layer has no others.
        None: all."""
        return None

    @property
    def scored_tokens(self) -> tuple[int, int] | None:
        """The first token of a training row that ever counts in the loss, and the one behind the last: logits are
        computed for these alone. None: of every token."""
        return None

    @property
    def row_alignment(self) -> int:
        """Tokens of which every row that a model reads is padded to a multiple: 16, or 8."""
        return ROW_ALIGNMENT

    def pattern_names(self) -> tuple[str, ...]:
        """Names of the patterns of attention that the task knows; `true` is the solution's."""
        return ()

    def row_pattern_names(self) -> tuple[str, ...]:
        """Names of those that differ from row to row. `match`: in rows of pairs of an exemplar and its label, with
        a query behind them, what the query has to read."""
        return ()

    @property
    def outputs(self) -> int:
        """O, outputs of a row that are looked at one by one."""
        return 0

    def largest_pass(self) -> EvaluationPass:
        """What most memory goes into in an evaluation: by default rows as in training, with all their logits."""
        length = self.tokens_per_row()
        rows = min(max(1, TOKENS_AT_ONCE // length), max(split.examples for split in self.splits()))
        return EvaluationPass(rows, length, length, 0)

    def data_bytes(self) -> int:
        """Memory of the task's rows, once for a pack: by default eight for every token of the evaluation."""
        return 8 * self.evaluation_tokens()


class ModelSettings(Settings, ABC):
    """Base of every dialect's settings: what all decoders have. The section's `dialect` decides which class
    reads it. Width is given as heads × head_dim, or as d_model, which heads must divide."""

    dialect: str
    depth: int = Field(ge=1, le=1000)
    heads: int = Field(ge=1, le=1024)
    head_dim: int | None = Field(default=None, ge=1, le=65536)
    d_model: int | None = Field(default=None, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _check_width(self) -> Self:
        if not self.resolved:
            return self
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

    @property
    def writing_heads(self) -> int:
        """Heads of the last layer that write anything, the first ones."""
        return self.heads

    @property
    def resolved(self) -> bool:
        """Whether all sizes are known; `resolve` reads those that stand in a file."""
        return True

    def resolve(self) -> Self:
        """The settings with all sizes known. Raises InputError that names the field, if a file cannot be used."""
        return self

    @property
    def starts_trained(self) -> bool:
        """Whether seeds start from a trained model that these settings name, of which they draw a part anew."""
        return False

    @property
    def can_have_base(self) -> bool:
        """Whether seeds may start from a base that the sweep trains once (`base:` of the spec)."""
        return False

    @property
    def attends(self) -> bool:
        """Whether positions see each other through attention, which can be read and changed."""
        return True

    @property
    def drops(self) -> bool:
        """Whether values are dropped in training."""
        return False

    def for_rows(self, length: int) -> Self:
        """The settings of a model that reads rows of at most so many tokens, where that decides a size."""
        return self

    def untrained(self) -> Self:
        """The same model, all of whose weights are drawn."""
        return self

    @property
    def tied(self) -> bool:
        """Whether the output layer is the embedding."""
        return False

    @property
    def embedding_rows(self) -> int | None:
        """V, rows of the embedding; None: as many as the task has tokens."""
        return None

    @abstractmethod
    def parameters(self, embedded: int, predicted: int | None = None) -> int:
        """Parameters of one seed that embeds so many tokens and predicts so many; None: the same."""

    def block_weights(self) -> int:
        """Elements of the matrices of one block, of which each costs two FLOP per token."""
        return 12 * self.width**2

    @abstractmethod
    def block_activations(self, length: int) -> float:
        """Floats per token that one block keeps for the backward pass; `length` is T."""

    def edge_activations(self) -> float:
        """Floats per token at the largest moment of a step besides those: of the embedded tokens, the final norm,
        and what is worked on just then, the output layer apart."""
        return 6.0 * self.width

    def evaluation_activations(self) -> float:
        """Floats per token at the largest moment of an evaluation, the output layer apart."""
        # A block's two wide layers, or the narrow ones beside what is left of the block before.
        return (16.0 if self.depth > 1 else 11.0) * self.width


def _part_names(given: tuple[str, ...]) -> tuple[str, ...]:
    """Sorted: their order changes no number."""
    twice = next((part for part in given if given.count(part) > 1), None)
    if twice is not None:
        raise ValueError(f"part {twice!r} is given twice")
    return tuple(sorted(given))


PartNames = Annotated[tuple[str, ...], AfterValidator(_part_names)]
"""Parts of a model by name (`seedsweep.workers.parts`)."""


def at_least_one_part(parts: tuple[str, ...] | None, instead: str) -> None:
    """Raise ValueError if the list of parts is empty; `instead` is what does the same."""
    if parts == ():
        raise ValueError(f"give at least one part, for example [layer1, output]; {instead}")


class TrainSettings(Settings):
    """Optimisation of every seed: AdamW or SGD, linear warm-up, the schedule; gradients are clipped per seed."""

    steps: int = Field(ge=1)
    batch: int | None = Field(default=None, ge=1)
    """Rows of a step."""
    batch_tokens: Annotated[int | None, AddedLater()] = Field(default=None, ge=1)
    """In place of `batch`, tokens of a step: as many whole rows as they hold, so that a step costs the same
    along a ladder of longer rows."""
    optimiser: Annotated[Literal["adamw", "sgd"], AddedLater()] = "adamw"
    """sgd: stochastic gradient descent, without momentum. Either way decay is apart from the gradient."""
    learning_rate: float = Field(gt=0)
    warmup: int = Field(default=0, ge=0)
    schedule: Literal["cosine", "linear", "constant", "inverse-sqrt"] = "cosine"
    """After the warm-up: to 0 along a cosine or a line, no change, or in proportion to 1/√step."""
    weight_decay: float = Field(default=0.1, ge=0)
    weight_decay_parts: Annotated[PartNames | None, AddedLater()] = None
    """Parts of the model whose weights decay, `[attention, mlp]`; by default all."""
    l2: Annotated[float, AddedLater()] = Field(default=0.0, ge=0)
    """λ of a penalty λ · Σ w² in the loss (no ½): it adds 2 λ w to the gradient before that is clipped, and goes
    through Adam's moments, as weight decay does not. `loss` is told without it."""
    l2_parts: Annotated[PartNames | None, AddedLater()] = None
    """Parts of the model whose weights are squared; by default all."""
    adam_epsilon: Annotated[float, AddedLater()] = Field(default=1e-8, gt=0)
    clip: float | None = Field(default=1.0, gt=0)
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    compile: Annotated[bool, AddedLater()] = False
    """Whether each step runs as one compiled graph. It rounds differently, and takes some seconds for every scale
    and size of a pack before the first step. With `unpadded` only the products are compiled, once for all."""
    unpadded: Annotated[bool, AddedLater()] = False
    """Whether a row's tokens behind the last that counts are left out of all products. It rounds differently, and
    drops other values where there is dropout."""

    def identity(self) -> dict[str, Any]:
        """Steps that are compiled round as their version does."""
        return super().identity() | ({"compiled": COMPILED} if self.compile else {})

    @property
    def compiles_steps(self) -> bool:
        """Whether steps are compiled as graphs. Without padding their shapes differ, and only the products are
        those of compiled steps."""
        return self.compile and not self.unpadded

    @model_validator(mode="after")
    def _check_batch(self) -> TrainSettings:
        if self.batch is None and self.batch_tokens is None:
            raise ValueError("batch: is missing; give it, in rows, or batch_tokens")
        if self.batch is not None and self.batch_tokens is not None:
            raise ValueError("batch_tokens: not with batch, which says the same in rows; give one of them up")
        return self

    @model_validator(mode="after")
    def _check_optimiser(self) -> TrainSettings:
        if self.optimiser != "adamw" and self.adam_epsilon != type(self).model_fields["adam_epsilon"].default:
            raise ValueError(f"adam_epsilon: optimiser {self.optimiser} has none; give one of them up")
        return self

    @field_validator("weight_decay_parts", "l2_parts")
    @classmethod
    def _check_parts(cls, parts: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        at_least_one_part(parts, f"without any, {str(info.field_name).removesuffix('_parts')} is 0")
        return parts

    @model_validator(mode="after")
    def _check_warmup(self) -> TrainSettings:
        if self.warmup > self.steps:
            raise ValueError(f"warmup {self.warmup} is longer than the {self.steps} steps")
        return self


class BaseSettings(Settings):
    """The model that all seeds start from: trained once, from scratch, on the sweep's own task and model.

    Every seed then draws its last attention layer and its output layer anew. The model is kept in the sweep's
    directory, so that seeds that are added later start from the same bytes.
    """

    seed: int = Field(default=0, ge=0, lt=2**31)
    task: dict[str, Any] = Field(default_factory=dict)
    """Fields of the task that are different while the base is trained."""
    train: TrainSettings


class EvaluateSettings(Settings):
    """When to evaluate: before training, after 1, 2, 4, … steps, then every `every` steps, and at the end."""

    every: int | None = Field(default=None, ge=1)
    """Steps between regular evaluations; by default a twentieth of the training."""

    def steps(self, total: int) -> tuple[int, ...]:
        """The steps at which a training of `total` steps is evaluated, ascending, 0 and `total` included."""
        every = self.every or math.ceil(total / 20)
        early = [2**k for k in range(every.bit_length()) if 2**k < every]
        return tuple(sorted({0, total, *range(every, total, every), *(s for s in early if s < total)}))
