"""Workloads."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables import security
from job.tables.record import (
    Condition,
    KeyValue,
    OtherApiVersions,
    Part,
    PodResourceClaim,
    Record,
    SelectorExpression,
    Toleration,
)


class MountedVolume(Part, frozen=True, kw_only=True):
    """A volume of a pod template, or a source of a projected one."""

    name: Annotated[str, "Name of the volume."]
    type: Annotated[
        str | None,
        "Type, in the API's words: `configMap`, `secret`, `persistentVolumeClaim`, `emptyDir`, `hostPath`, `csi`, ...; "
        "of a source of a projected volume `projected/secret`, `projected/serviceAccountToken`, ... NULL for a type "
        "that is not known.",
    ] = None
    source: Annotated[
        str | None,
        "What it mounts: the name of the ConfigMap, the Secret or the claim, or the CSI driver. NULL for other types.",
    ] = None


class AffinityTerm(Part, frozen=True, kw_only=True):
    """A term of the affinity of a pod template."""

    type: Annotated[str, "`node`, `pod` or `pod_anti` (away from the pods that it selects)."]
    required: Annotated[
        bool, "Whether no pod is scheduled without it. Of several that are required of nodes, one is enough."
    ]
    weight: Annotated[int | None, "Weight from 1 to 100; NULL if it is required."] = None
    topology_key: Annotated[
        str | None,
        "Label of nodes whose value says how near is near: `kubernetes.io/hostname`, `topology.kubernetes.io/zone`, "
        "... NULL for nodes.",
    ] = None
    selector: Annotated[
        str | None,
        "Which nodes or pods, as `kubectl get --selector` takes it: `app=web,tier in (a,b)`. NULL for all or none of "
        "them: without a selector none, with an empty one all.",
    ] = None


class Workload(Record, frozen=True, kw_only=True):
    """A workload of any kind."""

    table = "workloads"
    description = (
        "A Deployment, StatefulSet, DaemonSet, Job or CronJob; a ReplicaSet that nothing controls or, while it wants "
        "Pods, a custom resource; a Pod without a controller; or a controller of another kind, such as a Rollout, "
        "known through its Pods alone. Columns that do not apply to a kind are NULL."
    )
    read_from = "*"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "resource", "namespace", "name", "uid")

    resource: Annotated[
        str, "API resource that the workload was read from: `deployments`, ...; `pods` if it is known through its Pods."
    ]
    kind: Annotated[
        str,
        "`Deployment`, `StatefulSet`, `DaemonSet`, `Job`, `CronJob`, `ReplicaSet` or `Pod`; any other kind, such as "
        "`Rollout`, if it is known through its Pods.",
    ]
    api_version: Annotated[str, "apiVersion of the kind: `apps/v1`, `batch/v1`, `argoproj.io/v1alpha1`, ..."]
    known_through_pods: Annotated[
        bool,
        "True if its kind has no table, so that what it runs is known only as the topmost controller of Pods: a "
        "`Rollout`, a `GameServer`, the `Node` of static Pods, ... `replicas`, `replicas_ready`, `succeeded` and "
        "`failed` then count those Pods, `labels` are those that all of them have, and `host_network`, `host_pid` and "
        "`host_ipc` say whether any of them does. It has one row for each namespace of its Pods, and none without "
        "Pods, or while the list of a kind between it and its Pods cannot be read: their `workload_resolution` is "
        "then `not_read`.",
    ]
    namespace: Annotated[str, "Namespace of the workload."]
    name: Annotated[str, "Name of the workload."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the workload was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    generation: Annotated[int | None, "Generation of the specification."] = None
    observed_generation: Annotated[int | None, "Generation that the controller last acted on."] = None
    owner_kind: Annotated[str | None, "Kind of the controller, such as `CronJob` or a custom resource."] = None
    owner_api_version: Annotated[str | None, "apiVersion of the controller."] = None
    owner_name: Annotated[str | None, "Name of the controller."] = None
    owner_uid: Annotated[str | None, "UID of the controller."] = None
    managed_by: Annotated[
        str | None,
        "What puts the workload in place, by its labels, annotations and field managers: `argocd`, `flux`, "
        "`config_sync`, `gke` (an add-on), `helm`, `terraform`, `pulumi`, `kubectl` or `console`; else its label "
        "`app.kubernetes.io/managed-by` in lower case. The first of these that holds; NULL if none does.",
    ] = None
    managed_by_name: Annotated[
        str | None,
        "Its name there: the application of Argo CD; `NAMESPACE/NAME` of Flux's Kustomization or HelmRelease; Config "
        "Sync's RootSync, or RepoSync after its namespace; the release of Helm. NULL if it is no valid name.",
    ] = None
    managed_by_key: Annotated[
        str | None,
        "The label or annotation that says so: `argocd.argoproj.io/tracking-id`, `meta.helm.sh/release-name`, ...; "
        "`managedFields` for a field manager.",
    ] = None
    field_managers: Annotated[
        tuple[str, ...],
        "Names in `managedFields` of who has written its fields, in order: `Terraform`, `kubectl-client-side-apply`, "
        "... The first 20; not those who wrote a subresource alone, such as the status, and no name with unusual "
        "characters. Empty for Pods.",
    ] = ()
    other_api_versions: OtherApiVersions = ()
    replicas_wanted: Annotated[
        int | None,
        "Number of pods wanted: `spec.replicas`, a DaemonSet's `desiredNumberScheduled`, a Job's `parallelism`.",
    ] = None
    replicas: Annotated[
        int | None,
        "Number of pods: `status.replicas`, a DaemonSet's `currentNumberScheduled`. This and the other counts of a "
        "status are NULL until the status shows that the controller has acted: by `observedGeneration`, a condition or "
        "start time of a Job, a time of a CronJob, or a count above 0.",
    ] = None
    replicas_ready: Annotated[int | None, "Number of pods that are ready."] = None
    replicas_available: Annotated[int | None, "Number of pods that have been ready for `minReadySeconds`."] = None
    replicas_updated: Annotated[int | None, "Number of pods of the current template."] = None
    replicas_unavailable: Annotated[int | None, "Number of pods that are wanted but not available."] = None
    strategy: Annotated[str | None, "Update strategy: `RollingUpdate`, `Recreate`, `OnDelete`."] = None
    max_unavailable: Annotated[
        str | None,
        "How many pods a rolling update may take away at once: a number or a percentage, as written: `1`, `25%`. NULL "
        "if it is not written, and for kinds without rolling updates.",
    ] = None
    max_surge: Annotated[
        str | None,
        "How many pods more than wanted a rolling update of a Deployment or DaemonSet may have, in the same form.",
    ] = None
    rolling_update_partition: Annotated[
        int | None,
        "Pods of a StatefulSet with a lower ordinal are not updated: `updateStrategy.rollingUpdate.partition`; NULL "
        "for other kinds.",
    ] = None
    paused: Annotated[bool | None, "Whether the rollout of a Deployment is paused; NULL for other kinds."] = None
    selector: Annotated[tuple[KeyValue, ...], "`matchLabels` of the selector."] = ()
    selector_expressions: Annotated[
        tuple[SelectorExpression, ...], "Further terms of the selector (`matchExpressions`)."
    ] = ()
    service_name: Annotated[str | None, "Governing Service of a StatefulSet."] = None
    completions: Annotated[int | None, "Number of completions that a Job, or each Job of a CronJob, needs."] = None
    backoff_limit: Annotated[int | None, "Number of retries of a Job, or of each Job of a CronJob."] = None
    active: Annotated[int | None, "Number of running pods of a Job, or of running Jobs of a CronJob."] = None
    succeeded: Annotated[int | None, "Number of pods of a Job that succeeded."] = None
    failed: Annotated[int | None, "Number of pods of a Job that failed."] = None
    started_at: Annotated[datetime | None, "When a Job was started."] = None
    completed_at: Annotated[datetime | None, "When a Job completed."] = None
    suspended: Annotated[bool | None, "Whether a Job or CronJob is suspended; NULL for other kinds."] = None
    schedule: Annotated[str | None, "Schedule of a CronJob."] = None
    time_zone: Annotated[str | None, "Time zone of the schedule; NULL for that of the controller, UTC on GKE."] = None
    concurrency_policy: Annotated[str | None, "`Allow`, `Forbid` or `Replace`."] = None
    last_scheduled_at: Annotated[datetime | None, "When a CronJob last started a Job."] = None
    last_succeeded_at: Annotated[datetime | None, "When a Job of a CronJob last succeeded."] = None
    service_account: Annotated[str | None, "Service account of the pods."] = None
    automount_service_account_token: security.ServiceAccountToken = None
    restart_policy: Annotated[str | None, "`Always`, `OnFailure` or `Never`."] = None
    priority_class: Annotated[str | None, "Priority class of the pods."] = None
    runtime_class: Annotated[str | None, "Runtime class of the pods: `gvisor`."] = None
    scheduler_name: Annotated[str | None, "Scheduler of the pods."] = None
    termination_grace_period_seconds: Annotated[int | None, "Seconds from SIGTERM to SIGKILL."] = None
    host_network: security.HostNetwork
    host_pid: security.HostPid
    host_ipc: security.HostIpc
    host_paths: security.HostPaths = ()
    restricted_volumes: security.RestrictedVolumes = ()
    sysctls: security.Sysctls = ()
    host_process: security.PodHostProcess = None
    run_as_non_root: security.PodRunAsNonRoot = None
    run_as_user: security.PodRunAsUser = None
    run_as_user_name: security.PodRunAsUserName = None
    seccomp_profile: security.PodSeccompProfile = None
    apparmor_profile: security.PodAppArmorProfile = None
    selinux_options: security.PodSELinuxOptions = ()
    pod_level_resources: security.PodLevelResources = ()
    operating_system: Annotated[
        str | None,
        "`linux` or `windows`, where `spec.os` or the node selector `kubernetes.io/os` of the pods says so; else NULL.",
    ] = None
    node_selector: Annotated[tuple[KeyValue, ...], "Node selector of the pods."] = ()
    spread_topology_keys: Annotated[
        tuple[str, ...],
        "Labels of nodes over whose values the template spreads the pods: `topology.kubernetes.io/zone`, "
        "`kubernetes.io/hostname`, ... Those of spread constraints, and of pod anti-affinity, required or preferred, "
        "that select the pods themselves.",
    ] = ()
    tolerations: Annotated[tuple[Toleration, ...], "Tolerations of the pods."] = ()
    template_labels: Annotated[
        tuple[KeyValue, ...], "Labels of the pod template. Empty for a Pod without a controller: see `labels`."
    ] = ()
    image_pull_secrets: Annotated[
        tuple[str, ...],
        "Names of the Secrets with which images are pulled, by the template. This column, `volumes` and `affinity` are "
        "not read of a Pod without a controller, and empty.",
    ] = ()
    volumes: Annotated[tuple[MountedVolume, ...], "Volumes of the template, with the names of what they mount."] = ()
    affinity: Annotated[
        tuple[AffinityTerm, ...], "Affinity to nodes and pods, and anti-affinity to pods, of the template."
    ] = ()
    scheduling_gates: Annotated[tuple[str, ...], "Names of the scheduling gates with which pods begin."] = ()
    resource_claims: Annotated[
        tuple[PodResourceClaim, ...], "Claims of devices by the pods (dynamic resource allocation)."
    ] = ()
    conditions: Annotated[tuple[Condition, ...], "Status conditions."] = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the workload."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
