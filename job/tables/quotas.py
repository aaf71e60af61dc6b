"""ResourceQuotas."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Part, Record


class QuotaResource(Part, frozen=True, kw_only=True):
    """What a quota allows of one resource, and what is used of it."""

    resource: Annotated[str, "Resource name: `pods`, `requests.cpu`, `count/jobs.batch`, ..."]
    hard: Annotated[str, "The limit as written: `20`, `40Gi` (`spec.hard`)."]
    hard_amount: Annotated[float | None, "The limit as a number: cores, bytes, objects; NULL if it is not valid."] = (
        None
    )
    used: Annotated[str | None, "What is used, as written; NULL until a controller has counted it."] = None
    used_amount: Annotated[float | None, "What is used, as a number: cores, bytes, objects."] = None
    share_used: Annotated[float | None, "`used` divided by `hard`: 1 means full; NULL where `hard` is 0."] = None


class Quota(Record, frozen=True, kw_only=True):
    """A ResourceQuota."""

    table = "quotas"
    description = "A ResourceQuota: what a namespace may use of each resource, and what it uses."
    read_from = "resourcequotas"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")

    namespace: Annotated[str, "Namespace of the quota."]
    name: Annotated[str, "Name of the quota."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the quota was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    resources: Annotated[tuple[QuotaResource, ...], "Each resource that the quota limits."] = ()
    scopes: Annotated[
        tuple[str, ...],
        "Which pods count: `Terminating`, `BestEffort`, ..., or a selector such as `PriorityClass in (high)`; a pod "
        "counts if all match. Empty for all.",
    ] = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the quota."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
