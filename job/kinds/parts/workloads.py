"""Rows of workloads, whatever their kind: the workload's own and those of the containers in its pod template.

Rows are made in portions of at most 15 columns; `kinds/pods.py` says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.api_versions import other_api_versions
from job.kinds.parts.containers import container_rows, pod_level_resources
from job.kinds.parts.managed_by import managed_by
from job.kinds.parts.metadata import allowed_annotations, conditions, controller_of, key_values
from job.kinds.parts.pod_volumes import unusual_volumes
from job.kinds.parts.scope import Scope
from job.kinds.parts.security import operating_system, pod_security, restricted_volumes
from job.kinds.parts.spread import spread_topology_keys
from job.kinds.parts.templates import template_columns
from job.wire.meta import Condition, ObjectMeta
from job.wire.pod_spec import PodSpec, PodTemplateSpec, Toleration
from job.wire.workloads import RollingUpdate, Strategy


def workload_rows(
    kind: Kind,
    metadata: ObjectMeta,
    template: PodTemplateSpec | None,
    scope: Scope,
    found: list[Condition] | None,
    **columns: Any,
) -> Iterator[tables.Record]:
    """The workload's row and those of its containers.

    Args:
        found: The conditions in its status.
        columns: Those that only some kinds fill. `tables.Workload` rejects any that it does not have.
    """
    template = template or PodTemplateSpec()
    pod = template.spec or PodSpec()
    namespace = metadata.namespace or ""
    row = tables.Workload(
        resource=kind.resource,
        kind=kind.name,
        api_version=kind.api_version,
        known_through_pods=False,
        namespace=namespace,
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        generation=metadata.generation,
        host_network=bool(pod.host_network),
        host_pid=bool(pod.host_pid),
        host_ipc=bool(pod.host_ipc),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )
    row = replace(
        _with_pod(row, pod),
        spread_topology_keys=spread_topology_keys(template),
        conditions=conditions(found),
        **columns,
    )
    row = replace(row, **template_columns(template))
    row = replace(row, **managed_by(metadata, kind.group, kind.name))
    if found_versions := other_api_versions(metadata, kind.api_version):
        row = replace(row, other_api_versions=found_versions)
    owner = controller_of(metadata)
    if owner is not None:
        row = replace(
            row,
            owner_kind=owner.kind,
            owner_api_version=owner.api_version,
            owner_name=owner.name,
            owner_uid=owner.uid,
        )
    yield row
    yield from container_rows(
        pod,
        template.metadata.annotations if template.metadata else None,
        resource=kind.resource,
        kind=kind.name,
        namespace=namespace,
        name=metadata.name,
        uid=metadata.uid,
    )


def counts(*signs: object, **columns: int | None) -> dict[str, Any]:
    """Counts of a status. The API omits those that are 0, so an absent count is 0 once the controller has acted.

    Before that, all are None. API servers themselves write some zeros into the status of a new object.

    >>> counts(None, replicas=0, replicas_ready=None)
    {'replicas': None, 'replicas_ready': None}
    >>> counts(1, replicas=0, replicas_ready=None)
    {'replicas': 0, 'replicas_ready': 0}

    Args:
        signs: Fields of the status that only the controller sets. A count above 0 is another sign.
    """
    if any(signs) or any(columns.values()):
        return {column: count or 0 for column, count in columns.items()}
    return dict.fromkeys(columns)


def has_acted(generation: int | None, observed: int | None) -> bool:
    """Whether the controller has acted on the object as it is now.

    >>> has_acted(2, 1), has_acted(2, 2), has_acted(None, 1), has_acted(1, None)
    (False, True, True, False)
    """
    return observed is not None and observed >= (generation or 0)


def rolling_update(strategy: Strategy | None) -> dict[str, Any]:
    """The columns of a strategy."""
    if strategy is None:
        return {}
    rolling = strategy.rolling_update or RollingUpdate()
    return {
        "strategy": strategy.type,
        "max_unavailable": number_or_percentage(rolling.max_unavailable),
        "max_surge": number_or_percentage(rolling.max_surge),
    }


def number_or_percentage(written: int | str | None) -> str | None:
    """As text, since both are allowed.

    >>> number_or_percentage(0), number_or_percentage("25%"), number_or_percentage(None)
    ('0', '25%', None)
    """
    return None if written is None else str(written) or None


def _with_pod(row: tables.Workload, pod: PodSpec) -> tables.Workload:
    row = replace(row, **pod_security(pod.security_context), **restricted_volumes(unusual_volumes(pod.volumes)))
    return replace(
        row,
        service_account=pod.service_account_name or None,
        automount_service_account_token=pod.automount_service_account_token,
        restart_policy=pod.restart_policy or None,
        priority_class=pod.priority_class_name or None,
        runtime_class=pod.runtime_class_name or None,
        scheduler_name=pod.scheduler_name or None,
        termination_grace_period_seconds=pod.termination_grace_period_seconds,
        pod_level_resources=pod_level_resources(pod.resources),
        operating_system=operating_system(pod),
        node_selector=key_values(pod.node_selector),
        tolerations=tuple([_toleration(toleration) for toleration in pod.tolerations or ()]),
    )


def _toleration(toleration: Toleration) -> tables.Toleration:
    return tables.Toleration(
        key=toleration.key or None,
        operator=toleration.operator or None,
        value=toleration.value or None,
        effect=toleration.effect or None,
        toleration_seconds=toleration.toleration_seconds,
    )
