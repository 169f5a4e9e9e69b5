"""The pre-LN decoder with absolute positions: GPT-2's blocks (Radford et al. 2019).

As Hugging Face's `GPT2LMHeadModel` with the exact GELU, no dropout and an output layer of its own, to which the
tests compare logits and gradients: in every block a norm in front of attention and of the feed-forward layer,
biases throughout, a norm behind the last block. What the literature of sparse attention patterns trains (arXiv
2606.25010), where a single layer must know positions and not only distances, is of this kind. With sinusoidal
positions it is the decoder of the literature on transient in-context learning.

Matrices, embedding and positions start normal with `init_std`, biases at 0. GPT-2 divides the standard deviation
of the layers in front of the residual sums by √(2 · depth); here they start as all others.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from seedsweep.section import AddedLater
from seedsweep.workers.dialects import Dialect, Normal, ParameterShape, Weights, constant
from seedsweep.workers.dialects.attention import Attention
from seedsweep.workers.dialects.positions import PositionedSettings, with_learned, with_sinusoidal
from seedsweep.workers.dialects.sinusoidal import Sinusoidal
from seedsweep.workers.dropout import Dropout
from seedsweep.workers.layout import Layout
from seedsweep.workers.settings import ModelSettings


class PreLNSettings(PositionedSettings):
    """`model:` section of the pre-LN dialect."""

    dialect: Literal["pre-ln"] = "pre-ln"
    init_std: float = Field(default=0.02, gt=0)
    """Standard deviation of the initial weights."""
    positions: Annotated[Literal["learned", "sinusoidal"], AddedLater()] = "learned"

    def parameters(self, embedded: int, predicted: int | None = None) -> int:
        """2·V·d + P·d + L·(12d² + 13d) + 2d (untied embeddings)."""
        d, tokens = self.width, embedded + (embedded if predicted is None else predicted)
        return (tokens + self.position_rows) * d + self.depth * (12 * d * d + 13 * d) + 2 * d

    def block_activations(self, length: int) -> float:
        """16 d and, of attention and norms, a float for every head and four more."""
        return 16 * self.width + self.heads + 4


class PreLN(Dialect):
    """The dialect of the linear map and of cellular automata."""

    Settings = PreLNSettings

    def __init__(self, model: ModelSettings) -> None:
        assert isinstance(model, PreLNSettings)
        self.model = model
        self._sinusoidal = Sinusoidal(model.width)

    def shapes(self, embedded: int, predicted: int) -> list[ParameterShape]:
        """Matrices normal with `init_std`, norms 1, biases 0."""
        d, f = self.model.width, 4 * self.model.width

        def weight(name: str, *shape: int) -> ParameterShape:
            return ParameterShape(name, shape, Normal(self.model.init_std))

        shapes = [weight("embed_VD", embedded, d)]
        if self.model.position_rows:
            shapes.append(weight("positions_PD", self.model.position_rows, d))
        for layer in range(self.model.depth):
            block = f"layer{layer}."
            shapes += [
                constant(block + "attention_norm.weight_D", d, 1.0),
                constant(block + "attention_norm.bias_D", d, 0.0),
                weight(block + "qkv.weight_DX", d, 3 * d),  # query, key and value side by side
                constant(block + "qkv.bias_X", 3 * d, 0.0),
                weight(block + "attention_out.weight_DD", d, d),
                constant(block + "attention_out.bias_D", d, 0.0),
                constant(block + "mlp_norm.weight_D", d, 1.0),
                constant(block + "mlp_norm.bias_D", d, 0.0),
                weight(block + "mlp_in.weight_DF", d, f),
                constant(block + "mlp_in.bias_F", f, 0.0),
                weight(block + "mlp_out.weight_FD", f, d),
                constant(block + "mlp_out.bias_D", d, 0.0),
            ]
        shapes += [
            constant("final_norm.weight_D", d, 1.0),
            constant("final_norm.bias_D", d, 0.0),
            weight("unembed_DV", d, predicted),
        ]
        return shapes

    def forward(
        self,
        weights: Weights,
        embedded_SBTD: Tensor,
        layout: Layout,
        dropout: Dropout | None,
        attention: Attention,
    ) -> Tensor:
        """Add positions, then blocks whose norms stand in front of their layers, then the final norm."""
        width = (self.model.width,)
        if self.model.position_rows:
            x_SBTD = with_learned(weights, embedded_SBTD, layout)
        else:
            x_SBTD = with_sinusoidal(self._sinusoidal, embedded_SBTD, layout)
        for layer in range(self.model.depth):
            block = f"layer{layer}."
            n_SBTD = weights.affine(block + "attention_norm", F.layer_norm(x_SBTD, width))
            x_SBTD = x_SBTD + self._attention(weights, layer, n_SBTD, layout, attention)
            n_SBTD = weights.affine(block + "mlp_norm", F.layer_norm(x_SBTD, width))
            f_SBTF = F.gelu(weights.linear(block + "mlp_in", "DF", n_SBTD))
            x_SBTD = x_SBTD + weights.linear(block + "mlp_out", "FD", f_SBTF)
        return weights.affine("final_norm", F.layer_norm(x_SBTD, width))

    def _attention(
        self, weights: Weights, layer: int, x_SBTD: Tensor, layout: Layout, attention: Attention
    ) -> Tensor:
        block, heads, size = f"layer{layer}.", self.model.heads, self.model.head_size
        qkv_SBTX = layout.spread(weights.linear(block + "qkv", "DX", x_SBTD))
        s, b, t, _ = qkv_SBTX.shape
        qkv_NT3HK = qkv_SBTX.view(s * b, t, 3, heads, size)
        y_NHTK = attention(layer, *qkv_NT3HK.transpose(1, 3).unbind(2))
        y_SBTD = layout.gather(y_NHTK.transpose(1, 2).reshape(s, b, t, heads * size))
        return weights.linear(block + "attention_out", "DD", y_SBTD)
