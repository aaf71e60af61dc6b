"""APIServices (`apiregistration.k8s.io/v1`): which server answers for each version of an API group."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import field

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import allowed_annotations, condition_holds, key_values
from job.kinds.parts.scope import Scope
from job.wire.meta import Condition, Elements, Int64, ObjectMeta, Wire


class ServiceReference(Wire, frozen=True):
    namespace: str | None = None
    name: str | None = None
    port: Int64 | None = None


class APIServiceSpec(Wire, frozen=True):
    group: str | None = None
    version: str | None = None
    service: ServiceReference | None = None
    insecure_skip_tls_verify: bool | None = field(default=None, name="insecureSkipTLSVerify")
    ca_bundle: str | None = None


class APIServiceStatus(Wire, frozen=True):
    conditions: Elements[Condition] | None = None


class APIService(Wire, frozen=True):
    metadata: ObjectMeta
    spec: APIServiceSpec | None = None
    status: APIServiceStatus | None = None


def api_service_rows(found: APIService, scope: Scope) -> Iterator[tables.Record]:
    """The APIService's row."""
    metadata, spec, status = found.metadata, found.spec or APIServiceSpec(), found.status or APIServiceStatus()
    service = spec.service or ServiceReference()
    reasons = (condition.reason for condition in status.conditions or () if condition.type == "Available")
    yield tables.ApiService(
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        api_group=spec.group or None,
        version=spec.version or None,
        local=spec.service is None,
        service_namespace=service.namespace or None,
        service_name=service.name or None,
        service_port=service.port,
        available=condition_holds(status.conditions, "Available"),
        available_reason=next(reasons, None) or None,
        insecure_skip_tls_verify=bool(spec.insecure_skip_tls_verify),
        ca_bundle_present=bool(spec.ca_bundle),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


KIND = Kind("apiservices", "/apis/apiregistration.k8s.io/v1/apiservices", APIService, api_service_rows)
