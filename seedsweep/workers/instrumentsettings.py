"""The sections `streams:` and `interventions:` of a spec: what is read from seeds while they train, and what is
done to them. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from seedsweep.errors import did_you_mean
from seedsweep.section import AddedLater, Settings
from seedsweep.workers.settings import ModelSettings, TaskSettings

OF_ANY_TASK = ("previous", "self")
"""Patterns that every task has: each position reads the one before it, the first itself; or each reads itself."""


class StreamSettings(Settings):
    """Base of every stream's settings. The stream's `name` decides which class reads the rest."""

    of_attention: ClassVar[bool] = False
    """Whether it reads what heads attend to."""
    name: str

    def check(self, task: TaskSettings, model: ModelSettings) -> None:
        """Raise ValueError, saying what would be right, if a cell of that task and model has no such stream."""

    def measures(self, task: TaskSettings, model: ModelSettings) -> Mapping[str, Sequence[str]]:
        """The metrics of every split that it reads of such a cell, by the split's name.

        Success can be judged by what is named here; by default nothing is.
        """
        return {}


class InterventionSettings(Settings):
    """One change to what heads attend to.

    The queries of a pattern are the positions that it speaks of; others attend as they do.
    """

    do: Literal["bias", "block", "clamp", "ablate"]
    """bias: `strength` is added to the scores of the pattern's tokens. block: they are not read, where
    anything else can be. clamp: they are read in equal parts, and nothing else is; or, with a `circuit`, a part of
    it is as if it were learnt. ablate: the heads read nothing, at any position."""
    pattern: str | dict[int, tuple[int, ...]] | None = None
    """A pattern that the task knows, such as `true`, the solution's; `previous` or `self`, of any task; or
    positions that look, from 0 on, and for each those that it looks at: `{8: [0, 3]}`. None with `ablate` and
    `circuit` only."""
    circuit: Annotated[Literal["layer1", "copy"] | None, AddedLater()] = None
    """Of `clamp`, of rows of pairs and a query, in two layers of `attention-only` with rotary positions. layer1:
    the second layer sees what a first one would give it that copies to every label the exemplar before it. copy:
    the logits of the labels in the row are the scores that one head of the second layer gives them."""
    strength: float | None = None
    """Of `bias`: e^strength is the factor by which a token's share rises against those that are not biased."""
    layers: tuple[int, ...] | Literal["all"] = "all"
    """Counted from 0."""
    heads: tuple[int, ...] | Literal["all", "best", "worst"] = "all"
    """Counted from 0. Of evaluations alone also, of every seed, the one head with the most, or the least, of its
    attention on the true pattern at that time; where there is none, on the `match` of each row."""
    from_step: int = Field(default=0, ge=0)
    until_step: int | None = Field(default=None, ge=1)
    """The first step without it; None: it stays."""
    at: Literal["training", "evaluation"] = "training"
    """training: steps are taken with it, and as long as it holds so are evaluations: it is a part of the model.
    evaluation: the model trains without it; every evaluation is made once more with it, and its splits are called
    `split+name`."""
    name: str | None = None
    """Of one in evaluations alone; by default what it does to which pattern and heads, as `ablate-best`."""

    @field_validator("pattern", mode="before")
    @classmethod
    def _read_pattern(cls, given: Any) -> Any:
        """In YAML `true` is no text."""
        return "true" if given is True else given

    @field_validator("pattern")
    @classmethod
    def _check_positions(cls, given: Any) -> Any:
        if isinstance(given, dict):
            if not any(given.values()):
                raise ValueError("it names no position to look at; give for example {8: [0, 3]}")
            for query, keys in given.items():
                for key in keys:
                    if not 0 <= key <= query:
                        raise ValueError(f"position {query} cannot look at {key}; it sees 0 to {query}")
        return given

    @field_validator("layers", "heads", mode="before")
    @classmethod
    def _read_numbers(cls, given: Any) -> Any:
        numbers = given if isinstance(given, list | tuple) else [given]
        if isinstance(given, list | tuple) and not given:
            raise ValueError("give at least one, counted from 0, or all")
        if not isinstance(given, str):
            for number in numbers:
                if isinstance(number, bool) or not isinstance(number, int) or number < 0:
                    raise ValueError(f"{number!r} is none; they are counted from 0, for example [0, 1]")
            return tuple(sorted(set(numbers)))
        return given

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.strength is None) == (self.do == "bias"):
            raise ValueError("strength: give it with bias, and with nothing else")
        if self.circuit is not None and (self.do != "clamp" or self.pattern is not None):
            raise ValueError("circuit: is clamped (do: clamp), and in place of a pattern; give one of them up")
        if self.circuit == "layer1" and (self.layers, self.heads) != ("all", "all"):
            raise ValueError("circuit: layer1 is the first layer as a whole; give no layers and no heads")
        one_head = not isinstance(self.heads, str) and len(self.heads) == 1
        if self.circuit == "copy" and (not one_head or self.layers != "all"):
            raise ValueError("circuit: copy takes the scores of one head of the second layer; give heads: [0]")
        if (self.pattern is None) != (self.do == "ablate" or self.circuit is not None):
            raise ValueError("pattern: give one, for example true; with ablate or a circuit give none")
        if self.until_step is not None and self.until_step <= self.from_step:
            raise ValueError(f"until_step: {self.until_step} is not after from_step {self.from_step}")
        if self.at == "training" and self.heads in ("best", "worst"):
            raise ValueError(f"heads: {self.heads} is for evaluations alone (at: evaluation)")
        if self.at == "training" and self.name is not None:
            raise ValueError("name: splits are named by it; give it with at: evaluation")
        if self.name is not None and not self.name.strip():
            raise ValueError("name: it is empty")
        return self

    @property
    def label(self) -> str:
        """What its splits are called by."""
        if self.name is not None:
            return self.name
        pattern = {"positions"} if isinstance(self.pattern, dict) else {self.pattern, self.circuit} - {None}
        heads = self.heads if isinstance(self.heads, str) else "-".join(map(str, self.heads))
        return "-".join([self.do, *map(str, pattern), *({heads} - {"all"})])

    def holds(self, step: int) -> bool:
        """Whether the update number `step` (from 0) is made with it, if it is one of training."""
        return self.from_step <= step and (self.until_step is None or step < self.until_step)

    def check(self, task: TaskSettings, model: ModelSettings) -> None:
        """Raise ValueError, naming the field, if a cell of that task and model cannot be changed so."""
        if isinstance(self.pattern, dict) and max(self.pattern) >= task.longest_row():
            raise ValueError(
                f"pattern: there is no position {max(self.pattern)}; rows are 0 to {task.longest_row() - 1}"
            )
        if isinstance(self.pattern, str):
            names = (*task.pattern_names(), *task.row_pattern_names(), *OF_ANY_TASK)
            if self.pattern not in names:
                hint = did_you_mean(self.pattern, names)
                raise ValueError(
                    f"pattern: {self.pattern!r} is not one of {task.name}'s: {', '.join(names)}{hint}"
                )
        if self.circuit is not None and "match" not in task.row_pattern_names():
            raise ValueError(f"circuit: {task.name} has no rows of exemplars, their labels and a query")
        if self.circuit is not None and (model.dialect, model.depth, getattr(model, "positions", None)) != (
            "attention-only",
            2,
            "rotary",
        ):
            raise ValueError("circuit: is that of two layers of attention-only with positions: rotary")
        solved = "true" in task.pattern_names() or "match" in task.row_pattern_names()
        if self.heads in ("best", "worst") and not solved:
            raise ValueError(f"heads: {task.name} knows no true pattern by which one is the {self.heads}")
        for field, asked, there in (("layers", self.layers, model.depth), ("heads", self.heads, model.heads)):
            if not isinstance(asked, str) and asked[-1] >= there:
                raise ValueError(f"{field}: there is no {asked[-1]}; the model has 0 to {there - 1}")


def check_instruments(
    streams: Sequence[StreamSettings],
    interventions: Sequence[InterventionSettings],
    task: TaskSettings,
    model: ModelSettings,
) -> None:
    """Raise ValueError, naming the section, if a cell of that task and model cannot have them together."""
    names = [stream.name for stream in streams]
    labels = [one.label for one in interventions if one.at == "evaluation"]
    for section, given in (("streams", names), ("interventions", labels)):
        twice = next((name for name in given if given.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{section}: {twice} is given twice")
    parts: list[tuple[str, str, StreamSettings | InterventionSettings]] = [
        *(("streams", stream.name, stream) for stream in streams),
        *(("interventions", one.label, one) for one in interventions),
    ]
    for section, name, part in parts:
        if not model.attends and (section == "interventions" or getattr(part, "of_attention", False)):
            raise ValueError(f"{section}: {name}: the dialect {model.dialect} has no attention; pre-ln has")
        try:
            part.check(task, model)
        except ValueError as error:
            raise ValueError(f"{section}: {name}: {error}") from None
