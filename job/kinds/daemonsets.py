"""DaemonSets (`apps/v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.scope import Scope
from job.kinds.parts.selectors import label_selector
from job.kinds.parts.workloads import counts, rolling_update, workload_rows
from job.wire.meta import Condition, Elements, Int64, LabelSelector, ManagedMeta, Wire
from job.wire.pod_spec import PodTemplateSpec
from job.wire.workloads import Strategy


class DaemonSetSpec(Wire, frozen=True):
    update_strategy: Strategy | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class DaemonSetStatus(Wire, frozen=True):
    observed_generation: Int64 | None = None
    desired_number_scheduled: Int64 | None = None
    current_number_scheduled: Int64 | None = None
    number_ready: Int64 | None = None
    number_available: Int64 | None = None
    number_unavailable: Int64 | None = None
    updated_number_scheduled: Int64 | None = None
    conditions: Elements[Condition] | None = None


class DaemonSet(Wire, frozen=True):
    metadata: ManagedMeta
    spec: DaemonSetSpec | None = None
    status: DaemonSetStatus | None = None


def daemonset_rows(daemonset: DaemonSet, scope: Scope) -> Iterator[tables.Record]:
    """The DaemonSet's row and those of its containers."""
    spec, status = daemonset.spec or DaemonSetSpec(), daemonset.status or DaemonSetStatus()
    yield from workload_rows(
        KIND,
        daemonset.metadata,
        spec.template,
        scope,
        status.conditions,
        observed_generation=status.observed_generation,
        **counts(
            status.observed_generation,
            replicas_wanted=status.desired_number_scheduled,
            replicas=status.current_number_scheduled,
            replicas_ready=status.number_ready,
            replicas_available=status.number_available,
            replicas_updated=status.updated_number_scheduled,
            replicas_unavailable=status.number_unavailable,
        ),
        **rolling_update(spec.update_strategy),
        **label_selector(spec.selector),
    )


KIND = Kind("daemonsets", "/apis/apps/v1/daemonsets", DaemonSet, daemonset_rows, controls="DaemonSet")
