-- Fails if nothing of a cluster was read for 24 hours, or from its first day on, or if no run was committed in that time.

WITH
  clusters AS (
    SELECT project_id, location, cluster, MAX(read_at) AS read_at
    FROM `${PROJECT}.${DATASET}.coverage`
    WHERE cluster IS NOT NULL AND status <> 'off'
    GROUP BY project_id, location, cluster
  ),
  -- NULL for a cluster that was listed and never collected
  found AS (
    SELECT project_id, location, cluster, MIN(snapshot_time) AS found_at
    FROM `${PROJECT}.${DATASET}.snapshots`
    GROUP BY project_id, location, cluster
  ),
  unread AS (
    SELECT
      CONCAT(
        c.project_id, '/', c.location, '/', c.cluster, ' (',
        IF(c.read_at IS NULL, 'never read', CONCAT('last read ', CAST(c.read_at AS STRING))), ')'
      ) AS name
    FROM clusters AS c
    LEFT JOIN found AS f
      ON f.project_id = c.project_id AND f.location = c.location AND f.cluster = c.cluster
    WHERE
      COALESCE(c.read_at, f.found_at) IS NULL
      OR COALESCE(c.read_at, f.found_at) < TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 24 HOUR)
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
    SELECT name FROM unread ORDER BY name LIMIT 20
  )
SELECT
  CASE
    WHEN COUNT(*) = 0 THEN 'something of every cluster was read in the last 24 hours'
    ELSE ERROR(
      CONCAT(
        'nothing read for 24 hours: ', CAST((SELECT COUNT(*) FROM unread) AS STRING), ' of them: ',
        STRING_AGG(name, '; ' ORDER BY name)
      )
    )
  END AS message
FROM named
