-- What did the newest snapshot of each cluster that still exists say of ${table}, and how old is it?

SELECT
  rows_.*,
  n.age_seconds
FROM ${dataset}.${table} AS rows_
JOIN ${dataset}.latest_snapshots AS n ON n.snapshot_id = rows_.snapshot_id
