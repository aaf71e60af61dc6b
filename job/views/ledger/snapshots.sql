-- Which snapshots are committed?
-- One row for each cluster of each committed attempt.
-- Scans raw_snapshots, over all time.
--
-- SELECT cluster, snapshot_time, status, reason FROM snapshots WHERE status <> 'complete'
--
-- * FROM raw_snapshots

SELECT *
FROM ${dataset}.raw_snapshots
WHERE ${known}
