-- Which changes does the history show, and between which two readings?
-- One row for each change between two successive readings of a resource, of all that are kept, also of clusters that are
-- deleted by now. Rows are those of `changes`, which has the last pair of readings alone, and noise is the same. What was
-- added and removed again between two readings is in neither. A cluster that was deleted, and created again under its
-- name, is one change of its id; where a list was made in between, it is also `removed` and `added`.
-- Readings of which the rows have expired are not compared. Where a partial reading lacks an object, the next reading is
-- compared with the last whole one before it; after several partial readings, a change may show a second time, over the
-- longer span.
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
  numbered_readings AS (
    SELECT
      *,
      MAX(IF(outcome = 'ok', position, NULL)) OVER (
        PARTITION BY project_id, location, cluster, resource, cluster_id IS NULL
        ORDER BY position
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS whole_position
    FROM (
      SELECT
        *,
        ROW_NUMBER() OVER (PARTITION BY project_id, location, cluster, resource ORDER BY newest DESC) AS position
      FROM run_readings
    )
  ),
  -- an unknown id is not that of a known cluster: readings of both are not compared
  successive_readings AS (
    SELECT *
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
        LAG(cluster_id) OVER earlier AS previous_cluster_id,
        position,
        LAG(position) OVER earlier AS previous_position,
        LAG(whole_position) OVER earlier AS whole_position
      FROM numbered_readings
      WINDOW earlier AS (PARTITION BY project_id, location, cluster, resource, cluster_id IS NULL ORDER BY position)
    )
    WHERE
      previous_snapshot_id IS NOT NULL
      AND (cluster_id = previous_cluster_id OR (cluster_id IS NULL AND previous_position = position - 1))
  ),
  reading_pairs AS (
    SELECT * EXCEPT (cluster_id, previous_cluster_id, position, previous_position, whole_position)
    FROM successive_readings
  ),
  -- where the older one is partial, the whole one before it shows what that lacks
  pairs_past_partial AS (
    SELECT
      n.project_id,
      n.location,
      n.cluster,
      n.resource,
      w.read_at AS seen_after,
      n.seen_before,
      w.snapshot_id AS previous_snapshot_id,
      n.snapshot_id,
      n.whole,
      TRUE AS previous_whole
    FROM successive_readings AS n
    JOIN numbered_readings AS w
      ON w.project_id = n.project_id
      AND w.location = n.location
      AND w.cluster = n.cluster
      AND w.resource = n.resource
      AND w.position = n.whole_position
    WHERE NOT n.previous_whole AND w.cluster_id IS NOT DISTINCT FROM n.cluster_id
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
    SELECT * EXCEPT (is_comparable)
    FROM (
      SELECT
        project_id,
        location,
        cluster,
        LAG(started_at) OVER earlier AS seen_after,
        started_at AS seen_before,
        LAG(snapshot_id) OVER earlier AS previous_snapshot_id,
        snapshot_id,
        COALESCE(cluster_id <> LAG(cluster_id) OVER earlier, FALSE) AS is_remade,
        cluster_id IS NOT NULL OR position = LAG(position) OVER earlier + 1 AS is_comparable
      FROM (
        SELECT
          *,
          ROW_NUMBER() OVER (
            PARTITION BY project_id, location, cluster
            ORDER BY started_at, snapshot_time, attempt, snapshot_id
          ) AS position
        FROM run_snapshots
      )
      WINDOW earlier AS (PARTITION BY project_id, location, cluster, cluster_id IS NULL ORDER BY position)
    )
    WHERE previous_snapshot_id IS NOT NULL AND is_comparable
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
