"""What of a gain comes back when an earlier model attends as the later one does, in the linear map.

    python -m benchmarks.patching

Seeds of pocket/linear-map-heads at 4 heads, patched with their own attention of the last step, and the other way
round. After claim 2 of arXiv 2606.25010, which is about language models.

Recorded: benchmarks/results/patching.txt.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import numpy as np
import torch

from benchmarks import recording
from seedsweep.seeds import Seed
from seedsweep.sweep.enginespec import EngineSpec
from seedsweep.sweep.specfile import read_spec
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.device import reproducible
from seedsweep.workers.instruments.patching import patched, recovered
from seedsweep.workers.trainer import PackTrainer

HEADS, SEEDS, STEPS = 4.0, 16, (100, 160, 200, 300)


def main() -> None:
    """Train, patch, print and record."""
    spec = read_spec("pocket/linear-map-heads").spec
    assert isinstance(spec, EngineSpec)
    settings = spec.recipes[HEADS].settings
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(settings, [Seed(seed, seed) for seed in range(SEEDS)], "cpu")
        early = {}
        for step in STEPS:
            trainer.train_to(step)
            early[step] = trainer.decoder.snapshot()
        trainer.train_to(settings.train.steps)
        late = trainer.decoder

        @torch.no_grad()
        def right(decoder: StackedDecoder) -> np.ndarray:
            return trainer.task.evaluate(decoder)["test", "probability"]

        lines = [
            f"p of the right bit at step {settings.train.steps}: {right(late).mean():.3f}",
            "step  p before  patched  share recovered, median (quartiles)  seeds  late with early attention",
        ]
        for step, decoder in early.items():
            before, with_late = right(decoder), right(patched(decoder, late))
            share = recovered(before, with_late, right(late))
            low, middle, high = np.nanquantile(share, [0.25, 0.5, 0.75])
            lines.append(
                f"{step:>4}  {before.mean():8.3f}  {with_late.mean():7.3f}  "
                f"{middle:6.3f} ({low:.3f} to {high:.3f}){np.isfinite(share).sum():>20}  "
                f"{right(patched(late, decoder)).mean():.3f}"
            )
    text = "\n".join([shlex.join(["python", "-m", "benchmarks.patching", *sys.argv[1:]]), *lines, ""])
    print(text)
    Path(recording.RESULTS, "patching.txt").write_text(text)


if __name__ == "__main__":
    main()
