-- What changed in each cluster between the last two readings of each resource?
-- One row for each workload, replica count, image, request or limit that was added, removed or changed. A resource that
-- could not be read keeps its last reading: what changed meanwhile is here once it is read again. Images, requests and
-- limits are those of the pods where a workload runs in both readings, and of its template elsewhere; while pods differ,
-- such as during a rollout, a value has all of theirs. Where a list was partial, missing objects prove nothing: a partial
-- older list shows no additions, a partial newer list no removals. The same holds for controllers that are known through
-- their pods alone, where those of some pods could not be read. A cluster that was deleted and created again under its
-- name is not compared.
-- Scans raw_workloads, raw_containers, raw_pods and raw_pod_containers, and what last_two_readings scans, over all time.
--
-- SELECT cluster, namespace, name, container, old_value, new_value, seen_before FROM changes WHERE field = 'image'
--
-- project_id, location, cluster FROM last_two_readings
-- resource STRING: The API resource that the field was read from: `deployments`, ...; `pods` for what runs.
-- seen_after, seen_before, previous_snapshot_id, snapshot_id FROM last_two_readings
-- namespace, workload_kind AS kind, workload_name AS name FROM raw_containers
-- container STRING: Name of the container. NULL where the field belongs to the workload.
-- field STRING: What changed: `workload`, `replicas_wanted`, `image`, `cpu_request_millicores`, `cpu_limit_millicores`,
--   `memory_request_bytes` or `memory_limit_bytes`.
-- change STRING: `added`, `removed` or `changed`.
-- old_value STRING: Value in the older snapshot, as text; several are separated by commas. NULL where the field was
--   added. The value of a `workload` is its UID, so a workload that was deleted and created again is `changed`.
-- new_value STRING: Value in the newer snapshot, as text. NULL where the field was removed.

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
    JOIN ${dataset}.raw_pods AS p ON p.snapshot_id = sides.side_snapshot_id
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
      JOIN ${dataset}.raw_workloads AS w ON w.snapshot_id = sides.side_snapshot_id AND w.resource = sides.resource
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
    JOIN ${dataset}.raw_pods AS p ON p.snapshot_id = sides.side_snapshot_id
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
    JOIN ${dataset}.raw_workloads AS w ON w.snapshot_id = sides.side_snapshot_id AND w.resource = sides.resource
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
    JOIN ${dataset}.raw_containers AS c ON c.snapshot_id = sides.side_snapshot_id AND c.resource = sides.resource
    LEFT JOIN compared_by_pods AS b
      ON b.project_id = sides.project_id
      AND b.location = sides.location
      AND b.cluster = sides.cluster
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
      ON b.project_id = r.project_id
      AND b.location = r.location
      AND b.cluster = r.cluster
      AND b.namespace = r.namespace
      AND b.kind = r.kind
      AND b.name = r.name
    JOIN ${dataset}.raw_pod_containers AS c ON c.snapshot_id = r.side_snapshot_id AND c.pod_uid = r.pod_uid
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
