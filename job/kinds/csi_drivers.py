"""CSIDrivers (`storage.k8s.io/v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import field

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import allowed_annotations, key_values
from job.kinds.parts.scope import Scope
from job.wire.meta import Elements, ObjectMeta, Wire


class CSIDriverSpec(Wire, frozen=True):
    attach_required: bool | None = None
    fs_group_policy: str | None = None
    pod_info_on_mount: bool | None = None
    requires_republish: bool | None = None
    se_linux_mount: bool | None = field(default=None, name="seLinuxMount")
    storage_capacity: bool | None = None
    volume_lifecycle_modes: Elements[str] | None = None


class CSIDriver(Wire, frozen=True):
    metadata: ObjectMeta
    spec: CSIDriverSpec | None = None


def driver_rows(driver: CSIDriver, scope: Scope) -> Iterator[tables.Record]:
    """The driver's row."""
    metadata, spec = driver.metadata, driver.spec or CSIDriverSpec()
    yield tables.CSIDriver(
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        attach_required=spec.attach_required,
        volume_lifecycle_modes=tuple(spec.volume_lifecycle_modes or ()),
        storage_capacity=spec.storage_capacity,
        fs_group_policy=spec.fs_group_policy or None,
        pod_info_on_mount=spec.pod_info_on_mount,
        requires_republish=spec.requires_republish,
        selinux_mount=spec.se_linux_mount,
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


KIND = Kind("csidrivers", "/apis/storage.k8s.io/v1/csidrivers", CSIDriver, driver_rows)
