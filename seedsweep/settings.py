"""The sections of a spec: what may stand under `task:`, `model:`, `train:` and so on, and what it must be.

A task's own section is a subclass of `TaskSettings` beside the task (`seedsweep.workers.tasks`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from seedsweep import checkpoint
from seedsweep.errors import InputError, did_you_mean
from seedsweep.measures import Metric, Split
from seedsweep.section import AddedLater, Settings

WIDTH_MULTIPLE = 4
"""Weight gradients of other widths do not start on 16 bytes for every seed, and the matrix kernels then round
the seeds of a pack differently (measured; see tests/workers/test_pack_invariance.py)."""


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

    def block_weights(self) -> int:
        """Elements of the matrices of one block, of which each costs two FLOP per token."""
        return 12 * self.width**2

    def block_activations(self) -> int:
        """Floats per token that one block keeps for the backward pass, an upper estimate."""
        return 34 * self.width


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


class Qwen2Settings(ModelSettings):
    """`model:` section of the Qwen2 dialect (`workers.dialects.qwen2`).

    With `checkpoint` every seed starts from a trained model, its last attention layer and its output layer drawn
    anew; the checkpoint's config decides about everything else, and what the spec gives as well must agree.
    """

    dialect: Literal["qwen2"] = "qwen2"
    checkpoint: str | None = None
    """Directory in Hugging Face's format, or `owner/model` on the hub (needs `seedsweep[llm]`)."""
    kv_heads: int = Field(ge=1, le=1024)
    feed_forward: int = Field(ge=4, le=1_000_000)
    """F, the width between the gate and the output of a feed-forward layer."""
    rotary_base: float = Field(default=10000.0, gt=1)
    norm_epsilon: float = Field(default=1e-6, gt=0)
    init_std: float = Field(default=0.02, gt=0)
    vocabulary: int | None = Field(default=None, ge=1)
    """V, rows of the embedding, often padded beyond the tokenizer's; None: as many as the task has tokens."""

    @model_validator(mode="before")
    @classmethod
    def _read_checkpoint(cls, given: Any) -> Any:
        """Sizes that the spec leaves out come from the config. One on the hub is only asked if need be."""
        if not isinstance(given, Mapping) or not isinstance(given.get("checkpoint"), str):
            return given
        name = checkpoint.absolute(given["checkpoint"])
        needed = {"depth", "heads", "kv_heads", "feed_forward", "vocabulary"} - set(given)
        if not needed and not Path(name).exists():
            return given
        try:
            sizes = _qwen2_sizes(checkpoint.locate(name))
        except InputError as error:
            raise ValueError(f"checkpoint: {error}") from None
        for key, value in sizes.items():
            if given.get(key, value) != value:
                raise ValueError(f"{key}: {given[key]} is not the checkpoint's {value}; leave it out")
        return sizes | dict(given) | {"checkpoint": name}

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.heads % self.kv_heads:
            raise ValueError(f"kv_heads: {self.kv_heads} does not divide the {self.heads} heads")
        if self.head_size % 2:
            raise ValueError(f"head_dim: {self.head_size} is odd, and rotary embedding turns pairs of dimensions")
        return self

    @property
    def qkv_width(self) -> int:
        """X, query, key and value of one position side by side."""
        return (self.heads + 2 * self.kv_heads) * self.head_size

    def identity(self) -> dict[str, Any]:
        """Of a checkpoint its content counts, not its place."""
        if self.checkpoint is None:
            return super().identity()
        try:
            content = checkpoint.digest(checkpoint.locate(self.checkpoint))
        except InputError as error:
            raise InputError(f"model.checkpoint: {error}") from None
        return super().identity() | {"checkpoint": f"sha256:{content}"}

    def parameters(self, vocabulary: int) -> int:
        """2·V·d + d and, per layer, d·X + X + d² + 3·d·F + 2d (untied)."""
        d, x = self.width, self.qkv_width
        return 2 * vocabulary * d + d + self.depth * (self.block_weights() + x + 2 * d)

    def block_weights(self) -> int:
        """d·X + d² + 3·d·F."""
        return self.width * (self.qkv_width + self.width + 3 * self.feed_forward)

    def block_activations(self) -> int:
        """About 10 d + 3 X + 4 F are held."""
        return 14 * self.width + 4 * self.qkv_width + 5 * self.feed_forward


def _qwen2_sizes(directory: Path) -> dict[str, Any]:
    """Our fields from a `config.json` of Hugging Face's Qwen2."""
    path, config = directory / checkpoint.CONFIG, checkpoint.read_config(directory)
    if config.get("model_type") != "qwen2":
        raise InputError(f"{path}: model_type: {config.get('model_type')!r} is not 'qwen2'")
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    for key, unsupported in {
        "use_sliding_window": config.get("use_sliding_window", False),
        "hidden_act": config.get("hidden_act", "silu") != "silu",
        "rope_scaling": rope.get("rope_type", "default") != "default",
    }.items():
        if unsupported:
            raise InputError(f"{path}: {key}: {config.get(key)!r} is not supported")
    try:
        return {
            "depth": config["num_hidden_layers"],
            "heads": config["num_attention_heads"],
            "kv_heads": config["num_key_value_heads"],
            "d_model": config["hidden_size"],
            "feed_forward": config["intermediate_size"],
            "rotary_base": rope.get("rope_theta") or config["rope_theta"],
            "norm_epsilon": config["rms_norm_eps"],
            "init_std": config["initializer_range"],
            "vocabulary": config["vocab_size"],
        }
    except KeyError as error:
        raise InputError(f"{path}: has no {error.args[0]}") from None


DIALECTS: dict[str, type[ModelSettings]] = {
    "gpt-neox": GPTNeoXSettings,
    "post-ln": PostLNSettings,
    "qwen2": Qwen2Settings,
}


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
