"""On PYTHONPATH of a sweep on Ray, so that its workers are hooked before they import anything."""

import os
import sys
from pathlib import Path

if "SEEDSWEEP_CHAOS" in os.environ and any(word.endswith("default_worker.py") for word in sys.orig_argv):
    from tests.chaos.hook import install

    install(Path(os.environ["SEEDSWEEP_CHAOS"]), "worker")
