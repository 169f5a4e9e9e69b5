"""The post-LN dialect is a stack of torch's own encoder layers, for every seed of a pack at once."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.post_ln import PostLNSettings
from seedsweep.workers.dropout import Dropout, dropout_keys

CPU = torch.device("cpu")
LAYER_NAMES = {
    "qkv.weight_DX": "self_attn.in_proj_weight",
    "attention_out.weight_DD": "self_attn.out_proj.weight",
    "attention_norm.weight_D": "norm1.weight",
    "attention_norm.bias_D": "norm1.bias",
    "mlp_in.weight_DF": "linear1.weight",
    "mlp_in.bias_F": "linear1.bias",
    "mlp_out.weight_FD": "linear2.weight",
    "mlp_out.bias_D": "linear2.bias",
    "mlp_norm.weight_D": "norm2.weight",
    "mlp_norm.bias_D": "norm2.bias",
}


class Reference(nn.Module):
    """One seed's model, made of torch's parts. Attention biases are 0: ours has none."""

    def __init__(self, model: PostLNSettings, vocabulary: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, model.width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                model.width, model.heads, 4 * model.width, dropout=0.0, activation="relu", batch_first=True
            )
            for _ in range(model.depth)
        )
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, tokens_BT: Tensor) -> Tensor:
        length, width = tokens_BT.shape[1], self.embed.weight.shape[1]
        table = [
            [(math.cos if i % 2 else math.sin)(t / 10000 ** ((i - i % 2) / width)) for i in range(width)]
            for t in range(length)
        ]
        x_BTD = self.embed(tokens_BT) * math.sqrt(width) + torch.tensor(table)
        future = nn.Transformer.generate_square_subsequent_mask(length)
        for layer in self.layers:
            x_BTD = layer(x_BTD, src_mask=future, is_causal=True)
        return F.linear(x_BTD, self.embed.weight, self.bias)


def their_name(ours: str) -> str:
    if ours in ("embed_VD", "unembed_bias_V"):
        return {"embed_VD": "embed.weight", "unembed_bias_V": "bias"}[ours]
    layer, _, rest = ours.partition(".")
    return f"layers.{layer.removeprefix('layer')}.{LAYER_NAMES[rest]}"


def to_theirs(name: str, tensor: Tensor) -> Tensor:
    """Their linear layers hold (out, in); ours (in, out)."""
    return tensor.T if tensor.ndim == 2 and name != "embed_VD" else tensor


def random_decoder(model: PostLNSettings, vocabulary: int, seeds: int) -> StackedDecoder:
    """Initial weights, moved so that no tensor is at a trivial value."""
    decoder = StackedDecoder(model, vocabulary, seeds, CPU)
    decoder.initialise(range(seeds))
    noise = torch.randn(decoder.flat_SP.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        decoder.flat_SP.add_(noise * 0.05)
    return decoder


@pytest.mark.parametrize(
    "model",
    [
        PostLNSettings(depth=2, heads=2, head_dim=16),
        PostLNSettings(depth=3, heads=3, d_model=60),
        PostLNSettings(depth=1, heads=1, head_dim=64),
    ],
    ids=lambda model: f"L{model.depth}H{model.heads}K{model.head_size}",
)
def test_logits_and_gradients_are_torchs(model: PostLNSettings) -> None:
    seeds, batch, length, vocabulary = 3, 2, 21, 37
    decoder = random_decoder(model, vocabulary, seeds)
    tokens_SBT = torch.randint(vocabulary, (seeds, batch, length), generator=torch.Generator().manual_seed(1))
    # Without dropped values, but through the arithmetic of training, which does attention by hand.
    still = decoder.model.model_copy(update={"dropout": 1e-9})
    trained = StackedDecoder(still, vocabulary, seeds, CPU)
    with torch.no_grad():
        trained.flat_SP.copy_(decoder.flat_SP)
    dropout = Dropout(dropout_keys(torch.arange(seeds), torch.tensor(0)))
    for ours, given in ((decoder, None), (trained, dropout)):
        logits_SBTV = ours.logits(ours.hidden(tokens_SBT, given))
        loss = F.cross_entropy(logits_SBTV[:, :, :-1].flatten(0, 2), tokens_SBT[:, :, 1:].flatten())
        gradients = torch.autograd.grad(loss * seeds, list(ours.parameters.values()))
        for row in range(seeds):
            theirs = Reference(model, vocabulary)
            weights = {their_name(n): to_theirs(n, t[row].detach()) for n, t in ours.parameters.items()}
            zero = {n: torch.zeros_like(t) for n, t in theirs.state_dict().items() if n.endswith("proj_bias")}
            zero |= {n: torch.zeros_like(t) for n, t in theirs.state_dict().items() if n.endswith("proj.bias")}
            theirs.load_state_dict(weights | zero)
            their_logits = theirs(tokens_SBT[row])
            torch.testing.assert_close(logits_SBTV[row], their_logits, rtol=1e-5, atol=1e-5)
            F.cross_entropy(their_logits[:, :-1].flatten(0, 1), tokens_SBT[row, :, 1:].flatten()).backward()
            named = dict(theirs.named_parameters())
            for name, gradient in zip(ours.parameters, gradients, strict=True):
                expected = named[their_name(name)].grad
                assert expected is not None
                torch.testing.assert_close(
                    to_theirs(name, gradient[row]),
                    expected,
                    rtol=1e-5,
                    atol=1e-5,
                    msg=partial("{}: {}".format, name),
                )


def test_initial_weights_are_glorots_and_follow_the_init_seed() -> None:
    model = PostLNSettings(depth=2, heads=2, head_dim=32)
    decoder = StackedDecoder(model, 71, 3, CPU)
    decoder.initialise([4, 9, 4])
    assert decoder.size == model.parameters(71)
    p = decoder.parameters
    reference = {
        "embed_VD": nn.init.xavier_uniform_(torch.empty(71, 64)),
        "layer0.qkv.weight_DX": nn.init.xavier_uniform_(torch.empty(64, 64)),
        "layer1.mlp_in.weight_DF": nn.init.xavier_uniform_(torch.empty(256, 64), gain=math.sqrt(2)),
        "layer1.mlp_out.weight_FD": nn.init.xavier_uniform_(torch.empty(64, 256)),
        "layer1.mlp_out.bias_D": nn.Linear(256, 64).bias,
    }
    for name, theirs in reference.items():
        bound = theirs.abs().max().item()
        assert p[name][0].abs().max().item() == pytest.approx(bound, rel=0.05), name
        assert p[name][0].std().item() == pytest.approx(bound / math.sqrt(3), rel=0.15), name
        assert torch.equal(p[name][0], p[name][2]), name
        assert not torch.equal(p[name][0], p[name][1]), name
    assert torch.all(p["layer0.mlp_norm.weight_D"] == 1)
    assert torch.all(p["unembed_bias_V"] == 0)


def test_the_model_is_causal_and_evaluation_drops_nothing() -> None:
    decoder = random_decoder(PostLNSettings(depth=2, heads=2, head_dim=8, dropout=0.5), 11, 2)
    tokens = torch.randint(11, (2, 3, 19), generator=torch.Generator().manual_seed(2))
    changed = tokens.clone()
    changed[:, :, 10:] = (changed[:, :, 10:] + 1) % 11
    assert torch.equal(decoder.hidden(tokens)[:, :, :10], decoder.hidden(changed)[:, :, :10])
    assert torch.equal(decoder.hidden(tokens), decoder.hidden(tokens))
    drops = Dropout(dropout_keys(torch.tensor([3, 4]), torch.tensor(7)))
    dropped = decoder.hidden(tokens, drops)
    assert torch.equal(dropped[:, :, :10], decoder.hidden(changed, drops)[:, :, :10])
    assert not torch.allclose(dropped, decoder.hidden(tokens))


def test_every_site_of_a_step_drops_on_its_own() -> None:
    """1 + 4 per layer: embedding, attention weights, attention branch, feed-forward, its branch."""

    class Recorder(Dropout):
        sites: list[tuple[int, tuple[int, ...]]] = []  # noqa: RUF012

        def __call__(self, x: Tensor, site: int, share: float) -> Tensor:
            self.sites.append((site, tuple(x.shape)))
            return super().__call__(x, site, share)

    decoder = random_decoder(PostLNSettings(depth=2, heads=2, head_dim=8), 11, 2)
    decoder.hidden(
        torch.zeros(2, 3, 16, dtype=torch.long), Recorder(dropout_keys(torch.arange(2), torch.tensor(0)))
    )
    wide, weights, fed = (2, 3, 16, 16), (2, 6, 16, 16), (2, 3, 16, 64)
    layer = [weights, wide, fed, wide]
    assert Recorder.sites == list(enumerate([wide, *layer, *layer]))
