"""Training a pack: the story of S seeds, from their initial weights to their rows in the store."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable

import torch

from seedsweep.cell import Pack, Sink
from seedsweep.workers.device import describe, reproducible
from seedsweep.workers.recorder import Recorder
from seedsweep.workers.settings import CellSettings
from seedsweep.workers.trainer import PackTrainer


def train_pack(
    settings: CellSettings,
    pack: Pack,
    sink: Sink,
    *,
    device: str = "cpu",
    should_stop: Callable[[], bool] = lambda: False,
    checkpoint_seconds: float = 30.0,
) -> bool:
    """Train a pack from its last checkpoint, or from the start, to the end.

    Blocks are cut at fixed evaluations, and the checkpoint carries the rows that are not in a block yet. So
    whatever happens in between, block k of a pack always holds the same rows.

    Returns
    -------
    bool
        True when the pack is finished; False when `should_stop` said so: a checkpoint is then saved.
    """
    with reproducible(device, settings.train.precision):
        base = sink.load_base() if settings.base is not None else None
        trainer = PackTrainer(settings, pack.seeds, device, base)
        origin = {"base": hashlib.sha256(base).hexdigest()[:16]} if base is not None else {}
        recorder = Recorder(settings, pack, sink, describe(device) | origin | trainer.start)
        _go_on(trainer, recorder, sink.load_checkpoint())

        def checkpoint() -> None:
            buffer = io.BytesIO()
            torch.save({"trainer": trainer.state(), "recorder": recorder.state()}, buffer)
            sink.save_checkpoint(buffer.getvalue())

        saved_at = time.monotonic()
        for evaluation in settings.evaluation_steps[recorder.evaluations :]:
            while trainer.step < evaluation:
                trainer.train_to(trainer.step + 1)
                sink.report(trainer.step, settings.train.steps)
                if should_stop():
                    checkpoint()
                    return False
                if time.monotonic() - saved_at > checkpoint_seconds:
                    checkpoint()
                    saved_at = time.monotonic()
            recorder.record(trainer.step, trainer.evaluate())
    return True


def _go_on(trainer: PackTrainer, recorder: Recorder, saved: bytes | None) -> None:
    """From a checkpoint, if there is one. A function of its own, so that nothing keeps what was read."""
    if saved is not None:
        state = torch.load(io.BytesIO(saved), map_location=trainer.device, weights_only=True)
        trainer.load_state(state["trainer"])
        recorder.load_state(state["recorder"])
