"""The call that probes a ladder of checkpoints; torch is imported when it is made."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from seedsweep.errors import ArgumentError, MissingPackageError
from seedsweep.probed import Probed, ProbePlan, ProbeProgress

NEEDS = ("torch", "safetensors", "tokenizers")


def probe(
    checkpoints: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    suite: Sequence[str] | None = None,
    prompt_seed: int = 0,
    bos: bool = True,
    tokens_per_step: int | None = None,
    on_plan: Callable[[ProbePlan], None] = lambda plan: None,
    on_progress: Callable[[ProbeProgress], None] = lambda progress: None,
) -> Probed:
    """Ask models that others trained what they can do, at every step of their training that was kept.

    Parameters
    ----------
    checkpoints : str or path
        A directory with ``MODEL/SEED/stepN`` below it, where SEED is a number such as 3 or seed3; or a CSV with
        the columns model, seed, step, path and, where they differ from seed, init_seed and data_seed. A path there
        is from the folder of the CSV. Each is a model of the GPT-NeoX family as Hugging Face writes it:
        config.json, model.safetensors or pytorch_model.bin, in one or in parts, of any precision; it is computed
        in float32. Its tokenizer.json lies beside it or in one of the three folders above.
    out : str or path
        The table, .csv or .parquet: new, or one to which what it lacks is added.
    suite : sequence of str, optional
        Of copy, repeat, pattern, ioi and list; all but the last if left out. `docs/how-to/probes.md` defines them.
    prompt_seed : int
        Which 64 prompts every probe has.
    bos : bool
        Whether the config's ``bos_token_id`` comes first.
    tokens_per_step : int, optional
        That the models saw in a step of their training, for the column tokens_seen.
    on_plan, on_progress : callable
        Called once before the first checkpoint is read, and before and after every pack.

    Returns
    -------
    Probed

    Raises
    ------
    InputError
        In one line: no checkpoint, one of another architecture, a tokenizer with too few words, a table of other
        settings, too little memory for one seed.
    StorageError
        If the table cannot be written any more. What it had is there.
    MissingPackageError
        Without torch, safetensors and tokenizers.

    Notes
    -----
    The table has a row for every model, seed, step and probe. The seeds of one model and step are computed as one
    pack, as many as memory allows. After every pack the file is replaced by a longer one: however a run ends, the
    same call goes on with what is missing.
    """
    for package in NEEDS:
        if find_spec(package) is None:
            raise MissingPackageError(f"probing needs {package}: pip install 'seedsweep[probe]'", name=package)
    if not 0 <= prompt_seed < 2**63:
        raise ArgumentError("prompt-seed", prompt_seed, "give a number from 0 on")
    if tokens_per_step is not None and tokens_per_step < 1:
        raise ArgumentError("tokens-per-step", tokens_per_step, "give a number from 1 on")
    from seedsweep.workers.probing.ladder import Asked, probe_ladder
    from seedsweep.workers.probing.prompts import DEFAULT, check_suite

    asked = Asked(check_suite(DEFAULT if suite is None else suite), prompt_seed, bos, tokens_per_step)
    return probe_ladder(Path(checkpoints), Path(out), asked, on_plan, on_progress)
