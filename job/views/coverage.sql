-- What is missing or stale, since when, and why?
-- One row for each resource of each cluster, and one for each project's list of clusters. A cluster that no run has
-- collected has one row, with the resource `*`; so has a pattern of `clusters.include` that matched no cluster in its
-- last run.
-- Scans collections, and what latest_snapshots scans, over all time.
--
-- SELECT project_id, cluster, resource, status, read_snapshot_time, outcome, reason FROM coverage WHERE status <> 'ok'
--
-- project_id, location, cluster FROM collections
-- resource STRING: The API resource: `pods`, `deployments`, ...; `clusters` for a project's list of clusters, `*` for
--   everything in a cluster that was never collected.
-- status STRING: `ok`: read to the end. `partial`: read to the end, except for some objects or zones. `stale`: the
--   newest attempt failed or was not made; the `latest_` views show the rows of `read_snapshot_time`. `never_read`: no
--   snapshot has read it. `off`: switched off in the configuration.
-- outcome STRING: What happened in the newest attempt, as in `collections`; or `not_collected`: a finished run knew of
--   the cluster or the resource and did not collect it.
-- http_status INT64: HTTP status of the last response. NULL where there was none.
-- reason STRING: Cause in one word: `Rbac`, `IamPermissionMissing`, `ApiDisabled`, `Expired`, ...
-- message STRING: What went wrong, in a sentence.
-- snapshot_id STRING: The cluster's newest snapshot. For a project's list, and for `*`: that of the list.
-- snapshot_time TIMESTAMP: When the run of that snapshot began.
-- read_snapshot_id STRING: The newest snapshot that read the resource: the `latest_` views show its rows. NULL where
--   none did.
-- read_snapshot_time TIMESTAMP: When the run that read the resource began.
-- read_age_seconds INT64: Seconds since `read_snapshot_time`.
-- objects INT64: Number of objects that it read.

WITH
  attempts AS (
    SELECT
      c.*,
      n.run_id AS newest_run_id,
      n.snapshot_id AS newest_snapshot_id,
      n.snapshot_time AS newest_snapshot_time,
      ROW_NUMBER() OVER (
        PARTITION BY c.project_id, c.location, c.cluster, c.resource
        ORDER BY c.snapshot_time DESC, s.attempt DESC, c.snapshot_id DESC
      ) AS newest
    FROM ${dataset}.collections AS c
    JOIN ${dataset}.snapshots AS s ON s.snapshot_id = c.snapshot_id
    JOIN ${dataset}.latest_snapshots AS n
      ON n.project_id = s.project_id AND n.location = s.location AND n.cluster = s.cluster
    -- a cluster that was created again under its name inherits nothing
    WHERE n.cluster_id IS NULL OR s.cluster_id IS NULL OR n.cluster_id = s.cluster_id
    UNION ALL
    SELECT
      * EXCEPT (superseded, task_count, tasks_committed, under_way, newest),
      run_id AS newest_run_id,
      snapshot_id AS newest_snapshot_id,
      snapshot_time AS newest_snapshot_time,
      newest
    FROM ${dataset}.project_lists
  ),
  last_attempts AS (
    SELECT
      *,
      LAST_VALUE(
        IF(
          outcome IN ('ok', 'partial'),
          STRUCT(snapshot_id AS snapshot_id, snapshot_time AS snapshot_time, objects AS objects),
          NULL
        ) IGNORE NULLS
      ) OVER (
        PARTITION BY project_id, location, cluster, resource
        ORDER BY newest DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS reading
    FROM attempts
    QUALIFY newest = 1
  ),
  -- each project's list in its last finished run: what that run has not collected, it never will
  settled AS (
    SELECT *
    FROM ${dataset}.project_lists
    WHERE NOT under_way
    QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id ORDER BY newest) = 1
  ),
  -- clusters that this run listed, and that a later complete list lacks
  gone AS (
    SELECT DISTINCT s.project_id, listed AS path
    FROM settled AS s
    CROSS JOIN UNNEST(s.listed_clusters) AS listed
    JOIN ${dataset}.project_lists AS l ON l.project_id = s.project_id AND l.snapshot_time > s.snapshot_time
    WHERE l.outcome = 'ok' AND listed NOT IN UNNEST(l.listed_clusters)
  ),
  explained AS (
    SELECT
      a.*,
      l.http_status AS list_http_status,
      l.reason AS list_reason,
      l.message AS list_message,
      CASE
        WHEN a.outcome NOT IN ('ok', 'partial') THEN NULL
        WHEN l.project_id IS NULL THEN IF(a.run_id = a.newest_run_id, NULL, 'not_collected')
        WHEN l.outcome = 'ok' OR CONCAT(a.location, '/', a.cluster) IN UNNEST(l.listed_clusters) THEN 'not_collected'
        ELSE l.outcome
      END AS lapse
    FROM last_attempts AS a
    LEFT JOIN settled AS l
      ON l.project_id = a.project_id
      AND l.snapshot_time > a.newest_snapshot_time
      AND l.run_id <> a.newest_run_id
      AND a.cluster IS NOT NULL
  )
SELECT
  project_id,
  location,
  cluster,
  resource,
  CASE
    WHEN outcome = 'off' THEN 'off'
    WHEN reading IS NULL THEN 'never_read'
    WHEN lapse IS NOT NULL OR outcome NOT IN ('ok', 'partial') THEN 'stale'
    ELSE outcome
  END AS status,
  COALESCE(lapse, outcome) AS outcome,
  CASE WHEN lapse IS NULL THEN http_status WHEN lapse <> 'not_collected' THEN list_http_status END AS http_status,
  CASE WHEN lapse IS NULL THEN reason WHEN lapse <> 'not_collected' THEN list_reason END AS reason,
  CASE WHEN lapse IS NULL THEN message WHEN lapse <> 'not_collected' THEN list_message END AS message,
  newest_snapshot_id AS snapshot_id,
  newest_snapshot_time AS snapshot_time,
  reading.snapshot_id AS read_snapshot_id,
  reading.snapshot_time AS read_snapshot_time,
  DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), reading.snapshot_time, MICROSECOND), 1000000) AS read_age_seconds,
  reading.objects AS objects
FROM explained
UNION ALL
SELECT
  l.project_id,
  SPLIT(listed, '/')[SAFE_OFFSET(0)],
  SPLIT(listed, '/')[SAFE_OFFSET(1)],
  '*',
  'never_read',
  'not_collected',
  NULL,
  NULL,
  NULL,
  l.snapshot_id,
  l.snapshot_time,
  NULL,
  NULL,
  NULL,
  NULL
FROM settled AS l
CROSS JOIN UNNEST(l.listed_clusters) AS listed
LEFT JOIN ${dataset}.latest_snapshots AS n
  ON n.project_id = l.project_id AND CONCAT(n.location, '/', n.cluster) = listed
LEFT JOIN gone ON gone.project_id = l.project_id AND gone.path = listed
WHERE n.project_id IS NULL AND gone.project_id IS NULL
UNION ALL
SELECT
  c.project_id,
  c.location,
  c.cluster,
  '*',
  'never_read',
  c.outcome,
  c.http_status,
  c.reason,
  c.message,
  c.snapshot_id,
  c.snapshot_time,
  CAST(NULL AS STRING),
  CAST(NULL AS TIMESTAMP),
  NULL,
  NULL
FROM ${dataset}.collections AS c
JOIN (
  SELECT DISTINCT l.snapshot_id
  FROM ${dataset}.project_lists AS l
  JOIN settled ON settled.run_id = l.run_id
) AS l
  ON l.snapshot_id = c.snapshot_id
LEFT JOIN ${dataset}.latest_snapshots AS n
  ON n.project_id = c.project_id AND n.location = c.location AND n.cluster = c.cluster
WHERE c.resource = 'clusters' AND c.cluster IS NOT NULL AND n.project_id IS NULL
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY c.project_id, c.location, c.cluster
  ORDER BY c.snapshot_time DESC, c.snapshot_id
) = 1
