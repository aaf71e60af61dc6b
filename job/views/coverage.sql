-- What is missing or stale, since when, and why? One row for each kind of each cluster, and one for each project.
-- status: ok; stale (the newest attempt failed, read_snapshot_id is the last that did not); never_read; off.
-- The rows that the latest_ views show are those of read_snapshot_id.

WITH
  attempts AS (
    SELECT
      c.*,
      ROW_NUMBER() OVER (
        PARTITION BY c.project_id, c.location, c.cluster, c.resource
        ORDER BY c.snapshot_time DESC, s.attempt DESC, c.snapshot_id DESC
      ) AS newest,
      ROW_NUMBER() OVER (
        PARTITION BY c.project_id, c.location, c.cluster, c.resource, c.outcome IN ('ok', 'partial')
        ORDER BY c.snapshot_time DESC, s.attempt DESC, c.snapshot_id DESC
      ) AS newest_of_its_kind
    FROM ${dataset}.collections AS c
    JOIN ${dataset}.snapshots AS s ON s.snapshot_id = c.snapshot_id
    JOIN ${dataset}.latest_snapshots AS n
      ON n.project_id = s.project_id AND n.location = s.location AND n.cluster = s.cluster
    -- a cluster made anew under an old name inherits nothing
    WHERE n.cluster_id IS NULL OR s.cluster_id IS NULL OR n.cluster_id = s.cluster_id
    UNION ALL
    SELECT
      c.*,
      ROW_NUMBER() OVER (PARTITION BY c.project_id ORDER BY c.snapshot_time DESC, c.snapshot_id DESC) AS newest,
      ROW_NUMBER() OVER (
        PARTITION BY c.project_id, c.outcome IN ('ok', 'partial')
        ORDER BY c.snapshot_time DESC, c.snapshot_id DESC
      ) AS newest_of_its_kind
    FROM ${dataset}.collections AS c
    JOIN ${dataset}.committed_runs AS r ON r.snapshot_id = c.snapshot_id
    WHERE c.cluster IS NULL
  ),
  readings AS (
    SELECT * FROM attempts WHERE newest_of_its_kind = 1 AND outcome IN ('ok', 'partial')
  )
SELECT
  a.project_id,
  a.location,
  a.cluster,
  a.resource,
  CASE
    WHEN a.outcome IN ('ok', 'partial') THEN a.outcome
    WHEN a.outcome = 'off' THEN 'off'
    WHEN r.snapshot_id IS NULL THEN 'never_read'
    ELSE 'stale'
  END AS status,
  a.outcome,
  a.http_status,
  a.reason,
  a.message,
  a.snapshot_id,
  a.snapshot_time,
  r.snapshot_id AS read_snapshot_id,
  r.snapshot_time AS read_snapshot_time,
  DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), r.snapshot_time, MICROSECOND), 1000000) AS read_age_seconds,
  r.objects
FROM attempts AS a
LEFT JOIN readings AS r
  ON r.project_id = a.project_id
  AND r.location = a.location
  AND (r.cluster = a.cluster OR (r.cluster IS NULL AND a.cluster IS NULL))
  AND r.resource = a.resource
WHERE a.newest = 1
