"""Draws every figure of the tests, to be judged by eye: `python -m tests.analysis.figures FOLDER`."""

import sys

from seedsweep.analysis import figures
from tests.analysis.figures.common import LADDERS
from tests.analysis.figures.test_claims import draw_claims
from tests.analysis.figures.test_densities import draw_densities
from tests.analysis.figures.test_distances import draw_distances
from tests.analysis.figures.test_every_seed import draw_every_seed
from tests.analysis.figures.test_extreme_curves import DRAWABLE, draw_extreme_curves
from tests.analysis.figures.test_inside import DRAW, POPULATIONS, draw_forecasts
from tests.analysis.figures.test_ladder import draw_ladder
from tests.analysis.figures.test_learning_curves import draw_learning_curves
from tests.analysis.figures.test_metric_twins import draw_twins
from tests.analysis.figures.test_survival import CURVES, draw_budget, draw_survival
from tests.analysis.figures.test_transience import DRAW as DRAW_TRANSIENCE
from tests.analysis.figures.test_transience import POPULATIONS as TRANSIENT
from tests.analysis.figures.test_u_shape import draw_u_shape

for draw in (
    draw_every_seed,
    draw_ladder,
    draw_densities,
    draw_distances,
    draw_u_shape,
    draw_claims,
    draw_extreme_curves,
    draw_twins,
):
    for name in DRAWABLE if draw is draw_extreme_curves else LADDERS:
        figures.save(draw(name), f"{sys.argv[1]}/{draw.__name__.removeprefix('draw_')} {name}")
figures.save(draw_u_shape("U"), f"{sys.argv[1]}/u_shape U")
for scales in (1, 4, 6, 8):
    figures.save(draw_learning_curves(scales), f"{sys.argv[1]}/learning_curves {scales}")
for name in CURVES:
    figures.save(draw_survival(name), f"{sys.argv[1]}/survival {name}")
    figures.save(draw_budget(name), f"{sys.argv[1]}/budget {name}")
for name in POPULATIONS:
    for kind, of_inside in DRAW.items():
        figures.save(of_inside(name), f"{sys.argv[1]}/{kind} {name}")
for name in TRANSIENT:
    for kind, of_transience in DRAW_TRANSIENCE.items():
        figures.save(of_transience(name), f"{sys.argv[1]}/{kind} {name}")
for name in ("one scale", "four scales", "eight scales"):
    figures.save(draw_forecasts(name), f"{sys.argv[1]}/forecasts {name}")
