-- Which ${table} are there now?
-- For each cluster that still exists: the rows of the newest snapshot that read their resource.
-- Scans ${table} over all time, unless a query filters on snapshot_time or on project_id and cluster.
--
-- SELECT project_id, cluster, age_seconds, carried_forward, COUNT(*) AS ${table} FROM latest_${table} GROUP BY 1, 2, 3, 4
--
-- * FROM ${table}
-- age_seconds INT64: Seconds since `snapshot_time`.
-- carried_forward BOOL: True if the row is from an older snapshot than the cluster's newest, which did not read this
--   resource.

SELECT
  t.*,
  c.read_age_seconds AS age_seconds,
  c.read_snapshot_id <> c.snapshot_id AS carried_forward
FROM ${dataset}.${table} AS t
JOIN ${dataset}.coverage AS c
  ON c.read_snapshot_id = t.snapshot_id AND c.resource = ${resource} AND c.cluster IS NOT NULL
