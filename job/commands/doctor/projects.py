"""Checks of the projects: whether their clusters can be listed, and whether the configuration names any."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from job.commands.doctor.costs import cost_of_clusters
from job.commands.doctor.finding import Check, Mend, commands_in, finding, passed, skipped
from job.commands.output import counted
from job.config import Config
from job.connect.identity import Identity
from job.connect.principal import Principal, principal
from job.discover.cloud_asset_inventory import Search, search
from job.discover.projects import ProjectListing, list_projects
from job.discover.selection import Target, select
from job.errors import CredentialsError, NotFoundError

_ACTION = "list the clusters"
_GCLOUD_GROUP = {"folders": "resource-manager folders", "organizations": "organizations"}


def check_projects(config: Config, identity: Identity) -> tuple[list[Check], tuple[Target, ...]]:
    """The checks, and the clusters that a run would read.

    Raises:
        ConfigError: the environment has something else than a proxy's address.
    """
    try:
        listings = list_projects(config, identity, "")
    except CredentialsError as error:  # the universe of the credentials is not known
        mends = [Mend("as the error says")]
        action = "find the universe of the credentials"
        return [finding("projects", "the GKE API", action, str(error), costs=cost_of_clusters(""), mends=mends)], ()
    who = principal(identity.credentials)
    checks = [
        _listed(listing, who if listing.is_folder else principal(identity.of(listing.project_id).credentials))
        for listing in listings
    ]
    patterns, targets = _selected(config, listings)
    return [*checks, *patterns, *(_searched(each, who, config) for each in search(config, identity, ""))], targets


def _listed(listing: ProjectListing, who: Principal) -> Check:
    project, found = listing.project_id, listing.collection
    if listing.is_folder:
        return _listed_folder(listing, who)
    if listing.is_fleet:
        return _listed_fleet(listing, who)
    subject = f"project {project}"
    if listing.is_complete:
        return passed("projects", subject, _ACTION, counted(found.objects, "cluster"))
    message = found.message or found.reason or found.outcome
    return finding(
        "projects", subject, _ACTION, message,
        costs=cost_of_clusters(f"of {_what_is_lost(listing)}"), mends=_mends(listing, who, message),
    )  # fmt: skip


def _listed_folder(listing: ProjectListing, who: Principal) -> Check:
    """A folder or organization: its direct children."""
    found, action = listing.collection, "list the folders and projects"
    if listing.is_complete:
        return passed("projects", listing.project_id, action, counted(found.objects, "project"))
    message = found.message or found.reason or found.outcome
    kind, _, number = listing.project_id.partition("/")
    if found.reason in ("IamPermissionMissing", "PERMISSION_DENIED"):
        mends = [
            Mend(
                f"let {who.name} list what is in it",
                f"gcloud {_GCLOUD_GROUP[kind]} add-iam-policy-binding {number} --member={who.member} "
                "--role=roles/resourcemanager.folderViewer --condition=None",
            )
        ]
    elif found.outcome == "not_found":
        mends = [
            Mend("see whether it exists, under this number", f"gcloud {_GCLOUD_GROUP[kind]} describe {number}"),
            Mend(f"take {listing.project_id} out of `{kind}`"),
        ]
    else:
        mends = _mends_by_reason(listing, who, message)
    return finding(
        "projects", listing.project_id, action, message,
        costs=cost_of_clusters(f"of all projects in {listing.project_id}"), mends=mends,
    )  # fmt: skip


def _listed_fleet(listing: ProjectListing, who: Principal) -> Check:
    """The attached clusters of a project's fleet."""
    project, found = listing.project_id, listing.collection
    subject, action = f"fleet of {project}", "list the attached clusters"
    if listing.is_complete:
        return passed("projects", subject, action, counted(found.objects, "attached cluster"))
    message = found.message or found.reason or found.outcome
    if found.missing_zones:
        mends = [Mend("wait: GKE Hub could not reach these locations, and the next run lists them again")]
    elif found.reason in ("IamPermissionMissing", "PERMISSION_DENIED"):
        mends = [may_read_fleet(shlex.quote(project), who)]
    else:
        mends = _mends_by_reason(listing, who, message)
    mends.append(Mend("set `attached_clusters: false`"))
    cost = f"the rows of attached clusters of {project} are those of the last reading"
    return finding("projects", subject, action, message, costs=[cost], mends=mends)


def _searched(search: Search, who: Principal, config: Config) -> Check:
    """A second witness, which is a finding only where the configuration asks for it."""
    found, subject = search.collection, f"Cloud Asset Inventory in {search.scope}"
    action = "search for clusters"
    if found.outcome == "ok":
        return passed("projects", subject, action, counted(found.objects, "cluster"))
    message = found.message or found.reason or found.outcome
    if not config.cloud_asset_inventory:
        return skipped("projects", subject, action, f"{message}. Runs do without")
    kind, _, name = search.scope.partition("/")
    mends = commands_in(message) or [Mend("as the error says")]
    if found.reason in ("IamPermissionMissing", "PERMISSION_DENIED"):
        mends = [
            Mend(
                f"let {who.name} search it",
                f"gcloud {_GCLOUD_GROUP.get(kind, kind)} add-iam-policy-binding {shlex.quote(name)} "
                f"--member={who.member} --role=roles/cloudasset.viewer --condition=None",
            )
        ]
    mends.append(Mend("set `cloud_asset_inventory: false`"))
    cost = f"clusters in {search.scope} that no list has are not noticed, and each run ends as incomplete"
    return finding("projects", subject, action, message, costs=[cost], mends=mends)


def _what_is_lost(listing: ProjectListing) -> str:
    found, project = listing.collection, listing.project_id
    if found.missing_zones:
        return f"clusters of {project} in {', '.join(found.missing_zones)}"
    if found.unreadable:
        return f"{', '.join(found.unreadable)} of {project}"
    return f"all clusters of {project}"


def _mends(listing: ProjectListing, who: Principal, message: str) -> list[Mend]:
    project, found = shlex.quote(listing.project_id), listing.collection
    exists = Mend("see whether the project exists, under this id", f"gcloud projects describe {project}")
    if found.missing_zones:
        return [Mend("wait: GKE could not reach these zones, and the next run lists them again")]
    if found.reason in ("IamPermissionMissing", "PERMISSION_DENIED"):
        return [may_list_clusters(project, who), exists]
    if found.outcome == "not_found":
        return [exists, Mend(f"take {listing.project_id} out of `projects`")]
    return _mends_by_reason(listing, who, message)


def _mends_by_reason(listing: ProjectListing, who: Principal, message: str) -> list[Mend]:
    """Of a failure that projects and folders have alike."""
    project, found = shlex.quote(listing.project_id), listing.collection
    api = "the GKE API" if listing.is_project else "the GKE Hub API" if listing.is_fleet else "Resource Manager"
    by_reason = {
        "BillingDisabled": Mend(
            "enable billing", f"gcloud billing projects link {project} --billing-account=BILLING_ACCOUNT"
        ),
        "VpcServiceControls": _allow_in_perimeter(project, who),
        "QuotaProjectDenied": Mend(
            "log in without a quota project", "gcloud auth application-default login --disable-quota-project"
        ),
        "AccountDisabled": Mend(
            "enable the account", f"gcloud iam service-accounts enable {shlex.quote(who.name)}"
        ),
        "Proxy": Mend(f"let the proxy pass requests to {api}, or name it in NO_PROXY"),
        "UNAVAILABLE": Mend(f"check the way from this machine to {api}: proxy, DNS, firewall; or try again later"),
        "DEADLINE_EXCEEDED": Mend("try again later, or raise `timeouts.request_seconds`"),
    }  # fmt: skip
    if found.reason in by_reason:
        return [by_reason[found.reason]]
    return commands_in(message) or [Mend("as the error says")]


def may_list_clusters(project: str, who: Principal) -> Mend:
    """Lets an identity find the clusters of a project, and connect to them."""
    return Mend(
        f"let {who.name} list the clusters",
        f"gcloud projects add-iam-policy-binding {project} --member={who.member} "
        "--role=roles/container.clusterViewer --condition=None",
    )


def may_read_fleet(project: str, who: Principal) -> Mend:
    """Lets an identity list memberships and get through Connect Gateway; RBAC of each cluster then decides.

    https://cloud.google.com/kubernetes-engine/enterprise/multicluster-management/gateway/setup#grant_iam_roles_to_users
    """
    roles = ("roles/gkehub.viewer", "roles/gkehub.gatewayReader")
    commands = [
        f"gcloud projects add-iam-policy-binding {project} --member={who.member} --role={role} --condition=None"
        for role in roles
    ]
    return Mend(f"let {who.name} read the fleet", "\n".join(commands))


def _allow_in_perimeter(project: str, who: Principal) -> Mend:
    """https://cloud.google.com/vpc-service-controls/docs/ingress-egress-rules"""
    command = f"""\
cat > ingress.yaml <<EOF
- ingressFrom:
    identities: [{who.member}]
    sources: [{{accessLevel: '*'}}]
  ingressTo:
    operations: [{{serviceName: container.googleapis.com, methodSelectors: [{{method: '*'}}]}}]
    resources: [projects/$(gcloud projects describe {project} --format='value(projectNumber)')]
EOF
gcloud access-context-manager perimeters update PERIMETER --policy=POLICY --set-ingress-policies=ingress.yaml"""
    return Mend("let the identity into the service perimeter; this replaces the ingress rules that it has", command)


_WITHOUT = {
    "clusters.include": ": `gke-inventory plan --cluster '*'` lists the clusters",
    "clusters.locations": ": `gke-inventory plan --location '*'` lists the clusters",
}


def _selected(config: Config, listings: Sequence[ProjectListing]) -> tuple[list[Check], tuple[Target, ...]]:
    """The selected clusters, and the patterns that select none."""
    action = "find a cluster"
    nothing = "no run reads anything while no pattern matches"
    try:
        selection = select(listings, config.clusters, identities=config.identity.by_project)
    except NotFoundError as error:
        setting = str(error).partition(":")[0]
        mends = [Mend(f"change `{setting}`{_WITHOUT.get(setting, '')}")]
        return [finding("projects", setting, action, str(error), costs=[nothing], mends=mends)], ()
    checks = []
    for unmatched in selection.unmatched:
        mends = [Mend(f"write {name} in `{unmatched.setting}`") for name in unmatched.nearest]
        mends.append(Mend(f"take {unmatched.pattern} out of `{unmatched.setting}`"))
        cost = f"{unmatched.pattern} is a warning of each run and a row of `coverage`"
        subject = f"{unmatched.setting} {unmatched.pattern}"
        checks.append(finding("projects", subject, action, unmatched.message, costs=[cost], mends=mends))
    return checks, selection.targets
