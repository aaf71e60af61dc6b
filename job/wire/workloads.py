"""Parts that several kinds of workloads share (`apps/v1`, `batch/v1`)."""

from __future__ import annotations

from job.wire.meta import Int64, LabelSelector, Wire
from job.wire.pod_spec import PodTemplateSpec


class Strategy(Wire, frozen=True):
    type: str | None = None


class JobSpec(Wire, frozen=True):
    parallelism: Int64 | None = None
    completions: Int64 | None = None
    backoff_limit: Int64 | None = None
    suspend: bool | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None
