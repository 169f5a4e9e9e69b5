"""The files that bring up clusters: valid by what reads them, with a token everywhere, in the tests' versions."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.autoscaler._private.util import prepare_config, validate_config
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
LAUNCHER = ("cluster.yaml", "deploy/on-premises/cluster.yaml")
KUBERAY = ("raycluster.yaml", "rayjob.yaml")
SLURM = ROOT / "deploy" / "slurm" / "sweep.sbatch"
KUBERNETES = "1.33"
"""Whose schema the pods are held to."""

CLUSTER_FIELDS = {
    *("authOptions", "autoscalerOptions", "enableInTreeAutoscaling", "headGroupSpec", "rayVersion", "suspend"),
    *("workerGroupSpecs", "gcsFaultToleranceOptions", "headServiceAnnotations", "managedBy", "upgradeStrategy"),
}
HEAD_FIELDS = {"rayStartParams", "template", "serviceType", "headService", "enableIngress"}
WORKER_FIELDS = {
    *("groupName", "replicas", "minReplicas", "maxReplicas", "numOfHosts", "rayStartParams", "template"),
    *("scaleStrategy", "suspend", "idleTimeoutSeconds"),
}
JOB_FIELDS = {
    *("activeDeadlineSeconds", "backoffLimit", "clusterSelector", "entrypoint", "entrypointNumCpus", "jobId"),
    *("metadata", "rayClusterSpec", "runtimeEnvYAML", "shutdownAfterJobFinishes", "submissionMode", "suspend"),
    *("submitterConfig", "submitterPodTemplate", "ttlSecondsAfterFinished", "managedBy", "deletionStrategy"),
}
"""What KubeRay's types (ray-operator/apis/ray/v1) name: it drops other fields without a word."""


def read(path: str) -> Any:
    return YAML(typ="safe", pure=True).load(ROOT / path)


@pytest.mark.parametrize("path", LAUNCHER)
def test_the_launchers_files_are_valid_by_rays_own_schema(path: str) -> None:
    validate_config(prepare_config(read(path)))


@pytest.mark.parametrize("path", LAUNCHER)
def test_no_launched_node_comes_up_without_the_token(path: str) -> None:
    config = read(path)
    for part in ("head_start_ray_commands", "worker_start_ray_commands"):
        starts = [command for command in config[part] if "ray start" in command]
        assert starts
        for command in starts:
            assert "RAY_AUTH_MODE=token" in command.partition("ray start")[0], command
    assert config["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert any("0.0.0.0" in command for part in config.values() for command in strings(part)) is False
    assert any("-c ~/constraints.txt" in command for command in config["setup_commands"])


def test_what_a_file_of_the_launcher_mounts_is_there() -> None:
    for path in LAUNCHER:
        for source in read(path)["file_mounts"].values():
            assert source.startswith("~") or (ROOT / source).exists()


@pytest.mark.parametrize("name", KUBERAY)
def test_kuberays_files_name_fields_that_it_knows(name: str) -> None:
    resource = read(f"deploy/kuberay/{name}")
    assert resource["apiVersion"] == "ray.io/v1"
    if name == "rayjob.yaml":
        assert resource["kind"] == "RayJob"
        assert set(resource["spec"]) <= JOB_FIELDS
    cluster = cluster_of(resource)
    assert set(cluster) <= CLUSTER_FIELDS
    assert set(cluster["headGroupSpec"]) <= HEAD_FIELDS
    for group in cluster["workerGroupSpecs"]:
        assert set(group) <= WORKER_FIELDS
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


@pytest.mark.parametrize("name", KUBERAY)
def test_their_pods_are_valid_by_kubernetes_schema(name: str) -> None:
    for template in templates(read(f"deploy/kuberay/{name}")):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": template["spec"]}
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)
    wrong = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod"},
        "spec": {"containers": [{"nme": "x"}]},
    }
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)


def test_the_shared_disk_is_valid_and_is_what_the_pods_mount() -> None:
    claim = read("deploy/kuberay/store.yaml")
    kubernetes_validate.validate(claim, KUBERNETES, strict=True)
    for name in KUBERAY:
        for template in templates(read(f"deploy/kuberay/{name}")):
            claims = [volume.get("persistentVolumeClaim") for volume in template["spec"]["volumes"]]
            assert {"claimName": claim["metadata"]["name"]} in claims
            volumes = {volume["name"] for volume in template["spec"]["volumes"]}
            for container in template["spec"]["containers"]:
                assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


@pytest.mark.parametrize("name", KUBERAY)
def test_rays_autoscaler_reads_kuberays_files(name: str) -> None:
    cluster = cluster_of(read(f"deploy/kuberay/{name}"))
    config = _derive_autoscaling_config_from_ray_cr(
        {"metadata": {"name": "seedsweep", "namespace": "default"}, "spec": cluster}
    )
    validate_config(config)
    assert config["available_node_types"]["headgroup"]["resources"]["CPU"] == 0
    assert (
        config["available_node_types"]["gpu"]["resources"] | {"GPU": 1, "CPU": 4}
        == (config["available_node_types"]["gpu"]["resources"])
    )


@pytest.mark.parametrize("name", KUBERAY)
def test_no_pod_comes_up_without_the_token(name: str) -> None:
    resource = read(f"deploy/kuberay/{name}")
    assert cluster_of(resource)["authOptions"] == {"mode": "token"}
    for template in templates(resource):
        for container in template["spec"]["containers"]:
            assert {"name": "RAY_AUTH_MODE", "value": "token"} in container["env"]


def test_versions_are_those_of_the_tests() -> None:
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    image = (ROOT / "deploy" / "kuberay" / "Dockerfile").read_text()
    assert f"FROM rayproject/ray:{pins['ray']}-" in image
    for name in KUBERAY:
        resource = read(f"deploy/kuberay/{name}")
        assert cluster_of(resource)["rayVersion"] == pins["ray"]
        images = {c["image"] for template in templates(resource) for c in template["spec"]["containers"]}
        assert images == set(re.findall(r"-t (\S+)", image))


def test_slurms_script_is_sound() -> None:
    subprocess.run([Path(sys.executable).with_name("shellcheck"), "--severity=warning", str(SLURM)], check=True)
    text = SLURM.read_text()
    assert "set -euo pipefail" in text
    assert {"--requeue", "--signal=B:TERM@60"} <= set(re.findall(r"^#SBATCH (\S+)$", text, re.MULTILINE))
    assert text.index("RAY_AUTH_MODE=token") < text.index("\nray start")


FAKES = {
    "ray": "if [[ $1 = start ]]; then exec sleep 600; fi",
    "python": """\
trap 'kill $!; exit 130' TERM
sleep 600 &
echo "driver $@ mode=$RAY_AUTH_MODE token=${#RAY_AUTH_TOKEN}"
wait $!""",
    "scontrol": 'echo "scontrol $@"',
    "hostname": "echo 127.0.0.1",
}
"""Commands that the script calls, and what stands for them."""


def test_slurms_script_passes_the_signal_on_and_goes_back_to_the_queue(tmp_path: Path) -> None:
    for name, body in FAKES.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)
    surroundings = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NUM_NODES": "1",
        "SLURM_CPUS_PER_TASK": "2",
    }
    command = ["bash", str(SLURM), "mine.yaml", "--out", "/shared/a b"]
    called = "-m seedsweep run mine.yaml --out /shared/a b --address 127.0.0.1:20021"
    with subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        said = job.stdout.readline()
        job.terminate()
        rest, _ = job.communicate(timeout=60)
    # Signs that base64 has and a token may not have are left out: how many there are is chance.
    assert re.fullmatch(rf"driver {called} mode=token token=[34]\d\n", said)
    assert rest.splitlines()[-1] == "scontrol requeue 7"
    assert job.returncode == 130


def cluster_of(resource: Mapping[str, Any]) -> Any:
    """The spec of a RayCluster, or of the one of a RayJob."""
    return resource["spec"].get("rayClusterSpec", resource["spec"])


def templates(resource: Mapping[str, Any]) -> Iterator[Any]:
    """Of all its pods."""
    cluster = cluster_of(resource)
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        yield group["template"]


def strings(given: Any) -> Iterator[str]:
    """All texts in a value."""
    if isinstance(given, str):
        yield given
    elif isinstance(given, Mapping):
        for value in given.values():
            yield from strings(value)
    elif isinstance(given, list):
        for value in given:
            yield from strings(value)
