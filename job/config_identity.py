"""The mapping `identity` of the configuration: whose permissions the job has, also in single projects."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Literal

import msgspec

from job.config_mapping import Settings

Email = Annotated[
    str, msgspec.Meta(pattern=r"^[^@\s/:]+@[^@\s/:]+$", description="the email address of a service account")
]
Globs = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]

Service = Literal["kubernetes", "bigquery"]
"""What an identity is for: the GKE API and the clusters, or BigQuery."""


class ProjectIdentity(Settings, frozen=True, kw_only=True):
    """Whose permissions read some projects, in place of those that read all others."""

    projects: Annotated[Globs, "Globs on project ids, such as `bank-*`."]
    impersonate_service_account: Annotated[
        Email | None, "A service account that the Application Default Credentials impersonate for these projects."
    ] = None
    delegates: Annotated[tuple[Email, ...], "Service accounts in between, as in `identity`."] = ()
    quota_project: Annotated[str | None, "Id of the project whose quotas Google's APIs use for these projects."] = None

    def matches(self, project_id: str) -> bool:
        """Whether it is for the project."""
        return any(fnmatchcase(project_id, glob) for glob in self.projects)


class Identity(Settings, frozen=True, kw_only=True):
    """Whose permissions the job has. By default, those of the Application Default Credentials."""

    impersonate_service_account: Annotated[
        Email | None,
        "A service account that the Application Default Credentials impersonate, for everything that the job does. "
        "They need `roles/iam.serviceAccountTokenCreator` on it.",
    ] = None
    kubernetes: Annotated[
        Email | None,
        "Another service account to impersonate, for the GKE API, Resource Manager and the clusters alone. With it, or "
        "with `bigquery`, no cluster is sent a token that opens the tables.",
    ] = None
    bigquery: Annotated[Email | None, "Another service account to impersonate, for BigQuery alone."] = None
    delegates: Annotated[
        tuple[Email, ...],
        "Service accounts in between, each of which may impersonate the next one, and the last one those above.",
    ] = ()
    quota_project: Annotated[
        str | None,
        "Id of the project whose quotas Google's APIs use, and that they bill. The job's identity needs "
        "`roles/serviceusage.serviceUsageConsumer` on it. `null` leaves it to the credentials.",
    ] = None
    by_project: Annotated[
        tuple[ProjectIdentity, ...],
        "Other identities for the GKE API and the clusters of some projects, such as "
        "`[{projects: ['bank-*'], impersonate_service_account: reader@bank.iam.gserviceaccount.com}]`. The first entry "
        "whose `projects` match counts; each may also have `delegates` and a `quota_project`. Without an account, an "
        "entry has that of all projects, and only another quota project. Folders, organizations and Cloud Asset "
        "Inventory are read as above. An identity that gets no token, or is refused, costs its own projects alone.",
    ] = ()

    def account(self, service: Service) -> str | None:
        """The service account to impersonate for a service; None where the credentials themselves are used."""
        own = self.kubernetes if service == "kubernetes" else self.bigquery
        return own or self.impersonate_service_account

    def of_project(self, project_id: str) -> Identity:
        """The settings for one project, which have no others for single projects."""
        for entry in self.by_project:
            if entry.matches(project_id):
                return self.with_entry(entry)
        return msgspec.structs.replace(self, by_project=())

    def own_account(self, project_id: str) -> str | None:
        """The service account that reads this project, if `by_project` has one for it."""
        found = next((entry for entry in self.by_project if entry.matches(project_id)), None)
        return found.impersonate_service_account if found else None

    def with_entry(self, entry: ProjectIdentity) -> Identity:
        """The settings for the projects of one entry."""
        has_own = entry.impersonate_service_account is not None
        return msgspec.structs.replace(
            self,
            kubernetes=entry.impersonate_service_account if has_own else self.kubernetes,
            delegates=entry.delegates if has_own else self.delegates,
            quota_project=entry.quota_project or self.quota_project,
            by_project=(),
        )
