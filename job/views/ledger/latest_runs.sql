-- How did the newest run go, task by task?
-- Scans what runs scans.
--
-- SELECT task_index, status, clusters, clusters_failed, duration_seconds FROM latest_runs
--
-- * FROM runs
-- age_seconds INT64: Seconds since `snapshot_time`.

SELECT
  *,
  DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), snapshot_time, MICROSECOND), 1000000) AS age_seconds
FROM ${dataset}.runs
QUALIFY run_id = FIRST_VALUE(run_id) OVER (ORDER BY snapshot_time DESC, run_id DESC)
