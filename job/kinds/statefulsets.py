"""StatefulSets (`apps/v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.scope import Scope
from job.kinds.parts.selectors import label_selector
from job.kinds.parts.workloads import counts, number_or_percentage, workload_rows
from job.wire.meta import Condition, Elements, Int64, LabelSelector, ManagedMeta, Wire
from job.wire.pod_spec import PodTemplateSpec


class RollingUpdateStatefulSetStrategy(Wire, frozen=True):
    partition: Int64 | None = None
    max_unavailable: Int64 | str | None = None


class StatefulSetUpdateStrategy(Wire, frozen=True):
    type: str | None = None
    rolling_update: RollingUpdateStatefulSetStrategy | None = None


class StatefulSetSpec(Wire, frozen=True):
    replicas: Int64 | None = None
    service_name: str | None = None
    update_strategy: StatefulSetUpdateStrategy | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class StatefulSetStatus(Wire, frozen=True):
    observed_generation: Int64 | None = None
    replicas: Int64 | None = None
    ready_replicas: Int64 | None = None
    available_replicas: Int64 | None = None
    updated_replicas: Int64 | None = None
    conditions: Elements[Condition] | None = None


class StatefulSet(Wire, frozen=True):
    metadata: ManagedMeta
    spec: StatefulSetSpec | None = None
    status: StatefulSetStatus | None = None


def statefulset_rows(statefulset: StatefulSet, scope: Scope) -> Iterator[tables.Record]:
    """The StatefulSet's row and those of its containers."""
    spec, status = statefulset.spec or StatefulSetSpec(), statefulset.status or StatefulSetStatus()
    strategy = spec.update_strategy or StatefulSetUpdateStrategy()
    rolling = strategy.rolling_update or RollingUpdateStatefulSetStrategy()
    yield from workload_rows(
        KIND,
        statefulset.metadata,
        spec.template,
        scope,
        status.conditions,
        observed_generation=status.observed_generation,
        replicas_wanted=spec.replicas,
        **counts(
            status.observed_generation,
            replicas=status.replicas,
            replicas_ready=status.ready_replicas,
            replicas_available=status.available_replicas,
            replicas_updated=status.updated_replicas,
        ),
        strategy=strategy.type,
        rolling_update_partition=rolling.partition,
        max_unavailable=number_or_percentage(rolling.max_unavailable),
        **label_selector(spec.selector),
        service_name=spec.service_name or None,
    )


KIND = Kind("statefulsets", "/apis/apps/v1/statefulsets", StatefulSet, statefulset_rows, controls="StatefulSet")
