-- What changed in each cluster between its last two runs?
-- One row for each workload, replica count, image, request or limit that was added, removed or changed. Images, requests
-- and limits are those of the pods where a workload runs in both snapshots, and of its template elsewhere; while pods
-- differ, such as during a rollout, a value has all of theirs. A resource that either snapshot did not read has no rows.
-- Where a list was partial, missing objects prove nothing: a partial older list shows no additions, a partial newer list
-- no removals. The same holds for controllers that are known through their pods alone, where those of some pods could
-- not be read. A cluster that was deleted and created again under its name is not compared.
-- Scans snapshots, collections, workloads, containers, pods and pod_containers, and what latest_snapshots scans, over all
-- time.
--
-- SELECT cluster, namespace, name, container, old_value, new_value FROM changes WHERE field = 'image'
--
-- project_id, location, cluster FROM latest_snapshots
-- snapshot_id STRING: The newer snapshot: the cluster's newest.
-- snapshot_time TIMESTAMP: When the run of the newer snapshot began.
-- previous_snapshot_id STRING: The older snapshot: the newest one of an earlier run.
-- previous_snapshot_time TIMESTAMP: When the run of the older snapshot began.
-- resource STRING: The API resource that the field was read from: `deployments`, ...; `pods` for what runs.
-- namespace, workload_kind AS kind, workload_name AS name FROM containers
-- container STRING: Name of the container. NULL where the field belongs to the workload.
-- field STRING: What changed: `workload`, `replicas_wanted`, `image`, `cpu_request_millicores`, `cpu_limit_millicores`,
--   `memory_request_bytes` or `memory_limit_bytes`.
-- change STRING: `added`, `removed` or `changed`.
-- old_value STRING: Value in the older snapshot, as text; several are separated by commas. NULL where the field was
--   added. The value of a `workload` is its UID, so a workload that was deleted and created again is `changed`.
-- new_value STRING: Value in the newer snapshot, as text. NULL where the field was removed.

WITH
  pairs AS (
    SELECT
      n.project_id,
      n.location,
      n.cluster,
      n.snapshot_id,
      n.snapshot_time,
      n.cluster_id,
      p.snapshot_id AS previous_snapshot_id,
      p.snapshot_time AS previous_snapshot_time,
      p.cluster_id AS previous_cluster_id
    FROM ${dataset}.latest_snapshots AS n
    JOIN ${dataset}.snapshots AS p
      ON p.project_id = n.project_id AND p.location = n.location AND p.cluster = n.cluster
      -- attempts of one task, and tasks of one run, are one reading of the cluster
      AND p.run_id <> n.run_id
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY n.project_id, n.location, n.cluster
      ORDER BY p.snapshot_time DESC, p.attempt DESC, p.snapshot_id DESC
    ) = 1
  ),
  sides AS (
    SELECT
      pairs.project_id,
      pairs.location,
      pairs.cluster,
      pairs.snapshot_id,
      pairs.snapshot_time,
      pairs.previous_snapshot_id,
      pairs.previous_snapshot_time,
      c.resource,
      c.outcome = 'ok' AS whole,
      p.outcome = 'ok' AS previous_whole,
      side.is_new,
      side.snapshot_id AS side_snapshot_id
    FROM pairs
    JOIN ${dataset}.collections AS c ON c.snapshot_id = pairs.snapshot_id
    JOIN ${dataset}.collections AS p ON p.snapshot_id = pairs.previous_snapshot_id AND p.resource = c.resource
    CROSS JOIN UNNEST([
      STRUCT(TRUE AS is_new, pairs.snapshot_id AS snapshot_id),
      STRUCT(FALSE AS is_new, pairs.previous_snapshot_id AS snapshot_id)
    ]) AS side
    WHERE
      c.outcome IN ('ok', 'partial')
      AND p.outcome IN ('ok', 'partial')
      AND (pairs.cluster_id IS NULL OR pairs.previous_cluster_id IS NULL OR pairs.cluster_id = pairs.previous_cluster_id)
  ),
  running AS (
    SELECT
      sides.*,
      p.namespace,
      p.workload_kind AS kind,
      p.workload_name AS name,
      p.uid AS pod_uid
    FROM sides
    JOIN ${dataset}.pods AS p ON p.snapshot_id = sides.side_snapshot_id
    WHERE
      sides.resource = 'pods'
      AND COALESCE(p.phase, 'Unknown') NOT IN ('Succeeded', 'Failed')
      AND p.workload_resolution <> 'not_read'
  ),
  -- workloads whose pods are compared: those that run on both sides, and those without a template
  compared_by_pods AS (
    SELECT r.snapshot_id, r.namespace, r.kind, r.name
    FROM running AS r
    LEFT JOIN (
      SELECT DISTINCT sides.snapshot_id, w.namespace, w.kind, w.name
      FROM sides
      JOIN ${dataset}.workloads AS w ON w.snapshot_id = sides.side_snapshot_id
      WHERE w.resource <> 'pods'
    ) AS templates
      ON templates.snapshot_id = r.snapshot_id
      AND templates.namespace = r.namespace
      AND templates.kind = r.kind
      AND templates.name = r.name
    GROUP BY 1, 2, 3, 4
    HAVING COUNT(DISTINCT r.is_new) = 2 OR COUNT(templates.name) = 0
  ),
  -- snapshots in which some pods have a controller that could not be read
  unresolved AS (
    SELECT DISTINCT p.snapshot_id
    FROM sides
    JOIN ${dataset}.pods AS p ON p.snapshot_id = sides.side_snapshot_id
    WHERE sides.resource = 'pods' AND p.workload_resolution = 'not_read'
  ),
  facts AS (
    SELECT
      sides.*,
      w.namespace,
      w.kind,
      w.name,
      CAST(NULL AS STRING) AS container,
      fact.field,
      fact.value
    FROM sides
    JOIN ${dataset}.workloads AS w ON w.snapshot_id = sides.side_snapshot_id AND w.resource = sides.resource
    CROSS JOIN UNNEST([
      STRUCT('workload' AS field, w.uid AS value),
      STRUCT('replicas_wanted' AS field, CAST(w.replicas_wanted AS STRING) AS value)
    ]) AS fact
    UNION ALL
    SELECT
      sides.*,
      c.namespace,
      c.workload_kind,
      c.workload_name,
      c.name,
      fact.field,
      fact.value
    FROM sides
    JOIN ${dataset}.containers AS c ON c.snapshot_id = sides.side_snapshot_id AND c.resource = sides.resource
    LEFT JOIN compared_by_pods AS b
      ON b.snapshot_id = sides.snapshot_id
      AND b.namespace = c.namespace
      AND b.kind = c.workload_kind
      AND b.name = c.workload_name
    CROSS JOIN UNNEST([
      STRUCT('image' AS field, c.image AS value),
      STRUCT('cpu_request_millicores' AS field, CAST(c.cpu_request_millicores AS STRING) AS value),
      STRUCT('cpu_limit_millicores' AS field, CAST(c.cpu_limit_millicores AS STRING) AS value),
      STRUCT('memory_request_bytes' AS field, CAST(c.memory_request_bytes AS STRING) AS value),
      STRUCT('memory_limit_bytes' AS field, CAST(c.memory_limit_bytes AS STRING) AS value)
    ]) AS fact
    WHERE b.name IS NULL
    UNION ALL
    SELECT
      r.* EXCEPT (namespace, kind, name, pod_uid),
      r.namespace,
      r.kind,
      r.name,
      c.name,
      fact.field,
      fact.value
    FROM running AS r
    JOIN compared_by_pods AS b
      ON b.snapshot_id = r.snapshot_id AND b.namespace = r.namespace AND b.kind = r.kind AND b.name = r.name
    JOIN ${dataset}.pod_containers AS c ON c.snapshot_id = r.side_snapshot_id AND c.pod_uid = r.pod_uid
    CROSS JOIN UNNEST([
      STRUCT('image' AS field, c.image AS value),
      STRUCT('cpu_request_millicores' AS field, CAST(c.cpu_request_millicores AS STRING) AS value),
      STRUCT('cpu_limit_millicores' AS field, CAST(c.cpu_limit_millicores AS STRING) AS value),
      STRUCT('memory_request_bytes' AS field, CAST(c.memory_request_bytes AS STRING) AS value),
      STRUCT('memory_limit_bytes' AS field, CAST(c.memory_limit_bytes AS STRING) AS value)
    ]) AS fact
  ),
  two_sided AS (
    SELECT *, IF(is_new, NULL, value) AS old_value, IF(is_new, value, NULL) AS new_value FROM facts
  ),
  compared AS (
    SELECT
      project_id,
      location,
      cluster,
      snapshot_id,
      snapshot_time,
      previous_snapshot_id,
      previous_snapshot_time,
      resource,
      whole,
      previous_whole,
      namespace,
      kind,
      name,
      container,
      field,
      ARRAY_TO_STRING(ARRAY_AGG(DISTINCT old_value IGNORE NULLS ORDER BY old_value), ', ') AS old_value,
      ARRAY_TO_STRING(ARRAY_AGG(DISTINCT new_value IGNORE NULLS ORDER BY new_value), ', ') AS new_value
    FROM two_sided
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
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
    WHERE c.old_value IS DISTINCT FROM c.new_value
  )
SELECT
  * EXCEPT (whole, previous_whole, known, previously_known, old_value, new_value),
  CASE WHEN old_value IS NULL THEN 'added' WHEN new_value IS NULL THEN 'removed' ELSE 'changed' END AS change,
  old_value,
  new_value
FROM differing
WHERE
  (old_value IS NOT NULL OR (previous_whole AND previously_known))
  AND (new_value IS NOT NULL OR (whole AND known))
