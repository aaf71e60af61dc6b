"""The status of a pod and of its containers (`v1`).

Fields are in the order in which API servers write them: msgspec finds the next field fastest there.
"""

from __future__ import annotations

from msgspec import field

from job.wire.meta import Condition, Elements, Int32, Int64, Quantities, Time, Wire, check_years
from job.wire.pod_spec import ResourceRequirements


class ContainerStateWaiting(Wire, frozen=True):
    reason: str | None = None


class ContainerStateRunning(Wire, frozen=True):
    started_at: Time | None = None

    def __post_init__(self) -> None:
        check_years(self.started_at)


class ContainerStateTerminated(Wire, frozen=True):
    """`message` is never decoded: the program in the container writes it."""

    exit_code: Int64 | None = None
    signal: Int64 | None = None
    reason: str | None = None
    started_at: Time | None = None
    finished_at: Time | None = None

    def __post_init__(self) -> None:
        check_years(self.started_at, self.finished_at)


class ContainerState(Wire, frozen=True):
    waiting: ContainerStateWaiting | None = None
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None


class ContainerStatus(Wire, frozen=True):
    name: str
    state: ContainerState | None = None
    last_state: ContainerState | None = None
    ready: bool | None = None
    restart_count: Int32 | None = None
    image: str | None = None
    image_id: str | None = field(default=None, name="imageID")
    container_id: str | None = field(default=None, name="containerID")
    started: bool | None = None
    allocated_resources: Quantities | None = None
    resources: ResourceRequirements | None = None


class PodResourceClaimStatus(Wire, frozen=True):
    name: str
    resource_claim_name: str | None = None


class PodStatus(Wire, frozen=True):
    phase: str | None = None
    conditions: Elements[Condition] | None = None
    reason: str | None = None
    host_ip: str | None = field(default=None, name="hostIP")
    pod_ip: str | None = field(default=None, name="podIP")
    start_time: Time | None = None
    init_container_statuses: Elements[ContainerStatus] | None = None
    container_statuses: Elements[ContainerStatus] | None = None
    qos_class: str | None = None
    ephemeral_container_statuses: Elements[ContainerStatus] | None = None
    resize: str | None = None
    resource_claim_statuses: Elements[PodResourceClaimStatus] | None = None
    allocated_resources: Quantities | None = None
    resources: ResourceRequirements | None = None

    def __post_init__(self) -> None:
        check_years(self.start_time)
