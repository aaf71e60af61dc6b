-- What changed in each cluster between the last two readings of each resource?
-- One row for each cluster, node pool, workload or field of one that was added, removed or changed. A resource that
-- could not be read keeps its last reading: a change shows once the resource can be read again. Images, requests, limits
-- and `privileged` are those of the pods where a workload runs in both readings, and of its template elsewhere; while
-- pods differ, such as during a rollout, a value has all of theirs. Where a list was partial, missing objects prove
-- nothing. The same holds for controllers that are known through their pods alone, where those of some pods could not be
-- read. The view leaves noise out: the Jobs of a CronJob; and of a workload that was added or removed, everything except
-- its replicas, images, requests and limits.
-- Scans recent rows of workloads, containers, pods, pod_containers, clusters and node_pools, and what last_two_readings
-- scans.
--
-- SELECT cluster, namespace, name, container, old_value, new_value, seen_before FROM changes WHERE field = 'image'
--
-- project_id, location, cluster FROM last_two_readings
-- resource STRING: The API resource that the field was read from: `deployments`, ...; `pods` for what runs; `clusters`
--   or `node_pools` for what the GKE API says.
-- seen_after, seen_before, previous_snapshot_id, snapshot_id FROM last_two_readings
-- namespace STRING: Namespace of the workload. NULL for a cluster and a node pool.
-- kind STRING: Kind of the workload; `Cluster` or `NodePool`.
-- name STRING: Name of the workload, cluster or node pool.
-- container STRING: Name of the container. NULL where the field belongs to the workload.
-- field STRING: What changed. Of a workload: `workload`, `replicas_wanted`, `ready`, `service_account`, `labels`,
--   `host_network`, `paused`, `suspended`, `schedule`. Of a container: `image`, `cpu_request_millicores`,
--   `cpu_limit_millicores`, `memory_request_bytes`, `memory_limit_bytes`, `privileged`. Of a cluster: `cluster`,
--   `control_plane_version`, `release_channel`. Of a node pool: `node_pool`, `version`, `machine_type`.
-- change STRING: `added`, `removed` or `changed`.
-- old_value STRING: Value in the older reading, as text; several are separated by commas. NULL where the field was
--   added. The value of a `workload` is its UID, and that of a `cluster` its id: one that was deleted and created again
--   is `changed`.
-- new_value STRING: Value in the newer reading, as text. NULL where the field was removed.

WITH
  sides AS (
    SELECT p.*, side.is_new, side.snapshot_id AS side_snapshot_id
    FROM ${dataset}.last_two_readings AS p
    CROSS JOIN UNNEST([
      STRUCT(TRUE AS is_new, p.snapshot_id AS snapshot_id),
      STRUCT(FALSE AS is_new, p.previous_snapshot_id AS snapshot_id)
    ]) AS side
  ),
  running AS (
    SELECT
      sides.*,
      p.namespace,
      p.workload_kind AS kind,
      p.workload_name AS name,
      p.uid AS pod_uid
    FROM sides
    JOIN ${dataset}.raw_recent_pods AS p ON p.snapshot_id = sides.side_snapshot_id
    WHERE
      sides.resource = 'pods'
      AND COALESCE(p.phase, 'Unknown') NOT IN ('Succeeded', 'Failed')
      AND p.workload_resolution <> 'not_read'
  ),
  -- workloads whose pods are compared: those that run on both sides, and those without a template
  compared_by_pods AS (
    SELECT r.project_id, r.location, r.cluster, r.namespace, r.kind, r.name
    FROM running AS r
    LEFT JOIN (
      SELECT DISTINCT sides.project_id, sides.location, sides.cluster, w.namespace, w.kind, w.name
      FROM sides
      JOIN ${dataset}.raw_recent_workloads AS w ON w.snapshot_id = sides.side_snapshot_id AND w.resource = sides.resource
      WHERE w.resource <> 'pods'
    ) AS templates
      ON templates.project_id = r.project_id
      AND templates.location = r.location
      AND templates.cluster = r.cluster
      AND templates.namespace = r.namespace
      AND templates.kind = r.kind
      AND templates.name = r.name
    GROUP BY 1, 2, 3, 4, 5, 6
    HAVING COUNT(DISTINCT r.is_new) = 2 OR COUNT(templates.name) = 0
  ),
  -- snapshots in which some pods have a controller that could not be read
  unresolved AS (
    SELECT DISTINCT p.snapshot_id
    FROM sides
    JOIN ${dataset}.raw_recent_pods AS p ON p.snapshot_id = sides.side_snapshot_id
    WHERE sides.resource = 'pods' AND p.workload_resolution = 'not_read'
  ),
  cron_jobs AS (
    SELECT w.snapshot_id, w.uid
    FROM sides
    JOIN ${dataset}.raw_recent_workloads AS w ON w.snapshot_id = sides.side_snapshot_id AND w.resource = sides.resource
    WHERE w.kind = 'Job' AND w.owner_kind = 'CronJob'
  ),
  -- the newest snapshot of each cluster, and the one that another run took before: GKE's own data is in every snapshot
  snapshot_sides AS (
    SELECT
      n.project_id,
      n.location,
      n.cluster,
      'clusters' AS resource,
      p.started_at AS seen_after,
      n.started_at AS seen_before,
      p.snapshot_id AS previous_snapshot_id,
      n.snapshot_id,
      TRUE AS whole,
      TRUE AS previous_whole,
      side.is_new,
      side.snapshot_id AS side_snapshot_id,
      n.cluster_id IS NULL OR p.cluster_id IS NULL OR n.cluster_id = p.cluster_id AS is_same
    FROM ${dataset}.latest_snapshots AS n
    JOIN ${dataset}.recent_snapshots AS p
      ON p.project_id = n.project_id AND p.location = n.location AND p.cluster = n.cluster AND p.run_id <> n.run_id
    CROSS JOIN UNNEST([
      STRUCT(TRUE AS is_new, n.snapshot_id AS snapshot_id),
      STRUCT(FALSE AS is_new, p.snapshot_id AS snapshot_id)
    ]) AS side
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY n.project_id, n.location, n.cluster, side.is_new
      ORDER BY p.started_at DESC, p.snapshot_time DESC, p.attempt DESC, p.snapshot_id DESC
    ) = 1
  ),
  -- the last two lists of each project that are complete, by two runs
  list_sides AS (
    SELECT
      n.project_id,
      p.started_at AS seen_after,
      n.started_at AS seen_before,
      p.snapshot_id AS previous_snapshot_id,
      n.snapshot_id,
      side.is_new,
      side.listed_clusters
    FROM (
      SELECT *
      FROM ${dataset}.recent_project_lists
      WHERE outcome = 'ok'
      QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id ORDER BY newest) = 1
    ) AS n
    JOIN ${dataset}.recent_project_lists AS p ON p.project_id = n.project_id AND p.run_id <> n.run_id
    CROSS JOIN UNNEST([
      STRUCT(TRUE AS is_new, n.listed_clusters AS listed_clusters),
      STRUCT(FALSE AS is_new, p.listed_clusters AS listed_clusters)
    ]) AS side
    WHERE p.outcome = 'ok'
    QUALIFY ROW_NUMBER() OVER (PARTITION BY n.project_id, side.is_new ORDER BY p.newest) = 1
  ),
  -- of templates, and of the pods where those are compared
  containers AS (
    SELECT
      sides.*,
      c.namespace,
      c.workload_kind AS kind,
      c.workload_name AS name,
      c.name AS container,
      c.image,
      c.cpu_request_millicores,
      c.cpu_limit_millicores,
      c.memory_request_bytes,
      c.memory_limit_bytes,
      c.privileged
    FROM sides
    JOIN ${dataset}.raw_recent_containers AS c ON c.snapshot_id = sides.side_snapshot_id AND c.resource = sides.resource
    LEFT JOIN compared_by_pods AS b
      ON b.project_id = sides.project_id
      AND b.location = sides.location
      AND b.cluster = sides.cluster
      AND b.namespace = c.namespace
      AND b.kind = c.workload_kind
      AND b.name = c.workload_name
    LEFT JOIN cron_jobs AS j ON j.snapshot_id = sides.side_snapshot_id AND j.uid = c.workload_uid
    WHERE b.name IS NULL AND j.uid IS NULL
    UNION ALL
    SELECT
      r.* EXCEPT (namespace, kind, name, pod_uid),
      r.namespace,
      r.kind,
      r.name,
      c.name,
      c.image,
      c.cpu_request_millicores,
      c.cpu_limit_millicores,
      c.memory_request_bytes,
      c.memory_limit_bytes,
      c.privileged
    FROM running AS r
    JOIN compared_by_pods AS b
      ON b.project_id = r.project_id
      AND b.location = r.location
      AND b.cluster = r.cluster
      AND b.namespace = r.namespace
      AND b.kind = r.kind
      AND b.name = r.name
    JOIN ${dataset}.raw_recent_pod_containers AS c ON c.snapshot_id = r.side_snapshot_id AND c.pod_uid = r.pod_uid
  ),
  facts AS (
    SELECT
      sides.*,
      w.namespace,
      w.kind,
      w.name,
      CAST(NULL AS STRING) AS container,
      fact.field,
      fact.value,
      fact.is_detail
    FROM sides
    JOIN ${dataset}.raw_recent_workloads AS w ON w.snapshot_id = sides.side_snapshot_id AND w.resource = sides.resource
    CROSS JOIN UNNEST([
      STRUCT('workload' AS field, w.uid AS value, FALSE AS is_detail),
      STRUCT('replicas_wanted' AS field, CAST(w.replicas_wanted AS STRING) AS value, FALSE AS is_detail),
      STRUCT(
        'ready' AS field,
        IF(w.replicas_wanted > 0, CAST(COALESCE(w.replicas_ready, 0) >= w.replicas_wanted AS STRING), NULL) AS value,
        TRUE AS is_detail
      ),
      STRUCT('service_account' AS field, w.service_account AS value, TRUE AS is_detail),
      STRUCT(
        'labels' AS field,
        ARRAY_TO_STRING(
          ARRAY(SELECT CONCAT(l.key, '=', l.value) AS label FROM UNNEST(w.labels) AS l ORDER BY label),
          ', '
        ) AS value,
        TRUE AS is_detail
      ),
      STRUCT('host_network' AS field, CAST(w.host_network AS STRING) AS value, TRUE AS is_detail),
      STRUCT('paused' AS field, CAST(w.paused AS STRING) AS value, TRUE AS is_detail),
      STRUCT('suspended' AS field, CAST(w.suspended AS STRING) AS value, TRUE AS is_detail),
      STRUCT('schedule' AS field, w.schedule AS value, TRUE AS is_detail)
    ]) AS fact
    WHERE w.kind <> 'Job' OR COALESCE(w.owner_kind, '') <> 'CronJob'
    UNION ALL
    SELECT
      c.* EXCEPT (
        image, cpu_request_millicores, cpu_limit_millicores, memory_request_bytes, memory_limit_bytes, privileged
      ),
      fact.field,
      fact.value,
      fact.is_detail
    FROM containers AS c
    CROSS JOIN UNNEST([
      STRUCT('image' AS field, c.image AS value, FALSE AS is_detail),
      STRUCT('cpu_request_millicores' AS field, CAST(c.cpu_request_millicores AS STRING) AS value, FALSE AS is_detail),
      STRUCT('cpu_limit_millicores' AS field, CAST(c.cpu_limit_millicores AS STRING) AS value, FALSE AS is_detail),
      STRUCT('memory_request_bytes' AS field, CAST(c.memory_request_bytes AS STRING) AS value, FALSE AS is_detail),
      STRUCT('memory_limit_bytes' AS field, CAST(c.memory_limit_bytes AS STRING) AS value, FALSE AS is_detail),
      STRUCT('privileged' AS field, CAST(COALESCE(c.privileged, FALSE) AS STRING) AS value, TRUE AS is_detail)
    ]) AS fact
  ),
  of_gke AS (
    SELECT
      s.* EXCEPT (is_same),
      CAST(NULL AS STRING) AS namespace,
      'Cluster' AS kind,
      s.cluster AS name,
      CAST(NULL AS STRING) AS container,
      fact.field,
      fact.value,
      FALSE AS is_detail
    FROM snapshot_sides AS s
    JOIN ${dataset}.raw_recent_clusters AS c ON c.snapshot_id = s.side_snapshot_id
    CROSS JOIN UNNEST([
      STRUCT('cluster' AS field, IF(s.is_same, NULL, c.id) AS value),
      STRUCT('control_plane_version' AS field, IF(s.is_same, c.control_plane_version, NULL) AS value),
      STRUCT('release_channel' AS field, IF(s.is_same, c.release_channel, NULL) AS value)
    ]) AS fact
    UNION ALL
    SELECT
      s.* EXCEPT (is_same) REPLACE ('node_pools' AS resource),
      NULL,
      'NodePool',
      c.name,
      NULL,
      fact.field,
      fact.value,
      fact.is_detail
    FROM snapshot_sides AS s
    JOIN ${dataset}.raw_recent_node_pools AS c ON c.snapshot_id = s.side_snapshot_id
    CROSS JOIN UNNEST([
      STRUCT('node_pool' AS field, c.name AS value, FALSE AS is_detail),
      STRUCT('version' AS field, c.version AS value, TRUE AS is_detail),
      STRUCT('machine_type' AS field, c.machine_type AS value, TRUE AS is_detail)
    ]) AS fact
    WHERE s.is_same
    UNION ALL
    SELECT
      l.project_id,
      SPLIT(listed, '/')[SAFE_OFFSET(0)],
      SPLIT(listed, '/')[SAFE_OFFSET(1)],
      'clusters',
      l.seen_after,
      l.seen_before,
      l.previous_snapshot_id,
      l.snapshot_id,
      TRUE,
      TRUE,
      l.is_new,
      NULL,
      NULL,
      'Cluster',
      SPLIT(listed, '/')[SAFE_OFFSET(1)],
      NULL,
      'cluster',
      listed,
      FALSE
    FROM list_sides AS l
    CROSS JOIN UNNEST(l.listed_clusters) AS listed
  ),
  all_facts AS (
    SELECT * FROM facts
    UNION ALL
    SELECT * FROM of_gke
  ),
  -- what is on both sides: only of these the details are compared
  persisting AS (
    SELECT project_id, location, cluster, namespace, kind, name
    FROM all_facts
    WHERE field IN ('workload', 'node_pool')
    GROUP BY 1, 2, 3, 4, 5, 6
    HAVING COUNT(DISTINCT is_new) = 2
  ),
  two_sided AS (
    SELECT *, IF(is_new, NULL, value) AS old_value, IF(is_new, value, NULL) AS new_value FROM all_facts
  ),
  compared AS (
    SELECT
      project_id,
      location,
      cluster,
      resource,
      seen_after,
      seen_before,
      previous_snapshot_id,
      snapshot_id,
      whole,
      previous_whole,
      namespace,
      kind,
      name,
      container,
      field,
      is_detail,
      ARRAY_TO_STRING(ARRAY_AGG(DISTINCT old_value IGNORE NULLS ORDER BY old_value), ', ') AS old_value,
      ARRAY_TO_STRING(ARRAY_AGG(DISTINCT new_value IGNORE NULLS ORDER BY new_value), ', ') AS new_value
    FROM two_sided
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
  ),
  differing AS (
    SELECT
      c.*,
      -- an object is its own proof, but a controller that is known through its pods is as unknown as theirs
      c.resource <> 'pods' OR c.kind = 'Pod' OR u.snapshot_id IS NULL AS known,
      c.resource <> 'pods' OR c.kind = 'Pod' OR p.snapshot_id IS NULL AS previously_known
    FROM compared AS c
    LEFT JOIN unresolved AS u ON u.snapshot_id = c.snapshot_id
    LEFT JOIN unresolved AS p ON p.snapshot_id = c.previous_snapshot_id
    LEFT JOIN persisting AS s
      ON s.project_id = c.project_id
      AND s.location = c.location
      AND s.cluster = c.cluster
      AND s.namespace IS NOT DISTINCT FROM c.namespace
      AND s.kind = c.kind
      AND s.name = c.name
    WHERE
      c.old_value IS DISTINCT FROM c.new_value
      AND (NOT c.is_detail OR s.name IS NOT NULL)
      -- of a new container, or a workload that wants no replicas, they say nothing
      AND (c.field NOT IN ('ready', 'privileged') OR (c.old_value IS NOT NULL AND c.new_value IS NOT NULL))
  )
SELECT
  * EXCEPT (whole, previous_whole, is_detail, known, previously_known, old_value, new_value),
  CASE WHEN old_value IS NULL THEN 'added' WHEN new_value IS NULL THEN 'removed' ELSE 'changed' END AS change,
  old_value,
  new_value
FROM differing
WHERE
  (old_value IS NOT NULL OR (previous_whole AND previously_known))
  AND (new_value IS NOT NULL OR (whole AND known))
