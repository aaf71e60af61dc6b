"""Who manages a workload: the columns `managed_by`, `managed_by_name`, `managed_by_key` and `field_managers`."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from job.kinds.deployments import KIND
from job.kinds.parts.managed_by import managed_by
from job.kinds.parts.owners import Owners
from job.kinds.parts.scope import Scope
from job.wire.meta import ManagedFieldsEntry, ManagedMeta

TRACKING, SYNCED = "argocd.argoproj.io/tracking-id", "configmanagement.gke.io/managed"
MANAGER, RESOURCE_ID = "configsync.gke.io/manager", "configsync.gke.io/resource-id"
RELEASE, LABEL, INSTANCE = "meta.helm.sh/release-name", "app.kubernetes.io/managed-by", "app.kubernetes.io/instance"
KUSTOMIZE, HELM = "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io"
OWN, OWN_ID = "shop:apps/Deployment:prod/web", "apps_deployment_prod_web"


def found(
    labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None, *managers: str
) -> tuple[Any, ...]:
    metadata = ManagedMeta(
        name="web",
        uid="1",
        namespace="prod",
        labels=labels,
        annotations=annotations,
        managed_fields=[ManagedFieldsEntry(manager=manager) for manager in managers],
    )
    columns = managed_by(metadata, "apps", "Deployment")
    return tuple(columns.get(name) for name in ("managed_by", "managed_by_name", "managed_by_key"))


@pytest.mark.parametrize(
    ("labels", "annotations", "managers", "expected"),
    [
        ({}, {TRACKING: OWN}, ["argocd-controller"], ("argocd", "shop", TRACKING)),
        ({}, {TRACKING: "argocd_shop:apps/Deployment:prod/web"}, [], ("argocd", "argocd_shop", TRACKING)),
        ({"argocd.argoproj.io/instance": "shop"}, {}, [], ("argocd", "shop", "argocd.argoproj.io/instance")),
        ({INSTANCE: "shop"}, {}, ["argocd-controller"], ("argocd", "shop", INSTANCE)),
        ({}, {}, ["argocd-controller", "kubectl-edit"], ("argocd", None, "managedFields")),
        ({INSTANCE: "shop"}, {}, [], (None, None, None)),
        ({f"{KUSTOMIZE}/name": "apps", f"{KUSTOMIZE}/namespace": "flux-system"}, {}, [],
         ("flux", "flux-system/apps", f"{KUSTOMIZE}/name")),
        ({f"{HELM}/name": "shop", f"{HELM}/namespace": "prod", LABEL: "Helm"}, {RELEASE: "x"}, ["helm-controller"],
         ("flux", "prod/shop", f"{HELM}/name")),
        ({}, {SYNCED: "enabled", MANAGER: ":root", RESOURCE_ID: OWN_ID}, [], ("config_sync", "root-sync", MANAGER)),
        ({}, {SYNCED: "enabled", MANAGER: ":root_shop", RESOURCE_ID: OWN_ID}, [], ("config_sync", "shop", MANAGER)),
        ({}, {SYNCED: "enabled", MANAGER: "prod_shop"}, [], ("config_sync", "prod/shop", MANAGER)),
        ({}, {SYNCED: "enabled", MANAGER: "prod"}, [], ("config_sync", "prod/repo-sync", MANAGER)),
        ({}, {SYNCED: "enabled"}, [], ("config_sync", None, SYNCED)),
        ({}, {SYNCED: "disabled", MANAGER: "prod"}, [], (None, None, None)),
        ({"addonmanager.kubernetes.io/mode": "Reconcile"}, {}, ["kubectl"],
         ("gke", None, "addonmanager.kubernetes.io/mode")),
        ({LABEL: "Helm", INSTANCE: "other"}, {RELEASE: "shop"}, ["helm"], ("helm", "shop", RELEASE)),
        ({LABEL: "Helm", INSTANCE: "shop"}, {}, ["kubectl"], ("helm", "shop", LABEL)),
        ({LABEL: "configmanagement.gke.io"}, {}, [], ("config_sync", None, LABEL)),
        ({LABEL: "Strimzi-Cluster-Operator"}, {}, [], ("strimzi-cluster-operator", None, LABEL)),
        ({}, {}, ["kubectl-client-side-apply", "Terraform"], ("terraform", None, "managedFields")),
        ({}, {}, ["HashiCorp"], ("terraform", None, "managedFields")),
        ({}, {}, ["pulumi-kubernetes-1f2e"], ("pulumi", None, "managedFields")),
        ({}, {}, ["kubectl-client-side-apply"], ("kubectl", None, "managedFields")),
        ({}, {}, ["kubectlish", "shop-bot"], (None, None, None)),
        ({}, {}, ["GoogleCloudConsole"], ("console", None, "managedFields")),
    ],
)  # fmt: skip
def test_the_strongest_sign_says_what_manages_a_workload(
    labels: dict[str, str], annotations: dict[str, str], managers: list[str], expected: tuple[Any, ...]
) -> None:
    assert found(labels, annotations, *managers) == expected


def test_an_annotation_that_was_copied_from_another_object_says_nothing() -> None:
    assert found({}, {TRACKING: "shop:apps/Deployment:prod/other"}) == (None, None, None)
    assert found({}, {TRACKING: "shop:apps/ReplicaSet:prod/web"}) == (None, None, None)
    assert found({}, {SYNCED: "enabled", RESOURCE_ID: "apps_deployment_prod_other"}) == (None, None, None)


@pytest.mark.parametrize("value", ["CANARY " + "x" * 9, "CANARY\n", "CANARY" * 100, "CANARY$(x)", "", "CANARY é"])
def test_only_a_valid_name_leaves_an_annotation_or_a_label(value: str) -> None:
    named = {
        "labels": {
            "argocd.argoproj.io/instance": value, f"{KUSTOMIZE}/name": value, f"{KUSTOMIZE}/namespace": value,
            LABEL: value, INSTANCE: value,
        },
        "annotations": {
            TRACKING: f"{value}:apps/Deployment:prod/web", SYNCED: "enabled", MANAGER: f"{value}_{value}",
            RELEASE: value,
        },
    }  # fmt: skip
    for labels, notes in [
        (named["labels"], named["annotations"]),
        *(({key: value}, {}) for key, value in named["labels"].items()),
        *(({}, {SYNCED: "enabled", key: value}) for key, value in named["annotations"].items()),
        *(({}, {key: value}) for key, value in named["annotations"].items()),
    ]:
        assert "CANARY" not in json.dumps(found(labels, notes, "kubectl")).upper()


def test_field_managers_are_names_alone_bounded_and_without_those_of_a_status() -> None:
    fields = {'k:{"name":"CANARY-list-key"}': {"v:CANARY-value": {}}}
    entries = [
        {"manager": manager, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": fields, **more}
        for manager, more in [
            ("kubectl-edit", {}), ("Terraform", {}), ("Terraform", {"subresource": "scale"}),
            ("kube-controller-manager", {"subresource": "status"}), ("CANARY manager", {}), ("C" * 129, {}), ("", {}),
        ]
    ]  # fmt: skip
    body = {"metadata": {"name": "web", "uid": "1", "managedFields": [*entries, {"operation": "Apply"}]}}
    (row,) = KIND.rows(msgspec.json.decode(json.dumps(body), type=KIND.item), Scope(Owners()))
    assert msgspec.to_builtins(row)["field_managers"] == ("Terraform", "kubectl-edit")
    assert "CANARY" not in msgspec.json.encode(row).decode()
    many = [{"manager": f"m{number:03}"} for number in range(99)]
    body = {"metadata": {"name": "web", "uid": "1", "managedFields": many}}
    (row,) = KIND.rows(msgspec.json.decode(json.dumps(body), type=KIND.item), Scope(Owners()))
    assert msgspec.to_builtins(row)["field_managers"] == tuple(f"m{number:03}" for number in range(20))
