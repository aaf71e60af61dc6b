"""What puts an object in place: a GitOps tool, Helm, Terraform, ..., by its labels, annotations and field managers.

Only names leave an annotation, and only if they are valid: never its whole value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from job.kinds.parts.caches import bounded_cache
from job.wire.meta import ManagedMeta, ObjectMeta

_MOST_MANAGERS = 20
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,251}[A-Za-z0-9])?")
"""Of an object, or a longer form of a label's value."""
_MANAGER = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.:/]{0,127}")
"""API servers allow any printable text of 128 bytes."""

_INSTANCE = "app.kubernetes.io/instance"
_MANAGED_BY = "app.kubernetes.io/managed-by"
_LABELLED = {"configmanagement.gke.io": "config_sync", "tiller": "helm", "hashicorp": "terraform"}
"""Other words of the label `managed-by` -> ours."""
# https://github.com/fluxcd/pkg/blob/main/ssa, https://fluxcd.io/flux/components/helm/helmreleases/
_FLUX = ("kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io")
# The first that matches counts. Terraform's provider writes as the first word of its user agent, or by its setting
# `field_manager`: https://registry.terraform.io/providers/hashicorp/kubernetes/latest/docs/resources/manifest
_FIELD_MANAGERS = (
    ("argocd", re.compile(r"argocd(-|$)")),
    ("flux", re.compile(r"(kustomize|helm)-controller$")),
    ("config_sync", re.compile(r"configsync|configmanagement\.gke\.io")),
    ("helm", re.compile(r"helm$")),
    ("terraform", re.compile(r"Terraform|HashiCorp|terraform-")),
    ("pulumi", re.compile(r"pulumi")),
    ("kubectl", re.compile(r"kubectl(-|$)")),
    ("console", re.compile(r"GoogleCloudConsole")),
)


class Found(NamedTuple):
    """The columns `managed_by`, `managed_by_name` and `managed_by_key`."""

    tool: str
    name: str | None
    key: str


def managed_by(metadata: ObjectMeta, group: str, kind: str) -> dict[str, Any]:
    """The columns of `workloads` about who manages the object.

    >>> labels = {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "flux-system"}
    >>> managed_by(ObjectMeta(name="web", uid="1", labels=labels), "apps", "Deployment")["managed_by_name"]
    'flux-system/shop'
    """
    managers = field_managers(metadata)
    columns: dict[str, Any] = {"field_managers": managers} if managers else {}
    found = next(_signs(metadata, group, kind, managers), None)
    if found is None:
        return columns
    return columns | {"managed_by": found.tool, "managed_by_name": found.name, "managed_by_key": found.key}


def field_managers(metadata: ObjectMeta) -> tuple[str, ...]:
    """Who has written fields of the object itself, not of a subresource alone."""
    entries = metadata.managed_fields if isinstance(metadata, ManagedMeta) else None
    names = {entry.manager for entry in entries or () if entry.manager and not entry.subresource}
    return tuple(sorted(name for name in names if manager_name(name))[:_MOST_MANAGERS])


def manager_name(name: str | None) -> str | None:
    """The name of a field manager; None if it has unusual characters."""
    return name if name and _MANAGER.fullmatch(name) else None


def tracked_application(value: str, group: str, kind: str, namespace: str, name: str) -> str | None:
    """The application in Argo CD's annotation `tracking-id`; None if it is that of another object, from which it was
    copied.

    https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/

    >>> tracked_application("shop:apps/Deployment:prod/web", "apps", "Deployment", "prod", "web")
    'shop'
    >>> tracked_application("shop:apps/Deployment:prod/web", "apps", "Deployment", "prod", "copy") is None
    True
    """
    application, _, tracked = value.partition(":")
    return _name(application) if tracked == f"{group}/{kind}:{namespace}/{name}" else None


def _signs(metadata: ObjectMeta, group: str, kind: str, managers: tuple[str, ...]) -> Iterator[Found]:
    """Everything that says who manages the object, the strongest sign first."""
    labels, annotations = metadata.labels or {}, metadata.annotations or {}
    yield from _argocd(metadata, labels, annotations, group, kind)
    for prefix in _FLUX:
        if f"{prefix}/name" in labels:
            yield Found("flux", _in_namespace(labels.get(f"{prefix}/namespace"), labels[f"{prefix}/name"]),
                        f"{prefix}/name")  # fmt: skip
    if _is_synced(metadata, annotations, group, kind):
        yield _config_sync(annotations)
    if "addonmanager.kubernetes.io/mode" in labels:
        yield Found("gke", None, "addonmanager.kubernetes.io/mode")
    tools = _tools(managers)
    if "argocd" in tools:  # which tracks objects by this label before its version 3
        yield Found("argocd", _name(labels.get(_INSTANCE)), _INSTANCE if _INSTANCE in labels else "managedFields")
    if "meta.helm.sh/release-name" in annotations:
        yield Found("helm", _name(annotations["meta.helm.sh/release-name"]), "meta.helm.sh/release-name")
    if labelled := labels.get(_MANAGED_BY, "").lower():
        tool = _LABELLED.get(labelled, labelled)
        if _name(tool):
            yield Found(tool, _name(labels.get(_INSTANCE)) if tool == "helm" else None, _MANAGED_BY)
    for tool in tools:
        yield Found(tool, None, "managedFields")


def _argocd(
    metadata: ObjectMeta, labels: Mapping[str, str], annotations: Mapping[str, str], group: str, kind: str
) -> Iterator[Found]:
    key = "argocd.argoproj.io/tracking-id"
    if tracking := annotations.get(key):
        application = tracked_application(tracking, group, kind, metadata.namespace or "", metadata.name)
        if application:
            yield Found("argocd", application, key)
    key = "argocd.argoproj.io/instance"
    if key in labels:
        yield Found("argocd", _name(labels[key]), key)


def _is_synced(metadata: ObjectMeta, annotations: Mapping[str, str], group: str, kind: str) -> bool:
    """Whether Config Sync manages the object, by its annotations; `resource-id` must name the object itself.

    https://cloud.google.com/kubernetes-engine/config-sync/docs/how-to/managing-objects
    """
    if annotations.get("configmanagement.gke.io/managed") != "enabled":
        return False
    named = annotations.get("configsync.gke.io/resource-id")
    own = f"{group}_{kind}_{metadata.namespace or ''}_{metadata.name}"
    return named is None or named.lower() == own.lower()


def _config_sync(annotations: Mapping[str, str]) -> Found:
    """`configsync.gke.io/manager` is `:root`, `:root_NAME`, `NAMESPACE` or `NAMESPACE_NAME`.

    https://cloud.google.com/kubernetes-engine/config-sync/docs/reference/labels-and-annotations
    """
    key = "configsync.gke.io/manager"
    if not (manager := annotations.get(key)):
        return Found("config_sync", None, "configmanagement.gke.io/managed")
    scope, _, name = manager.partition("_")
    if scope == ":root":
        return Found("config_sync", _name(name or "root-sync"), key)
    return Found("config_sync", _in_namespace(scope, name or "repo-sync"), key)


@bounded_cache(maxsize=1024)
def _tools(managers: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([tool for tool, pattern in _FIELD_MANAGERS if any(pattern.match(manager) for manager in managers)])


def _in_namespace(namespace: str | None, name: str) -> str | None:
    if namespace is None:
        return _name(name)
    return f"{namespace}/{name}" if _name(namespace) and _name(name) else None


def _name(value: str | None) -> str | None:
    return value if value and _NAME.fullmatch(value) else None
