-- project_id, location, cluster FROM readings
-- resource STRING: The API resource that the field was read from: `deployments`, ...; `pods` for what runs; `nodes`;
--   `clusters` or `node_pools` for what the GKE API says.
-- seen_after TIMESTAMP: When the older reading began: the change is later than this.
-- seen_before TIMESTAMP: When the newer reading began: it shows the change.
-- previous_snapshot_id STRING: Snapshot of the older reading: the one before, or the last whole one, if the one before
--   was partial and lacks the object (not in `changes_between`). Readings of a cluster whose id is known are compared
--   with none of an unknown id.
-- snapshot_id STRING: Snapshot of the newer reading.
-- namespace STRING: Namespace of the workload. NULL for a cluster, a node pool and a node.
-- api_group STRING: API group of the workload, such as `apps`. Empty for the core group, a cluster and a node pool.
-- kind STRING: Kind of the workload; `Cluster`, `NodePool` or `Node`.
-- name STRING: Name of the workload, cluster, node pool or node.
-- container STRING: Name of the container. NULL where the field belongs to the workload or its pods.
-- field STRING: What changed. Of a workload: `workload`, `replicas_wanted`, `ready`, `labels`, `paused`, `suspended`,
--   `schedule`. Of its pods: `service_account` and the columns of `pods` that say what they may do, such as
--   `host_network` or `host_paths`. Of a container: `image`, `cpu_request_millicores`, `cpu_limit_millicores`,
--   `memory_request_bytes`, `memory_limit_bytes`, `accelerator_count`, `privileged` and the other columns of its security
--   context in `pod_containers`; `restarts`, `oom_kills`. Of a cluster: `cluster`, `control_plane_version`,
--   `release_channel`. Of a node pool: `node_pool`, `version`, `machine_type`. Of a node: `node`, `ready`.
-- change STRING: `added`, `removed` or `changed`.
-- old_value STRING: Value in the older reading, as text; several are separated by commas. NULL where the field was
--   added. The value of a `workload` and a `node` is its UID, and that of a `cluster` its id: one that was deleted and
--   created again is `changed`. `ready` is `false` if fewer replicas are ready than wanted. `not parsed` stands for a
--   quantity that is invalid or exceeds 64 bits. `restarts` counts those of the containers that restarted meanwhile, so
--   that the new value minus the old one says how many more there are; of pods that are gone, nobody knows. `oom_kills`
--   are containers whose last end, if it came since, was `OOMKilled`; the old value is 0.
-- new_value STRING: Value in the newer reading, as text. NULL where the field was removed.

${pairs},
  -- two readings of one resource; each snapshot has what the GKE API says
  pairs AS (
    SELECT
      *,
      FALSE AS is_remade,
      FALSE AS is_past_partial,
      CONCAT(previous_snapshot_id, ' ', snapshot_id) AS pair_id,
      CONCAT(previous_snapshot_id, ' ', snapshot_id) AS pods_pair_id
    FROM reading_pairs
    UNION ALL
    SELECT
      w.*,
      FALSE,
      TRUE,
      CONCAT(w.previous_snapshot_id, ' ', w.snapshot_id),
      CONCAT(COALESCE(p.previous_snapshot_id, w.previous_snapshot_id), ' ', w.snapshot_id)
    FROM pairs_past_partial AS w
    LEFT JOIN reading_pairs AS p ON p.resource = 'pods' AND p.snapshot_id = w.snapshot_id AND p.previous_whole
    UNION ALL
    SELECT
      p.project_id,
      p.location,
      p.cluster,
      resource,
      p.seen_after,
      p.seen_before,
      p.previous_snapshot_id,
      p.snapshot_id,
      TRUE,
      TRUE,
      p.is_remade,
      FALSE,
      CONCAT(p.previous_snapshot_id, ' ', p.snapshot_id),
      NULL
    FROM snapshot_pairs AS p
    CROSS JOIN UNNEST(['clusters', 'node_pools']) AS resource
    WHERE resource = 'clusters' OR NOT p.is_remade
  ),
  sides AS (
    SELECT
      p.resource,
      p.pair_id,
      p.pods_pair_id,
      p.is_remade,
      side.is_new,
      side.snapshot_id AS side_snapshot_id
    FROM pairs AS p
    CROSS JOIN UNNEST([
      STRUCT(TRUE AS is_new, p.snapshot_id AS snapshot_id),
      STRUCT(FALSE AS is_new, p.previous_snapshot_id AS snapshot_id)
    ]) AS side
  ),
  running AS (
    SELECT
      s.pair_id,
      s.side_snapshot_id,
      s.is_new,
      p.namespace,
      COALESCE(REGEXP_EXTRACT(p.workload_api_version, r'^(.*)/'), '') AS api_group,
      p.workload_kind AS kind,
      p.workload_name AS name,
      p.uid,
      p.service_account,
      p.automount_service_account_token,
      p.runtime_class,
      p.host_network,
      p.host_pid,
      p.host_ipc,
      p.host_paths,
      p.restricted_volumes,
      p.sysctls,
      p.host_process,
      p.run_as_non_root,
      p.run_as_user,
      p.run_as_user_name,
      p.seccomp_profile,
      p.apparmor_profile,
      p.selinux_options
    FROM sides AS s
    JOIN ${rows}pods AS p ON p.snapshot_id = s.side_snapshot_id
    WHERE
      s.resource = 'pods'
      AND COALESCE(p.phase, 'Unknown') NOT IN ('Succeeded', 'Failed')
      AND p.workload_resolution <> 'not_read'
  ),
  -- workloads whose pods are compared: those that run on both sides, and those without a template
  compared_by_pods AS (
    SELECT
      r.pair_id,
      r.namespace,
      r.api_group,
      r.kind,
      r.name,
      COUNT(DISTINCT r.is_new) = 2 AS runs_on_both_sides
    FROM running AS r
    LEFT JOIN (
      SELECT DISTINCT
        s.pair_id,
        w.namespace,
        COALESCE(REGEXP_EXTRACT(w.api_version, r'^(.*)/'), '') AS api_group,
        w.kind,
        w.name
      FROM sides AS s
      JOIN ${rows}workloads AS w ON w.snapshot_id = s.side_snapshot_id
      WHERE s.resource = 'pods' AND w.resource <> 'pods'
    ) AS t
      ON t.pair_id = r.pair_id
      AND t.namespace = r.namespace
      AND t.api_group = r.api_group
      AND t.kind = r.kind
      AND t.name = r.name
    GROUP BY 1, 2, 3, 4, 5
    HAVING COUNT(DISTINCT r.is_new) = 2 OR COUNT(t.name) = 0
  ),
  -- snapshots in which some pods have a controller that could not be read
  unresolved AS (
    SELECT DISTINCT p.snapshot_id
    FROM sides AS s
    JOIN ${rows}pods AS p ON p.snapshot_id = s.side_snapshot_id
    WHERE s.resource = 'pods' AND p.workload_resolution = 'not_read'
  ),
  -- those without the Jobs of CronJobs, and the ReplicaSets of custom resources
  workload_sides AS (
    SELECT
      s.pair_id,
      s.side_snapshot_id,
      s.is_new,
      b.name IS NOT NULL AS is_compared_by_pods,
      COALESCE(REGEXP_EXTRACT(w.api_version, r'^(.*)/'), '') AS api_group,
      w.* EXCEPT (snapshot_id, snapshot_time, project_id, location, cluster)
    FROM sides AS s
    JOIN ${rows}workloads AS w ON w.snapshot_id = s.side_snapshot_id AND w.resource = s.resource
    LEFT JOIN compared_by_pods AS b
      ON b.pair_id = s.pods_pair_id
      AND b.namespace = w.namespace
      AND b.api_group = COALESCE(REGEXP_EXTRACT(w.api_version, r'^(.*)/'), '')
      AND b.kind = w.kind
      AND b.name = w.name
    WHERE
      (w.kind <> 'Job' OR COALESCE(w.owner_kind, '') <> 'CronJob')
      AND (w.kind <> 'ReplicaSet' OR w.owner_kind IS NULL)
  ),
  -- of templates, and of the pods where those are compared; replicas are alike
  pod_specs AS (
    SELECT DISTINCT
      resource,
      pair_id,
      is_new,
      namespace,
      api_group,
      kind,
      name,
      service_account,
      automount_service_account_token,
      runtime_class,
      host_network,
      host_pid,
      host_ipc,
      ARRAY_TO_STRING(host_paths, ', ') AS host_paths,
      ARRAY_TO_STRING(restricted_volumes, ', ') AS restricted_volumes,
      ARRAY_TO_STRING(sysctls, ', ') AS sysctls,
      host_process,
      run_as_non_root,
      run_as_user,
      run_as_user_name,
      seccomp_profile,
      apparmor_profile,
      ARRAY_TO_STRING(selinux_options, ', ') AS selinux_options
    FROM (
      SELECT
        resource,
        pair_id,
        is_new,
        namespace,
        api_group,
        kind,
        name,
        service_account,
        automount_service_account_token,
        runtime_class,
        host_network,
        host_pid,
        host_ipc,
        host_paths,
        restricted_volumes,
        sysctls,
        host_process,
        run_as_non_root,
        run_as_user,
        run_as_user_name,
        seccomp_profile,
        apparmor_profile,
        selinux_options
      FROM workload_sides
      WHERE NOT is_compared_by_pods
      UNION ALL
      SELECT
        'pods',
        r.pair_id,
        r.is_new,
        r.namespace,
        r.api_group,
        r.kind,
        r.name,
        r.service_account,
        r.automount_service_account_token,
        r.runtime_class,
        r.host_network,
        r.host_pid,
        r.host_ipc,
        r.host_paths,
        r.restricted_volumes,
        r.sysctls,
        r.host_process,
        r.run_as_non_root,
        r.run_as_user,
        r.run_as_user_name,
        r.seccomp_profile,
        r.apparmor_profile,
        r.selinux_options
      FROM running AS r
      JOIN compared_by_pods AS b
        ON b.pair_id = r.pair_id
        AND b.namespace = r.namespace
        AND b.api_group = r.api_group
        AND b.kind = r.kind
        AND b.name = r.name
    )
  ),
  containers AS (
    SELECT DISTINCT
      resource,
      pair_id,
      is_new,
      namespace,
      api_group,
      kind,
      name,
      container,
      image,
      COALESCE(
        CAST(cpu_request_millicores AS STRING),
        IF('requests.cpu' IN UNNEST(unparsed_quantities), 'not parsed', NULL)
      ) AS cpu_request_millicores,
      COALESCE(
        CAST(cpu_limit_millicores AS STRING),
        IF('limits.cpu' IN UNNEST(unparsed_quantities), 'not parsed', NULL)
      ) AS cpu_limit_millicores,
      COALESCE(
        CAST(memory_request_bytes AS STRING),
        IF('requests.memory' IN UNNEST(unparsed_quantities), 'not parsed', NULL)
      ) AS memory_request_bytes,
      COALESCE(
        CAST(memory_limit_bytes AS STRING),
        IF('limits.memory' IN UNNEST(unparsed_quantities), 'not parsed', NULL)
      ) AS memory_limit_bytes,
      accelerator_count,
      privileged,
      allow_privilege_escalation,
      read_only_root_filesystem,
      run_as_non_root,
      run_as_user,
      run_as_group,
      run_as_user_name,
      host_process,
      ARRAY_TO_STRING(capabilities_added, ', ') AS capabilities_added,
      ARRAY_TO_STRING(capabilities_dropped, ', ') AS capabilities_dropped,
      seccomp_profile,
      apparmor_profile,
      ARRAY_TO_STRING(selinux_options, ', ') AS selinux_options,
      proc_mount,
      IF(ARRAY_LENGTH(host_ports) > 0, TO_JSON_STRING(host_ports), NULL) AS host_ports,
      ARRAY_TO_STRING(probe_hosts, ', ') AS probe_hosts
    FROM (
      SELECT
        w.resource,
        w.pair_id,
        w.is_new,
        w.namespace,
        w.api_group,
        w.kind,
        w.name,
        c.name AS container,
        c.image,
        c.cpu_request_millicores,
        c.cpu_limit_millicores,
        c.memory_request_bytes,
        c.memory_limit_bytes,
        c.unparsed_quantities,
        c.accelerator_count,
        c.privileged,
        c.allow_privilege_escalation,
        c.read_only_root_filesystem,
        c.run_as_non_root,
        c.run_as_user,
        c.run_as_group,
        c.run_as_user_name,
        c.host_process,
        c.capabilities_added,
        c.capabilities_dropped,
        c.seccomp_profile,
        c.apparmor_profile,
        c.selinux_options,
        c.proc_mount,
        c.host_ports,
        c.probe_hosts
      FROM workload_sides AS w
      JOIN ${rows}containers AS c
        ON c.snapshot_id = w.side_snapshot_id
        AND c.resource = w.resource
        AND c.namespace = w.namespace
        AND c.workload_kind = w.kind
        AND c.workload_name = w.name
      WHERE NOT w.is_compared_by_pods
      UNION ALL
      SELECT
        'pods',
        r.pair_id,
        r.is_new,
        r.namespace,
        r.api_group,
        r.kind,
        r.name,
        c.name,
        c.image,
        c.cpu_request_millicores,
        c.cpu_limit_millicores,
        c.memory_request_bytes,
        c.memory_limit_bytes,
        c.unparsed_quantities,
        c.accelerator_count,
        c.privileged,
        c.allow_privilege_escalation,
        c.read_only_root_filesystem,
        c.run_as_non_root,
        c.run_as_user,
        c.run_as_group,
        c.run_as_user_name,
        c.host_process,
        c.capabilities_added,
        c.capabilities_dropped,
        c.seccomp_profile,
        c.apparmor_profile,
        c.selinux_options,
        c.proc_mount,
        c.host_ports,
        c.probe_hosts
      FROM running AS r
      JOIN compared_by_pods AS b
        ON b.pair_id = r.pair_id
        AND b.namespace = r.namespace
        AND b.api_group = r.api_group
        AND b.kind = r.kind
        AND b.name = r.name
      JOIN ${rows}pod_containers AS c ON c.snapshot_id = r.side_snapshot_id AND c.pod_uid = r.uid
    )
  ),
  facts AS (
    SELECT
      w.resource,
      w.pair_id,
      w.is_new,
      w.namespace,
      w.api_group,
      w.kind,
      w.name,
      CAST(NULL AS STRING) AS container,
      fact.field,
      fact.value
    FROM workload_sides AS w
    CROSS JOIN UNNEST([
      STRUCT('workload' AS field, w.uid AS value),
      STRUCT('replicas_wanted' AS field, CAST(w.replicas_wanted AS STRING) AS value),
      STRUCT(
        'ready' AS field,
        -- the pods of a Job that is done are not ready
        IF(
          w.replicas_wanted > 0 AND w.kind <> 'Job',
          CAST(COALESCE(w.replicas_ready, 0) >= w.replicas_wanted AS STRING),
          NULL
        ) AS value
      ),
      STRUCT(
        'labels' AS field,
        ARRAY_TO_STRING(
          ARRAY(SELECT CONCAT(l.key, '=', l.value) AS label FROM UNNEST(w.labels) AS l ORDER BY label),
          ', '
        ) AS value
      ),
      STRUCT('paused' AS field, CAST(w.paused AS STRING) AS value),
      STRUCT('suspended' AS field, CAST(w.suspended AS STRING) AS value),
      STRUCT('schedule' AS field, w.schedule AS value)
    ]) AS fact
    UNION ALL
    SELECT
      p.resource,
      p.pair_id,
      p.is_new,
      p.namespace,
      p.api_group,
      p.kind,
      p.name,
      NULL,
      fact.field,
      fact.value
    FROM pod_specs AS p
    CROSS JOIN UNNEST([
      STRUCT('service_account' AS field, p.service_account AS value),
      STRUCT(
        'automount_service_account_token' AS field,
        CAST(p.automount_service_account_token AS STRING) AS value
      ),
      STRUCT('runtime_class' AS field, p.runtime_class AS value),
      STRUCT('host_network' AS field, CAST(p.host_network AS STRING) AS value),
      STRUCT('host_pid' AS field, CAST(p.host_pid AS STRING) AS value),
      STRUCT('host_ipc' AS field, CAST(p.host_ipc AS STRING) AS value),
      STRUCT('host_paths' AS field, p.host_paths AS value),
      STRUCT('restricted_volumes' AS field, p.restricted_volumes AS value),
      STRUCT('sysctls' AS field, p.sysctls AS value),
      STRUCT('host_process' AS field, CAST(COALESCE(p.host_process, FALSE) AS STRING) AS value),
      STRUCT('run_as_non_root' AS field, CAST(COALESCE(p.run_as_non_root, FALSE) AS STRING) AS value),
      STRUCT('run_as_user' AS field, CAST(p.run_as_user AS STRING) AS value),
      STRUCT('run_as_user_name' AS field, p.run_as_user_name AS value),
      STRUCT('seccomp_profile' AS field, p.seccomp_profile AS value),
      STRUCT('apparmor_profile' AS field, p.apparmor_profile AS value),
      STRUCT('selinux_options' AS field, p.selinux_options AS value)
    ]) AS fact
    UNION ALL
    SELECT
      c.resource,
      c.pair_id,
      c.is_new,
      c.namespace,
      c.api_group,
      c.kind,
      c.name,
      c.container,
      fact.field,
      fact.value
    FROM containers AS c
    CROSS JOIN UNNEST([
      STRUCT('image' AS field, c.image AS value),
      STRUCT('cpu_request_millicores' AS field, c.cpu_request_millicores AS value),
      STRUCT('cpu_limit_millicores' AS field, c.cpu_limit_millicores AS value),
      STRUCT('memory_request_bytes' AS field, c.memory_request_bytes AS value),
      STRUCT('memory_limit_bytes' AS field, c.memory_limit_bytes AS value),
      STRUCT('accelerator_count' AS field, CAST(c.accelerator_count AS STRING) AS value),
      STRUCT('privileged' AS field, CAST(COALESCE(c.privileged, FALSE) AS STRING) AS value),
      STRUCT(
        'allow_privilege_escalation' AS field,
        CAST(COALESCE(c.allow_privilege_escalation, TRUE) AS STRING) AS value
      ),
      STRUCT(
        'read_only_root_filesystem' AS field,
        CAST(COALESCE(c.read_only_root_filesystem, FALSE) AS STRING) AS value
      ),
      STRUCT('run_as_non_root' AS field, CAST(c.run_as_non_root AS STRING) AS value),
      STRUCT('run_as_user' AS field, CAST(c.run_as_user AS STRING) AS value),
      STRUCT('run_as_group' AS field, CAST(c.run_as_group AS STRING) AS value),
      STRUCT('run_as_user_name' AS field, c.run_as_user_name AS value),
      STRUCT('host_process' AS field, CAST(c.host_process AS STRING) AS value),
      STRUCT('capabilities_added' AS field, c.capabilities_added AS value),
      STRUCT('capabilities_dropped' AS field, c.capabilities_dropped AS value),
      STRUCT('seccomp_profile' AS field, c.seccomp_profile AS value),
      STRUCT('apparmor_profile' AS field, c.apparmor_profile AS value),
      STRUCT('selinux_options' AS field, c.selinux_options AS value),
      STRUCT('proc_mount' AS field, COALESCE(c.proc_mount, 'Default') AS value),
      STRUCT('host_ports' AS field, c.host_ports AS value),
      STRUCT('probe_hosts' AS field, c.probe_hosts AS value)
    ]) AS fact
    UNION ALL
    SELECT
      s.resource,
      s.pair_id,
      s.is_new,
      NULL,
      '',
      'Node',
      n.name,
      NULL,
      fact.field,
      fact.value
    FROM sides AS s
    JOIN ${rows}nodes AS n ON n.snapshot_id = s.side_snapshot_id
    CROSS JOIN UNNEST([
      STRUCT('node' AS field, n.uid AS value),
      STRUCT('ready' AS field, COALESCE(CAST(n.ready AS STRING), 'unknown') AS value)
    ]) AS fact
    WHERE s.resource = 'nodes'
    UNION ALL
    SELECT
      s.resource,
      s.pair_id,
      s.is_new,
      NULL,
      '',
      'Cluster',
      c.cluster,
      NULL,
      fact.field,
      fact.value
    FROM sides AS s
    JOIN ${rows}clusters AS c ON c.snapshot_id = s.side_snapshot_id
    CROSS JOIN UNNEST([
      STRUCT('cluster' AS field, IF(s.is_remade, c.id, NULL) AS value),
      STRUCT('control_plane_version' AS field, IF(s.is_remade, NULL, c.control_plane_version) AS value),
      STRUCT('release_channel' AS field, IF(s.is_remade, NULL, c.release_channel) AS value)
    ]) AS fact
    WHERE s.resource = 'clusters'
    UNION ALL
    SELECT
      s.resource,
      s.pair_id,
      s.is_new,
      NULL,
      '',
      'NodePool',
      n.name,
      NULL,
      fact.field,
      fact.value
    FROM sides AS s
    JOIN ${rows}node_pools AS n ON n.snapshot_id = s.side_snapshot_id
    CROSS JOIN UNNEST([
      STRUCT('node_pool' AS field, n.name AS value),
      STRUCT('version' AS field, n.version AS value),
      STRUCT('machine_type' AS field, n.machine_type AS value)
    ]) AS fact
    WHERE s.resource = 'node_pools'
  ),
  -- what is on both sides: only of these the details are compared
  persisting AS (
    SELECT resource, pair_id, namespace, api_group, kind, name
    FROM facts
    WHERE field IN ('workload', 'node_pool', 'node') AND resource <> 'pods'
    GROUP BY 1, 2, 3, 4, 5, 6
    HAVING COUNT(DISTINCT is_new) = 2
    UNION DISTINCT
    SELECT 'pods', pair_id, namespace, api_group, kind, name FROM compared_by_pods WHERE runs_on_both_sides
  ),
  by_value AS (
    SELECT
      resource,
      pair_id,
      namespace,
      api_group,
      kind,
      name,
      container,
      field,
      value,
      LOGICAL_OR(NOT is_new) AS is_old,
      LOGICAL_OR(is_new) AS is_new
    FROM facts
    WHERE value <> ''
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
  ),
  compared AS (
    SELECT
      resource,
      pair_id,
      namespace,
      api_group,
      kind,
      name,
      container,
      field,
      ARRAY_TO_STRING(ARRAY_AGG(IF(is_old, value, NULL) IGNORE NULLS ORDER BY value), ', ') AS old_value,
      ARRAY_TO_STRING(ARRAY_AGG(IF(is_new, value, NULL) IGNORE NULLS ORDER BY value), ', ') AS new_value,
      LOGICAL_OR(is_new AND NOT is_old) AS has_gained,
      LOGICAL_OR(is_old AND NOT is_new) AS has_lost
    FROM by_value
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    HAVING LOGICAL_OR(is_old <> is_new)
  ),
  -- the containers of pods that both sides have, and of younger ones, by what ended them since
  ended AS (
    SELECT
      s.pair_id,
      p.namespace,
      COALESCE(REGEXP_EXTRACT(p.workload_api_version, r'^(.*)/'), '') AS api_group,
      p.workload_kind AS kind,
      p.workload_name AS name,
      c.name AS container,
      COALESCE(o.restarts, 0) AS old_restarts,
      COALESCE(c.restarts, 0) AS new_restarts,
      (
        c.last_state_reason = 'OOMKilled'
        AND c.last_finished_at IS DISTINCT FROM o.last_finished_at
        AND c.last_finished_at IS DISTINCT FROM o.finished_at
      )
      OR (c.state_reason = 'OOMKilled' AND c.finished_at IS DISTINCT FROM o.finished_at) AS is_oom_killed
    FROM pairs AS s
    JOIN ${rows}pods AS p ON p.snapshot_id = s.snapshot_id
    JOIN ${rows}pod_containers AS c ON c.snapshot_id = p.snapshot_id AND c.pod_uid = p.uid
    LEFT JOIN ${rows}pods AS same ON same.snapshot_id = s.previous_snapshot_id AND same.uid = p.uid
    LEFT JOIN ${rows}pod_containers AS o
      ON o.snapshot_id = s.previous_snapshot_id AND o.pod_uid = c.pod_uid AND o.name = c.name
    WHERE
      s.resource = 'pods'
      AND NOT s.is_past_partial
      AND (c.restarts > 0 OR c.state_reason = 'OOMKilled')
      -- the API cuts a pod's time to seconds
      AND (same.uid IS NOT NULL OR p.created_at >= TIMESTAMP_TRUNC(s.seen_after, SECOND))
  ),
  differing AS (
    SELECT c.*, s.name IS NOT NULL AS is_on_both_sides
    FROM compared AS c
    LEFT JOIN persisting AS s
      ON s.resource = c.resource
      AND s.pair_id = c.pair_id
      AND s.namespace IS NOT DISTINCT FROM c.namespace
      AND s.api_group = c.api_group
      AND s.kind = c.kind
      AND s.name = c.name
    WHERE
      (
        s.name IS NOT NULL
        OR c.kind = 'Cluster'
        OR c.field IN (
          'workload', 'replicas_wanted', 'image', 'cpu_request_millicores', 'cpu_limit_millicores',
          'memory_request_bytes', 'memory_limit_bytes', 'accelerator_count', 'node_pool', 'node'
        )
      )
      -- of a workload that wants no replicas it says nothing
      AND (c.field <> 'ready' OR (c.old_value IS NOT NULL AND c.new_value IS NOT NULL))
      -- a container that comes or goes with the default says nothing
      AND CASE c.field
        WHEN 'privileged' THEN COALESCE(c.old_value, 'false') <> COALESCE(c.new_value, 'false')
        WHEN 'read_only_root_filesystem' THEN COALESCE(c.old_value, 'false') <> COALESCE(c.new_value, 'false')
        WHEN 'allow_privilege_escalation' THEN COALESCE(c.old_value, 'true') <> COALESCE(c.new_value, 'true')
        WHEN 'proc_mount' THEN COALESCE(c.old_value, 'Default') <> COALESCE(c.new_value, 'Default')
        ELSE TRUE
      END
    UNION ALL
    SELECT
      'pods',
      pair_id,
      namespace,
      api_group,
      kind,
      name,
      container,
      'restarts',
      CAST(SUM(old_restarts) AS STRING),
      CAST(SUM(new_restarts) AS STRING),
      TRUE,
      TRUE,
      TRUE
    FROM ended
    WHERE new_restarts > old_restarts
    GROUP BY 2, 3, 4, 5, 6, 7
    UNION ALL
    SELECT
      'pods',
      pair_id,
      namespace,
      api_group,
      kind,
      name,
      container,
      'oom_kills',
      '0',
      CAST(COUNT(*) AS STRING),
      TRUE,
      TRUE,
      TRUE
    FROM ended
    WHERE is_oom_killed
    GROUP BY 2, 3, 4, 5, 6, 7
  ),
  -- what a partial reading has: it needs no comparison with the whole reading before that
  in_partial AS (
    SELECT DISTINCT f.resource, p.snapshot_id, f.namespace, f.api_group, f.kind, f.name
    FROM facts AS f
    JOIN reading_pairs AS p
      ON p.resource = f.resource AND CONCAT(p.previous_snapshot_id, ' ', p.snapshot_id) = f.pair_id
    JOIN pairs_past_partial AS w ON w.resource = p.resource AND w.snapshot_id = p.snapshot_id
    WHERE NOT f.is_new
  ),
  -- with what the two readings prove: of a list without missing objects, and with no pod whose controller is unknown
  proven AS (
    SELECT
      p.project_id,
      p.location,
      p.cluster,
      p.resource,
      p.seen_after,
      p.seen_before,
      p.previous_snapshot_id,
      p.snapshot_id,
      d.namespace,
      d.api_group,
      d.kind,
      d.name,
      d.container,
      d.field,
      d.old_value,
      d.new_value,
      d.has_gained,
      d.has_lost,
      d.field IN ('restarts', 'oom_kills') OR (d.is_on_both_sides AND (p.resource <> 'pods' OR d.kind = 'Pod')) AS is_proven,
      p.resource = 'pods' AND d.kind <> 'Pod' AND d.field IN ('replicas_wanted', 'ready', 'labels') AS is_of_all_pods,
      p.previous_whole AND (p.resource <> 'pods' OR d.kind = 'Pod' OR o.snapshot_id IS NULL) AS old_is_whole,
      p.whole AND (p.resource <> 'pods' OR d.kind = 'Pod' OR n.snapshot_id IS NULL) AS new_is_whole
    FROM differing AS d
    JOIN pairs AS p ON p.resource = d.resource AND p.pair_id = d.pair_id
    LEFT JOIN in_partial AS i
      ON p.is_past_partial
      AND i.resource = p.resource
      AND i.snapshot_id = p.snapshot_id
      AND i.namespace IS NOT DISTINCT FROM d.namespace
      AND i.api_group = d.api_group
      AND i.kind = d.kind
      AND i.name = d.name
    LEFT JOIN unresolved AS n ON n.snapshot_id = p.snapshot_id
    LEFT JOIN unresolved AS o ON o.snapshot_id = p.previous_snapshot_id
    WHERE i.snapshot_id IS NULL
  ),
  listed AS (
    SELECT l.*, path, CAST(NULL AS STRING) AS old_value, path AS new_value
    FROM list_pairs AS l
    CROSS JOIN UNNEST(l.listed_clusters) AS path
    WHERE path NOT IN UNNEST(l.previously_listed)
    UNION ALL
    SELECT l.*, path, path, NULL
    FROM list_pairs AS l
    CROSS JOIN UNNEST(l.previously_listed) AS path
    WHERE path NOT IN UNNEST(l.listed_clusters)
  )
SELECT
  project_id,
  location,
  cluster,
  resource,
  seen_after,
  seen_before,
  previous_snapshot_id,
  snapshot_id,
  namespace,
  api_group,
  kind,
  name,
  container,
  field,
  CASE WHEN old_value IS NULL THEN 'added' WHEN new_value IS NULL THEN 'removed' ELSE 'changed' END AS change,
  old_value,
  new_value
FROM proven
WHERE
  -- an object that both readings have is its own proof
  is_proven
  -- what is known through pods, some of which may be missing
  OR (is_of_all_pods AND old_is_whole AND new_is_whole)
  OR (NOT is_of_all_pods AND ((has_gained AND old_is_whole) OR (has_lost AND new_is_whole)))
UNION ALL
SELECT
  project_id,
  SPLIT(path, '/')[SAFE_OFFSET(0)],
  SPLIT(path, '/')[SAFE_OFFSET(1)],
  'clusters',
  seen_after,
  seen_before,
  previous_snapshot_id,
  snapshot_id,
  NULL,
  '',
  'Cluster',
  SPLIT(path, '/')[SAFE_OFFSET(1)],
  NULL,
  'cluster',
  IF(old_value IS NULL, 'added', 'removed'),
  old_value,
  new_value
FROM listed
