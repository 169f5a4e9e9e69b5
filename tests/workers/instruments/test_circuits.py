"""Clamped parts of an induction circuit are what a computation by hand gives, on rows of two pairs and a query."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.attention_only import AttentionOnlySettings
from seedsweep.workers.instruments.changes import Change, ChangedAttention, ChangedPattern
from seedsweep.workers.instruments.circuits import NEVER, CopiedScores, EmbeddedLayer
from seedsweep.workers.instruments.parents import Parents
from seedsweep.workers.instrumentsettings import InterventionSettings
from seedsweep.workers.tasks import Pattern

CPU = torch.device("cpu")
EXEMPLARS, LABELS, HEADS, SIZE = 12, 5, 2, 4
QUERY, WIDTH = 4, HEADS * SIZE
HOLDS, HOLDS_NOT = torch.tensor([True]), torch.tensor([False])


@pytest.fixture
def decoder() -> StackedDecoder:
    model = AttentionOnlySettings(
        dialect="attention-only", depth=2, heads=HEADS, head_dim=SIZE, positions="rotary"
    ).for_rows(QUERY + 2)
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(EXEMPLARS, 16, generator=generator)
    made = StackedDecoder(model, EXEMPLARS + LABELS, 2, CPU, features=features, predicted=LABELS)
    made.initialise([1, 2])
    return made


@pytest.fixture
def tokens_SBT() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    rows: list[list[int]] = []
    for _ in range(6):
        one, other = torch.randperm(EXEMPLARS, generator=generator)[:2].tolist()
        first, second = (EXEMPLARS + torch.randperm(LABELS, generator=generator)[:2]).tolist()
        rows.append([one, first, other, second, one if len(rows) % 2 else other])
    return torch.tensor(rows).expand(2, -1, -1)


def logits(decoder: StackedDecoder, tokens_SBT: Tensor, *changes: Change, active: Tensor = HOLDS) -> Tensor:
    """(S, B, V) at the query."""
    changed = decoder.with_attention(ChangedAttention(changes, active.expand(len(changes))))
    return changed.logits(changed.hidden(tokens_SBT)[:, :, QUERY : QUERY + 1])[:, :, 0]


class ByHand:
    """The second layer of one seed, on embeddings."""

    def __init__(self, decoder: StackedDecoder, row: int, tokens_BT: Tensor) -> None:
        self.own = {name: tensor[row].detach() for name, tensor in decoder.parameters.items()}
        self.embedded_BTD = decoder._embed(tokens_BT.expand(2, -1, -1))[row].detach()
        shifted = torch.zeros_like(self.embedded_BTD)
        for to, taken in {0: 0, 1: 0, 3: 2, 4: 4}.items():  # A A 0 B query
            shifted[:, to] = self.embedded_BTD[:, taken]
        q, k, _ = self._projected(shifted)
        half = SIZE // 2
        frequency = 10000.0 ** -(torch.arange(half) / half)

        def turned(x: Tensor, position: int) -> Tensor:
            angle = position * frequency
            first, second = x[..., :half], x[..., half:]
            return torch.cat(
                [first * angle.cos() - second * angle.sin(), second * angle.cos() + first * angle.sin()], dim=-1
            )

        keys = torch.stack([turned(k[:, t], t) for t in range(QUERY + 1)], dim=1)
        self.scores_BHT = torch.einsum("bhk,bthk->bht", turned(q[:, QUERY], QUERY), keys) / math.sqrt(SIZE)

    def _projected(self, x_BTD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        norm = F.layer_norm(
            x_BTD, (WIDTH,), self.own["layer1.attention_norm.weight_D"], self.own["layer1.attention_norm.bias_D"]
        )
        q, k, v = ((norm @ p).unflatten(-1, (HEADS, SIZE)) for p in self.own["layer1.qkv.weight_DX"].chunk(3, 1))
        return q, k, v

    def logits(self) -> Tensor:
        _, _, v = self._projected(self.embedded_BTD)
        y = torch.einsum("bht,bthk->bhk", self.scores_BHT.softmax(-1), v).flatten(1)
        x = self.embedded_BTD[:, QUERY] + y @ self.own["layer1.attention_out.weight_DD"]
        norm = F.layer_norm(x, (WIDTH,), self.own["final_norm.weight_D"], self.own["final_norm.bias_D"])
        return norm @ self.own["unembed_DV"] + self.own["unembed_bias_V"]


def copied(tokens_BT: Tensor, scores_BT: Tensor) -> Tensor:
    expected = torch.full((len(tokens_BT), LABELS), NEVER)
    for row, tokens in enumerate(tokens_BT):
        for place in (1, 3):
            expected[row, tokens[place] - EXEMPLARS] = scores_BT[row, place]
    return expected


@torch.no_grad()
def test_with_the_first_layer_done_the_second_reads_shifted_embeddings(
    decoder: StackedDecoder, tokens_SBT: Tensor
) -> None:
    found = logits(decoder, tokens_SBT, EmbeddedLayer(QUERY))
    for row in range(2):
        torch.testing.assert_close(
            found[row], ByHand(decoder, row, tokens_SBT[row]).logits(), rtol=1e-4, atol=1e-5
        )


@torch.no_grad()
@pytest.mark.parametrize("head", range(HEADS))
def test_copied_scores_are_the_logits_of_the_labels_in_the_row(
    decoder: StackedDecoder, tokens_SBT: Tensor, head: int
) -> None:
    both = logits(decoder, tokens_SBT, EmbeddedLayer(QUERY), CopiedScores(1, head, QUERY, EXEMPLARS))
    for row in range(2):
        scores_BT = ByHand(decoder, row, tokens_SBT[row]).scores_BHT[:, head]
        torch.testing.assert_close(both[row], copied(tokens_SBT[row], scores_BT), rtol=1e-4, atol=1e-5)


def test_what_is_done_is_not_trained(decoder: StackedDecoder, tokens_SBT: Tensor) -> None:
    """Gradients reach what is left to learn and nothing else."""
    target = decoder.columns(tokens_SBT[:, :, 1])

    def trained(*changes: Change) -> set[str]:
        for tensor in decoder.parameters.values():
            tensor.grad = None
        F.cross_entropy(logits(decoder, tokens_SBT, *changes).flatten(0, 1), target.flatten()).backward()
        return {name for name, p in decoder.parameters.items() if p.grad is not None and bool(p.grad.any())}

    everything = set(decoder.parameters)
    first_layer = {name for name in everything if name.startswith("layer0.")}
    behind = {"final_norm.weight_D", "final_norm.bias_D", "unembed_DV", "unembed_bias_V"}
    assert trained() == everything
    assert trained(EmbeddedLayer(QUERY)) == everything - first_layer
    copied_only = trained(CopiedScores(1, 0, QUERY, EXEMPLARS))
    assert copied_only == everything - behind - {"layer1.attention_out.weight_DD"}
    # Labels are then read by nothing: their exemplars stand in their place.
    both = trained(EmbeddedLayer(QUERY), CopiedScores(1, 0, QUERY, EXEMPLARS))
    assert both == copied_only - first_layer - {"embed_VD"}


@torch.no_grad()
def test_a_pattern_of_each_row_is_clamped_in_that_row(decoder: StackedDecoder, tokens_SBT: Tensor) -> None:
    """The query of head 0 reads the label behind its exemplar, and all else is as it was."""

    def match(tokens_NT: Tensor) -> Tensor:
        parents_NTT = torch.zeros(*tokens_NT.shape, tokens_NT.shape[1], dtype=torch.bool)
        same_NT = tokens_NT == tokens_NT[:, QUERY:]
        parents_NTT[:, QUERY, 1:] = same_NT[:, :-1]
        return parents_NTT

    clamp = InterventionSettings(do="clamp", pattern="match", layers=(1,), heads=(0,))
    changes = [ChangedPattern(clamp, Parents(match, CPU, QUERY + 1), HEADS, CPU)]
    attention = ChangedAttention(changes, HOLDS)
    padded_SBT = F.pad(tokens_SBT, (0, 11))
    attention.begin(padded_SBT)
    q, k = torch.randn(2, 12, HEADS, 16, SIZE, generator=torch.Generator().manual_seed(3))
    clamped_NHTT, plain_NHTT = attention.shares(1, q, k), ChangedAttention([], HOLDS[:0]).shares(1, q, k)
    expected_NHTT = plain_NHTT.clone()
    for row, tokens in enumerate(tokens_SBT.flatten(0, 1).tolist()):
        expected_NHTT[row, 0, QUERY] = 0.0
        expected_NHTT[row, 0, QUERY, tokens.index(tokens[QUERY]) + 1] = 1.0
    assert torch.equal(clamped_NHTT, expected_NHTT)
    assert torch.equal(attention.shares(0, q, k), plain_NHTT)


@torch.no_grad()
@pytest.mark.parametrize(
    "change", [EmbeddedLayer(QUERY), CopiedScores(1, 0, QUERY, EXEMPLARS)], ids=lambda one: type(one).__name__
)
def test_what_does_not_hold_changes_no_bit(decoder: StackedDecoder, tokens_SBT: Tensor, change: Change) -> None:
    assert torch.equal(logits(decoder, tokens_SBT, change, active=HOLDS_NOT), logits(decoder, tokens_SBT))


@torch.no_grad()
def test_the_first_position_still_reads_itself_where_the_previous_one_is_blocked() -> None:
    block = InterventionSettings(do="block", pattern="previous", layers=(0,))
    positions = torch.arange(16)
    before = Pattern(
        positions, (positions - 1).clamp(min=0)[:, None] == positions, positions <= positions[:, None]
    )
    attention = ChangedAttention([ChangedPattern(block, Parents(before, CPU, 16), HEADS, CPU)], HOLDS)
    shares_NHTT = attention.shares(
        0, *torch.randn(2, 3, HEADS, 16, SIZE, generator=torch.Generator().manual_seed(4))
    )
    torch.testing.assert_close(shares_NHTT.sum(-1), torch.ones(3, HEADS, 16))
    assert bool((shares_NHTT[:, :, 0, 0] == 1).all())
    assert not shares_NHTT[:, :, positions[1:], positions[:-1]].any()
