"""CSIDrivers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Record


class CSIDriver(Record, frozen=True, kw_only=True):
    """A CSIDriver."""

    table = "csi_drivers"
    description = "A CSIDriver: what a storage driver that is installed in the cluster can do."
    read_from = "csidrivers"
    clustering = ("project_id", "cluster", "name")
    primary_key = ("snapshot_id", "name", "uid")

    name: Annotated[str, "Name of the driver, which volumes and classes refer to: `pd.csi.storage.gke.io`, ..."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the driver was installed."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    attach_required: Annotated[bool | None, "Whether volumes are attached to a node before they are mounted."] = None
    volume_lifecycle_modes: Annotated[tuple[str, ...], "`Persistent`, `Ephemeral` (volumes inside pods) or both."] = ()
    storage_capacity: Annotated[bool | None, "Whether pods wait for nodes for which it reports enough capacity."] = None
    fs_group_policy: Annotated[
        str | None,
        "Whether ownership of files follows the pod's `fsGroup`: `ReadWriteOnceWithFSType`, `File` or `None`.",
    ] = None
    pod_info_on_mount: Annotated[bool | None, "Whether it gets the name of the pod that mounts a volume."] = None
    requires_republish: Annotated[bool | None, "Whether volumes are mounted again periodically, to refresh them."] = (
        None
    )
    selinux_mount: Annotated[bool | None, "Whether volumes may be mounted with an SELinux context."] = None
    labels: Annotated[tuple[KeyValue, ...], "Labels of the driver."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
