-- Which changes does the history show, and between which two readings?
-- One row for each change between two successive readings of a resource, of all that are kept, also of clusters that are
-- deleted by now. Rows are those of `changes`, which has the last pair of readings alone, and noise is the same. What was
-- added and removed again between two readings is in neither. A cluster that was deleted, and created again under its
-- name, is one change of its id; where a list was made in between, it is also `removed` and `added`.
-- Readings of which the rows have expired are not compared.
-- Scans all history: a filter on seen_before leaves out rows, not scans. `events_between(from_moment, to_moment)` reads
-- the rows of runs that began between two moments, and shows the changes between their readings.
--
-- SELECT seen_before, cluster, kind, name, field, change, old_value, new_value FROM events ORDER BY seen_before DESC LIMIT 100

WITH
  -- attempts of one task, and tasks of one run, are one reading of the cluster
  run_readings AS (
    SELECT *
    FROM ${dataset}.readings
    WHERE ${since} AND snapshot_time >= ${rows_since}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id, location, cluster, resource, run_id ORDER BY newest) = 1
  ),
  reading_pairs AS (
    SELECT * EXCEPT (cluster_id, previous_cluster_id)
    FROM (
      SELECT
        project_id,
        location,
        cluster,
        resource,
        LAG(read_at) OVER earlier AS seen_after,
        read_at AS seen_before,
        LAG(snapshot_id) OVER earlier AS previous_snapshot_id,
        snapshot_id,
        outcome = 'ok' AS whole,
        LAG(outcome = 'ok') OVER earlier AS previous_whole,
        cluster_id,
        LAG(cluster_id) OVER earlier AS previous_cluster_id
      FROM run_readings
      WINDOW earlier AS (PARTITION BY project_id, location, cluster, resource ORDER BY newest DESC)
    )
    WHERE
      previous_snapshot_id IS NOT NULL
      AND (cluster_id IS NULL OR previous_cluster_id IS NULL OR cluster_id = previous_cluster_id)
  ),
  run_snapshots AS (
    SELECT *
    FROM ${dataset}.snapshots
    WHERE ${since} AND snapshot_time >= ${rows_since}
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY project_id, location, cluster, run_id
      ORDER BY started_at DESC, snapshot_time DESC, attempt DESC, snapshot_id DESC
    ) = 1
  ),
  snapshot_pairs AS (
    SELECT *
    FROM (
      SELECT
        project_id,
        location,
        cluster,
        LAG(started_at) OVER earlier AS seen_after,
        started_at AS seen_before,
        LAG(snapshot_id) OVER earlier AS previous_snapshot_id,
        snapshot_id,
        COALESCE(cluster_id <> LAG(cluster_id) OVER earlier, FALSE) AS is_remade
      FROM run_snapshots
      WINDOW earlier AS (
        PARTITION BY project_id, location, cluster
        ORDER BY started_at, snapshot_time, attempt, snapshot_id
      )
    )
    WHERE previous_snapshot_id IS NOT NULL
  ),
  run_lists AS (
    SELECT *
    FROM ${dataset}.project_lists
    WHERE outcome = 'ok' AND ${since}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id, resource, run_id ORDER BY newest) = 1
  ),
  list_pairs AS (
    SELECT *
    FROM (
      SELECT
        project_id,
        LAG(started_at) OVER earlier AS seen_after,
        started_at AS seen_before,
        LAG(snapshot_id) OVER earlier AS previous_snapshot_id,
        snapshot_id,
        LAG(listed_clusters) OVER earlier AS previously_listed,
        listed_clusters
      FROM run_lists
      WINDOW earlier AS (PARTITION BY project_id, resource ORDER BY started_at, run_id)
    )
    WHERE previous_snapshot_id IS NOT NULL
  )
