"""Draws every figure of the tests, to be judged by eye: `python -m tests.analysis.figures FOLDER`."""

import sys

from seedsweep.analysis import figures
from tests.analysis.figures.common import LADDERS
from tests.analysis.figures.test_ladder import draw_ladder
from tests.analysis.figures.test_learning_curves import draw_learning_curves

for name in LADDERS:
    figures.save(draw_ladder(name), f"{sys.argv[1]}/ladder {name}")
for scales in (1, 4, 6, 8):
    figures.save(draw_learning_curves(scales), f"{sys.argv[1]}/learning curves {scales}")
