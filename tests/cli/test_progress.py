"""What is seen while a command works."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from seedsweep.cli import progress
from seedsweep.cli.progress import RunDisplay, Waiting
from seedsweep.cli.timeleft import FEWEST
from seedsweep.sweep.events import Event, EventKind
from seedsweep.sweep.standing import ScaleStatus, SweepStatus


def console(terminal: bool = False) -> Console:
    return Console(width=80, file=io.StringIO(), force_terminal=terminal)


def written(to: Console) -> str:
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


def wait_for(text: str, to: Console) -> None:
    deadline = time.monotonic() + 60
    while text not in written(to):
        assert time.monotonic() < deadline, written(to)
        time.sleep(0.01)


def test_a_pipe_hears_what_takes_long_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SILENT_SECONDS", 0.01)
    pipe = console()
    with Waiting(pipe, "reading …") as waiting:
        wait_for("reading …\n", pipe)
        waiting.say("counting …")
        wait_for("counting …\n", pipe)
    assert written(pipe) == "reading …\ncounting …\n"


def test_a_pipe_does_not_hear_what_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SILENT_SECONDS", 600.0)
    pipe = console()
    with pytest.raises(ZeroDivisionError), Waiting(pipe, "reading …"):
        raise ZeroDivisionError
    assert written(pipe) == ""


def test_a_terminal_shows_it_at_once() -> None:
    terminal = console(terminal=True)
    with Waiting(terminal, "reading …"):
        wait_for("reading …", terminal)


def event(kind: EventKind, left: float | None = None) -> Event:
    scale = ScaleStatus(1.0, 8, 0, 0, 0, 0, 8, 0, 0.0, None)
    return Event(kind, f"{kind}!", SweepStatus("there", "x", "depth", (scale,), (), 0.02, left))


def test_a_run_says_what_it_is_at_until_it_can_say_how_long() -> None:
    terminal = console(terminal=True)
    with RunDisplay(terminal) as display:
        wait_for("starting the executor …", terminal)
        display.show(event("plan"))
        assert "starting workers …" in written(terminal)
        display.show(event("ready"))
        assert "estimating …" in written(terminal)
        for _ in range(FEWEST):
            display.show(event("tick", left=90.0))
        assert "80–100 s left" in written(terminal)
    assert "not running" not in written(terminal)


def test_a_pipe_is_told_how_far_a_run_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SILENT_SECONDS", 0.01)
    monkeypatch.setattr(progress, "PLAIN_SECONDS", -1.0)
    pipe = console()
    with RunDisplay(pipe) as display:
        wait_for("looking for what is there, starting the executor …", pipe)
        display.show(event("plan"))
        wait_for("starting workers …", pipe)
        display.show(event("ready"))
        display.show(event("tick"))
        for _ in range(FEWEST):
            display.show(event("tick", left=290.0))
    assert written(pipe).splitlines()[-2:] == [
        "0 of 8 seeds, 2 % of the work, estimating …",
        "0 of 8 seeds, 2 % of the work, 4–6 min left",
    ]


def test_packs_that_end_many_times_a_second_do_not_each_draw_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "REDRAW_SECONDS", 600.0)
    terminal = console(terminal=True)
    with RunDisplay(terminal) as display:
        display.show(event("ready"))
        drawn = len(written(terminal))
        for _ in range(50):
            display.show(event("finish"))
        assert len(written(terminal)) == drawn
        display.show(event("tick"))
        assert len(written(terminal)) > drawn
