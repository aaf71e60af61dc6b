"""The roles grant exactly what the job lists in clusters and calls in the GKE API."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml
from deploy.google_api import problems
from replay import recording

from job.commands.doctor.roles import cluster_role, print_role
from job.config import Config, Identity
from job.config_identity import ProjectIdentity
from job.errors import ConfigError
from job.kinds import KINDS

DEPLOY = Path(__file__).parents[2] / "config/deploy"
_ACCOUNT = "gke-inventory@ops.iam.gserviceaccount.com"


def documents() -> list[dict[str, Any]]:
    text = Template((DEPLOY / "clusterrole.yaml").read_text()).substitute(JOB_ACCOUNT=_ACCOUNT)
    return list(yaml.safe_load_all(text))


def rules_of_the_kinds() -> list[dict[str, Any]]:
    """The rules that the kinds need: one for each API group, each resource by name."""
    groups: dict[str, list[str]] = {}
    for kind in KINDS:
        if not kind.default:
            continue
        parts = kind.path.split("/")  # ["", "api", VERSION, ...] or ["", "apis", GROUP, VERSION, ...]
        groups.setdefault("" if parts[1] == "api" else parts[2], []).append(parts[-1])
    return [
        {"apiGroups": [group], "resources": sorted(resources), "verbs": ["get", "list"]}
        for group, resources in sorted(groups.items())
    ]


def served() -> dict[str, dict[str, set[str]]]:
    """What a real API server serves: group -> resource -> verbs."""
    found: dict[str, dict[str, set[str]]] = {}
    for name in ("discovery.aggregated.core", "discovery.aggregated.apis"):
        for group in json.loads(recording(name)["response"]["body"])["items"]:
            resources = found.setdefault(group["metadata"].get("name", ""), {})
            for version in group["versions"]:
                for resource in version.get("resources", []):
                    resources[resource["resource"]] = set(resource["verbs"])
    return found


def test_the_cluster_role_names_what_is_listed_and_nothing_else() -> None:
    role = documents()[0]
    wanted = rules_of_the_kinds()
    assert role["rules"] == wanted, f"clusterrole.yaml should have:\n{yaml.safe_dump(wanted, sort_keys=False)}"


def test_a_real_api_server_serves_what_the_role_names_with_those_verbs() -> None:
    there = served()
    optional = {kind.resource for kind in KINDS if kind.optional}
    for rule in documents()[0]["rules"]:
        (group,) = rule["apiGroups"]
        for resource in set(rule["resources"]) - optional:
            assert set(rule["verbs"]) <= there[group][resource], f"{group}/{resource}"


def test_a_rule_has_members_that_a_real_api_server_returns() -> None:
    rules = json.loads(recording("review.viewer.rules")["response"]["body"])["status"]["resourceRules"]
    members = set().union(*rules)
    for rule in documents()[0]["rules"]:
        assert set(rule) <= members
        assert all(isinstance(rule[member], list) for member in rule)


def test_the_binding_gives_the_role_to_the_jobs_account_as_a_user() -> None:
    role, binding = documents()
    assert (role["kind"], binding["kind"]) == ("ClusterRole", "ClusterRoleBinding")
    assert {document["apiVersion"] for document in documents()} == {"rbac.authorization.k8s.io/v1"}
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role["metadata"]["name"]
    }  # fmt: skip
    assert binding["subjects"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": _ACCOUNT}]


def test_no_rule_opens_secrets_or_writes() -> None:
    for rule in documents()[0]["rules"]:
        assert not {"*", "secrets"} & {*rule["resources"], *rule["apiGroups"]}
        assert set(rule["verbs"]) <= {"get", "list"}


def test_the_iam_role_has_the_permissions_of_the_gke_api_and_one_for_each_kind() -> None:
    role = yaml.safe_load((DEPLOY / "role.yaml").read_text())
    assert problems("iam.v1", "Role", role) == []
    assert 0 < len(role["title"]) <= 100  # only prose in the schema
    assert len(role["description"]) <= 300
    # https://cloud.google.com/iam/docs/roles-permissions/container has these names
    camel_case = {
        "apiservices": "apiServices", "clusterrolebindings": "clusterRoleBindings", "clusterroles": "clusterRoles",
        "configmaps": "configMaps", "cronjobs": "cronJobs", "customresourcedefinitions": "customResourceDefinitions",
        "daemonsets": "daemonSets", "limitranges": "limitRanges",
        "mutatingwebhookconfigurations": "mutatingWebhookConfigurations", "priorityclasses": "priorityClasses",
        "replicasets": "replicaSets", "resourcequotas": "resourceQuotas", "rolebindings": "roleBindings",
        "runtimeclasses": "runtimeClasses", "serviceaccounts": "serviceAccounts", "statefulsets": "statefulSets",
        "validatingwebhookconfigurations": "validatingWebhookConfigurations", "csidrivers": "csiDrivers",
        "horizontalpodautoscalers": "horizontalPodAutoscalers", "networkpolicies": "networkPolicies",
        "persistentvolumeclaims": "persistentVolumeClaims", "persistentvolumes": "persistentVolumes",
        "poddisruptionbudgets": "podDisruptionBudgets",
        "storageclasses": "storageClasses", "gateways": "thirdPartyObjects", "httproutes": "thirdPartyObjects",
        "verticalpodautoscalers": "thirdPartyObjects", "resourceclaims": "thirdPartyObjects",
    }  # fmt: skip
    names = [camel_case.get(kind.resource, kind.resource) for kind in KINDS if kind.default]
    listed = dict.fromkeys(f"container.{name}.list" for name in names)
    assert role["includedPermissions"] == [
        "container.clusters.list", "container.clusters.get", "container.clusters.connect", *listed
    ]  # fmt: skip


def printed(config: Config, capsys: pytest.CaptureFixture[str], *, is_for_rbac: bool) -> str:
    print_role(config, is_for_rbac=is_for_rbac)
    return capsys.readouterr().out


def test_the_files_are_what_doctor_prints_for_all_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    for name, is_for_rbac in (("role.yaml", False), ("clusterrole.yaml", True)):
        text = printed(Config(), capsys, is_for_rbac=is_for_rbac)
        assert (DEPLOY / name).read_text() == text, f"{name} should be:\n{text}"


def test_a_kind_that_is_off_is_in_no_role_and_the_account_is_that_of_the_configuration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    off = {kind.resource: False for kind in KINDS if kind.resource not in ("pods", "cronjobs")}
    config = Config(kinds=off, identity=Identity(impersonate_service_account=_ACCOUNT))
    role = yaml.safe_load(printed(config, capsys, is_for_rbac=False))
    assert role["includedPermissions"][3:] == ["container.cronJobs.list", "container.pods.list"]
    cluster_role, binding = yaml.safe_load_all(printed(config, capsys, is_for_rbac=True))
    assert [rule["resources"] for rule in cluster_role["rules"]] == [["pods"], ["cronjobs"]]
    assert [subject["name"] for subject in binding["subjects"]] == [_ACCOUNT]
    own = [ProjectIdentity(projects=(name,), impersonate_service_account=account) for name, account in (
        ("a", "own@a.example"), ("b", _ACCOUNT), ("c", None),
    )]  # fmt: skip
    config = Config(kinds=off, identity=Identity(by_project=tuple(own)))
    _, binding = yaml.safe_load_all(printed(config, capsys, is_for_rbac=True))
    assert [subject["name"] for subject in binding["subjects"]] == ["${JOB_ACCOUNT}", "own@a.example", _ACCOUNT]
    with pytest.raises(ConfigError, match="unknown kind 'podz'; did you mean `pods`"):
        print_role(Config(kinds={"podz": True}), is_for_rbac=False)


@pytest.mark.parametrize("user", ["a@b.example", "system:x", "true", "a: b\n- c", "#x", "*", "o'k \u2028"])
def test_any_user_is_bound_by_its_own_name(user: str) -> None:
    _, binding = yaml.safe_load_all(cluster_role(KINDS, [user]))
    assert binding["subjects"][0]["name"] == user
