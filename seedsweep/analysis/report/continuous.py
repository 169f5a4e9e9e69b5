"""Do the groups of seeds show in a continuous metric too? A study's answer in sentences."""

from __future__ import annotations

import math
from typing import Final

from seedsweep.analysis.report.wording import at
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.groups import WEIGHT_OF_DIP
from seedsweep.analysis.statistics.mirage import ScaleMirage
from seedsweep.analysis.study.study import Study
from seedsweep.analysis.study.verdict import clearest_split

ALIKE: Final = 0.8
"""Rank correlation from which on two metrics rank the seeds alike."""


def is_it_the_metric(study: Study) -> str:
    """Whether the groups survive a continuous metric, where they are clearest; empty where there are none."""
    split = [scale for scale in study.scales if scale.multimodal]
    if not split:
        return ""
    if study.mirage is None:
        return f"Not to be told: {study.absent['mirage']}."
    clearest = clearest_split(split)
    under = clearest.mirage
    assert under is not None
    harsh, *others = under.pvalues
    tests = sum(scale.groups.n > 0 for scale in study.scales) / WEIGHT_OF_DIP
    p = {name: text.pvalue(under.pvalues[name], tests) for name in others}
    seen = [f"{name} ({p[name]})" for name in others if under.multimodal[name]]
    unseen = [f"{name} ({p[name]})" for name in others if not under.multimodal[name]]
    where = at(study, [clearest])
    match under.verdict:
        case "survives":
            answer = f"No: at {where} the groups also show in {text.listed(seen)}."
        case "mixed":
            answer = (
                f"In part: at {where} the groups also show in {text.listed(seen)}, not in {text.listed(unseen)}."
            )
        case "mirage":
            answer = (
                f"Yes: at {where} the groups do not show in {text.listed(unseen)}, though groups as far apart "
                "there as the seeds are would."
            )
        case _:
            answer = f"Not to be told: at {where} no groups are detected in {text.listed(unseen)}."
    answer += _missed(under) + _apart(under, harsh)
    agreement = [r for r in under.agreement.values() if not math.isnan(r.estimate)]
    if agreement:
        weakest = min(agreement, key=lambda r: r.estimate)
        answer += (
            f" The lowest rank correlation of another metric with {harsh} there is {text.with_interval(weakest)}: "
            + ("all rank the seeds alike." if weakest.low > ALIKE else "it ranks the seeds in part otherwise.")
        )
    verdicts = [scale.mirage.verdict for scale in split if scale.mirage]
    if len(set(verdicts)) > 1:
        everywhere = [scale for scale in split if scale.mirage and scale.mirage.verdict == "survives"]
        places = at(study, everywhere) if everywhere else f"none of the {len(split)} scales with groups"
        answer += f" They show in every metric at {places}."
    return answer


def _missed(under: ScaleMirage) -> str:
    """Which groups could have gone unseen in the continuous metrics without any."""
    closest = {name: split.even_distance for name, split in under.missed.items()}
    if not closest:
        return ""
    told = [
        f"closer than {text.number(distance)} in {name}"
        if distance is not None
        else f"however far apart in {name}"
        for name, distance in closest.items()
    ]
    return f" Two equal groups {text.listed(told)} would be missed."


def _apart(under: ScaleMirage, harsh: str) -> str:
    """How far apart the seeds that the threshold divides are in the continuous metric that divides them least."""
    known = {name: g for name, g in under.separation.items() if not math.isnan(g.estimate)}
    if not known:
        return ""
    least = min(known, key=lambda name: known[name].estimate)
    return (
        f" The seeds on both sides of the threshold of {harsh} are {text.with_interval(known[least])} standard "
        f"deviations apart in {least}; those of one group would be {text.number(round(under.one_group, 1))}."
    )
