-- Which rules of the Pod Security Standards does each workload break, and in which container?
-- One row for each rule that a container breaks, or a pod where the rule is about the whole pod; see
-- https://kubernetes.io/docs/concepts/security/pod-security-standards/. What its running pods do counts; the template
-- only where none runs. Nothing that only Linux has is said of a pod on Windows. Filter on rule, level or severity before
-- you count: most containers break some rule of `restricted`. `WHERE rule = 'privileged'` has the privileged containers,
-- `WHERE severity = 'critical'` all that own their node, and `COUNT(DISTINCT workload_name)` counts workloads.
-- Scans what workload_containers scans.
--
-- SELECT rule, level, severity, COUNT(DISTINCT CONCAT(cluster, '/', namespace, '/', workload_kind, '/', workload_name)) AS workloads FROM privileged GROUP BY 1, 2, 3
--
-- project_id, location, cluster, namespace, workload_api_group, workload_kind, workload_name FROM workload_containers
-- pod STRING: One of the running pods that break the rule. NULL for a template.
-- pods INT64: How many running pods break it. 0 for a template.
-- container_type STRING: `init`, `sidecar`, `regular` or `ephemeral`. NULL where the pod breaks the rule.
-- container STRING: Name of the container. NULL where the pod breaks the rule: its own security context breaks it too
--   where every container overrides that.
-- rule STRING: What the pod or container does. Of level `baseline`: `privileged`; `host_process` (Windows);
--   `host_network`, `host_pid`, `host_ipc` (it shares a namespace of the node); `host_path` (it mounts a folder of the
--   node); `host_port`; `probe_host` (a probe or lifecycle hook makes the kubelet connect to another host);
--   `capabilities_added` (others than the container runtime's defaults); `apparmor_unconfined`; `seccomp_unconfined`;
--   `selinux_options` (a user, a role, or a type that is not a container's); `proc_unmasked`; `sysctls` (unsafe ones). Of
--   level `restricted`: `volume_types`; `escalation_allowed` (the default);
--   `root_allowed` (neither the container nor its pod asks for another user than root); `root_user` (it asks for root);
--   `non_root_not_required` (it asks for another user, but not for `runAsNonRoot`); `seccomp_unset`;
--   `capabilities_not_dropped` (not `ALL`); `capabilities_beyond_net_bind_service` (a default one is added).
-- level STRING: `baseline` or `restricted`: the least strict standard that forbids it.
-- severity STRING: `critical`: it owns the node. `high`: it reaches into the node. `medium`: it weakens the isolation
--   from the node. `low`: it is what `restricted` forbids.
-- details ARRAY<STRING>: The capabilities, paths, ports, options, parameters or types that break the rule, as a list for
--   each container.
-- snapshot_id, snapshot_time, read_at, read_age_seconds, read_status FROM workload_containers

WITH
  judged AS (
    SELECT
      *,
      COALESCE(operating_system, '') <> 'windows' AS linux,
      ARRAY(SELECT a FROM UNNEST(capabilities_added) AS a WHERE a NOT IN (
        'AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP',
        'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT'
      )) AS capabilities_beyond_default,
      ARRAY(SELECT a FROM UNNEST(capabilities_added) AS a WHERE a IN (
        'AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'SETFCAP',
        'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT'
      )) AS default_capabilities,
      ARRAY(SELECT o FROM UNNEST(selinux_options) AS o WHERE o NOT IN (
        'type:container_t', 'type:container_init_t', 'type:container_kvm_t', 'type:container_engine_t'
      )) AS unusual_selinux_options,
      ARRAY(SELECT o FROM UNNEST(pod_selinux_options) AS o WHERE o NOT IN (
        'type:container_t', 'type:container_init_t', 'type:container_kvm_t', 'type:container_engine_t'
      )) AS unusual_pod_selinux_options,
      ARRAY(SELECT s FROM UNNEST(sysctls) AS s WHERE s NOT IN (
        'kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.ip_local_reserved_ports',
        'net.ipv4.ip_unprivileged_port_start', 'net.ipv4.ping_group_range', 'net.ipv4.tcp_fin_timeout',
        'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_keepalive_time',
        'net.ipv4.tcp_rmem', 'net.ipv4.tcp_syncookies', 'net.ipv4.tcp_wmem'
      )) AS unsafe_sysctls,
      ARRAY(SELECT CAST(h AS STRING) FROM UNNEST(host_ports) AS h) AS host_port_numbers,
      -- Windows has no user 0; its users have names, and without one the image decides
      IF(
        COALESCE(operating_system, '') = 'windows',
        COALESCE(
          LOWER(run_as_user_name) <> 'containeradministrator' AND NOT ENDS_WITH(LOWER(run_as_user_name), 'system'),
          FALSE
        ),
        COALESCE(run_as_user, 0) <> 0
      ) AS another_user
    FROM ${dataset}.workload_containers
  ),
  broken AS (
    SELECT
      j.project_id,
      j.location,
      j.cluster,
      j.namespace,
      j.workload_api_group,
      j.workload_kind,
      j.workload_name,
      j.pod,
      IF(rule.of_pod, NULL, j.container_type) AS container_type,
      IF(rule.of_pod, NULL, j.container) AS container,
      rule.rule,
      rule.level,
      rule.severity,
      rule.detail,
      j.snapshot_id,
      j.snapshot_time,
      j.read_at,
      j.read_age_seconds,
      j.read_status
    FROM judged AS j
    CROSS JOIN UNNEST([
      STRUCT(
        'privileged' AS rule,
        'baseline' AS level,
        'critical' AS severity,
        FALSE AS of_pod,
        j.linux AND COALESCE(j.privileged, FALSE) AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'host_process' AS rule,
        'baseline' AS level,
        'critical' AS severity,
        FALSE AS of_pod,
        COALESCE(j.host_process, FALSE) AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'host_network' AS rule,
        'baseline' AS level,
        'high' AS severity,
        TRUE AS of_pod,
        j.host_network AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'host_pid' AS rule,
        'baseline' AS level,
        'high' AS severity,
        TRUE AS of_pod,
        j.linux AND j.host_pid AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'host_ipc' AS rule,
        'baseline' AS level,
        'high' AS severity,
        TRUE AS of_pod,
        j.linux AND j.host_ipc AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'host_path' AS rule,
        'baseline' AS level,
        'high' AS severity,
        TRUE AS of_pod,
        ARRAY_LENGTH(j.host_paths) > 0 AS is_broken,
        ARRAY_TO_STRING(j.host_paths, ', ') AS detail
      ),
      STRUCT(
        'capabilities_added' AS rule,
        'baseline' AS level,
        'high' AS severity,
        FALSE AS of_pod,
        j.linux AND ARRAY_LENGTH(j.capabilities_beyond_default) > 0 AS is_broken,
        ARRAY_TO_STRING(j.capabilities_beyond_default, ', ') AS detail
      ),
      STRUCT(
        'host_port' AS rule,
        'baseline' AS level,
        'medium' AS severity,
        FALSE AS of_pod,
        ARRAY_LENGTH(j.host_ports) > 0 AS is_broken,
        ARRAY_TO_STRING(j.host_port_numbers, ', ') AS detail
      ),
      STRUCT(
        'probe_host' AS rule,
        'baseline' AS level,
        'medium' AS severity,
        FALSE AS of_pod,
        ARRAY_LENGTH(j.probe_hosts) > 0 AS is_broken,
        ARRAY_TO_STRING(j.probe_hosts, ', ') AS detail
      ),
      STRUCT(
        'proc_unmasked' AS rule,
        'baseline' AS level,
        'medium' AS severity,
        FALSE AS of_pod,
        j.linux AND COALESCE(j.proc_mount, 'Default') <> 'Default' AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'apparmor_unconfined' AS rule,
        'baseline' AS level,
        'medium' AS severity,
        FALSE AS of_pod,
        j.linux AND COALESCE(j.apparmor_profile, '') = 'Unconfined' AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'seccomp_unconfined' AS rule,
        'baseline' AS level,
        'medium' AS severity,
        FALSE AS of_pod,
        j.linux AND COALESCE(j.seccomp_profile, '') = 'Unconfined' AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'selinux_options' AS rule,
        'baseline' AS level,
        'medium' AS severity,
        FALSE AS of_pod,
        j.linux AND ARRAY_LENGTH(j.unusual_selinux_options) > 0 AS is_broken,
        ARRAY_TO_STRING(j.unusual_selinux_options, ', ') AS detail
      ),
      STRUCT(
        'sysctls' AS rule,
        'baseline' AS level,
        'medium' AS severity,
        TRUE AS of_pod,
        j.linux AND ARRAY_LENGTH(j.unsafe_sysctls) > 0 AS is_broken,
        ARRAY_TO_STRING(j.unsafe_sysctls, ', ') AS detail
      ),
      -- what a pod says and the container overrides breaks a rule all the same
      STRUCT(
        'apparmor_unconfined' AS rule,
        'baseline' AS level,
        'medium' AS severity,
        TRUE AS of_pod,
        j.linux AND j.pod_apparmor_profile = 'Unconfined' AND j.apparmor_profile <> 'Unconfined' AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'seccomp_unconfined' AS rule,
        'baseline' AS level,
        'medium' AS severity,
        TRUE AS of_pod,
        j.linux AND j.pod_seccomp_profile = 'Unconfined' AND j.seccomp_profile <> 'Unconfined' AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'selinux_options' AS rule,
        'baseline' AS level,
        'medium' AS severity,
        TRUE AS of_pod,
        j.linux AND ARRAY_LENGTH(j.unusual_pod_selinux_options) > 0
          AND ARRAY_TO_STRING(j.selinux_options, ',') <> ARRAY_TO_STRING(j.pod_selinux_options, ',') AS is_broken,
        ARRAY_TO_STRING(j.unusual_pod_selinux_options, ', ') AS detail
      ),
      STRUCT(
        'root_user' AS rule,
        'restricted' AS level,
        'low' AS severity,
        TRUE AS of_pod,
        j.linux AND j.pod_run_as_user = 0 AND j.run_as_user <> 0 AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'non_root_not_required' AS rule,
        'restricted' AS level,
        'low' AS severity,
        TRUE AS of_pod,
        j.linux AND NOT j.pod_run_as_non_root AND j.run_as_non_root AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'volume_types' AS rule,
        'restricted' AS level,
        'low' AS severity,
        TRUE AS of_pod,
        ARRAY_LENGTH(j.restricted_volumes) > 0 AS is_broken,
        ARRAY_TO_STRING(j.restricted_volumes, ', ') AS detail
      ),
      STRUCT(
        'escalation_allowed' AS rule,
        'restricted' AS level,
        'low' AS severity,
        FALSE AS of_pod,
        -- a privileged container always may, whatever its own setting
        j.linux AND (COALESCE(j.privileged, FALSE) OR COALESCE(j.allow_privilege_escalation, TRUE)) AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'root_allowed' AS rule,
        'restricted' AS level,
        'low' AS severity,
        FALSE AS of_pod,
        NOT COALESCE(j.run_as_non_root, FALSE) AND NOT j.another_user AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'root_user' AS rule,
        'restricted' AS level,
        'low' AS severity,
        FALSE AS of_pod,
        j.linux AND COALESCE(j.run_as_user = 0, FALSE) AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'non_root_not_required' AS rule,
        'restricted' AS level,
        'low' AS severity,
        FALSE AS of_pod,
        j.linux AND NOT COALESCE(j.run_as_non_root, FALSE) AND j.another_user AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'seccomp_unset' AS rule,
        'restricted' AS level,
        'low' AS severity,
        FALSE AS of_pod,
        j.linux AND j.seccomp_profile IS NULL AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'capabilities_not_dropped' AS rule,
        'restricted' AS level,
        'low' AS severity,
        FALSE AS of_pod,
        j.linux AND 'ALL' NOT IN UNNEST(j.capabilities_dropped) AS is_broken,
        CAST(NULL AS STRING) AS detail
      ),
      STRUCT(
        'capabilities_beyond_net_bind_service' AS rule,
        'restricted' AS level,
        'low' AS severity,
        FALSE AS of_pod,
        j.linux AND ARRAY_LENGTH(j.default_capabilities) > 0 AS is_broken,
        ARRAY_TO_STRING(j.default_capabilities, ', ') AS detail
      )
    ]) AS rule
    WHERE rule.is_broken
  )
SELECT
  project_id,
  location,
  cluster,
  namespace,
  workload_api_group,
  workload_kind,
  workload_name,
  MIN(pod) AS pod,
  COUNT(DISTINCT pod) AS pods,
  container_type,
  container,
  rule,
  level,
  severity,
  COALESCE(ARRAY_AGG(DISTINCT detail IGNORE NULLS ORDER BY detail), []) AS details,
  snapshot_id,
  snapshot_time,
  read_at,
  read_age_seconds,
  read_status
FROM broken
GROUP BY
  project_id,
  location,
  cluster,
  namespace,
  workload_api_group,
  workload_kind,
  workload_name,
  -- the static pods of a node are different ones
  IF(workload_kind = 'Node', broken.pod, NULL),
  container_type,
  container,
  rule,
  level,
  severity,
  snapshot_id,
  snapshot_time,
  read_at,
  read_age_seconds,
  read_status
