"""The Cloud Run Job's manifest is valid by Google's schema, gcloud's message classes, and rules of our own."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from deploy import gcloud
from deploy.google_api import annotations_of, problems

from job.cli import cli
from job.config import Config, load_config

MANIFEST = Path(__file__).parents[2] / "config/deploy/job.yaml"
_NAMES = {
    "NAME": "gke-inventory",
    "IMAGE": "europe-west1-docker.pkg.dev/ops/x/x:1",
    "JOB_ACCOUNT": "gke-inventory@ops.iam.gserviceaccount.com",
    "GKE_INVENTORY_PROJECTS": "shop-prod,shop-test",
    "GKE_INVENTORY_SINK": "bigquery://ops.gke_inventory?location=EU",
}

# https://cloud.google.com/run/docs/configuring/jobs/memory-limits: CPUs -> the most memory, in MiB
_MOST_MEMORY = {"1": 4096, "2": 8192, "4": 16384, "6": 24576, "8": 32768}


def manifest(*, private: bool = False) -> dict[str, Any]:
    """The manifest with its variables filled in; `private`: with the commented annotations too."""
    text = MANIFEST.read_text()
    if private:
        text = re.sub(
            r"^    # (metadata:|  annotations:|    run\.googleapis\.com/)", r"    \1", text, flags=re.MULTILINE
        )
    return dict(yaml.safe_load(Template(text).substitute(_NAMES)))


def execution(job: dict[str, Any]) -> dict[str, Any]:
    return dict(job["spec"]["template"]["spec"])


def task(job: dict[str, Any]) -> dict[str, Any]:
    return dict(execution(job)["template"]["spec"])


def mebibytes(amount: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", amount).groups()  # type: ignore[union-attr]
    return int(number) * {"Mi": 1, "Gi": 1024}[unit]


@pytest.mark.parametrize("private", [False, True])
def test_google_publishes_every_field_of_it(private: bool) -> None:
    assert problems("run.v1", "Job", manifest(private=private)) == []


def _in_task(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda job: job["spec"]["template"]["spec"]["template"]["spec"].update(fields)


@pytest.mark.parametrize(
    "break_it",
    [
        _in_task(maxRetry=1),
        _in_task(maxRetries="1"),
        _in_task(timeoutSeconds=3600),
        _in_task(volumes=[{"name": "spool", "emptyDir": {"medium": "Memory", "size": "1Gi"}}]),
        lambda job: job["spec"]["template"]["spec"].update(taskCount="ten"),
        lambda job: job["spec"].update(parallelism=1),
    ],
)
def test_the_schema_sees_what_is_wrong(break_it: Callable[[dict[str, Any]], object]) -> None:
    broken = copy.deepcopy(manifest())
    break_it(broken)
    assert len(problems("run.v1", "Job", broken)) == 1


@pytest.mark.skipif(gcloud.root() is None, reason="gcloud is not installed")
@pytest.mark.parametrize("private", [False, True])
def test_gcloud_knows_every_field_of_it(private: bool) -> None:
    job = manifest(private=private)
    assert gcloud.decoded("run.v1", "Job", job) == {"body": job, "unknown": []}


@pytest.mark.skipif(gcloud.root() is None, reason="gcloud is not installed")
def test_gcloud_sees_what_it_does_not_know() -> None:
    job = manifest()
    _in_task(maxRetry=1)(job)
    (unknown,) = gcloud.decoded("run.v1", "Job", job)["unknown"]
    assert "maxRetry" in unknown


def test_it_is_the_kind_that_gcloud_replaces() -> None:
    job = manifest()
    assert (job["apiVersion"], job["kind"]) == ("run.googleapis.com/v1", "Job")
    assert re.fullmatch(r"[a-z][a-z0-9-]{0,48}[a-z0-9]", job["metadata"]["name"])


def test_its_annotations_are_ones_that_cloud_run_reads_there() -> None:
    job = manifest(private=True)
    assert set(job["metadata"].get("annotations", {})) <= annotations_of("run.v1", "Job")
    found = job["spec"]["template"]["metadata"]["annotations"]
    assert set(found) == {"run.googleapis.com/network-interfaces", "run.googleapis.com/vpc-access-egress"}
    assert set(found) <= annotations_of("run.v1", "Execution")
    assert found["run.googleapis.com/vpc-access-egress"] in ("private-ranges-only", "all-traffic")
    (interface,) = yaml.safe_load(found["run.googleapis.com/network-interfaces"])
    assert set(interface) == {"network", "subnetwork"}
    assert "metadata" not in manifest()["spec"]["template"]


def test_its_numbers_are_within_cloud_runs_ranges() -> None:
    job = manifest()
    assert 1 <= execution(job)["parallelism"] <= execution(job)["taskCount"] <= 10_000
    assert 0 <= task(job)["maxRetries"] <= 10
    assert 1 <= int(task(job)["timeoutSeconds"]) <= 168 * 3600
    (container,) = task(job)["containers"]
    limits = container["resources"]["limits"]
    assert all(isinstance(limit, str) for limit in limits.values())
    assert 512 <= mebibytes(limits["memory"]) <= _MOST_MEMORY[limits["cpu"]]


def test_the_spool_is_bounded_and_leaves_memory_to_the_job() -> None:
    (container,) = task(manifest())["containers"]
    (spool,) = (volume for volume in task(manifest())["volumes"] if "emptyDir" in volume)
    assert spool["emptyDir"]["medium"] == "Memory"
    left = mebibytes(container["resources"]["limits"]["memory"]) - mebibytes(spool["emptyDir"]["sizeLimit"])
    assert left >= 512
    assert {"name": spool["name"], "mountPath": "/spool"} in container["volumeMounts"]
    assert {"name": "TMPDIR", "value": "/spool"} in container["env"]


def test_its_variables_are_the_whole_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    (container,) = task(manifest())["containers"]
    for variable in container["env"]:
        monkeypatch.setenv(variable["name"], variable["value"])
    assert load_config() == Config(
        projects=("shop-prod", "shop-test"), sink="bigquery://ops.gke_inventory?location=EU"
    )  # fmt: skip
    assert [variable["name"] for variable in container["env"]] == [
        "GKE_INVENTORY_PROJECTS", "GKE_INVENTORY_SINK", "TMPDIR",
    ]  # fmt: skip


def test_it_mounts_what_it_declares_and_no_secret() -> None:
    (container,) = task(manifest())["containers"]
    assert [volume["name"] for volume in task(manifest())["volumes"]] == ["spool"]
    assert [mount["name"] for mount in container["volumeMounts"]] == ["spool"]


def test_its_arguments_are_a_command() -> None:
    (container,) = task(manifest())["containers"]
    assert CliRunner().invoke(cli, [*container["args"], "--help"]).exit_code == 0
