"""Goes through a ladder of checkpoints, one step's seeds of a model at a time, and adds what the table lacks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import torch

from seedsweep.errors import InputError
from seedsweep.probed import Probed, ProbePlan, ProbeProgress
from seedsweep.workers.device import choose_device
from seedsweep.workers.dialects.gpt_neox_files import Config, check_whole, read_config
from seedsweep.workers.pretrained import CONFIG, file_digest
from seedsweep.workers.probing.checkpoints import Checkpoint, find_checkpoints
from seedsweep.workers.probing.measure import measure
from seedsweep.workers.probing.pack import Pack, process_bytes, seeds_at_once
from seedsweep.workers.probing.prompts import Prompts, make_prompts
from seedsweep.workers.probing.table import ProbeTable, Row, hold_table
from seedsweep.workers.probing.vocabulary import Vocabulary, find_tokenizer, read_vocabulary


@dataclass(frozen=True)
class Asked:
    """What every checkpoint is asked."""

    suite: tuple[str, ...]
    prompt_seed: int
    bos: bool
    tokens_per_step: int | None


@dataclass(frozen=True)
class _Work:
    """Seeds of one model and step that lack the same probes, at most as many as are computed at once."""

    seeds: Sequence[Checkpoint]
    probes: tuple[str, ...]

    @property
    def model(self) -> str:
        return self.seeds[0].model

    @property
    def step(self) -> int:
        return self.seeds[0].step


@dataclass(frozen=True)
class _Model:
    """What all checkpoints of a model have in common."""

    config: Config
    vocabulary: Vocabulary
    prompts: Mapping[str, Prompts]

    @property
    def parameters(self) -> int:
        return self.config.model.parameters(self.config.vocabulary)

    @property
    def tokens(self) -> int:
        """Of the largest forward pass of a seed."""
        return max(prompts.tokens_BT.size for prompts in self.prompts.values())


def probe_ladder(
    place: Path,
    out: Path,
    asked: Asked,
    on_plan: Callable[[ProbePlan], None],
    on_progress: Callable[[ProbeProgress], None],
) -> Probed:
    """As `seedsweep.probe`."""
    found = find_checkpoints(place)
    device = choose_device("auto")
    with hold_table(out, {"prompt_seed": asked.prompt_seed, "bos": asked.bos}) as table:
        had = table.rows.num_rows
        missing = [(one, probes) for one in found if (probes := _missing(one, asked, table))]
        whole, refused = _whole(missing)
        if refused and not whole and not had:
            raise InputError(f"{next(iter(refused.values()))}; no checkpoint of {place} is whole")
        models = {
            name: _read_model(list(those), asked) for name, those in groupby(whole, lambda one: one[0].model)
        }
        works = [part for work in _works(whole) for part in _parts(work, models[work.model], device)]
        on_plan(_plan(found, works, models, device))
        loop = _Loop(works, models, on_progress)
        room: dict[str, Pack] = {}
        for work in works:
            loop.begins(work)
            model = models[work.model]
            if work.model not in room:
                room.clear()  # before the next one takes its memory
                room[work.model] = Pack(model.config, _most(works, work.model), torch.device(device))
            rows, unread = _probe(work, model, room[work.model], asked)
            refused |= unread
            if rows:
                table.add(rows)
            loop.ended(work)
        return Probed(str(out), table.rows.num_rows, table.rows.num_rows - had, refused)


def _missing(one: Checkpoint, asked: Asked, table: ProbeTable) -> tuple[str, ...]:
    return tuple(probe for probe in asked.suite if not table.has(one.model, one.seed, one.step, probe))


Missing = tuple[Checkpoint, tuple[str, ...]]


def _whole(missing: Iterable[Missing]) -> tuple[list[Missing], dict[str, str]]:
    """Those all of whose files are there; of the others why not. They may be just being fetched."""
    whole: list[Missing] = []
    refused: dict[str, str] = {}
    for one, probes in missing:
        try:
            if not (one.path / CONFIG).is_file():
                raise InputError(f"{one.path}: not a whole checkpoint: it has no {CONFIG}")
            check_whole(one.path)
        except InputError as error:
            refused[str(one.path)] = str(error)
        else:
            whole.append((one, probes))
    return whole, refused


def _read_model(missing: Sequence[Missing], asked: Asked) -> _Model:
    """Raises InputError if its checkpoints are not of one shape, or its tokenizer does not serve."""
    first = missing[0][0].path
    config = read_config(first)
    for one, _ in missing[1:]:
        if read_config(one.path) != config:
            raise InputError(
                f"{one.path / CONFIG}: is of another model than {first / CONFIG}, both as {one.model}"
            )
    vocabulary = read_vocabulary(find_tokenizer(first))
    if vocabulary.size > config.vocabulary:
        raise InputError(
            f"{vocabulary.path}: has {vocabulary.size} tokens, and {first} embeds {config.vocabulary}: it is of "
            "another model"
        )
    bos = config.bos if asked.bos else None
    if asked.bos and not (isinstance(bos, int) and 0 <= bos < vocabulary.size):
        raise InputError(f"{first / CONFIG}: bos_token_id: {bos!r} is no token; give --no-bos")
    probes = {probe for _, probes in missing for probe in probes}
    prompts = {probe: make_prompts(probe, vocabulary, asked.prompt_seed, bos) for probe in probes}
    return _Model(config, vocabulary, prompts)


def _works(whole: Sequence[Missing]) -> Iterator[_Work]:
    """In the order of model and step."""
    for _, together in groupby(whole, lambda one: (one[0].model, one[0].step)):
        by_probes: dict[tuple[str, ...], list[Checkpoint]] = {}
        for one, probes in together:
            by_probes.setdefault(probes, []).append(one)
        for probes, seeds in by_probes.items():
            yield _Work(seeds, probes)


def _parts(work: _Work, model: _Model, device: str) -> Iterator[_Work]:
    most = seeds_at_once(model.config, model.tokens, len(work.seeds), device)
    for first in range(0, len(work.seeds), most):
        yield replace(work, seeds=work.seeds[first : first + most])


def _most(works: Iterable[_Work], model: str) -> int:
    """Seeds of the largest pack of a model."""
    return max(len(work.seeds) for work in works if work.model == model)


def _plan(
    found: Sequence[Checkpoint], works: Sequence[_Work], models: Mapping[str, _Model], device: str
) -> ProbePlan:
    sizes = [process_bytes(model.config, model.tokens, _most(works, name)) for name, model in models.items()]
    return ProbePlan(
        checkpoints=len(found),
        missing=sum(len(work.seeds) for work in works),
        packs=len(works),
        seeds=max((len(work.seeds) for work in works), default=0),
        bytes=max(sizes, default=0),
        device=device,
    )


class _Loop:
    """Counts checkpoints, and tells the time left: a checkpoint takes as long as it has parameters."""

    def __init__(
        self, works: Sequence[_Work], models: Mapping[str, _Model], tell: Callable[[ProbeProgress], None]
    ) -> None:
        self._models, self._tell = models, tell
        self._missing = sum(len(work.seeds) for work in works)
        self._to_do = sum(map(self._size, works))
        self._done, self._done_size = 0, 0
        self._began = time.monotonic()

    def begins(self, work: _Work) -> None:
        self._tell(self._progress(work))

    def ended(self, work: _Work) -> None:
        self._done += len(work.seeds)
        self._done_size += self._size(work)
        self._tell(self._progress(work))

    def _progress(self, work: _Work) -> ProbeProgress:
        seconds = time.monotonic() - self._began
        left = seconds * (self._to_do / self._done_size - 1) if self._done_size else None
        return ProbeProgress(work.model, work.step, self._done, self._missing, left)

    def _size(self, work: _Work) -> int:
        return len(work.seeds) * self._models[work.model].parameters


def _probe(work: _Work, model: _Model, pack: Pack, asked: Asked) -> tuple[list[Row], dict[str, str]]:
    """The rows of a pack, and which of its checkpoints could not be read."""
    refused: dict[str, str] = {}
    wanted = file_digest(model.vocabulary.path)
    for one in work.seeds:
        if file_digest(tokenizer := find_tokenizer(one.path)) != wanted:
            refused[str(one.path)] = f"{tokenizer}: is another tokenizer than {model.vocabulary.path}"
    decoder, seeds, unread = pack.load([one for one in work.seeds if str(one.path) not in refused])
    rows: list[Row] = []
    for probe in work.probes if seeds else ():
        for one, found in zip(seeds, measure(decoder, model.prompts[probe], model.vocabulary.size), strict=True):
            rows.append(_about(one, model, asked) | {"probe": probe} | found)
    return rows, refused | unread


def _about(one: Checkpoint, model: _Model, asked: Asked) -> dict[str, object]:
    return {
        "model": one.model,
        "parameters": model.parameters,
        "seed": one.seed,
        "init_seed": one.init_seed,
        "data_seed": one.data_seed,
        "step": one.step,
        "tokens_seen": None if asked.tokens_per_step is None else one.step * asked.tokens_per_step,
        "prompt_seed": asked.prompt_seed,
        "bos": asked.bos,
    }
