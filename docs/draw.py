"""Draws the pictures of README.md and docs/ and their sample report, from populations: `python docs/draw.py`."""

import tempfile
from pathlib import Path

from seedsweep import load, report
from seedsweep.analysis.report.draw import draw
from seedsweep.analysis.study.summary import summarise_population

ROOT = Path(__file__).parent.parent
PICTURES = {"ladder.png": "{}.png", "learning_curves.png": "{}-curves.png"}

for place in sorted((ROOT / "populations").glob("*/")):
    population = load(place)
    with tempfile.TemporaryDirectory() as folder:
        for path in map(Path, draw(population, summarise_population(population), Path(folder))):
            if path.name in PICTURES:
                (ROOT / "docs" / PICTURES[path.name].format(place.name)).write_bytes(path.read_bytes())

page = report(load(ROOT / "populations" / "count-depth"))
# Where the repository lies is nobody's business.
(ROOT / "docs" / "report.html").write_text(page.html.replace(f"{ROOT}/", ""))
