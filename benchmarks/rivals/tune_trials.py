"""Trials of Ray Tune that do nothing, as a user would begin: what a trial costs there."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray import tune


def take(place: Path, trials: int) -> dict[str, Any]:
    """As a user of Ray Tune would begin: a function that reports, a grid of seeds, two CPUs."""

    def trial(config: dict[str, int]) -> None:
        tune.report({"accuracy": float(config["seed"])})

    began = (time.perf_counter(), time.process_time())
    ray.init(num_cpus=len(os.sched_getaffinity(0)), include_dashboard=False, log_to_driver=False)
    ready = (time.perf_counter(), time.process_time())
    tuner = tune.Tuner(
        trial,
        param_space={"seed": tune.grid_search(list(range(trials)))},
        run_config=tune.RunConfig(storage_path=str(place), verbose=0),
    )
    with _to_stderr():
        results = tuner.fit()
    ended = (time.perf_counter(), time.process_time())
    assert len(results) == trials
    assert not results.errors
    seconds, cpu = (ended[i] - ready[i] for i in (0, 1))
    return {
        "part": "tune",
        "cells": trials,
        "pack": 1,
        "start_seconds": ready[0] - began[0],
        "seconds": seconds,
        "cpu_seconds": cpu,
        "cells_per_second": trials / seconds,
        "cells_per_cpu_second": trials / cpu,
    }


@contextmanager
def _to_stderr() -> Iterator[None]:
    """Tune prints to standard output, which is ours."""
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
