-- Which runs count? One row for each task, of its last attempt that was committed. Where tasks_committed is less than
-- task_count, tasks are still at work, or have failed for good.
-- Scans what committed_attempts scans.
--
-- SELECT run_id, MIN(started_at) AS started_at, SUM(objects) AS objects FROM committed_runs GROUP BY run_id

SELECT * EXCEPT (superseded)
FROM ${dataset}.committed_attempts
WHERE NOT superseded
