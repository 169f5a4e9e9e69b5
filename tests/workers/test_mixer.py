"""The mixer dialect is a causal MLP-Mixer made of torch's layers, for every seed of a pack at once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from seedsweep.errors import InputError
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.mixer import MixerSettings
from seedsweep.workers.dialects.sinusoidal import Sinusoidal
from seedsweep.workers.instruments.patching import patched
from seedsweep.workers.instruments.reading import mean_attention

CPU = torch.device("cpu")


def mixer(**given: Any) -> MixerSettings:
    return MixerSettings(dialect="mixer", **given)


class Causal(nn.Module):
    """Of a layer (out, in): an output is made of inputs up to its own place."""

    def forward(self, weight_TT: Tensor) -> Tensor:
        return weight_TT.tril()


def along_positions(length: int) -> nn.Sequential:
    layers = [nn.Linear(length, length), nn.Linear(length, length)]
    for layer in layers:
        parametrize.register_parametrization(layer, "weight", Causal())
    return nn.Sequential(layers[0], nn.GELU(), layers[1])


class Block(nn.Module):
    """MLP-Mixer's, of channels that are dealt out to heads."""

    def __init__(self, width: int, heads: int, length: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.mixing = nn.ModuleList([along_positions(length) for _ in range(heads)])
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x_BTD: Tensor) -> Tensor:
        heads_BKT = self.norms[0](x_BTD).transpose(1, 2).chunk(len(self.mixing), dim=1)
        mixed_BDT = torch.cat([mix(x_BKT) for mix, x_BKT in zip(self.mixing, heads_BKT, strict=True)], dim=1)
        x_BTD = x_BTD + mixed_BDT.transpose(1, 2)
        added_BTD: Tensor = self.mlp(self.norms[1](x_BTD))
        return x_BTD + added_BTD


class Mixer(nn.Module):
    """One seed's model."""

    def __init__(self, model: MixerSettings, vocabulary: int) -> None:
        super().__init__()
        d, t = model.width, model.row_length
        self.embed, self.positions = nn.Embedding(vocabulary, d), nn.Embedding(t, d)
        self.blocks = nn.Sequential(*(Block(d, model.heads, t) for _ in range(model.depth)))
        self.norm, self.unembed = nn.LayerNorm(d), nn.Linear(d, vocabulary, bias=False)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        rows_BT = F.pad(tokens_BT, (0, self.positions.num_embeddings - tokens_BT.shape[1]))
        hidden_BTD = self.blocks(self.embed(rows_BT) + self.positions.weight)
        logits_BTV: Tensor = self.unembed(self.norm(hidden_BTD))
        return logits_BTV[:, : tokens_BT.shape[1]]

    def by_our_names(self) -> dict[str, Tensor]:
        """Its parameters; our layers (in, out) are torch's (out, in) turned, of all heads in one tensor."""
        found = {"embed_VD": self.embed.weight, "positions_PD": self.positions.weight}
        blocks: Iterable[Any] = self.blocks
        for number, block in enumerate(blocks):
            layer = f"layer{number}."
            for name, place in (("mixing_in", 0), ("mixing_out", 2)):
                originals = [mix[place].parametrizations.weight.original.T for mix in block.mixing]
                found[f"{layer}{name}.weight_HTT"] = torch.stack(originals)
                found[f"{layer}{name}.bias_HT"] = torch.stack([mix[place].bias for mix in block.mixing])
            for name, place, letters in (("mlp_in", 0, "DF"), ("mlp_out", 2, "FD")):
                found[f"{layer}{name}.weight_{letters}"] = block.mlp[place].weight.T
                found[f"{layer}{name}.bias_{letters[1]}"] = block.mlp[place].bias
            for name, norm in zip(("mixing_norm", "mlp_norm"), block.norms, strict=True):
                found |= {f"{layer}{name}.weight_D": norm.weight, f"{layer}{name}.bias_D": norm.bias}
        ends = {"final_norm.weight_D": self.norm.weight, "final_norm.bias_D": self.norm.bias}
        return found | ends | {"unembed_DV": self.unembed.weight.T}


@pytest.mark.parametrize(
    ("model", "vocabulary", "length"),
    [
        (mixer(depth=2, heads=2, head_dim=8, init_std=0.3), 7, 21),
        (mixer(depth=1, heads=1, d_model=20, init_std=0.3), 2, 16),  # the published one, but for its being causal
        (mixer(depth=1, heads=16, head_dim=1, init_std=0.3), 3, 33),
    ],
    ids=["two blocks", "one head", "heads of one channel"],
)
def test_logits_and_gradients_are_torchs(model: MixerSettings, vocabulary: int, length: int) -> None:
    seeds, batch, model = 3, 2, model.for_rows(length)
    decoder = StackedDecoder(model, vocabulary, seeds, CPU)
    models = [Mixer(model, vocabulary) for _ in range(seeds)]
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        for row, theirs in enumerate(models):
            for parameter in theirs.parameters():
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
            ours = theirs.by_our_names()
            assert ours.keys() == decoder.parameters.keys()
            for name, tensor in ours.items():
                decoder.parameters[name][row].copy_(tensor)
    assert decoder.size == model.parameters(vocabulary) == sum(p.numel() for p in models[0].parameters())

    tokens_SBT = torch.randint(vocabulary, (seeds, batch, length), generator=torch.Generator().manual_seed(1))
    logits_SBTV = decoder.logits(decoder.hidden(tokens_SBT))
    loss = F.cross_entropy(logits_SBTV[:, :, :-1].flatten(0, 2), tokens_SBT[:, :, 1:].flatten())
    gradients = torch.autograd.grad(loss * seeds, list(decoder.parameters.values()))
    for row, theirs in enumerate(models):
        their_logits = theirs(tokens_SBT[row])
        torch.testing.assert_close(logits_SBTV[row], their_logits, rtol=1e-5, atol=1e-5)
        their_loss = F.cross_entropy(their_logits[:, :-1].flatten(0, 1), tokens_SBT[row, :, 1:].flatten())
        expected = torch.autograd.grad(their_loss, list(theirs.parameters()))
        with torch.no_grad():  # so that gradients have our names, too
            for parameter, gradient in zip(theirs.parameters(), expected, strict=True):
                parameter.copy_(gradient)
        named = theirs.by_our_names()
        for name, gradient in zip(decoder.parameters, gradients, strict=True):
            torch.testing.assert_close(
                gradient[row], named[name], rtol=1e-5, atol=1e-5, msg=partial("{}: {}".format, name)
            )


def drawn(length: int, **given: Any) -> StackedDecoder:
    model = mixer(depth=2, heads=2, head_dim=8, init_std=0.3, **given).for_rows(length)
    decoder = StackedDecoder(model, 11, 2, CPU)
    decoder.initialise([1, 2])
    return decoder


@pytest.mark.parametrize("length", [19, 32])
def test_what_is_on_the_right_changes_no_bit_on_the_left(length: int) -> None:
    """One token after the other, the answer that a position is to predict among them."""
    decoder = drawn(length)
    tokens = torch.randint(11, (2, 3, length), generator=torch.Generator().manual_seed(2))
    logits = decoder.logits(decoder.hidden(tokens))
    for place in range(1, length):
        changed = tokens.clone()
        changed[:, :, place] = (changed[:, :, place] + 1) % 11
        others = decoder.logits(decoder.hidden(changed))
        assert torch.equal(others[:, :, :place], logits[:, :, :place])
        assert not torch.equal(others[:, :, place], logits[:, :, place])


def test_of_its_matrices_one_half_is_read() -> None:
    decoder = drawn(32)
    tokens = torch.randint(11, (2, 3, 32), generator=torch.Generator().manual_seed(3))
    before = decoder.hidden(tokens)
    with torch.no_grad():
        for name, tensor in decoder.parameters.items():
            if name.endswith("weight_HTT"):
                tensor.add_(torch.ones(32, 32).tril(-1))
    again = decoder.hidden(tokens)
    assert torch.equal(again, before)
    (gradient,) = torch.autograd.grad(again.square().sum(), [decoder.parameters["layer0.mixing_in.weight_HTT"]])
    assert not gradient.tril(-1).any()
    assert gradient.triu().count_nonzero() > 0.9 * gradient.numel() / 2


def test_attention_is_nothing_that_it_has() -> None:
    decoder = drawn(32)
    for look in (
        lambda: mean_attention(decoder, torch.zeros(2, 32, dtype=torch.long), torch.arange(3)),
        lambda: patched(decoder, drawn(32)),
    ):
        with pytest.raises(InputError, match="the dialect mixer has no attention; pre-ln has"):
            look()


def test_shorter_rows_are_read_as_the_beginning_of_longer_ones() -> None:
    decoder = drawn(32)
    tokens = torch.randint(11, (2, 3, 32), generator=torch.Generator().manual_seed(4))
    for length in (9, 16):
        torch.testing.assert_close(
            decoder.hidden(tokens[:, :, :length]), decoder.hidden(tokens)[:, :, :length], rtol=1e-5, atol=1e-5
        )


def test_sinusoidal_positions_are_a_table_that_is_not_trained() -> None:
    still, learned = drawn(32, positions="sinusoidal"), drawn(32)
    assert still.size == still.model.parameters(11)
    with torch.no_grad():
        for name, tensor in learned.parameters.items():
            tensor.copy_(Sinusoidal(16)(32, CPU) if name == "positions_PD" else still.parameters[name])
    tokens_SBT = torch.arange(2 * 3 * 32).view(2, 3, 32) % 11
    torch.testing.assert_close(still.hidden(tokens_SBT), learned.hidden(tokens_SBT), rtol=1e-5, atol=1e-6)
