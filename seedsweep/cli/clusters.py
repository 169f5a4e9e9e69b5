"""The command that sends a sweep to a Ray cluster."""

from __future__ import annotations

import logging
import shlex
import sys
from typing import Annotated

import typer

from seedsweep.cli.console import stderr
from seedsweep.cli.options import Out, Seeds, Set, Spec
from seedsweep.cli.progress import Waiting
from seedsweep.cli.streams import shown
from seedsweep.errors import InputError


def submit(
    spec: Spec,
    address: Annotated[
        str, typer.Option(metavar="URL", help="The cluster's dashboard, http://HOST:8265; of a tunnel, localhost.")
    ],
    out: Out = None,
    seeds: Seeds = None,
    changes: Set = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow its log until it ends.")] = True,
    stop: Annotated[bool, typer.Option("--stop", help="Have it save checkpoints and end.")] = False,
) -> None:
    """Send a sweep to a Ray cluster as a job, and follow it; the same command again finds the same job.

    The spec goes along, and of a program the folder that it lies in. Ctrl-C leaves the job running.

    Example: seedsweep submit mine.yaml --address http://localhost:8265 --out s3://my-bucket/mine
    """
    if out is None:
        raise InputError("--out: give a place that all machines reach: s3://my-bucket/mine or /shared/mine")
    with Waiting(stderr, "reading the spec, asking the cluster …"):
        from seedsweep.sweep.submit import STOPPED
        from seedsweep.sweep.submit import submit as send

        logging.getLogger("ray").setLevel(logging.ERROR)  # it tells of every package and connection

        job = send(spec, address=address, out=out, overrides=changes or [], seeds=seeds, only_find=stop)
    at = shlex.join(["--address", address])
    _say(f"{job.id}: {'runs already' if job.attached else 'sent'}; results: {out}")
    if stop:
        job.stop()
        _say("asked to save checkpoints and end; the same command without --stop goes on from there")
    else:
        _say(f"to stop it: the same command with --stop, or ray job stop {at} {job.id}")
    if not wait:
        return
    try:
        status = job.follow(lambda text: print(shown(text), end="", flush=True))
    except KeyboardInterrupt:
        _say(f"the job goes on; the same command follows it again, and ray job stop {at} {job.id} stops it")
        raise typer.Exit(130) from None
    if status and not (stop and status == STOPPED):
        raise typer.Exit(status)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
