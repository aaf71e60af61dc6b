-- Which attempts of the tasks of each run are committed?
-- An attempt is committed once its snapshots are written or, if it found no cluster, once the lists of all its projects
-- are. An attempt that was killed before that has rows in the `raw_` tables, but none here.
-- Scans raw_runs, and three columns each of raw_snapshots and raw_collections, over all time.
--
-- SELECT run_id, task_index, attempt, status FROM committed_attempts WHERE superseded
--
-- * FROM raw_runs
-- superseded BOOL: True if a later attempt of the same task is committed too.
-- tasks_committed INT64: How many of the run's `task_count` tasks are committed.

SELECT
  r.*,
  ROW_NUMBER() OVER (
    PARTITION BY r.run_id, r.task_index
    ORDER BY r.attempt DESC, r.snapshot_time DESC, r.snapshot_id DESC
  ) > 1 AS superseded,
  COUNT(DISTINCT r.task_index) OVER (PARTITION BY r.run_id) AS tasks_committed
FROM ${dataset}.raw_runs AS r
LEFT JOIN (SELECT DISTINCT run_id, task_index, attempt, snapshot_time FROM ${dataset}.raw_snapshots) AS s
  ON s.run_id = r.run_id
  AND s.task_index = r.task_index
  AND s.attempt = r.attempt
  AND s.snapshot_time = r.snapshot_time
LEFT JOIN (
  SELECT snapshot_id, COUNT(*) AS projects
  FROM ${dataset}.raw_collections
  WHERE cluster IS NULL
  GROUP BY snapshot_id
) AS lists
  ON lists.snapshot_id = r.snapshot_id
WHERE
  -- the other tables are loaded in parallel, before raw_snapshots: a run without snapshots has no marker of its own
  (s.run_id IS NOT NULL OR (r.clusters = 0 AND COALESCE(lists.projects, 0) = r.projects))
  AND ${known}
