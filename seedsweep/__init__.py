"""seedsweep: train populations of seeds, see whether a capability emerges smoothly, abruptly or by chance.

>>> import seedsweep as ss
>>> population = ss.load("runs/count-depth")                    # doctest: +SKIP
>>> final = population.final("exact_match", split="ood")        # scale × seed     # doctest: +SKIP
>>> ss.analysis.dip(final.at(2)).pvalue                         # doctest: +SKIP

`load` reads a sweep, `run` trains what a `SweepSpec` asks for, `analysis` has the statistics. What is here is
listed in `__init__.pyi`, and imported when it is first used: reading a population needs neither torch nor Ray.
"""

import lazy_loader

from seedsweep.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
