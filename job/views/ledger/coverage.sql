-- What is missing or stale, since when, and why?
-- One row for each resource of each cluster, one for each list of a project's clusters, of its memberships or of a
-- folder's projects, and one for each search of Cloud Asset Inventory that `cloud_asset_inventory: true` asks for. A cluster that no run has
-- collected has one row, with the resource `*`; so has a pattern of `clusters.include` that matched no cluster in its
-- last run, and a cluster that Cloud Asset Inventory alone knew then (`known_elsewhere`). What any committed run has read
-- is read.
-- Scans recent rows of collections, and what latest_snapshots scans.
--
-- SELECT project_id, cluster, resource, status, read_at, outcome, reason FROM coverage WHERE status <> 'ok'
--
-- project_id, location, cluster FROM recent_collections
-- resource STRING: The API resource: `pods`, `deployments`, ...; `clusters` for a project's list of clusters,
--   `memberships` for its fleet's list of attached clusters, `projects` for a folder's list of projects (in the column
--   `project_id`: `folders/NUMBER`), `upgrade_info` for what the GKE API
--   says of a cluster's upgrades, once a day, `cloud_asset_inventory` for the clusters that it knows, `objects` for the
--   discovery of kinds, `rollouts.argoproj.io` and the like for a kind that `objects` chooses, `*.example.com` for a glob
--   of it that matches no kind there, `*` for everything in a cluster that was never collected.
-- status STRING: `ok`: read to the end. `partial`: read to the end, except for some objects or zones. `stale`: the
--   newest attempt failed or was not made, or the rows have expired; the tables show the rows of `read_snapshot_id`.
--   `never_read`: no snapshot has read it. `off`: switched off in the configuration, or the GKE API is off in a project of
--   a folder; the tables show the last rows, if there are any.
-- outcome STRING: What happened in the newest attempt, as in `collections`; or `not_collected`: a finished run knew of
--   the cluster or the resource and did not collect it.
-- http_status INT64: HTTP status of the last response. NULL where there was none.
-- reason STRING: Cause in one word: `Rbac`, `IamPermissionMissing`, `ApiDisabled`, `Expired`, ...
-- message STRING: What went wrong, in a sentence.
-- snapshot_id STRING: The cluster's newest snapshot. For a project's list, and for `*`: that of the list.
-- snapshot_time TIMESTAMP: When the run of that snapshot began.
-- read_snapshot_id STRING: The newest snapshot that read the resource: the tables show its rows. NULL where none did, and
--   where its rows have expired.
-- read_at TIMESTAMP: When it was read: when the list began.
-- read_age_seconds INT64: Seconds since `read_at`.
-- objects INT64: Number of objects that it read.
-- rows_expired BOOL: True if the tables show none of them: BigQuery has deleted the rows
--   (`bigquery.partition_expiration_days`), or a function of a moment does not look back so far
--   (`bigquery.look_back_days`).

WITH
  lists AS (
    SELECT * FROM ${dataset}.recent_project_lists
  ),
  clusters AS (
    SELECT * FROM ${dataset}.latest_snapshots
  ),
  all_collections AS (
    SELECT * FROM ${dataset}.recent_collections
  ),
  -- each project's list in its last finished run
  settled AS (
    SELECT *
    FROM lists
    WHERE NOT under_way AND resource <> 'memberships'
    QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id ORDER BY newest) = 1
  ),
  settled_snapshots AS (
    SELECT DISTINCT l.snapshot_id
    FROM lists AS l
    JOIN settled ON settled.run_id = l.run_id
  ),
  -- in each scope that the last finished runs have searched, because their configuration asks for it
  searches AS (
    SELECT
      *,
      ROW_NUMBER() OVER (PARTITION BY project_id ORDER BY started_at DESC, snapshot_id DESC) AS newest
    FROM all_collections
    WHERE
      resource = 'cloud_asset_inventory'
      AND required IS NOT FALSE
      AND project_id IN (
        SELECT c.project_id
        FROM all_collections AS c
        JOIN settled_snapshots AS l ON l.snapshot_id = c.snapshot_id
        WHERE c.resource = 'cloud_asset_inventory' AND c.required IS NOT FALSE
      )
  ),
  attempts AS (
    SELECT
      c.*,
      n.run_id AS newest_run_id,
      n.snapshot_id AS newest_snapshot_id,
      n.snapshot_time AS newest_snapshot_time,
      n.lapse,
      n.lapse_http_status,
      n.lapse_reason,
      n.lapse_message,
      j.config_digest,
      j.run_time,
      j.first_time,
      j.previous_time,
      ROW_NUMBER() OVER (
        PARTITION BY c.project_id, c.location, c.cluster, c.resource
        ORDER BY c.started_at DESC, c.snapshot_time DESC, s.attempt DESC, c.snapshot_id DESC
      ) AS newest
    FROM all_collections AS c
    JOIN ${dataset}.recent_snapshots AS s ON s.snapshot_id = c.snapshot_id
    JOIN clusters AS n
      ON n.project_id = s.project_id AND n.location = s.location AND n.cluster = s.cluster
    LEFT JOIN ${dataset}.configurations AS j ON j.run_id = c.run_id
    -- a cluster that was created again under its name inherits nothing
    WHERE n.cluster_id IS NULL OR s.cluster_id IS NULL OR n.cluster_id = s.cluster_id
    UNION ALL
    SELECT
      * EXCEPT (config_digest, known_by_run_id, run_time, under_way, newest),
      run_id,
      snapshot_id,
      snapshot_time,
      NULL,
      NULL,
      NULL,
      NULL,
      config_digest,
      run_time,
      NULL,
      NULL,
      newest
    FROM lists
    UNION ALL
    SELECT
      * EXCEPT (newest),
      run_id,
      snapshot_id,
      snapshot_time,
      NULL,
      NULL,
      NULL,
      NULL,
      NULL,
      NULL,
      NULL,
      NULL,
      newest
    FROM searches
  ),
  judged AS (
    SELECT
      *,
      MAX(IF(run_id = newest_run_id, 1, 0)) OVER same_resource = 1 AS was_asked_by_newest,
      LAST_VALUE(
        IF(
          outcome IN ('ok', 'partial'),
          STRUCT(
            snapshot_id AS snapshot_id,
            started_at AS read_at,
            objects AS objects,
            cluster IS NOT NULL AND snapshot_time < ${rows_since} AS rows_expired
          ),
          NULL
        ) IGNORE NULLS
      ) OVER earlier AS reading,
      LAST_VALUE(
        IF(
          outcome <> 'off',
          STRUCT(config_digest AS config_digest, run_time AS run_time, previous_time AS previous_time),
          NULL
        ) IGNORE NULLS
      ) OVER earlier AS asked_by
    FROM attempts
    WINDOW
      same_resource AS (PARTITION BY project_id, location, cluster, resource),
      earlier AS (
        PARTITION BY project_id, location, cluster, resource
        ORDER BY newest DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      )
  ),
  -- a resource is off if the job that asked for it last has it off by now, or has given way to one that has it off
  last_attempts AS (
    SELECT *
    FROM judged
    WHERE
      outcome <> 'off'
      OR asked_by IS NULL
      OR asked_by.config_digest = config_digest
      OR first_time > asked_by.run_time
      OR TIMESTAMP_DIFF(run_time, asked_by.run_time, MICROSECOND)
        > 2 * TIMESTAMP_DIFF(asked_by.run_time, asked_by.previous_time, MICROSECOND)
    QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id, location, cluster, resource ORDER BY newest) = 1
  ),
  -- a lapse explains what was read before; what had failed before keeps its own reason
  explained AS (
    SELECT
      *,
      CASE
        WHEN outcome NOT IN ('ok', 'partial') THEN NULL
        WHEN lapse IS NOT NULL THEN lapse
        -- of runs that overlap, another may have begun the last list
        WHEN
          NOT was_asked_by_newest
          -- upgrade info is read once a day, in UTC
          AND NOT (
            resource = 'upgrade_info'
            AND outcome = 'ok'
            AND DIV(TIMESTAMP_DIFF(snapshot_time, TIMESTAMP '1970-01-01 00:00:00+00', SECOND), 86400)
              = DIV(TIMESTAMP_DIFF(newest_snapshot_time, TIMESTAMP '1970-01-01 00:00:00+00', SECOND), 86400)
          )
          THEN 'not_collected'
      END AS gap
    FROM last_attempts
  ),
  -- the last list of a finished run that shows a cluster: a later one may have failed
  sightings AS (
    SELECT l.project_id, l.resource, listed AS path, l.started_at, l.snapshot_id, l.snapshot_time
    FROM lists AS l
    CROSS JOIN UNNEST(l.listed_clusters) AS listed
    WHERE NOT l.under_way
    QUALIFY ROW_NUMBER() OVER (PARTITION BY l.project_id, listed ORDER BY l.newest) = 1
  ),
  -- clusters that a later complete list lacks
  gone AS (
    SELECT DISTINCT s.project_id, s.path
    FROM sightings AS s
    JOIN lists AS l ON l.project_id = s.project_id AND l.resource = s.resource AND l.started_at > s.started_at
    WHERE l.outcome = 'ok' AND s.path NOT IN UNNEST(l.listed_clusters)
  )
SELECT
  project_id,
  location,
  cluster,
  resource,
  CASE
    WHEN outcome = 'off' THEN 'off'
    WHEN reading IS NULL THEN 'never_read'
    WHEN gap IS NOT NULL OR outcome NOT IN ('ok', 'partial') OR reading.rows_expired THEN 'stale'
    ELSE outcome
  END AS status,
  COALESCE(gap, outcome) AS outcome,
  IF(gap IS NULL, http_status, lapse_http_status) AS http_status,
  IF(gap IS NULL, reason, lapse_reason) AS reason,
  IF(gap IS NULL, message, lapse_message) AS message,
  newest_snapshot_id AS snapshot_id,
  newest_snapshot_time AS snapshot_time,
  IF(reading.rows_expired, NULL, reading.snapshot_id) AS read_snapshot_id,
  reading.read_at AS read_at,
  DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), reading.read_at, MICROSECOND), 1000000) AS read_age_seconds,
  reading.objects AS objects,
  COALESCE(reading.rows_expired, FALSE) AS rows_expired
FROM explained
UNION ALL
SELECT
  l.project_id,
  SPLIT(l.path, '/')[SAFE_OFFSET(0)],
  SPLIT(l.path, '/')[SAFE_OFFSET(1)],
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
  NULL,
  FALSE
FROM sightings AS l
LEFT JOIN clusters AS n
  ON n.project_id = l.project_id AND CONCAT(n.location, '/', n.cluster) = l.path
LEFT JOIN gone ON gone.project_id = l.project_id AND gone.path = l.path
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
  NULL,
  FALSE
FROM all_collections AS c
JOIN settled_snapshots AS l
  ON l.snapshot_id = c.snapshot_id
LEFT JOIN clusters AS n
  ON n.project_id = c.project_id AND n.location = c.location AND n.cluster = c.cluster
LEFT JOIN sightings AS shown
  ON shown.project_id = c.project_id AND shown.path = CONCAT(c.location, '/', c.cluster)
LEFT JOIN gone ON gone.project_id = shown.project_id AND gone.path = shown.path
WHERE
  c.resource = 'clusters'
  AND c.cluster IS NOT NULL
  AND n.project_id IS NULL
  AND (shown.path IS NULL OR gone.path IS NOT NULL)
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY c.project_id, c.location, c.cluster
  ORDER BY c.started_at DESC, c.snapshot_id
) = 1
