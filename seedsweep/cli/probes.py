"""The command on models that others trained."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

import seedsweep
from seedsweep import formats
from seedsweep.cli.console import stderr
from seedsweep.cli.options import Json
from seedsweep.cli.progress import Waiting
from seedsweep.cli.show import print_json
from seedsweep.cli.streams import shown
from seedsweep.cli.timeleft import TimeLeft

if TYPE_CHECKING:
    from seedsweep.probed import ProbePlan, ProbeProgress


def probe(
    checkpoints: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINTS", help="A directory with MODEL/SEED/stepN below it, or a CSV of them."
        ),
    ],
    suite: Annotated[
        str, typer.Option(metavar="A,B", help="Probes: copy, repeat, pattern, ioi, list.")
    ] = "copy,repeat,pattern,ioi",
    out: Annotated[
        str,
        typer.Option("--out", metavar="FILE", help="The table, .csv or .parquet; what it has is not done again."),
    ] = "probes.csv",
    prompt_seed: Annotated[int, typer.Option(metavar="N", help="Which prompts every probe has.")] = 0,
    bos: Annotated[
        bool, typer.Option("--bos/--no-bos", help="Begin every prompt with the model's BOS token.")
    ] = True,
    tokens_per_step: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens that a training step saw, for the column tokens_seen.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask checkpoints of existing models what they can do, and write a table that analyze reads.

    Models of the GPT-NeoX family, such as Pythia, as Hugging Face writes them. The seeds of one model and step are
    computed together. A row is one probe of one seed at one step: accuracy, probability and rank of the right
    token, and how much the heads look at where it stood. CSV: columns model, seed, step, path.

    Run it again to go on, or after more checkpoints have come: it adds what the table lacks.

    Example: seedsweep probe checkpoints --suite copy,repeat,ioi --out probes.csv
    """
    probes = [name.strip() for name in suite.split(",") if name.strip()]
    with Waiting(stderr, "reading the configs …") as waiting:
        left = TimeLeft()

        def show_plan(plan: ProbePlan) -> None:
            stderr.print(_sentence(plan, out), markup=False, highlight=False, soft_wrap=True)
            waiting.say("probing …")

        def show_progress(now: ProbeProgress) -> None:
            time_left = left.after(now.seconds_left)
            at = f"{now.model} step {formats.count(now.step)}"
            done = f"{formats.count(now.done)} of {formats.counted(now.missing, 'checkpoint')}"
            waiting.update(shown(", ".join([f"probing {at}: {done}", *([time_left] if time_left else [])]) + " …"))

        made = seedsweep.probe(
            checkpoints,
            out,
            suite=probes,
            prompt_seed=prompt_seed,
            bos=bos,
            tokens_per_step=tokens_per_step,
            on_plan=show_plan,
            on_progress=show_progress,
        )
    for why in made.refused.values():
        stderr.print(f"left out: {why}", markup=False, highlight=False, soft_wrap=True)
    if as_json:
        print_json(made.to_dict())
    else:
        rows = f"{formats.counted(made.rows, 'row')}, {formats.count(made.added)} new"
        words = ["seedsweep", "analyze", out, "--scale", "parameters", "--seed", "seed", "--step", "step"]
        words += ["--metric", "accuracy", "--metric", "p", "--threshold", ".75", "--where", f"probe={probes[0]}"]
        typer.echo(shown(f"table     {out}: {rows}; see {shlex.join(words)}"))
    if made.refused:
        raise typer.Exit(1)


def _sentence(plan: ProbePlan, out: str) -> str:
    found = f"{formats.counted(plan.checkpoints, 'checkpoint')} found"
    if not plan.missing:
        return f"{found}, none of which {out} lacks"
    packs = f"{formats.counted(plan.packs, 'pack')} of up to {formats.seeds(plan.seeds)}"
    memory = f"{formats.quantity(plan.bytes, 'B')} of memory on {plan.device}"
    return f"{found}, {formats.count(plan.missing)} to probe, in {packs}, with about {memory}; table: {out}"
