"""The stacked decoder is Hugging Face's GPT-NeoX, for every seed of a pack at once."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import torch.nn.functional as F

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.gpt_neox import GPTNeoXSettings
from tests.workers.reference import gpt_neox, their_name, to_theirs

CPU = torch.device("cpu")


def random_decoder(model: GPTNeoXSettings, vocabulary: int, seeds: int) -> StackedDecoder:
    """A decoder in which no tensor is at its trivial initial value."""
    decoder = StackedDecoder(model, vocabulary, seeds, CPU)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        decoder.flat_SP.copy_(torch.randn(decoder.flat_SP.shape, generator=generator) * 0.2)
        for name, tensor in decoder.parameters.items():
            if "norm.weight" in name:
                tensor.add_(1.0)
    return decoder


@pytest.mark.parametrize(
    "model",
    [
        GPTNeoXSettings(depth=2, heads=2, head_dim=16),
        GPTNeoXSettings(depth=1, heads=4, head_dim=8, rotary_fraction=1.0),
        GPTNeoXSettings(depth=3, heads=3, d_model=60, rotary_fraction=0.5, rotary_base=100.0),
        GPTNeoXSettings(depth=4, heads=1, head_dim=64),  # the paper's smallest: head size 64, 16 rotated
    ],
    ids=lambda model: f"L{model.depth}H{model.heads}K{model.head_size}",
)
def test_logits_and_gradients_are_hugging_faces(model: GPTNeoXSettings) -> None:
    seeds, batch, length, vocabulary = 3, 2, 21, 37
    decoder = random_decoder(model, vocabulary, seeds)
    generator = torch.Generator().manual_seed(1)
    tokens_SBT = torch.randint(vocabulary, (seeds, batch, length), generator=generator)

    logits_SBTV = decoder.logits(decoder.hidden(tokens_SBT))
    loss = F.cross_entropy(logits_SBTV[:, :, :-1].flatten(0, 2), tokens_SBT[:, :, 1:].flatten())
    gradients = torch.autograd.grad(loss * seeds, list(decoder.parameters.values()))

    for row in range(seeds):
        theirs = gpt_neox(decoder, row)
        their_logits = theirs(tokens_SBT[row]).logits
        torch.testing.assert_close(logits_SBTV[row], their_logits, rtol=1e-5, atol=1e-5)
        their_loss = F.cross_entropy(their_logits[:, :-1].flatten(0, 1), tokens_SBT[row, :, 1:].flatten())
        their_loss.backward()
        named = dict(theirs.named_parameters())
        assert len(named) == len(gradients)
        for name, gradient in zip(decoder.parameters, gradients, strict=True):
            expected = named[their_name(name)].grad
            assert expected is not None
            torch.testing.assert_close(
                to_theirs(name, gradient[row]), expected, rtol=1e-5, atol=1e-5, msg=partial("{}: {}".format, name)
            )


@pytest.mark.parametrize(
    ("heads", "head_dim", "depth", "parameters"), [(1, 64, 4, 219_776), (8, 64, 4, 12_768_256)]
)
def test_parameter_count_is_the_papers(heads: int, head_dim: int, depth: int, parameters: int) -> None:
    model = GPTNeoXSettings(depth=depth, heads=heads, head_dim=head_dim)
    assert model.parameters(154) == parameters
    small = StackedDecoder(GPTNeoXSettings(depth=depth, heads=heads, head_dim=8), 154, 1, CPU)
    assert small.size == small.model.parameters(154) == sum(t.numel() for t in small.parameters.values())
    assert sum(shape.size for shape in StackedDecoder(model, 154, 1, CPU).shapes) == parameters


def test_initial_weights_follow_the_dialect_and_the_init_seed() -> None:
    model = GPTNeoXSettings(depth=2, heads=2, head_dim=32, init_std=0.02)
    decoder = StackedDecoder(model, 50, 3, CPU)
    decoder.initialise([4, 9, 4])
    for name, tensor in decoder.parameters.items():
        if "norm.weight" in name:
            assert torch.all(tensor == 1.0), name
        elif "bias" in name:
            assert torch.all(tensor == 0.0), name
        else:
            assert tensor[0].std().item() == pytest.approx(0.02, rel=0.1), name
            assert torch.equal(tensor[0], tensor[2]), name
            assert not torch.equal(tensor[0], tensor[1]), name
    drawn = [tensor[0].flatten()[:8] for name, tensor in decoder.parameters.items() if "weight_D" in name]
    assert not torch.equal(drawn[-1], drawn[-2])  # every tensor has draws of its own


def test_the_model_is_causal() -> None:
    decoder = random_decoder(GPTNeoXSettings(depth=2, heads=2, head_dim=8), 11, 2)
    tokens = torch.randint(11, (2, 3, 19), generator=torch.Generator().manual_seed(2))
    changed = tokens.clone()
    changed[:, :, 10:] = (changed[:, :, 10:] + 1) % 11
    assert torch.equal(decoder.hidden(tokens)[:, :, :10], decoder.hidden(changed)[:, :, :10])
