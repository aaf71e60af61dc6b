"""What lets an identity list kinds of a cluster: IAM for all clusters of a project, or RBAC in one of them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from job.commands.doctor.finding import Mend
from job.commands.doctor.network import flags_of
from job.commands.doctor.roles import ROLE, TITLE, cluster_role, permission, permissions
from job.connect.endpoints import Endpoint
from job.connect.principal import Principal
from job.discover.selection import Target
from job.kinds.kind import Kind
from job.wire.gke_hub import PREFIX, AttachedCluster

_USER = re.compile(r'User "([^"]{1,300})" cannot')
_WAYS = {"dns": " --dns-endpoint", "private": " --internal-ip"}


def mends_of_rights(
    target: Target, endpoint: Endpoint, who: Principal, kinds: Sequence[Kind], denied: Sequence[Kind], message: str
) -> list[Mend]:
    """By IAM, which is enough for all clusters of the project, and by RBAC for this cluster, which alone decides in an
    attached one.

    Args:
        kinds: all that a run lists: a ClusterRole is replaced as a whole.
        denied: those that it may not list.
        message: the API server's refusal, which names the user.
    """
    project = shlex.quote(target.project_id)
    missing = ",".join(dict.fromkeys(permission(kind) for kind in denied))
    by_iam = (
        f"gcloud iam roles create {ROLE} --project={project} --title={shlex.quote(TITLE)} --stage=GA "
        f"--permissions={','.join(permissions(kinds))} ||\n"
        f"  gcloud iam roles update {ROLE} --project={project} --add-permissions={missing}\n"
        f"gcloud projects add-iam-policy-binding {project} --member={who.member} "
        f"--role=projects/{project}/roles/{ROLE} --condition=None"
    )
    found = _USER.search(message)
    role = cluster_role(kinds, [found[1] if found else who.name])
    yaml = "\n".join(line for line in role.split("\n") if not line.startswith("#"))
    is_attached = isinstance(target.cluster, AttachedCluster)
    group = "fleet memberships" if is_attached else "clusters"
    by_rbac = (
        f"gcloud container {group} get-credentials {flags_of(target)}{_WAYS.get(endpoint.type, '')}\n"
        f"kubectl apply -f - <<'EOF'\n{yaml}\nEOF"
    )
    if is_attached:
        return [
            Mend("bind a ClusterRole in the cluster", by_rbac),
            Mend(
                "let Connect Gateway act as the account there, with a kubeconfig of the cluster's own",
                f"gcloud container fleet memberships generate-gateway-rbac --project={project} "
                f"--membership={shlex.quote(target.cluster.name.removeprefix(PREFIX))} --users={shlex.quote(who.name)} "
                "--role=clusterrole/gke-inventory --kubeconfig=KUBECONFIG --context=CONTEXT --apply",
            ),
        ]
    return [
        Mend(f"grant {missing} in IAM, for all clusters of {target.project_id}", by_iam),
        Mend("bind a ClusterRole in this cluster alone", by_rbac),
    ]
