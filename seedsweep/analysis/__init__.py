"""Statistics of a population of seeds along a ladder of scales.

Pure functions on arrays; every result is a float or a frozen dataclass, and every degenerate input has an
answer that is written in the docstring.

========================================  ==================================================================
`scale_curves`                            `breakthroughness`, `linearity` of one curve over scales
`modality`                                `dip` (`DipResult`): is the distribution over seeds multimodal?
`mode`                                    `mode`: where most seeds end
`success`                                 `succeeds`, `success_rate` (`SuccessRate`), `mean_given_success`
`drift`                                   `wasserstein2`: how far apart two scales are
`bootstrap`                               `bootstrap_interval` (`Interval`) of any of these
`summary`                                 `summarise` (`ScaleSummary`): all of these at every scale
`population`                              `summarise_population`, `draw`: the same for a sweep's population
`samples`                                 what all of these accept as a sample
`figures`                                 `ladder`, `learning_curves`, `save`; needs matplotlib, so it is
                                          its own import: ``from seedsweep.analysis import figures``
========================================  ==================================================================
"""

from __future__ import annotations

from seedsweep.analysis.bootstrap import Interval, bootstrap_interval
from seedsweep.analysis.drift import wasserstein2
from seedsweep.analysis.modality import DipResult, dip
from seedsweep.analysis.mode import mode
from seedsweep.analysis.scale_curves import breakthroughness, linearity
from seedsweep.analysis.success import SuccessRate, mean_given_success, succeeds, success_rate
from seedsweep.analysis.summary import ScaleSummary, summarise

__all__ = [
    "DipResult",
    "Interval",
    "ScaleSummary",
    "SuccessRate",
    "bootstrap_interval",
    "breakthroughness",
    "dip",
    "linearity",
    "mean_given_success",
    "mode",
    "succeeds",
    "success_rate",
    "summarise",
    "wasserstein2",
]
