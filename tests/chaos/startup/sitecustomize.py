"""On PYTHONPATH of a sweep on Ray, so that its driver and workers are hooked before they import anything."""

import os
import sys
from pathlib import Path

if "SEEDSWEEP_CHAOS" in os.environ:
    from tests.chaos.hook import install

    if any(word.endswith("default_worker.py") for word in sys.orig_argv):
        install(Path(os.environ["SEEDSWEEP_CHAOS"]), "worker")
    elif sys.orig_argv[1:4] == ["-m", "seedsweep", "run"]:
        install(Path(os.environ["SEEDSWEEP_CHAOS"]), "driver")
