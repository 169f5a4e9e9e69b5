"""What is sent with a sweep, and what is refused before anything is."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ray.job_submission import JobStatus

from seedsweep.errors import InputError
from seedsweep.sweep import submit as module
from seedsweep.sweep.shipment import pack_up
from seedsweep.sweep.specfile import read_spec
from seedsweep.sweep.submit import submit
from tests.sweep.programs import write_program

TOKENLESS = "http://127.0.0.1:9"


class FakeClient:
    """Stands in for Ray's: remembers jobs, and which files were sent."""

    def __init__(self) -> None:
        self.jobs: dict[str, Any] = {}
        self.sent: list[dict[str, Any]] = []

    def list_jobs(self) -> list[Any]:
        return [FakeJob(name, status) for name, status in self.jobs.items()]

    def submit_job(self, *, submission_id: str, **how: Any) -> str:
        folder = Path(how["runtime_env"]["working_dir"])
        how["files"] = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        self.sent.append(how)
        self.jobs[submission_id] = JobStatus.RUNNING
        return submission_id


class FakeJob:
    def __init__(self, submission_id: str, status: Any) -> None:
        self.submission_id, self.status = submission_id, status


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    fake = FakeClient()
    monkeypatch.setattr(module, "_client", lambda address: fake)
    return fake


def test_the_same_sweep_is_sent_once_while_it_runs(client: FakeClient, spec_file: Path) -> None:
    first = submit(str(spec_file), address=TOKENLESS, out="/shared/a")
    again = submit(str(spec_file), address=TOKENLESS, out="/shared/a")
    assert (first.id, first.attached, again.attached) == (again.id, False, True)
    other_place = submit(str(spec_file), address=TOKENLESS, out="/shared/b")
    other_spec = submit(str(spec_file), address=TOKENLESS, out="/shared/a", overrides=["train.steps=7"])
    assert len({first.id, other_place.id, other_spec.id}) == 3
    client.jobs[first.id] = JobStatus.STOPPED
    later = submit(str(spec_file), address=TOKENLESS, out="/shared/a")
    assert (later.attached, later.id) == (False, first.id.removesuffix("-1") + "-2")
    assert len(client.sent) == 4


def test_a_job_is_the_command_with_its_options(client: FakeClient, spec_file: Path) -> None:
    submit(str(spec_file), address=TOKENLESS, out="/shared/a b", overrides=["train.steps=7"], seeds="0:2")
    job = client.sent[0]
    assert job["files"] == ["small.yaml"]
    assert job["entrypoint"] == (
        "python -m seedsweep run small.yaml --address=auto '--out=/shared/a b' --set=train.steps=7 --seeds=0:2"
    )
    assert not [name for name in job["runtime_env"]["env_vars"] if "TOKEN" in name]


def test_nothing_is_sent_if_something_is_wrong(client: FakeClient, spec_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or preset"):
        submit("nowhere.yaml", address=TOKENLESS, out="/shared/a")
    with pytest.raises(InputError, match=r"train.steps"):
        submit(str(spec_file), address=TOKENLESS, out="/shared/a", overrides=["train.steps=-1"])
    with pytest.raises(InputError, match="give an absolute path"):
        submit(str(spec_file), address=TOKENLESS, out="runs/a")
    with pytest.raises(InputError, match="no job of this sweep runs there"):
        submit(str(spec_file), address=TOKENLESS, out="/shared/a", only_find=True)
    write_program(tmp_path / "mine")
    (tmp_path / "mine" / "train.py").unlink()
    with pytest.raises(InputError, match=r"train\.py: no such file"):
        submit(str(tmp_path / "mine/sweep.yaml"), address=TOKENLESS, out="/shared/a")
    assert not client.sent


def test_an_address_of_another_kind_is_refused(spec_file: Path) -> None:
    with pytest.raises(InputError, match="http://HOST:8265"):
        submit(str(spec_file), address="head:6379", out="/shared/a")


def test_of_a_program_goes_along_what_git_would_keep(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    write_program(mine)
    for name in ("lib/helper.py", "data.bin", "runs/old/x.txt", ".secret", "__pycache__/a.pyc"):
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_text("x")
    (mine / ".gitignore").write_text("data.bin\n")
    assert shipped(mine / "sweep.yaml", tmp_path / "a") == {"sweep.yaml", "train.py", "lib/helper.py", "data.bin"}
    subprocess.run(["git", "init", "-q", str(mine)], check=True)
    assert shipped(mine / "sweep.yaml", tmp_path / "b") == {"sweep.yaml", "train.py", "lib/helper.py"}


def test_too_much_data_is_refused(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    write_program(mine)
    with (mine / "data.bin").open("wb") as file:
        file.truncate(101_000_000)
    with pytest.raises(InputError, match=r"holds 101 MB, and 100 MB at most go along"):
        shipped(mine / "sweep.yaml", tmp_path / "a")


def shipped(spec: Path, folder: Path) -> set[str]:
    """What goes along."""
    folder.mkdir()
    pack_up(str(spec), read_spec(spec), folder)
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
