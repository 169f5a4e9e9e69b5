"""Statistics of a population of seeds along a ladder of scales.

    `statistics/`   pure functions on arrays; every degenerate input has an answer that is in the docstring
    `study/`        all of them over a population, and the verdict: `study`, `summarise`, `verdict`
    `figures/`      needs matplotlib, so it is its own import: ``from seedsweep.analysis import figures``
    `report/`       the study in sentences, `findings`, and as a page; the latter needs matplotlib too:
                    ``from seedsweep.analysis.report import report``

The names that are public stand in `__init__.pyi`, each with its file, and are imported when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
