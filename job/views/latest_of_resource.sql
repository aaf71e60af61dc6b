-- Which ${table} are there now, as far as is known? For each cluster, those of the last snapshot that could read them:
-- carried_forward where the newest one could not, age_seconds beside each.

SELECT
  rows_.*,
  c.read_age_seconds AS age_seconds,
  c.read_snapshot_id <> c.snapshot_id AS carried_forward
FROM ${dataset}.${table} AS rows_
JOIN ${dataset}.coverage AS c
  ON c.read_snapshot_id = rows_.snapshot_id AND c.resource = ${resource} AND c.cluster IS NOT NULL
