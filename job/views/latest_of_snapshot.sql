-- What does the newest snapshot of each cluster that still exists say of ${table}, and how old is it? GKE tells these with
-- the cluster itself, whatever could be read of it: carried_forward is always false.
-- Scans ${table} over all time, but for a filter on snapshot_time or on project_id and cluster.
--
-- SELECT project_id, cluster, age_seconds, carried_forward, COUNT(*) AS ${table} FROM latest_${table} GROUP BY 1, 2, 3, 4

SELECT
  t.*,
  n.age_seconds,
  FALSE AS carried_forward
FROM ${dataset}.${table} AS t
JOIN ${dataset}.latest_snapshots AS n ON n.snapshot_id = t.snapshot_id
