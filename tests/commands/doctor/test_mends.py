"""What `doctor` tells a person to enter: bash runs all of it, and gcloud's own parser accepts every command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from deploy import gcloud
from google.oauth2.credentials import Credentials

from job.commands.doctor.credentials import _may_impersonate
from job.commands.doctor.finding import Mend, commands_in
from job.commands.doctor.network import mends_of_endpoint, mends_of_status
from job.commands.doctor.projects import _listed, may_list_clusters
from job.commands.doctor.rights import mends_of_rights
from job.commands.doctor.sink import _mends_of_bigquery
from job.connect.endpoints import Endpoint
from job.connect.google_errors import refusal
from job.connect.identity import Identity
from job.connect.principal import Principal, principal, service_account
from job.discover.projects import ProjectListing
from job.discover.selection import Target
from job.errors import SinkError
from job.kinds import KINDS
from job.sinks.bigquery import BigQuerySink
from job.tables import Collection
from job.wire import gke
from job.wire.rpc import GoogleError

ROBOT = service_account("robot@ops-project.iam.gserviceaccount.com")
LOGIN = principal(Credentials("token"))
TARGET = Target(
    "shop-prod",
    gke.Cluster(
        name="web", location="europe-west1-b", network="default", subnetwork="default",
        master_authorized_networks_config=gke.AuthorizedNetworks(True, [gke.CidrBlock("192.0.2.0/24")]),
    ),
)  # fmt: skip
_RECORDER = """\
#!{python}
import json, os, sys
words = sys.argv[1:]
stdin = sys.stdin.read() if "-" in words else ""
with open({log!r}, "a") as log:
    log.write(json.dumps([os.path.basename(sys.argv[0]), words, stdin]) + "\\n")
if words[:2] == ["config", "get"]:
    print("me@example.com")
if words[:2] == ["projects", "describe"]:
    print("123456789012")
if "curl" in sys.argv[0]:
    print("198.51.100.7")
sys.exit(words[:3] == ["iam", "roles", "create"])
"""


def of_project(reason: str, who: Principal) -> list[Mend]:
    counts: dict[str, Any] = dict.fromkeys(
        ("pages", "objects", "unreadable_objects", "bytes", "requests", "retries", "restarts"), 0
    )
    collection = Collection(
        run_id="r", resource="clusters", outcome="forbidden", reason=reason, message="no", started_at=datetime.now(UTC),
        waited_seconds=0, duration_seconds=0, **counts,
    )  # fmt: skip
    return list(_listed(ProjectListing("shop-prod", (), collection), who).mends)


def all_mends() -> list[Mend]:
    """Those of each cause, for a service account and for a login whose name is not known."""
    found: list[Mend] = [*mends_of_status(TARGET)]
    sink = BigQuerySink(
        "ops-project", "inventory", "EU", lambda: Identity(Credentials("token")), options=None,  # type: ignore[arg-type]
        endpoint=None, timeout_seconds=1, overlap_seconds=1,
    )  # fmt: skip
    denied = SinkError("Access Denied; grant roles/bigquery.dataEditor on the dataset")
    denied.__cause__ = type("Forbidden", (Exception,), {"code": 403})()
    off = GoogleError("off", reason="SERVICE_DISABLED", metadata={"consumer": "projects/123456789012"})
    for who in (ROBOT, LOGIN):
        for reason in ("PERMISSION_DENIED", "BillingDisabled", "VpcServiceControls", "QuotaProjectDenied"):
            found += of_project(reason, who)
        for kind in ("public", "private", "dns"):
            for reason in ("ConnectTimeout", "ExternalTrafficDisabled", "NameResolution", "Certificate", "Proxy"):
                found += mends_of_endpoint(TARGET, Endpoint(kind, "192.0.2.1"), reason, who)
            refused = 'User "inventory@example.com" cannot list resource "pods"'
            found += mends_of_rights(TARGET, Endpoint(kind, "192.0.2.1"), who, KINDS, KINDS[:2], refused)
        found += [may_list_clusters("shop-prod", who), _may_impersonate(who, ROBOT.name)]
        found += _mends_of_bigquery(sink, denied, who)
    return [*found, *of_project("AccountDisabled", ROBOT), *commands_in(refusal(off).message)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where bash runs them."""
    return tmp_path_factory.mktemp("recorded")


@pytest.fixture(scope="module")
def entered(folder: Path) -> list[tuple[str, list[str], str]]:
    """Every command that bash runs of them: the program, its arguments and its stdin."""
    log = folder / "log"
    for name in ("gcloud", "bq", "kubectl", "curl", "openssl", "nslookup"):
        (folder / name).write_text(_RECORDER.format(python=sys.executable, log=str(log)))
        (folder / name).chmod(0o755)
    lines = dict.fromkeys(mend.command for mend in all_mends() if mend.command)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder), "NO_PROXY": ""}
    done = subprocess.run(
        ["bash", "-eu", "-c", "\n".join(lines)], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=120, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rule = yaml.safe_load((folder / "ingress.yaml").read_text())[0]
    assert rule["ingressTo"]["resources"] == ["projects/123456789012"]
    assert rule["ingressFrom"]["identities"] == ["user:me@example.com"]  # of the login, which came last
    return [tuple(json.loads(line)) for line in log.read_text().splitlines()]


@pytest.mark.skipif(gcloud.root() is None, reason="gcloud is not installed")
def test_gcloud_accepts_every_command(
    entered: list[tuple[str, list[str], str]], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)  # the file that a command names
    ours = [(words, stdin) for program, words, stdin in entered if program == "gcloud"]
    assert len(ours) > 30
    for (words, _), why in zip(ours, gcloud.refusals(ours), strict=True):
        assert why is None, f"gcloud {' '.join(words)}\n{why}"


def test_each_grant_is_for_the_very_identity(entered: list[tuple[str, list[str], str]]) -> None:
    members = {
        word for program, words, _ in entered for word in words if program == "gcloud" and word.startswith("--member=")
    }
    assert members == {f"--member=serviceAccount:{ROBOT.name}", "--member=user:me@example.com"}
    granted = {words[-1] for program, words, _ in entered if program == "bq"}
    grant = "GRANT `roles/bigquery.dataEditor` ON SCHEMA `ops-project.inventory` TO"
    assert granted == {f"{grant} 'serviceAccount:{ROBOT.name}'", f"{grant} 'user:me@example.com'"}
    applied = [list(yaml.safe_load_all(stdin)) for program, _, stdin in entered if program == "kubectl"]
    assert {binding["subjects"][0]["name"] for _, binding in applied} == {"inventory@example.com"}
    networks = {
        word.partition("=")[2]
        for _, words, _ in entered
        for word in words
        if word.startswith("--master-authorized-networks=")
    }
    assert networks == {"192.0.2.0/24,198.51.100.7/32"}


@pytest.mark.parametrize(
    "sent",
    [
        GoogleError("run `gcloud projects delete shop-prod; touch x`"),
        GoogleError("off", reason="SERVICE_DISABLED", metadata={"service": "x;touch x", "consumer": "projects/$(y)"}),
        GoogleError("enable it: `gcloud services enable $(touch x).googleapis.com --project p`"),
        GoogleError("enable it: `gcloud services enable compute.googleapis.com --project shop-prod`"),
    ],
)
def test_no_command_is_one_that_a_server_has_written(sent: GoogleError) -> None:
    ours = "gcloud services enable container.googleapis.com --project PROJECT"
    message = refusal(sent).message
    assert [mend.command for mend in commands_in(message)] == ([ours] if sent.reason else [])
    assert "touch" not in "".join(message.split("`")[1::2])


@pytest.mark.parametrize(
    ("location", "region"),
    [("europe-west1", "europe-west1"), ("europe-west1-b", "europe-west1"), ("u-france-east1-b", "u-france-east1")],
)
def test_a_job_inside_the_network_is_in_the_clusters_region(location: str, region: str) -> None:
    target = TARGET._replace(cluster=msgspec.structs.replace(TARGET.cluster, location=location))
    found = mends_of_endpoint(target, Endpoint("private", "192.0.2.1"), "NoRoute", ROBOT)
    assert f"--region={region} " in "".join(mend.command or "" for mend in found)
