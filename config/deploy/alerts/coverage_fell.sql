-- Fails if anything that was read before cannot be read now. The message names the clusters and kinds, and the outcome.

WITH
  lost AS (
    SELECT
      CONCAT(
        project_id, IF(cluster IS NULL, '', CONCAT('/', location, '/', cluster)), ' ', resource, ' (', outcome,
        ', last read ', CAST(read_snapshot_time AS STRING), ')'
      ) AS name
    FROM `${PROJECT}.${DATASET}.coverage`
    WHERE status = 'stale'
  ),
  named AS (
    SELECT name FROM lost ORDER BY name LIMIT 20
  )
SELECT
  CASE
    WHEN COUNT(*) = 0 THEN 'everything that was read before can still be read'
    ELSE ERROR(
      CONCAT(
        'coverage fell: ', CAST((SELECT COUNT(*) FROM lost) AS STRING),
        ' lists that were read before cannot be read now: ', STRING_AGG(name, '; ' ORDER BY name)
      )
    )
  END AS message
FROM named
