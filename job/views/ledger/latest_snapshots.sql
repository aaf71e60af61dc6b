-- Which snapshot is the newest of each cluster that still exists, and was it the last that there should be?
-- A cluster is gone once a later, complete list of its project's clusters lacks it, and until a cluster of its name is
-- collected again. A cluster that was not collected, or whose project could not be listed completely, is not gone.
-- A run that knew of a cluster and did not collect it, or could not list its project, is a lapse if the run stands in for
-- the one that collected the cluster last: it has the same configuration; or one that came up later and collects some of
-- the same clusters, or none at all; or it began more than twice as long after that run as that run after the one
-- before. Another job, with other clusters of the same project, is no lapse.
-- Scans recent rows of snapshots and collections, and all of runs.
--
-- SELECT project_id, cluster, status, reason, lapse FROM latest_snapshots WHERE lapse IS NOT NULL
--
-- * FROM recent_snapshots
-- attempt_age_seconds INT64: Seconds since `started_at`: the age of the attempt, not of what it read.
-- lapse STRING: Why a later run did not collect the cluster: `not_collected`, or the outcome of the list of its project.
--   NULL if none should have.
-- lapse_http_status INT64: HTTP status of that list, if it failed.
-- lapse_reason STRING: Its reason.
-- lapse_message STRING: Its message.

WITH
  committed AS (
    SELECT * FROM ${dataset}.recent_snapshots
  ),
  lists AS (
    SELECT * FROM ${dataset}.recent_project_lists
  ),
  configurations AS (
    SELECT * FROM ${dataset}.configurations
  ),
  newest AS (
    SELECT *, IF(STARTS_WITH(cluster, 'membership:'), 'memberships', 'clusters') AS listed_by
    FROM committed
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY project_id, location, cluster
      ORDER BY started_at DESC, snapshot_time DESC, attempt DESC, snapshot_id DESC
    ) = 1
  ),
  gone AS (
    SELECT DISTINCT n.snapshot_id
    FROM newest AS n
    JOIN lists AS l ON l.project_id = n.project_id AND l.resource = n.listed_by AND l.started_at > n.started_at
    WHERE l.outcome = 'ok' AND CONCAT(n.location, '/', n.cluster) NOT IN UNNEST(l.listed_clusters)
  ),
  present AS (
    SELECT n.*
    FROM newest AS n
    LEFT JOIN gone ON gone.snapshot_id = n.snapshot_id
    WHERE gone.snapshot_id IS NULL
  ),
  -- each project's list in the last finished run of each configuration: what that run has not collected, it never will
  settled AS (
    SELECT l.*, j.first_time, j.run_time AS job_time
    FROM lists AS l
    JOIN configurations AS j ON j.run_id = l.run_id
    WHERE NOT l.under_way
    QUALIFY ROW_NUMBER() OVER (PARTITION BY l.project_id, l.resource, l.config_digest ORDER BY l.newest) = 1
  ),
  later AS (
    SELECT
      p.snapshot_id,
      p.run_id,
      l.run_id AS later_run_id,
      l.newest,
      l.resource = p.listed_by AS is_own_list,
      IF(l.outcome = 'ok' OR CONCAT(p.location, '/', p.cluster) IN UNNEST(l.listed_clusters), NULL, l.outcome) AS failure,
      l.http_status,
      l.reason,
      l.message,
      l.config_digest = j.config_digest
        OR COALESCE(
          TIMESTAMP_DIFF(l.job_time, j.run_time, MICROSECOND)
            > 2 * TIMESTAMP_DIFF(j.run_time, j.previous_time, MICROSECOND),
          FALSE
        ) AS stands_in,
      l.first_time > j.run_time AS came_later
    FROM present AS p
    JOIN configurations AS j ON j.run_id = p.run_id
    -- a run without `attached_clusters` lists the project alone
    JOIN settled AS l
      ON l.project_id = p.project_id
      AND l.resource IN (p.listed_by, 'clusters')
      AND l.started_at > p.started_at
      AND l.run_id <> p.run_id
    LEFT JOIN committed AS own
      ON own.run_id = l.run_id
      AND own.project_id = p.project_id
      AND own.location = p.location
      AND own.cluster = p.cluster
    WHERE own.run_id IS NULL
  ),
  collected AS (
    SELECT DISTINCT run_id, project_id, location, cluster FROM committed
  ),
  -- runs of another configuration that collected some of the same clusters, or none at all
  successors AS (
    SELECT DISTINCT pairs.run_id, pairs.later_run_id
    FROM (SELECT DISTINCT run_id, later_run_id FROM later WHERE came_later AND NOT stands_in) AS pairs
    LEFT JOIN collected AS after ON after.run_id = pairs.later_run_id
    LEFT JOIN collected AS before
      ON before.run_id = pairs.run_id
      AND before.project_id = after.project_id
      AND before.location = after.location
      AND before.cluster = after.cluster
    WHERE after.run_id IS NULL OR before.run_id IS NOT NULL
  ),
  lapses AS (
    SELECT l.*
    FROM later AS l
    LEFT JOIN successors AS s ON s.run_id = l.run_id AND s.later_run_id = l.later_run_id
    WHERE l.stands_in OR s.run_id IS NOT NULL
    QUALIFY ROW_NUMBER() OVER (PARTITION BY l.snapshot_id ORDER BY l.newest, l.is_own_list DESC) = 1
  )
SELECT
  p.* EXCEPT (listed_by),
  DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), p.started_at, MICROSECOND), 1000000) AS attempt_age_seconds,
  IF(l.snapshot_id IS NULL, NULL, COALESCE(l.failure, 'not_collected')) AS lapse,
  IF(l.failure IS NULL, NULL, l.http_status) AS lapse_http_status,
  IF(l.failure IS NULL, NULL, l.reason) AS lapse_reason,
  IF(l.failure IS NULL, NULL, l.message) AS lapse_message
FROM present AS p
LEFT JOIN lapses AS l ON l.snapshot_id = p.snapshot_id
