"""The post-LN decoder of the question-formation literature: Vaswani et al. 2017, decoder only.

A stack of `torch.nn.TransformerEncoderLayer(norm_first=False, activation="relu")` with a causal mask, to which the
tests compare logits and gradients, on embeddings scaled by √D plus sinusoidal positions; no final norm, output
tied to the embedding, with a bias of its own. What torch leaves open follows the public code of Murty et al. 2023
(MurtyShikhar/structural-grokking), on which Qin et al. 2024 build: no biases in the attention; dropout on the
embedded tokens, the attention weights, the feed-forward activations and both branches; Glorot-uniform matrices.
"""

from __future__ import annotations

import math
from typing import Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from seedsweep.workers.dialects import Dialect, ParameterShape, Uniform, Weights, constant
from seedsweep.workers.dialects.attention import Attention, contiguous, read
from seedsweep.workers.dialects.sinusoidal import Sinusoidal
from seedsweep.workers.dropout import Dropout
from seedsweep.workers.layout import Layout
from seedsweep.workers.settings import ModelSettings


class PostLNSettings(ModelSettings):
    """`model:` section of the post-LN dialect."""

    dialect: Literal["post-ln"] = "post-ln"
    dropout: float = Field(default=0.1, ge=0, le=0.9)
    """Share of values set to zero in training; none are in evaluation."""

    @property
    def drops(self) -> bool:
        return self.dropout > 0

    @property
    def tied(self) -> bool:
        return True

    def parameters(self, embedded: int, predicted: int | None = None) -> int:
        """V·(d + 1) + L·(12d² + 9d) (tied embeddings, no biases in attention)."""
        d = self.width
        return embedded * (d + 1) + self.depth * (12 * d * d + 9 * d)

    def block_activations(self, length: int) -> float:
        """14 d and, of attention and norms, a float for every head and four more. With dropout ten d more, and the
        attention's weights three times: as they were, their mask, and what it left of them."""
        dropped = 10 * self.width + 3 * self.heads * length if self.dropout > 0 else 0
        return 14 * self.width + self.heads + 4 + dropped


class PostLN(Dialect):
    """The dialect of question formation."""

    Settings = PostLNSettings

    def __init__(self, model: ModelSettings) -> None:
        assert isinstance(model, PostLNSettings)
        self.model = model
        self._positions = Sinusoidal(model.width)

    def shapes(self, embedded: int, predicted: int) -> list[ParameterShape]:
        """Glorot & Bengio 2010, uniform; √2 times that in front of the ReLU; norms 1.

        Biases of the feed-forward layers start as `torch.nn.Linear`'s, uniform below 1/√(inputs); the output's
        at 0.
        """
        d, f = self.model.width, 4 * self.model.width

        def matrix(name: str, rows: int, columns: int, gain: float = 1.0) -> ParameterShape:
            return ParameterShape(name, (rows, columns), Uniform(gain * math.sqrt(6 / (rows + columns))))

        def bias(name: str, width: int, inputs: int) -> ParameterShape:
            return ParameterShape(name, (width,), Uniform(1 / math.sqrt(inputs)))

        shapes = [matrix("embed_VD", embedded, d)]
        for layer in range(self.model.depth):
            block = f"layer{layer}."
            shapes += [
                # Query, key and value side by side, each with the bounds of a D × D matrix.
                ParameterShape(block + "qkv.weight_DX", (d, 3 * d), Uniform(math.sqrt(6 / (2 * d)))),
                matrix(block + "attention_out.weight_DD", d, d),
                constant(block + "attention_norm.weight_D", d, 1.0),
                constant(block + "attention_norm.bias_D", d, 0.0),
                matrix(block + "mlp_in.weight_DF", d, f, gain=math.sqrt(2)),
                bias(block + "mlp_in.bias_F", f, inputs=d),
                matrix(block + "mlp_out.weight_FD", f, d),
                bias(block + "mlp_out.bias_D", d, inputs=f),
                constant(block + "mlp_norm.weight_D", d, 1.0),
                constant(block + "mlp_norm.bias_D", d, 0.0),
            ]
        shapes.append(constant("unembed_bias_V", predicted, 0.0))
        return shapes

    def forward(
        self,
        weights: Weights,
        embedded_SBTD: Tensor,
        layout: Layout,
        dropout: Dropout | None,
        attention: Attention,
    ) -> Tensor:
        """Scale, add positions, then blocks whose norms stand behind the residual sums."""
        d = self.model.width
        sites = _Sites(dropout, self.model.dropout)
        table_TD = self._positions(layout.length(embedded_SBTD), embedded_SBTD.device)
        x_SBTD = embedded_SBTD * math.sqrt(d) + layout.of_positions(table_TD)
        x_SBTD = sites.drop(x_SBTD)
        for layer in range(self.model.depth):
            block = f"layer{layer}."
            attended = sites.drop(self._attention(weights, layer, x_SBTD, layout, sites, attention))
            x_SBTD = weights.affine(block + "attention_norm", F.layer_norm(x_SBTD + attended, (d,)))
            f_SBTF = sites.drop(F.relu(weights.linear(block + "mlp_in", "DF", x_SBTD)))
            fed = sites.drop(weights.linear(block + "mlp_out", "FD", f_SBTF))
            x_SBTD = weights.affine(block + "mlp_norm", F.layer_norm(x_SBTD + fed, (d,)))
        return x_SBTD

    def _attention(
        self,
        weights: Weights,
        layer: int,
        x_SBTD: Tensor,
        layout: Layout,
        sites: _Sites,
        attention: Attention,
    ) -> Tensor:
        block, heads, size = f"layer{layer}.", self.model.heads, self.model.head_size
        qkv_SBTX = layout.spread(weights.linear(block + "qkv", "DX", x_SBTD))
        s, b, t, _ = qkv_SBTX.shape
        qkv_NT3HK = qkv_SBTX.view(s * b, t, 3, heads, size)
        q_NHTK, k_NHTK, v_NHTK = qkv_NT3HK.transpose(1, 3).unbind(2)
        if sites.active:
            # Written out, because the mask of the attention weights has to be ours.
            q_NHTK, k_NHTK, v_NHTK = contiguous(q_NHTK, k_NHTK, v_NHTK)
            shares_NHTT = attention.shares(layer, q_NHTK, k_NHTK)
            kept_NHTT = sites.drop(shares_NHTT.view(s, b * heads, t, t)).view(s * b, heads, t, t)
            y_NHTK = read(kept_NHTT, v_NHTK)
        else:
            y_NHTK = attention(layer, q_NHTK, k_NHTK, v_NHTK)
        y_SBTD = layout.gather(y_NHTK.transpose(1, 2).reshape(s, b, t, heads * size))
        return weights.linear(block + "attention_out", "DD", y_SBTD)


class _Sites:
    """Numbers the places of one forward pass at which values are dropped, in the order in which they come."""

    def __init__(self, dropout: Dropout | None, share: float) -> None:
        self._dropout, self._share, self._next = dropout, share, 0
        self.active = dropout is not None and share > 0

    def drop(self, x: Tensor) -> Tensor:
        if self._dropout is None or self._share == 0:
            return x
        self._next += 1
        return self._dropout(x, self._next - 1, self._share)
