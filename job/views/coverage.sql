-- What is missing or stale, since when, and why? One row for each kind of each cluster, and one for each project's list
-- of clusters. status: ok; partial (but for some objects or zones); stale (as it was at read_snapshot_time); never_read;
-- off (in the configuration). outcome says why, as in collections, or is not_collected: a run that is over knew of the
-- cluster, or of the kind, and did not collect it. A cluster that no run has collected has one row, of the resource *.
-- snapshot_id is the cluster's newest snapshot, read_snapshot_id the one whose rows the latest_ views show.
-- Scans collections, and what latest_snapshots scans, over all time.
--
-- SELECT project_id, cluster, resource, status, read_snapshot_time, outcome, reason FROM coverage WHERE status <> 'ok'

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
    -- a cluster made anew under an old name inherits nothing
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
  -- each project's list by its last run that is over: what that has not collected, it will not
  settled AS (
    SELECT *
    FROM ${dataset}.project_lists
    WHERE NOT under_way
    QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id ORDER BY newest) = 1
  ),
  -- what that run was told of, and a task of the run that is under way no longer
  gone AS (
    SELECT DISTINCT s.project_id, listed AS path
    FROM settled AS s
    CROSS JOIN UNNEST(s.listed_clusters) AS listed
    JOIN ${dataset}.project_lists AS l ON l.project_id = s.project_id AND l.snapshot_time > s.snapshot_time
    WHERE l.outcome = 'ok' AND listed NOT IN UNNEST(l.listed_clusters)
  ),
  told AS (
    SELECT
      a.*,
      l.http_status AS list_http_status,
      l.reason AS list_reason,
      l.message AS list_message,
      CASE
        WHEN a.outcome NOT IN ('ok', 'partial') THEN NULL
        WHEN l.project_id IS NULL THEN IF(a.snapshot_id = a.newest_snapshot_id, NULL, 'not_collected')
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
FROM told
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
