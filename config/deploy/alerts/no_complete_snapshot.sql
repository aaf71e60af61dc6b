-- Fails if a cluster has had no complete snapshot for 24 hours, or if no run was committed in that time.

WITH
  complete AS (
    SELECT DISTINCT project_id, location, cluster
    FROM `${PROJECT}.${DATASET}.snapshots`
    WHERE status = 'complete' AND snapshot_time > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 24 HOUR)
  ),
  overdue AS (
    SELECT CONCAT(n.project_id, '/', n.location, '/', n.cluster) AS name
    FROM `${PROJECT}.${DATASET}.latest_snapshots` AS n
    LEFT JOIN complete AS c
      ON c.project_id = n.project_id AND c.location = n.location AND c.cluster = n.cluster
    WHERE c.cluster IS NULL
    UNION ALL
    SELECT '(no run)' AS name
    FROM (
      SELECT COUNT(*) AS runs
      FROM `${PROJECT}.${DATASET}.runs`
      WHERE snapshot_time > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 24 HOUR)
    )
    WHERE runs = 0
  ),
  named AS (
    SELECT name FROM overdue ORDER BY name LIMIT 20
  )
SELECT
  CASE
    WHEN COUNT(*) = 0 THEN 'every cluster has a complete snapshot of the last 24 hours'
    ELSE ERROR(
      CONCAT(
        'no complete snapshot for 24 hours: ', CAST((SELECT COUNT(*) FROM overdue) AS STRING), ' of them: ',
        STRING_AGG(name, '; ' ORDER BY name)
      )
    )
  END AS message
FROM named
