"""A ladder of checkpoints that the tests train: three seeds of a small GPT-NeoX, on sequences that repeat."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, models, pre_tokenizers

import seedsweep
from seedsweep.probed import Probed
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.gpt_neox import GPTNeoXSettings
from seedsweep.workers.probing.prompts import NAMES, OBJECTS, PLACES, SUITE, Prompts, make_prompts
from seedsweep.workers.probing.vocabulary import read_vocabulary
from tests.workers.reference import gpt_neox

CPU = torch.device("cpu")
TEMPLATE = ["When", "and", "went", "to", "the", ",", "gave", "a", "."]
FURTHER = [
    *("able", "acid", "aged", "also", "area", "army", "away", "baby", "back", "bank", "base", "bath"),
    *("bear", "beat", "been", "beer", "bell", "belt", "bill", "bird", "blow", "blue", "boat"),
]
WORDS = ["[UNK]", "[BOS]", *TEMPLATE, *map(str, range(1, 5)), *map(str, range(10, 24))]
WORDS += [*NAMES[:12], *PLACES[:10], *OBJECTS[:14], *FURTHER]
BOS = 1
ALL = tuple(SUITE)
PADDED = 128
"""Rows of the embedding; the tokenizer has fewer words."""
MODEL = GPTNeoXSettings(depth=2, heads=4, d_model=32, rotary_fraction=0.5)
STEPS = (0, 20, 50, 80, 120, 160, 200, 240)
SEEDS = (0, 1, 2)


def word_level(words: Sequence[str] = WORDS) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({word: token for token, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["[BOS]"])
    return tokenizer


def save(decoder: StackedDecoder, row: int, place: Path, **more: Any) -> None:
    """One seed as `transformers` writes it."""
    theirs = gpt_neox(decoder, row)
    theirs.config.bos_token_id = BOS
    theirs.save_pretrained(place, **more)


def random_decoder(seeds: int, model: GPTNeoXSettings = MODEL) -> StackedDecoder:
    """As initialised."""
    decoder = StackedDecoder(model, PADDED, seeds, CPU)
    decoder.initialise(range(seeds))
    return decoder


def train(decoder: StackedDecoder, steps: Sequence[int], keep: Callable[[int], None]) -> None:
    """On 25 different words twice, of which the second time counts; `keep` is called at these steps."""
    generator = torch.Generator().manual_seed(0)
    optimiser = torch.optim.AdamW(decoder.parameters.values(), lr=5e-3, betas=(0.9, 0.98), weight_decay=0.0)
    seeds, words = len(decoder.flat_SP), torch.arange(2, len(WORDS))
    for step in range(max(steps) + 1):
        if step in steps:
            keep(step)
        order = torch.rand(seeds, 16, len(words), generator=generator).argsort(-1)[..., :25]
        rows_SBT = torch.cat([torch.full((seeds, 16, 1), BOS), words[order], words[order]], dim=-1)
        logits = decoder.logits(decoder.hidden(rows_SBT[..., :-1])[:, :, 26:])
        loss = F.cross_entropy(logits.flatten(0, 2), rows_SBT[:, :, 27:].flatten())
        optimiser.zero_grad()
        (loss * seeds).backward()
        optimiser.step()


@pytest.fixture(scope="session")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`small/SEED/stepN`, the tokenizer above all of them."""
    place = tmp_path_factory.mktemp("ladder")
    decoder = random_decoder(len(SEEDS))

    def keep(step: int) -> None:
        for row, seed in enumerate(SEEDS):
            save(decoder, row, place / "small" / str(seed) / f"step{step}")

    train(decoder, STEPS, keep)
    word_level().save(str(place / "tokenizer.json"))
    return place


def change_config(checkpoint: Path, **changes: Any) -> None:
    """Write other values into a `config.json`."""
    path = checkpoint / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        table = pq.read_table(path)
    else:  # `nan` is a value
        table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(null_values=[""]))
    return sorted(table.to_pylist(), key=lambda row: [row[name] for name in ("model", "step", "seed", "probe")])


@pytest.fixture(scope="session")
def probed(ladder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of all probes."""
    path = tmp_path_factory.mktemp("probed") / "probes.parquet"
    made = seedsweep.probe(ladder, path, suite=ALL, tokens_per_step=816)
    assert made == Probed(str(path), 120, 120, {})
    return path


@pytest.fixture
def some(ladder: Path, tmp_path: Path) -> Path:
    """Two steps of the ladder, to be damaged."""
    place = tmp_path / "some"
    for seed in SEEDS:
        for step in (0, STEPS[-1]):
            shutil.copytree(ladder / "small" / str(seed) / f"step{step}", place / f"small/seed{seed}/step{step}")
    shutil.copy(ladder / "tokenizer.json", place / "small")
    return place


def prompts_of(ladder: Path, probe: str) -> Prompts:
    return make_prompts(probe, read_vocabulary(ladder / "tokenizer.json"), 0, BOS)
