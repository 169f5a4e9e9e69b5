"""The causal MLP-Mixer: the pre-LN decoder with a learned mixing of positions in place of attention.

MLP-Mixer (Tolstikhin et al. 2021, arXiv 2105.01601) has in every block a norm and an MLP that acts along the
positions, the same on every channel, then a norm and an MLP that acts along the channels, the same at every
position; both are added to what they were given. Here, to predict next tokens,

* the MLP along the positions is causal: it has as many hidden units as positions, unit j reads positions up to j,
  position t reads units up to t. So both of its matrices, T × T, are triangular; their other halves are there, and
  nothing reads them;
* channels are dealt out to `heads`, each of which mixes in its own way. With one head it is the published Mixer;
* embedding, learned or sinusoidal positions, feed-forward layer (the exact GELU, 4·D), final norm and output layer
  are those of `pre-ln`, and initial values are as there.

Which positions are read is thus fixed once learned, whatever the tokens are. That is all that a linear map asks
for, and nothing here can look for tokens by what they are.

Letters beside those of `workers.dialects`: J hidden units, as many as positions; C channels, of all rows of one
seed and head.
"""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from seedsweep.workers.dialects import Constant, Dialect, Normal, ParameterShape, Weights, constant
from seedsweep.workers.dialects.attention import Attention
from seedsweep.workers.dialects.positions import PositionedSettings, with_learned, with_sinusoidal
from seedsweep.workers.dialects.sinusoidal import Sinusoidal
from seedsweep.workers.dropout import Dropout
from seedsweep.workers.layout import Layout
from seedsweep.workers.settings import ModelSettings


class MixerSettings(PositionedSettings):
    """`model:` section of the mixer dialect: as pre-ln, but for learned weights that mix positions in place of
    attention. Each of the `heads` mixes its own channels."""

    dialect: Literal["mixer"]
    init_std: float = Field(default=0.02, gt=0)
    """Standard deviation of the initial weights."""
    positions: Literal["learned", "sinusoidal"] = "learned"

    @property
    def attends(self) -> bool:
        """No: its positions are mixed by weights that do not depend on the tokens."""
        return False

    def parameters(self, embedded: int, predicted: int | None = None) -> int:
        """2·V·d + P·d + L·(8d² + 9d + 2·h·(T² + T)) + 2d (untied embeddings)."""
        d, t, tokens = self.width, self.row_length, embedded + (embedded if predicted is None else predicted)
        block = 8 * d * d + 9 * d + 2 * self.heads * (t * t + t)
        return (tokens + self.position_rows) * d + self.depth * block + 2 * d

    def block_weights(self) -> int:
        """8 d². What mixes T positions costs as much as attention to all of them, 4 T d FLOP per token."""
        return 8 * self.width**2

    def block_activations(self, length: int) -> float:
        """16 d and four of the norms."""
        return 16 * self.width + 4


class Mixer(Dialect):
    """The dialect without attention, to compare with."""

    Settings = MixerSettings

    def __init__(self, model: ModelSettings) -> None:
        assert isinstance(model, MixerSettings)
        self.model = model
        self._sinusoidal = Sinusoidal(model.width)

    def shapes(self, embedded: int, predicted: int) -> list[ParameterShape]:
        """Matrices normal with `init_std`, norms 1, biases 0."""
        d, f, h, t = self.model.width, 4 * self.model.width, self.model.heads, self.model.row_length

        def weight(name: str, *shape: int) -> ParameterShape:
            return ParameterShape(name, shape, Normal(self.model.init_std))

        def bias(name: str, *shape: int) -> ParameterShape:
            return ParameterShape(name, shape, Constant(0.0))

        shapes = [weight("embed_VD", embedded, d)]
        if self.model.position_rows:
            shapes.append(weight("positions_PD", self.model.position_rows, d))
        for layer in range(self.model.depth):
            block = f"layer{layer}."
            shapes += [
                constant(block + "mixing_norm.weight_D", d, 1.0),
                constant(block + "mixing_norm.bias_D", d, 0.0),
                weight(block + "mixing_in.weight_HTT", h, t, t),
                bias(block + "mixing_in.bias_HT", h, t),
                weight(block + "mixing_out.weight_HTT", h, t, t),
                bias(block + "mixing_out.bias_HT", h, t),
                constant(block + "mlp_norm.weight_D", d, 1.0),
                constant(block + "mlp_norm.bias_D", d, 0.0),
                weight(block + "mlp_in.weight_DF", d, f),
                bias(block + "mlp_in.bias_F", f),
                weight(block + "mlp_out.weight_FD", f, d),
                bias(block + "mlp_out.bias_D", d),
            ]
        return [
            *shapes,
            constant("final_norm.weight_D", d, 1.0),
            constant("final_norm.bias_D", d, 0.0),
            weight("unembed_DV", d, predicted),
        ]

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
            n_SBTD = weights.affine(block + "mixing_norm", F.layer_norm(x_SBTD, width))
            x_SBTD = x_SBTD + layout.gather(self._mixed(weights, block, layout.spread(n_SBTD)))
            n_SBTD = weights.affine(block + "mlp_norm", F.layer_norm(x_SBTD, width))
            f_SBTF = F.gelu(weights.linear(block + "mlp_in", "DF", n_SBTD))
            x_SBTD = x_SBTD + weights.linear(block + "mlp_out", "FD", f_SBTF)
        return weights.affine("final_norm", F.layer_norm(x_SBTD, width))

    def _mixed(self, weights: Weights, block: str, x_SBTD: Tensor) -> Tensor:
        s, b, t, d = x_SBTD.shape
        heads, size = self.model.heads, self.model.head_size
        by_head_SBTHK = x_SBTD.view(s, b, t, heads, size)
        # Copied whatever the sizes: a single row would else be multiplied in place, and round differently.
        x_NCT = by_head_SBTHK.permute(0, 3, 1, 4, 2).contiguous().view(s * heads, b * size, t)
        hidden_NCJ = F.gelu(weights.along_positions(block + "mixing_in", x_NCT))
        y_NCT = weights.along_positions(block + "mixing_out", hidden_NCJ)
        if y_NCT.requires_grad:
            y_NCT.register_hook(Tensor.contiguous)
        return y_NCT.view(s, heads, b, size, t).permute(0, 2, 4, 1, 3).reshape(s, b, t, d)
