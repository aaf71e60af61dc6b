"""Running containers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Record


class PodContainer(Record, frozen=True, kw_only=True):
    """A container as it runs."""

    table = "pod_containers"
    description = "A container of a pod as it runs: image and digest, state, restarts, last termination."
    read_from = "pods"
    clustering = ("project_id", "cluster", "namespace", "pod")

    namespace: Annotated[str, "Namespace of the pod."]
    pod: Annotated[str, "Name of the pod."]
    pod_uid: Annotated[str, "UID of the pod."]
    container_type: Annotated[str, "`init`, `sidecar`, `regular` or `ephemeral`, as in `containers`."]
    position: Annotated[int, "Place among the containers of its list, from 0."]
    name: Annotated[str, "Name of the container."]
    image: Annotated[str | None, "Image wanted, as written."] = None
    image_registry: Annotated[str | None, "Registry of the image wanted."] = None
    image_repository: Annotated[str | None, "Repository of the image wanted."] = None
    image_tag: Annotated[str | None, "Tag of the image wanted."] = None
    image_digest: Annotated[str | None, "Digest of the image wanted, where it is pinned."] = None
    running_image: Annotated[str | None, "Image as the kubelet tells it."] = None
    running_digest: Annotated[
        str | None, "Digest of the image that runs; the id of one that came from no registry."
    ] = None
    container_id: Annotated[str | None, "Its runtime and its id there: `containerd://...`."] = None
    state: Annotated[str | None, "`waiting`, `running` or `terminated`; NULL where the kubelet has not told."] = None
    state_reason: Annotated[str | None, "`CrashLoopBackOff`, `ImagePullBackOff`, `Completed`, `OOMKilled`, ..."] = None
    exit_code: Annotated[int | None, "Exit code, where it is terminated."] = None
    signal: Annotated[int | None, "Signal that ended it, where one did."] = None
    started_at: Annotated[datetime | None, "When it was started."] = None
    finished_at: Annotated[datetime | None, "When it ended."] = None
    ready: Annotated[bool | None, "It is ready."] = None
    started: Annotated[bool | None, "Its startup probe has passed."] = None
    restarts: Annotated[int | None, "Times it was restarted."] = None
    last_state_reason: Annotated[str | None, "Why the run before ended."] = None
    last_exit_code: Annotated[int | None, "Exit code of the run before."] = None
    last_signal: Annotated[int | None, "Signal that ended the run before."] = None
    last_started_at: Annotated[datetime | None, "When the run before was started."] = None
    last_finished_at: Annotated[datetime | None, "When the run before ended."] = None
    cpu_request_millicores: Annotated[int | None, "CPU requested, in thousandths of a core, rounded up."] = None
    cpu_limit_millicores: Annotated[int | None, "CPU limit."] = None
    memory_request_bytes: Annotated[int | None, "Memory requested, in bytes, rounded up."] = None
    memory_limit_bytes: Annotated[int | None, "Memory limit."] = None
