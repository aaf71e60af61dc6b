-- Which ${table} are there now, as far as is known? For each cluster, those of the last snapshot that could read them:
-- carried_forward where the newest one could not; snapshot_time is when it was, age_seconds how long ago.
-- Scans ${table} over all time, but for a filter on snapshot_time or on project_id and cluster.
--
-- SELECT project_id, cluster, age_seconds, carried_forward, COUNT(*) AS ${table} FROM latest_${table} GROUP BY 1, 2, 3, 4

SELECT
  t.*,
  c.read_age_seconds AS age_seconds,
  c.read_snapshot_id <> c.snapshot_id AS carried_forward
FROM ${dataset}.${table} AS t
JOIN ${dataset}.coverage AS c
  ON c.read_snapshot_id = t.snapshot_id AND c.resource = ${resource} AND c.cluster IS NOT NULL
