"""Statistics of a population of seeds along a ladder of scales.

Pure functions on arrays; every result is a float or a frozen dataclass, and every degenerate input has an
answer that is written in the docstring.

========================================  ==================================================================
`scale_curves`                            `breakthroughness`, `linearity` of one curve over scales
`emergence`                               `emergence_claims` (`EmergenceClaims`, `DrawnDistribution`): how often
                                          few seeds claim emergence; `extreme_curves` (`ExtremeCurves`,
                                          `DrawnCurve`)
`modality`                                `dip` (`DipResult`): is the distribution over seeds multimodal?
                                          `dip_variants` (`DipVariants`): with and without ties
`multiplicity`                            `adjust_pvalues`: Holm, Benjamini and Hochberg
`power`                                   `seeds_needed` (`SeedsNeeded`): to detect the observed split
`clusters`                                `success_cluster` (`SuccessCluster`): success without a threshold
`mode`                                    `mode`: where most seeds end
`success`                                 `success_rate` (`SuccessRate`), `mean_given_success`
`drift`                                   `wasserstein2`: how far apart two scales are; `drift` (`ScaleDrift`)
                                          of all, `noise_floor` (`NoiseFloor`), and where capacity begins:
                                          `minimum_capacity` (`MinimumCapacity`)
`bootstrap`                               `bootstrap_interval` (`Interval`) of any of these
`summary`                                 `summarise` (`ScaleSummary`): all of these at every scale
`population`                              `summarise_population`, `draw`: the same for a sweep's population
`samples`                                 what all of these accept as a sample
`figures`                                 `ladder`, `learning_curves`, `extreme_curves`, `densities`, `distances`,
                                          `u_shape`, `claims`, `save`; needs matplotlib, so it is its own import:
                                          ``from seedsweep.analysis import figures``
========================================  ==================================================================
"""

from __future__ import annotations

from seedsweep.analysis.bootstrap import Interval, bootstrap_interval
from seedsweep.analysis.clusters import SuccessCluster, success_cluster
from seedsweep.analysis.drift import (
    MinimumCapacity,
    NoiseFloor,
    ScaleDrift,
    drift,
    minimum_capacity,
    noise_floor,
    wasserstein2,
)
from seedsweep.analysis.emergence import (
    DrawnCurve,
    DrawnDistribution,
    EmergenceClaims,
    ExtremeCurves,
    emergence_claims,
    extreme_curves,
)
from seedsweep.analysis.modality import DipResult, DipVariants, dip, dip_variants
from seedsweep.analysis.mode import mode
from seedsweep.analysis.multiplicity import adjust_pvalues
from seedsweep.analysis.power import SeedsNeeded, seeds_needed
from seedsweep.analysis.scale_curves import breakthroughness, linearity
from seedsweep.analysis.success import SuccessRate, mean_given_success, success_rate
from seedsweep.analysis.summary import ScaleSummary, summarise

__all__ = [
    "DipResult",
    "DipVariants",
    "DrawnCurve",
    "DrawnDistribution",
    "EmergenceClaims",
    "ExtremeCurves",
    "Interval",
    "MinimumCapacity",
    "NoiseFloor",
    "ScaleDrift",
    "ScaleSummary",
    "SeedsNeeded",
    "SuccessCluster",
    "SuccessRate",
    "adjust_pvalues",
    "bootstrap_interval",
    "breakthroughness",
    "dip",
    "dip_variants",
    "drift",
    "emergence_claims",
    "extreme_curves",
    "linearity",
    "mean_given_success",
    "minimum_capacity",
    "mode",
    "noise_floor",
    "seeds_needed",
    "success_cluster",
    "success_rate",
    "summarise",
    "wasserstein2",
]
