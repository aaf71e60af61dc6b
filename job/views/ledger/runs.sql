-- Which runs are committed, and how did they go?
-- One row for each task: its last committed attempt. Where tasks_committed is less than task_count, the other tasks are
-- still running, or have failed for good.
-- Scans what committed_attempts scans.
--
-- SELECT run_id, MIN(started_at) AS started_at, SUM(objects) AS objects FROM runs GROUP BY run_id
--
-- * EXCEPT (superseded) FROM committed_attempts

SELECT * EXCEPT (superseded)
FROM ${dataset}.committed_attempts
WHERE NOT superseded
