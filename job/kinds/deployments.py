"""Deployments (`apps/v1`)."""

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


class DeploymentSpec(Wire, frozen=True):
    replicas: Int64 | None = None
    paused: bool | None = None
    strategy: Strategy | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class DeploymentStatus(Wire, frozen=True):
    observed_generation: Int64 | None = None
    replicas: Int64 | None = None
    ready_replicas: Int64 | None = None
    available_replicas: Int64 | None = None
    updated_replicas: Int64 | None = None
    unavailable_replicas: Int64 | None = None
    conditions: Elements[Condition] | None = None


class Deployment(Wire, frozen=True):
    metadata: ManagedMeta
    spec: DeploymentSpec | None = None
    status: DeploymentStatus | None = None


def deployment_rows(deployment: Deployment, scope: Scope) -> Iterator[tables.Record]:
    """The Deployment's row and those of its containers."""
    spec, status = deployment.spec or DeploymentSpec(), deployment.status or DeploymentStatus()
    yield from workload_rows(
        KIND,
        deployment.metadata,
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
            replicas_unavailable=status.unavailable_replicas,
        ),
        **rolling_update(spec.strategy),
        paused=bool(spec.paused),
        **label_selector(spec.selector),
    )


KIND = Kind("deployments", "/apis/apps/v1/deployments", Deployment, deployment_rows, controls="Deployment")
