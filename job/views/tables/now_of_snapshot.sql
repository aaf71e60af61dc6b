-- Which ${table} does the GKE API report now?
-- For each cluster that still exists: the rows of its newest snapshot, even where the cluster itself could not be read.
-- Scans the last hours of raw_${table}, and the newest readings that are older.
--
-- SELECT project_id, cluster, read_at, read_status, COUNT(*) AS ${table} FROM ${table} GROUP BY 1, 2, 3, 4
--
-- * FROM raw_recent_${table}
${more_columns}-- read_at TIMESTAMP: When collecting the cluster began, just after its project was listed.
-- read_age_seconds INT64: Seconds since `read_at`.
-- read_status STRING: `ok`; or `stale`: a later run did not collect the cluster, or could not list its project.

SELECT
  t.*,
${more}  n.started_at AS read_at,
  n.attempt_age_seconds AS read_age_seconds,
  IF(n.lapse IS NULL, 'ok', 'stale') AS read_status
FROM ${dataset}.raw_recent_${table} AS t
JOIN ${dataset}.latest_snapshots AS n ON n.snapshot_id = t.snapshot_id
