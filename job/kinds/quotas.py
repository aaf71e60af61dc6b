"""ResourceQuotas (`v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import allowed_annotations, key_values
from job.kinds.parts.quantities import amount, nano_units
from job.kinds.parts.scope import Scope
from job.kinds.parts.selector_text import requirement_text
from job.wire.meta import Elements, ObjectMeta, Quantities, Quantity, Wire


class ScopedResourceSelectorRequirement(Wire, frozen=True):
    scope_name: str
    operator: str
    values: Elements[str] | None = None


class ScopeSelector(Wire, frozen=True):
    match_expressions: Elements[ScopedResourceSelectorRequirement] | None = None


class ResourceQuotaSpec(Wire, frozen=True):
    hard: Quantities | None = None
    scopes: Elements[str] | None = None
    scope_selector: ScopeSelector | None = None


class ResourceQuotaStatus(Wire, frozen=True):
    used: Quantities | None = None


class ResourceQuota(Wire, frozen=True):
    metadata: ObjectMeta
    spec: ResourceQuotaSpec | None = None
    status: ResourceQuotaStatus | None = None


def quota_rows(quota: ResourceQuota, scope: Scope) -> Iterator[tables.Record]:
    """The quota's row."""
    metadata, spec, status = quota.metadata, quota.spec or ResourceQuotaSpec(), quota.status or ResourceQuotaStatus()
    used = status.used or {}
    yield tables.Quota(
        namespace=metadata.namespace or "",
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        resources=tuple(_resource(name, hard, used.get(name)) for name, hard in (spec.hard or {}).items()),
        scopes=tuple(_scopes(spec)),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


def _resource(name: str, hard: Quantity, used: Quantity | None) -> tables.QuotaResource:
    limit, taken = nano_units(hard), nano_units(used)
    return tables.QuotaResource(
        resource=name,
        hard=str(hard),
        hard_amount=amount(hard),
        used=None if used is None else str(used),
        used_amount=amount(used),
        share_used=taken / limit if taken is not None and limit else None,
    )


def _scopes(spec: ResourceQuotaSpec) -> Iterator[str]:
    yield from spec.scopes or ()
    for term in (spec.scope_selector and spec.scope_selector.match_expressions) or ():
        yield requirement_text(term.scope_name, term.operator, term.values)


KIND = Kind("resourcequotas", "/api/v1/resourcequotas", ResourceQuota, quota_rows)
