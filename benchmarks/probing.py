"""What probing a checkpoint takes: seconds of a core, and memory against what the plan says; a process for each.

    python -m benchmarks.probing                 # all shapes, some minutes of one core
    python -m benchmarks.probing --only 14m      # those whose name has this in it

The checkpoints have the shapes of Pythia's models, random weights in float16, and lie in the page cache; a pack
reads the same file for each of its seeds. Seconds are of the processor (`time.process_time`), on one thread.

Recorded: benchmarks/results/probing.*
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

import seedsweep
from benchmarks import recording
from seedsweep.probed import ProbePlan
from seedsweep.workers.probing.prompts import NAMES, OBJECTS, PLACES

SHAPES = {
    "pythia-14m": (128, 6, 4),
    "pythia-31m": (256, 6, 8),
    "pythia-70m": (512, 6, 8),
    "pythia-160m": (768, 12, 12),
    "pythia-410m": (1024, 24, 16),
}
"""Width, layers and heads."""
POINTS = [("pythia-14m", 1), ("pythia-14m", 10), ("pythia-31m", 10), ("pythia-70m", 1), ("pythia-70m", 4)]
POINTS += [("pythia-160m", 1), ("pythia-410m", 1)]
"""Shapes, and seeds in the pack."""
ROWS, TOKENS = 50304, 50277
"""Of the embedding, and of the tokenizer."""


def write_checkpoint(place: Path, name: str) -> None:
    """A model of that shape, and a tokenizer with as many tokens as Pythia's and the words of the prompts."""
    d, layers, heads = SHAPES[name]
    config = {
        "model_type": "gpt_neox",
        "hidden_size": d,
        "intermediate_size": 4 * d,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "rotary_pct": 0.25,
        "vocab_size": ROWS,
        "bos_token_id": 0,
    }
    (place / "config.json").write_text(json.dumps(config))
    sizes: dict[str, tuple[int, ...]] = {"gpt_neox.embed_in.weight": (ROWS, d), "embed_out.weight": (ROWS, d)}
    norms = ["gpt_neox.final_layer_norm"]
    for layer in range(layers):
        block = f"gpt_neox.layers.{layer}."
        norms += [block + "input_layernorm", block + "post_attention_layernorm"]
        linear: dict[str, tuple[int, ...]] = {"attention.query_key_value": (3 * d, d), "attention.dense": (d, d)}
        linear |= {"mlp.dense_h_to_4h": (4 * d, d), "mlp.dense_4h_to_h": (d, 4 * d)}
        for part, size in linear.items():
            sizes |= {f"{block}{part}.weight": size, f"{block}{part}.bias": size[:1]}
    sizes |= {f"{norm}.{kind}": (d,) for norm in norms for kind in ("weight", "bias")}
    generator = torch.Generator().manual_seed(0)
    tensors = {key: (0.02 * torch.randn(size, generator=generator)).half() for key, size in sizes.items()}
    save_file(tensors, place / "model.safetensors")
    words = ["<|endoftext|>", "When", "and", "went", "to", "the", ",", "gave", "a", *NAMES, *PLACES, *OBJECTS]
    words += [str(number) for number in range(10, 100)]
    words += [f"word{number}" for number in range(TOKENS - len(words))]
    letters = "abcdefghijklmnopqrstuvwxyz"
    for number in range(100):  # words of letters, for `pattern`
        words[-1 - number] = f"wo{letters[number // 26]}{letters[number % 26]}"
    tokenizer = Tokenizer(models.WordLevel({word: token for token, word in enumerate(words)}, unk_token=words[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(place / "tokenizer.json"))


def measure(place: Path, name: str, seeds: int) -> dict[str, Any]:
    """In a process of its own, which has done nothing else."""
    torch.set_num_threads(1)
    plans: list[ProbePlan] = []
    listing = place / "listing.csv"
    listing.write_text("model,seed,step,path\n" + "".join(f"{name},{seed},0,.\n" for seed in range(seeds)))
    began = [time.process_time()]

    def planned(plan: ProbePlan) -> None:
        plans.append(plan)
        began.append(time.process_time())

    seedsweep.probe(listing, place / f"{seeds}.csv", on_plan=planned)
    took = time.process_time() - began[-1]
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = 1024 * int(status["VmHWM"].split()[0])
    return {"model": name, "seeds": seeds, "seconds": took / seeds, "once": began[1] - began[0], "peak": peak,
            "planned": plans[0].bytes}  # fmt: skip


def table(results: list[dict[str, Any]]) -> str:
    """Lines for people."""
    lines = ["model        seeds  seconds a seed  once  peak MB  planned MB"]
    lines += [
        f"{r['model']:<12} {r['seeds']:>5}  {r['seconds']:>14.2f}  {r['once']:>4.1f}  {r['peak'] / 1e6:>7.0f}  "
        f"{r['planned'] / 1e6:>10.0f}"
        for r in results
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--point", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.point:
        place, name, seeds = given.point
        print(json.dumps(measure(Path(place), name, int(seeds))))
        return
    results: list[dict[str, Any]] = []
    for name in dict.fromkeys(name for name, _ in POINTS if given.only in name):
        with tempfile.TemporaryDirectory() as place:
            write_checkpoint(Path(place), name)
            for _, seeds in (point for point in POINTS if point[0] == name):
                command = [sys.executable, "-m", "benchmarks.probing", "--point", place, name, str(seeds)]
                env = os.environ | {"OMP_NUM_THREADS": "1"}
                ended = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
                results.append(json.loads(ended.stdout))
                print(table(results[-1:]).splitlines()[1], file=sys.stderr)
    if not given.only:
        recording.write("probing", "python -m benchmarks.probing", results, table(results))
    print(table(results))


if __name__ == "__main__":
    main()
