"""Parts that several kinds of workloads share (`apps/v1`, `batch/v1`)."""

from __future__ import annotations

from job.wire.meta import Int64, LabelSelector, Wire
from job.wire.pod_spec import PodTemplateSpec


class RollingUpdate(Wire, frozen=True):
    """Numbers or percentages: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-surge"""

    max_unavailable: Int64 | str | None = None
    max_surge: Int64 | str | None = None


class Strategy(Wire, frozen=True):
    type: str | None = None
    rolling_update: RollingUpdate | None = None


class JobSpec(Wire, frozen=True):
    parallelism: Int64 | None = None
    completions: Int64 | None = None
    backoff_limit: Int64 | None = None
    suspend: bool | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None
