"""APIServices."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Record


class ApiService(Record, frozen=True, kw_only=True):
    """An APIService."""

    table = "api_services"
    description = "An APIService: a version of an API group, the server that answers for it, and whether it does."
    read_from = "apiservices"
    clustering = ("project_id", "cluster", "name")
    primary_key = ("snapshot_id", "name", "uid")

    name: Annotated[str, "Name: `v1beta1.metrics.k8s.io`."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the APIService was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    api_group: Annotated[str | None, "API group; NULL for the core group."] = None
    version: Annotated[str | None, "Version of the group."] = None
    local: Annotated[bool, "Whether the API server itself answers, and no Service."]
    service_namespace: Annotated[str | None, "Namespace of the Service that answers."] = None
    service_name: Annotated[str | None, "Name of the Service that answers."] = None
    service_port: Annotated[int | None, "Port of the Service; NULL means 443."] = None
    available: Annotated[bool | None, "Whether the version can be used; NULL if that is unknown."] = None
    available_reason: Annotated[str | None, "Why: `Local`, `Passed`, `ServiceNotFound`, `MissingEndpoints`, ..."] = None
    insecure_skip_tls_verify: Annotated[bool, "Whether the API server trusts any certificate of the Service."]
    ca_bundle_present: Annotated[bool, "Whether a CA bundle verifies the Service's certificate."]
    labels: Annotated[tuple[KeyValue, ...], "Labels of the APIService."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
