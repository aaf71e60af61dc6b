-- What changed between what was known at one moment and at a later one?
-- It compares, for each resource of each cluster that existed at both moments, the newest reading known at each; and the
-- newest complete lists of each project. Its columns and rules are those of `changes`. A partial reading at the
-- earlier moment is compared as it is. Readings of which the rows have
-- expired are not compared, nor, on BigQuery, those of runs that began more than `bigquery.look_back_days` before the
-- earlier moment.
-- Scans rows of runs that began before the later moment.
--
-- SELECT cluster, kind, name, field, old_value, new_value FROM changes_between(TIMESTAMP '2026-01-31 10:00:00+00', TIMESTAMP '2026-02-01 10:00:00+00')

WITH
  before AS (
    SELECT * FROM ${from}.latest_snapshots
  ),
  after AS (
    SELECT * FROM ${dataset}.latest_snapshots
  ),
  reading_pairs AS (
    SELECT
      n.project_id,
      n.location,
      n.cluster,
      n.resource,
      p.read_at AS seen_after,
      n.read_at AS seen_before,
      p.snapshot_id AS previous_snapshot_id,
      n.snapshot_id,
      n.outcome = 'ok' AS whole,
      p.outcome = 'ok' AS previous_whole
    FROM after AS l
    JOIN before AS e ON e.project_id = l.project_id AND e.location = l.location AND e.cluster = l.cluster
    JOIN ${dataset}.readings AS n
      ON n.project_id = l.project_id AND n.location = l.location AND n.cluster = l.cluster
    JOIN ${from}.readings AS p
      ON p.project_id = n.project_id
      AND p.location = n.location
      AND p.cluster = n.cluster
      AND p.resource = n.resource
    WHERE
      n.newest = 1
      AND p.newest = 1
      AND n.snapshot_time >= ${rows_since}
      AND p.snapshot_time >= ${rows_since}
      AND p.snapshot_id <> n.snapshot_id
      AND p.read_at <= n.read_at
      AND (l.cluster_id IS NULL OR n.cluster_id IS NULL OR l.cluster_id = n.cluster_id)
      AND (l.cluster_id IS NULL OR p.cluster_id IS NULL OR l.cluster_id = p.cluster_id)
      AND n.cluster_id IS NOT DISTINCT FROM p.cluster_id
  ),
  -- what was known at a moment is one reading
  pairs_past_partial AS (
    SELECT * FROM reading_pairs WHERE FALSE
  ),
  snapshot_pairs AS (
    SELECT
      n.project_id,
      n.location,
      n.cluster,
      p.started_at AS seen_after,
      n.started_at AS seen_before,
      p.snapshot_id AS previous_snapshot_id,
      n.snapshot_id,
      COALESCE(n.cluster_id <> p.cluster_id, FALSE) AS is_remade
    FROM after AS n
    JOIN before AS p ON p.project_id = n.project_id AND p.location = n.location AND p.cluster = n.cluster
    WHERE
      p.snapshot_id <> n.snapshot_id
      AND (n.cluster_id IS NULL) = (p.cluster_id IS NULL)
      AND p.started_at <= n.started_at
      AND n.snapshot_time >= ${rows_since}
      AND p.snapshot_time >= ${rows_since}
  ),
  list_pairs AS (
    SELECT
      n.project_id,
      p.started_at AS seen_after,
      n.started_at AS seen_before,
      p.snapshot_id AS previous_snapshot_id,
      n.snapshot_id,
      p.listed_clusters AS previously_listed,
      n.listed_clusters
    FROM (
      SELECT *
      FROM ${dataset}.project_lists
      WHERE outcome = 'ok'
      QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id, resource ORDER BY started_at DESC, run_id DESC, newest) = 1
    ) AS n
    JOIN (
      SELECT *
      FROM ${from}.project_lists
      WHERE outcome = 'ok'
      QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id, resource ORDER BY started_at DESC, run_id DESC, newest) = 1
    ) AS p
      ON p.project_id = n.project_id AND p.resource = n.resource
    WHERE p.snapshot_id <> n.snapshot_id AND p.started_at <= n.started_at
  )
