"""The attention-only dialect is Hugging Face's GPT-2 and GPT-NeoX without feed-forward layers and biases, for all
seeds of a pack at once; what is read as features, and how few tokens are predicted, changes nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from scipy.stats import kstest, truncnorm, uniform
from torch import Tensor
from transformers import GPT2Config, GPT2Model, GPTNeoXConfig, GPTNeoXModel

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.attention_only import AttentionOnlySettings
from seedsweep.workers.dialects.sinusoidal import Sinusoidal

CPU = torch.device("cpu")
VOCABULARY, LENGTH, HEADS, HEAD_SIZE = 23, 16, 4, 8
WIDTH = HEADS * HEAD_SIZE


def settings(positions: str, depth: int = 2, **given: object) -> AttentionOnlySettings:
    model = {"dialect": "attention-only", "depth": depth, "heads": HEADS, "head_dim": HEAD_SIZE}
    return AttentionOnlySettings.model_validate({**model, "positions": positions, **given}).for_rows(LENGTH)


def shaken(decoder: StackedDecoder) -> StackedDecoder:
    """With no tensor at its trivial initial value."""
    with torch.no_grad():
        decoder.flat_SP.copy_(torch.randn(decoder.flat_SP.shape, generator=torch.Generator().manual_seed(0)) * 0.2)
        for name, tensor in decoder.parameters.items():
            if "norm.weight" in name:
                tensor.add_(1.0)
    return decoder


def gpt2(positions_PD: Tensor) -> Any:
    """With the table of positions that is given, of rows of `LENGTH`."""
    config = GPT2Config(vocab_size=VOCABULARY, n_positions=LENGTH, n_embd=WIDTH, n_layer=2, n_head=HEADS)
    model = GPT2Model(config).eval()
    model.wpe.weight.data = positions_PD
    return model


def their_hidden(decoder: StackedDecoder, row: int, tokens_BT: Tensor) -> Tensor:
    own = {name: tensor[row].detach() for name, tensor in decoder.parameters.items()}
    model = decoder.model
    assert isinstance(model, AttentionOnlySettings)
    if model.positions == "rotary":
        return _gpt_neox(own, tokens_BT)
    table_PD = own["positions_PD"] if model.positions == "learned" else Sinusoidal(WIDTH)(LENGTH, CPU)
    theirs = gpt2(table_PD)
    with torch.no_grad():
        theirs.wte.weight.copy_(own["embed_VD"])
        theirs.ln_f.weight.copy_(own["final_norm.weight_D"])
        theirs.ln_f.bias.copy_(own["final_norm.bias_D"])
        for layer, block in enumerate(theirs.h):
            block.ln_1.weight.copy_(own[f"layer{layer}.attention_norm.weight_D"])
            block.ln_1.bias.copy_(own[f"layer{layer}.attention_norm.bias_D"])
            block.attn.c_attn.weight.copy_(own[f"layer{layer}.qkv.weight_DX"])
            block.attn.c_attn.bias.zero_()
            block.attn.c_proj.weight.copy_(own[f"layer{layer}.attention_out.weight_DD"])
            block.attn.c_proj.bias.zero_()
            block.mlp.c_proj.weight.zero_()
            block.mlp.c_proj.bias.zero_()
    hidden_BTD: Tensor = theirs(tokens_BT).last_hidden_state
    return hidden_BTD


def _gpt_neox(own: Mapping[str, Tensor], tokens_BT: Tensor) -> Tensor:
    config = GPTNeoXConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS,
        intermediate_size=4, use_parallel_residual=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0},
    )  # fmt: skip
    theirs: Any = GPTNeoXModel(config).eval()
    with torch.no_grad():
        theirs.embed_in.weight.copy_(own["embed_VD"])
        theirs.final_layer_norm.weight.copy_(own["final_norm.weight_D"])
        theirs.final_layer_norm.bias.copy_(own["final_norm.bias_D"])
        for layer, block in enumerate(theirs.layers):
            block.input_layernorm.weight.copy_(own[f"layer{layer}.attention_norm.weight_D"])
            block.input_layernorm.bias.copy_(own[f"layer{layer}.attention_norm.bias_D"])
            qkv_D3HK = own[f"layer{layer}.qkv.weight_DX"].view(WIDTH, 3, HEADS, HEAD_SIZE)
            block.attention.query_key_value.weight.copy_(qkv_D3HK.transpose(1, 2).reshape(WIDTH, -1).T)
            block.attention.query_key_value.bias.zero_()
            block.attention.dense.weight.copy_(own[f"layer{layer}.attention_out.weight_DD"].T)
            block.attention.dense.bias.zero_()
            block.mlp.dense_4h_to_h.weight.zero_()
            block.mlp.dense_4h_to_h.bias.zero_()
    hidden_BTD: Tensor = theirs(tokens_BT).last_hidden_state
    return hidden_BTD


@pytest.mark.parametrize("positions", ["rotary", "learned", "sinusoidal"])
def test_hidden_states_and_logits_are_hugging_faces(positions: str) -> None:
    seeds = 3
    decoder = shaken(StackedDecoder(settings(positions), VOCABULARY, seeds, CPU))
    tokens_SBT = torch.randint(VOCABULARY, (seeds, 2, LENGTH), generator=torch.Generator().manual_seed(1))
    hidden_SBTD = decoder.hidden(tokens_SBT)
    for row in range(seeds):
        theirs_BTD = their_hidden(decoder, row, tokens_SBT[row])
        torch.testing.assert_close(hidden_SBTD[row], theirs_BTD, rtol=1e-5, atol=2e-5)
        logits_BTV = theirs_BTD @ decoder.parameters["unembed_DV"][row] + decoder.parameters["unembed_bias_V"][row]
        torch.testing.assert_close(decoder.logits(hidden_SBTD)[row], logits_BTV, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("positions", ["rotary", "learned"])
def test_the_first_layers_gradient_is_that_of_torchs_attention(positions: str) -> None:
    """Of one layer, written with `torch.nn.functional.multi_head_attention_forward`'s parts in float64."""
    decoder = shaken(StackedDecoder(settings(positions, depth=1), VOCABULARY, 1, CPU))
    tokens_BT = torch.randint(VOCABULARY, (3, LENGTH), generator=torch.Generator().manual_seed(2))
    decoder.logits(decoder.hidden(tokens_BT[None])).square().mean().backward()
    p = {name: tensor[0].detach().double().requires_grad_() for name, tensor in decoder.parameters.items()}
    x = p["embed_VD"][tokens_BT]
    if positions == "learned":
        x = x + p["positions_PD"]
    n = F.layer_norm(x, (WIDTH,), p["layer0.attention_norm.weight_D"], p["layer0.attention_norm.bias_D"])
    q, k, v = ((n @ part).unflatten(-1, (HEADS, HEAD_SIZE)) for part in p["layer0.qkv.weight_DX"].chunk(3, dim=1))
    if positions == "rotary":
        half = HEAD_SIZE // 2
        angle = torch.outer(torch.arange(LENGTH).double(), 10000.0 ** -(torch.arange(half).double() / half))
        q, k = (
            torch.view_as_real(
                torch.complex(*part.chunk(2, dim=-1)) * torch.polar(torch.ones_like(angle), angle)[:, None]
            ).transpose(-1, -2).flatten(-2)
            for part in (q, k)
        )  # fmt: skip
    scores = torch.einsum("bqhk,bthk->bhqt", q, k) / math.sqrt(HEAD_SIZE)
    scores = scores.masked_fill(torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1), -math.inf)
    y = torch.einsum("bhqt,bthk->bqhk", scores.softmax(-1), v).flatten(2)
    x = x + y @ p["layer0.attention_out.weight_DD"]
    n = F.layer_norm(x, (WIDTH,), p["final_norm.weight_D"], p["final_norm.bias_D"])
    (n @ p["unembed_DV"] + p["unembed_bias_V"]).square().mean().backward()
    for name, tensor in decoder.parameters.items():
        ours, theirs = decoder.flat_SP.grad, p[name].grad
        assert tensor.grad is not None
        assert ours is None
        assert theirs is not None
        torch.testing.assert_close(tensor.grad[0], theirs.float(), rtol=1e-4, atol=1e-6)


def test_heads_that_are_not_active_write_nothing() -> None:
    all_heads = shaken(StackedDecoder(settings("rotary"), VOCABULARY, 2, CPU))
    one_head = shaken(StackedDecoder(settings("rotary", active_heads=1), VOCABULARY, 2, CPU))
    tokens_SBT = torch.randint(VOCABULARY, (2, 3, LENGTH), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        all_heads.parameters["layer1.attention_out.weight_DD"][:, HEAD_SIZE:] = 0.0
    torch.testing.assert_close(one_head.hidden(tokens_SBT), all_heads.hidden(tokens_SBT))
    one_head.hidden(tokens_SBT).square().sum().backward()
    gradient = one_head.parameters["layer1.attention_out.weight_DD"].grad
    assert gradient is not None
    assert gradient[:, :HEAD_SIZE].any()
    assert not gradient[:, HEAD_SIZE:].any()


@pytest.mark.parametrize("positions", ["rotary", "learned", "sinusoidal"])
def test_parameters_are_counted(positions: str) -> None:
    model = settings(positions)
    features = torch.randn(40, 20, generator=torch.Generator().manual_seed(4))
    plain = StackedDecoder(model, VOCABULARY, 1, CPU)
    assert plain.size == model.parameters(VOCABULARY)
    few = StackedDecoder(model, 40 + 7, 1, CPU, features=features, predicted=5)
    assert few.size == model.parameters(7, 5) + (32 + 1) * WIDTH


def test_features_stand_for_embeddings() -> None:
    """A model that embeds features is the one whose embedding is what the map makes of them."""
    rows, labels, size = 40, 6, 20
    features_RF = torch.randn(rows, size, generator=torch.Generator().manual_seed(5))
    decoder = shaken(StackedDecoder(settings("rotary"), rows + labels, 2, CPU, features=features_RF, predicted=4))
    plain = StackedDecoder(settings("rotary"), rows + labels, 2, CPU)
    mapped = features_RF @ decoder.parameters["features.weight_FD"][:, :size]
    mapped = mapped + decoder.parameters["features.bias_D"][:, None]
    with torch.no_grad():
        for name, tensor in plain.parameters.items():
            if name == "embed_VD":
                tensor.copy_(torch.cat([mapped, decoder.parameters[name]], dim=1))
            elif "unembed" in name:
                tensor.zero_()
                tensor[..., -4:] = decoder.parameters[name]
            else:
                tensor.copy_(decoder.parameters[name])
    tokens_SBT = torch.randint(rows + labels, (2, 3, 11), generator=torch.Generator().manual_seed(6))
    ours, theirs = decoder.logits(decoder.hidden(tokens_SBT)), plain.logits(plain.hidden(tokens_SBT))
    assert ours.shape[-1] == 4
    torch.testing.assert_close(ours, theirs[..., -4:], rtol=1e-4, atol=1e-5)
    assert decoder.columns(torch.tensor(rows + labels - 4)) == 0


def test_tensors_start_as_the_dialect_says() -> None:
    decoder = StackedDecoder(settings("learned"), 400, 1, CPU, features=torch.zeros(300, 64))
    decoder.initialise([7])
    own = {name: tensor[0].detach().numpy().ravel() for name, tensor in decoder.parameters.items()}
    assert kstest(own["embed_VD"] / 0.02, truncnorm(-2, 2).cdf).pvalue > 0.01
    assert np.abs(own["embed_VD"]).max() <= 0.04
    bound = 1 / math.sqrt(32)
    assert kstest(own["positions_PD"], uniform(-bound, 2 * bound).cdf).pvalue > 0.01
    for name in ("layer0.qkv.weight_DX", "layer1.attention_out.weight_DD", "unembed_DV"):
        assert kstest(own[name] * math.sqrt(WIDTH), "norm").pvalue > 0.01, name
    assert kstest(own["features.weight_FD"] * math.sqrt(64), "norm").pvalue > 0.01
    assert not own["features.bias_D"].any()
    assert not own["unembed_bias_V"].any()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "positions"),
        ({"positions": "rotary", "active_heads": 5}, "of 4 heads cannot be active"),
        ({"positions": "rotary", "head_dim": 3}, "a head has 3"),
    ],
)
def test_what_cannot_be_is_said(given: dict[str, object], message: str) -> None:
    model = {"dialect": "attention-only", "depth": 2, "heads": HEADS, "head_dim": HEAD_SIZE}
    with pytest.raises(ValidationError, match=message):
        AttentionOnlySettings.model_validate(model | given)
