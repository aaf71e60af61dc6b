-- Which snapshot is the newest of each cluster that still exists, and how old is it?
-- A cluster is gone once a later, complete list of its project's clusters lacks it, and until a cluster of its name is
-- collected again. A cluster that was not collected, or whose project could not be listed completely, is not gone.
-- Scans snapshots, and what project_lists scans, over all time.
--
-- SELECT project_id, cluster, status, reason FROM latest_snapshots WHERE age_seconds > 86400
--
-- * FROM snapshots
-- age_seconds INT64: Seconds since `snapshot_time`.

WITH
  newest AS (
    SELECT *
    FROM ${dataset}.snapshots
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY project_id, location, cluster
      ORDER BY snapshot_time DESC, attempt DESC, snapshot_id DESC
    ) = 1
  ),
  gone AS (
    SELECT DISTINCT n.snapshot_id
    FROM newest AS n
    JOIN ${dataset}.project_lists AS l ON l.project_id = n.project_id AND l.snapshot_time > n.snapshot_time
    WHERE l.outcome = 'ok' AND CONCAT(n.location, '/', n.cluster) NOT IN UNNEST(l.listed_clusters)
  )
SELECT
  n.*,
  DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), n.snapshot_time, MICROSECOND), 1000000) AS age_seconds
FROM newest AS n
LEFT JOIN gone ON gone.snapshot_id = n.snapshot_id
WHERE gone.snapshot_id IS NULL
