-- Which ${table} are there now, as GKE tells? For each cluster that still exists, those of its newest snapshot, whatever
-- could be read of the cluster itself: carried_forward is always false, age_seconds is how old the snapshot is.
-- Scans ${table} over all time, but for a filter on snapshot_time or on project_id and cluster.
--
-- SELECT project_id, cluster, age_seconds, carried_forward, COUNT(*) AS ${table} FROM latest_${table} GROUP BY 1, 2, 3, 4

SELECT
  t.*,
  n.age_seconds,
  FALSE AS carried_forward
FROM ${dataset}.${table} AS t
JOIN ${dataset}.latest_snapshots AS n ON n.snapshot_id = t.snapshot_id
