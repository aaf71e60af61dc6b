-- What became of each kind in the newest snapshot of each cluster, and of each project's list in the newest run?

WITH
  lists AS (
    SELECT
      c.snapshot_id,
      c.project_id,
      ROW_NUMBER() OVER (PARTITION BY c.project_id ORDER BY c.snapshot_time DESC, c.snapshot_id DESC) AS newest
    FROM ${dataset}.collections AS c
    JOIN ${dataset}.committed_runs AS r ON r.snapshot_id = c.snapshot_id
    WHERE c.cluster IS NULL
  )
SELECT
  c.*,
  DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), c.snapshot_time, MICROSECOND), 1000000) AS age_seconds
FROM ${dataset}.collections AS c
LEFT JOIN ${dataset}.latest_snapshots AS n ON n.snapshot_id = c.snapshot_id
LEFT JOIN lists AS l
  ON l.snapshot_id = c.snapshot_id AND l.project_id = c.project_id AND l.newest = 1 AND c.cluster IS NULL
WHERE n.snapshot_id IS NOT NULL OR l.snapshot_id IS NOT NULL
