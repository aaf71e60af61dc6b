-- Which attempts of the tasks of runs count? Those whose snapshots are there and, of those that found no cluster, those
-- whose projects' lists are all there. An attempt that was killed before its last step has rows in other tables, but not
-- here. superseded: a later attempt of the same task counts too. tasks_committed: how many of the run's task_count do.
-- Scans runs, and three columns each of snapshots and collections, over all time.
--
-- SELECT run_id, task_index, attempt, status FROM committed_attempts WHERE superseded

SELECT
  r.*,
  ROW_NUMBER() OVER (
    PARTITION BY r.run_id, r.task_index
    ORDER BY r.attempt DESC, r.snapshot_time DESC, r.snapshot_id DESC
  ) > 1 AS superseded,
  COUNT(DISTINCT r.task_index) OVER (PARTITION BY r.run_id) AS tasks_committed
FROM ${dataset}.runs AS r
LEFT JOIN (SELECT DISTINCT run_id, task_index, attempt, snapshot_time FROM ${dataset}.snapshots) AS s
  ON s.run_id = r.run_id
  AND s.task_index = r.task_index
  AND s.attempt = r.attempt
  AND s.snapshot_time = r.snapshot_time
LEFT JOIN (
  SELECT snapshot_id, COUNT(*) AS projects
  FROM ${dataset}.collections
  WHERE cluster IS NULL
  GROUP BY snapshot_id
) AS lists
  ON lists.snapshot_id = r.snapshot_id
-- tables are loaded side by side, and nothing but snapshots is loaded last: a run without any has no other last word
WHERE s.run_id IS NOT NULL OR (r.clusters = 0 AND COALESCE(lists.projects, 0) = r.projects)
