"""The pre-LN dialect is Hugging Face's GPT-2 with the exact GELU, for every seed of a pack at once."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.pre_ln import PreLNSettings
from seedsweep.workers.dialects.sinusoidal import Sinusoidal

CPU = torch.device("cpu")
NAMES = {
    "embed_VD": "transformer.wte.weight",
    "positions_PD": "transformer.wpe.weight",
    "final_norm.weight_D": "transformer.ln_f.weight",
    "final_norm.bias_D": "transformer.ln_f.bias",
    "unembed_DV": "lm_head.weight",
}
LAYER_NAMES = {
    "attention_norm": "ln_1",
    "qkv": "attn.c_attn",
    "attention_out": "attn.c_proj",
    "mlp_norm": "ln_2",
    "mlp_in": "mlp.c_fc",
    "mlp_out": "mlp.c_proj",
}


def their_name(ours: str) -> str:
    if ours in NAMES:
        return NAMES[ours]
    layer, name, kind = ours.split(".")
    return f"transformer.h.{layer.removeprefix('layer')}.{LAYER_NAMES[name]}.{kind.partition('_')[0]}"


def to_theirs(name: str, tensor: Tensor) -> Tensor:
    """Their layers hold (in, out) as ours do, but for the output layer."""
    return tensor.T if name == "unembed_DV" else tensor


def gpt2(decoder: StackedDecoder, row: int) -> GPT2LMHeadModel:
    """One seed's model in Hugging Face's class."""
    model = decoder.model
    assert isinstance(model, PreLNSettings)
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=decoder.vocabulary,
            n_positions=model.position_rows,
            n_embd=model.width,
            n_layer=model.depth,
            n_head=model.heads,
            activation_function="gelu",
            tie_word_embeddings=False,
        )
    )
    weights = {their_name(n): to_theirs(n, t[row].detach()) for n, t in decoder.parameters.items()}
    assert weights.keys() == dict(theirs.named_parameters()).keys()
    theirs.load_state_dict(weights, strict=False)  # there are masks, too
    theirs.eval()
    return theirs


def random_decoder(model: PreLNSettings, vocabulary: int, seeds: int) -> StackedDecoder:
    """A decoder in which no tensor is at its trivial initial value."""
    decoder = StackedDecoder(model, vocabulary, seeds, CPU)
    noise = torch.randn(decoder.flat_SP.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        decoder.flat_SP.copy_(noise * 0.2)
        for name, tensor in decoder.parameters.items():
            if "norm.weight" in name:
                tensor.add_(1.0)
    return decoder


@pytest.mark.parametrize(
    ("model", "vocabulary"),
    [
        (PreLNSettings(depth=2, heads=2, head_dim=16), 37),
        (PreLNSettings(depth=1, heads=8, d_model=32), 2),
        (PreLNSettings(depth=3, heads=3, d_model=60), 4),
        (PreLNSettings(depth=1, heads=16, head_dim=1), 3),
    ],
    ids=lambda value: (
        f"L{value.depth}H{value.heads}K{value.head_size}" if isinstance(value, PreLNSettings) else ""
    ),
)
def test_logits_and_gradients_are_hugging_faces(model: PreLNSettings, vocabulary: int) -> None:
    seeds, batch, length = 3, 2, 21
    decoder = random_decoder(model.for_rows(length), vocabulary, seeds)
    tokens_SBT = torch.randint(vocabulary, (seeds, batch, length), generator=torch.Generator().manual_seed(1))
    logits_SBTV = decoder.logits(decoder.hidden(tokens_SBT))
    loss = F.cross_entropy(logits_SBTV[:, :, :-1].flatten(0, 2), tokens_SBT[:, :, 1:].flatten())
    gradients = torch.autograd.grad(loss * seeds, list(decoder.parameters.values()))
    for row in range(seeds):
        theirs = gpt2(decoder, row)
        their_logits = theirs(tokens_SBT[row]).logits
        torch.testing.assert_close(logits_SBTV[row], their_logits, rtol=1e-5, atol=1e-5)
        F.cross_entropy(their_logits[:, :-1].flatten(0, 1), tokens_SBT[row, :, 1:].flatten()).backward()
        named = dict(theirs.named_parameters())
        for name, gradient in zip(decoder.parameters, gradients, strict=True):
            expected = named[their_name(name)].grad
            assert expected is not None
            torch.testing.assert_close(
                to_theirs(name, gradient[row]), expected, rtol=1e-5, atol=1e-5, msg=partial("{}: {}".format, name)
            )


@pytest.mark.parametrize(("length", "positions"), [(16, 16), (17, 32), (31, 32), (64, 64)])
def test_the_table_of_positions_is_as_long_as_the_rows(length: int, positions: int) -> None:
    model = PreLNSettings(depth=2, heads=2, head_dim=8).for_rows(length)
    decoder = StackedDecoder(model, 5, 1, CPU)
    assert decoder.parameters["positions_PD"].shape == (1, positions, 16)
    assert decoder.size == model.parameters(5)
    theirs = gpt2(decoder, 0)
    assert model.parameters(5) == sum(p.numel() for p in theirs.parameters())


def test_initial_weights_follow_the_dialect_and_the_init_seed() -> None:
    decoder = StackedDecoder(PreLNSettings(depth=2, heads=2, head_dim=32, init_std=0.05).for_rows(32), 50, 3, CPU)
    decoder.initialise([4, 9, 4])
    for name, tensor in decoder.parameters.items():
        if "norm.weight" in name:
            assert torch.all(tensor == 1.0), name
        elif "bias" in name:
            assert torch.all(tensor == 0.0), name
        else:
            assert tensor[0].std().item() == pytest.approx(0.05, rel=0.1), name
            assert torch.equal(tensor[0], tensor[2]), name
            assert not torch.equal(tensor[0], tensor[1]), name


def test_the_model_is_causal_and_knows_positions() -> None:
    decoder = random_decoder(PreLNSettings(depth=2, heads=2, head_dim=8).for_rows(19), 11, 2)
    tokens = torch.randint(11, (2, 3, 19), generator=torch.Generator().manual_seed(2))
    changed = tokens.clone()
    changed[:, :, 10:] = (changed[:, :, 10:] + 1) % 11
    assert torch.equal(decoder.hidden(tokens)[:, :, :10], decoder.hidden(changed)[:, :, :10])
    same = decoder.hidden(torch.full((2, 1, 19), 3))
    assert not torch.allclose(same[:, :, 0], same[:, :, 1])


def test_sinusoidal_positions_are_a_table_that_is_not_trained() -> None:
    given = {"depth": 2, "heads": 2, "head_dim": 8, "init_std": 0.3}
    still = StackedDecoder(PreLNSettings(**given, positions="sinusoidal").for_rows(32), 11, 2, CPU)
    assert still.size == still.model.parameters(11)
    learned = StackedDecoder(PreLNSettings(**given).for_rows(32), 11, 2, CPU)
    still.initialise([1, 2])
    with torch.no_grad():
        for name, tensor in learned.parameters.items():
            tensor.copy_(Sinusoidal(16)(32, CPU) if name == "positions_PD" else still.parameters[name])
    tokens_SBT = torch.arange(2 * 3 * 32).view(2, 3, 32) % 11
    torch.testing.assert_close(still.hidden(tokens_SBT), learned.hidden(tokens_SBT), rtol=1e-5, atol=1e-6)
