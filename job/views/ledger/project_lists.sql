-- Which clusters did each project have, each time they were listed?
-- One row for each list of each committed attempt.
-- Scans collections, and what committed_attempts scans, over all time.
--
-- SELECT project_id, outcome, reason, missing_zones FROM project_lists WHERE newest = 1 AND outcome <> 'ok'
--
-- * FROM collections
-- config_digest FROM committed_attempts
-- run_time TIMESTAMP: When the run's last list of the project began.
-- newest INT64: Rank of the list: 1 is the newest run's. Where several tasks of a run listed the project, the list that
--   shows the least comes first.
-- under_way BOOL: True if tasks of the run are not committed yet, and may still be: no later run has listed the project,
--   or the run began less than six hours ago.

SELECT
  * EXCEPT (superseded, task_count, tasks_committed),
  ROW_NUMBER() OVER (
    PARTITION BY project_id
    ORDER BY
      run_time DESC,
      run_id DESC,
      superseded,
      CASE outcome WHEN 'ok' THEN 2 WHEN 'partial' THEN 1 ELSE 0 END,
      started_at DESC,
      snapshot_id DESC
  ) AS newest,
  tasks_committed < task_count
    AND (
      run_id = FIRST_VALUE(run_id) OVER (PARTITION BY project_id ORDER BY run_time DESC, run_id DESC)
      OR TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), run_time, SECOND) < 21600
    ) AS under_way
FROM (
  SELECT
    c.*,
    a.config_digest,
    a.superseded,
    a.task_count,
    a.tasks_committed,
    MAX(c.started_at) OVER (PARTITION BY c.project_id, c.run_id) AS run_time
  FROM ${dataset}.collections AS c
  JOIN ${dataset}.committed_attempts AS a ON a.snapshot_id = c.snapshot_id
  WHERE c.cluster IS NULL AND c.resource = 'clusters'
)
