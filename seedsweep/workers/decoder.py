"""The stacked decoder: the models of S seeds, trained and evaluated as one.

What all dialects share is here: the parameters in one flat buffer, their initial values, embedding and output
layer. What lies between is the dialect's (`workers.dialects`, where the shape letters are explained).
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.cell import Base
from seedsweep.errors import InputError
from seedsweep.workers.alignment import ALIGNMENT, ROW_ALIGNMENT, padding
from seedsweep.workers.dialects import Constant, Normal, TruncatedNormal, Weights, find_dialect, shapes_of
from seedsweep.workers.dialects.attention import PLAIN, Attention
from seedsweep.workers.dropout import Dropout
from seedsweep.workers.layout import WHOLE, Layout, Unpadded, sizes
from seedsweep.workers.philox import Role, normal, truncated_normal, uniform
from seedsweep.workers.products import TORCHS, Products
from seedsweep.workers.settings import ModelSettings


class StackedDecoder:
    """The decoders of S seeds. All parameters of a seed lie in one row of `flat_SP`.

    One flat buffer makes the rest of a step cheap for small models: the gradient norm of every seed is one
    reduction, the optimiser one kernel, a checkpoint one tensor. `parameters` are views into it.
    """

    def __init__(
        self,
        model: ModelSettings,
        vocabulary: int,
        seeds: int,
        device: torch.device,
        *,
        unpadded: bool = False,
        features: Tensor | None = None,
        predicted: int | None = None,
        row_alignment: int = ROW_ALIGNMENT,
    ) -> None:
        """`features` (rows, F) are of the tokens that have no embedding, those of the lowest ids. Only the
        last `predicted` of all tokens can be an answer."""
        self.model = model
        self.vocabulary = vocabulary
        self.predicted = vocabulary if predicted is None else predicted
        self.unpadded = unpadded
        self._row_alignment = row_alignment
        self.dialect = find_dialect(model.dialect)(model)
        self._embedded = vocabulary - (0 if features is None else len(features))
        size = None if features is None else features.shape[1]
        self.shapes = shapes_of(model, self._embedded, self.predicted, size)
        self._features: Tensor | None = None
        if features is not None:
            self._features = F.pad(features, (0, padding(features.shape[1], ROW_ALIGNMENT)))
        self.size = sum(shape.size for shape in self.shapes)
        self.flat_SP = torch.zeros(seeds, self.size + padding(self.size, ALIGNMENT), device=device)
        self.parameters = self.views(self.flat_SP)
        self._weights = Weights(self.parameters)
        self._seed_offsets_S11 = torch.arange(seeds, device=device)[:, None, None] * self._embedded
        self.attention = PLAIN
        self._products = TORCHS

    @property
    def seeds(self) -> int:
        """S."""
        return len(self.flat_SP)

    def views(self, flat_SP: Tensor) -> dict[str, Tensor]:
        """The tensors that lie in rows such as those of the own `flat_SP`, by name; they require gradients."""
        views, offset = {}, 0
        for shape in self.shapes:
            view = flat_SP[:, offset : offset + shape.size].unflatten(1, shape.shape)
            views[shape.name] = view.requires_grad_()
            offset += shape.size
        return views

    def with_parameters(self, parameters: Mapping[str, Tensor], products: Products = TORCHS) -> StackedDecoder:
        """The same decoder with other weights in place of its own, by name, of as many seeds or fewer."""
        other = copy.copy(self)
        other.parameters, other._weights = dict(parameters), Weights(parameters, products)
        other._products = products
        return other

    def with_attention(self, attention: Attention) -> StackedDecoder:
        """The same decoder, weights included, whose positions see each other through `attention`.

        Raises InputError if its dialect has none.
        """
        if not self.model.attends:
            raise InputError(f"the dialect {self.model.dialect} has no attention; pre-ln has")
        other = copy.copy(self)
        other.attention = attention
        return other

    def snapshot(self) -> StackedDecoder:
        """The models as they are now, which no further training changes."""
        other = copy.copy(self)
        other.flat_SP = self.flat_SP.detach().clone()
        other.parameters = other.views(other.flat_SP)
        other._weights = Weights(other.parameters)
        return other

    @torch.no_grad()
    def initialise(self, init_seeds: Sequence[int], trained: Mapping[str, Tensor] | None = None) -> None:
        """Draw the initial weights of every seed, each from its own init role, one seed after the other.

        With `trained`, the tensors of a model, only those that the dialect says are drawn (`Dialect.redrawn`).
        """
        redrawn = self.dialect.redrawn() if trained is not None else ()
        for row, seed in enumerate(init_seeds):
            offset = 0
            for number, shape in enumerate(self.shapes):
                target = self.flat_SP[row, offset : offset + shape.size]
                if trained is not None and shape.name not in redrawn:
                    target.copy_(trained[shape.name].flatten())
                elif isinstance(shape.start, Constant):
                    target.fill_(shape.start.value)
                elif isinstance(shape.start, Normal):
                    target.copy_(normal(seed, Role.INIT, number, shape.size, target.device))
                    target.mul_(shape.start.std)
                elif isinstance(shape.start, TruncatedNormal):
                    target.copy_(truncated_normal(seed, Role.INIT, number, shape.size, target.device))
                    target.mul_(shape.start.std)
                else:
                    target.copy_(uniform(seed, Role.INIT, number, shape.size, target.device))
                    target.mul_(2 * shape.start.bound).sub_(shape.start.bound)
                offset += shape.size

    def tensors(self, row: int) -> dict[str, Tensor]:
        """The tensors of one seed, on the CPU."""
        return {name: tensor[row].detach().cpu() for name, tensor in self.parameters.items()}

    def to_base(self, row: int = 0) -> Base:
        """One seed's model as a base, if the dialect can have one."""
        return self.dialect.to_base(self.shapes, self.tensors(row))

    def redrawn_digest(self, row: int) -> str:
        """Hash of the tensors that a seed has drawn anew of a trained model, as they are now."""
        content, tensors = hashlib.sha256(), self.tensors(row)
        for name in self.dialect.redrawn():
            content.update(tensors[name].contiguous().numpy().tobytes())
        return content.hexdigest()[:16]

    def hidden(
        self, tokens_SBT: Tensor, dropout: Dropout | None = None, *, lengths_B: Tensor | None = None
    ) -> Tensor:
        """Final hidden states (S, B, T, D) of token rows; with `dropout` in training only.

        If it is said how many tokens of each row are asked for, the same for all seeds, an unpadded decoder leaves
        out the others; their hidden states are then anything finite.
        """
        length = tokens_SBT.shape[2]
        # Causal attention: what is appended on the right changes nothing on the left.
        tokens_SBT = F.pad(tokens_SBT, (0, padding(length, self._row_alignment)))
        layout = WHOLE
        if self.unpadded and lengths_B is not None:
            last_BT = torch.arange(tokens_SBT.shape[2], device=tokens_SBT.device) == lengths_B[:, None] - 1
            last_SBT = last_BT.expand(len(tokens_SBT), -1, -1)
            layout = Unpadded(last_SBT, sizes(last_SBT[:1])[0])
        return layout.spread(self.hidden_of(tokens_SBT, layout, dropout))[:, :, :length]

    def hidden_of(self, tokens_SBT: Tensor, layout: Layout, dropout: Dropout | None) -> Tensor:
        """Final hidden states as the layout has the tokens of rows that are padded."""
        self.attention.begin(tokens_SBT)
        x_SBTD = self._embed(layout.gather(tokens_SBT))
        return self.dialect.forward(self._weights, x_SBTD, layout, dropout, self.attention)

    def behind_heads(self, x_SBQD: Tensor, y_NHQK: Tensor) -> Tensor:
        """Final hidden states (S, B, Q, D) of some positions, of what comes into the last layer there and what its
        heads have read; see `Dialect.behind_heads`."""
        return self.dialect.behind_heads(self._weights, x_SBQD, y_NHQK)

    def _embed(self, tokens_SBT: Tensor) -> Tensor:
        # One table for all seeds: the embedding of token v of seed s is row s·V + v.
        offsets_S11 = self._seed_offsets_S11[: len(tokens_SBT)]
        table_XD = self.parameters["embed_VD"].flatten(0, 1)
        if self._features is None:
            return F.embedding(tokens_SBT + offsets_S11, table_XD)
        rows = self.vocabulary - self._embedded
        embedded_SBTD = F.embedding((tokens_SBT - rows).clamp(min=0) + offsets_S11, table_XD)
        features_SBTF = F.embedding(tokens_SBT.clamp(max=rows - 1), self._features)
        mapped_SBTD = self._weights.linear("features", "FD", features_SBTF)
        return torch.where((tokens_SBT < rows)[..., None], mapped_SBTD, embedded_SBTD)

    def logits(self, hidden_SBTD: Tensor) -> Tensor:
        """Next-token logits (S, B, T, V) of hidden states, V being the tokens that can be an answer; give only the
        positions that are needed."""
        p = self.parameters
        s, b, t, d = hidden_SBTD.shape
        hidden_SND = F.pad(hidden_SBTD.reshape(s, b * t, d), (0, 0, 0, padding(b * t, ROW_ALIGNMENT)))
        unembed_SDV = p["unembed_DV"] if "unembed_DV" in p else p["embed_VD"].transpose(1, 2)
        logits_SNV = self._products.product(hidden_SND, unembed_SDV)
        if "unembed_bias_V" in p:
            logits_SNV = logits_SNV + p["unembed_bias_V"][:, None]
        return self.attention.predicted(logits_SNV[:, : b * t].reshape(s, b, t, self.predicted))

    def columns(self, tokens: Tensor) -> Tensor:
        """Where the logits of tokens that can be an answer are."""
        return tokens - (self.vocabulary - self.predicted)
