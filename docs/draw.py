"""Draws the pictures of README.md and docs/pocket.md from the shipped population: `python docs/draw.py`."""

import tempfile
from pathlib import Path

from seedsweep import load
from seedsweep.analysis.population import draw, summarise_population

ROOT = Path(__file__).parent.parent
PICTURES = {"ladder.png": "count-depth.png", "learning_curves.png": "count-depth-curves.png"}

population = load(ROOT / "populations" / "count-depth")
with tempfile.TemporaryDirectory() as folder:
    for path in map(Path, draw(population, summarise_population(population), Path(folder))):
        if path.name in PICTURES:
            (ROOT / "docs" / PICTURES[path.name]).write_bytes(path.read_bytes())
