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
`success`                                 `succeeds`, `success_rate` (`SuccessRate`), `mean_given_success`
`drift`                                   `wasserstein2`: how far apart two scales are; `drift` (`ScaleDrift`)
                                          of all, `noise_floor` (`NoiseFloor`), and where capacity begins:
                                          `minimum_capacity` (`MinimumCapacity`)
`bootstrap`                               `bootstrap_interval` (`Interval`) of any of these
`summary`                                 `summarise` (`ScaleSummary`): all of these at every scale
`survival`                                `time_to_threshold` (`ThresholdTimes`), `kaplan_meier`
                                          (`SurvivalCurve`), `log_rank` (`LogRank`): when do seeds get there?
`budget`                                  `success_by_budget`, `still_rising`, `cut_off` (`CutOff`): does the
                                          step budget explain failure?
`survival_summary`                        `summarise_survival` (`SurvivalSummary`, `ScaleSurvival`): the last
                                          two at every scale
`variance`                                `variance_shares` (`VarianceShares`): initialisation or data?
`mirage`                                  `mirage_check` (`MirageCheck`, `MetricModality`): does bimodality
                                          survive a continuous metric?
`duplicates`                              `identical_curves` (`IdenticalCurves`): are two seeds one run?
`population`                              `summarise_population`, `draw`: the same for a sweep's population
`study`                                   `study` (`Study`, `ScaleStudy`, `Measured`): everything that applies to a
                                          population
`verdict`                                 `verdict`: smoothly, abruptly, by chance, or why that cannot be told
`findings`                                `findings` (`Findings`, `Finding`): a study in sentences
`headline`, `places`, `wording`           the verdict as a sentence; scales, and numbers, in sentences and tables
`report`                                  `report` (`Report`): one HTML page; needs matplotlib, so it is its own
                                          import: ``from seedsweep.analysis.report import report``
`samples`                                 what all of these accept as a sample
`figures`                                 `ladder`, `learning_curves`, `extreme_curves`, `densities`, `distances`,
                                          `u_shape`, `metric_twins`, `claims`, `survival_curves`,
                                          `budget_sensitivity`, `save`; needs matplotlib, so it is its own import:
                                          ``from seedsweep.analysis import figures``
========================================  ==================================================================
"""

from __future__ import annotations

from seedsweep.analysis.bootstrap import Interval, bootstrap_interval
from seedsweep.analysis.budget import CutOff, cut_off, still_rising, success_by_budget
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
from seedsweep.analysis.duplicates import IdenticalCurves, identical_curves
from seedsweep.analysis.emergence import (
    DrawnCurve,
    DrawnDistribution,
    EmergenceClaims,
    ExtremeCurves,
    emergence_claims,
    extreme_curves,
)
from seedsweep.analysis.findings import Finding, Findings, findings
from seedsweep.analysis.mirage import MetricModality, MirageCheck, mirage_check
from seedsweep.analysis.modality import DipResult, DipVariants, dip, dip_variants
from seedsweep.analysis.mode import mode
from seedsweep.analysis.multiplicity import adjust_pvalues
from seedsweep.analysis.power import SeedsNeeded, seeds_needed
from seedsweep.analysis.scale_curves import breakthroughness, linearity
from seedsweep.analysis.study import Measured, ScaleStudy, Study, study
from seedsweep.analysis.success import SuccessRate, mean_given_success, succeeds, success_rate
from seedsweep.analysis.summary import ScaleSummary, summarise
from seedsweep.analysis.survival import (
    LogRank,
    SurvivalCurve,
    ThresholdTimes,
    kaplan_meier,
    log_rank,
    time_to_threshold,
)
from seedsweep.analysis.survival_summary import ScaleSurvival, SurvivalSummary, summarise_survival
from seedsweep.analysis.variance import VarianceShares, variance_shares
from seedsweep.analysis.verdict import verdict

__all__ = [
    "CutOff",
    "DipResult",
    "DipVariants",
    "DrawnCurve",
    "DrawnDistribution",
    "EmergenceClaims",
    "ExtremeCurves",
    "Finding",
    "Findings",
    "IdenticalCurves",
    "Interval",
    "LogRank",
    "Measured",
    "MetricModality",
    "MinimumCapacity",
    "MirageCheck",
    "NoiseFloor",
    "ScaleDrift",
    "ScaleStudy",
    "ScaleSummary",
    "ScaleSurvival",
    "SeedsNeeded",
    "Study",
    "SuccessCluster",
    "SuccessRate",
    "SurvivalCurve",
    "SurvivalSummary",
    "ThresholdTimes",
    "VarianceShares",
    "adjust_pvalues",
    "bootstrap_interval",
    "breakthroughness",
    "cut_off",
    "dip",
    "dip_variants",
    "drift",
    "emergence_claims",
    "extreme_curves",
    "findings",
    "identical_curves",
    "kaplan_meier",
    "linearity",
    "log_rank",
    "mean_given_success",
    "minimum_capacity",
    "mirage_check",
    "mode",
    "noise_floor",
    "seeds_needed",
    "still_rising",
    "study",
    "succeeds",
    "success_by_budget",
    "success_cluster",
    "success_rate",
    "summarise",
    "summarise_survival",
    "time_to_threshold",
    "variance_shares",
    "verdict",
    "wasserstein2",
]
