-- Which snapshot is the newest of each cluster that still exists, and how old is it?
-- A cluster is gone when a later list of all of its project's clusters did not have it, and stays gone until one of its
-- name is collected anew; one that was merely not collected is not gone.

WITH
  ranked AS (
    SELECT
      s.*,
      ROW_NUMBER() OVER (
        PARTITION BY s.project_id, s.location, s.cluster
        ORDER BY s.snapshot_time DESC, s.attempt DESC, s.snapshot_id DESC
      ) AS newest
    FROM ${dataset}.snapshots AS s
  ),
  whole_lists AS (
    SELECT c.project_id, c.snapshot_time, c.listed_clusters
    FROM ${dataset}.collections AS c
    JOIN ${dataset}.committed_runs AS r ON r.snapshot_id = c.snapshot_id
    WHERE c.cluster IS NULL AND c.resource = 'clusters' AND c.outcome = 'ok'
  ),
  gone AS (
    SELECT DISTINCT ranked.snapshot_id
    FROM ranked
    JOIN whole_lists AS l ON l.project_id = ranked.project_id AND l.snapshot_time > ranked.snapshot_time
    WHERE ranked.newest = 1 AND CONCAT(ranked.location, '/', ranked.cluster) NOT IN UNNEST(l.listed_clusters)
  )
SELECT
  ranked.* EXCEPT (newest),
  DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), ranked.snapshot_time, MICROSECOND), 1000000) AS age_seconds
FROM ranked
LEFT JOIN gone ON gone.snapshot_id = ranked.snapshot_id
WHERE ranked.newest = 1 AND gone.snapshot_id IS NULL
