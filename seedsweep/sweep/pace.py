"""How fast packs are trained, by what the store has of it, and how long a queue of them takes. Reads no file."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence, Set
from statistics import median

from seedsweep.cell import Pace
from seedsweep.sweep.record import ScaleRecord
from seedsweep.sweep.store import KnownPack

Paces = Mapping[float, Sequence[Pace]]
"""Of several packs, by scale."""


def paces_of(
    known: Iterable[KnownPack], hosts: Iterable[str], now: float | None = None, runs: Set[str] = frozenset()
) -> dict[float, list[Pace]]:
    """How fast packs were trained on these machines, and those at work are.

    What others took says little of these. `now` is in seconds since 1970, by default what the clock says; `runs`
    are those that go on.
    """
    wanted = set(hosts)
    paces: dict[float, list[Pace]] = {}
    for pack in known:
        host, pace = _finished(pack) if pack.finished else _at_work(pack, now, runs)
        if pace is not None and host in wanted:
            paces.setdefault(pack.pack.scale, []).append(pace)
    return paces


def expected(scales: Iterable[ScaleRecord], measured: Paces) -> dict[float, Pace]:
    """The pace of every scale of which something is known.

    As it was measured: the median of its packs, of set-ups the shortest. Where nothing was measured: as in the
    trial that the run has made, times as much as the other scales' packs took longer than theirs (workers share
    memory and caches). Without a trial in proportion to arithmetic, from the scale that is nearest in that.
    """
    scales = list(scales)
    found = {scale: _middle(paces) for scale, paces in measured.items() if paces}
    slower = [found[one.scale].step / one.pace.step for one in scales if one.pace and one.scale in found]
    references = [one for one in scales if one.scale in found]
    paces = dict(found)
    for one in scales:
        if one.scale in found:
            continue
        if one.pace is not None:
            paces[one.scale] = one.pace.times(median(slower) if slower else 1.0)
        elif references:
            paces[one.scale] = _in_proportion(one, references, found)
    return paces


def steps_seen(known: Iterable[KnownPack]) -> int:
    """How many steps finished cells took, where only they can tell; 0 if there are none."""
    return max((pack.blocks[-1].info.steps[1] for pack in known if pack.finished), default=0)


def makespan(running: Iterable[float], waiting: Iterable[float]) -> float:
    """Seconds until the last pack ends, if each worker takes the next that waits when it is free.

    Parameters
    ----------
    running : iterable of float
        Seconds that the pack of each worker still takes; 0 of one that has none.
    waiting : iterable of float
        Seconds of those that wait, in the order in which they are taken.
    """
    free = list(running)
    heapq.heapify(free)
    for seconds in waiting:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def _finished(pack: KnownPack) -> tuple[str | None, Pace | None]:
    facts = pack.blocks[-1].info.provenance
    if facts.get("pace"):
        return facts.get("host"), Pace(**facts["pace"])
    if facts.get("seconds"):  # of a program, whose evaluations are its own business
        steps = pack.blocks[-1].info.steps[1] or 1
        return facts.get("host"), Pace(0.0, facts["seconds"] / steps, 0.0)
    return None, None


def _at_work(pack: KnownPack, now: float | None, runs: Set[str]) -> tuple[str | None, Pace | None]:
    progress = pack.progress
    if progress is None or not progress.is_alive(now, runs):
        return None, None
    if progress.pace is not None or progress.evaluations:  # it will say soon; its rate is mostly of evaluations
        return progress.host, progress.pace
    return progress.host, Pace(0.0, 1 / progress.rate, 0.0) if progress.rate > 0 else None


def _middle(paces: Sequence[Pace]) -> Pace:
    # The first pack of a worker also loads what later ones have, so that the shortest set-up is the usual one.
    setup = min(pace.setup for pace in paces)
    return Pace(setup, median(pace.step for pace in paces), median(pace.evaluation for pace in paces))


def _in_proportion(one: ScaleRecord, references: Sequence[ScaleRecord], found: Mapping[float, Pace]) -> Pace:
    def apart(other: ScaleRecord) -> float:
        ratio = one.flop_per_seed_step / other.flop_per_seed_step
        return max(ratio, 1 / ratio)

    nearest = min(references, key=apart)
    ratio, pace = one.flop_per_seed_step / nearest.flop_per_seed_step, found[nearest.scale]
    setup = min(known.setup for known in found.values())
    return Pace(setup, ratio * pace.step, ratio * pace.evaluation)
