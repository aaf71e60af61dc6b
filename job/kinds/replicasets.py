"""ReplicaSets (`apps/v1`) that no Deployment controls. Those of Deployments have no rows."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import controller_of
from job.kinds.parts.scope import Scope
from job.kinds.parts.selectors import label_selector
from job.kinds.parts.workloads import counts, workload_rows
from job.wire.meta import Condition, Elements, Int64, LabelSelector, ManagedMeta, Wire
from job.wire.pod_spec import PodTemplateSpec


class ReplicaSetSpec(Wire, frozen=True):
    replicas: Int64 | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class ReplicaSetStatus(Wire, frozen=True):
    observed_generation: Int64 | None = None
    replicas: Int64 | None = None
    ready_replicas: Int64 | None = None
    available_replicas: Int64 | None = None
    conditions: Elements[Condition] | None = None


class ReplicaSet(Wire, frozen=True):
    metadata: ManagedMeta
    spec: ReplicaSetSpec | None = None
    status: ReplicaSetStatus | None = None


def replicaset_rows(replicaset: ReplicaSet, scope: Scope) -> Iterator[tables.Record]:
    """The ReplicaSet's row and those of its containers.

    No rows where a Deployment controls it, which has its template; nor where something else does, such as a Rollout,
    and it is one of the older ones that want no Pods.
    """
    spec, status = replicaset.spec or ReplicaSetSpec(), replicaset.status or ReplicaSetStatus()
    if (owner := controller_of(replicaset.metadata)) is not None:
        wants_pods = spec.replicas != 0 or bool(status.replicas)
        if not wants_pods or (owner.kind == "Deployment" and owner.api_version.startswith("apps/")):
            return
    yield from workload_rows(
        KIND,
        replicaset.metadata,
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
        ),
        **label_selector(spec.selector),
    )


KIND = Kind("replicasets", "/apis/apps/v1/replicasets", ReplicaSet, replicaset_rows, controls="ReplicaSet")
