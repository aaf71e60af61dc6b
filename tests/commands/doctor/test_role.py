"""The printed IAM role is enough for a run, and `doctor` names each permission of it that is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from commands.doctor.conftest import Doctor, commands
from made import sink_at

from job.commands.doctor.roles import custom_role, switched_on
from job.config import Config
from job.run.one_task import run
from job.simulator import Simulator

pytestmark = pytest.mark.fleet
PERMISSIONS = yaml.safe_load(custom_role(switched_on(Config())))["includedPermissions"]
# a cluster with a public endpoint and one with a DNS endpoint
CLUSTERS: dict[str, Any] = {"projects": ["shop-prod", "shop-staging"], "clusters": {"include": ["web-1", "payments-1"]}}


@pytest.fixture
def granted(fleet: Simulator) -> Iterator[Simulator]:
    """The fleet, in which no cluster has a ClusterRole for the identity."""
    fleet.grant(*PERMISSIONS)
    yield fleet
    fleet.grant()


def test_a_run_with_the_role_alone_is_complete(granted: Simulator, tmp_path: Path) -> None:
    keys = granted.configuration | CLUSTERS | {"sink": sink_at(tmp_path / "x.duckdb")}
    summary = run(msgspec.convert(keys, Config))
    assert (summary.run.status, summary.run.clusters_complete) == ("complete", 2)


@pytest.mark.parametrize("share", [0, *(pytest.param(share, marks=pytest.mark.exhaustive) for share in (1, 2, 3))])
def test_each_permission_that_is_taken_away_is_named_with_its_grant(
    doctor: Doctor, granted: Simulator, share: int
) -> None:
    assert [check.status for check in doctor(granted.configuration, **CLUSTERS)] == ["ok"] * 9
    for missing in PERMISSIONS[share::4]:
        granted.grant(*(permission for permission in PERMISSIONS if permission != missing))
        checks = doctor(granted.configuration, **CLUSTERS)
        found = [check for check in checks if check.status == "finding"]
        if missing == "container.clusters.get":
            assert [check.subject for check in found] == ["project shop-prod", "project shop-staging"]
            assert found[0].message == "IAM does not grant container.clusters.get"
            assert (
                found[0].costs[0].startswith("`upgrade_info`, `upgrades`, `support`: the rows of shop-prod are those")
            )
            assert "--role=roles/container.clusterViewer" in str(commands(found[0])[0])
        elif missing == "container.clusters.list":
            assert [check.subject for check in found][:2] == ["project shop-prod", "project shop-staging"]
            assert all("--role=roles/container.clusterViewer" in str(commands(check)[0]) for check in found[:2])
        elif missing == "container.clusters.connect":
            (one,) = found
            assert one.subject.endswith("/payments-1")
            assert missing in one.message
            assert "--role=roles/container.clusterViewer" in str(commands(one)[0])
        else:
            assert [check.subject.rpartition("/")[2] for check in found] == ["web-1", "payments-1"]
            for check in found:
                assert missing in check.message
                assert f"--add-permissions={missing}\n" in str(commands(check)[0])
