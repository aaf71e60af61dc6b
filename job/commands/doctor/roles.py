"""The rights that a run needs, as an IAM custom role and as a ClusterRole: from the kinds that are switched on.

GKE asks IAM and RBAC, and either is enough: https://cloud.google.com/kubernetes-engine/docs/how-to/iam
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import click

from job.commands.doctor.costs import tables_of
from job.config import Config
from job.config_checks import check_kinds
from job.config_identity import Identity
from job.config_objects import Objects
from job.discover.cloud_asset_inventory import scopes_of
from job.kinds import KINDS, RESOURCES
from job.kinds.kind import Kind

ROLE = "gkeInventory"
"""The id of the IAM custom role."""
TITLE = "GKE inventory"
_JOB_ACCOUNT = "${JOB_ACCOUNT}"  # for envsubst
_PLAIN = re.compile(r"[A-Za-z][\w.-]*@[\w.-]+|\$\{JOB_ACCOUNT\}", re.ASCII)  # needs no quotes in YAML
_ACRONYM = re.compile(r"^[A-Z]+?(?=[A-Z]?[a-z])")
_OF_THE_GKE_API = {
    "container.clusters.list": "the clusters and their endpoints; the versions that a location offers",
    "container.clusters.get": "support and upgrades of a cluster; one cluster, for kubernetes_client() and "
    "`gke-inventory show`",
    "container.clusters.connect": "through a cluster's DNS endpoint",
}

_OF_CONNECT_GATEWAY = {
    "gkehub.gateway.get": "through Connect Gateway; in the fleet host project",
}
_OF_GKE_HUB = {
    "gkehub.memberships.list": "the attached clusters of each project's fleet",
}
_OF_RESOURCE_MANAGER = {
    "resourcemanager.folders.list": "the folders in a folder or organization",
    "resourcemanager.projects.list": "the projects in it",
}
_OF_CLOUD_ASSET_INVENTORY = {
    "cloudasset.assets.searchAllResources": "optional: clusters that Cloud Asset Inventory knows and no list has",
}


def print_role(config: Config, *, is_for_rbac: bool) -> None:
    """Prints the rights that a run needs, as YAML.

    Args:
        is_for_rbac: as a ClusterRole for `kubectl apply`, bound to the service account that the configuration
            impersonates for the clusters, else to `${JOB_ACCOUNT}`, and to those of single projects; otherwise as an
            IAM custom role for `gcloud iam roles create --file`.

    Raises:
        ConfigError: `kinds` names an unknown kind.
    """
    check_kinds(config, RESOURCES)
    kinds = switched_on(config)
    in_folders = bool(config.folders or config.organizations)
    if is_for_rbac:
        role = cluster_role(kinds, _users(config.identity), config.objects)
    else:
        role = custom_role(
            kinds, in_folders=in_folders, by_gateway="connect_gateway" in config.endpoints,
            attached=config.attached_clusters, asks_assets=bool(scopes_of(config)), objects=config.objects.is_on,
        )  # fmt: skip
    click.echo(role)


def _users(identity: Identity) -> list[str]:
    """Who reads clusters: the account of all projects first, then those that single projects have."""
    own = [entry.impersonate_service_account for entry in identity.by_project]
    return [identity.account("kubernetes") or _JOB_ACCOUNT, *filter(None, own)]


def custom_role(
    kinds: Sequence[Kind],
    *,
    in_folders: bool = False,
    by_gateway: bool = False,
    attached: bool = False,
    asks_assets: bool = False,
    objects: bool = False,
) -> str:
    """An IAM custom role for these kinds.

    Args:
        in_folders: whether projects are to be found in folders and organizations, to which the role is granted then.
        by_gateway: whether the configuration names Connect Gateway.
        attached: whether a run reads attached clusters.
        asks_assets: whether a run asks Cloud Asset Inventory.
        objects: whether it chooses further kinds. A role cannot name those that are custom resources.
    """
    needed = {
        **(_OF_RESOURCE_MANAGER if in_folders else {}),
        **(_OF_CLOUD_ASSET_INVENTORY if asks_assets else {}),
        **(_OF_GKE_HUB if attached else {}),
        **(_OF_CONNECT_GATEWAY if by_gateway or attached else {}),
        **permissions(kinds),
    }
    if objects:
        reasons = [needed[_THIRD_PARTY], _OF_OBJECTS] if _THIRD_PARTY in needed else [_OF_OBJECTS]
        needed[_THIRD_PARTY] = "; ".join(reasons)
    return _ROLE + "\n".join(f"  - {name} # {reason}" for name, reason in needed.items())


def permissions_of_fleets(config: Config) -> list[str]:
    """The permissions that attached clusters need, and GKE clusters need not."""
    return [*_OF_GKE_HUB, *_OF_CONNECT_GATEWAY] if config.attached_clusters else []


def switched_on(config: Config) -> list[Kind]:
    """The kinds that a run lists."""
    return [kind for kind in KINDS if kind.is_on(config.kinds)]


def permissions(kinds: Sequence[Kind]) -> dict[str, str]:
    """Each permission of IAM that a run needs, with its reason."""
    of_kinds: dict[str, list[Kind]] = {}
    for kind in kinds:
        of_kinds.setdefault(permission(kind), []).append(kind)
    return {**_OF_THE_GKE_API, **{name: _reason(found) for name, found in of_kinds.items()}}


def _reason(kinds: Sequence[Kind]) -> str:
    rows = f"rows of {', '.join(table for kind in kinds for table in tables_of(kind))}"
    is_metadata = all(kind.metadata_only for kind in kinds)
    return f"{rows}: it asks for metadata alone, though this reads the data too" if is_metadata else rows


def permission(kind: Kind) -> str:
    """The permission of IAM to list a kind: https://cloud.google.com/iam/docs/roles-permissions/container"""
    if kind.permission:
        return f"container.{kind.permission}.list"
    singular = kind.name.lower()
    plural = kind.name + kind.plural.removeprefix(singular)
    if not kind.plural.startswith(singular):  # networkpolicies
        plural = f"{kind.name[:-1]}ies"
    return f"container.{_ACRONYM.sub(lambda found: found[0].lower(), plural)}.list"


def cluster_role(kinds: Sequence[Kind], users: Sequence[str], objects: Objects | None = None) -> str:
    """A ClusterRole for these kinds, and its binding.

    Args:
        users: as the API server names them.
        objects: further kinds. A pattern that names no API group gets no rule: it would permit all kinds.
    """
    groups: dict[str, list[str]] = {}
    for kind in kinds:
        groups.setdefault(kind.group, []).append(kind.plural)
    unnamed = []
    for pattern in objects.include if objects and objects.is_on else ():
        plural, _, group = pattern.partition(".")
        if _is_glob(group) or (not group and _is_glob(plural)):
            unnamed.append(f"  # {pattern} names no API group: add rules for its kinds\n")
        elif _is_glob(plural):
            groups[group] = ["'*'"]
        elif {plural, "'*'"}.isdisjoint(groups.get(group, ())):
            groups.setdefault(group, []).append(plural)
    rules = [_RULE.format(group=group or '""', kinds=", ".join(sorted(groups[group]))) for group in sorted(groups)]
    return (
        _CLUSTER_ROLE
        + "".join(rules)
        + "".join(unnamed)
        + _BINDING
        + "\n".join(_SUBJECT + (user if _PLAIN.fullmatch(user) else json.dumps(user)) for user in dict.fromkeys(users))
    )


def _is_glob(text: str) -> bool:
    return any(sign in text for sign in "*?[")


_THIRD_PARTY = "container.thirdPartyObjects.list"
_OF_OBJECTS = (
    "rows of objects, of custom resources: it asks for metadata alone, except of kinds in `objects.columns`, though "
    "this reads all of them whole. Kinds of Kubernetes itself have permissions of their own, such as "
    "container.controllerRevisions.list"
)
_ROLE = f"""\
# What the job may do in the GKE API and in the clusters, for `gcloud iam roles create --file`. Written by
# `gke-inventory doctor --print-role`, which leaves out kinds that the configuration switches off. With this role no
# cluster needs a ClusterRole. Predefined roles have more: roles/container.viewer reads nearly every object of every
# cluster.
title: {TITLE}
description: Lists clusters, connects to them, and lists the kinds of objects that the inventory has.
stage: GA
includedPermissions:
"""
_CLUSTER_ROLE = """\
# What the job may do in a cluster: read these kinds, all of them, and nothing else. No watch, since each run reads
# everything once; no Secrets, unless the configuration switches them on. Of them and of ConfigMaps the job asks for the
# metadata alone; RBAC cannot grant only that. Written by `gke-inventory doctor --print-clusterrole`, which leaves out
# kinds that are switched off.
#
# `list` is what a run needs. `get` is what `gke-inventory show` and `kubernetes_client()` need to read one object; a
# job alone does without.
#
# The server's version and the questions that an identity may ask about its own rights need no rule: every signed-in
# identity has them (system:public-info-viewer, system:basic-user).
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: gke-inventory
rules:
"""
_RULE = """\
  - apiGroups: [{group}]
    resources: [{kinds}]
    verbs: [get, list]
"""
_BINDING = """\
---
# GKE knows a service account by its email, as a User.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: gke-inventory
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: gke-inventory
subjects:
"""
_SUBJECT = """\
  - apiGroup: rbac.authorization.k8s.io
    kind: User
    name: """
