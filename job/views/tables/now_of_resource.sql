-- Which ${table} exist now?
-- For each cluster that still exists: the rows of the newest reading of their resource.
-- Scans the last hours of raw_${table}, and the newest readings that are older.
--
-- SELECT project_id, cluster, read_at, read_status, COUNT(*) AS ${table} FROM ${table} GROUP BY 1, 2, 3, 4
--
-- * FROM raw_recent_${table}
${more_columns}-- read_at, read_age_seconds, status AS read_status FROM coverage

SELECT
  t.*,
${more}  c.read_at,
  c.read_age_seconds,
  c.status AS read_status
FROM ${dataset}.raw_recent_${table} AS t
JOIN ${dataset}.coverage AS c
  ON c.read_snapshot_id = t.snapshot_id AND c.resource = ${resource} AND c.cluster IS NOT NULL
