"""ResourceClaims (`resource.k8s.io/v1`, or the beta version that an older server has)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.api_versions import other_api_versions
from job.kinds.parts.metadata import allowed_annotations, key_values, object_columns
from job.kinds.parts.scope import Scope
from job.wire.meta import Elements, Int64, ManagedMeta, Time, Wire, check_years


class DeviceSubRequest(Wire, frozen=True):
    name: str
    device_class_name: str | None = None
    allocation_mode: str | None = None
    count: Int64 | None = None


class ExactDeviceRequest(Wire, frozen=True):
    device_class_name: str | None = None
    allocation_mode: str | None = None
    count: Int64 | None = None
    admin_access: bool | None = None


class DeviceRequest(Wire, frozen=True):
    name: str
    exactly: ExactDeviceRequest | None = None
    first_available: Elements[DeviceSubRequest] | None = None


class DeviceClaim(Wire, frozen=True):
    requests: Elements[DeviceRequest] | None = None


class ResourceClaimSpec(Wire, frozen=True):
    devices: DeviceClaim | None = None


class DeviceRequestAllocationResult(Wire, frozen=True):
    request: str
    driver: str
    pool: str
    device: str
    admin_access: bool | None = None


class DeviceAllocationResult(Wire, frozen=True):
    results: Elements[DeviceRequestAllocationResult] | None = None


class AllocationResult(Wire, frozen=True):
    devices: DeviceAllocationResult | None = None
    allocation_timestamp: Time | None = None

    def __post_init__(self) -> None:
        check_years(self.allocation_timestamp)


class ResourceClaimConsumerReference(Wire, frozen=True):
    resource: str
    name: str
    uid: str
    api_group: str | None = None


class ResourceClaimStatus(Wire, frozen=True):
    allocation: AllocationResult | None = None
    reserved_for: Elements[ResourceClaimConsumerReference] | None = None


class ResourceClaim(Wire, frozen=True):
    metadata: ManagedMeta
    spec: ResourceClaimSpec | None = None
    status: ResourceClaimStatus | None = None


class FlatDeviceRequest(Wire, frozen=True):
    """As in `v1beta1`, where the members of `exactly` are those of the request."""

    name: str
    device_class_name: str | None = None
    allocation_mode: str | None = None
    count: Int64 | None = None
    admin_access: bool | None = None
    first_available: Elements[DeviceSubRequest] | None = None

    @property
    def exactly(self) -> FlatDeviceRequest:
        return self


class FlatDeviceClaim(Wire, frozen=True):
    requests: Elements[FlatDeviceRequest] | None = None


class FlatResourceClaimSpec(Wire, frozen=True):
    devices: FlatDeviceClaim | None = None


class FlatResourceClaim(Wire, frozen=True):
    metadata: ManagedMeta
    spec: FlatResourceClaimSpec | None = None
    status: ResourceClaimStatus | None = None


def claim_rows(
    claim: ResourceClaim | FlatResourceClaim, scope: Scope, *, version: str = "v1"
) -> Iterator[tables.Record]:
    """The claim's row.

    Args:
        version: the one that it is read in.
    """
    metadata, status = claim.metadata, claim.status or ResourceClaimStatus()
    asked = claim.spec.devices if claim.spec else None
    allocation = status.allocation
    found = allocation.devices if allocation else None
    yield tables.ResourceClaim(
        **object_columns(metadata),
        requests=tuple(row for request in (asked.requests if asked else None) or () for row in _requests(request)),
        allocated=allocation is not None,
        allocated_at=allocation.allocation_timestamp if allocation else None,
        devices=tuple(
            tables.AllocatedDevice(
                request=device.request,
                driver=device.driver,
                pool=device.pool,
                device=device.device,
                admin_access=bool(device.admin_access),
            )
            for device in (found.results if found else None) or ()
        ),
        reserved_for=tuple(
            tables.ClaimConsumer(
                api_group=consumer.api_group or None, resource=consumer.resource, name=consumer.name, uid=consumer.uid
            )
            for consumer in status.reserved_for or ()
        ),
        other_api_versions=other_api_versions(metadata, f"resource.k8s.io/{version}"),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


def _requests(request: DeviceRequest | FlatDeviceRequest) -> Iterator[tables.DeviceRequest]:
    """The request, or each of its alternatives. Allocated devices name these `REQUEST/ALTERNATIVE` too."""
    for preference, choice in enumerate(request.first_available or ()):
        yield tables.DeviceRequest(
            name=f"{request.name}/{choice.name}",
            preference=preference,
            device_class=choice.device_class_name or None,
            allocation_mode=choice.allocation_mode or None,
            count=choice.count,
            admin_access=False,
        )
    if not request.first_available:
        exactly = request.exactly or ExactDeviceRequest()
        yield tables.DeviceRequest(
            name=request.name,
            device_class=exactly.device_class_name or None,
            allocation_mode=exactly.allocation_mode or None,
            count=exactly.count,
            admin_access=bool(exactly.admin_access),
        )


_GROUP = "/apis/resource.k8s.io"
_NAME, _PERMISSION = "resourceclaims", "thirdPartyObjects"  # IAM has no permission for them alone
KIND = Kind(
    _NAME,
    f"{_GROUP}/v1/{_NAME}",
    ResourceClaim,
    claim_rows,
    permission=_PERMISSION,
    optional=True,  # served by default from Kubernetes 1.34
    earlier=(
        Kind(_NAME, f"{_GROUP}/v1beta2/{_NAME}", ResourceClaim, partial(claim_rows, version="v1beta2")),
        Kind(
            _NAME, f"{_GROUP}/v1beta1/{_NAME}", FlatResourceClaim, partial(claim_rows, version="v1beta1"),
            object_kind="ResourceClaim",
        ),
    ),
)  # fmt: skip
