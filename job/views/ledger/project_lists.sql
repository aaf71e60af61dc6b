-- Which clusters did each project have, each time they were listed?
-- One row for each list of each committed attempt; also for a project's list of memberships (`attached_clusters`), and
-- for a folder's or organization's list of projects, with `folders/NUMBER` as `project_id`. A project that the last runs of its configuration no longer find in a folder has a
-- row for each of them, with the outcome of the folder's list, or `not_found`: it was not read, and does not look deleted.
-- So has a project, with `not_collected`, for each run that is over without its first task, which lists the projects.
-- Scans collections, and what committed_attempts scans, over all time.
--
-- SELECT project_id, resource, outcome, reason, missing_zones FROM project_lists WHERE newest = 1 AND outcome <> 'ok'
--
-- * FROM collections
-- config_digest FROM committed_attempts
-- known_by_run_id STRING: Of a row for a run without its first task: the last run before it that listed the
--   project.
-- run_time TIMESTAMP: When the run's last list of the project began.
-- newest INT64: Rank of the list: 1 is the newest run's. Where several tasks of a run listed the project, the list that
--   shows the least comes first.
-- under_way BOOL: True if tasks of the run are not committed yet, and may still be: no later run has listed the project,
--   or the run began less than six hours ago.

WITH
  lists AS (
    SELECT
      c.*,
      a.config_digest,
      a.superseded,
      a.task_count,
      a.tasks_committed,
      CAST(NULL AS STRING) AS known_by_run_id
    FROM ${dataset}.collections AS c
    JOIN ${dataset}.committed_attempts AS a ON a.snapshot_id = c.snapshot_id
    WHERE c.cluster IS NULL AND c.resource IN ('clusters', 'memberships', 'projects')
  ),
  found AS (
    SELECT project_id, resource, config_digest, folder, MAX(started_at) AS found_at
    FROM lists
    CROSS JOIN UNNEST(ancestors) AS folder
    GROUP BY 1, 2, 3, 4
  ),
  lost AS (
    SELECT
      l.* REPLACE (
        f.project_id AS project_id,
        f.resource AS resource,
        IF(l.outcome = 'ok', 'not_found', l.outcome) AS outcome,
        IF(l.outcome = 'ok', 'NotListed', l.reason) AS reason,
        IF(
          l.outcome = 'ok',
          CONCAT('the project is no longer in ', f.folder),
          CONCAT('the projects in ', f.folder, ' could not be listed: ', COALESCE(l.message, l.outcome))
        ) AS message,
        0 AS objects
      )
    FROM lists AS l
    JOIN found AS f
      ON f.folder = l.project_id AND f.config_digest = l.config_digest AND f.found_at < l.started_at
    LEFT JOIN lists AS own
      ON own.run_id = l.run_id AND own.project_id = f.project_id AND own.resource = f.resource
    WHERE l.resource = 'projects' AND own.run_id IS NULL
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY l.snapshot_id, f.project_id, f.resource
      ORDER BY l.outcome = 'ok', f.found_at DESC, f.folder
    ) = 1
  ),
  -- the first committed task of each run that is over without its first one: the job has begun again since
  headless AS (
    SELECT *
    FROM (
      SELECT *, LEAD(run_id) OVER (PARTITION BY config_digest ORDER BY started_at, run_id) AS later_run_id
      FROM ${dataset}.committed_attempts
      QUALIFY ROW_NUMBER() OVER (PARTITION BY run_id ORDER BY task_index, superseded) = 1
    )
    WHERE
      task_index > 0
      AND later_run_id IS NOT NULL
      AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), started_at, SECOND) >= 21600
  ),
  unlisted AS (
    SELECT
      l.* REPLACE (
        r.run_id AS run_id,
        r.snapshot_id AS snapshot_id,
        r.snapshot_time AS snapshot_time,
        r.started_at AS started_at,
        'not_collected' AS outcome,
        CAST(NULL AS INT64) AS http_status,
        'TaskNotCommitted' AS reason,
        'the task that lists the projects did not commit: look at its log' AS message,
        0 AS objects,
        0 AS pages,
        0 AS bytes,
        0 AS requests,
        0 AS retries,
        0 AS waited_seconds,
        0 AS duration_seconds,
        0 AS unreadable_objects,
        CAST([] AS ARRAY<STRING>) AS unreadable,
        CAST([] AS ARRAY<STRING>) AS listed_clusters,
        CAST([] AS ARRAY<STRING>) AS missing_zones,
        l.run_id AS known_by_run_id
      )
    FROM headless AS r
    JOIN lists AS l ON l.config_digest = r.config_digest AND l.started_at < r.started_at
    LEFT JOIN lists AS own
      ON own.run_id = r.run_id AND own.project_id = l.project_id AND own.resource = l.resource
    WHERE own.run_id IS NULL
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY r.run_id, l.project_id, l.resource
      ORDER BY l.started_at DESC, l.snapshot_id DESC
    ) = 1
  )
SELECT
  * EXCEPT (superseded, task_count, tasks_committed),
  ROW_NUMBER() OVER (
    PARTITION BY project_id, resource
    ORDER BY
      run_time DESC,
      run_id DESC,
      superseded,
      CASE outcome WHEN 'ok' THEN 2 WHEN 'partial' THEN 1 ELSE 0 END,
      started_at DESC,
      snapshot_id DESC
  ) AS newest,
  known_by_run_id IS NULL
    AND tasks_committed < task_count
    AND (
      run_id = FIRST_VALUE(run_id) OVER (PARTITION BY project_id, resource ORDER BY run_time DESC, run_id DESC)
      OR TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), run_time, SECOND) < 21600
    ) AS under_way
FROM (
  SELECT *, MAX(started_at) OVER (PARTITION BY project_id, resource, run_id) AS run_time
  FROM (
    SELECT * FROM lists
    UNION ALL
    SELECT * FROM lost
    UNION ALL
    SELECT * FROM unlisted
  )
)
