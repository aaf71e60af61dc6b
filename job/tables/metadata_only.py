"""The columns of objects of which only metadata is read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Record


class MetadataOnly(Record, frozen=True, kw_only=True):
    """An object's metadata. Annotations are left out: they may repeat the data."""

    namespace: Annotated[str, "Namespace of the object."]
    name: Annotated[str, "Name of the object."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the object was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    owner_kind: Annotated[str | None, "Kind of the controller, such as a custom resource; NULL without one."] = None
    owner_api_version: Annotated[str | None, "apiVersion of the controller."] = None
    owner_name: Annotated[str | None, "Name of the controller."] = None
    owner_uid: Annotated[str | None, "UID of the controller."] = None
    finalizers: Annotated[int, "Number of finalizers, which hold up its deletion."]
    labels: Annotated[tuple[KeyValue, ...], "Labels of the object."] = ()
