"""What packing gains: seconds per seed and step of packs of several sizes, and of one plain model at a time.

    python -m benchmarks.packing                        # CPU, one core: the pocket preset's sizes
    python -m benchmarks.packing --jax 1 8              # beside JAX, if it is installed
    python -m benchmarks.packing --preset paper/count-width --scales 1 2 8 --packs 1 4 16 64     # on a GPU

Every round times every variant once, in turn, so that a machine that is busy for a while is busy for all; the
figures are medians over the rounds. "compiled" are packs with `train.compile`; their first round, with the
compiling, does not count. "plain" is Hugging Face's GPTNeoXForCausalLM with torch's fused AdamW and
`clip_grad_norm_` in an eager loop, one seed: what one would write without this package. It is left out where
`transformers` is not installed. "jax" is the same model and optimiser in JAX, jitted, one seed or seeds that are
vmapped (`jax_rival`); its compilation does not count either.

Recorded output: benchmarks/packing.txt
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from seedsweep.seeds import Seed
from seedsweep.sweep.specfile import read_spec
from seedsweep.workers.device import choose_device, reproducible
from seedsweep.workers.settings import CellSettings
from seedsweep.workers.trainer import PackTrainer


def packed(settings: CellSettings, seeds: int, device: str) -> Callable[[int], None]:
    """Trains a pack; the returned function takes steps."""
    trainer = PackTrainer(settings, [Seed(s, s) for s in range(seeds)], device)

    def steps(count: int) -> None:
        trainer.train_to(trainer.step + count)

    return steps


def plain(settings: CellSettings, device: str) -> Callable[[int], None]:
    """Trains one seed as one would without this package, on the same rows."""
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    model = settings.model
    network = GPTNeoXForCausalLM(
        GPTNeoXConfig(
            vocab_size=settings.task.vocabulary_size(),
            hidden_size=model.width,
            num_hidden_layers=model.depth,
            num_attention_heads=model.heads,
            intermediate_size=4 * model.width,
            max_position_embeddings=settings.task.tokens_per_row(),
        )
    ).to(device)
    train = settings.train
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=train.learning_rate, weight_decay=train.weight_decay, fused=True
    )
    source = PackTrainer(settings, [Seed(0, 0)], device)

    def steps(count: int) -> None:
        for _ in range(count):
            tokens, mask = (part[0] for part in source._rows_of(source.step))
            source.step = (source.step + 1) % train.steps
            logits = network(tokens).logits[:, :-1]
            loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
            counts = mask[:, 1:].flatten().float()
            ((loss * counts).sum() / counts.sum()).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), train.clip or 1.0)
            optimiser.step()
            optimiser.zero_grad()

    return steps


def jax(settings: CellSettings, seeds: int, steps: int) -> Callable[[int], None]:
    """Trains seeds as one would in JAX, always so many steps."""
    from benchmarks.jax_rival import trained

    take = trained(settings, seeds, steps)
    return lambda count: take()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--preset", default="pocket/count-depth")
    parser.add_argument("--scales", type=float, nargs="+", help="default: all of the preset")
    parser.add_argument("--packs", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument(
        "--jax", type=int, nargs="*", default=[], help="seeds of JAX's loop; with --steps 10 or so"
    )
    parser.add_argument("--steps", type=int, default=10, help="timed steps per round")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()

    spec = read_spec(arguments.preset).spec
    device = choose_device("auto")
    if device == "cpu" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # JAX would take them all
    machine = torch.cuda.get_device_name() if device == "cuda" else f"{platform.machine()}, one core"
    print(f"{arguments.preset} on {device} ({machine}), torch {torch.__version__}, {spec.train.precision}")
    print(f"median of {arguments.rounds} rounds of {arguments.steps} steps; ratio: seeds per hour against 'plain'")
    print(f"{'scale':>8} {'variant':>11} {'ms per seed-step':>17} {'seeds/hour':>11} {'ratio':>6}")
    with reproducible(device, spec.train.precision):
        for value in arguments.scales or spec.scale.values:
            settings = spec.recipes[value].settings
            compiled = settings.model_copy(update={"train": settings.train.model_copy(update={"compile": True})})
            variants = {
                f"{name} {size}": (packed(kind, size, device), size)
                for name, kind in (("pack", settings), ("compiled", compiled))
                for size in arguments.packs
            }
            if device == "cpu":
                variants |= {f"jax {n}": (jax(settings, n, arguments.steps), n) for n in arguments.jax}
            try:
                variants = {"plain": (plain(settings, device), 1)} | variants
            except ImportError:
                print("transformers is not installed: no 'plain' variant; ratios are against pack 1")
            times: dict[str, list[float]] = {name: [] for name in variants}
            for round_number in range(arguments.rounds + 1):
                for name, (steps, size) in variants.items():
                    started = time.perf_counter()
                    steps(arguments.steps)
                    if device == "cuda":
                        torch.cuda.synchronize()
                    if round_number:  # the first warms up
                        times[name].append((time.perf_counter() - started) / arguments.steps / size)
            base = statistics.median(times[next(iter(variants))])
            for name, seconds in times.items():
                median = statistics.median(seconds)
                rate = 3600 / (median * settings.train.steps)
                print(f"{value:8g} {name:>11} {median * 1e3:17.3f} {rate:11.0f} {base / median:6.2f}", flush=True)


if __name__ == "__main__":
    main()
