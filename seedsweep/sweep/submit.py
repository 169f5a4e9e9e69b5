"""A sweep as a job of a Ray cluster: the driver runs there, and who has sent it may go home."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shlex
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]
from ray.exceptions import AuthenticationError
from ray.job_submission import JobStatus, JobSubmissionClient

from seedsweep.errors import ArgumentError, ClusterError
from seedsweep.sweep.executors.connect import HOW_TO_GIVE_A_TOKEN, MODE
from seedsweep.sweep.executors.firstlook import look, refusal
from seedsweep.sweep.shipment import pack_up
from seedsweep.sweep.specfile import read_spec

STOP_SECONDS = 60
"""After so long a job that was asked to stop is killed; its packs need 15 to save their checkpoints."""
FOLLOW_AGAIN_SECONDS = 5.0
STOPPED = 130
"""Exit status of a job that was stopped on request, as of a run."""


@dataclass(frozen=True)
class Submission:
    """A job, and what may be done with it."""

    client: Any
    id: str
    """The same for the same spec at the same place, with a number for every time that it was sent."""
    attached: bool
    """Whether it was there already."""

    def follow(self, show: Callable[[str], None]) -> int:
        """Show what the job prints until it ends; returns its exit status. Raises ClusterError if it is lost."""
        try:
            asyncio.run(_follow(self.client, self.id, show))
            info = self.client.get_job_info(self.id)
        except (OSError, RuntimeError) as error:
            raise ClusterError(f"the job {self.id} cannot be followed: {_first_line(error)}") from error
        if info.status == JobStatus.SUCCEEDED:
            return 0
        if info.status == JobStatus.STOPPED:
            return STOPPED
        if info.driver_exit_code is None or info.driver_exit_code < 0:  # it was killed
            raise ClusterError(f"the job {self.id} has ended as {info.status}: {_first_line(info.message)}")
        return int(info.driver_exit_code)

    def stop(self) -> None:
        """Ask it to save checkpoints and end."""
        self.client.stop_job(self.id)


def submit(
    source: str,
    *,
    address: str,
    out: str,
    overrides: Sequence[str] = (),
    seeds: str | None = None,
    only_find: bool = False,
) -> Submission:
    """Send a sweep to a cluster, or find the job that it was sent as and that has not ended.

    Parameters
    ----------
    source : str
        Path of a spec, or the name of a preset.
    address : str
        Of the cluster's dashboard, `http://host:8265`.
    out : str
        An absolute path that all machines of the cluster share, or an object store's URL.
    overrides, seeds
        As of `read_spec`.
    only_find : bool
        Send nothing.

    Returns
    -------
    Submission
        Of a job that waits or runs.

    Raises
    ------
    InputError
        If the spec is wrong, or there is no such cluster, or it wants another token, or if nothing is
        found that shall only be found. Nothing has been sent then.
    """
    named = read_spec(source, overrides=overrides, seeds=seeds)
    _check_out(out)
    content = {"spec": named.spec.model_dump(mode="json", exclude={"program": {"directory"}}), "out": out}
    base = "seedsweep-" + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    with tempfile.TemporaryDirectory(prefix="seedsweep-submit-") as folder:
        spec = pack_up(source, named, Path(folder))
        client = _client(address)
        known = {job.submission_id: job.status for job in client.list_jobs() if job.submission_id}
        times = sum(name.rpartition("-")[0] == base for name in known)
        last = f"{base}-{times}"
        if times and not known[last].is_terminal():
            return Submission(client, last, attached=True)
        if only_find:
            raise refusal(address, "no job of this sweep runs there")
        options = [*(f"--set={override}" for override in overrides), *([f"--seeds={seeds}"] if seeds else [])]
        new = client.submit_job(
            entrypoint=shlex.join(
                ["python", "-m", "seedsweep", "run", spec, "--address=auto", f"--out={out}", *options]
            ),
            submission_id=f"{base}-{times + 1}",
            metadata={"sweep": named.name, "out": out},
            runtime_env={
                "working_dir": folder,
                "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS), "PYTHONUNBUFFERED": "1"},
            },
        )
    return Submission(client, new, attached=False)


def _check_out(out: str) -> None:
    if "://" not in out and not out.startswith("/"):
        raise ArgumentError(
            "out", out, "give an absolute path of a disk that all machines of the cluster share, or a store's URL"
        )


def _client(address: str) -> JobSubmissionClient:
    if not address.startswith(("http://", "https://")):
        raise refusal(address, "give the address of the cluster's dashboard, http://HOST:8265")
    look(address)
    has_token = AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True)
    try:
        return JobSubmissionClient(address)
    except AuthenticationError:
        problem = "takes another token than is here" if has_token else "asks for a token, and none is here"
    except (OSError, RuntimeError, ValueError) as error:
        raise refusal(address, f"no Ray dashboard answers there: {_first_line(error)}") from error
    if has_token and MODE not in os.environ:
        os.environ[MODE] = "token"
        Config.initialize("")
        return _client(address)
    raise refusal(address, f"the cluster {problem}; {HOW_TO_GIVE_A_TOKEN}")


async def _follow(client: JobSubmissionClient, job: str, show: Callable[[str], None]) -> None:
    """Show the log until the job has ended. A connection that breaks is made anew and shows what is new."""
    shown = 0
    while True:
        seen = 0
        try:
            async for text in client.tail_job_logs(job):
                seen += len(text)
                if seen > shown:
                    show(text[-(seen - shown) :])
                    shown = seen
        except RuntimeError:
            await asyncio.sleep(FOLLOW_AGAIN_SECONDS)
        if client.get_job_status(job).is_terminal():
            return
        await asyncio.sleep(1.0)


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0]
