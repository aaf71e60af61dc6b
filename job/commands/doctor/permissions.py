"""What IAM grants the identity in each project, of all that a run may need."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from job.commands.doctor.costs import cost_of_upgrade_info
from job.commands.doctor.finding import Check, Mend, finding, passed, skipped
from job.commands.doctor.projects import may_list_clusters, may_read_fleet
from job.commands.doctor.roles import permissions, permissions_of_fleets, switched_on
from job.config import Config
from job.connect.identity import Identity
from job.connect.principal import Principal, principal
from job.discover.failures import RESOURCE_MANAGER_API, failure_columns
from job.discover.resource_manager import resource_manager_clients
from job.discover.retries import retried
from job.workers import map_unordered

_ACTION = "ask IAM for its permissions"
_UPGRADE_INFO, _DNS_ENDPOINT = "container.clusters.get", "container.clusters.connect"
_THREADS = 16


def check_permissions(config: Config, identity: Identity, projects: Sequence[str]) -> list[Check]:
    """One check of each project, by `projects.testIamPermissions`, which needs no permission itself.

    RBAC may grant what IAM does not, so the checks of the clusters say which kinds cannot be listed. What the GKE API
    needs only IAM grants. IAM answers for the whole project: it knows no condition of a single cluster.
    https://cloud.google.com/resource-manager/reference/rest/v3/projects/testIamPermissions
    """
    if not projects:
        return []
    needed = [*permissions_of_fleets(config), *permissions(switched_on(config))]
    identities = {project: identity.of(project) for project in projects}
    clients = {each: resource_manager_clients(config, each)[1] for each in set(identities.values())}

    def check(project: str) -> Check:
        own = identities[project]
        return _check(config, clients[own], principal(own.credentials), needed, project)

    found = map_unordered(check, projects, _THREADS)
    return sorted(found, key=lambda check: check.subject)


def _check(config: Config, client: Any, who: Principal, needed: Sequence[str], project: str) -> Check:
    subject, seconds = f"project {project}", config.timeouts.connect_seconds
    call = partial(
        client.test_iam_permissions, resource=f"projects/{project}", permissions=needed, retry=None, timeout=seconds
    )
    answer = retried(call, 0)
    if answer.result is None:
        because = failure_columns(answer.error, RESOURCE_MANAGER_API)["message"]
        return skipped("projects", subject, _ACTION, str(because))
    granted = set(answer.result.permissions)
    missing = [permission for permission in needed if permission not in granted]
    if config.upgrade_info and _UPGRADE_INFO in missing:
        return finding(
            "projects", subject, _ACTION, f"IAM does not grant {_UPGRADE_INFO}",
            costs=cost_of_upgrade_info(f"of {project}"),
            mends=[may_list_clusters(project, who), Mend("set `upgrade_info: false`: a run needs it for nothing else")],
        )  # fmt: skip
    if not missing:
        return passed("projects", subject, _ACTION, f"it grants all {len(needed)} that a run needs")
    of_fleets = [permission for permission in permissions_of_fleets(config) if permission in missing]
    if of_fleets:
        return finding(
            "projects", subject, _ACTION, f"IAM does not grant {' or '.join(of_fleets)}",
            costs=[f"no attached cluster of {project} is read"],
            mends=[may_read_fleet(project, who), Mend("set `attached_clusters: false`")],
        )  # fmt: skip
    words = [f"it grants {len(needed) - len(missing)} of {len(needed)}"]
    if _DNS_ENDPOINT in missing:
        words.append(f"a DNS endpoint needs {_DNS_ENDPOINT}")
    if kinds := [permission for permission in missing if not permission.startswith("container.clusters.")]:
        words.append(f"RBAC of each cluster decides on {', '.join(kinds[:3])}{', ...' if len(kinds) > 3 else ''}")
    return passed("projects", subject, _ACTION, "; ".join(words))
