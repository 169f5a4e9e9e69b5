"""A plain PyTorch loop for one seed: a model of Hugging Face or `torch.nn`, fused AdamW, `clip_grad_norm_`.

Shape letters: B rows of a batch, T tokens of a row, D width, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.rivals import Rows
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.dialects.gpt_neox import GPTNeoXSettings
from seedsweep.workers.dialects.post_ln import PostLNSettings
from seedsweep.workers.dialects.qwen2_settings import Qwen2Settings


def loop(settings: CellSettings, device: str, compiled: bool) -> Callable[[int], None]:
    """A function that takes so many steps of one seed, compiled or not."""
    network, train = model(settings).to(device), settings.train
    if train.precision == "tf32":
        torch.set_float32_matmul_precision("high")
    rate = train.learning_rate
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=rate, eps=train.adam_epsilon, weight_decay=train.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, train.steps)
    mode = "reduce-overhead" if device == "cuda" else "default"
    logits_of = torch.compile(network, mode=mode) if compiled else network
    rows = Rows(settings, whole=compiled)

    def steps(count: int) -> None:
        for _ in range(count):
            tokens_BT, mask_BT = (torch.from_numpy(part).to(device, non_blocking=True) for part in rows())
            with torch.autocast(device, torch.bfloat16, enabled=train.precision == "bfloat16"):
                out = logits_of(tokens_BT)
                logits_BTV = out if isinstance(out, Tensor) else out.logits
            target_BT = tokens_BT[:, 1:].masked_fill(~mask_BT[:, 1:], -100)
            loss = F.cross_entropy(logits_BTV[:, :-1].float().flatten(0, 1), target_BT.flatten())
            loss.backward()
            if train.clip is not None:
                torch.nn.utils.clip_grad_norm_(network.parameters(), train.clip)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()

    return steps


def model(settings: CellSettings) -> nn.Module:
    """The cell's model as the libraries have it."""
    sizes = settings.model
    if isinstance(sizes, GPTNeoXSettings):
        return _gpt_neox(sizes, settings)
    if isinstance(sizes, Qwen2Settings):
        return _qwen2(sizes, settings)
    assert isinstance(sizes, PostLNSettings)
    return PostLN(sizes, settings.vocabulary_size, settings.task.tokens_per_row())


def _gpt_neox(sizes: GPTNeoXSettings, settings: CellSettings) -> nn.Module:
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    config = GPTNeoXConfig(
        vocab_size=settings.vocabulary_size,
        hidden_size=sizes.width,
        num_hidden_layers=sizes.depth,
        num_attention_heads=sizes.heads,
        intermediate_size=4 * sizes.width,
        max_position_embeddings=settings.task.tokens_per_row(),
        rope_parameters={
            "rope_type": "default",
            "rope_theta": sizes.rotary_base,
            "partial_rotary_factor": sizes.rotary_fraction,
        },
        initializer_range=sizes.init_std,
        use_cache=False,
    )
    return GPTNeoXForCausalLM(config)


def _qwen2(sizes: Qwen2Settings, settings: CellSettings) -> nn.Module:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=settings.vocabulary_size,
        hidden_size=sizes.width,
        num_hidden_layers=sizes.depth,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.kv_heads,
        intermediate_size=sizes.feed_forward,
        max_position_embeddings=settings.task.tokens_per_row(),
        use_cache=False,
    )
    return Qwen2ForCausalLM(config)


class PostLN(nn.Module):
    """`nn.TransformerEncoder` with a causal mask, sinusoidal positions and a tied output."""

    def __init__(self, sizes: PostLNSettings, vocabulary: int, length: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, sizes.width)
        self.dropout = nn.Dropout(sizes.dropout)
        layer = nn.TransformerEncoderLayer(
            sizes.width, sizes.heads, 4 * sizes.width, sizes.dropout, activation="relu", batch_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, sizes.depth, enable_nested_tensor=False)
        self.out = nn.Linear(sizes.width, vocabulary)
        self.out.weight = self.embed.weight
        nn.init.xavier_uniform_(self.embed.weight)
        angle_TX = torch.outer(torch.arange(length), 10000.0 ** -(torch.arange(0, sizes.width, 2) / sizes.width))
        self.register_buffer("positions_TD", torch.stack((angle_TX.sin(), angle_TX.cos()), -1).flatten(1))
        self.register_buffer("future_TT", nn.Transformer.generate_square_subsequent_mask(length))

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Logits (B, T, V)."""
        length = tokens_BT.shape[1]
        x_BTD = self.embed(tokens_BT) * math.sqrt(self.embed.embedding_dim) + self.positions_TD[:length]
        future_TT = self.future_TT[:length, :length]
        return self.out(self.blocks(self.dropout(x_BTD), mask=future_TT, is_causal=True))
