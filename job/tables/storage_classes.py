"""StorageClasses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Record


class StorageClass(Record, frozen=True, kw_only=True):
    """A StorageClass."""

    table = "storage_classes"
    description = "A StorageClass: provisioner, reclaim policy, binding mode, whether it is the default."
    read_from = "storageclasses"
    clustering = ("project_id", "cluster", "name")
    primary_key = ("snapshot_id", "name", "uid")

    name: Annotated[str, "Name of the class."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the class was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    provisioner: Annotated[str | None, "What makes its volumes: a CSI driver, such as `pd.csi.storage.gke.io`."] = None
    default_class: Annotated[
        bool,
        "Whether it is for claims that name no class (annotation `storageclass.kubernetes.io/is-default-class`). Of "
        "several, the newest counts.",
    ]
    reclaim_policy: Annotated[str | None, "What happens to a disk when its claim is deleted: `Delete` or `Retain`."] = (
        None
    )
    volume_binding_mode: Annotated[
        str | None, "`Immediate`, or `WaitForFirstConsumer`: a volume is made where its first pod runs."
    ] = None
    allow_volume_expansion: Annotated[bool, "Whether claims may be enlarged."]
    parameter_names: Annotated[
        tuple[str, ...], "Names of the parameters for the provisioner. Their values may be secret, and are not read."
    ] = ()
    zones: Annotated[tuple[str, ...], "Zones in which it makes volumes (`allowedTopologies`); empty for all."] = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the class."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
