"""Labels, annotations and field managers that GitOps tools, Helm, Terraform and people leave on workloads."""

from __future__ import annotations

from typing import NamedTuple

_KINDS = {
    "deployments": "apps/Deployment", "statefulsets": "apps/StatefulSet", "daemonsets": "apps/DaemonSet",
    "cronjobs": "batch/CronJob",
}  # fmt: skip


class Signs(NamedTuple):
    """What one tool leaves."""

    manager: str
    labels: dict[str, str]
    annotations: dict[str, str]


CONTROLLER = Signs("kube-controller-manager", {}, {})
_KUBECTL = Signs("kubectl-client-side-apply", {}, {})


def signs_on(resource: str, namespace: str, name: str, number: int) -> Signs:
    """Those on a workload; its number among its kind selects the tool."""
    if resource not in _KINDS:
        return _KUBECTL
    kind = _KINDS[resource]
    tracked = f"{kind}:{namespace}/{name}"
    synced = f"{kind.replace('/', '_')}_{namespace}_{name}".lower()
    return (
        _KUBECTL,
        Signs(
            "argocd-controller", {"team": "payments"}, {"argocd.argoproj.io/tracking-id": f"shop-{number}:{tracked}"}
        ),
        Signs(
            "kustomize-controller",
            {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"},
            {},
        ),
        Signs(
            "helm",
            {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": name},
            {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace},
        ),
        Signs("Terraform", {"owner": "platform"}, {}),
        Signs(
            "configsync.gke.io",
            {"app.kubernetes.io/managed-by": "configmanagement.gke.io"},
            {
                "configmanagement.gke.io/managed": "enabled",
                "configsync.gke.io/manager": ":root_fleet",
                "configsync.gke.io/resource-id": synced,
            },
        ),
        # copied from another object, with no valid name, and a client with a name of its own
        Signs("deploy-bot", {}, {"argocd.argoproj.io/tracking-id": f"CANARY-copied:{kind}:{namespace}/other"}),
        Signs("CANARY (client)", {}, {"meta.helm.sh/release-name": "CANARY no name"}),
    )[number % 8]
