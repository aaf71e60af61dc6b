-- Which snapshots are committed?
-- One row for each cluster of each committed attempt.
-- Scans raw_snapshots, and raw_runs, over all time.
--
-- SELECT cluster, snapshot_time, status, reason FROM snapshots WHERE status <> 'complete'
--
-- * FROM raw_snapshots

SELECT s.*
FROM ${dataset}.raw_snapshots AS s
JOIN ${dataset}.raw_runs AS r
  ON r.run_id = s.run_id
  AND r.task_index = s.task_index
  AND r.attempt = s.attempt
  AND r.snapshot_time = s.snapshot_time
WHERE ${known}
