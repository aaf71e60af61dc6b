"""The view `admins`: who is bound to a role that has all rights, or leads to them."""

from __future__ import annotations

from typing import Any

from engines import NOW, Warehouse
from warehouse import Read, run_of

from job.tables import Role, RoleBinding, RoleRule

RBAC = "rbac.authorization.k8s.io"


def role(name: str, *rules: RoleRule, namespace: str | None = None) -> Role:
    kind = "Role" if namespace else "ClusterRole"
    return Role(
        resource=f"{kind.lower()}s", kind=kind, namespace=namespace, name=name, uid=f"{namespace}/{name}",
        rules=rules, has_wildcard=False,
    )  # fmt: skip


def rule(verbs: str, groups: str, resources: str, *names: str) -> RoleRule:
    return RoleRule(
        verbs=tuple(verbs.split()), api_groups=tuple(groups.split(",")), resources=tuple(resources.split()),
        resource_names=names, non_resource_urls=(),
    )  # fmt: skip


def bound(name: str, role_name: str, subject: str, *, namespace: str | None = None, **more: Any) -> RoleBinding:
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    defaults = {"position": 0, "subject_kind": "User", "role_kind": "ClusterRole"}
    return RoleBinding(
        resource=f"{kind.lower()}s", kind=kind, namespace=namespace, name=name, uid=f"{namespace}/{name}",
        scope="namespace" if namespace else "cluster", role_name=role_name, subject_name=subject, **defaults | more,
    )  # fmt: skip


READ = Read(
    "a",
    more={
        "clusterroles": [
            role("cluster-admin", rule("*", "*", "*")),
            role("all", rule("get", "", "pods"), rule("*", "*", "*")),
            role("named", rule("bind escalate", RBAC, "clusterroles", "view"), rule("create", "apps", "pods/exec")),
            role("keeper", rule("bind escalate", RBAC, "roles"), rule("impersonate", "", "users")),
            role("rbac", rule("*", RBAC, "clusterroles rolebindings")),
            role("debugger", rule("get create", "", "pods pods/exec")),
            role("certificates", rule("*", "cert-manager.io", "*")),
            role("no-wildcards", rule("*", "*", "*/*"), rule("create", "", "pods/*")),
            role("of-cluster", rule("escalate", RBAC, "clusterroles"), rule("impersonate", "", "users groups")),
            role("one-name", rule("bind", RBAC, "clusterroles", "cluster-admin")),
            role("masters", rule("impersonate", "", "groups", "system:masters")),
            role("viewer", rule("get list watch", "*", "*")),
            role("attacher", rule("create", "", "pods/attach"), rule("patch", "", "pods/ephemeralcontainers")),
            role("tokens", rule("create", "", "serviceaccounts/token")),
        ],
        "roles": [
            role("debugger", rule("get", "", "pods"), namespace="n"),
            role("own", rule("*", "*", "*"), namespace="n"),
            role("core", rule("*", "", "*"), namespace="n"),
        ],
        "clusterrolebindings": [
            bound("masters", "cluster-admin", "system:masters", subject_kind="Group"),
            bound("everybody", "cluster-admin", "system:authenticated", subject_kind="Group"),
            bound("gone", "no-such-role", "nobody"),
            bound("named", "named", "nobody"),
            bound("keeper", "keeper", "keeper"),
            bound("rbac", "rbac", "rbac"),
            bound("all-1", "all", "ci", subject_kind="ServiceAccount", subject_namespace="n"),
            bound("all-2", "all", "system:serviceaccount:n:ci"),
            bound("certificates", "certificates", "nobody"),
            bound("no-wildcards", "no-wildcards", "nobody"),
            bound("one-name", "one-name", "binder"),
            bound("group-alone", "masters", "nobody"),
            bound("viewer", "viewer", "viewer"),
            bound("tokens", "tokens", "issuer"),
        ],
        "rolebindings": [
            bound("debug", "debugger", "dev", namespace="n"),
            bound("looks", "debugger", "nobody", namespace="n", role_kind="Role"),
            bound("own", "own", "lead", namespace="n", role_kind="Role"),
            bound("core", "core", "core", namespace="n", role_kind="Role"),
            bound("of-cluster", "of-cluster", "nobody", namespace="n"),
            bound("masters", "masters", "nobody", namespace="n"),
            bound("attacher", "attacher", "attacher", namespace="n"),
            bound("elsewhere", "own", "nobody", namespace="m", role_kind="Role"),
            bound("admin", "cluster-admin", "lead", namespace="m"),
        ],
    },
)


def test_admins_are_those_whose_roles_have_all_rights_or_lead_to_them(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, READ))
    columns = "subject_name, scope, namespace, reason, is_system, roles, bindings"
    cluster, shared = "cluster", (None,)
    owner = ["ClusterRole/cluster-admin"]
    assert warehouse.query(f"SELECT {columns} FROM admins") == sorted(
        [
            ("system:masters", cluster, *shared, "cluster_admin", True, owner, ["masters"]),
            (
                "system:authenticated",
                cluster,
                *shared,
                "cluster_admin",
                False,
                ["ClusterRole/cluster-admin"],
                ["everybody"],
            ),
            ("keeper", cluster, *shared, "escalate", False, ["ClusterRole/keeper"], ["keeper"]),
            ("keeper", cluster, *shared, "bind", False, ["ClusterRole/keeper"], ["keeper"]),
            ("keeper", cluster, *shared, "impersonate", False, ["ClusterRole/keeper"], ["keeper"]),
            ("rbac", cluster, *shared, "escalate", False, ["ClusterRole/rbac"], ["rbac"]),
            ("rbac", cluster, *shared, "bind", False, ["ClusterRole/rbac"], ["rbac"]),
            ("ci", cluster, *shared, "wildcard", False, ["ClusterRole/all"], ["all-1", "all-2"]),
            ("dev", "namespace", "n", "pod_exec", False, ["ClusterRole/debugger"], ["debug"]),
            ("binder", cluster, *shared, "bind", False, ["ClusterRole/one-name"], ["one-name"]),
            ("viewer", cluster, *shared, "secrets", False, ["ClusterRole/viewer"], ["viewer"]),
            ("viewer", cluster, *shared, "pod_exec_by_get", False, ["ClusterRole/viewer"], ["viewer"]),
            ("issuer", cluster, *shared, "token_request", False, ["ClusterRole/tokens"], ["tokens"]),
            ("core", "namespace", "n", "impersonate", False, ["Role/core"], ["core"]),
            ("core", "namespace", "n", "secrets", False, ["Role/core"], ["core"]),
            ("core", "namespace", "n", "token_request", False, ["Role/core"], ["core"]),
            ("core", "namespace", "n", "pod_exec", False, ["Role/core"], ["core"]),
            ("attacher", "namespace", "n", "pod_exec", False, ["ClusterRole/attacher"], ["attacher"]),
            ("lead", "namespace", "n", "wildcard", False, ["Role/own"], ["own"]),
            ("lead", "namespace", "m", "cluster_admin", False, owner, ["admin"]),
        ],
        key=repr,
    )
    accounts = "SELECT DISTINCT subject_name, subject_namespace FROM admins WHERE subject_kind = 'ServiceAccount'"
    assert warehouse.query(accounts) == [("ci", "n")]
    shown = warehouse.query("SELECT * FROM admins")
    assert warehouse.query(f"SELECT * FROM admins_as_of(TIMESTAMP '{NOW.isoformat()}')") == shown


CERTIFICATES = "certificates.k8s.io"
APPROVAL = rule("update", CERTIFICATES, "certificatesigningrequests/approval")


def test_a_right_may_have_two_parts_from_one_role_or_several(warehouse: Warehouse) -> None:
    roles = [
        role("group", rule("impersonate", "", "groups")),
        role("masters", rule("impersonate", "", "groups", "system:masters")),
        role("jane", rule("impersonate", "", "users", "jane")),
        role("robot", rule("impersonate", "", "serviceaccounts", "robot")),
        role("both", rule("impersonate", "", "users groups", "jane", "system:masters")),
        role("approval", APPROVAL),
        role("signer", rule("approve", CERTIFICATES, "signers", "kubernetes.io/kube-apiserver-client")),
        role("approver", APPROVAL, rule("approve", CERTIFICATES, "signers", "kubernetes.io/*")),
        role("issuer", APPROVAL, rule("approve", CERTIFICATES, "signers", "example.com/own")),
        role("certificates", rule("*", CERTIFICATES, "*")),
    ]
    everywhere = [
        bound("1", "group", "only-group"), bound("2", "masters", "only-masters"), bound("3", "jane", "only-jane"),
        bound("4", "masters", "two"), bound("5", "jane", "two"),
        bound("6", "group", "account"), bound("7", "both", "both"),
        bound("8", "approval", "two"), bound("9", "signer", "two"), bound("10", "approval", "only-approval"),
        bound("11", "approver", "approver"), bound("12", "issuer", "issuer"), bound("13", "certificates", "security"),
    ]  # fmt: skip
    within = [
        bound("14", "robot", "account", namespace="n"), bound("15", "robot", "only-robot", namespace="n"),
        bound("16", "approver", "nobody", namespace="n"), bound("17", "both", "nobody", namespace="n"),
    ]  # fmt: skip
    more = {"clusterroles": roles, "roles": [], "clusterrolebindings": everywhere, "rolebindings": within}
    warehouse.publish(run_of(1, Read("a", more=more)))
    assert warehouse.query("SELECT subject_name, scope, namespace, reason, roles FROM admins") == [
        ("account", "cluster", None, "impersonate", ["ClusterRole/group", "ClusterRole/robot"]),
        ("approver", "cluster", None, "certificate_approval", ["ClusterRole/approver"]),
        ("both", "cluster", None, "impersonate", ["ClusterRole/both"]),
        ("security", "cluster", None, "certificate_approval", ["ClusterRole/certificates"]),
        ("two", "cluster", None, "certificate_approval", ["ClusterRole/approval", "ClusterRole/signer"]),
        ("two", "cluster", None, "impersonate", ["ClusterRole/jane", "ClusterRole/masters"]),
    ]


def test_only_what_kubernetes_itself_binds_is_system(warehouse: Warehouse) -> None:
    def account(name: str, namespace: str) -> dict[str, Any]:
        return {"subject": name, "subject_kind": "ServiceAccount", "subject_namespace": namespace}

    collector = "system:controller:generic-garbage-collector"
    manager = "system:kube-controller-manager"
    reads = rule("get list watch", "", "secrets")
    roles = [
        role(collector, reads),
        role(manager, reads),
        role("reader", rule("list", "", "secrets")),
        role("one-secret", rule("get", "", "secrets", "tls")),
    ]
    bindings = [
        bound("masters", "cluster-admin", "system:masters", subject_kind="Group"),
        bound("nodes", "cluster-admin", "system:nodes", subject_kind="Group"),
        bound("system:nodes", manager, "system:nodes", subject_kind="Group"),
        bound("scheduler", "cluster-admin", "system:kube-scheduler"),
        bound(manager, manager, manager),
        bound("also", "reader", "system:cloud"),
        bound("system:cloud", manager, "system:cloud"),
        bound("system:anonymous", manager, "system:anonymous"),
        bound(collector, collector, **account("generic-garbage-collector", "kube-system")),
        bound("system:own", collector, **account("own", "default")),
        bound("named", collector, **account("named", "kube-system")),
        bound("tls", "one-secret", "nobody"),
    ]
    more = {"clusterroles": roles, "roles": [], "clusterrolebindings": bindings, "rolebindings": []}
    warehouse.publish(run_of(1, Read("a", more=more)))
    expected = [
        ("system:masters", "cluster_admin", True),
        ("system:nodes", "cluster_admin", False),
        ("system:nodes", "secrets", False),
        ("system:kube-scheduler", "cluster_admin", False),
        (manager, "secrets", True),
        ("system:cloud", "secrets", False),
        ("system:anonymous", "secrets", False),
        ("generic-garbage-collector", "secrets", True),
        ("own", "secrets", False),
        ("named", "secrets", False),
    ]
    assert warehouse.query("SELECT subject_name, reason, is_system FROM admins") == sorted(expected, key=repr)
