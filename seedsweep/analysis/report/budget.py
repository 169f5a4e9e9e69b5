"""What the step budget decides at a scale, in words."""

from __future__ import annotations

from typing import assert_never

from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.budget import FEWEST_FAILING, TURNING, CutOff


def budget_sentence(cut_off: CutOff, where: str) -> str:
    """Whether the failures at a scale are due to the budget, and what speaks for it; some seeds fail there."""
    late, rising = cut_off.late, cut_off.rising
    pace = (
        f"{late.successes} of {late.n} that waited after three quarters of the budget succeeded in the last; "
        f"if this pace held, {text.percent(round(cut_off.if_doubled.estimate, 2))} "
        f"({text.percent_interval(cut_off.if_doubled.low, cut_off.if_doubled.high)}) of the "
        f"{text.seeds(cut_off.failing)} that fail would succeed in as many steps again, and fewer if it falls, as "
        "it does with the learning rate and where some seeds never get there"
    )
    climb = (
        f"{rising.successes} of the {text.seeds(cut_off.failing)} that fail "
        f"({text.percent_interval(rising.low, rising.high)}) rose steadily at the end"
    )
    said = f"{pace}. {climb}." if late.n else f"{climb}."
    match cut_off.verdict:
        case "nothing failed":
            return f"Nothing failed at {where}."
        case "cut off" if cut_off.if_doubled.low > TURNING:
            jump = rising.high < cut_off.if_doubled.low  # more would turn than are on their way
            how = "Seeds jump more than they climb: " if jump else ""
            return f"Yes, in good part, at {where}: {pace}. {how}{climb}."
        case "cut off":
            return f"Yes, in good part, at {where}: {climb}" + (f"; {pace}." if late.n else ".")
        case "settled":
            stay = "most of the seeds that fail would not succeed in as many steps again"
            return f"No, at {where}: {stay}. {said}"
        case "open" if cut_off.failing < FEWEST_FAILING:
            return f"Not to be told at {where}: only {cut_off.failing} of {text.seeds(cut_off.n)} fail."
        case "open":
            return f"Open, at {where}: {said}"
        case _:
            assert_never(cut_off.verdict)
