-- Which snapshot is the newest of each cluster that still exists, and how old is it?
-- A cluster is gone when a later whole list of its project's clusters does not have it: one that was not collected, or
-- that no list could tell of, is not gone.
-- Scans snapshots, and what project_lists scans, over all time.
--
-- SELECT project_id, cluster, status, reason FROM latest_snapshots WHERE age_seconds > 86400

WITH
  whole_lists AS (
    SELECT project_id, snapshot_time, listed_clusters
    FROM ${dataset}.project_lists
    WHERE outcome = 'ok'
    QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id ORDER BY snapshot_time DESC, snapshot_id DESC) = 1
  ),
  newest AS (
    SELECT *
    FROM ${dataset}.snapshots
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY project_id, location, cluster
      ORDER BY snapshot_time DESC, attempt DESC, snapshot_id DESC
    ) = 1
  )
SELECT
  n.*,
  DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), n.snapshot_time, MICROSECOND), 1000000) AS age_seconds
FROM newest AS n
LEFT JOIN whole_lists AS l ON l.project_id = n.project_id AND l.snapshot_time > n.snapshot_time
WHERE l.project_id IS NULL OR CONCAT(n.location, '/', n.cluster) IN UNNEST(l.listed_clusters)
