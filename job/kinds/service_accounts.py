"""ServiceAccounts (`v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import allowed_annotations, key_values
from job.kinds.parts.scope import Scope
from job.wire.meta import Elements, ObjectMeta, Wire

# https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity#kubernetes-sa-to-iam
_GOOGLE_ACCOUNT = "iam.gke.io/gcp-service-account"


class LocalObjectReference(Wire, frozen=True):
    name: str | None = None


class ServiceAccount(Wire, frozen=True):
    metadata: ObjectMeta
    automount_service_account_token: bool | None = None
    image_pull_secrets: Elements[LocalObjectReference] | None = None


def service_account_rows(account: ServiceAccount, scope: Scope) -> Iterator[tables.Record]:
    """The account's row."""
    metadata = account.metadata
    yield tables.ServiceAccount(
        namespace=metadata.namespace or "",
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        google_service_account=(metadata.annotations or {}).get(_GOOGLE_ACCOUNT) or None,
        automount_token=account.automount_service_account_token,
        image_pull_secrets=tuple(secret.name for secret in account.image_pull_secrets or () if secret.name),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


KIND = Kind("serviceaccounts", "/api/v1/serviceaccounts", ServiceAccount, service_account_rows)
