"""The view `deprecated_api_uses` and its function `breaks_at`."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from engines import NOW, Warehouse
from warehouse import FIRST, Read, gke_cluster, run_of, workload

from job.tables import (
    Autoscaler,
    CustomResourceDefinition,
    DefinedVersion,
    DisruptionBudget,
    Ingress,
    Namespace,
    Object,
    ResourceClaim,
    RuntimeClass,
)
from job.tables.record import KeyValue, OtherApiVersion

LATER = FIRST + timedelta(minutes=5)


def by(manager: str, api_version: str) -> OtherApiVersion:
    return OtherApiVersion(
        api_version=api_version, source="managedFields", field_manager=manager, operation="Update", written_at=LATER
    )


def applied(api_version: str) -> OtherApiVersion:
    return OtherApiVersion(api_version=api_version, source="last-applied")


def team(name: str) -> tuple[KeyValue, ...]:
    return (KeyValue(key="team", value=name),)


def rollout(name: str, *others: OtherApiVersion) -> Object:
    return Object(
        resource="rollouts.argoproj.io", kind="Rollout", api_group="argoproj.io", api_version="argoproj.io/v1",
        namespace="default", name=name, uid=f"uid-{name}", other_api_versions=others,
    )  # fmt: skip


def version(name: str, *, served: bool = True, storage: bool = False, deprecated: bool = False) -> DefinedVersion:
    return DefinedVersion(name=name, served=served, storage=storage, deprecated=deprecated)


ROLLOUTS = CustomResourceDefinition(
    name="rollouts.argoproj.io", uid="uid-crd", api_group="argoproj.io", kind="Rollout", plural="rollouts",
    versions=(
        version("v1alpha1", served=False), version("v1beta1", deprecated=True), version("v1beta2"),
        version("v1", storage=True),
    ),
    stored_versions=("v1beta1", "v1"),
)  # fmt: skip
ALL = {
    "deployments": [
        workload("web", labels=team("shop"), other_api_versions=(applied("extensions/v1beta1"),)),
        workload("plain", other_api_versions=(by("x", "apps/v1beta3"),)),  # no API that was ever removed
    ],
    "cronjobs": [workload("nightly", kind="CronJob", labels=team("data"))],
    "jobs": [
        workload(
            "nightly-1", kind="Job", namespace="default", owner_kind="CronJob", owner_name="nightly",
            owner_uid="uid-nightly", other_api_versions=(by("argo", "batch/v1beta1"),),
        )  # a version of CronJobs alone
    ],
    "horizontalpodautoscalers": [
        Autoscaler(
            namespace="default", name="web", uid="uid-hpa", target_kind="Deployment", target_name="web",
            other_api_versions=(by("helm", "autoscaling/v2beta2"), applied("autoscaling/v2beta1")),
        )
    ],
    "poddisruptionbudgets": [
        DisruptionBudget(
            namespace="default", name="web", uid="uid-pdb", selects_all_pods=False,
            other_api_versions=(by("kubectl", "policy/v1beta1"),),
        )
    ],
    "ingresses": [
        Ingress(
            namespace="alone", name="web", uid="uid-ing", other_api_versions=(by("helm", "networking.k8s.io/v1beta1"),)
        )
    ],
    "runtimeclasses": [RuntimeClass(name="gvisor", uid="uid-rc", other_api_versions=(by("x", "node.k8s.io/v1beta1"),))],
    "resourceclaims": [
        ResourceClaim(
            namespace="default", name="gpu", uid="uid-claim", allocated=False,
            other_api_versions=(by("trainer", "resource.k8s.io/v1beta1"),),
        )
    ],
    "customresourcedefinitions": [ROLLOUTS],
    "rollouts.argoproj.io": [
        rollout("a", by("ci", "argoproj.io/v1beta1")),
        rollout("b", by("ci", "argoproj.io/v1alpha1"), by("ci", "argoproj.io/v1beta2")),
        rollout("c", by("ci", "argoproj.io/v0")),
    ],
}  # fmt: skip
NAMESPACES = [Namespace(name="default", uid="n1"), Namespace(name="alone", uid="n2", labels=team("web"))]
COLUMNS = "kind, name, api_version, evidence, removed_in, replacement, is_served, team"
USES = f"SELECT {COLUMNS} FROM deprecated_api_uses WHERE confidence <> 'unknown'"


def read(at: str | None, **more: object) -> Read:
    lists = ALL | {"objects": []} | more
    return Read("a", namespaces=NAMESPACES, more=lists, gke=[gke_cluster(at)])  # type: ignore[arg-type]


def test_each_use_has_its_evidence_and_its_owner(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, read("1.25.3-gke.100")))
    hpa = "autoscaling/v2"
    assert warehouse.query(USES) == [
        ("Deployment", "web", "extensions/v1beta1", "last applied", "1.16", "apps/v1", False, "shop"),
        ("HorizontalPodAutoscaler", "web", "autoscaling/v2beta1", "last applied", "1.25", hpa, False, "shop"),
        ("HorizontalPodAutoscaler", "web", "autoscaling/v2beta2", "managed fields", "1.26", hpa, True, "shop"),
        (
            "Ingress", "web", "networking.k8s.io/v1beta1", "managed fields", "1.22", "networking.k8s.io/v1", False,
            None,
        ),
        ("PodDisruptionBudget", "web", "policy/v1beta1", "managed fields", "1.25", "policy/v1", False, None),
        ("ResourceClaim", "gpu", "resource.k8s.io/v1beta1", "managed fields", "1.38", "resource.k8s.io/v1", True, None),
        ("Rollout", "a", "argoproj.io/v1beta1", "managed fields", None, None, True, None),
        ("Rollout", "b", "argoproj.io/v1alpha1", "managed fields", None, None, False, None),
        ("Rollout", "c", "argoproj.io/v0", "managed fields", None, None, False, None),
        ("Rollout", "rollouts.argoproj.io", "argoproj.io/v1beta1", "deprecated", None, "argoproj.io/v1", True, None),
        ("Rollout", "rollouts.argoproj.io", "argoproj.io/v1beta1", "stored", None, "argoproj.io/v1", True, None),
        ("RuntimeClass", "gvisor", "node.k8s.io/v1beta1", "managed fields", "1.25", "node.k8s.io/v1", False, None),
    ]  # fmt: skip
    assert warehouse.query("SELECT * FROM deprecated_api_uses WHERE evidence = 'not read'") == []
    who = "SELECT written_by, written_at, confidence, resource, read_status FROM deprecated_api_uses"
    assert warehouse.query(f"{who} WHERE removed_in = '1.26'") == [
        ("helm", LATER, "possible", "horizontalpodautoscalers", "ok")
    ]
    shown = warehouse.query("SELECT * FROM deprecated_api_uses")
    assert warehouse.query(f"SELECT * FROM deprecated_api_uses_as_of(TIMESTAMP '{NOW.isoformat()}')") == shown


def test_the_team_is_that_of_the_controller_or_of_the_whole_namespace(warehouse: Warehouse) -> None:
    crons = {
        "cronjobs": [workload("nightly", kind="CronJob", labels=team("data"))],
        "jobs": [workload("n-1", kind="Job", owner_kind="CronJob", owner_name="nightly", owner_uid="uid-nightly",
                          other_api_versions=(by("x", "extensions/v1beta1"),))],
        "deployments": [workload("web", labels=team("data"))],
        "replicasets": [workload("rs", kind="ReplicaSet", owner_kind="Rollout", owner_name="r", owner_uid="u",
                                 other_api_versions=(by("x", "apps/v1beta2"),))],
    }  # fmt: skip
    sql = "SELECT name, owner_kind, owner_name, team FROM deprecated_api_uses WHERE kind IN ('ReplicaSet', 'Ingress')"
    ingress = Ingress(namespace="default", name="i", uid="u", other_api_versions=(by("x", "extensions/v1beta1"),))
    warehouse.publish(run_of(1, Read("a", namespaces=["default"], more=crons | {"ingresses": [ingress]})))
    assert warehouse.query(sql) == [("i", None, None, None), ("rs", "Rollout", "r", None)]
    owned = crons | {"ingresses": [ingress], "replicasets": []}
    warehouse.publish(run_of(2, Read("a", namespaces=["default"], more=owned)))
    assert warehouse.query(sql) == [("i", None, None, "data")]


BREAKS = "SELECT DISTINCT COALESCE(removed_in, evidence) FROM breaks_at"


BROKEN = {
    "1.9": [],
    "v1.24": ["1.16", "1.22"],
    "1.25.7-gke.1000": ["1.16", "1.22", "1.25"],
    "1.38+": ["1.16", "1.22", "1.25", "1.26", "1.38"],
}


def test_a_version_breaks_what_is_removed_in_it_or_before_and_what_has_no_version(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, read("1.25.3-gke.100")))
    for asked, found in BROKEN.items():
        rows = [*found, "deprecated", "managed fields", "stored"]
        assert [text for (text,) in warehouse.query(f"{BREAKS}('{asked}')")] == rows, asked
    shown = warehouse.query(f"SELECT {COLUMNS} FROM deprecated_api_uses")
    assert warehouse.query(f"SELECT {COLUMNS} FROM breaks_at('1.100')") == shown


def test_another_text_than_a_version_is_an_error_also_where_nothing_is_known(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1))
    assert warehouse.query("SELECT * FROM breaks_at('1.40')") == []
    for asked in ("'soon'", "'1.33x'", "NULL"):
        with pytest.raises(Exception, match=re.escape("not a Kubernetes version, such as 1.33")):
            warehouse.query(f"SELECT * FROM breaks_at({asked})")
        warehouse.close()


def test_what_was_not_read_has_a_row_at_any_version(warehouse: Warehouse) -> None:
    unread = {"deployments": "forbidden", "jobs": "off", "pods": "forbidden", "rollouts.argoproj.io": "forbidden"}
    warehouse.publish(
        run_of(
            1,
            read("1.33.1-gke.1", **unread),
            listed=["a", "b"],
        )
    )
    sql = "SELECT cluster, resource, confidence, read_status, kind, api_version FROM breaks_at('1.1')"
    assert warehouse.query(f"{sql} WHERE evidence = 'not read'") == [
        ("a", "deployments", "unknown", "never_read", None, None),
        ("a", "jobs", "unknown", "off", None, None),
        ("a", "rollouts.argoproj.io", "unknown", "never_read", None, None),
        ("b", "*", "unknown", "never_read", None, None),
    ]
    warehouse.publish(run_of(2, Read("c", more={"deployments": []}), listed=["c"]))  # without `objects`
    assert warehouse.query(f"{sql} WHERE cluster = 'c'") == [("c", "objects", "unknown", "off", None, None)]
    warehouse.publish(run_of(3, outcome="forbidden"))
    assert (None, "clusters", "unknown", "stale", None, None) in warehouse.query(sql)


def test_whether_a_cluster_of_unknown_version_serves_an_api_is_unknown(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, read(None)))
    sql = "SELECT DISTINCT is_served FROM deprecated_api_uses WHERE removed_in IS NOT NULL"
    assert warehouse.query(sql) == [(None,)]
