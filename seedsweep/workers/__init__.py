"""The device side: seeded randomness, the stacked decoder, the training loop and the tasks.

Knows torch; knows neither Ray nor the driver nor the command line. The way in is `train.train_pack`.
"""

from importlib.util import find_spec

from seedsweep.errors import MissingPackageError

# Whoever wants to train, or to check a spec's task, comes through here first: nothing has been made yet.
for _package in ("torch", "safetensors"):
    if find_spec(_package) is None:
        raise MissingPackageError(f"training needs {_package}: pip install 'seedsweep[train]'", name=_package)
