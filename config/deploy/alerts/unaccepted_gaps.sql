-- Fails if the newest run has gaps beyond `fail_on`. The message names what could not be read, even if it never could.

WITH
  gaps AS (
    SELECT
      CONCAT(
        project_id, IF(cluster IS NULL, '', CONCAT('/', location, '/', cluster)), ' ', resource, ' (', outcome, ', ',
        IF(read_at IS NULL, 'never read', CONCAT('last read ', CAST(read_at AS STRING))), ')'
      ) AS name
    FROM `${PROJECT}.${DATASET}.coverage`
    WHERE status IN ('stale', 'never_read', 'partial')
  ),
  named AS (
    SELECT name FROM gaps ORDER BY name LIMIT 20
  )
SELECT
  CASE
    WHEN (SELECT COUNT(*) FROM `${PROJECT}.${DATASET}.latest_runs` WHERE NOT acceptable) = 0
      THEN 'the gaps of the newest run, if any, are within fail_on'
    ELSE ERROR(
      CONCAT(
        'the newest run is not acceptable: ', CAST((SELECT COUNT(*) FROM gaps) AS STRING),
        ' lists could not be read: ', COALESCE(STRING_AGG(name, '; ' ORDER BY name), '-')
      )
    )
  END AS message
FROM named
