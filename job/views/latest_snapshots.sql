-- Which snapshot is the newest of each cluster that still exists, and how old is it?
-- A cluster is gone when a later list of all of its project's clusters did not have it; one that was merely not
-- collected is not gone.

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
    SELECT
      c.project_id,
      c.snapshot_time,
      c.listed_clusters,
      ROW_NUMBER() OVER (PARTITION BY c.project_id ORDER BY c.snapshot_time DESC, c.snapshot_id DESC) AS newest
    FROM ${dataset}.collections AS c
    JOIN ${dataset}.committed_runs AS r ON r.snapshot_id = c.snapshot_id
    WHERE c.cluster IS NULL AND c.resource = 'clusters' AND c.outcome = 'ok'
  ),
  still_listed AS (
    SELECT l.project_id, existing
    FROM whole_lists AS l
    CROSS JOIN UNNEST(l.listed_clusters) AS existing
    WHERE l.newest = 1
  )
SELECT
  ranked.* EXCEPT (newest),
  DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), ranked.snapshot_time, MICROSECOND), 1000000) AS age_seconds
FROM ranked
LEFT JOIN whole_lists AS l ON l.project_id = ranked.project_id AND l.newest = 1
LEFT JOIN still_listed AS e
  ON e.project_id = ranked.project_id AND e.existing = CONCAT(ranked.location, '/', ranked.cluster)
WHERE
  ranked.newest = 1
  AND (l.project_id IS NULL OR l.snapshot_time <= ranked.snapshot_time OR e.existing IS NOT NULL)
