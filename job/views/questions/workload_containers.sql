-- Which containers does each workload run or, where none of its pods runs, does its template ask for?
-- One row for each container of each pod that has not succeeded or failed: also of a pod that a custom resource or a
-- node controls, of one that a webhook has changed, and of a debugging session. Where a workload has no such pod, since
-- none is wanted, none was made yet, or its pods could not be read: one row for each container of its template; not
-- where a pod's controller could not be read and may be the workload's. Jobs of a CronJob have its template, and no rows.
-- Scans what pods, pod_containers, workloads and containers scan.
--
-- SELECT cluster, namespace, workload_name, container, image FROM workload_containers WHERE privileged
--
-- project_id, location, cluster, namespace FROM pods
-- workload_api_group STRING: API group of the kind, such as `apps`. Empty for the core group, so for a pod and a node.
-- workload_kind STRING: Kind of the topmost controller; `Pod` for a pod that nothing controls. Of a template: kind of
--   the workload that has it.
-- workload_name STRING: Name of that controller or workload.
-- pod STRING: Name of the pod. NULL for a template.
-- container_type, name AS container, image FROM pod_containers
-- operating_system STRING: `linux` or `windows`. NULL where neither the pod nor its node says it.
-- cpu_request_millicores, cpu_limit_millicores, memory_request_bytes, memory_limit_bytes FROM pod_containers
-- unparsed_quantities FROM pod_containers
-- pod_level_resources, host_network, host_pid, host_ipc, host_paths, restricted_volumes, sysctls FROM pods
-- host_ports, probe_hosts, privileged, allow_privilege_escalation, capabilities_added FROM pod_containers
-- capabilities_dropped, proc_mount FROM pod_containers
-- host_process BOOL: Whether it is a `hostProcess` container of Windows, by its security context or by the pod's.
-- run_as_non_root BOOL: `runAsNonRoot` of its security context, else of the pod's.
-- run_as_user INT64: `runAsUser` of its security context, else of the pod's. NULL for that of the image.
-- run_as_user_name STRING: `runAsUserName` of its security context, else of the pod's. NULL for that of the image.
-- seccomp_profile STRING: Type of the seccomp profile in its security context, else in the pod's.
-- apparmor_profile STRING: Type of the AppArmor profile in its security context, else in the pod's.
-- selinux_options ARRAY<STRING>: SELinux options in its security context, else in the pod's.
-- pod_run_as_non_root BOOL: `runAsNonRoot` of the pod's security context, which its containers may override.
-- pod_run_as_user INT64: `runAsUser` of it.
-- pod_seccomp_profile STRING: Type of its seccomp profile.
-- pod_apparmor_profile STRING: Type of its AppArmor profile.
-- pod_selinux_options ARRAY<STRING>: Its SELinux options.
-- snapshot_id, snapshot_time, read_at, read_age_seconds, read_status FROM pods

WITH
  running AS (
    SELECT *
    FROM ${dataset}.pods
    WHERE COALESCE(phase, 'Unknown') NOT IN ('Succeeded', 'Failed')
  ),
  -- every workload that a running pod belongs to, at whatever height above it
  occupied AS (
    SELECT project_id, location, cluster, workload_uid AS uid FROM running
    UNION DISTINCT
    SELECT project_id, location, cluster, owner_uid FROM running
    UNION DISTINCT
    SELECT project_id, location, cluster, middle FROM running CROSS JOIN UNNEST(middle_owner_uids) AS middle
  ),
  -- direct controllers that could not be read, so that nobody knows the Deployment or CronJob above them
  unresolved AS (
    SELECT DISTINCT
      project_id,
      location,
      cluster,
      namespace,
      CASE owner_kind WHEN 'ReplicaSet' THEN 'Deployment' WHEN 'Job' THEN 'CronJob' END AS workload_kind,
      owner_name
    FROM running
    WHERE workload_resolution = 'not_read'
  )
SELECT
  p.project_id,
  p.location,
  p.cluster,
  p.namespace,
  COALESCE(REGEXP_EXTRACT(p.workload_api_version, r'^(.*)/'), '') AS workload_api_group,
  p.workload_kind,
  p.workload_name,
  p.name AS pod,
  c.container_type,
  c.name AS container,
  c.image,
  p.operating_system,
  c.cpu_request_millicores,
  c.cpu_limit_millicores,
  c.memory_request_bytes,
  c.memory_limit_bytes,
  c.unparsed_quantities,
  p.pod_level_resources,
  p.host_network,
  p.host_pid,
  p.host_ipc,
  p.host_paths,
  p.restricted_volumes,
  p.sysctls,
  c.host_ports,
  c.probe_hosts,
  c.privileged,
  c.allow_privilege_escalation,
  c.capabilities_added,
  c.capabilities_dropped,
  c.proc_mount,
  COALESCE(c.host_process, p.host_process) AS host_process,
  COALESCE(c.run_as_non_root, p.run_as_non_root) AS run_as_non_root,
  COALESCE(c.run_as_user, p.run_as_user) AS run_as_user,
  COALESCE(c.run_as_user_name, p.run_as_user_name) AS run_as_user_name,
  COALESCE(c.seccomp_profile, p.seccomp_profile) AS seccomp_profile,
  COALESCE(c.apparmor_profile, p.apparmor_profile) AS apparmor_profile,
  IF(ARRAY_LENGTH(c.selinux_options) > 0, c.selinux_options, p.selinux_options) AS selinux_options,
  p.run_as_non_root AS pod_run_as_non_root,
  p.run_as_user AS pod_run_as_user,
  p.seccomp_profile AS pod_seccomp_profile,
  p.apparmor_profile AS pod_apparmor_profile,
  p.selinux_options AS pod_selinux_options,
  p.snapshot_id,
  p.snapshot_time,
  p.read_at,
  p.read_age_seconds,
  p.read_status
FROM running AS p
JOIN ${dataset}.pod_containers AS c ON c.snapshot_id = p.snapshot_id AND c.pod_uid = p.uid
UNION ALL
SELECT
  w.project_id,
  w.location,
  w.cluster,
  w.namespace,
  COALESCE(REGEXP_EXTRACT(w.api_version, r'^(.*)/'), ''),
  w.kind,
  w.name,
  NULL,
  c.container_type,
  c.name,
  c.image,
  w.operating_system,
  c.cpu_request_millicores,
  c.cpu_limit_millicores,
  c.memory_request_bytes,
  c.memory_limit_bytes,
  c.unparsed_quantities,
  w.pod_level_resources,
  w.host_network,
  w.host_pid,
  w.host_ipc,
  w.host_paths,
  w.restricted_volumes,
  w.sysctls,
  c.host_ports,
  c.probe_hosts,
  c.privileged,
  c.allow_privilege_escalation,
  c.capabilities_added,
  c.capabilities_dropped,
  c.proc_mount,
  COALESCE(c.host_process, w.host_process),
  COALESCE(c.run_as_non_root, w.run_as_non_root),
  COALESCE(c.run_as_user, w.run_as_user),
  COALESCE(c.run_as_user_name, w.run_as_user_name),
  COALESCE(c.seccomp_profile, w.seccomp_profile),
  COALESCE(c.apparmor_profile, w.apparmor_profile),
  IF(ARRAY_LENGTH(c.selinux_options) > 0, c.selinux_options, w.selinux_options),
  w.run_as_non_root,
  w.run_as_user,
  w.seccomp_profile,
  w.apparmor_profile,
  w.selinux_options,
  w.snapshot_id,
  w.snapshot_time,
  w.read_at,
  w.read_age_seconds,
  w.read_status
FROM ${dataset}.workloads AS w
JOIN ${dataset}.containers AS c
  ON c.snapshot_id = w.snapshot_id AND c.resource = w.resource AND c.workload_uid = w.uid
LEFT JOIN occupied AS o
  ON o.project_id = w.project_id AND o.location = w.location AND o.cluster = w.cluster AND o.uid = w.uid
LEFT JOIN unresolved AS u
  ON u.project_id = w.project_id
  AND u.location = w.location
  AND u.cluster = w.cluster
  AND u.namespace = w.namespace
  AND u.workload_kind = w.kind
  AND STARTS_WITH(u.owner_name, CONCAT(w.name, '-'))
LEFT JOIN (
  SELECT project_id, location, cluster, uid FROM ${dataset}.workloads WHERE resource = 'cronjobs'
) AS cronjob
  ON cronjob.project_id = w.project_id
  AND cronjob.location = w.location
  AND cronjob.cluster = w.cluster
  AND cronjob.uid = w.owner_uid
WHERE
  o.uid IS NULL
  AND u.owner_name IS NULL
  -- a pod is no template: one that nothing controls is above, unless it has ended
  AND w.resource <> 'pods'
  AND cronjob.uid IS NULL
