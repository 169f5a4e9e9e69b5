"""The `model:` section of the Qwen2 dialect: sizes of its own, or those of a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from seedsweep.errors import InputError
from seedsweep.workers import pretrained
from seedsweep.workers.settings import ModelSettings

_SIZES = {"depth": 1, "heads": 1, "kv_heads": 1, "feed_forward": 4}
"""Sizes that a checkpoint may decide, and the least that each can be."""


class Qwen2Settings(ModelSettings):
    """`model:` section of the Qwen2 dialect.

    With `checkpoint` every seed starts from a trained model, its last attention layer and its output layer drawn
    anew; the checkpoint's config decides about everything else, and what the spec gives as well must agree.
    """

    dialect: Literal["qwen2"] = "qwen2"
    checkpoint: str | None = None
    """Directory in Hugging Face's format, or `owner/model` on the hub (needs `seedsweep[llm]`)."""
    depth: int = Field(default=0, ge=0, le=1000)
    """Like the other sizes 0 if left out, which only a checkpoint allows: `resolve` reads it there."""
    heads: int = Field(default=0, ge=0, le=1024)
    kv_heads: int = Field(default=0, ge=0, le=1024)
    feed_forward: int = Field(default=0, ge=0, le=1_000_000)
    """F, the width between the gate and the output of a feed-forward layer."""
    rotary_base: float = Field(default=10000.0, gt=1)
    norm_epsilon: float = Field(default=1e-6, gt=0)
    init_std: float = Field(default=0.02, gt=0)
    vocabulary: int | None = Field(default=None, ge=1)
    """V, rows of the embedding, often padded beyond the tokenizer's; None: as many as the task has tokens."""

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if not self.resolved:
            return self
        if self.heads % self.kv_heads:
            raise ValueError(f"kv_heads: {self.kv_heads} does not divide the {self.heads} heads")
        if self.head_size % 2:
            raise ValueError(f"head_dim: {self.head_size} is odd, and rotary embedding turns pairs of dimensions")
        return self

    @model_validator(mode="before")
    @classmethod
    def _need_sizes(cls, given: Any) -> Any:
        """Only a checkpoint allows that a size is left out."""
        if not isinstance(given, Mapping):
            return given
        for name, least in _SIZES.items():
            size = given.get(name, 0)
            if size == 0 and given.get("checkpoint") is not None:
                continue
            if name not in given:
                raise ValueError(f"{name}: is missing")
            if isinstance(size, int) and size < least:
                raise ValueError(f"{name}: {size} is out of range; give at least {least}")
        return given

    @property
    def resolved(self) -> bool:
        """Whether all sizes are known."""
        return all(getattr(self, name) for name in _SIZES)

    def resolve(self) -> Self:
        """The settings with the sizes that the checkpoint's config says. The hub is only asked if one is missing.

        Raises InputError if there is no such checkpoint, or it says other sizes than are given.
        """
        if self.checkpoint is None:
            return self
        name = pretrained.absolute(self.checkpoint)
        if self.resolved and self.vocabulary is not None and not Path(name).exists():
            return self
        try:
            sizes = _sizes(pretrained.locate(name))
        except InputError as error:
            raise InputError(f"model.checkpoint: {error}") from None
        given = {key: getattr(self, key) for key in self.model_fields_set}
        for key, value in sizes.items():
            if given.get(key, value) != value:
                raise InputError(f"model.{key}: {given[key]} is not the checkpoint's {value}; leave it out")
        return type(self).model_validate(sizes | given | {"checkpoint": name})

    @property
    def starts_trained(self) -> bool:
        """Whether there is a checkpoint."""
        return self.checkpoint is not None

    @property
    def can_have_base(self) -> bool:
        """Without a checkpoint."""
        return self.checkpoint is None

    def untrained(self) -> Self:
        """Without the checkpoint."""
        return self.model_copy(update={"checkpoint": None})

    @property
    def embedding_rows(self) -> int | None:
        """What the settings say, often more than the task's tokens."""
        return self.vocabulary

    @property
    def qkv_width(self) -> int:
        """X, query, key and value of one position side by side."""
        return (self.heads + 2 * self.kv_heads) * self.head_size

    def identity(self) -> dict[str, Any]:
        """Of a checkpoint its content counts, not its place."""
        if self.checkpoint is None:
            return super().identity()
        try:
            content = pretrained.digest(pretrained.locate(self.checkpoint))
        except InputError as error:
            raise InputError(f"model.checkpoint: {error}") from None
        return super().identity() | {"checkpoint": f"sha256:{content}"}

    def parameters(self, embedded: int, predicted: int | None = None) -> int:
        """2·V·d + d and, per layer, d·X + X + d² + 3·d·F + 2d (untied)."""
        d, x = self.width, self.qkv_width
        tokens = embedded + (embedded if predicted is None else predicted)
        return tokens * d + d + self.depth * (self.block_weights() + x + 2 * d)

    def block_weights(self) -> int:
        """d·X + d² + 3·d·F."""
        return self.width * (self.qkv_width + self.width + 3 * self.feed_forward)

    def block_activations(self, length: int) -> float:
        """7.5 d + 1.5 X + 4 F and, of attention and norms, a float for every head and two more."""
        return 7.5 * self.width + 1.5 * self.qkv_width + 4 * self.feed_forward + self.heads + 2

    def edge_activations(self) -> float:
        return max(6.0 * self.width, 1.5 * self.width + 2.0 * self.feed_forward)

    def evaluation_activations(self) -> float:
        """The narrow layers beside what is left of the block before, or the wide ones."""
        narrow = 8.5 * self.width + 1.5 * self.qkv_width + 2 * self.feed_forward
        return max(narrow, 3.0 * self.width + 4 * self.feed_forward)


def _sizes(directory: Path) -> dict[str, Any]:
    """Our fields from a `config.json` of Hugging Face's Qwen2."""
    path, config = directory / pretrained.CONFIG, pretrained.read_config(directory)
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
