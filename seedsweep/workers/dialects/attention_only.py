"""A decoder of attention alone: no feed-forward layers, a norm in front of every layer and of the output.

What the literature of induction circuits trains (Olsson et al. 2022; the thesis that docs/in-context.md names): no
biases in attention, affine norms, an output layer with a bias. Which positions it has decides what it can learn,
so there is no default: rotary ones on all dimensions of a head, learned absolute ones, or sinusoidal ones.

Matrices start normal with a standard deviation of 1/√inputs (LeCun), embeddings truncated at two standard
deviations, learned positions uniform within 1/√32, biases at 0.
"""

from __future__ import annotations

import math
from typing import Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor

from seedsweep.workers.dialects import (
    Dialect,
    Normal,
    ParameterShape,
    TruncatedNormal,
    Uniform,
    Weights,
    constant,
)
from seedsweep.workers.dialects.attention import Attention
from seedsweep.workers.dialects.positions import PositionedSettings, with_learned, with_sinusoidal
from seedsweep.workers.dialects.rotary import Rotary
from seedsweep.workers.dialects.sinusoidal import Sinusoidal
from seedsweep.workers.dropout import Dropout
from seedsweep.workers.layout import WHOLE, Layout
from seedsweep.workers.settings import ModelSettings

POSITIONS_BOUND = 1 / math.sqrt(32)


class AttentionOnlySettings(PositionedSettings):
    """`model:` section of the attention-only dialect."""

    dialect: Literal["attention-only"]
    positions: Literal["rotary", "learned", "sinusoidal"]
    """rotary: queries and keys are turned. learned, sinusoidal: a table is added to the embedded tokens."""
    rotary_base: float = Field(default=10000.0, gt=1)
    embedding_std: float = Field(default=0.02, gt=0)
    """Standard deviation of embeddings, before they are truncated."""
    active_heads: int | None = Field(default=None, ge=1)
    """Heads of the last layer that write anything, the first ones; by default all."""

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.active_heads is not None and self.active_heads > self.heads:
            raise ValueError(f"active_heads: {self.active_heads} of {self.heads} heads cannot be active")
        if self.positions == "rotary" and self.head_size % 2:
            raise ValueError(
                f"positions: rotary ones turn pairs of dimensions, and a head has {self.head_size}; "
                "give another head_dim"
            )
        return self

    @property
    def writing_heads(self) -> int:
        """The active ones."""
        return self.heads if self.active_heads is None else self.active_heads

    def parameters(self, embedded: int, predicted: int | None = None) -> int:
        """V·d + P·d + L·(4d² + 2d) + 2d + V·(d + 1) (untied, no biases in attention)."""
        d, predicted = self.width, embedded if predicted is None else predicted
        return (embedded + self.position_rows) * d + self.depth * (4 * d * d + 2 * d) + 2 * d + predicted * (d + 1)

    def block_weights(self) -> int:
        """4 d²."""
        return 4 * self.width**2

    def block_activations(self, length: int) -> float:
        """7 d, two more if queries and keys are turned; of attention and norm, a float for every head and two."""
        return (9 if self.positions == "rotary" else 7) * self.width + self.heads + 2

    def evaluation_activations(self) -> float:
        """The three parts of attention beside what they are made of."""
        return 8.0 * self.width


class AttentionOnly(Dialect):
    """The dialect of the tasks of in-context learning."""

    Settings = AttentionOnlySettings

    def __init__(self, model: ModelSettings) -> None:
        assert isinstance(model, AttentionOnlySettings)
        self.model = model
        self._rotate = Rotary(model.head_size if model.positions == "rotary" else 0, model.rotary_base)
        self._sinusoidal = Sinusoidal(model.width)

    def shapes(self, embedded: int, predicted: int) -> list[ParameterShape]:
        """See the top of the file."""
        d = self.model.width
        lecun = Normal(1 / math.sqrt(d))
        shapes = [ParameterShape("embed_VD", (embedded, d), TruncatedNormal(self.model.embedding_std))]
        if self.model.position_rows:
            shapes.append(ParameterShape("positions_PD", (self.model.position_rows, d), Uniform(POSITIONS_BOUND)))
        for layer in range(self.model.depth):
            block = f"layer{layer}."
            shapes += [
                constant(block + "attention_norm.weight_D", d, 1.0),
                constant(block + "attention_norm.bias_D", d, 0.0),
                ParameterShape(block + "qkv.weight_DX", (d, 3 * d), lecun),  # query, key and value side by side
                ParameterShape(block + "attention_out.weight_DD", (d, d), lecun),
            ]
        return [
            *shapes,
            constant("final_norm.weight_D", d, 1.0),
            constant("final_norm.bias_D", d, 0.0),
            ParameterShape("unembed_DV", (d, predicted), lecun),
            constant("unembed_bias_V", predicted, 0.0),
        ]

    def forward(
        self,
        weights: Weights,
        embedded_SBTD: Tensor,
        layout: Layout,
        dropout: Dropout | None,
        attention: Attention,
    ) -> Tensor:
        """Add positions if they are added, then layers whose norms stand in front, then the final norm."""
        first_SBTD = self._with_positions(weights, embedded_SBTD, layout)
        x_SBTD = first_SBTD
        for layer in range(self.model.depth):
            looks_SBTD, x_SBTD = attention.read_from(layer, first_SBTD, x_SBTD)
            y_NHTK = self._read(weights, layer, looks_SBTD, x_SBTD, layout, attention)
            x_SBTD = x_SBTD + self._written(weights, layer, y_NHTK, x_SBTD, layout)
        return self._finished(weights, x_SBTD)

    def behind_heads(self, weights: Weights, x_SBQD: Tensor, y_NHQK: Tensor) -> Tensor:
        """The last layer's sum, then the final norm."""
        last = self.model.depth - 1
        return self._finished(weights, x_SBQD + self._written(weights, last, y_NHQK, x_SBQD, WHOLE))

    def _with_positions(self, weights: Weights, embedded_SBTD: Tensor, layout: Layout) -> Tensor:
        if self.model.positions == "learned":
            return with_learned(weights, embedded_SBTD, layout)
        if self.model.positions == "sinusoidal":
            return with_sinusoidal(self._sinusoidal, embedded_SBTD, layout)
        return embedded_SBTD

    def _read(
        self,
        weights: Weights,
        layer: int,
        looks_SBTD: Tensor,
        x_SBTD: Tensor,
        layout: Layout,
        attention: Attention,
    ) -> Tensor:
        """What heads read (N, H, T, K): their pattern is computed from `looks_SBTD`, their values from `x_SBTD`,
        most often the same."""
        block = f"layer{layer}."
        qk_NT2HK, v_NT1HK = self._projected(weights, block, x_SBTD, layout).split((2, 1), dim=2)
        if looks_SBTD is not x_SBTD:
            qk_NT2HK = self._projected(weights, block, looks_SBTD, layout)[:, :, :2]
        q_NHTK, k_NHTK = self._rotate(qk_NT2HK).transpose(1, 3).unbind(2)
        return attention(layer, q_NHTK, k_NHTK, v_NT1HK.squeeze(2).transpose(1, 2))

    def _written(self, weights: Weights, layer: int, y_NHTK: Tensor, x_SBTD: Tensor, layout: Layout) -> Tensor:
        """What is added to `x_SBTD` by heads that have read that."""
        heads, size = self.model.heads, self.model.head_size
        if layer == self.model.depth - 1 and self.model.writing_heads < heads:
            active_H11 = torch.arange(heads, device=y_NHTK.device)[:, None, None] < self.model.writing_heads
            y_NHTK = torch.where(active_H11, y_NHTK, 0.0)
        s, b, t, _ = layout.spread(x_SBTD).shape
        y_SBTD = layout.gather(y_NHTK.transpose(1, 2).reshape(s, b, t, heads * size))
        return weights.linear(f"layer{layer}.attention_out", "DD", y_SBTD)

    def _finished(self, weights: Weights, x_SBTD: Tensor) -> Tensor:
        return weights.affine("final_norm", F.layer_norm(x_SBTD, (self.model.width,)))

    def _projected(self, weights: Weights, block: str, x_SBTD: Tensor, layout: Layout) -> Tensor:
        """Query, key and value of every head: (N, T, 3, H, K)."""
        n_SBTD = weights.affine(block + "attention_norm", F.layer_norm(x_SBTD, (self.model.width,)))
        qkv_SBTX = layout.spread(weights.linear(block + "qkv", "DX", n_SBTD))
        return qkv_SBTX.reshape(-1, qkv_SBTX.shape[2], 3, self.model.heads, self.model.head_size)
