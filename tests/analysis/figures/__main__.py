"""Draws every figure of the tests, to be judged by eye: `python -m tests.analysis.figures FOLDER`."""

import sys

from seedsweep.analysis import figures
from tests.analysis.figures.common import LADDERS
from tests.analysis.figures.test_ladder import draw_ladder
from tests.analysis.figures.test_learning_curves import draw_learning_curves
from tests.analysis.figures.test_metric_twins import draw_twins
from tests.analysis.figures.test_survival import CURVES, draw_budget, draw_survival

for name in LADDERS:
    figures.save(draw_ladder(name), f"{sys.argv[1]}/ladder {name}")
    figures.save(draw_twins(name), f"{sys.argv[1]}/metric twins {name}")
for scales in (1, 4, 6, 8):
    figures.save(draw_learning_curves(scales), f"{sys.argv[1]}/learning curves {scales}")
for name in CURVES:
    figures.save(draw_survival(name), f"{sys.argv[1]}/survival {name}")
    figures.save(draw_budget(name), f"{sys.argv[1]}/budget {name}")
