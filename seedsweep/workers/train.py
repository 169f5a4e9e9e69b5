"""Training a pack: the story of S seeds, from their initial weights to their rows in the store."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Collection

import torch

from seedsweep.cell import Pace, Pack, Sink
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.device import describe, reproducible
from seedsweep.workers.kept import to_bytes
from seedsweep.workers.recorder import Recorder
from seedsweep.workers.start import grafts_of
from seedsweep.workers.trainer import PackTrainer


def train_pack(
    settings: CellSettings,
    pack: Pack,
    sink: Sink,
    *,
    device: str = "cpu",
    should_stop: Callable[[], bool] = lambda: False,
    checkpoint_seconds: float = 30.0,
    keep: Collection[int] = (),
) -> bool:
    """Train a pack from its last checkpoint, or from the start, to the end.

    Blocks are cut at fixed evaluations, and the checkpoint carries the rows that are not in a block yet. So
    whatever happens in between, block k of a pack always holds the same rows. The weights at the steps of `keep`
    are kept for good.

    Returns
    -------
    bool
        True when the pack is finished; False when `should_stop` said so: a checkpoint is then saved.
    """
    watch = _Stopwatch(len(pack.seeds))
    with reproducible(device, settings.train.precision):
        base = sink.load_base() if settings.base is not None else None
        origin = {"base": hashlib.sha256(base).hexdigest()[:16]} if base is not None else {}
        if settings.start is not None:
            origin["parent"] = settings.start.parent.fingerprint

        def begin() -> tuple[PackTrainer, Recorder]:
            trainer = PackTrainer(settings, pack.seeds, device, base, grafts_of(settings, pack.seeds))
            return trainer, Recorder(settings, pack, sink, describe(device) | origin | trainer.start)

        trainer, recorder = begin()
        problem = _go_on(trainer, recorder, sink.load_checkpoint())
        if problem is not None:
            sink.refuse_checkpoint(problem)
            trainer, recorder = begin()

        def checkpoint() -> None:
            buffer = io.BytesIO()
            torch.save({"trainer": trainer.state(), "recorder": recorder.state()}, buffer)
            sink.save_checkpoint(buffer.getvalue())

        def keep_if_asked() -> None:
            if trainer.step in keep:
                made_by = {key: value for key, value in describe(device).items() if key != "host"}
                content = to_bytes(trainer.decoder, trainer.alive_S, trainer.step, pack, made_by)
                sink.keep_checkpoint(trainer.step, content)

        keep_if_asked()
        watch.set_up()
        saved_at = time.monotonic()
        for evaluation in settings.evaluation_steps[recorder.evaluations :]:
            while trainer.step < evaluation:
                trainer.train_to(trainer.step + 1)
                watch.stepped()
                keep_if_asked()
                sink.report(trainer.step, settings.train.steps, pace=watch.pace, evaluations=recorder.evaluations)
                if should_stop():
                    checkpoint()
                    return False
                if time.monotonic() - saved_at > checkpoint_seconds:
                    checkpoint()
                    saved_at = time.monotonic()
            if device == "cuda":  # the evaluation would wait for the steps, which are queued there
                torch.cuda.synchronize()
                watch.waited()
            values = trainer.evaluate()
            watch.evaluated()
            recorder.record(trainer.step, values, watch.pace)
    return True


class _Stopwatch:
    """Tells the parts of a pack's time apart, as long as this attempt goes on."""

    def __init__(self, seeds: int) -> None:
        self._seeds = seeds
        self._last = time.monotonic()
        self._setup = 0.0
        self._first: float | None = None
        self._training = self._evaluating = 0.0
        self._steps = self._evaluations = 0

    def set_up(self) -> None:
        """All is ready for the first step or evaluation."""
        self._setup = self._lap()

    def stepped(self) -> None:
        """A step was taken, after what was noted last."""
        took = self._lap()
        if self._first is None:
            self._first = took  # whatever has to be done but once: it may have been compiled
        else:
            self._training, self._steps = self._training + took, self._steps + 1

    def waited(self) -> None:
        """The device has done the steps."""
        self._training += self._lap()

    def evaluated(self) -> None:
        """The seeds were evaluated."""
        self._evaluating, self._evaluations = self._evaluating + self._lap(), self._evaluations + 1

    @property
    def pace(self) -> Pace | None:
        """None before there was a step whose time is only its own."""
        if self._first is None or not self._steps:
            return None
        step = self._training / self._steps
        evaluation = self._evaluating / max(1, self._evaluations)
        setup = self._setup + max(0.0, self._first - step)
        return Pace(setup, step / self._seeds, evaluation / self._seeds)

    def _lap(self) -> float:
        now = time.monotonic()
        took, self._last = now - self._last, now
        return took


def _go_on(trainer: PackTrainer, recorder: Recorder, saved: bytes | None) -> str | None:
    """From a checkpoint, if there is one; returns why not, if it is damaged: then both may have changed in part.

    A function of its own, so that nothing keeps what was read.
    """
    if saved is None:
        return None
    try:
        state = torch.load(io.BytesIO(saved), map_location=trainer.device, weights_only=True)
        trainer.load_state(state["trainer"])
        recorder.load_state(state["recorder"])
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # of garbage torch raises whatever it comes upon
        return f"{type(error).__name__}: {error}"
    return None
