"""`doctor` on projects: each that cannot be listed, with its cause, cost and mend."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from commands.doctor.conftest import Doctor, commands, findings

from job.commands.doctor.finding import Check
from job.commands.doctor.projects import _listed
from job.commands.doctor.roles import print_role
from job.config import Config
from job.connect.principal import service_account
from job.discover.projects import ProjectListing
from job.simulator import Simulator
from job.simulator.hierarchy import LAB, SHOP
from job.simulator.identity import ACCOUNT
from job.tables import Collection

CATEGORY = "projects"


def by_subject(checks: list[Check]) -> dict[str, Check]:
    """Those that a list of clusters or projects made, not those of IAM."""
    found = (check for check in checks if check.category == CATEGORY and check.action != "ask IAM for its permissions")
    return {check.subject: check for check in found}


def test_each_project_has_its_own_cause_and_mend(doctor: Doctor, fleet: Simulator) -> None:
    fleet.fault("shop-staging", "gke_disabled", "clusters", consumer="123456789012")
    found = by_subject(doctor(fleet.configuration))
    assert found["project shop-prod"].message == "4 clusters"

    denied = found["project acquired-company"]
    assert denied.message.startswith('Required "container.clusters.list" permission(s)')
    grant = f"gcloud projects add-iam-policy-binding acquired-company --member=serviceAccount:{ACCOUNT}"
    assert commands(denied) == [
        f"{grant} --role=roles/container.clusterViewer --condition=None",
        "gcloud projects describe acquired-company",
    ]
    assert denied.costs[0].startswith("`clusters`, `node_pools`, `upgrade_info`, `upgrades`, `nodes`, ")
    assert "the rows of all clusters of acquired-company are those of the last reading" in denied.costs[0]

    disabled = found["project shop-staging"]
    assert commands(disabled) == ["gcloud services enable container.googleapis.com --project 123456789012"]

    partial = found["project data-platform"]
    assert "of clusters of data-platform in us-east1-d" in partial.costs[0]
    assert [mend.how for mend in partial.mends] == [
        "wait: GKE could not reach these zones, and the next run lists them again"
    ]


def test_iam_says_what_it_grants_and_its_silence_is_no_finding(doctor: Doctor, fleet: Simulator) -> None:
    def of_iam() -> list[tuple[str, str]]:
        checks = doctor(fleet.configuration, projects=["shop-prod"])
        return [(check.status, check.message) for check in checks if check.action == "ask IAM for its permissions"]

    fleet.grant("container.clusters.list", "container.clusters.get", "container.clusters.connect")
    ((status, message),) = of_iam()
    fleet.grant()
    assert (status, message.partition(";")[0]) == ("ok", "it grants 3 of 36")
    assert message.endswith(
        "RBAC of each cluster decides on container.namespaces.list, container.nodes.list, container.services.list, ..."
    )
    fleet.fault("projects/shop-prod", "node_unavailable", "permissions")
    assert of_iam() == [("skipped", "The service is currently unavailable")]


def test_a_fleet_that_cannot_be_listed_is_a_finding_with_its_roles(doctor: Doctor, fleet: Simulator) -> None:
    attached = {"projects": ["shop-prod"], "attached_clusters": True}
    assert by_subject(doctor(fleet.configuration, **attached))["fleet of shop-prod"].message == "0 attached clusters"
    fleet.fault("shop-prod", "gke_denied", "memberships")
    found = by_subject(doctor(fleet.configuration, **attached))
    assert found["project shop-prod"].status == "ok"
    denied = found["fleet of shop-prod"]
    assert (denied.status, "gkehub.memberships.list" in denied.message) == ("finding", True)
    grant = f"gcloud projects add-iam-policy-binding shop-prod --member=serviceAccount:{ACCOUNT}"
    assert commands(denied)[0].splitlines() == [
        f"{grant} --role=roles/gkehub.viewer --condition=None",
        f"{grant} --role=roles/gkehub.gatewayReader --condition=None",
    ]
    fleet.clear()
    fleet.grant("container.clusters.list", "container.clusters.get", "container.clusters.connect")
    checks = doctor(fleet.configuration, **attached)
    fleet.grant()
    (of_iam,) = [each for each in checks if each.action == "ask IAM for its permissions"]
    assert of_iam.message == "IAM does not grant gkehub.memberships.list or gkehub.gateway.get"


def test_an_unknown_project_and_an_api_that_fails_are_told_apart(doctor: Doctor, fleet: Simulator) -> None:
    fleet.fault("shop-prod", "gke_not_found", "clusters")
    fleet.fault("shop-staging", "gke_unavailable", "clusters")
    projects = {"projects": ["shop-prod", "shop-staging"], "timeouts": {"connect_seconds": 5, "retry_seconds": 0.1}}
    found = by_subject(doctor(fleet.configuration, **projects))
    assert found["project shop-prod"].mends[1].how == "take shop-prod out of `projects`"
    assert "try again later" in found["project shop-staging"].mends[0].how


def test_a_pattern_that_matches_no_cluster_names_the_nearest(doctor: Doctor, fleet: Simulator) -> None:
    keys = {"projects": ["shop-prod"], "clusters": {"include": ["web-1", "batch-9"]}}
    (found,) = findings(doctor(fleet.configuration, **keys), CATEGORY)
    assert found.subject == "clusters.include batch-9"
    assert any("batch-1" in mend.how for mend in found.mends)
    (found,) = findings(doctor(fleet.configuration, **keys | {"clusters": {"include": ["batch-9"]}}), CATEGORY)
    assert found.costs == ("no run reads anything while no pattern matches",)
    keys["clusters"] = {"locations": ["asia-southeast1", "mars-*"]}
    (found,) = findings(doctor(fleet.configuration, **keys), CATEGORY)
    assert (found.subject, found.mends[-1].how) == (
        "clusters.locations mars-*", "take mars-* out of `clusters.locations`",
    )  # fmt: skip
    keys["clusters"] = {"labels": {"team": "nobody"}}
    (found,) = findings(doctor(fleet.configuration, **keys), CATEGORY)
    assert (found.subject, found.mends[0].how) == ("clusters.labels", "change `clusters.labels`")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("BillingDisabled", "gcloud billing projects link shop-prod "),
        ("VpcServiceControls", "gcloud access-context-manager perimeters update "),
        ("QuotaProjectDenied", "--disable-quota-project"),
        ("AccountDisabled", f"gcloud iam service-accounts enable {ACCOUNT}"),
    ],
)
def test_googles_other_refusals_have_a_command_too(reason: str, words: str) -> None:
    counts: dict[str, Any] = dict.fromkeys(
        ("pages", "objects", "unreadable_objects", "bytes", "requests", "retries", "restarts"), 0
    )
    collection = Collection(
        run_id="r", resource="clusters", outcome="forbidden", reason=reason, message="no", started_at=datetime.now(UTC),
        waited_seconds=0, duration_seconds=0, **counts,
    )  # fmt: skip
    (command,) = commands(_listed(ProjectListing("shop-prod", (), collection), service_account(ACCOUNT)))
    assert command is not None
    assert words in command
    if reason == "VpcServiceControls":
        rule = yaml.safe_load(command.partition("<<EOF\n")[2].partition("\nEOF\n")[0])
        assert rule[0]["ingressFrom"]["identities"] == [f"serviceAccount:{ACCOUNT}"]


def test_a_folder_that_may_not_be_listed_has_its_own_mend(doctor: Doctor, fleet: Simulator) -> None:
    fleet.fault(LAB, "node_denied", "projects")
    found = by_subject(doctor(fleet.configuration, projects=[], folders=[SHOP, LAB]))
    assert found[SHOP].message.endswith("projects")
    assert found["project shop-prod"].message == "4 clusters"
    assert found["project shop-billing"].message == "0 clusters"  # its Container API is off, which is no finding
    denied = found[LAB]
    member = f"--member=serviceAccount:{ACCOUNT}"
    grant = f"gcloud resource-manager folders add-iam-policy-binding {LAB.partition('/')[2]} {member}"
    assert commands(denied) == [f"{grant} --role=roles/resourcemanager.folderViewer --condition=None"]
    assert f"of all projects in {LAB}" in denied.costs[0]


def test_a_second_witness_is_a_finding_only_where_it_is_asked_for(doctor: Doctor, fleet: Simulator) -> None:
    subject = f"Cloud Asset Inventory in {SHOP}"
    keys: dict[str, Any] = {"projects": [], "folders": [SHOP]}
    checks = by_subject(doctor(fleet.configuration, **keys))
    assert (checks[subject].status, checks[subject].message) == ("ok", "4 clusters")
    fleet.fault(SHOP, "asset_denied", "cloud_asset_inventory")
    checks = by_subject(doctor(fleet.configuration, **keys))
    assert checks[subject].status == "skipped"
    assert "cloudasset.assets.searchAllResources" in checks[subject].message
    denied = by_subject(doctor(fleet.configuration, **keys, cloud_asset_inventory=True))[subject]
    assert denied.status == "finding"
    grant = f"gcloud resource-manager folders add-iam-policy-binding {SHOP.partition('/')[2]}"
    member = f"--member=serviceAccount:{ACCOUNT} --role=roles/cloudasset.viewer --condition=None"
    assert commands(denied) == [f"{grant} {member}", None]
    fleet.clear()
    fleet.fault(SHOP, "asset_disabled", "cloud_asset_inventory")
    disabled = by_subject(doctor(fleet.configuration, **keys, cloud_asset_inventory=True))[subject]
    assert "gcloud services enable cloudasset.googleapis.com" in str(commands(disabled)[0])


def test_the_role_has_the_permissions_for_folders_and_connect_gateway_where_they_are_configured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    permissions = []
    for config in (Config(projects=("shop-prod",)), Config(folders=("1",), endpoints=("dns", "connect_gateway"))):
        print_role(config, is_for_rbac=False)
        permissions.append(yaml.safe_load(capsys.readouterr().out)["includedPermissions"])
    assert set(permissions[1]) - set(permissions[0]) == {
        "resourcemanager.folders.list",
        "resourcemanager.projects.list",
        "gkehub.gateway.get",
        "cloudasset.assets.searchAllResources",
    }
    print_role(Config(projects=("shop-prod",), attached_clusters=True), is_for_rbac=False)
    of_fleets = set(yaml.safe_load(capsys.readouterr().out)["includedPermissions"]) - set(permissions[0])
    assert of_fleets == {"gkehub.memberships.list", "gkehub.gateway.get"}
    print_role(Config(folders=("1",), cloud_asset_inventory=False), is_for_rbac=False)
    assert "cloudasset" not in capsys.readouterr().out
