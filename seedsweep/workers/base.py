"""The base of a sweep: one model trained from scratch, from which all its seeds start.

It is kept in the user's cache under a hash of all that decides it, so that the next sweep with the same base need
not train it again; the driver copies its bytes into the sweep's directory.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from seedsweep.cell import Base
from seedsweep.seeds import Seed
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.device import reproducible
from seedsweep.workers.pretrained import CONFIG, WEIGHTS
from seedsweep.workers.settings import COMPILED, ENGINE
from seedsweep.workers.trainer import PackTrainer


def cache_directory() -> Path:
    """`SEEDSWEEP_CACHE`, or `seedsweep` in the user's cache directory."""
    if given := os.environ.get("SEEDSWEEP_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seedsweep"


def cached(settings: CellSettings) -> Path:
    """The folder in which the user's cache has the base of these cells, if it was trained before."""
    assert settings.base is not None
    recipe = settings.of_base()
    version = [ENGINE, COMPILED] if recipe.train.compile else ENGINE
    identity = json.dumps([version, settings.base.seed, recipe.model_dump(mode="json")], sort_keys=True)
    return cache_directory() / "bases" / hashlib.sha256(identity.encode()).hexdigest()[:16]


def base_model(
    settings: CellSettings,
    device: str,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    on_step: Callable[[int, int], None] = lambda step, steps: None,
) -> Base | None:
    """The base of these cells, from the cache or trained now; None if `should_stop` said so.

    `on_step` is called with the step and the number of steps after every step that is trained.
    """
    assert settings.base is not None
    recipe = settings.of_base()
    place = cached(settings)
    if (place / WEIGHTS).is_file():
        return Base((place / WEIGHTS).read_bytes(), (place / CONFIG).read_bytes())

    seed = settings.base.seed
    with reproducible(device, recipe.train.precision):
        trainer = PackTrainer(recipe, [Seed(seed, seed)], device)
        for step in range(1, recipe.train.steps + 1):
            if should_stop():
                return None
            trainer.train_to(step)
            on_step(step, recipe.train.steps)
        if not bool(trainer.alive_S.all()):
            raise FloatingPointError("the base model diverged: lower base.train.learning_rate")
        base = trainer.decoder.to_base()
    place.mkdir(parents=True, exist_ok=True)
    (place / CONFIG).write_bytes(base.config)
    temporary = place / f".{WEIGHTS}.{os.getpid()}"
    temporary.write_bytes(base.weights)
    temporary.replace(place / WEIGHTS)  # last and whole: it is what says that the base is there
    return base
