"""ServiceAccounts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Record


class ServiceAccount(Record, frozen=True, kw_only=True):
    """A ServiceAccount."""

    table = "service_accounts"
    description = "A ServiceAccount of Kubernetes, and the Google service account that it maps to."
    read_from = "serviceaccounts"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")

    namespace: Annotated[str, "Namespace of the account."]
    name: Annotated[str, "Name of the account."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the account was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    google_service_account: Annotated[
        str | None,
        "Email of the Google service account whose rights its pods may use (annotation "
        "`iam.gke.io/gcp-service-account`, kept whatever `annotations` says). NULL if it is bound to none this way.",
    ] = None
    automount_token: Annotated[
        bool | None, "Whether pods get its token unless they say otherwise; NULL means that they do."
    ] = None
    image_pull_secrets: Annotated[tuple[str, ...], "Names of the Secrets with which its pods pull images."] = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the account."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
