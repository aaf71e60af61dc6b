-- How did the newest run go, task by task?

SELECT
  r.*,
  DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), r.snapshot_time, MICROSECOND), 1000000) AS age_seconds
FROM ${dataset}.committed_runs AS r
WHERE r.run_id = (SELECT run_id FROM ${dataset}.committed_runs ORDER BY snapshot_time DESC, run_id DESC LIMIT 1)
