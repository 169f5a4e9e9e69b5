"""What a comparison of two populations says, question by question."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from seedsweep import formats
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.differences import Difference
from seedsweep.analysis.statistics.multiplicity import adjust_pvalues
from seedsweep.analysis.statistics.results import Result, jsonable
from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.study.parts import LEVEL
from seedsweep.criterion import Criterion
from seedsweep.htmltable import html_table
from seedsweep.plotted import Plotted
from seedsweep.population import of_split

Question: TypeAlias = Literal["P(success)", "mean", "W2", "time"]


@dataclass(frozen=True, eq=False)
class Compared(Result):
    """One number of both populations, at every scale and over the ladder.

    Attributes
    ----------
    question : str
        "P(success)"; "mean" of the metric; "W2", the distance of the two distributions; "time", mean steps to
        success within the budget, a seed that does not get there counting with all of it.
    by_scale : mapping from scale to Difference
        B − A at every scale that both have.
    overall : Difference or None
        Over the ladder; None where there is a single scale.
    """

    question: Question
    by_scale: Mapping[float, Difference]
    overall: Difference | None

    @property
    def tests(self) -> int:
        """How many there are: one per scale, and one over the ladder."""
        return sum(not math.isnan(one.pvalue) for one in self._all)

    @property
    def pvalues(self) -> dict[float | None, float]:
        """Corrected for their number (Holm), by scale; None is the ladder."""
        keys = [*self.by_scale, *([] if self.overall is None else [None])]
        corrected = adjust_pvalues([one.pvalue for one in self._all])
        return dict(zip(keys, corrected.tolist(), strict=True))

    @property
    def main(self) -> Difference:
        """Over the ladder, or at the only scale."""
        return next(iter(self.by_scale.values())) if self.overall is None else self.overall

    @property
    def differs(self) -> bool:
        """Whether any of its corrected p-values is at most .05."""
        return any(p <= LEVEL for p in self.pvalues.values())

    @property
    def rows(self) -> list[tuple[float | None, Difference]]:
        """By scale; None is the ladder."""
        return [*self.by_scale.items(), *([] if self.overall is None else [(None, self.overall)])]

    @property
    def _all(self) -> list[Difference]:
        return [*self.by_scale.values(), *([] if self.overall is None else [self.overall])]

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``."""
        pvalues = self.pvalues
        return {
            "question": self.question,
            "tests": self.tests,
            "rows": [
                {
                    "scale": scale,
                    **one.to_dict(),
                    "pvalue_holm": jsonable(pvalues[scale]),
                    "detectable": jsonable(one.detectable(self.tests)),
                }
                for scale, one in self.rows
            ],
        }


@dataclass(frozen=True, eq=False)
class Comparison(Plotted, Rows):
    """What differs between two populations, A and B.

    Attributes
    ----------
    names, paths : tuple of two str
        Of A and B.
    scale_name : str
    criterion : Criterion
        What success is in both; it has a threshold.
    threshold_chosen : bool
        Nobody has said what success is: the threshold is the middle of all observed values.
    scales : tuple of float
        Those that both have, ascending.
    only : tuple of two tuples of float
        Scales that only A has, and only B; they are left out.
    questions : tuple of Compared
    untimed : str
        Why there are no times to success; empty if there are.
    notes : tuple of str
        What to know of the numbers, a sentence each.
    """

    names: tuple[str, str]
    paths: tuple[str, str]
    scale_name: str
    criterion: Criterion
    threshold_chosen: bool
    scales: tuple[float, ...]
    only: tuple[tuple[float, ...], tuple[float, ...]]
    questions: tuple[Compared, ...]
    untimed: str
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        scales = text.listed([text.scale(scale) for scale in self.scales])
        return f"<Comparison of {self.names[0]} and {self.names[1]} in {self.at}: {self._word} {scales}>"

    def _rows(self) -> list[dict[str, Cell]]:
        """Of every question all scales, then the ladder, of which the scale is `nan`."""
        return [
            {
                "question": one.question,
                self.scale_name: math.nan if scale is None else scale,
                "n_a": row.n_a,
                "n_b": row.n_b,
                "pairs": row.pairs,
                "a": row.a,
                "b": row.b,
                "difference": row.difference,
                "pvalue": one.pvalues[scale],
            }
            for one in self.questions
            for scale, row in one.rows
        ]

    def _repr_html_(self) -> str:
        rows = [
            [
                text.scale(scale),
                *(cell for one in self.questions for cell in self._cells(one, one.by_scale[scale], scale)),
            ]
            for scale in self.scales
        ]
        if len(self.scales) > 1:
            rows.append(["all", *(cell for one in self.questions for cell in self._cells(one, one.main, None))])
        columns = [self._word, *(head for one in self.questions for head in (one.question, "p"))]
        return html_table(f"B − A in {self.at}; A = {self.names[0]}, B = {self.names[1]}", columns, rows)

    @property
    def _word(self) -> str:
        return text.field(self.scale_name)

    @staticmethod
    def _cells(one: Compared, row: Difference, scale: float | None) -> tuple[str, str]:
        return text.with_interval(row.difference), formats.without_p(formats.pvalue(one.pvalues[scale]))

    def of(self, question: Question) -> Compared | None:
        """The answer to one question; None if it could not be asked."""
        return next((one for one in self.questions if one.question == question), None)

    @property
    def at(self) -> str:
        """What is compared: "exact_match on test"."""
        return f"{self.criterion.metric}{of_split(self.criterion.split)}"

    @property
    def paired(self) -> str:
        """Which seeds are pairs: "all 64 seeds per scale are pairs of the same seed", or how many, or none."""
        rows = list(self.questions[0].by_scale.values())
        pairs, n_a, n_b = (sum(getattr(row, name) for row in rows) for name in ("pairs", "n_a", "n_b"))
        each = "" if len(rows) == 1 else " over all scales"
        if not pairs:
            return f"no seed is in both, so that {text.seeds(n_a)} of A and {n_b} of B{each} are compared unpaired"
        alone = [f"{count} of {side}" for count, side in ((n_a - pairs, "A"), (n_b - pairs, "B")) if count]
        if not alone:
            return f"all {text.seeds(pairs)} of A{each} are in B too, and are compared in pairs"
        rest = text.listed(alone)
        return f"{text.seeds(pairs)}{each} are in both and are compared in pairs; {rest} have no partner"

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``."""
        return {
            "a": {"name": self.names[0], "path": self.paths[0], "only": list(self.only[0])},
            "b": {"name": self.names[1], "path": self.paths[1], "only": list(self.only[1])},
            "scale_name": self.scale_name,
            "metric": self.criterion.metric,
            "split": self.criterion.split,
            "threshold": self.criterion.threshold,
            "threshold_chosen": self.threshold_chosen,
            "higher_is_better": self.criterion.higher_is_better,
            "scales": list(self.scales),
            "pairing": self.paired,
            "questions": [one.to_dict() for one in self.questions],
            "untimed": self.untimed,
            "notes": list(self.notes),
        }
