"""What a report says of runs that agree where chance would not make them."""

from __future__ import annotations

from seedsweep.analysis.report.wording import LISTED, group_names
from seedsweep.analysis.statistics import text
from seedsweep.analysis.study.study import Study


def duplicates(study: Study) -> list[str]:
    """A sentence for each group, and one for all seeds that agree with themselves at other scales."""
    found = [group for group in study.duplicates if group.same_run]
    with_itself = [group for group in found if len(set(group.seeds)) == 1]
    curve = "one learning curve" if study.measured.curves else "one and the same value in the end"
    sentences = [
        f"seeds {text.listed(group_names(study, group))} have {curve}, where chance would make "
        f"{text.number(group.expected_by_chance)} such pairs: most likely one run under several names, and there "
        "are fewer seeds than it seems"
        for group in found
        if group not in with_itself
    ]
    told = sentences[:LISTED]
    if len(sentences) > LISTED:
        told.append(f"{len(sentences) - LISTED} more groups of seeds are like these; a table below has all")
    if with_itself:
        first, field = with_itself[0], text.field(study.summary.scale_name)
        scales = text.listed([text.scale(scale) for scale in first.scales])
        others = f" (so have {len(with_itself) - 1} other seeds)" if len(with_itself) > 1 else ""
        told.append(
            f"seed {first.seeds[0]} has {curve} at {field} {scales}{others}: either its run stands there under "
            f"several names, or {field} makes no difference to it, as to a network that is dead"
        )
    return told
