-- What changed in each cluster between its last two runs?
-- One row for each workload, replica count, image, request or limit that was added, removed or changed. A resource that
-- either snapshot did not read has no rows. Where a list was partial, missing objects prove nothing: a partial older
-- list shows no additions, a partial newer list no removals. A cluster that was deleted and created again under its
-- name is not compared.
-- Scans snapshots, collections, workloads and containers, and what latest_snapshots scans, over all time.
--
-- SELECT cluster, namespace, name, container, old_value, new_value FROM changes WHERE field = 'image'
--
-- project_id, location, cluster FROM latest_snapshots
-- snapshot_id STRING: The newer snapshot: the cluster's newest.
-- snapshot_time TIMESTAMP: When the run of the newer snapshot began.
-- previous_snapshot_id STRING: The older snapshot: the newest one of an earlier run.
-- previous_snapshot_time TIMESTAMP: When the run of the older snapshot began.
-- resource, namespace, workload_kind AS kind, workload_name AS name FROM containers
-- container STRING: Name of the container. NULL where the field belongs to the workload.
-- field STRING: What changed: `workload`, `replicas_wanted`, `image`, `cpu_request_millicores`, `cpu_limit_millicores`,
--   `memory_request_bytes` or `memory_limit_bytes`.
-- change STRING: `added`, `removed` or `changed`.
-- old_value STRING: Value in the older snapshot, as text. NULL where the field was added. The value of a `workload` is
--   its UID, so a workload that was deleted and created again is `changed`.
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
    CROSS JOIN UNNEST([
      STRUCT('image' AS field, c.image AS value),
      STRUCT('cpu_request_millicores' AS field, CAST(c.cpu_request_millicores AS STRING) AS value),
      STRUCT('cpu_limit_millicores' AS field, CAST(c.cpu_limit_millicores AS STRING) AS value),
      STRUCT('memory_request_bytes' AS field, CAST(c.memory_request_bytes AS STRING) AS value),
      STRUCT('memory_limit_bytes' AS field, CAST(c.memory_limit_bytes AS STRING) AS value)
    ]) AS fact
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
      MAX(IF(is_new, NULL, value)) AS old_value,
      MAX(IF(is_new, value, NULL)) AS new_value
    FROM facts
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
  )
SELECT
  * EXCEPT (whole, previous_whole, old_value, new_value),
  CASE WHEN old_value IS NULL THEN 'added' WHEN new_value IS NULL THEN 'removed' ELSE 'changed' END AS change,
  old_value,
  new_value
FROM compared
WHERE
  old_value IS DISTINCT FROM new_value
  AND (old_value IS NOT NULL OR previous_whole)
  AND (new_value IS NOT NULL OR whole)
