-- Which two readings of each resource are the last ones?
-- One row for each resource of each cluster that still exists and was read at least twice, by two runs: what changed
-- between them shows in `changes`. A cluster that was deleted and created again under its name is not compared, nor
-- is a reading whose cluster's id is unknown with one of a known id, nor readings of which the rows have expired.
-- Scans recent rows of collections, and what latest_snapshots scans.
--
-- SELECT cluster, resource, seen_after, seen_before FROM last_two_readings WHERE resource = 'pods'
--
-- project_id, location, cluster, resource FROM recent_readings
-- seen_after TIMESTAMP: When the older reading began: a change between the two is later than this.
-- seen_before TIMESTAMP: When the newer reading began: it shows the change.
-- previous_snapshot_id STRING: Snapshot of the older reading.
-- snapshot_id STRING: Snapshot of the newer reading: the newest of the resource.
-- whole BOOL: True if the newer reading lacks no objects.
-- previous_whole BOOL: True if the older reading lacks no objects.
-- whole_seen_after TIMESTAMP: If the older reading is partial: when the last whole one before it began. NULL otherwise.
-- whole_snapshot_id STRING: If the older reading is partial: snapshot of the last whole one before it. NULL otherwise.

WITH
  all_readings AS (
    SELECT * FROM ${dataset}.recent_readings
  ),
  last_two AS (
    SELECT
      n.project_id,
      n.location,
      n.cluster,
      n.resource,
      p.read_at AS seen_after,
      n.read_at AS seen_before,
      p.snapshot_id AS previous_snapshot_id,
      n.snapshot_id,
      n.cluster_id,
      n.outcome = 'ok' AS whole,
      p.outcome = 'ok' AS previous_whole,
      MIN(IF(p.outcome = 'ok', p.newest, NULL)) OVER (
        PARTITION BY n.project_id, n.location, n.cluster, n.resource
      ) AS whole_newest
    FROM ${dataset}.latest_snapshots AS l
    JOIN all_readings AS n
      ON n.project_id = l.project_id AND n.location = l.location AND n.cluster = l.cluster
    JOIN all_readings AS p
      ON p.project_id = n.project_id
      AND p.location = n.location
      AND p.cluster = n.cluster
      AND p.resource = n.resource
      -- attempts of one task, and tasks of one run, are one reading of the cluster
      AND p.run_id <> n.run_id
      -- an unknown id is not that of a known cluster
      AND (n.cluster_id IS NULL OR p.cluster_id = n.cluster_id)
    WHERE
      n.newest = 1
      AND n.snapshot_time >= ${rows_since}
      AND p.snapshot_time >= ${rows_since}
      AND (l.cluster_id IS NULL OR n.cluster_id IS NULL OR l.cluster_id = n.cluster_id)
      AND (l.cluster_id IS NULL OR p.cluster_id IS NULL OR l.cluster_id = p.cluster_id)
    QUALIFY
      ROW_NUMBER() OVER (PARTITION BY n.project_id, n.location, n.cluster, n.resource ORDER BY p.newest) = 1
      AND n.cluster_id IS NOT DISTINCT FROM p.cluster_id
  )
SELECT
  l.* EXCEPT (cluster_id, whole_newest),
  w.read_at AS whole_seen_after,
  w.snapshot_id AS whole_snapshot_id
FROM last_two AS l
LEFT JOIN all_readings AS w
  ON NOT l.previous_whole
  AND w.project_id = l.project_id
  AND w.location = l.location
  AND w.cluster = l.cluster
  AND w.resource = l.resource
  AND w.newest = l.whole_newest
  AND w.snapshot_time >= ${rows_since}
  AND w.cluster_id IS NOT DISTINCT FROM l.cluster_id
