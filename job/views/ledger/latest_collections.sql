-- What happened to each resource in the newest snapshot of each cluster, and to each project's newest list of clusters?
-- Scans recent rows of collections, and what latest_snapshots scans.
--
-- SELECT cluster, resource, outcome, objects, bytes, duration_seconds FROM latest_collections ORDER BY bytes DESC LIMIT 10
--
-- * FROM recent_collections
-- attempt_age_seconds INT64: Seconds since `started_at`.

SELECT
  c.*,
  DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), c.started_at, MICROSECOND), 1000000) AS attempt_age_seconds
FROM ${dataset}.recent_collections AS c
LEFT JOIN ${dataset}.latest_snapshots AS n ON n.snapshot_id = c.snapshot_id
LEFT JOIN ${dataset}.recent_project_lists AS l
  ON l.snapshot_id = c.snapshot_id
  AND l.project_id = c.project_id
  AND l.resource = c.resource
  AND l.newest = 1
  AND c.cluster IS NULL
WHERE n.snapshot_id IS NOT NULL OR l.snapshot_id IS NOT NULL
