-- Which configuration did each run have, since when is it in use, and when did it run before?
-- One row for each run. Runs of one job share the digest of their configuration until it is changed.
-- Scans what runs scans.
--
-- SELECT config_digest, COUNT(*) AS runs, MAX(run_time) AS last_time FROM configurations GROUP BY config_digest
--
-- run_id, config_digest FROM runs
-- run_time TIMESTAMP: When the run's first task began.
-- first_time TIMESTAMP: When the first run of this configuration began.
-- previous_time TIMESTAMP: When the run of this configuration before this one began. NULL for the first.

SELECT
  run_id,
  config_digest,
  run_time,
  MIN(run_time) OVER (PARTITION BY config_digest) AS first_time,
  LAG(run_time) OVER (PARTITION BY config_digest ORDER BY run_time, run_id) AS previous_time
FROM (
  SELECT run_id, MIN(config_digest) AS config_digest, MIN(snapshot_time) AS run_time
  FROM ${dataset}.runs
  GROUP BY run_id
)
