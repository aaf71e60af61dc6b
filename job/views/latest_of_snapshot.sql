-- Which ${table} does the GKE API report now?
-- For each cluster that still exists: the rows of its newest snapshot, even where the cluster itself could not be read.
-- Scans ${table} over all time, unless a query filters on snapshot_time or on project_id and cluster.
--
-- SELECT project_id, cluster, age_seconds, carried_forward, COUNT(*) AS ${table} FROM latest_${table} GROUP BY 1, 2, 3, 4
--
-- * FROM ${table}
-- age_seconds INT64: Seconds since `snapshot_time`.
-- carried_forward BOOL: Always false; the other `latest_` views have this column too.

SELECT
  t.*,
  n.age_seconds,
  FALSE AS carried_forward
FROM ${dataset}.${table} AS t
JOIN ${dataset}.latest_snapshots AS n ON n.snapshot_id = t.snapshot_id
