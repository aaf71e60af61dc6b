-- Which attempts of the tasks of each run are committed?
-- An attempt is committed once it has a row in raw_runs, which is written after all others. An attempt that was killed
-- before that has rows in the other `raw_` tables, but none here.
-- Scans raw_runs, over all time.
--
-- SELECT run_id, task_index, attempt, status FROM committed_attempts WHERE superseded
--
-- * FROM raw_runs
-- superseded BOOL: True if a later attempt of the same task is committed too.
-- tasks_committed INT64: How many of the run's `task_count` tasks are committed.

SELECT
  *,
  ROW_NUMBER() OVER (
    PARTITION BY run_id, task_index
    ORDER BY attempt DESC, snapshot_time DESC, snapshot_id DESC
  ) > 1 AS superseded,
  COUNT(DISTINCT task_index) OVER (PARTITION BY run_id) AS tasks_committed
FROM ${dataset}.raw_runs
WHERE ${known}
