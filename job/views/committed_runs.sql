-- Which runs count? Those whose snapshots are there, and those that found no cluster to take one of.
-- A run that was killed before its last step has a row in runs, but not here, also where its attempt was repeated under
-- the same number.

SELECT r.*
FROM ${dataset}.runs AS r
WHERE
  r.clusters = 0
  OR EXISTS (
    SELECT 1
    FROM ${dataset}.snapshots AS s
    WHERE
      s.run_id = r.run_id
      AND s.task_index = r.task_index
      AND s.attempt = r.attempt
      AND s.snapshot_time = r.snapshot_time
  )
