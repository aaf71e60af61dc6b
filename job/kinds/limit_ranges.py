"""LimitRanges (`v1`): a row for each type of object and resource that one limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.quantities import amount
from job.kinds.parts.scope import Scope
from job.wire.meta import Elements, ObjectMeta, Quantities, Quantity, Wire


class LimitRangeItem(Wire, frozen=True):
    type: str | None = None
    min: Quantities | None = None
    max: Quantities | None = None
    default: Quantities | None = None
    default_request: Quantities | None = None
    max_limit_request_ratio: Quantities | None = None


class LimitRangeSpec(Wire, frozen=True):
    limits: Elements[LimitRangeItem] | None = None


class LimitRange(Wire, frozen=True):
    metadata: ObjectMeta
    spec: LimitRangeSpec | None = None


def limit_range_rows(found: LimitRange, _: Scope) -> Iterator[tables.Record]:
    """A row for each resource of each limit."""
    metadata = found.metadata
    for position, limit in enumerate((found.spec and found.spec.limits) or ()):
        bounds = (limit.min, limit.max, limit.default, limit.default_request, limit.max_limit_request_ratio)
        for resource in dict.fromkeys(name for bound in bounds for name in bound or ()):
            least, most, default, request, ratio = (_of(bound, resource) for bound in bounds)
            yield tables.LimitRange(
                namespace=metadata.namespace or "",
                name=metadata.name,
                uid=metadata.uid,
                created_at=metadata.creation_timestamp,
                position=position,
                type=limit.type or None,
                resource_name=resource,
                minimum=_text(least),
                minimum_amount=amount(least),
                maximum=_text(most),
                maximum_amount=amount(most),
                default_limit=_text(default),
                default_limit_amount=amount(default),
                default_request=_text(request),
                default_request_amount=amount(request),
                max_limit_request_ratio=amount(ratio),
            )


def _of(bound: Mapping[str, Quantity] | None, resource: str) -> Quantity | None:
    return bound.get(resource) if bound else None


def _text(quantity: Quantity | None) -> str | None:
    return None if quantity is None else str(quantity)


KIND = Kind("limitranges", "/api/v1/limitranges", LimitRange, limit_range_rows)
