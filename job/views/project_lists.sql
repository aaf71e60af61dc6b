-- Which clusters did each project have, each time that it was asked for them? One row for each list of each committed
-- attempt. newest: 1 is the list of the newest run; of a run of several tasks, which each ask, the one that tells least.
-- under_way: tasks of that run have yet to commit, and no later run has asked.
-- Scans what committed_attempts scans, and the rows of collections that are about projects, over all time.
--
-- SELECT project_id, outcome, reason, missing_zones FROM project_lists WHERE newest = 1 AND outcome <> 'ok'

SELECT
  * EXCEPT (run_time),
  ROW_NUMBER() OVER (
    PARTITION BY project_id
    ORDER BY
      run_time DESC,
      run_id DESC,
      superseded,
      CASE outcome WHEN 'ok' THEN 2 WHEN 'partial' THEN 1 ELSE 0 END,
      snapshot_time DESC,
      snapshot_id DESC
  ) AS newest,
  tasks_committed < task_count
    AND run_id = FIRST_VALUE(run_id) OVER (PARTITION BY project_id ORDER BY run_time DESC, run_id DESC) AS under_way
FROM (
  SELECT
    c.*,
    a.superseded,
    a.task_count,
    a.tasks_committed,
    MAX(c.snapshot_time) OVER (PARTITION BY c.project_id, c.run_id) AS run_time
  FROM ${dataset}.collections AS c
  JOIN ${dataset}.committed_attempts AS a ON a.snapshot_id = c.snapshot_id
  WHERE c.cluster IS NULL AND c.resource = 'clusters'
)
